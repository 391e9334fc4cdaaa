"""Sums of the numbers of a column that are there, where what stands for missing ones is far from them.

The sums of all rows have them, too, but only as differences: at a distance of z deviations these lose z^2 roundings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._conditionals import exponents
from pyrometer.states._row_sums import APART, FAR

__all__ = ["Present", "present_numbers"]


@dataclass(frozen=True, eq=False)
class Present:
    """Numbers of one column.

    Attributes
    ----------
    place : int
        Of the column in X.
    centre : float
        What the numbers are measured from: their mean.
    unit : int
        Exponent of 2 of their unit.
    sums : ndarray, shape (b, 2)
        Sums over blocks of the numbers and of their squares, with weights where rows have them.
    """

    place: int
    centre: float
    unit: int
    sums: Array

    def in_unit(self, unit: int) -> Array:
        """Return the sums in the unit 2^unit; nan where the two are too far apart for the range of a double."""
        step = self.unit - unit
        if abs(step) > APART:
            return np.full_like(self.sums, np.nan)
        return np.asarray(np.ldexp(self.sums, [step, 2 * step]))


def present_numbers(
    place: int,
    numbers: Array,
    missing: npt.NDArray[np.bool_],
    fill: float,
    begins: npt.NDArray[np.int64],
    weights: Array | None,
) -> tuple[Present, ...]:
    """Return the sums of a column (m,) over blocks that begin at `begins`; none where `fill` is near the numbers."""
    there = ~missing
    x = numbers[there]
    if not len(x):
        return ()
    own = np.ones(len(x)) if weights is None else weights[there]
    coarse = int(exponents(x[:, None])[0])
    x = np.ldexp(x, -coarse)
    mean = float(np.average(x, weights=own))
    x -= mean
    fine = int(exponents(x[:, None])[0])
    x = np.ldexp(x, -fine)
    with np.errstate(over="ignore"):
        away = np.ldexp(np.ldexp(fill, -coarse) - mean, -fine)
    if abs(away) <= FAR * float(np.sqrt(np.average(x * x, weights=own))):
        return ()
    rows = np.zeros((len(numbers), 2))
    rows[there] = np.stack([own * x, own * x * x], axis=1)
    sums = np.add.reduceat(rows, begins)
    return (Present(place, float(np.ldexp(mean, coarse)), coarse + fine, sums),)
