"""Values of a column that has too many of them, counted together in cells.

The cell of a value is a hash of the value alone, and all values are in cells, those of the reference included: which
values are counted together does not depend on the rows that have them, so that permutations of rows are as exact as
with values of their own. Were only new values counted together, every sample that repeats none would seem to differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.states._columns import Columns
from pyrometer.states._counted import OTHER, Counted

if TYPE_CHECKING:
    from pyrometer.states._data_state import DataState

__all__ = ["CELLS", "MOST_VALUES", "cell_of", "columns_in_cells", "crowded", "in_cells", "places_in_cells"]

MOST_VALUES = 1000  # of a column that are counted each: as many as one sample may have
MOST_TOGETHER = 2**15  # values of all columns, whose counts in a thousand blocks fill a quarter of a gigabyte
CELLS = 256  # those of a byte; a value with a share p of the rows is in one with p + (1 - p) / 256 on average


def crowded(values: Mapping[int, int]) -> frozenset[int]:
    """Return which columns, of so many values each, are to be in cells, because all have too many: the largest."""
    places: set[int] = set()
    total = sum(values.values())
    for place in sorted(values, key=lambda place: (-values[place], place)):
        if total <= MOST_TOGETHER or values[place] <= CELLS:
            break
        places.add(place)
        total -= values[place] - CELLS
    return frozenset(places)


def cell_of(value: Any) -> int | None:
    """Return the cell of a value, 0 to 255, in every process the same; equal numbers have one, missing values none."""
    if value is None:
        return None
    text = f"number {hash(value)}" if isinstance(value, Number) else str(value)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=1).digest()[0]


def in_cells(table: Counted, places: Collection[int], name: str) -> Counted:
    """Return counts in cells, if those of this column, that messages call by its name, are."""
    if table.place not in places or table.cells:
        return table
    if table.kind == "value" and OTHER in table.values:
        raise ValueError(
            f"column {name} must have counts of each number, to be compared with a state that has its "
            "values in cells, got numbers that are counted together; give the rows instead of the state."
        )
    missing = None in table.values
    counts = np.zeros((len(table.counts), CELLS + missing))
    for k, value in enumerate(table.values):
        cell = cell_of(value)
        counts[:, -1 if cell is None else cell] += table.counts[:, k]
    return replace(table, values=(*range(CELLS), None)[: CELLS + missing], counts=counts, cells=True)


def places_in_cells(columns: Columns) -> frozenset[int]:
    """Return the places of the columns that are counted in cells."""
    return frozenset(each.place for each in columns.counted if each.cells)


def columns_in_cells(state: DataState, places: Collection[int]) -> Columns:
    """Return the columns of a state, counted in cells at these places."""
    columns = state.columns
    if places_in_cells(columns).issuperset(places):
        return columns
    counted = tuple(in_cells(each, places, state.named(each.place)) for each in columns.counted)
    return replace(columns, counted=counted)
