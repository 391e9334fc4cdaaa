"""Features and a target from CSV, Parquet and Arrow files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from pyrometer.base import ByValue, validate
from pyrometer.data.readers import open_rows

__all__ = ["FileData", "read_data"]


@dataclass(frozen=True, eq=False)
class FileData(ByValue):
    """Features and a target read from a file.

    Attributes
    ----------
    X : ndarray, shape (m, p)
        Features; float32 if all columns are, else float64.
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
    labels: tuple[Any, Any] | bool = False,
) -> FileData:
    r"""Read features and a target from a file.

    Parameters
    ----------
    path : str or path
        A CSV file with a header (compressed if the suffix is ``.gz`` or similar), Parquet (``.parquet``, ``.pq``) or
        Arrow IPC (``.arrow``, ``.feather``, ``.ipc``); with another suffix the format is detected from the first bytes.
        A folder or a glob pattern of such files, read in order of their names. A named pipe of CSV; "-" is CSV on
        standard input.
    target : str
        Column of the target.
    columns : sequence of str, optional
        Columns of the features, in this order. Default: all but the target.
    drop : sequence of str
        Columns to exclude from the features.
    labels : tuple or bool
        The two labels of the target, the negative first, which become 0 and 1, e.g. ``("benign", "malignant")``; True
        to check that they are 0 and 1; False for a numeric target.

    Returns
    -------
    FileData
        Arrays of numbers; bools become 0 and 1.

    Raises
    ------
    ValueError
        If a file cannot be parsed, there are no rows, a column does not exist, is not numeric, or has missing or
        infinite values or other labels. The message names it.
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
    if not isinstance(labels, bool):
        labels = validate.label_pair(labels)
    rows = open_rows(validate.as_path(path), target=target, columns=columns, drop=drop, labels=labels)
    X, y = rows.whole()
    return FileData(X, y, rows.names, rows.target, rows.source)
