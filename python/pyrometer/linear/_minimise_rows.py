"""Minima of losses that need the rows: in memory, or by passes over files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import number_of
from pyrometer.data import Scanned
from pyrometer.errors import PrecisionWarning
from pyrometer.linear._closed_form import Array
from pyrometer.linear._decimals import RowMinima, RowSystems, decided
from pyrometer.linear._minima import ENOUGH_DIGITS, ROUNDED_WEIGHTS, Lowest, of_rows, unclosed
from pyrometer.linear._moderate import moderated
from pyrometer.results import Minimum

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["ABSOLUTE", "LOGISTIC", "SOFTMAX"]

_Rows: TypeAlias = npt.NDArray[Any]
# Ratios of mean absolute residual and target: below the first the residuals are rounding, below the second their last
# digits are.
_EXACT_FIT, _CLOSE_FIT = 1e-12, 1e-5


@dataclass(frozen=True)
class RowMinimiser:
    """How a loss is minimised: by the core where the rows are in memory, else by passes over them."""

    method: str
    in_memory: Callable[[Any, _Rows, _Rows, int, Array, Array | None], RowMinima]
    """Of a system, X (s, m, p), y (s, m), threads and weights; error bounds are written to the array."""
    out_of_core: Callable[[Any, Scanned], Lowest]
    below: Callable[[Array, _Rows, float], npt.NDArray[np.bool_]]
    """Whether energies are at most a share of the mean size of the targets, given the terms of that mean."""

    def __call__(self, system: LinearSystem, threads: int) -> tuple[Minimum, Warning | None]:
        """Return the minimum, and a warning if there is one."""
        scanned = system.scanned
        if scanned is None:
            return self._of_rows(system, *system.stacked_rows(), system.stacked_weights(), threads)
        if scanned.complete:
            return self._of_rows(system, scanned.X[None], scanned.y[None], scanned.sample_weights(), threads)
        return self._of_passes(system, scanned)

    def _of_rows(
        self, system: LinearSystem, X: _Rows, y: _Rows, weights: Array | None, threads: int
    ) -> tuple[Minimum, Warning | None]:
        error = np.empty((len(X), system.parameters))
        value, parameters, gap, attained, rank = self.in_memory(system, X, y, threads, error, weights)
        if weights is not None:
            gap = gap + ROUNDED_WEIGHTS * value
        minimum, complaint = of_rows(system.shape, value, parameters, gap, attained, rank, self.method, error)
        digits = np.asarray(minimum.digits).reshape(-1)
        lost = np.flatnonzero(digits < ENOUGH_DIGITS)
        if lost.size:
            terms = _terms(y[lost], None if weights is None else weights[lost])
            lost = lost[~self.below(value[lost] + gap[lost], terms, _EXACT_FIT)]
        if complaint is None and lost.size:
            worst = lost[np.argmin(digits[lost])]
            terms = _terms(y[[worst]], None if weights is None else weights[[worst]])
            small = self.below(value[[worst]] + gap[[worst]], terms, _CLOSE_FIT)[0]
            own = None if weights is None else weights[worst]
            complaint = unclosed(digits[lost], gap[lost], X[worst], system.intercept, own, small=bool(small))
        return minimum, complaint

    def _of_passes(self, system: LinearSystem, scanned: Scanned) -> tuple[Minimum, Warning | None]:
        value, parameters, gap, attained, rank, error = self.out_of_core(system, scanned)
        solved = (np.array([value]), parameters, np.array([gap]), np.array([attained]), np.array([rank]))
        minimum, complaint = of_rows(system.shape, *solved, self.method, error)
        # Targets are not in memory: their root mean square stands for their mean size.
        sizes = np.sqrt(scanned.moments.target_square()).reshape(1, 1)
        exact = self.below(solved[0] + solved[2], sizes, _EXACT_FIT).any()
        if complaint is None and minimum.digits < ENOUGH_DIGITS and not exact:
            complaint = PrecisionWarning(
                f"The minimum energy has {number_of(int(minimum.digits), 'certain digit')}, of 16: the passes over "
                f"{scanned.rows.source} ended with a gap of {gap:.2g}."
            )
        return minimum, complaint


def _absolute(system: Any, X: _Rows, y: _Rows, threads: int, error: Array, weights: Array | None) -> RowMinima:
    value, parameters, gap, rank = _core.least_absolute(X, y, system.intercept, threads, error, weights)
    for k in np.flatnonzero(gap >= value):  # rounding leaves no bound: parameters 0 may have less energy
        middle, energy = _of_zero(y[k], system.intercept, None if weights is None else weights[k])
        if energy < value[k]:
            value[k] = gap[k] = energy
            parameters[k], error[k] = 0.0, np.inf
            if system.intercept:
                parameters[k, -1] = middle
    return value, parameters, gap, np.ones(len(value), dtype=bool), rank


def _by_newton(systems: RowSystems) -> RowMinima:
    return moderated(systems, decided(systems))


def _of_zero(y: _Rows, intercept: bool, weights: Array | None) -> tuple[float, float]:
    """Return the intercept, a median or 0, and the energy of parameters 0; infinity beyond the range of doubles."""
    unit = int(np.frexp(np.abs(y).max(initial=0.0))[1])
    scaled = np.ldexp(y.astype(np.float64), -unit)  # sums and differences do not overflow
    middle = _median(scaled, weights) if intercept else 0.0
    energy = np.average(np.abs(scaled - middle), weights=weights)
    with np.errstate(over="ignore"):
        return float(np.ldexp(middle, unit)), float(np.ldexp(energy, unit))


def _median(y: Array, weights: Array | None) -> float:
    """Return a median: half of the weight is at or below it, and half at or above."""
    if weights is None:
        return float(np.median(y))
    order = np.argsort(y)
    sums = np.cumsum(weights[order])
    return float(y[order[np.searchsorted(sums, 0.5 * sums[-1])]])


def _logistic(system: Any, X: _Rows, y: _Rows, threads: int, error: Array, weights: Array | None) -> RowMinima:
    def solve(X: _Rows, y: _Rows, error: Array, weights: Array | None) -> RowMinima:
        return _core.logistic(X, y, system.intercept, threads, error, weights)[:5]

    return _by_newton(RowSystems(solve, X, y, system.intercept, error, weights))


def _softmax(system: Any, X: _Rows, y: _Rows, threads: int, error: Array, weights: Array | None) -> RowMinima:
    if system.classes > 2:

        def solve(X: _Rows, y: _Rows, error: Array, weights: Array | None) -> RowMinima:
            return _core.softmax(X, y, system.classes, system.intercept, threads, weights, error)[:5]

        return _by_newton(RowSystems(solve, X, y, system.intercept, error, weights))
    # Logistic regression, with half of its parameters for each class.
    one = np.empty((len(X), system.columns))
    value, parameters, gap, attained, rank = _logistic(system, X, y, threads, one, weights)
    error[:] = np.concatenate([0.5 * one, 0.5 * one], axis=-1)
    return value, np.concatenate([-0.5 * parameters, 0.5 * parameters], axis=-1), gap, attained, rank


# Passes over files are imported when there are files, not by the first regression.
def _absolute_of_passes(system: Any, scanned: Scanned) -> Lowest:
    from pyrometer.linear import _absolute_out_of_core

    return Lowest(*_absolute_out_of_core.lowest(scanned, system.intercept))


def _logistic_of_passes(system: Any, scanned: Scanned) -> Lowest:
    from pyrometer.linear import _cross_entropy_out_of_core

    return _cross_entropy_out_of_core.binary(scanned, system.intercept)


def _softmax_of_passes(system: Any, scanned: Scanned) -> Lowest:
    from pyrometer.linear import _cross_entropy_out_of_core

    return _cross_entropy_out_of_core.of_classes(scanned, system.intercept, system.classes)


def _terms(y: _Rows, weights: Array | None) -> _Rows:
    """Return the terms of the mean target, whose sum does not overflow."""
    terms: _Rows = y / y.shape[-1]
    return terms if weights is None else terms * weights


def _below(energy: Array, terms: _Rows, share: float) -> npt.NDArray[np.bool_]:
    """Compare mean absolute residuals with the mean absolute target, the sum of these terms."""
    return np.asarray(energy <= share * np.abs(terms).sum(axis=-1))


def _never(energy: Array, terms: _Rows, share: float) -> npt.NDArray[np.bool_]:
    """Return False: labels have no scale to which a cross entropy could be compared."""
    del terms, share
    return np.zeros(energy.shape, dtype=bool)


ABSOLUTE = RowMinimiser("simplex", _absolute, _absolute_of_passes, _below)
LOGISTIC = RowMinimiser("newton", _logistic, _logistic_of_passes, _never)
SOFTMAX = RowMinimiser("newton", _softmax, _softmax_of_passes, _never)
