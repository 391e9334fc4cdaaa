"""Weights of rows under a model: checked, with rows of weight 0 left out. Not in the paper.

A weight says how many rows a row stands for. Sums over rows have each row times its weight; in a permutation a row
keeps it. Rows of weight 0 are read as copies of another row, so that they may hold any values, and then left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, replacements, taken, validate, weights_of

__all__ = ["RowWeights", "excess_variance"]

_EQUAL = 1e-12  # relative difference of weights that are equal to rounding


class RowWeights(NamedTuple):
    """Weights (m,) as given, None for rows without, and the rows that take the places of those of weight 0."""

    given: Array | None
    replaced: npt.NDArray[np.intp] | None

    @classmethod
    def of(cls, weights: Any, **data: Any) -> RowWeights:
        """Check weights, which must have the index of the data if both have one."""
        if weights is None:
            return cls(None, None)
        for name, value in data.items():
            validate.aligned(name, value, "weights", weights)
        checked = validate.weights(weights)
        return cls(checked, replacements(checked) if checked.ndim == 1 else None)

    def taken(self, value: Any, axis: int) -> Any:
        """Return rows of data, with others in the places of those of weight 0; None of None."""
        return value if value is None else taken(value, self.replaced, axis)

    def of_rows(self, count: int) -> tuple[Array | None, npt.NDArray[np.bool_] | None]:
        """Return the weights of the rows that count, None if all are 1, and which these are, None for all."""
        if self.given is None:
            return None, None
        checked = weights_of(self.given, (count,))
        if checked.exponent:
            raise ValueError(
                f"weights must have a greatest one of 2^-64 to 2^64, got {self.given.max():g}; divide those of all "
                "samples by one number."
            )
        keep = self.given > 0.0
        weights = self.given[keep]
        return (None if (weights == 1.0).all() else weights), (None if keep.all() else keep)


def excess_variance(tables: tuple[Array, Array], rows: tuple[Array, Array], d: int) -> float:
    """Variance of the difference of two samples' weighted means, in units of that of permutations; at least 1.

    Permutations assign rows to the samples with their weights, so that both have weights of one distribution. Where the
    weights of one sample vary more, its means have a larger variance. Each mean has the variance of its rows times a
    design effect [Kish], n sum w^2 (z - mean)^2 / (sum w)^2 over the weighted variance; the excess is the mean over
    coordinates of (e_0 / n_0 + e_1 / n_1) / (e (1 / n_0 + 1 / n_1)), with the effect e in both samples together.

    tables   sums over blocks (b, 2 + 2 d + ...): weights, scores, coordinates and their squares.
    rows     of each block (b,).
    """
    share = [1.0 / each.sum() for each in rows]
    both = np.concatenate([table[:, : 2 + 2 * d] for table in tables]), np.concatenate(rows)
    each_weight = both[0][:, 0] / both[1]
    if np.ptp(each_weight) <= _EQUAL * each_weight.max():
        return 1.0
    effects = [_design_effects(table, of, d) for table, of in (*zip(tables, rows, strict=True), both)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        excess = (effects[0] * share[0] + effects[1] * share[1]) / (effects[2] * sum(share))
    excess = excess[np.isfinite(excess)]
    return max(1.0, float(excess.mean())) if excess.size else 1.0


def _design_effects(table: Array, rows: Array, d: int) -> Array:
    """Design effects (d,); without coordinates that of the weights alone, (1,)."""
    weights = table[:, :1]
    linear, square = table[:, 2 : 2 + d], table[:, 2 + d : 2 + 2 * d]
    total, count = weights.sum(), rows.sum()
    if not d:
        return np.asarray(len(table) * np.square(weights).sum(axis=0) / total**2)
    mean = linear.sum(axis=0) / total
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        variance = square.sum(axis=0) / total - mean**2
        return np.asarray(count * np.square(linear - weights * mean).sum(axis=0) / total**2 / variance)
