"""Squared errors whose columns are dependent only within the rounding of a few huge rows, such as fill values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.errors import PrecisionWarning
from pyrometer.linear._minima import Solved, digits_of
from pyrometer.linear._penalties import Penalty
from pyrometer.results import Minimum

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["allow_for_largest_rows"]

_Array: TypeAlias = npt.NDArray[np.float64]
_FAR = 1e-8  # ratio of magnitudes that separates groups of rows
_ROUNDING = 1e-18  # relative to a column's magnitudes: their rounding errors are larger
_SAMPLED = 1000  # rows of which medians are computed


def allow_for_largest_rows(
    system: LinearSystem,
    solved: Solved,
    penalties: Sequence[Penalty | None],
    lowest: Callable[[LinearSystem], Minimum],
    rank_of: Callable[[LinearSystem], int],
) -> PrecisionWarning | None:
    """Widen the gaps of minima whose columns have a higher rank once rows are rescaled, and return a warning.

    Rescaled rows have the same rank, without rounding. The minimum is at least that of a sum of squares over the rows
    that are not huge. Cost: nothing where columns are independent, else a pass over the rows, and where some are huge
    least squares of all rows, of the rescaled ones (`rank_of`) and of the others (`lowest`).
    """
    if system.X is None or not penalties:
        return None
    value, gap, relative, condition = (
        array.reshape(-1, len(penalties))
        for array in (solved.value, solved.gap, solved.relative_error, solved.condition)
    )
    error = solved.parameter_error.reshape(*value.shape, -1)
    warning = None
    for k in np.flatnonzero(np.isinf(condition).any(axis=1)):
        X = system.stacked_rows()[0][k]
        size, scales = _sizes(X)
        kept = size == 1.0
        if kept.all():
            continue
        every, rest = _Part(system, int(k), slice(None)), _Part(system, int(k), kept)
        if rank_of(_rescaled(system, X, scales)) - system.intercept <= rank_of(every.system(None)):
            continue
        for j, penalty in enumerate(penalties):
            missing = value[k, j] - (rest.bound(lowest(rest.system(penalty))) if kept.any() else 0.0)
            if missing > gap[k, j]:
                gap[k, j], error[k, j] = missing, np.inf
                relative[k, j] = max(relative[k, j], missing / value[k, j])
                warning = _warning(float(digits_of(relative[k, j])), size)
    return warning


@np.errstate(over="ignore", under="ignore")
def _sizes(X: npt.NDArray[Any]) -> tuple[_Array, _Array]:
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


def _typical(distance: _Array) -> float:
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
def _rescaled(system: LinearSystem, X: npt.NDArray[Any], scales: _Array) -> LinearSystem:
    """Return a system of rows of one size, with the constant feature as a column."""
    rows = X / np.maximum(scales, 1e-280 * np.abs(X).max(axis=0))
    if system.intercept:
        rows = np.column_stack([rows, np.ones(len(X))])
    largest = np.abs(rows).max(axis=1, keepdims=True)
    of: Any = type(system)
    made: LinearSystem = of(rows / np.where(largest > 0.0, largest, 1.0), np.zeros(len(X)), intercept=False)
    return made


class _Part:
    """Some rows of one system of a stack."""

    def __init__(self, system: LinearSystem, k: int, chosen: Any) -> None:
        X, y = system.stacked_rows()
        weights = system.stacked_weights()
        self._of: Any = type(system)
        self._rows = X[k][chosen], y[k][chosen]
        self._options = {"intercept": system.intercept, "weights": None if weights is None else weights[k][chosen]}
        of_rows = np.ones(len(y[k])) if weights is None else weights[k]
        self.share = float(of_rows[chosen].sum() / of_rows.sum())

    def system(self, penalty: Penalty | None) -> LinearSystem:
        """Return the system of these rows, with a penalty of the same weight beside the sum over all rows."""
        scaled = penalty and dataclasses.replace(penalty, lam=penalty.lam / self.share)
        made: LinearSystem = self._of(*self._rows, penalty=scaled, **self._options)
        return made

    def bound(self, minimum: Minimum) -> float:
        """Return what the minimum over all rows is at least, from the minimum over these."""
        uncertain = max(minimum.gap, minimum.value * 10.0**-minimum.digits)
        return self.share * max(0.0, float(minimum.value - uncertain))


def _warning(digits: float, size: _Array) -> PrecisionWarning:
    row = int(size.argmax())
    return PrecisionWarning(
        f"The minimum energy has {int(digits)} certain digits, of 16; row {row} is {size[row]:.1g} times as large as "
        "others, and columns that are independent without it are dependent within its rounding: correct the row or "
        "leave it out."
    )
