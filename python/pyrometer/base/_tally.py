"""Means over draws with their standard errors, and warnings where these are unreliable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyrometer.base._arrays import Array, require_finite
from pyrometer.base._warn import warn_caller
from pyrometer.errors import SimulationWarning

__all__ = ["Tally", "unreliable", "warn"]

# An estimate is unreliable above this relative standard error, or where the skewness of its n draws is above a + b
# sqrt(n): the mean of so few skewed draws is itself skewed, and its standard error too small where it is too low.
_RELATIVE, _SKEWNESS = 0.1, (2.0, 0.15)
# Fewer draws do not show their skewness: it is at most sqrt(n).
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
            self._mean, self._squares, self._cubes = (np.zeros(self._origin.shape) for _ in range(3))
        part = (part - self._origin[..., None, :]) / self._unit[..., None, :]
        part_mean, share = part.mean(axis=-2), count / (self.draws + count)
        if self._paired:
            even = count - count % 2
            differences = np.diff(part[..., :even, :].reshape(*part.shape[:-2], -1, 2, part.shape[-1]), axis=-2)[
                ..., 0, :
            ]
            if count % 2 and count > 1:
                differences = np.concatenate([differences, np.sqrt(0.5) * np.diff(part[..., -2:, :], axis=-2)], axis=-2)
            squares = differences**2
            with np.errstate(over="ignore"):
                self._cubes += (squares * np.abs(differences)).sum(axis=-2)
            self._squares += squares.sum(axis=-2)
        else:
            deviations, apart = part - part_mean[..., None, :], part_mean - self._mean
            squares = deviations**2
            with np.errstate(over="ignore", invalid="ignore"):
                self._cubes += (squares * deviations).sum(axis=-2)
                self._cubes += apart**3 * (self.draws * share * (1.0 - 2.0 * share))
                self._cubes += 3.0 * apart * ((1.0 - share) * squares.sum(axis=-2) - share * self._squares)
            self._squares += squares.sum(axis=-2) + apart**2 * (self.draws * share)
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

    def tails(self) -> Array:
        """Return the skewness of the draws over the largest that is reliable; 0 for fewer than 100 draws.

        With `paired` it is the mean cube of the sizes of the differences, in units of their mean square.
        """
        none, n = np.zeros(self._mean.shape), float(self.draws)
        if self.draws < _ENOUGH:
            return none
        with np.errstate(over="ignore", invalid="ignore"):
            most = (_SKEWNESS[0] / np.sqrt(n) + _SKEWNESS[1]) * self._squares**1.5
            tails: Array = np.divide(np.abs(self._cubes), most, out=none, where=most > 0)
        tails[np.isnan(tails)] = np.inf  # cubes that overflow
        return tails


def unreliable(value: Array, error: Array, tails: Array | float = 0.0) -> npt.NDArray[np.bool_]:
    """Whether a standard error is above a tenth of the value, or the draws are too skewed for it."""
    return np.asarray(error > _RELATIVE * np.abs(value)) | ((np.asarray(tails) > 1.0) & (error > 0))


def warn(what: str, value: npt.ArrayLike, error: npt.ArrayLike, tails: Array | float = 0.0) -> None:
    """Give a SimulationWarning if any of the values is unreliable; nan values are ignored."""
    value, error = np.asarray(value, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if not error.any():
        return
    valid = ~np.isnan(value)
    if (valid & (error > _RELATIVE * np.abs(value))).any():
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            worst = float(np.max(np.where(valid & (error > 0), error / np.abs(value), 0.0)))
        reason = f"has a relative standard error of {worst:.2g}"
    elif (valid & unreliable(value, error, tails)).any():
        reason = (
            f"has heavy tails: the skewness of its draws is {float(np.nanmax(tails)):.2g} times the largest for which "
            "the standard error of so many is reliable"
        )
    else:
        return
    article = "The" if value.ndim == 0 else "An" if what[0] in "aeiou" else "A"
    warn_caller(SimulationWarning(f"{article} {what} {reason}; use more samples."))
