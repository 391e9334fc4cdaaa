"""Arrays, tensors, data frames and columns of any library, as NumPy arrays of real numbers."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base._described import require_array_like, require_dense
from pyrometer.base._printable import listed, quoted

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["column_of", "matrix_of", "numeric", "target_of", "values_of"]


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
                f"{name} must be convertible to a NumPy array of numbers, got a {kind} ({error}); convert it "
                "first, e.g. with .detach().float()."
            ) from error
    if array.dtype.kind == "c":
        raise TypeError(
            f"{name} must be real, got complex numbers ({array.dtype}); use the real part if that is meant."
        )
    if array.dtype.kind in "US":
        first = next((word for word in array.flat if not _is_number(word)), None)
        remedy = f"convert them, np.asarray({name}, dtype=float)" if first is None else "encode them as numbers"
        raise TypeError(f"{name} must be numeric, got strings, such as {quoted(str(array.flat[0]))}; {remedy}.")
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be numeric, got an array of {array.dtype}; convert it first, e.g. with astype(float)."
        )
    return array


def matrix_of(name: str, value: Any) -> tuple[npt.NDArray[Any], tuple[str, ...] | None]:
    """Return the array of a matrix or data frame, and the frame's column names."""
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
    columns = [values_of(name, column) for column in frame.iter_columns()]
    stacked = np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))
    return stacked, tuple(map(str, frame.columns))


def _is_number(word: Any) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def target_of(value: Any) -> tuple[npt.NDArray[Any], str | None]:
    """Return the array of a target, and its column's name if it has one."""
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


def values_of(name: str, series: nw.Series[Any]) -> npt.NDArray[Any]:
    """Return one column of a frame as numbers; TypeError or ValueError, with its name, for text or missing values."""
    import narwhals as nw

    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        raise TypeError(
            f"{name} must be numeric, got column {quoted(str(series.name))} of type {series.dtype}; drop or encode it."
        )
    nulls = int(series.null_count())
    if nulls:
        raise ValueError(
            f"{name} must have no missing values, got {nulls} in column {quoted(str(series.name))}; drop or fill them."
        )
    return numeric(f"{name} (column {quoted(str(series.name))})", series.to_numpy())


def _view(value: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any] | nw.Series[Any] | None:
    """View a data frame or column of any library through narwhals; None for anything else."""
    # narwhals is slow to import: arrays and lists do without.
    if isinstance(value, (np.ndarray, np.generic, list, tuple, numbers.Number)):
        return None
    import narwhals as nw

    try:
        view = nw.from_native(value, pass_through=True, allow_series=True)
        if isinstance(view, nw.DataFrame):
            _ = view.columns
    except nw.exceptions.DuplicateError as error:
        names = [str(column) for column in value.columns]
        twice = sorted({column for column in names if names.count(column) > 1})
        raise ValueError(
            f"the columns of a data frame must have different names, got {listed(twice)} more than once; rename or "
            "drop them."
        ) from error
    return view if isinstance(view, (nw.DataFrame, nw.LazyFrame, nw.Series)) else None
