"""Features and a target from CSV, Parquet and Arrow files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer import _validate
from pyrometer._sources import kind_of, numbers, require_finite, select, separator, standard_input, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FileData", "read_data"]

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
        features = select(source, held, target, columns, drop)
        table = read([*features, target])
    except (pa.ArrowException, OSError) as error:
        raise unreadable(source, error) from error
    if table.num_rows == 0:
        raise ValueError(f"{source} must have at least one row of data, got none.")
    arrays = [_finite(source, column, table[column]) for column in (*features, target)]
    single = all(array.dtype == np.float32 for array in arrays)
    X = np.empty((table.num_rows, len(features)), dtype=np.float32 if single else np.float64)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        for j, array in enumerate(arrays[:-1]):
            X[rows, j] = array[rows]
    return FileData(X, arrays[-1].astype(X.dtype), tuple(features), target, source)


def _open(name: str) -> tuple[list[str], Callable[[list[str]], pa.Table]]:
    """Return the names of a file's columns and a function that reads some of them."""
    kind = kind_of(name)
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
        table = csv.read_csv(standard_input())
    elif os.path.isfile(name):
        table = csv.read_csv(name, parse_options=csv.ParseOptions(delimiter=separator(name)))
    else:
        # A named pipe has no size and cannot be rewound; a file that is not there says so here.
        with open(name, "rb") as pipe:
            table = csv.read_csv(pipe)
    return table.column_names, table.select


def _finite(source: str, name: str, column: pa.ChunkedArray) -> npt.NDArray[Any]:
    array = numbers(source, name, column)
    if array.dtype.kind == "f":
        require_finite(source, name, array)
    return array
