"""Arrays, tensors, data frames and columns of any library, as NumPy arrays of real numbers."""

from __future__ import annotations

import numbers
import sys
from collections import Counter
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base._decimals import are_decimals, doubles, is_beyond, nearest_double, written
from pyrometer.base._described import described, require_array_like, require_dense, with_article
from pyrometer.base._exact import first_inexact
from pyrometer.base._printable import listed, plain, quoted

if TYPE_CHECKING:
    import narwhals as nw

__all__ = [
    "column_of",
    "frame_of",
    "is_decimal",
    "labels_of",
    "matrix_of",
    "null_count",
    "numeric",
    "require_known_to_arrow",
    "taken",
    "target_of",
    "values_of",
]

# Rows of a column of decimals that are objects of Python at one time.
_DECIMALS = 2**16


def numeric(name: str, value: Any) -> npt.NDArray[Any]:
    """Return `value` as an array of real numbers, not yet of a fixed dtype; TypeError if it is not one."""
    require_array_like(name, value)
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise ValueError(
                f"{name} must have no masked values, got {int(value.mask.sum())}; fill or drop them first."
            )
        value = value.data
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        try:
            array = np.from_dlpack(value)
        except (BufferError, RuntimeError) as error:
            raise TypeError(f"{name} must be in CPU memory: {error}; move it there first.") from error
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} must be a regular array of numbers, got rows of different lengths.") from error
        except (TypeError, RuntimeError) as error:  # raised by tensors
            kind = f"{type(value).__name__} of {getattr(value, 'dtype', 'unknown type')}"
            raise TypeError(
                f"{name} must be convertible to a NumPy array of numbers, got {with_article(kind)} ({error}); convert "
                "it first, e.g. with .detach().float()."
            ) from error
    if array.dtype.kind == "O" and are_decimals(array.flat):
        return _of_decimals(name, array)
    if array.dtype.kind == "O" and not array.ndim and array.item() is value:  # nothing that NumPy can read
        remedy = f"{name}.collect()" if hasattr(value, "collect") else "an array of numbers"
        raise TypeError(f"{name} must be numeric, got {described(value)}; pass {remedy}.")
    _require_numbers(name, array)
    _require_exact(name, array, value)
    return array


def _require_numbers(name: str, array: npt.NDArray[Any]) -> None:
    """Raise TypeError for an array of another type than real numbers, with advice."""
    if array.dtype.kind == "c":
        raise TypeError(
            f"{name} must be real, got complex numbers ({array.dtype}); use the real part if that is meant."
        )
    if array.dtype.kind in "US":
        first = next((word for word in array.flat if not _is_number(word)), None)
        remedy = f"convert them, np.asarray({name}, dtype=float)" if first is None else "encode them as numbers"
        raise TypeError(f"{name} must be numeric, got strings, such as {quoted(str(array.flat[0]))}; {remedy}.")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numeric, got an array of {array.dtype}; {_conversion(name, array)}")


