"""Features and a target from CSV, Parquet and Arrow files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue, ClassCodes, validate
from pyrometer.data.readers import open_rows
from pyrometer.datasets import standardize as standardized

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
    weights : ndarray, shape (m,), or None
        Weights of the rows, if a column was read for them.

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
    weights: npt.NDArray[np.float64] | None = None


def read_data(
    path: str | os.PathLike[str],
    *,
    target: str,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    labels: tuple[Any, Any] | bool | ClassCodes = False,
    standardize: bool = False,
    weights: str | None = None,
    **csv: Any,
) -> FileData:
    r"""Read features and a target from a file.

    Parameters
    ----------
    path : str or path
        A file of CSV with a header (``.csv``, ``.tsv``, ``.txt``; also compressed by gzip, bzip2, lz4 or zstd), Parquet
        (``.parquet``, ``.pq``) or Arrow IPC, files and streams (``.arrow``, ``.arrows``, ``.feather``, ``.ipc``); with
        another suffix the format is detected from the first bytes. A folder or a glob pattern of such files, read in
        order of their names. A named pipe of CSV; "-" is CSV on standard input.
    target : str
        Column of the target.
    columns : sequence of str, optional
        Columns of the features, in this order. Default: all but the target and, in Parquet and Arrow files, the index
        of a data frame.
    drop : sequence of str
        Columns to exclude from the features.
    labels : tuple or bool
        The two labels of the target, the negative first, which become 0 and 1, e.g. ``("benign", "malignant")``; True
        to check that they are 0 and 1; False for a numeric target.
    standardize : bool
        Whether features are returned in units of their standard deviations, as of `datasets.standardize`.
    weights : str, optional
        Column of the weights of the rows, finite and >= 0, which is not a feature. Rows of weight 0 may hold nan.
    **csv
        Options of CSV. ``sep``: character between columns; default a tab for ``.tsv``, else a comma. ``decimal``:
        decimal mark; default ".". ``thousands``: character between groups of three digits; default none.
        ``encoding``: encoding of the text, as Python names it; default "utf-8". ``comment``: text with which lines to
        leave out begin; default none. ``skip``: lines before the header, not counting comments; default 0.

    Returns
    -------
    FileData
        Arrays of numbers; bools become 0 and 1.

    Raises
    ------
    ValueError
        If a file cannot be parsed, there are no rows, a column does not exist, has no name, is not numeric, has missing
        or infinite values, other labels, or numbers whose digits doubles cannot hold: integers that no double
        equals, and decimals that rounding changes by more than 1e-12 of the range of the column, in CSV below 2**53
        only among the first 64 kB. The message names file, column and row.
    OSError
        If the file cannot be opened.

    Warns
    -----
    IndexColumnWarning
        If the index of a data frame is left out.

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
    if not isinstance(labels, (bool, ClassCodes)):
        labels = validate.label_pair(labels)
    standardize = validate.flag("standardize", standardize)
    rows = open_rows(
        validate.as_path(path), target=target, columns=columns, drop=drop, labels=labels, weights=weights, **csv
    )
    X, y, by_row = rows.whole()
    if standardize:
        X, y = standardized(X, names=rows.names, weights=by_row), y.astype(np.float64, copy=False)
    return FileData(X, y, rows.names, rows.target, rows.source, by_row)
