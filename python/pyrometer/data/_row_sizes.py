"""Rows that are far larger than others, such as fill values: rounding hides whether columns depend without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array

__all__ = ["dependence_hidden", "hidden", "rank_is_above", "rank_of", "smallest_of_pass", "typical_sizes"]

# Mean squares of typical rows below this share of the column's leave too few digits of a dependence.
_HIDDEN = 1e-10
_TYPICAL = 20  # one of so many values of a column, other than 0, is at most of typical size
_SAMPLED = 1 << 12  # rows of which typical sizes are computed
_FEW = 1 << 8  # rows of which medians are
_BLOCK = 1 << 12  # rows that are eliminated at a time
_MOST = 1e8  # numbers that are eliminated: about a second
_SUBTRACTED = 1e-15  # error of values other than 0, in units of typical ones, as where a mean was subtracted
_FAR = 1e-140  # scales of values of other sizes leave the range of doubles
_CHANCE, _LARGE = 1e-15, 1e-4  # shares of a column's mean square: values below the first are rare unless rows differ
_TOGETHER = 1 << 18  # numbers that are compared at a time
_CLEAR = 8.0  # in units of its error bound, of a value that is not 0


def typical_sizes(X: npt.NDArray[Any]) -> tuple[Array, Array]:
    """Return a center of each column of X (m, p), and the distance within which a twentieth of its other values are.

    The center is 0 or the median, whichever has the smaller distance; the distance in a column of zeros is 1.
    """
    centers, scales = np.zeros(X.shape[1]), np.ones(X.shape[1])
    for j, column in enumerate(X[:: len(X) // _SAMPLED + 1].T):
        values = (column if column.any() else X[:, j]).astype(np.float64)
        candidates = []
        for center in (0.0, float(_median(values))):
            distance = np.abs(values - center)
            distance = distance[distance > 0.0]
            if distance.size:
                at = len(distance) // _TYPICAL
                candidates.append((float(np.partition(distance, at)[at]), center))
        if candidates:
            scales[j], centers[j] = min(candidates)
    return centers, scales


def rank_is_above(X: npt.NDArray[Any], scales: Array, *, intercept: bool, above: int) -> bool:
    """Return whether the rank of X (m, p), with the constant feature if there is an intercept, may be above this.

    Unlike that of a factor of all rows, it does not depend on the sizes of rows and columns: elimination with bounds of
    the errors of all values. `scales` are those of `typical_sizes`. Time: about m p rank numbers, fewer if some rows
    suffice; where that is too long, nothing is computed, and the rank may be higher.
    """
    if float(X.size) * (above + 1) > _MOST:
        return True
    scales = np.maximum(scales, _FAR * np.maximum(X.max(axis=0), -X.min(axis=0)))
    kept = np.empty((0, X.shape[1]), dtype=X.dtype)
    for first in range(0, len(X), _BLOCK):
        together = np.concatenate([kept, X[first : first + _BLOCK]])
        kept = together[_independent_rows(together, scales, intercept)]
        if len(kept) > above:
            return True
    return False


@np.errstate(all="ignore")
def _independent_rows(X: npt.NDArray[Any], scales: Array, intercept: bool) -> list[int]:
    """Return the numbers of rows of X that are certainly independent, as many as can be."""
    rows, unit = X / scales, float(np.finfo(np.float64).eps)
    error = unit * np.abs(rows) + _SUBTRACTED * (rows != 0.0)
    if intercept:
        rows, error = (np.column_stack([array, np.full(len(X), one)]) for array, one in ((rows, 1.0), (error, unit)))
    largest = np.abs(rows).max(axis=1, keepdims=True)
    size = np.where(largest > 0.0, largest, 1.0)
    rows, error = rows / size, error / size
    chosen: list[int] = []
    while True:
        # Errors of a row with a pivot are added to the others: the pivot is large relative to the largest of them.
        certain = np.abs(rows) > _CLEAR * error
        if not certain.any():
            return chosen
        strength = np.where(certain, np.abs(rows) / error.max(axis=1, keepdims=True), 0.0)
        i, j = np.unravel_index(int(strength.argmax()), rows.shape)
        chosen.append(int(i))
        pivot, own, of_own = rows[i, j], rows[i].copy(), error[i].copy()
        factor = rows[:, j] / pivot
        of_factor = (error[:, j] + np.abs(factor) * of_own[j]) / abs(pivot)
        change = np.outer(factor, own)
        error += np.outer(np.abs(factor), of_own) + np.outer(of_factor, np.abs(own))
        rows -= change
        error += unit * (np.abs(change) + np.abs(rows))
        for array in (rows, error):
            array[i], array[:, j] = 0.0, 0.0


@np.errstate(over="ignore", under="ignore")
def smallest_of_pass(
    X: npt.NDArray[Any],
    weights: Array | None,
    count: float,
    mean: Array,
    scatter: Array,
    ranks: npt.NDArray[np.int64],
) -> Array | None:
    """Return mean squares of the smallest rows of each column, (s, p + 1), where the largest hide their independence.

    None where columns are independent, or dependent in rows of all sizes. X (s, m, p); ranks (s,) of centred columns.
    Negative where the small rows are too few to be independent themselves: sums with others hide these rows. Rows of
    weights (s, m) that differ by 1e10 are of different sizes, those of the roots of weights.
    Cost: of systems whose columns are dependent, passes over some 10^3 rows; where these differ by 1e5 in size,
    `rank_is_above`.
    """
    m, p = X.shape[1:]
    result = _few_small(X, count, scatter, ranks)
    for k in np.flatnonzero(ranks < min(p, m - 1)):
        squares = scatter[k].diagonal() / count
        lightest = 1.0 if weights is None else float(weights[k].min() / weights[k].max())
        if lightest >= _HIDDEN and not (_least(X[k]) ** 2 < _HIDDEN * squares[:-1]).any():
            continue
        scales = typical_sizes(X[k])[1]
        least = np.minimum(squares[:-1] * lightest, scales**2)
        if not _may_be_rounding(count, mean[k], scatter[k], np.append(least < _HIDDEN * squares[:-1], False)):
            continue
        if rank_is_above(X[k], scales, intercept=True, above=int(ranks[k]) + 1):
            result = np.diagonal(scatter, axis1=-2, axis2=-1) / count if result is None else result
            result[k, :-1] = least
    return result


def _few_small(X: npt.NDArray[Any], count: float, scatter: Array, ranks: npt.NDArray[np.int64]) -> Array | None:
    """Return minus the least squares of columns (s, p + 1) in which a few rows, p at most, are far below all others.

    Mean squares of the other columns; None if there is no such column.
    """
    m, p = X.shape[1:]
    dependent = np.flatnonzero(ranks < p) if m <= _SAMPLED else ranks[:0]
    result = None
    at_once = max(1, _TOGETHER // (m * p))
    for first in range(0, len(dependent), at_once):
        at = dependent[first : first + at_once]
        squares = np.square(X[at], dtype=np.float64)
        whole = np.diagonal(scatter[at], axis1=-2, axis2=-1)[:, None, :-1] / count
        small = squares < _CHANCE * whole
        if not small.any():
            continue
        number = (small & (squares > 0.0)).sum(axis=1)
        few = (number > 0) & (number <= p) & (small | (squares >= _LARGE * whole)).all(axis=1)
        if few.any():
            result = np.diagonal(scatter, axis1=-2, axis2=-1) / count if result is None else result
            least = np.where(squares > 0.0, squares, np.inf).min(axis=1)
            result[at, :-1] = np.where(few, -least, result[at, :-1])
    return result


def _median(X: npt.NDArray[Any]) -> Any:
    """Return about the median of each column: a value that occurs."""
    few = np.sort(X[:: len(X) // _FEW + 1], axis=0)
    return few[len(few) // 2]


def _least(X: npt.NDArray[Any]) -> Array:
    """Return the least of the sizes that `typical_sizes` compares, (p,)."""
    sample = X[:: len(X) // _SAMPLED + 1]
    size = np.abs([sample, sample - _median(sample)])
    size[size == 0.0] = np.inf
    least: Array = size.min(axis=(0, 1)).astype(np.float64)
    # A column of zeros may have others that were not sampled.
    least[np.isinf(least)] = 0.0
    return least


def rank_of(count: float, mean: Array, scatter: Array) -> npt.NDArray[np.int64]:
    """Return the ranks of the centred columns."""
    rank: npt.NDArray[np.int64] = _core.least_squares(count, mean, scatter, True, 0.0, False, 1, None)[-1]
    return rank


def hidden(count: float, scatter: Array, smallest: Array) -> npt.NDArray[np.bool_] | None:
    """Return in which columns the rounding of the largest rows hides others, (..., p + 1); None for none."""
    squares = np.diagonal(scatter, axis1=-2, axis2=-1)
    rounded: npt.NDArray[np.bool_] = (smallest >= 0.0) & (smallest * count < _HIDDEN * squares)
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
    scatter, result = moments.scatter.reshape(-1, columns, columns), np.zeros(len(rounded), dtype=bool)
    for k in np.flatnonzero(rounded.any(axis=1)):
        result[k] = _may_be_rounding(moments.count, mean[k], scatter[k], rounded[k])
    return result if result.any() else None
