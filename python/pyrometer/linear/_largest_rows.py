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
_LARGE = 1e6  # distance from the column's median, in units of the median distance, that makes a row huge
_SAMPLED = 1000  # rows of which medians are computed


def allow_for_largest_rows(
    system: LinearSystem,
    solved: Solved,
    penalties: Sequence[Penalty | None],
    lowest: Callable[[LinearSystem], Minimum],
    rank_of: Callable[[LinearSystem], int],
) -> PrecisionWarning | None:
    """Widen the gaps of minima whose columns have a higher rank without the huge rows, and return a warning.

    A sum of squares over some of the rows has a minimum that is no larger. Cost: nothing where columns are independent,
    else a pass over the rows, and where some are huge least squares of all rows (`rank_of`) and of the others.
    """
    if system.X is None:
        return None
    value, gap, relative, condition = (
        array.reshape(-1, len(penalties))
        for array in (solved.value, solved.gap, solved.relative_error, solved.condition)
    )
    error = solved.parameter_error.reshape(*value.shape, -1)
    warning = None
    for k in np.flatnonzero(np.isinf(condition).any(axis=1)):
        size = _sizes(system.stacked_rows()[0][k])
        kept = size <= _LARGE
        if kept.all() or not kept.any():
            continue
        every, rest = _Part(system, int(k), slice(None)), _Part(system, int(k), kept)
        if rank_of(rest.system(None)) <= rank_of(every.system(None)):
            continue
        for j, penalty in enumerate(penalties):
            missing = value[k, j] - rest.bound(lowest(rest.system(penalty)))
            if missing > gap[k, j]:
                gap[k, j], error[k, j] = missing, np.inf
                relative[k, j] = max(relative[k, j], missing / value[k, j])
                warning = _warning(float(digits_of(relative[k, j])), size)
    return warning


@np.errstate(over="ignore")  # an infinite size is huge
def _sizes(X: npt.NDArray[Any]) -> _Array:
    """Return the size of each row of X (m, p): the largest distance from a column's median, in median distances."""
    sample = X[:: max(1, len(X) // _SAMPLED)].astype(np.float64)
    sizes = np.zeros(len(X))
    for column, drawn in zip(X.T, sample.T, strict=True):
        middle = np.median(drawn)
        distances = np.abs(drawn - middle)
        if distances.any():
            np.maximum(sizes, np.abs(column - middle) / np.median(distances[distances > 0.0]), out=sizes)
    return sizes


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
        "the median, and columns that are independent without it are dependent within its rounding: correct the row or "
        "leave it out."
    )
