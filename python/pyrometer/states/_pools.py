"""Batches in their order: pools that wait for others, and the reference that batches without an alarm join.

Pools of 1, 2, 4, ... batches are the digits of a binary counter: two of one size are merged into the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pyrometer.base import Array
from pyrometer.states._blocks import grown, together
from pyrometer.states._data_state import DataState
from pyrometer.states._layout import Layout

__all__ = ["SCANNED", "Comparison", "Pools"]

SCANNED = 256  # batches among which the beginning of a change is looked for


class Comparison(NamedTuple):
    """Sums over blocks of the last `window` batches, and of what they are compared with."""

    before: Array
    after: Array
    window: int


@dataclass(frozen=True, eq=False)
class Pools:
    """What is kept of the reference and of batches: sums over blocks about the centre of the reference.

    Attributes
    ----------
    layout : Layout
        What the columns of the sums are.
    base : ndarray, shape (b, w)
        Blocks of the reference, and of all batches that have joined it.
    waiting : tuple of ndarray or None
        Blocks of the pools of 1, 2, 4, ... batches that are not complete.
    begun : ndarray, shape (w,), or None
        Sums of the rows of a block that goes on in the next batch.
    block : int
        Rows of the least blocks.
    grows : bool
        Whether a batch joins the reference when its last pool has been compared.
    carries : bool
        Whether a block may go on in the next batch.
    earlier : ndarray, shape (w,)
        Sums of the rows before those of `totals`.
    totals : ndarray, shape (k, w)
        Sums of the rows of each of the last batches.
    """

    layout: Layout
    base: Array
    waiting: tuple[Array | None, ...]
    begun: Array | None
    block: int
    grows: bool
    carries: bool
    earlier: Array
    totals: Array

    @classmethod
    def of(cls, reference: DataState, sizes: int, *, grows: bool, carries: bool) -> Pools:
        """Return the state before the first batch, with pools of `sizes` sizes."""
        layout, table = Layout(reference).with_state(reference)
        table = grown(table, at=layout.rows_at) if grows else table
        total, block = table.sum(axis=0), reference.block
        return cls(layout, table, (None,) * sizes, None, block, grows, carries, total, table[:0])

    @property
    def missing(self) -> int:
        """Rows that the block which goes on lacks; 0 where there is none."""
        return 0 if self.begun is None else self.block - int(self.begun[self.layout.rows_at])

    def before(self, least: int = 0) -> Array:
        """Blocks that a batch, or a pool of 2^least, is compared with: of all batches before it if the base grows."""
        waiting = [pool for pool in self.waiting[least:] if pool is not None] if self.grows else []
        return grown(self.base, *waiting, at=self.layout.rows_at) if waiting else self.base

    def with_batch(self, state: DataState, within: bool) -> tuple[Pools, list[Comparison]]:
        """Return the state after a batch, and what is to be compared: the batch itself, and pools that it completed.

        The first block of the batch has at most the missing rows. `within` an event its rows are counted with those of
        the batch that raised the alarm, and nothing joins a reference that grows.
        """
        layout, sums = self.layout.with_state(state)
        return self._filled(layout)._with_sums(sums, within)

    def _filled(self, layout: Layout) -> Pools:
        """Return the same, with the columns of a layout that has more values, or has some in cells."""
        before = self.layout
        if layout is before:
            return self
        return replace(
            self,
            layout=layout,
            base=layout.filled(self.base, before),
            waiting=tuple(None if pool is None else layout.filled(pool, before) for pool in self.waiting),
            begun=None if self.begun is None else layout.filled(self.begun[None], before)[0],
            earlier=layout.filled(self.earlier[None], before)[0],
            totals=layout.filled(self.totals, before),
        )

    def _with_sums(self, sums: Array, within: bool) -> tuple[Pools, list[Comparison]]:
        after = self._with_total(sums.sum(axis=0), within)
        sums, begun = self._completed(sums)
        comparisons = [Comparison(self.before(), sums, 1)]
        if within and self.grows:
            return replace(after, begun=begun), comparisons
        pools, base = list(self.waiting), self.base
        for k, waiting in enumerate(self.waiting):
            if waiting is None:
                pools[k] = sums
                break
            sums, pools[k] = self._union(waiting, sums), None
            comparisons.append(Comparison(self.before(k + 1), sums, 2 ** (k + 1)))
        else:
            at = self.layout.rows_at
            base = grown(base, _folded(sums, self.block, at), at=at) if self.grows else base
        return replace(after, base=base, waiting=tuple(pools), begun=begun), comparisons

    def frozen(self, before: Pools, window: int) -> Pools:
        """Return this state, that after an alarm, with the reference which the last `window` batches differed from.

        `before` is the state before the last of them.
        """
        if not self.grows:
            return self
        reference = self.layout.filled(before.before(window.bit_length() - 1), before.layout)
        return replace(self, base=reference, waiting=(None,) * len(self.waiting))

    def restarted(self) -> Pools:
        """Return the state after an event that is over: with the reference as it is; one that grows has no pools."""
        waiting = (None,) * len(self.waiting) if self.grows else self.waiting
        total = self.base.sum(axis=0)
        return replace(self, waiting=waiting, begun=None, earlier=total, totals=self.totals[:0])

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by the names that files have for them."""
        arrays = {f"pool_{k}": pool for k, pool in enumerate(self.waiting) if pool is not None}
        arrays |= {"earlier": self.earlier[None], "totals": self.totals}
        if self.begun is not None:
            arrays["begun"] = self.begun[None]
        return arrays | ({"base": self.base} if self.grows else {})

    def _with_total(self, total: Array, within: bool) -> Pools:
        if within:
            return replace(self, totals=np.vstack([self.totals[:-1], self.totals[-1] + total]))
        earlier, totals = self.earlier, np.vstack([self.totals, total])
        if len(totals) > SCANNED:
            earlier, totals = earlier + totals[0], totals[1:]
        return replace(self, earlier=earlier, totals=totals)

    def _union(self, first: Array, second: Array) -> Array:
        at = self.layout.rows_at
        return grown(first, second, at=at) if self.grows else together(first, second, at)

    def _completed(self, sums: Array) -> tuple[Array, Array | None]:
        """Blocks that are complete, and the sums of the last one if it is not."""
        if not self.carries:
            return sums, None
        if self.begun is not None:
            sums = np.vstack([self.begun + sums[0], sums[1:]])
        return (sums[:-1], sums[-1]) if sums[-1, self.layout.rows_at] < self.block else (sums, None)


def _folded(sums: Array, block: int, at: int) -> Array:
    """Unite the blocks of odd sizes, which no permutation moves, into one."""
    quarters = np.log2(sums[:, at] / block) / 2.0
    odd = quarters != np.round(quarters)
    return np.vstack([sums[~odd], sums[odd].sum(axis=0)]) if odd.sum() > 1 else sums
