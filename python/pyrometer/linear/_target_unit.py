"""Squared errors of targets of extreme size, in another unit: a power of two, so that nothing is rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.linear._minima import Solved

if TYPE_CHECKING:
    from pyrometer.data import Moments
    from pyrometer.linear._base import LinearSystem

__all__ = ["TargetUnit"]

# Squares of parameters of targets within 2 to plus or minus this are doubles, whatever the columns.
_EXTREME = 64
# Sums of squares above, and these and means below, are of ordinary data.
_LEAST, _MOST = 2.0**-128, 2.0**128


class TargetUnit(NamedTuple):
    """The unit 2**exponent of targets: parameters and weights of the penalty are proportional to it, energies squares.

    Parameters of tiny targets of huge columns have squares that underflow, though energies do not.
    """

    exponent: int

    @classmethod
    def of(cls, system: LinearSystem) -> TargetUnit:
        """Return the size of the targets over the root of that of the columns; 1 unless it is extreme.

        Parameters are then as far from 1 as the columns are: the squares of both are in the range of a double.
        """
        moments = system.known_moments()
        if _ordinary(moments):
            return cls(0)
        most, squares = float(np.max(moments.target_square(), initial=0.0)), moments.mean_squares()
        columns = squares[squares > 0.0]
        extremes = np.frexp([most, columns.max(initial=1e-300), columns.min(initial=1e300)])[1]
        exponent = int(2 * extremes[0] - extremes[1:].sum() // 2) // 4
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

    @np.errstate(over="ignore")  # a bound that overflows is infinite: nothing is known
    def lost(self, bounds: tuple[Array, Array] | None) -> tuple[Array, Array] | None:
        """Return bounds of the errors of these; those of the scatter are squares."""
        return None if bounds is None else (self.last(bounds[0]), self.last(bounds[1], 2))

    def restored(self, solved: tuple[npt.NDArray[Any], ...]) -> Solved:
        """Return minima in the unit of the data."""
        minima = Solved(*solved)
        if not self.exponent:
            return minima
        value, lost = _scaled(minima.value, 2 * self.exponent)
        parameters, moved = _scaled(minima.parameters, self.exponent)
        gap, error = _scaled(minima.gap, 2 * self.exponent), _scaled(minima.parameter_error, self.exponent)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            relative = minima.relative_error + np.where(lost > 0.0, lost / value, 0.0)
        return minima._replace(
            value=value,
            gap=gap[0] + gap[1] + lost,
            parameters=parameters,
            parameter_error=error[0] + error[1] + moved,
            relative_error=relative,
        )


@np.errstate(over="ignore", under="ignore")
def _scaled(array: Array, exponent: int) -> tuple[Array, Array]:
    """Return an array times 2**exponent, and a bound of what is lost where it falls below the normal doubles."""
    scaled = np.ldexp(array, exponent)
    inexact = np.isfinite(scaled) & (np.ldexp(scaled, -exponent) != array)
    return scaled, np.where(inexact, np.finfo(np.float64).smallest_subnormal, 0.0)


def _ordinary(moments: Moments) -> bool:
    """Return whether nothing is extreme, at a glance."""
    mean, squares = moments.mean, moments.scatter.diagonal(axis1=-2, axis2=-1)
    if not moments.shape:  # lists are faster
        sizes = squares.tolist()
        return bool(min(sizes) > _LEAST and max(sizes) < _MOST and max(map(abs, mean.tolist())) < _MOST)
    most = max(squares.max(initial=1.0), np.abs(mean).max(initial=1.0))
    return bool(most < _MOST and squares.min(initial=1.0) > _LEAST)
