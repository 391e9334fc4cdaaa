"""Rows that are far larger than others, such as fill values: second moments have no digits left for the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array

__all__ = ["dependence_hidden", "hidden", "rank_of", "row_sizes", "rows_of_one_size", "smallest_of_pass"]

_FAR = 1e-8  # ratio of magnitudes that separates groups of rows
_ROUNDING = 1e-18  # relative to a column's magnitudes: their rounding errors are larger
_SAMPLED = 1000  # rows of which medians are computed
# Mean squares of the smallest rows below this share of the column's leave too few digits of a dependence.
_HIDDEN = 1e-10
_CELLS = 1 << 15  # numbers at a time, in cache
_FEW = 32  # rows whose minima numpy finds fast
_SHARES = (0.0, 0.05, 0.1, 0.25, 0.5)  # of the nonzero values of a column, whose sizes may be typical
_NOISE = 3e-16  # values of this share of their median may be rounding errors, where a mean was subtracted: ...
_CENTRED = 1e-10  # ... it is at most this share of the root mean square


@np.errstate(over="ignore", under="ignore")
def row_sizes(X: npt.NDArray[Any]) -> tuple[Array, Array]:
    """Return how many times larger than others each row of X (m, p) is, 1 for most, and scales of columns, (p,)."""
    sizes, scales = np.ones(len(X)), np.ones(X.shape[1])
    middles = np.median(X[:: max(1, len(X) // _SAMPLED)].astype(np.float64), axis=0)
    for j, middle in enumerate(middles):
        column = X[:, j].astype(np.float64)
        scales[j] = np.abs(column).max() or 1.0
        for distance in (np.abs(column), np.abs(column - middle))[: 1 if middle == 0.0 else 2]:
            typical = _typical(distance)
            far = _FAR * distance > typical
            if far.any():
                sizes[far] = np.maximum(sizes[far], distance[far] / typical)
                scales[j] = min(scales[j], typical)
    return sizes, scales


def _typical(distance: Array) -> float:
    """Return the largest magnitude of the smallest group, ignoring a group of a few that may be rounding errors."""
    positive = distance[distance > 0.0]
    largest, few = float(positive.max(initial=0.0)), len(positive) // 4
    while True:
        positive = positive[positive <= _FAR * largest]
        most = float(positive.max(initial=0.0))
        if most == 0.0 or (len(positive) <= few and most > _ROUNDING * largest):
            return largest
        largest = most


@np.errstate(over="ignore", under="ignore")
def rows_of_one_size(X: npt.NDArray[Any], scales: Array, *, intercept: bool) -> Array:
    """Return rows of one size, with the constant feature as a column: they have the same rank, without rounding."""
    rows = X / np.maximum(scales, 1e-280 * np.abs(X).max(axis=0))
    if intercept:
        rows = np.column_stack([rows, np.ones(len(X))])
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled: Array = rows / np.where(largest > 0.0, largest, 1.0)
    return scaled


@np.errstate(over="ignore", under="ignore")
def smallest_of_pass(
    X: npt.NDArray[Any], count: float, mean: Array, scatter: Array, ranks: npt.NDArray[np.int64]
) -> Array | None:
    """Return mean squares of the smallest rows of each column, (s, p + 1), where the largest hide their independence.

    None where columns are independent, or dependent in rows of all sizes. X (s, m, p); ranks (s,) of centred columns.
    Cost: of systems whose columns are dependent, a pass over the rows; where values of dependent columns differ by 1e5,
    some ten passes, and a copy of the rows in memory.
    """
    m, p = X.shape[1:]
    result = None
    for k in np.flatnonzero(ranks < min(p, m - 1)):
        squares = scatter[k].diagonal() / count
        rounded = _least(X[k]) ** 2 < _HIDDEN * squares[:-1]
        if not rounded.any() or not _may_be_rounding(count, mean[k], scatter[k], np.append(rounded, False)):
            continue
        centred = np.abs(mean[k]) <= _CENTRED * np.sqrt(squares)
        smallest = _smallest_rows(X[k], squares[:-1], centred[:-1], ranks[k])
        if smallest is not None:
            result = np.diagonal(scatter, axis1=-2, axis2=-1) / count if result is None else result
            result[k, :-1] = np.minimum(result[k, :-1], smallest)
    return result


def _least(X: npt.NDArray[Any]) -> Array:
    """Return the least magnitude of each column (p,) other than 0; 0 of a column of zeros."""
    # The bits of a number without its sign increase with its size; less 1, those of 0 are the largest.
    unsigned = np.dtype(f"u{X.itemsize}")
    bits, one, step = X.view(unsigned), unsigned.type(1), max(1, _CELLS // X.shape[1])
    parts = []
    for first in range(0, len(X), step):
        size = bits[first : first + step] << one
        size -= one
        while len(size) > _FEW:
            half = len(size) // 2
            np.minimum(size[:half], size[-half:], out=size[:half])
            size = size[:-half]
        parts.append(size.min(axis=0))
    least: Array = ((np.min(parts, axis=0) + one) >> one).view(X.dtype).astype(np.float64)
    return least


def _smallest_rows(
    X: npt.NDArray[Any], squares: Array, centred: npt.NDArray[np.bool_], rank: np.int64
) -> Array | None:
    """Return squares of sizes, (p,), at which rows of X have a higher rank than that of their moments."""
    for scales in np.transpose([_sizes(column, small) for column, small in zip(X.T, centred, strict=True)]):
        if not (scales**2 < _HIDDEN * squares).any():
            return None
        rows = rows_of_one_size(X, scales, intercept=True)
        mean, scatter, *_ = _core.second_moments(rows[None], np.zeros((1, len(rows))), 1)
        # The constant feature is a column of these rows, and counts.
        if rank_of(len(rows), mean, scatter, intercept=False)[0] - 1 > rank:
            return scales**2
    return None


def _sizes(column: npt.NDArray[Any], centred: np.bool_) -> list[float]:
    """Return magnitudes of a column (m,) that are typical of rows of one size, in increasing order; 1 of zeros."""
    size = np.abs(column[column != 0.0].astype(np.float64))
    if size.size == 0:
        return [1.0] * len(_SHARES)
    if centred:  # the rounding errors of its mean are no rows of another size
        size = size[size > _NOISE * np.median(size)]
    places = [min(int(share * len(size)), len(size) - 1) for share in _SHARES]
    result: list[float] = np.partition(size, places)[places].tolist()
    return result


def rank_of(count: float, mean: Array, scatter: Array, *, intercept: bool = True) -> npt.NDArray[np.int64]:
    """Return the ranks of the columns, centred if there is an intercept."""
    rank: npt.NDArray[np.int64] = _core.least_squares(count, mean, scatter, intercept, 0.0, False, 1, None)[-1]
    return rank


def hidden(count: float, scatter: Array, smallest: Array) -> npt.NDArray[np.bool_] | None:
    """Return in which columns the rounding of the largest rows hides others, (..., p + 1); None for none."""
    rounded: npt.NDArray[np.bool_] = smallest * count < _HIDDEN * np.diagonal(scatter, axis1=-2, axis2=-1)
    return rounded if rounded.any() else None


def _may_be_rounding(count: float, mean: Array, scatter: Array, rounded: npt.NDArray[np.bool_]) -> bool:
    """Return whether the rank falls short by more with the `rounded` columns, (p + 1,), than without them."""
    if not rounded[:-1].any():
        return False
    at = np.append(np.flatnonzero(~rounded[:-1]), len(rounded) - 1)
    part = np.ascontiguousarray(scatter[np.ix_(at, at)])
    others = rank_of(count, mean[at][None], part[None])[0] if len(at) > 1 else 0
    return bool(rank_of(count, mean[None], scatter[None])[0] - others < rounded[:-1].sum())


def dependence_hidden(moments: Any) -> npt.NDArray[np.bool_] | None:
    """Return for which systems, of the flattened stack, columns may be dependent only because of rounding.

    None if there is no such system.
    """
    rounded = moments.hidden()
    if rounded is None:
        return None
    columns = moments.mean.shape[-1]
    rounded, mean = rounded.reshape(-1, columns), moments.mean.reshape(-1, columns)
    systems = zip(mean, moments.scatter.reshape(-1, columns, columns), rounded, strict=True)
    result = np.array([_may_be_rounding(moments.count, *system) for system in systems], dtype=bool)
    return result if result.any() else None
