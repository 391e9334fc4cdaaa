"""Rows that are far larger than others, such as fill values: second moments have no digits left for the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array

__all__ = ["dependence_hidden", "hidden", "row_sizes", "rows_of_one_size", "smallest_of_pass"]

_FAR = 1e-8  # ratio of magnitudes that separates groups of rows
_ROUNDING = 1e-18  # relative to a column's magnitudes: their rounding errors are larger
_SAMPLED = 1000  # rows of which medians are computed
# Mean squares of the smallest rows below this share of the column's leave too few digits of a dependence.
_HIDDEN = 1e-10
_SHARES = (0.0, 0.05, 0.1, 0.25, 0.5)  # of the nonzero values of a column, whose sizes may be typical
_NOISE = 3e-16  # values of this share of their median may be rounding errors
_MOST = 1 << 14  # rows that are compared


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


def smallest_of_pass(X: npt.NDArray[Any], count: float, scatter: Array, ranks: npt.NDArray[np.int64]) -> Array | None:
    """Return mean squares of the smallest rows of each column, (s, p + 1), where the largest hide their independence.

    None where columns are independent, or dependent in rows of all sizes. X (s, m, p); ranks (s,) of centred columns.
    Cost: passes over some 10^4 rows of those systems whose columns are dependent.
    """
    m, p = X.shape[1:]
    squares: Array = np.diagonal(scatter, axis1=-2, axis2=-1) / count
    result = None
    for k in np.flatnonzero(ranks < p):
        least = _smallest_rows(X[k, :: m // _MOST + 1], squares[k, :-1], ranks[k])
        if least is not None:
            result = squares.copy() if result is None else result
            result[k, :-1] = np.minimum(result[k, :-1], least)
    return result


@np.errstate(over="ignore", under="ignore")
def _smallest_rows(X: npt.NDArray[Any], squares: Array, rank: int) -> Array | None:
    """Return squares of sizes, (p,), at which rows of X have a higher rank than that of their moments."""
    size = np.sort(np.abs(X.astype(np.float64, order="F")), axis=0)
    columns = np.arange(size.shape[1])

    def at(share: float, first: npt.NDArray[np.int64]) -> Array:
        place = np.minimum(first + (share * (len(size) - first)).astype(int), len(size) - 1)
        values: Array = size[place, columns]
        return values

    first = (size <= _NOISE * at(0.5, (size == 0.0).sum(axis=0))).sum(axis=0)
    for share in _SHARES:
        scales = at(share, first)
        if not (scales**2 < _HIDDEN * squares).any():
            return None
        rows = rows_of_one_size(X, np.where(scales > 0.0, scales, 1.0), intercept=True)
        mean, scatter, *_ = _core.second_moments(rows[None], np.zeros((1, len(rows))), 1)
        # The constant feature is a column of these rows, and counts.
        if _rank(len(rows), mean, scatter, intercept=False)[0] - 1 > rank:
            return scales**2
    return None


def _rank(count: float, mean: Array, scatter: Array, *, intercept: bool = True) -> npt.NDArray[np.int64]:
    """Return the ranks of the columns, centred if there is an intercept."""
    rank: npt.NDArray[np.int64] = _core.least_squares(count, mean, scatter, intercept, 0.0, False, 1, None)[-1]
    return rank


def hidden(count: float, scatter: Array, smallest: Array) -> npt.NDArray[np.bool_] | None:
    """Return in which columns the rounding of the largest rows hides others, (..., p + 1); None for none."""
    rounded: npt.NDArray[np.bool_] = smallest * count < _HIDDEN * np.diagonal(scatter, axis1=-2, axis2=-1)
    return rounded if rounded.any() else None


def dependence_hidden(moments: Any) -> npt.NDArray[np.bool_] | None:
    """Return for which systems, of the flattened stack, columns may be dependent only because of rounding.

    That is, the rank falls short by more with the `hidden` columns than without them. None if there is no such system.
    """
    rounded = moments.hidden()
    if rounded is None:
        return None
    count, columns = moments.count, moments.mean.shape[-1]
    rounded, mean = rounded.reshape(-1, columns), moments.mean.reshape(-1, columns)
    scatter, result = moments.scatter.reshape(-1, columns, columns), np.zeros(len(rounded), dtype=bool)
    for k in np.flatnonzero(rounded[:, :-1].any(axis=1)):
        at = np.append(np.flatnonzero(~rounded[k, :-1]), columns - 1)
        part = np.ascontiguousarray(scatter[k][np.ix_(at, at)])
        others = _rank(count, mean[k, at][None], part[None])[0] if len(at) > 1 else 0
        result[k] = _rank(count, mean[k][None], scatter[k][None])[0] - others < rounded[k, :-1].sum()
    return result if result.any() else None
