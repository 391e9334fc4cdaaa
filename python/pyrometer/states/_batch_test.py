"""The test of a batch, or of a pool of batches, against the reference of a monitor."""

from __future__ import annotations

from typing import NamedTuple

from pyrometer.base import Array
from pyrometer.states._blocks import coarsened
from pyrometer.states._compare import compare, with_p_value
from pyrometer.states._data_state import DataState, too_many
from pyrometer.states._layout import Layout, united
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import compared
from pyrometer.states._pools import Comparison
from pyrometer.states._sequential import FIRST, MOST, sequential
from pyrometer.states._shift_result import Shift

__all__ = ["BatchTest"]

_CLEAR = 0.05  # adjusted p-value of columns that are named


class BatchTest(NamedTuple):
    """The reference that batches are tested against, and how they are tested.

    Attributes
    ----------
    reference, coarsened : DataState
        The reference, and the same rows in a few hundred blocks.
    level : float
        Largest p-value that raises an alarm.
    block : int
        Rows of the least blocks.
    chosen : bool
        Whether the block was chosen for the serial dependence of the reference.
    grows, carries : bool
        As in `Pools`.
    """

    reference: DataState
    coarsened: DataState
    level: float
    block: int
    chosen: bool
    grows: bool
    carries: bool

    def states(self, layout: Layout, pair: Comparison, state: DataState) -> tuple[DataState, DataState]:
        """Return the reference as it is now, and the batch, in a few hundred blocks.

        Pools have sums about the centre of the reference: batches far from it have sums of their own.
        """
        if not self.grows:
            return self.coarsened, united(state)
        old = layout.state(pair.before)
        if not len(pair.after) or not state.sums.is_comparable(self.reference.sums):
            return old, layout.in_its_cells(state)
        counted = self.reference.columns.by_counts
        if any(each.place not in counted for each in state.columns.present) or not state.sums.is_near(
            self.reference.sums, self.reference.joint
        ):
            return old, layout.in_its_cells(state)
        return old, layout.state(pair.after, state)

    def compared(
        self,
        layout: Layout,
        pair: Comparison,
        state: DataState,
        states: tuple[DataState, DataState],
        resamples: int,
        seed: tuple[int, int],
    ) -> Shift:
        """Compare a batch with the reference, by as few permutations of `states` as are enough."""
        result = compare(*states, self.level, FIRST, seed, threads=0)
        if self.grows:
            first = None if states[1].sums is state.sums else result.p_value
            p_value = self.tested(layout, pair, resamples, seed, first)
            return with_p_value(result, p_value, before=states[0], after=states[1])
        pair_of_states = self.reference, state
        if self.carries:
            p_value = self.tested(layout, pair, resamples, seed)
        else:

            def test(count: int) -> float:
                return self._p_value(*(states if count < resamples else pair_of_states), layout, pair, count, seed)

            p_value = sequential(test, resamples, result.p_value)
            if p_value <= self.level:
                return compare(*pair_of_states, self.level, resamples, seed, threads=0)
        return with_p_value(result, p_value, before=self.reference, after=state)

    def tested(
        self, layout: Layout, pair: Comparison, resamples: int, seed: tuple[int, int], first: float | None = None
    ) -> float:
        """p-value of batches."""
        if not len(pair.after):
            return 1.0

        def test(count: int) -> float:
            before, after = pair.before, pair.after
            if not self.grows and count < resamples:
                before, after = self._coarsened(before, layout.rows_at), self._coarsened(after, layout.rows_at)
            old, new = layout.state(before, self.reference), layout.state(after, self.reference)
            return self._p_value(old, new, layout, pair, count, seed)

        return sequential(test, resamples, first)

    def _coarsened(self, sums: Array, at: int) -> Array:
        """Unite blocks, unless these would be too few for the joint density."""
        if sums is self.reference.sums.table():
            return self.coarsened.sums.table()
        joint, merged = int(self.reference.joint.sum()), coarsened(sums, at=at)
        return sums if too_many(len(merged), joint) != too_many(len(sums), joint) else merged

    def _p_value(
        self, old: DataState, new: DataState, layout: Layout, pair: Comparison, count: int, seed: tuple[int, int]
    ) -> float:
        """p-value of so many permutations, with what adjacent blocks share."""
        both, most, inflation = Pair.of(old, new), MOST if self.grows else None, self._inflation(pair, layout.rows_at)
        permutations = compared(both.tables, old.law, count, seed, 0, both.marginals, inflation=inflation, most=most)
        return 1.0 if permutations is None else permutations.p_value

    def changed(
        self, layout: Layout, pairs: list[Comparison], result: Shift, window: int, seed: tuple[int, int]
    ) -> tuple[str, ...]:
        """Columns that have changed most clearly, in the batch, or in the pool if that alone raises the alarm."""
        if result.p_value > self.level:
            pair = next(each for each in pairs if each.window == window)
            old, new = layout.state(pair.before, self.reference), layout.state(pair.after, self.reference)
            result = compare(old, new, self.level, FIRST, seed, threads=0)
        return tuple(str(row["column"]) for row in result.columns if row["p_value"] <= _CLEAR)

    def _inflation(self, pair: Comparison, at: int) -> float:
        rows = min(pair.before[:, at].sum(), pair.after[:, at].sum())
        return self.reference.dependence.correction(self.block, rows, chosen=self.chosen)
