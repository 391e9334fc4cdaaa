"""Means over draws with their standard errors, and the warnings where the draws say too little of either."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from pyrometer.base._arrays import Array, require_finite
from pyrometer.errors import SimulationWarning

__all__ = ["Tally", "doubtful", "warn"]

# Relative standard error, and share of the largest squared deviation in their sum, from which on an answer is doubtful.
_RELATIVE, _DOMINATED = 0.1, 0.5
# Fewer draws have a largest one of this share whatever their law.
_ENOUGH = 100


class Tally:
    """Mean and standard error of draws that come in blocks, shape (..., draws, L), and how much hangs on one of them.

    `paired` takes the error from differences of neighbours, which leaves out the strata that the draws run through.
    """

    def __init__(self, *, paired: bool = False) -> None:
        self._paired, self.draws = paired, 0

    def add(self, part: Array) -> None:
        """Merge a block, of an even number of draws except for the last."""
        require_finite(part)
        count = part.shape[-2]
        if self.draws == 0:
            # Relative to the first draw: an energy that no draw changes has no error, not that of rounding. And in
            # units that are powers of two, so that squares stay in range.
            self._origin = part[..., 0, :].copy()
            self._unit = np.ldexp(0.5, np.frexp(part.max(axis=-2))[1])
            self._mean, self._squares, self._largest = (np.zeros(self._origin.shape) for _ in range(3))
        part = (part - self._origin[..., None, :]) / self._unit[..., None, :]
        here, share = part.mean(axis=-2), count / (self.draws + count)
        if self._paired:
            even = count - count % 2
            apart = np.diff(part[..., :even, :].reshape(*part.shape[:-2], -1, 2, part.shape[-1]), axis=-2)[..., 0, :]
            if count % 2 and count > 1:
                apart = np.concatenate([apart, np.sqrt(0.5) * np.diff(part[..., -2:, :], axis=-2)], axis=-2)
            self._squares += (apart**2).sum(axis=-2)
            self._largest = np.maximum(self._largest, (apart**2).max(axis=-2))
        else:
            self._squares += ((part - here[..., None, :]) ** 2).sum(axis=-2)
            self._squares += (here - self._mean) ** 2 * (self.draws * share)
            self._largest = np.maximum(self._largest, ((part - here[..., None, :]) ** 2).max(axis=-2))
        self._mean += (here - self._mean) * share
        self.draws += count

    def mean(self) -> Array:
        """Return the mean, shape (..., L)."""
        mean: Array = self._origin + self._mean * self._unit
        return mean

    def error(self) -> Array:
        """Return its standard error."""
        n = float(self.draws)
        with np.errstate(over="ignore"):
            error: Array = np.sqrt(self._squares / (n * n if self._paired else n * (n - 1.0))) * self._unit
        require_finite(error)
        return error

    def dominated(self) -> Array:
        """Return the share of the largest squared deviation in their sum; 0 for few draws."""
        if self.draws < _ENOUGH:
            return np.zeros(self._mean.shape)
        none = np.zeros(self._mean.shape)
        return np.divide(self._largest, self._squares, out=none, where=self._squares > 0)


def doubtful(value: Array, error: Array, dominated: Array | float = 0.0) -> npt.NDArray[np.bool_]:
    """Whether a standard error is above a tenth of the value, or rests on a single draw."""
    return np.asarray(error > _RELATIVE * np.abs(value)) | ((np.asarray(dominated) > _DOMINATED) & (error > 0))


def warn(what: str, value: npt.ArrayLike, error: npt.ArrayLike, dominated: Array | float = 0.0) -> None:
    """Give a SimulationWarning if any of the values is doubtful; nan is no value."""
    value, error = np.asarray(value, dtype=np.float64), np.asarray(error, dtype=np.float64)
    known = ~np.isnan(value)
    if (known & (error > _RELATIVE * np.abs(value))).any():
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            worst = float(np.max(np.where(known & (error > 0), error / np.abs(value), 0.0)))
        why = f"has a standard error of {worst:.2g} times itself"
    elif (known & doubtful(value, error, dominated)).any():
        why = f"and its standard error rest on one draw, with {float(np.max(dominated)):.0%} of the squared deviations"
    else:
        return
    many = f"The {what}" if value.ndim == 0 else f"A {what}"
    warnings.warn(SimulationWarning(f"{many} {why}; use more samples."), stacklevel=3)
