"""Lassos of targets of extreme size, in another unit: a power of two, so that nothing is rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.linear._minima import Solved

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["TargetUnit"]

# Squares of parameters of targets within 2 to plus or minus this are doubles, whatever the columns.
_EXTREME = 64


class TargetUnit(NamedTuple):
    """The unit 2**exponent of targets: parameters and weights of the penalty are proportional to it, energies squares.

    Parameters of tiny targets of huge columns have squares that underflow, though energies do not.
    """

    exponent: int

    @classmethod
    def of(cls, system: LinearSystem) -> TargetUnit:
        """Return the size of the targets; 1 unless it is extreme."""
        most = float(np.max(system.known_moments().target_square(), initial=0.0))
        exponent = int(np.frexp(np.sqrt(most))[1])
        return cls(exponent if abs(exponent) > _EXTREME else 0)

    def less(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return targets or parameters in this unit."""
        return np.ldexp(array, -self.exponent) if self.exponent else array

    def weights(self, weights: Array) -> Array:
        """Return weights of the penalty in this unit; those above 0 remain so, and finite."""
        if not self.exponent:
            return weights
        limits = np.finfo(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            scaled = np.ldexp(weights, -self.exponent)
        clipped: Array = np.clip(scaled, np.where(weights > 0.0, limits.tiny, 0.0), limits.max)
        return clipped

    def last(self, array: Array, power: int = 1) -> Array:
        """Return an array (..., p + 1) whose last entries, of the target, are in this unit to a power."""
        if not self.exponent:
            return array
        scaled = array.copy()
        scaled[..., -1] = np.ldexp(scaled[..., -1], -power * self.exponent)
        return scaled

    def moments(self, mean: Array, scatter: Array) -> tuple[Array, Array]:
        """Return means (s, p + 1) and scatter (s, p + 1, p + 1) of targets in this unit."""
        scatter = self.last(scatter)
        if self.exponent:
            scatter[..., -1, :] = np.ldexp(scatter[..., -1, :], -self.exponent)
        return self.last(mean), scatter

    def lost(self, bounds: tuple[Array, Array] | None) -> tuple[Array, Array] | None:
        """Return bounds of the errors of these; those of the scatter are squares."""
        return None if bounds is None else (self.last(bounds[0]), self.last(bounds[1], 2))

    def restored(self, solved: tuple[npt.NDArray[Any], ...]) -> Solved:
        """Return minima in the unit of the data."""
        minima = Solved(*solved)
        if not self.exponent:
            return minima
        with np.errstate(over="ignore", under="ignore"):
            value, gap = (np.ldexp(array, 2 * self.exponent) for array in (minima.value, minima.gap))
            of_parameters = (minima.parameters, minima.parameter_error)
            parameters, error = (np.ldexp(array, self.exponent) for array in of_parameters)
        return minima._replace(value=value, gap=gap, parameters=parameters, parameter_error=error)
