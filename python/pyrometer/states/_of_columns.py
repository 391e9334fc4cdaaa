"""A system of the columns of numbers of a table that may have columns of other kinds, as the model of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import Array, mean_of, plain
from pyrometer.linear import System, system_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OfColumns"]


@dataclass(frozen=True)
class OfColumns:
    """A system of the columns with these names; missing numbers count as the means of the rows that it was trained on.

    Booleans are the numbers 0 and 1.
    """

    system: System
    names: tuple[str, ...]
    means: Array

    @classmethod
    def trained(
        cls, X: pa.Table, y: Any, energy: str, names: Sequence[str], *, intercept: bool, weights: Any
    ) -> OfColumns:
        """Return the system of these columns of rows (X, y)."""
        numbers = _numbers(X, names)
        system = system_of(energy, numbers, y, intercept=intercept, weights=weights)  # refuses infinite numbers
        means = mean_of(numbers, weights) if names else np.empty(0)
        return cls(system, tuple(names), means)

    @staticmethod
    def usable(*tables: pa.Table) -> list[str]:
        """Return the columns of numbers and booleans that none misses."""
        names = tables[0].column_names
        return [name for name in names if all(_is_complete(table.column(name)) for table in tables)]

    def numbers(self, X: pa.Table) -> Array:
        """Return the columns, (m, p)."""
        numbers = _numbers(X, self.names)
        return np.where(np.isnan(numbers), self.means, numbers)


def _numbers(table: pa.Table, names: Sequence[str]) -> Array:
    import pyarrow as pa

    columns = []
    for name in names:
        column = table.column(name)
        try:
            # Integers that doubles cannot hold are refused with the rows.
            columns.append(column.cast(pa.float64(), safe=not pa.types.is_integer(column.type)).to_numpy())
        except pa.ArrowException as error:
            raise ValueError(
                f"column {plain(name)} must have numbers, as in the reference, got {column.type}; convert it, or use "
                "--drop."
            ) from error
    return np.column_stack(columns) if columns else np.empty((len(table), 0))


def _is_complete(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean)
    return not column.null_count and any(is_of(column.type) for is_of in kinds)
