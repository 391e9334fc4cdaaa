"""One table for the rows of many batches: sums over blocks like those of the reference, and counts of values.

New values of a column, such as a category that the reference does not have, become new columns of the table; tables
from before are filled with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pyrometer.base import Array
from pyrometer.states._blocks import coarsened
from pyrometer.states._columns import LABEL, ROWS, Columns
from pyrometer.states._counted import PRESENT, Counted
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
    """

    like: DataState
    labels: tuple[tuple[int, Any], ...] = ()

    @property
    def rows_at(self) -> int:
        """The column of the numbers of rows: the first, unless that has their weights."""
        return self.width + self.labels.index((ROWS, None)) if (ROWS, None) in self.labels else 0

    @property
    def width(self) -> int:
        """Columns before those of counts."""
        return 1 + int(self.like.sums.sums.shape[1])

    @property
    def groups(self) -> list[list[int]]:
        """Columns of the table that have the counts of each counted column; with the others, for missing numbers."""
        places = dict.fromkeys(place for place, _ in self.labels if place != ROWS)
        return [[self.width + k for k, label in enumerate(self.labels) if label[0] == place] for place in places]

    def with_state(self, state: DataState) -> tuple[Layout, Array]:
        """Return the layout with the values of a state, and its table."""
        table, counts, labels = state.sums.table(self.like.sums), {}, list(self.labels)
        for each in state.columns.counted:
            numbers = each.place in self.like.columns.places and each.place not in self.like.columns.by_counts
            for k, value in enumerate(each.values):
                if not numbers or value is None:
                    counts[each.place, value] = each.counts[:, k]
        if self.rows_at or state.sums.rows is not None:
            counts[ROWS, None] = state.sums.sizes
        labels += [label for label in counts if label not in self.labels]
        if labels:
            none = np.zeros(len(table))
            table = np.column_stack([table, *(counts.get(at, none) for at in labels)])
        return replace(self, labels=tuple(labels)), table

    def filled(self, table: Array) -> Array:
        """Return a table of fewer values with zeros for the others; rows that had no weights have 1 each."""
        width, at = table.shape[1], self.rows_at
        if width == self.width + len(self.labels):
            return table
        table = np.hstack([table, np.zeros((len(table), self.width + len(self.labels) - width))])
        if at >= width:
            table[:, at] = table[:, 0]
        return table

    def state(self, table: Array, of: DataState | None = None) -> DataState:
        """Return the state of the rows of a table, with the energy and the entropy of another if one is given."""
        table, like = self.filled(table), self.like
        counts, numbers = table[:, self.width :], set(like.columns.places) - like.columns.by_counts
        counted, fill = [], dict(like.columns.fill)
        for place in dict.fromkeys(place for place, _ in self.labels if place != ROWS):
            at = [k for k, label in enumerate(self.labels) if label[0] == place]
            at.sort(key=lambda k: self.labels[k][1] is None)
            values, own = tuple(self.labels[k][1] for k in at), counts[:, at]
            kind = "label" if place == LABEL else "value" if place in like.columns.places else "category"
            if place in numbers:
                kind, values, own = "missing", (PRESENT, None), np.column_stack([table[:, 0] - own[:, 0], own])
                fill.setdefault(place, float(like.sums.centre[like.columns.places.index(place)]))
            counted.append(Counted(place, kind, values, own))
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
