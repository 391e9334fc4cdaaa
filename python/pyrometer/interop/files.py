"""Features and a target from CSV, Parquet and Arrow files."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pyrometer import _validate

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FileData", "read_data"]

_ARROW = (".arrow", ".feather", ".ipc")
_PARQUET = (".parquet", ".pq")
# Columns become rows in blocks that stay in the cache.
_BLOCK = 8192


@dataclass(frozen=True, eq=False)
class FileData:
    """What a file held.

    Attributes
    ----------
    X : ndarray, shape (m, p)
        Features; float64, or float32 where all columns are.
    y : ndarray, shape (m,)
        Target.
    names : tuple of str
        Names of the p features.
    target : str
        Name of the target.
    source : str
        The path, or "standard input".

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> pm.interop.FileData(np.ones((3, 1)), np.zeros(3), ("a",), "y", "rows.csv").target
    'y'
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    names: tuple[str, ...]
    target: str
    source: str


def read_data(
    path: str | os.PathLike[str],
    *,
    target: str,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
) -> FileData:
    r"""Read features and a target from a file.

    Parameters
    ----------
    path : str or path
        A CSV file with a header (a suffix such as ``.gz`` says that it is compressed), Parquet (``.parquet``, ``.pq``)
        or Arrow IPC (``.arrow``, ``.feather``, ``.ipc``); of another suffix the first bytes decide. "-" is CSV on
        standard input.
    target : str
        Column of the target.
    columns : sequence of str, optional
        Columns of the features, in this order. Default: all but the target.
    drop : sequence of str
        Columns that are no features.

    Returns
    -------
    FileData
        Numbers; bools count as 0 and 1.

    Raises
    ------
    ValueError
        If the file cannot be understood or has no rows, a column does not exist, is not numeric, or has missing values.
        The message names it.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pyrometer as pm
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "rows.csv")
    >>> _ = path.write_text("a,b,price\n1,2,3\n4,5,6\n")
    >>> data = pm.interop.read_data(path, target="price", drop=["b"])
    >>> data.names, data.X.tolist(), data.y.tolist()
    (('a',), [[1.0], [4.0]], [3.0, 6.0])
    >>> folder.cleanup()
    """
    import pyarrow as pa

    name = _validate.as_path(path)
    source = "standard input" if name == "-" else name
    if name != "-" and os.path.isdir(name):
        raise IsADirectoryError(21, "is a directory", name)
    try:
        held, read = _open(name)
        features = _select(source, held, target, columns, drop)
        table = read([*features, target])
    except (pa.ArrowException, OSError) as error:
        # An error of the operating system has a number and says it better.
        if getattr(error, "errno", None) is not None:
            raise
        raise ValueError(f"{source} cannot be read: {' '.join(str(error).split())}") from error
    if table.num_rows == 0:
        raise ValueError(f"{source} must have at least one row of data, got none.")
    arrays = [_numbers(source, column, table[column]) for column in (*features, target)]
    single = all(array.dtype == np.float32 for array in arrays)
    X = np.empty((table.num_rows, len(features)), dtype=np.float32 if single else np.float64)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for j, array in enumerate(arrays[:-1]):
            X[rows, j] = array[rows]
    return FileData(X, arrays[-1].astype(X.dtype), tuple(features), target, source)


def _open(name: str) -> tuple[list[str], Callable[[list[str]], pa.Table]]:
    """Return the names of a file's columns and a function that reads some of them."""
    kind = _kind(name)
    if kind == "parquet":
        from pyarrow import parquet

        file = parquet.ParquetFile(name)
        return file.schema_arrow.names, lambda columns: file.read(columns=columns)
    if kind == "arrow":
        from pyarrow import feather

        whole = feather.read_table(name)
        return whole.column_names, whole.select
    from pyarrow import csv

    if name == "-":
        table = csv.read_csv(_standard_input())
    elif os.path.isfile(name):
        table = csv.read_csv(name, parse_options=csv.ParseOptions(delimiter="\t" if ".tsv" in name.lower() else ","))
    else:
        # A named pipe has no size and cannot be rewound; a file that is not there says so here.
        with open(name, "rb") as pipe:
            table = csv.read_csv(pipe)
    return table.column_names, table.select


def _standard_input() -> BinaryIO:
    """Return the bytes of standard input."""
    return sys.stdin.buffer


def _kind(name: str) -> str:
    """Return "csv", "parquet" or "arrow"."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in _PARQUET:
        return "parquet"
    if suffix in _ARROW:
        return "arrow"
    if os.path.isfile(name) and suffix != ".csv":
        with open(name, "rb") as file:
            magic = file.read(6)
        if magic[:4] == b"PAR1":
            return "parquet"
        if magic in (b"ARROW1", b"FEA1"):
            return "arrow"
    return "csv"


def _select(source: str, held: list[str], target: str, columns: Sequence[str] | None, drop: Sequence[str]) -> list[str]:
    """Return the names of the features; every name that is asked for must exist, once."""
    for name in (target, *(columns or ()), *drop):
        if name not in held:
            close = difflib.get_close_matches(name, held, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {_listed(held)}."
            raise ValueError(f"{source} has no column {name!r}; {hint}")
    features = [name for name in (held if columns is None else columns) if name not in drop]
    if columns is not None and target in features:
        raise ValueError(f"the target {target!r} must not be among the features; leave it out of the columns.")
    features = [name for name in features if name != target]
    for name in (*features, target):
        if held.count(name) > 1 or features.count(name) > 1:
            raise ValueError(f"column {name!r} must be there once, got it more than once; rename or drop it.")
    if not features:
        raise ValueError(f"{source} must have at least one feature beside the target {target!r}, got none.")
    return features


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:12]))
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _numbers(source: str, name: str, column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return a column as an array of finite numbers, or say what it is and what to do."""
    import pyarrow as pa

    remedy = f"; leave it out (drop, --drop {name}) or say which to use (columns, --columns)."
    missing = column.null_count
    kind = column.type
    if missing:
        first = column.is_null().index(True).as_py()
        raise ValueError(
            f"{source}: column {name!r} must have no missing values, got {missing}, the first in row {first + 1}; "
            f"fill them{remedy}"
        )
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(
            f"{source}: column {name!r} must be numeric, got {kind} (first value {column[0].as_py()!r}); "
            f"encode it{remedy}"
        )
    array: npt.NDArray[Any] = column.to_numpy()
    if pa.types.is_floating(kind) and not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        row = int(np.argmax(bad))
        raise ValueError(
            f"{source}: column {name!r} must be finite, got {int(bad.sum())} values that are not, the first "
            f"{array[row]} in row {row + 1}; fill them{remedy}"
        )
    return array