def _of_decimals(name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return decimals as the nearest doubles; ValueError for digits that these cannot hold."""
    columns = np.moveaxis(array, -2, -1) if array.ndim > 1 else array
    result = np.empty(columns.shape)
    for place in np.ndindex(columns.shape[:-1]):
        column = np.atleast_1d(columns[place])
        result[place], lost = doubles([column.tolist()]) if array.ndim else (nearest_double(array.item()), -1)
        if lost >= 0:
            where = f"row {lost}" + (f", column {place[-1]}" if place else "")
            raise _lost_digits(name, column[lost], where)
    return np.ascontiguousarray(np.moveaxis(result, -1, -2)) if array.ndim > 1 else result


def _lost_digits(name: str, value: Any, where: str) -> ValueError:
    if is_beyond(value):
        return ValueError(
            f"{name} must have numbers below 1.8e308 in size, got {written(value)} at {where}; divide the column by a "
            "unit first."
        )
    return ValueError(
        f"{name} must have numbers that doubles can hold, got {plain(written(value))} at {where}; {_rounding(name)}."
    )


def _rounding(name: str) -> str:
    """Return what to do with numbers that doubles cannot hold; weights have no offset, as their ratios matter."""
    accepted = "accept the rounding with astype(float)"
    return accepted if name == "weights" else f"subtract an offset first, such as the smallest value, or {accepted}"


def _are_floats(value: Any) -> TypeGuard[npt.NDArray[Any]]:
    """Whether a value is an array that `numeric` returns as it is."""
    return type(value) is np.ndarray and value.dtype.kind == "f"


def _conversion(name: str, array: npt.NDArray[Any]) -> str:
    """Return advice on how to convert an array to numbers without loss of digits."""
    if array.dtype.kind in "mM":
        unit = "" if array.dtype.kind == "m" else "subtract a date, and "
        return f"{unit}divide by a unit, such as np.timedelta64(1, 's')."
    if name != "weights" and array.dtype.kind == "O" and all(isinstance(v, numbers.Integral) for v in array.flat):
        small = all(-(2**63) <= value < 2**63 for value in array.flat)
        return (
            "convert it with astype(np.int64)."
            if small
            else "subtract an offset, and convert it with astype(np.int64)."
        )
    return "convert it first, e.g. with astype(float)."


def _require_exact(name: str, array: npt.NDArray[Any], value: Any) -> None:
    """Raise ValueError for integers that doubles cannot hold, also if NumPy has rounded them in lists with floats."""
    first = first_inexact(array)
    if first is not None:
        integer = int(array.flat[first])
    elif isinstance(value, (list, tuple)) and array.dtype.kind == "f" and (np.abs(array) >= 2.0**53).any():
        integers = np.asarray(value, dtype=object)
        rounded = [
            isinstance(one, numbers.Integral) and int(other) != one if np.isfinite(other) else False
            for one, other in zip(integers.flat, array.flat, strict=True)
        ]
        if True not in rounded:
            return
        first = rounded.index(True)
        integer = int(integers.flat[first])
    else:
        return
    where = np.unravel_index(first, array.shape)
    place = (
        ""
        if not array.ndim
        else f" at row {where[0]}"
        if array.ndim == 1
        else f" at row {where[-2]}, column {where[-1]}"
    )
    raise ValueError(
        f"{name} must have integers that doubles can hold, which is all up to 2**53, got {integer}{place}; "
        f"{_rounding(name.partition(' ')[0])}."
    )


def matrix_of(name: str, value: Any) -> tuple[npt.NDArray[Any], tuple[str, ...] | None]:
    """Return the array of a matrix or data frame, and the frame's column names."""
    if _are_floats(value):
        return value, None
    require_dense(name, value)
    view = _view(value)
    if view is None:
        return numeric(name, value), None
    import narwhals as nw

    if isinstance(view, nw.Series):
        raise ValueError(
            f"{name} must have shape (rows, features), got a single column {quoted(str(view.name))}; use a data frame."
        )
    frame = view.collect() if isinstance(view, nw.LazyFrame) else view
    _require_named(name, frame.columns)
    words = [column for column in frame.iter_columns() if not _is_numeric(column)]
    if len(words) > 1:
        every = listed([str(column.name) for column in words])
        raise TypeError(f"{name} must be numeric, got other columns, {every}; drop or encode them.")
    columns = [values_of(name, column) for column in frame.iter_columns()]
    joined = _joined(columns) if columns else np.empty((len(frame), 0))
    return joined, tuple(map(str, frame.columns))


def _joined(columns: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return columns as a matrix (m, p): a view where they are those of one array, by rows or by columns, in order."""
    first, (m, p) = columns[0], (len(columns[0]), len(columns))
    starts = [column.__array_interface__["data"][0] for column in columns]
    size = first.itemsize
    apart = starts[1] - starts[0] if p > 1 else m * size
    if (
        (first.strides[0], apart) in ((size, m * size), (p * size, size))
        and starts == [starts[0] + j * apart for j in range(p)]
        and all((column.dtype, column.strides) == (first.dtype, first.strides) for column in columns)
        and all(_owner(column) is _owner(first) for column in columns)
    ):
        return np.lib.stride_tricks.as_strided(first, (m, p), (first.strides[0], apart), writeable=False)
    return np.stack(columns).T


def _owner(array: npt.NDArray[Any]) -> Any:
    """Return the object whose memory an array views."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    return owner


def _is_number(word: Any) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def target_of(value: Any) -> tuple[npt.NDArray[Any], str | None]:
    """Return the array of a target, and its column's name if it has one."""
    if _are_floats(value):
        return value, None
    require_dense("y", value)
    view = _view(value)
    if view is None:
        return numeric("y", value), None
    import narwhals as nw

    view = view.collect() if isinstance(view, nw.LazyFrame) else view
    if isinstance(view, nw.DataFrame) and len(view.columns) == 1:
        view = view[view.columns[0]]
    if not isinstance(view, nw.Series):
        raise ValueError("y must be a single column, got a data frame; select the target's column.")
    return values_of("y", view), (str(view.name) if view.name else None)


def column_of(value: Any) -> nw.Series[Any] | None:
    """View a column of any data-frame library through narwhals; None for anything else."""
    view = _view(value)
    if view is None:
        return None
    import narwhals as nw

    if isinstance(view, (nw.DataFrame, nw.LazyFrame)):
        frame = view.collect() if isinstance(view, nw.LazyFrame) else view
        return frame[frame.columns[0]] if len(frame.columns) == 1 else None
    return view


def frame_of(name: str, value: Any) -> nw.DataFrame[Any] | None:
    """View a data frame of any library through narwhals, in memory; None for anything else."""
    view = _view(value)
    if view is None:
        return None
    import narwhals as nw

    frame = view.collect() if isinstance(view, nw.LazyFrame) else view
    if not isinstance(frame, nw.DataFrame):
        return None
    _require_named(name, frame.columns)
    return frame


def taken(value: Any, rows: npt.NDArray[np.intp] | None, axis: int) -> Any:
    """Return the data with these rows, (m,) or (..., m), in the places of all; as it is if they cannot be taken.

    `axis` is that of the rows: -2 of features, -1 of targets.
    """
    if rows is None:
        return value
    if isinstance(value, (list, tuple)):
        return _taken_of_list(value, rows, axis)
    if isinstance(value, np.ndarray):
        if value.ndim < -axis or value.shape[axis] != rows.shape[-1]:
            return value
        if rows.ndim == 1:
            return value[..., rows] if axis == -1 else value[..., rows, :]
        index = rows if axis == -1 else rows[..., None]
        return np.take_along_axis(value, index, axis) if value.ndim == index.ndim else value
    view = _view(value) if rows.ndim == 1 else None
    frame: Any = view.collect() if view is not None and hasattr(view, "collect") else view
    return value if frame is None or len(frame) != len(rows) else frame[rows.tolist()].to_native()


def _taken_of_list(value: Any, rows: npt.NDArray[np.intp], axis: int) -> Any:
    """Return `taken` of a list: of words or numbers, of rows, or of whatever becomes an array of numbers."""
    if axis == -1 and rows.ndim == 1 and len(value) == len(rows) and not any(map(_is_sequence, value)):
        return [value[row] for row in rows]
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return value
    return taken(array, rows, axis) if array.dtype.kind in "fiub" else value


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def labels_of(value: Any) -> npt.NDArray[Any]:
    """Return labels as they are, as objects where NumPy has no such type."""
    column = column_of(value)
    if column is None:
        return np.asarray(value)
    return np.array(column.to_list(), dtype=object) if column.dtype in _wide() else np.asarray(column.to_numpy())


def require_known_to_arrow(value: Any) -> None:
    """Raise ValueError for columns of a data frame whose integers of 128 bits no other library can read."""
    frame = frame_of("rows", value)
    if frame is None:
        return
    import narwhals as nw

    wide = [column for column in frame.iter_columns() if column.dtype in (nw.Int128, nw.UInt128)]
    if wide:
        raise ValueError(
            f"column {quoted(str(wide[0].name))} must be of a type of Arrow, got {wide[0].dtype}; {_encoding(wide[0])}."
        )


def values_of(name: str, series: nw.Series[Any]) -> npt.NDArray[Any]:
    """Return one column of a frame as numbers; TypeError or ValueError, with its name, for text or missing values."""
    if not _is_numeric(series):
        column = _named(series) or "a column"
        raise TypeError(f"{name} must be numeric, got {column} of type {series.dtype}; {_encoding(series, name)}.")
    floats = _finite_floats(series)
    if floats is not None:
        return floats
    nulls = null_count(name, series)
    if nulls:
        raise ValueError(f"{name} must have no missing values, got {nulls}{_named(series, ' in ')}; drop or fill them.")
    if not is_decimal(series):
        return numeric(f"{name}{_named(series, ' (', ')')}", series.to_numpy())
    values, lost = doubles(series[first : first + _DECIMALS].to_list() for first in range(0, len(series), _DECIMALS))
    if lost >= 0:
        raise _lost_digits(name, series[lost], f"row {lost}{_named(series, ', ')}")
    return values


def _named(series: nw.Series[Any], before: str = "", after: str = "") -> str:
    """Return "column" and the name of a column between these texts; nothing for one without a name."""
    return "" if series.name in (None, "") else f"{before}column {quoted(str(series.name))}{after}"


def _finite_floats(series: nw.Series[Any]) -> npt.NDArray[Any] | None:
    """Return a column of floats that the core finds to be finite, in a fourth of the time to count nulls; else None."""
    import narwhals as nw

    if series.dtype not in (nw.Float64, nw.Float32):
        return None
    array = series.to_numpy()
    plain = array.dtype in (np.float64, np.float32) and array.flags.c_contiguous and array.flags.aligned
    return array if plain and _core.first_bad(array, "finite", 1) < 0 else None


def _view(value: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any] | nw.Series[Any] | None:
    """View a data frame or column of any library through narwhals; None for anything else."""
    # narwhals is slow to import, and arrays and lists do not need it.
    if isinstance(value, (np.ndarray, np.generic, list, tuple, numbers.Number)):
        return None
    import narwhals as nw

    if (arrow := sys.modules.get("pyarrow")) is not None:
        value = _of_arrow(value, arrow)
    if (pandas := sys.modules.get("pandas")) is not None:
        value = _of_pandas(value, pandas, arrow)
    view = None
    try:
        view = nw.from_native(value, pass_through=True, allow_series=True)
        names = view.columns if isinstance(view, nw.DataFrame) else []
    except nw.exceptions.DuplicateError:
        names = getattr(value, "column_names", value.columns)
    if twice := sorted(name for name, number in Counter(map(str, names)).items() if number > 1):
        raise ValueError(
            f"the columns of a data frame must have different names, got {listed(twice)} more than once; rename or "
            "drop them."
        )
    return view if isinstance(view, (nw.DataFrame, nw.LazyFrame, nw.Series)) else None


def _of_arrow(value: Any, arrow: Any) -> Any:
    """Return a table for a batch of Arrow, and decimals of negative scale, 12e2, as whole numbers: narwhals' limits."""
    if isinstance(value, arrow.RecordBatch):
        value = arrow.Table.from_batches([value])
    if isinstance(value, arrow.ChunkedArray) and getattr(value.type, "scale", 0) < 0:
        return value.cast(_whole(value.type, arrow))
    if isinstance(value, arrow.Table) and any(getattr(kind, "scale", 0) < 0 for kind in value.schema.types):
        return arrow.table([_of_arrow(column, arrow) for column in value.columns], names=value.column_names)
    return value


def _of_pandas(value: Any, pandas: Any, arrow: Any) -> Any:
    """Return a frame or column of pandas in types that narwhals knows.

    Numbers of another byte order become native ones, decimals of negative scale of Arrow whole numbers.
    """

    def known(kind: Any) -> Any:
        if isinstance(kind, np.dtype):
            return kind.newbyteorder("=")
        wide = arrow is not None and isinstance(kind, getattr(pandas, "ArrowDtype", ()))
        if not wide or getattr(kind.pyarrow_dtype, "scale", 0) >= 0:
            return kind
        return pandas.ArrowDtype(_whole(kind.pyarrow_dtype, arrow))

    def converted(column: Any) -> Any:
        kind = known(column.dtype)
        return column if kind == column.dtype else column.astype(kind)

    if isinstance(value, pandas.Series):
        return converted(value)
    odd = isinstance(value, pandas.DataFrame) and any(known(kind) != kind for kind in value.dtypes)
    return value.apply(converted) if odd else value


def _whole(kind: Any, arrow: Any) -> Any:
    """Return the type of decimals that holds those of a negative scale as whole numbers."""
    return arrow.decimal256(min(76, kind.precision - kind.scale), 0)


def _is_numeric(series: nw.Series[Any]) -> bool:
    import narwhals as nw

    if series.dtype in _wide():
        return is_decimal(series)
    return series.dtype.is_numeric() or series.dtype == nw.Boolean or is_decimal(series)


def is_decimal(series: nw.Series[Any]) -> bool:
    """Whether a column is of decimals: of that type, or objects, numbers or missing, of which some are decimals."""
    import narwhals as nw

    if series.dtype in (nw.Object, nw.Unknown):  # the latter are decimals of 256 bits of Arrow
        return are_decimals(value for value in series.to_list() if not _is_missing(value))
    return series.dtype == nw.Decimal


def null_count(name: str, series: nw.Series[Any]) -> int:
    """Return the number of missing values; ValueError for a signalling nan, which data frames cannot compare."""
    try:
        return int(series.null_count())
    except InvalidOperation:
        where = _named(series, " in ")
        raise ValueError(f"{name} must be finite, got a signalling nan{where}; drop or fill it.") from None


def _is_missing(value: Any) -> bool:
    """Whether it is None, nan or NA of pandas, which compares with nothing."""
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and value != value)


def _require_named(name: str, columns: list[str]) -> None:
    """Raise ValueError for columns that pandas has named because they have no name in a file of CSV."""
    unnamed = [column for column in map(str, columns) if column.startswith("Unnamed: ") and column[9:10].isdigit()]
    if unnamed:
        raise ValueError(
            f"{name} has a column without a name ({listed(unnamed)}), such as the row numbers that data frames write "
            "to CSV; drop it, read the file with index_col=0, or give the column a name."
        )


def _encoding(series: nw.Series[Any], name: str = "") -> str:
    """Return advice on how to convert a column to doubles."""
    import narwhals as nw

    if series.dtype in _wide():
        return f"{'' if name == 'weights' else 'subtract an offset if the numbers are large, and '}cast it to float64"
    if series.dtype in (nw.Datetime, nw.Date, nw.Duration):
        return "drop it, or convert it to a number, such as the days since a date"
    return "drop or encode it"


def _wide() -> tuple[Any, ...]:
    """Return numeric types that NumPy does not have."""
    import narwhals as nw

    return (nw.Decimal, nw.Int128, nw.UInt128)
