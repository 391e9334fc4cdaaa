"""Weights of rows under a model: checked, with rows of weight 0 left out. Not in the paper.

A weight says how many rows a row stands for. Sums over rows have each row times its weight; in a permutation a row
keeps it. Rows of weight 0 are read as copies of another row, so that they may hold any values, and then left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import replacements, taken, validate, weights_of

__all__ = ["RowWeights"]

_Array: TypeAlias = npt.NDArray[np.float64]


class RowWeights(NamedTuple):
    """Weights (m,) as given, None for rows without, and the rows that take the places of those of weight 0."""

    given: _Array | None
    replaced: npt.NDArray[np.intp] | None

    @classmethod
    def of(cls, weights: Any, **data: Any) -> RowWeights:
        """Check weights, which must have the index of the data if both have one."""
        if weights is None:
            return cls(None, None)
        for name, value in data.items():
            validate.aligned(name, value, "weights", weights)
        given = validate.weights(weights)
        return cls(given, replacements(given) if given.ndim == 1 else None)

    def taken(self, value: Any, axis: int) -> Any:
        """Return rows of data, with others in the places of those of weight 0; None of None."""
        return value if value is None else taken(value, self.replaced, axis)

    def of_rows(self, count: int) -> tuple[_Array | None, npt.NDArray[np.bool_] | None]:
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
