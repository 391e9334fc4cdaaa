"""Moments of dask arrays and data frames, computed partition by partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyrometer.base import validate
from pyrometer.data import Moments
from pyrometer.data.readers import select

__all__ = ["moments"]


def moments(
    X: Any,
    y: Any = None,
    *,
    target: str | None = None,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    intercept: bool = True,
) -> Moments:
    """Accumulate the moments of a dask array or data frame on its workers.

    Each partition is reduced to moments on its worker, and moments are merged pairwise; only moments are transferred.

    Parameters
    ----------
    X : dask array, shape (m, p), or dask data frame
        Features, finite, real; or a frame that includes the target.
    y : dask array, shape (m,), optional
        Targets, if `X` is an array.
    target : str, optional
        Column of the target, if `X` is a frame.
    columns, drop : sequence of str
        Feature columns of a frame, as in `Moments.scan`.
    intercept : bool
        Whether models of these data have an intercept.

    Returns
    -------
    Moments
        Moments of all rows. Their bits depend on the partitions, not on the scheduler.

    Raises
    ------
    ImportError
        If dask is not installed.
    TypeError, ValueError
        If arguments are inconsistent, a column does not exist, or values are not finite real numbers; the message names
        the partition.

    Notes
    -----
    Runs on the current client (``dask.distributed.Client(address)``), else on the default scheduler of dask. The core
    uses one thread in each task. Workers need the same version of pyrometer.

    `sweep` (temperatures of many systems) and `sample_energies` (random states of one) run on the workers with
    ``executor=client.get_executor()``.

    Examples
    --------
    >>> import numpy as np
    >>> import dask.array as da
    >>> import pyrometer as pm
    >>> X = np.arange(12.0).reshape(6, 2)
    >>> whole = pm.interop.dask.moments(da.from_array(X, chunks=(2, 2)), da.from_array(X.sum(axis=1), chunks=2))
    >>> whole.rows, whole.mean
    (6, array([ 5.,  6., 11.]))
    """
    dask = _dask()
    intercept = validate.flag("intercept", intercept)
    made = dask.delayed(_moments, pure=False)
    if hasattr(X, "partitions") and hasattr(X, "columns"):
        if target is None or y is not None:
            raise TypeError("with a data frame, target= must be given and y must not: give its name as target=.")
        names = select("the frame", [str(name) for name in X.columns], target, columns, drop)
        parts = X[[*names, target]].to_delayed()
        pieces = [made(k, part, names, target, intercept) for k, part in enumerate(parts)]
    else:
        if y is None or target is not None:
            raise TypeError("with an array, y must be given and target= must not: give y as a dask array.")
        if getattr(X, "ndim", 0) != 2 or getattr(y, "ndim", 0) != 1 or not hasattr(X, "to_delayed"):
            raise ValueError(
                f"X and y must be dask arrays of shape (rows, features) and (rows,), got {X!r:.80} and {y!r:.80}."
            )
        X = X.rechunk({1: -1}) if X.numblocks[1] > 1 else X
        if X.numblocks[0] != y.numblocks[0] or (X.chunks[0] != y.chunks[0] and X.shape[0] == y.shape[0]):
            y = y.rechunk((X.chunks[0],))
        blocks = zip(X.to_delayed().ravel(), y.to_delayed().ravel(), strict=True)
        pieces = [made(k, pair, None, None, intercept) for k, pair in enumerate(blocks)]
    merged = dask.delayed(_merged, pure=False)
    while len(pieces) > 1:
        pairs = [merged(*pieces[k : k + 2]) for k in range(0, len(pieces) - 1, 2)]
        pieces = pairs + pieces[2 * len(pairs) :]
    total: Moments | None = dask.compute(*pieces)[0] if pieces else None
    if total is None:
        raise ValueError("X must have at least one row, got none.")
    return total


def _moments(number: int, part: Any, names: list[str] | None, target: str | None, intercept: bool) -> Moments | None:
    """Return the moments of one partition; None if it has no rows."""
    X, y = part if names is None else (part[names], part[target])
    if not len(y):
        return None
    try:
        return Moments.of(X, y, intercept=intercept, threads=1)
    except (TypeError, ValueError) as error:
        raise type(error)(f"partition {number}: {error}") from error


def _merged(a: Moments | None, b: Moments | None) -> Moments | None:
    return a + b if a is not None and b is not None else a if b is None else b


def _dask() -> Any:
    try:
        import dask
    except ImportError as error:
        raise ImportError("pyrometer.interop.dask needs dask: pip install 'pyrometer[dask]'.", name="dask") from error
    return dask
