"""Means over draws with their standard errors, and warnings where these are unreliable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyrometer.base._arrays import Array, require_finite
from pyrometer.base._warn import warn_caller
from pyrometer.errors import SimulationWarning

__all__ = ["Tally", "unreliable", "warn"]

# An estimate is unreliable above this relative standard error, or above this share of its largest squared deviation in
# the sum of all.
_RELATIVE, _DOMINATED = 0.1, 0.5
# With fewer draws the largest squared deviation has such a share under any distribution.
_ENOUGH = 100


class Tally:
    """Running mean and standard error of draws that come in blocks of shape (..., draws, L).

    With `paired` the error comes from differences of consecutive draws, which removes the variance between strata.
    """

    def __init__(self, *, paired: bool = False) -> None:
        self._paired, self.draws = paired, 0

    def add(self, part: Array) -> None:
        """Merge a block, of an even number of draws except for the last."""
        require_finite(part)
        count = part.shape[-2]
        if self.draws == 0:
            # Deviations are taken from the first draw, so that the error of constant draws is exactly 0, and are scaled
            # by powers of two, so that their squares stay in range.
            self._origin = part[..., 0, :].copy()
            self._unit = np.ldexp(0.5, np.frexp(part.max(axis=-2))[1])
            self._mean, self._squares, self._largest = (np.zeros(self._origin.shape) for _ in range(3))
        part = (part - self._origin[..., None, :]) / self._unit[..., None, :]
        part_mean, share = part.mean(axis=-2), count / (self.draws + count)
        if self._paired:
            even = count - count % 2
            differences = np.diff(part[..., :even, :].reshape(*part.shape[:-2], -1, 2, part.shape[-1]), axis=-2)[
                ..., 0, :
            ]
            if count % 2 and count > 1:
                differences = np.concatenate([differences, np.sqrt(0.5) * np.diff(part[..., -2:, :], axis=-2)], axis=-2)
            self._squares += (differences**2).sum(axis=-2)
            self._largest = np.maximum(self._largest, (differences**2).max(axis=-2))
        else:
            self._squares += ((part - part_mean[..., None, :]) ** 2).sum(axis=-2)
            self._squares += (part_mean - self._mean) ** 2 * (self.draws * share)
            self._largest = np.maximum(self._largest, ((part - part_mean[..., None, :]) ** 2).max(axis=-2))
        self._mean += (part_mean - self._mean) * share
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
        """Return the share of the largest squared deviation in their sum; 0 for fewer than 100 draws."""
        if self.draws < _ENOUGH:
            return np.zeros(self._mean.shape)
        none = np.zeros(self._mean.shape)
        return np.divide(self._largest, self._squares, out=none, where=self._squares > 0)


def unreliable(value: Array, error: Array, dominated: Array | float = 0.0) -> npt.NDArray[np.bool_]:
    """Whether a standard error is above a tenth of the value, or dominated by a single draw."""
    return np.asarray(error > _RELATIVE * np.abs(value)) | ((np.asarray(dominated) > _DOMINATED) & (error > 0))


def warn(what: str, value: npt.ArrayLike, error: npt.ArrayLike, dominated: Array | float = 0.0) -> None:
    """Give a SimulationWarning if any of the values is unreliable; nan values are ignored."""
    value, error = np.asarray(value, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if not error.any():
        return
    valid = ~np.isnan(value)
    if (valid & (error > _RELATIVE * np.abs(value))).any():
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            worst = float(np.max(np.where(valid & (error > 0), error / np.abs(value), 0.0)))
        reason = f"has a relative standard error of {worst:.2g}"
    elif (valid & unreliable(value, error, dominated)).any():
        share = float(np.max(dominated))
        reason = f"is dominated by one draw, which accounts for {share:.0%} of the sum of squared deviations"
    else:
        return
    many = f"The {what}" if value.ndim == 0 else f"A {what}"
    warn_caller(SimulationWarning(f"{many} {reason}; use more samples."))
