"""Rows under a fixed model as coordinates whose sums of squares are doubles, whatever the magnitude of the data.

Coordinates are measured in units of powers of two. The unit is 1 unless a value leaves 2^±200, so that ordinary data
are summed without scaling.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._conditionals import CONDITIONALS, ORDINARY, exponents
from pyrometer.states._predictions import Predicted

__all__ = [
    "APART",
    "FAR",
    "FARTHEST",
    "Coordinates",
    "coordinates",
    "converted",
    "factors_of",
    "in_range",
    "of_coordinates",
    "products",
]

_Units: TypeAlias = npt.NDArray[np.int64]
APART = 280  # largest difference of exponents of two units: squares of their quotient stay doubles
FARTHEST = 2.0 ** (ORDINARY + APART)  # larger distances from another sample's centre are clipped to this
FAR = 100.0  # deviations from a centre: nearer to it, variances lose four digits of sixteen at most
_LARGEST = float(np.finfo(np.float64).max)


class Coordinates(NamedTuple):
    """Rows in units: losses, scores of p(y | x), and features and residual about their centre.

    `units` holds exponents of 2 of losses, scores and each column of `z`; `centre` is in the units of the data.
    """

    losses: Array
    inner: Array
    z: Array
    centre: Array
    units: _Units
    x: Array  # features, scaled but not centred
    residual: Array
    target: float  # the largest |y|, in the unit of the residual


def coordinates(rows: Predicted) -> Coordinates:
    """Return losses, scores and centred features (and residuals, where the loss has them as coordinates) of rows."""
    measured = CONDITIONALS[rows.loss].measured(rows)
    of_raw = exponents(rows.x)
    x = _scaled(rows.x, -of_raw)
    raw = x
    if CONDITIONALS[rows.loss].joint:
        raw, of_raw = np.column_stack([x, measured.residual]), np.append(of_raw, measured.of_residual)
    with np.errstate(over="ignore"):  # a residual may be twice the largest double; the centre may not
        mean = raw.mean(axis=0) if rows.weights is None else np.average(raw, axis=0, weights=rows.weights)
        centre = np.clip(np.ldexp(mean, of_raw), -_LARGEST, _LARGEST)
    z = raw - np.ldexp(centre, -of_raw)
    finer = exponents(z)
    units = np.array([measured.of_loss, measured.of_inner, *(of_raw + finer)], dtype=np.int64)
    z = _scaled(z, -finer)
    with np.errstate(over="ignore"):
        largest = float(np.ldexp(np.abs(rows.target).max(), -measured.of_residual))
    return Coordinates(measured.losses, measured.inner, z, centre, units, x, measured.residual, largest)


def converted(sums: Array, units: _Units, to: _Units) -> tuple[Array, bool]:
    """Sums over blocks (b, 2 + d + d (d + 1) / 2 or d) in other units, and whether that was exact.

    Units that are too far apart for the range of a double count as 2^280 apart.
    """
    if (units == to).all():
        return sums.copy(), True
    step = np.clip(units - to, [-2 * APART] + [-APART] * (len(units) - 1), None)
    step = np.minimum(step, [2 * APART] + [APART] * (len(units) - 1))
    of_z = step[2:]
    d = len(of_z)
    factors = [step[0], step[1], *of_z, *(of_z[j] + of_z[k] for j, k in products(d, sums.shape[1] - 2 - d))]
    return np.ldexp(sums, factors), bool((step == units - to).all())


def in_range(value: float, unit: int) -> float:
    """Return value 2^unit, nan where no double of full precision holds it."""
    with np.errstate(over="ignore"):
        result = float(np.ldexp(value, unit))
    return result if value == 0.0 or np.finfo(np.float64).tiny <= abs(result) < np.inf else np.nan


def pairs(d: int) -> tuple[tuple[int, int], ...]:
    """Coordinates j <= k in the order of their products."""
    return tuple((j, k) for j in range(d) for k in range(j, d))


def products(d: int, columns: int) -> tuple[tuple[int, int], ...]:
    """Coordinates whose products a number of columns holds: all pairs, or the squares alone."""
    return pairs(d) if columns != d else tuple((j, j) for j in range(d))


@lru_cache(maxsize=64)
def factors_of(d: int, columns: int) -> tuple[_Units, _Units]:
    """Return the first and the second coordinate of each product, not to be changed."""
    both = np.array(products(d, columns), dtype=np.int64).reshape(-1, 2).T
    both.flags.writeable = False
    return both[0], both[1]


def of_coordinates(keep: npt.NDArray[np.bool_], columns: int) -> _Units:
    """Columns of a table (b, 3 + d + `columns`) of counts and sums that belong to the coordinates to keep."""
    d = len(keep)
    first, second = factors_of(d, columns)
    kept = np.flatnonzero(keep[first] & keep[second])
    return np.concatenate([np.arange(3), 3 + np.flatnonzero(keep), 3 + d + kept]).astype(np.int64)


def _scaled(values: Array, exponents: _Units) -> Array:
    """Values 2^exponents; the same where these are all 0."""
    return np.ldexp(values, exponents) if exponents.any() else values
