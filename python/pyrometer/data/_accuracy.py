"""Rounding error bounds of second moments; they only grow when moments are merged or subtracted.

The array `accuracy`, shape (..., 8, p + 1), is described in ``cpp/pyrometer/data/accuracy.hpp``. Its rows are the low
part of the mean; the error of the sum; the sums of squares D that were rounded, their errors, and those of merging; the
interval that contains the means of all blocks of rows accumulated in one pass; and the mean squares of the smallest
part of the rows, which files have only where others hide these rows, or, negative, would hide them in a sum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pyrometer.base import Array

__all__ = [
    "ROWS",
    "SAVED",
    "Lost",
    "lost",
    "lost_at_once",
    "of_doubles",
    "of_part",
    "of_pass",
    "require_sound",
    "shift_of",
    "with_sizes",
]


ROWS = 8
SAVED = 7
"""Rows in files."""
_UNIT = 2.0**-53

# The core sums products sequentially over blocks of 128 rows, and the sums of 128 blocks (or a 32nd of the columns); of
# up to 64 columns, over this number of parts of blocks, and the sums of all parts.
_BLOCK, _PARTS = 128, 4
# Rounding errors of a single pass, which solvers allow for and which do not count as lost: those of squares D of which
# at least this share is left; errors of sums up to this in units of (m S)^1/2, with S the squares that are left; ...
_LEFT, _USUAL = 0.5, 40 * _UNIT
# ... and distances of block means from the mean up to this in standard deviations.
_NEAR = 2.0

# Limit of means and of errors of sums, so that their squares are finite.
_GREATEST = 1e154
# Of a scatter scaled to a diagonal of 1: by rounding, an eigenvalue may be as low as minus the number of columns times
# the first. Negative eigenvalues down to minus the last of the others are accepted, and counted as lost digits.
_ROUNDED = 4 * np.finfo(np.float64).eps
_INDEFINITE = (1e-12, 1e-10, 1e-8, 1e-6)


class Lost(NamedTuple):
    r"""Bounds of the errors of moments beyond the rounding of one pass over their rows.

    ``mean`` bounds the errors of the means, shape (..., p + 1); ``scatter``, of the same shape, those of the scatter:
    :math:`|dS_{jk}| \le (d_j d_k)^{1/2}`.
    """

    mean: Array
    scatter: Array


@np.errstate(over="ignore", invalid="ignore")  # what overflows is lost altogether
def of_pass(count: float, mean: Array, once: Array, rows: int | None = None, heaviest: float = 1.0) -> Array:
    """Return the accuracy of rows that were accumulated in one pass: `rows` of them if `count` is their total weight.

    `heaviest` is the greatest weight.

    `once`, shape (..., 3, p + 1), holds low parts of the means, the squares D that were rounded on the way and those
    that are left, which are the diagonal of the scatter.
    """
    low, rounded, squares = once[..., 0, :], once[..., 1, :], once[..., 2, :]
    cancelled = np.maximum(rounded - squares, 0.0)
    number, root = count if rows is None else rows, math.sqrt(count)
    blocks = min(number / _BLOCK, max(_BLOCK, mean.shape[-1] / 32))
    # Rounding errors add like independent ones, unless one row dominates the sum or all rows deviate equally.
    alone, alike = (min(_BLOCK / 4, number) + blocks) * math.sqrt(heaviest), min(_BLOCK / 4, number / 2)
    sums = 4.0 * root * np.sqrt(squares) + alone * np.sqrt(rounded) + alike * root * np.sqrt(cancelled)
    # Weighted products are rounded three times more.
    error = (min(_BLOCK, number) + _PARTS * blocks + 3.0 * (rows is not None)) * _UNIT * rounded
    result: Array = np.empty((*mean.shape[:-1], ROWS, mean.shape[-1]))
    for i, row in enumerate((low, _UNIT * sums, rounded, error, 0.0, mean, mean, squares / count)):
        result[..., i, :] = row
    return result


@np.errstate(over="ignore", invalid="ignore")
def of_doubles(count: float, mean: Array, scatter: Array, rows: int | None = None) -> Array:
    """Return the accuracy of moments assumed to come from one pass and to be rounded to doubles."""
    squares = np.diagonal(scatter, axis1=-2, axis2=-1)
    once = np.stack([np.zeros_like(mean), squares, squares], axis=-2)
    accuracy = of_pass(count, mean, once, rows, 1.0 if rows is None else count)
    accuracy[..., 1, :] += count * _UNIT * np.abs(mean)
    return accuracy


def with_sizes(count: float, scatter: Array, accuracy: Array, smallest: Array | None = None) -> Array:
    """Return the accuracy with its last row: the mean squares of the smallest part of the rows, by default of all."""
    if smallest is None:
        smallest = np.diagonal(scatter, axis1=-2, axis2=-1) / count
    return np.concatenate([accuracy[..., :SAVED, :], smallest[..., None, :]], axis=-2)


def of_part(accuracy: Array) -> Array:
    """Return the accuracy of a part of a sum, in which rows may be hidden that are too few to be in the part itself."""
    if (accuracy[..., -1, :] >= 0.0).all():
        return accuracy
    result = accuracy.copy()
    np.abs(result[..., -1, :], out=result[..., -1, :])
    return result


@np.errstate(over="ignore", invalid="ignore")  # an overflow means that all digits are lost
def lost(count: float, mean: Array, scatter: Array, accuracy: Array) -> Lost | None:
    """Return bounds of what moments have lost; None if nothing. O(p) for each data set."""
    _, sums, rounded, of_rounded, of_merging, least, most, _ = np.moveaxis(accuracy, -2, 0)
    squares = np.diagonal(scatter, axis1=-2, axis2=-1)
    deviation = np.sqrt(squares)
    usual = np.minimum(sums, _USUAL * math.sqrt(count) * deviation)
    away = np.maximum(np.abs(most - mean), np.abs(mean - least))
    far = np.maximum(away - _NEAR * deviation / np.sqrt(count), 0.0)
    excess = sums - usual
    of_mean = np.maximum(excess / count - 2.0 * _UNIT * np.abs(mean), 0.0)
    gone = np.maximum(_LEFT * rounded - squares, 0.0)
    error = (
        of_merging
        + sums**2 / count
        + np.divide(gone, _LEFT * rounded, where=gone > 0.0, out=np.zeros_like(gone)) * of_rounded
    )
    error = np.where(error > _UNIT * squares, error, 0.0)
    # Shifts t of the means at distances h: t_j h_k + h_j t_k <= (d_j d_k)^1/2 with d = r t^2 + h^2 / r for any r > 0.
    for shift, distance in ((usual, far), (excess, away)):
        error = error + _balanced(shift, distance, deviation)
    error = np.where(np.isnan(error), np.inf, error)
    return Lost(of_mean, error) if error.any() or of_mean.any() else None


@np.errstate(over="ignore", invalid="ignore")
def lost_at_once(count: float, mean: Array, scatter: Array, once: Array) -> Lost | None:
    """`lost` of rows accumulated in one pass (see `of_pass`), computed only for data sets that may have lost digits."""
    columns = mean.shape[-1]
    alone = min(_BLOCK / 4, count) + min(count / _BLOCK, max(_BLOCK, columns / 32))
    # Nothing is lost up to this ratio of the squares that were rounded to those that are left.
    room = (_USUAL / _UNIT - 4.0 - alone * math.sqrt(2.0 / count)) / min(_BLOCK / 4, count / 2)
    most = 1.0 + min(max(room, 0.0) ** 2, 1.0)
    over = ~(once[..., 1, :] <= most * once[..., 2, :]) | (room <= 0.0)
    if not over.any():
        return None
    suspects = np.unique(np.flatnonzero(over) // columns)
    at = np.unravel_index(suspects, mean.shape[:-1]) if mean.ndim > 1 else ...
    bounds = lost(count, mean[at], scatter[at], of_pass(count, mean[at], once[at]))
    if bounds is None:
        return None
    of_mean, of_scatter = np.zeros(mean.shape), np.zeros(mean.shape)
    of_mean[at], of_scatter[at] = bounds
    return Lost(of_mean, of_scatter)


def _balanced(shift: Array, distance: Array, deviation: Array) -> Array:
    unit = np.where(deviation > 0.0, deviation, 1.0)
    most, farthest = ((array / unit).max(axis=-1, keepdims=True) for array in (shift, distance))
    nonzero = (most > 0.0) & (farthest > 0.0)
    ratio = np.divide(farthest, most, where=nonzero, out=np.ones_like(most))
    return np.where(nonzero, ratio * shift**2 + distance**2 / ratio, 0.0)


@np.errstate(over="ignore", invalid="ignore")
def shift_of(count: float, mean: Array, scatter: Array, accuracy: Array) -> float:
    """Return the relative diagonal shift that makes the scatter positive semi-definite; 0 within rounding.

    ValueError if it takes more than 1e-6 beyond the error bounds of the moments. p^3 / 3 flops.
    """
    _, sums, _, of_rounded, of_merging, least, most, _ = np.moveaxis(accuracy, -2, 0)
    squares = np.diagonal(scatter, axis1=-2, axis2=-1)
    columns = mean.shape[-1]
    away = np.maximum(np.abs(most - mean), np.abs(mean - least))
    error = of_rounded + of_merging + sums**2 / count + _balanced(sums, away, np.sqrt(squares))
    scale = np.sqrt(squares + columns * np.where(np.isnan(error), np.inf, error))
    if (scatter[np.broadcast_to((scale == 0.0)[..., None], scatter.shape)] != 0.0).any():
        raise ValueError(
            "scatter must be positive semi-definite, got a column with a zero diagonal and non-zero products."
        )
    unit = np.where(scale > 0.0, scale, 1.0)
    scaled = scatter / unit[..., None, :] / unit[..., :, None]
    for share in (columns * _ROUNDED, *_INDEFINITE):
        scaled[..., range(columns), range(columns)] = 1.0 + share
        try:
            np.linalg.cholesky(scaled)
        except np.linalg.LinAlgError:
            continue
        return 0.0 if share == columns * _ROUNDED else share
    raise ValueError(
        "scatter must be positive semi-definite, as sums of products of deviations are, got a negative eigenvalue "
        "beyond rounding."
    )


def require_sound(mean: Array, scatter: Array, accuracy: Array, low: Array | None) -> None:
    """Raise ValueError, naming the field, for invalid error bounds or low parts, as of a file."""
    if accuracy.shape != (*mean.shape[:-1], SAVED, mean.shape[-1]):
        raise ValueError(f"accuracy must have shape {(*mean.shape[:-1], SAVED, mean.shape[-1])}, got {accuracy.shape}.")
    if not np.isfinite(accuracy).all():
        raise ValueError("accuracy must be finite, got nan or inf.")
    if (np.abs(np.delete(accuracy, (2, 3, 4), axis=-2)) > _GREATEST).any():
        raise ValueError(f"accuracy must have errors and means of at most {_GREATEST:g}, got larger ones.")
    mean_low, *errors, least, most = np.moveaxis(accuracy, -2, 0)
    if any((error < 0.0).any() for error in errors):
        raise ValueError("accuracy must have error bounds >= 0, got a negative one.")
    if (least > most).any():
        raise ValueError("accuracy must have intervals of means, got a lower end above the upper.")
    if (mean + mean_low != mean).any():
        raise ValueError(
            "accuracy must have low parts of the mean of at most half a unit in its last place, got larger ones."
        )
    if low is None:
        return
    columns = mean.shape[-1]
    above, right = np.triu_indices(columns)
    upper = scatter[..., above, right]
    if low.shape != upper.shape or not (upper + low == upper).all():
        raise ValueError(
            f"scatter_low must have shape {upper.shape} and be at most half a unit in the last place of scatter."
        )
