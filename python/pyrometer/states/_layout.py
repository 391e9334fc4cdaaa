"""One table for the rows of many batches: sums over blocks like those of the reference, and counts of values.

New values of a column, such as a category that the reference does not have, become new columns of the table; tables
from before are filled with zeros. A column with too many values is counted in cells from then on, in all tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pyrometer.base import Array
from pyrometer.states._blocks import coarsened
from pyrometer.states._cells import CELLS, MOST_VALUES, cell_of, columns_in_cells, crowded, places_in_cells
from pyrometer.states._columns import LABEL, ROWS, Columns
from pyrometer.states._counted import PRESENT, Counted, beside_missing, presence
from pyrometer.states._data_state import DataState, too_many

__all__ = ["Layout", "united"]


@dataclass(frozen=True, eq=False)
class Layout:
    """The columns of the table.

    Attributes
    ----------
    like : DataState
        The reference, whose centre and units the sums have.
    labels : tuple of (int, value)
        Place of the column in X and the value, for each column of counts; of columns of numbers that contribute as
        numbers, only missing ones, None. Once rows have weights, (`ROWS`, None) for their number.
    in_cells : frozenset of int
        Places of the columns that are counted in cells, whose values are the numbers of these.
    """

    like: DataState
    labels: tuple[tuple[int, Any], ...] = ()
    in_cells: frozenset[int] = frozenset()

    @cached_property
    def _at(self) -> dict[tuple[int, Any], int]:
        """The column of each label among those of counts."""
        return {label: k for k, label in enumerate(self.labels)}

    @property
    def rows_at(self) -> int:
        """The column of the numbers of rows: the first, unless that has their weights."""
        at = self._at.get((ROWS, None))
        return 0 if at is None else self.width + at

    @property
    def width(self) -> int:
        """Columns before those of counts."""
        return 1 + int(self.like.sums.sums.shape[1])

    @cached_property
    def _by_place(self) -> dict[int, list[int]]:
        """Columns among those of counts, by the place of the counted column."""
        places: dict[int, list[int]] = {}
        for k, (place, _) in enumerate(self.labels):
            if place != ROWS:
                places.setdefault(place, []).append(k)
        return places

    @property
    def groups(self) -> list[list[int]]:
        """Columns of the table that have the counts of each counted column; with the others, for missing numbers."""
        return [[self.width + k for k in columns] for columns in self._by_place.values()]

    def with_state(self, state: DataState) -> tuple[Layout, Array]:
        """Return the layout with the values of a state, and its table."""
        table, counts = state.sums.table(self.like.sums), {}
        as_numbers = set(self.like.columns.places) - self.like.columns.by_counts
        known = self._with_cells(places_in_cells(state.columns) - as_numbers - self.in_cells)
        for each in self._counted(state, columns_in_cells(state, known.in_cells)):
            numbers = each.place in as_numbers
            for k, value in enumerate(each.values):
                if not numbers or value is None:
                    counts[each.place, value] = each.counts[:, k]
        if self.rows_at or state.sums.rows is not None:
            counts[ROWS, None] = state.sums.sizes
        layout = known._with_labels(list(counts))
        if layout.labels:
            columns = np.zeros((len(table), len(layout.labels)))
            for label, rows in counts.items():
                columns[:, layout._at[label if label[0] in known.in_cells else layout._label(label)]] += rows
            table = np.hstack([table, columns])
        return layout, table

    def _counted(self, state: DataState, columns: Columns) -> list[Counted]:
        """Return the counts of columns of a state; of those with few numbers in the reference, of missing ones."""
        alone = [p for p in self.like.columns.by_counts if self._has_few_numbers(p) or columns.of(p) is None]
        counts = [each for each in columns.counted if each.place not in alone]
        return counts + [presence(columns.of(place), place, state.sums.counts) for place in sorted(alone)]

    def _has_few_numbers(self, place: int) -> bool:
        """Whether a column contributes by the counts of missing numbers, because there are too few others."""
        columns = self.like.columns
        counted = columns.of(place)
        return place in columns.by_counts and counted is not None and counted.kind == "missing"

    def _with_labels(self, labels: list[tuple[int, Any]]) -> Layout:
        """Return the layout with the columns of more values, or cells; columns with too many values are in cells."""
        new = dict.fromkeys(label for label in labels if label not in self._at)
        if not new:
            return self
        every = (*self.labels, *new)
        number = Counter(place for place, value in every if value is not None)
        del number[LABEL]
        many = {place for place, values in number.items() if values > MOST_VALUES} | crowded(number)
        return replace(self, labels=every)._with_cells(many - self.in_cells)

    def _with_cells(self, places: Collection[int]) -> Layout:
        """Return the layout with the columns at more places in cells."""
        if not places:
            return self
        kept = [label for label in self.labels if label[0] not in places or label[1] is None]
        cells = [(place, cell) for place in sorted(places) for cell in range(CELLS)]
        return replace(self, labels=(*kept, *cells), in_cells=self.in_cells.union(places))

    def _label(self, label: tuple[int, Any]) -> tuple[int, Any]:
        """Return the label of the column that counts a value."""
        place, value = label
        return (place, cell_of(value)) if place in self.in_cells else label

    def filled(self, table: Array, of: Layout) -> Array:
        """Return a table of a layout of fewer values, with zeros for the others; rows without weights have 1 each."""
        if of.labels == self.labels and of.in_cells == self.in_cells:
            return table
        counts = np.zeros((len(table), len(self.labels)))
        for k, label in enumerate(of.labels):
            same = label[0] in of.in_cells
            counts[:, self._at[label if same else self._label(label)]] += table[:, self.width + k]
        if self.rows_at and not of.rows_at:
            counts[:, self.rows_at - self.width] = table[:, 0]
        return np.hstack([table[:, : self.width], counts])

    def require_values(self, other: Layout) -> None:
        """Raise if this, of a file, lacks values of another, of its reference."""
        if odd := other.in_cells - self.in_cells:
            raise ValueError(
                f"in_cells must have the columns of the reference that are in cells, got none for {min(odd)}"
            )
        at = (label if label[0] in other.in_cells else self._label(label) for label in other.labels)
        if lacking := [label for label in at if label not in self._at]:
            raise ValueError(f"labels must have the values of the reference, got none for {lacking[0]!r}")

    def in_its_cells(self, state: DataState) -> DataState:
        """Return a state whose columns are counted in cells where these are; energy and entropy are its own."""
        if not self.in_cells:
            return state
        return DataState.of_sums(state, columns_in_cells(state, self.in_cells), state.sums, state)

    def state(self, table: Array, of: DataState | None = None) -> DataState:
        """Return the state of the rows of a table, with the energy and the entropy of another if one is given."""
        like = self.like
        counts, numbers = table[:, self.width :], set(like.columns.places) - like.columns.by_counts
        counted, fill = [], dict(like.columns.fill)
        for place, columns_of_place in self._by_place.items():
            at = sorted(columns_of_place, key=lambda k: self.labels[k][1] is None)
            values, own = tuple(self.labels[k][1] for k in at), counts[:, at]
            kind = "label" if place == LABEL else "value" if place in like.columns.places else "category"
            if self._has_few_numbers(place):
                kind = "missing"
            elif kind == "value" and PRESENT in values:  # of some batches: numbers of the others are counted with them
                kind, values = "missing", (PRESENT, None)
                own = np.stack([own[:, :-1].sum(axis=1), own[:, -1]], axis=1)
            if place in numbers:
                kind, values, own = "missing", (PRESENT, None), beside_missing(table[:, 0], own[:, 0])
                fill.setdefault(place, float(like.sums.centre[like.columns.places.index(place)]))
            counted.append(Counted(place, kind, values, own, place in self.in_cells))
        joint = len(like.sums.centre) - len(like.columns.by_counts & set(like.columns.places))
        alone = too_many(len(table), joint)
        columns = Columns(like.columns.places, tuple(counted), fill, like.columns.by_counts, alone)
        rows = table[:, self.rows_at] if self.rows_at else None
        sums = like.sums.of_table(np.ascontiguousarray(table[:, : self.width]), rows)
        return DataState.of_sums(like, columns, sums, of)


def united(state: DataState) -> DataState:
    """Return the same rows in some three hundred blocks; the state itself if these are too few for its density."""
    columns, weighted = state.columns, state.sums.rows is not None
    parts = [state.sums.table(), *(each.counts for each in columns.counted), *(each.sums for each in columns.present)]
    if weighted:
        parts.append(state.sums.sizes[:, None])
    table = coarsened(np.hstack(parts), at=-1 if weighted else 0)
    if len(table) == len(state.sums.counts) or too_many(len(table), int(state.joint.sum())) != columns.alone:
        return state
    width, counted = 1 + state.sums.sums.shape[1], []
    begin = width
    for each in columns.counted:
        end = begin + len(each.values)
        counted.append(replace(each, counts=table[:, begin:end]))
        begin = end
    present = tuple(
        replace(each, sums=table[:, begin + 2 * k : begin + 2 * k + 2]) for k, each in enumerate(columns.present)
    )
    sums = state.sums.of_table(np.ascontiguousarray(table[:, :width]), table[:, -1] if weighted else None)
    return DataState.of_sums(state, replace(columns, counted=tuple(counted), present=present), sums, state)
