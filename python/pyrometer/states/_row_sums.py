"""Rows under a fixed model as coordinates whose sums of squares are doubles, whatever the magnitude of the data.

Coordinates are measured in units of powers of two. The unit is 1 unless a value leaves 2^±200, so that ordinary data
are summed as they are.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.states._predictions import Predicted

__all__ = ["FARTHEST", "Coordinates", "coordinates", "converted", "in_range", "pairs"]

_Array: TypeAlias = npt.NDArray[np.float64]
_Units: TypeAlias = npt.NDArray[np.int64]
_ORDINARY = 200  # exponents of values that are summed as they are
_APART = 280  # exponents between two units that can be told; squares of their quotient stay doubles
FARTHEST = 2.0 ** (_ORDINARY + _APART)  # what lies farther from another sample's centre counts as that far
_LARGEST = float(np.finfo(np.float64).max)
_LEAST_PROBABILITY, _MOST_PROBABILITY = float(np.nextafter(0.0, 1.0)), float(np.nextafter(1.0, 0.0))


class Coordinates(NamedTuple):
    """Rows in units: loss, score of the label's or residual's law, and features and residual about their centre.

    `units` holds exponents of 2 of losses, scores and each column of `z`; `centre` is in the units of the data.
    """

    losses: _Array
    inner: _Array
    z: _Array
    centre: _Array
    units: _Units
    x: _Array  # features, scaled but not centred
    residual: _Array
    target: float  # the largest |y|, in the unit of the residual


def coordinates(rows: Predicted) -> Coordinates:
    """Return losses, scores and centred features (and residuals, for squared error) of rows."""
    if rows.loss == "ce":
        residual, unit, of_score = rows.target - rows.prediction, 0, 0
        losses, inner = _of_labels(rows)
        of_loss = int(_exponents(losses))
        losses = np.ldexp(losses, -of_loss) if of_loss else losses
    else:
        residual, unit = _residual(rows)
        inner = np.abs(residual)
        losses = residual**2 if rows.loss == "mse" else inner
        of_loss, of_score = (2 if rows.loss == "mse" else 1) * unit, unit
    of_raw = _exponents(rows.x)
    x = _scaled(rows.x, -of_raw)
    raw = x
    if rows.loss == "mse":
        raw, of_raw = np.column_stack([x, residual]), np.append(of_raw, unit)
    with np.errstate(over="ignore"):  # a residual may be twice the largest double; what it is measured from may not
        centre = np.clip(np.ldexp(raw.mean(axis=0), of_raw), -_LARGEST, _LARGEST)
    z = raw - np.ldexp(centre, -of_raw)
    finer = _exponents(z)
    units = np.array([of_loss, of_score, *(of_raw + finer)], dtype=np.int64)
    z = _scaled(z, -finer)
    with np.errstate(over="ignore"):
        largest = float(np.ldexp(np.abs(rows.target).max(), -unit))
    return Coordinates(losses, inner, z, centre, units, x, residual, largest)


def converted(sums: _Array, units: _Units, to: _Units) -> tuple[_Array, bool]:
    """Sums over blocks (b, 2 + d + d (d + 1) / 2) in other units, and whether that was exact.

    Units that are too far apart for the range of a double count as 2^280 apart.
    """
    if (units == to).all():
        return sums.copy(), True
    step = np.clip(units - to, [-2 * _APART] + [-_APART] * (len(units) - 1), None)
    step = np.minimum(step, [2 * _APART] + [_APART] * (len(units) - 1))
    of_z = step[2:]
    factors = [step[0], step[1], *of_z, *(of_z[j] + of_z[k] for j, k in pairs(len(of_z)))]
    return np.ldexp(sums, factors), bool((step == units - to).all())


def in_range(value: float, unit: int) -> float:
    """Return value 2^unit, nan where no double of full precision holds it."""
    with np.errstate(over="ignore"):
        result = float(np.ldexp(value, unit))
    return result if value == 0.0 or np.finfo(np.float64).tiny <= abs(result) < np.inf else np.nan


def pairs(d: int) -> list[tuple[int, int]]:
    """Coordinates j <= k in the order of their products."""
    return [(j, k) for j in range(d) for k in range(j, d)]


def _exponents(columns: _Array) -> _Units:
    """Exponents of 2 of the largest magnitudes of columns, 0 where sums of squares need none."""
    largest = np.maximum(columns.max(axis=0), -columns.min(axis=0))
    exponents = np.frexp(largest)[1].astype(np.int64)
    return np.where(np.abs(exponents) > _ORDINARY, exponents, 0)


def _scaled(values: _Array, exponents: _Units) -> _Array:
    """Values 2^exponents; the same where these are all 0."""
    return np.ldexp(values, exponents) if exponents.any() else values


def _residual(rows: Predicted) -> tuple[_Array, int]:
    """Targets less predictions, and the exponent of their unit."""
    with np.errstate(over="ignore"):
        residual, coarse = rows.target - rows.prediction, 0
    if not np.isfinite(residual).all():
        residual, coarse = 0.5 * rows.target - 0.5 * rows.prediction, 1
    fine = int(_exponents(residual))
    return (np.ldexp(residual, -fine) if fine else residual), coarse + fine


def _of_labels(rows: Predicted) -> tuple[_Array, _Array]:
    """Cross entropy of labels, and the entropy of the label that the model predicts."""
    if rows.logits is not None:
        away = np.abs(rows.logits)
        rare = np.exp(-away)
        losses = np.logaddexp(0.0, np.where(rows.target == 1, -rows.logits, rows.logits))
        return losses, np.log1p(rare) + away * rare / (1.0 + rare)
    losses = -np.log(np.maximum(np.where(rows.target == 1, rows.prediction, 1.0 - rows.prediction), _LEAST_PROBABILITY))
    p = np.clip(rows.prediction, _LEAST_PROBABILITY, _MOST_PROBABILITY)
    return losses, -p * np.log(p) - (1.0 - p) * np.log1p(-p)
