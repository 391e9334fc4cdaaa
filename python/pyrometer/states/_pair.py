"""Two states in one layout: what of their columns is compared jointly, by counts, or column by column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array, listed, plain
from pyrometer.states._block_sums import BlockSums, covariance_of
from pyrometer.states._blocks import LEAST
from pyrometer.states._cells import columns_in_cells, crowded, places_in_cells
from pyrometer.states._columns import LABEL
from pyrometer.states._counted import OTHER
from pyrometer.states._marginals import Marginals
from pyrometer.states._resampled import redrawn_pair
from pyrometer.states._row_sums import of_coordinates

if TYPE_CHECKING:
    from pyrometer.states._data_state import DataState

__all__ = ["Pair"]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two states, with sums over blocks about the centre of the first, from which blocks of both can be exchanged.

    About the centre of another sample, many deviations away, a variance is lost in rounding: what belongs to the two
    samples themselves, and to resamples of each, is computed from sums about the centre of each (`apart`).

    Attributes
    ----------
    tables : tuple of ndarray, shape (b, 3 + d + d (d + 1) / 2)
        Of the coordinates of the joint density, as the core takes them.
    marginals : Marginals
        Of all columns.
    first : BlockSums
        Sums of the first state, in the larger units of both where those of the first cannot represent the second.
    keep : ndarray of bool
        Which coordinates are in the joint density.
    is_own : bool
        Whether both states have the entropies that belong to this comparison.
    note : str
        What is not compared as a joint Gaussian density, in words; "" if nothing.
    reason : str
        Why entropies and divergence are nan: a column that has a density in one of the samples only.
    """

    old: DataState
    new: DataState
    tables: tuple[Array, Array]
    marginals: Marginals
    first: BlockSums
    keep: npt.NDArray[np.bool_]
    is_own: bool
    note: str
    reason: str

    @classmethod
    def of(cls, old: DataState, new: DataState) -> Pair:
        """Collect the sums of two states of one kind."""
        both = old, new
        either = (old.columns.by_counts | new.columns.by_counts) - {LABEL}
        by_counts = frozenset(
            place
            for place in either
            if any(state.columns.counts_alone(place) for state in both)
            or all(_is_counted(state, place) for state in both)
        )
        dependent = _dependent(both, by_counts)
        if dependent:
            others = [frozenset({place}) for place in old.columns.places if _of_two_values(both, place)]
            by_counts |= next((more for more in others if not _dependent(both, by_counts | more)), frozenset())
        cells = (places_in_cells(old.columns) | places_in_cells(new.columns)) & (
            by_counts | _categories(old) | _categories(new)
        )
        values: dict[int, set[Any]] = {}
        for state in both:
            for each in state.columns.counted:
                if each.place in (by_counts | _categories(state)) - cells:
                    values.setdefault(each.place, set()).update(each.values)
        cells |= crowded({place: len(each) for place, each in values.items()})
        columns = [columns_in_cells(state, cells) for state in both]
        alone = any(state.columns.alone for state in both)
        first = old.sums if new.sums.is_comparable(old.sums) else old.sums.coarser(new.sums)
        sums = [first, new.sums]
        moved = [each.table(first) for each in sums]
        marginals = Marginals.of(sums, columns, by_counts, alone=alone, moved=moved)
        keep = np.ones(marginals.d, dtype=bool)
        keep[: len(old.columns.places)] = [place not in by_counts and not alone for place in old.columns.places]
        tables = _of_coordinates(moved[0], keep), _of_coordinates(moved[1], keep)
        is_own = all(state.columns.by_counts == by_counts and state.columns.alone == alone for state in both)
        is_own &= not any(each.cells or (each.kind == "value" and OTHER in each.values) for each in marginals.counted)
        flat = [place for place in either - by_counts if any(_is_constant(state, place) for state in both)]
        note, reason = _note(old, by_counts, alone), _reason(old, flat, _dependent(both, by_counts))
        return cls(old, new, tables, marginals, first, keep, is_own, note, reason)

    @cached_property
    def apart(self) -> Marginals:
        """The marginals, with sums about the centre of each sample."""
        old, new = self.first, self.new.sums
        tables = old.table(), new.table_about_own_centre(old)
        marginals = self.marginals.about_own_centres(tables, new.offset(old))
        return marginals.with_present([old, new], [self.old.columns, self.new.columns])

    def _changes(self, resamples: int, seed: tuple[int, int], threads: int) -> Array:
        """Changes (resamples + 1, 3) of energy, and of entropy and divergence of the joint density."""
        old, new = self.old.sums, self.new.sums
        table = _of_coordinates(new.table_about_own_centre(old), self.keep)
        apart = new.offset(old)[self.keep]
        return _core.redrawn_shifts(self.tables[0], table, apart, self.old.law, seed, resamples, threads)

    def redrawn(self, resamples: int, seed: tuple[int, int], threads: int) -> tuple[Array, Array, list[str]]:
        """Changes of entropy and divergence; bootstrap covariance of all changes; why some of it is nan."""
        nothing = np.full((3, 3), np.nan)
        if not self.is_comparable:
            why = "divergence and errors: the samples are more than 80 powers of ten apart"
            return np.full(2, np.nan), nothing, [why]
        why_not = [self.reason] if self.reason else []
        drawn = self._changes(resamples, seed, threads)
        if self.marginals.adds:
            drawn[:, 1:] += self.beside_redrawn(resamples, seed, threads)
        if self.reason:
            drawn[:, 1:] = np.nan
        changes = drawn[0, 1:]
        if not self.can_be_redrawn:
            blocks = [len(each.sums.counts) for each in (self.old, self.new)]
            why = f"errors: at least {LEAST} blocks of rows are needed, got {blocks[0]} and {blocks[1]}"
            return changes, nothing, [why]
        lacking = np.isnan(drawn[1:, 2])
        if not lacking.any() or self.old.reason or self.new.reason or why_not:
            return changes, covariance_of(drawn[1:]), why_not
        reason = (
            f"errors of entropy and divergence: {lacking.sum()} of {resamples} resamples of the rows have no density"
        )
        return changes, covariance_of(drawn[1:]), [reason + self._why_lacking(lacking, resamples, seed, threads)]

    def _why_lacking(self, lacking: npt.NDArray[np.bool_], resamples: int, seed: tuple[int, int], threads: int) -> str:
        """Return what is known of the resamples without a density, and what to do."""
        sums = redrawn_pair(self.apart.pair, seed, resamples, threads)
        moments = (self.apart.moments(each, second=k > 0, filled=True) for k, each in enumerate(sums))
        flat = np.any([variance[lacking] == 0.0 for _, _, variance in moments], axis=0) & self.keep
        if not flat.any():
            return "; use more rows, a smaller block or fewer features"
        place = [*self.old.columns.places, None][int(np.argmax(flat.sum(axis=0)))]
        name = "the residual" if place is None else f"column {self.old.named(place)}"
        return (
            f": without a few of the rows {name} is constant, or its variance is lost in rounding beside their "
            "distance from it; give numbers that stand for missing ones as nan, or leave these rows or this column out"
        )

    @property
    def is_comparable(self) -> bool:
        """Whether the sums of the second state can be represented in the units of the first."""
        return self.new.sums.is_comparable(self.old.sums)

    @property
    def can_be_redrawn(self) -> bool:
        """Whether both states have enough blocks."""
        return min(len(each.sums.counts) for each in (self.old, self.new)) >= LEAST

    @property
    def is_joint(self) -> bool:
        """Whether more than one coordinate is in the joint density: with fewer it adds nothing to the columns."""
        coordinates = 2
        return bool(self.tables[0].shape[1] >= 3 + coordinates + coordinates * (coordinates + 1) // 2)

    def beside_redrawn(self, resamples: int, seed: tuple[int, int], threads: int) -> Array:
        """Changes (resamples + 1, 2) of entropy and divergence beside the joint ones; the samples themselves first."""
        marginals = self.apart
        totals = [table.sum(axis=0)[None] for table in marginals.tables]
        both = totals, redrawn_pair(marginals.pair, seed, resamples, threads)
        parts = [marginals.parts(*sums) for sums in both]
        return np.concatenate([np.stack([each.entropy, each.divergence], axis=1) for each in parts])

    def column_errors(self, resamples: int, seed: tuple[int, int], threads: int) -> Array:
        """Standard errors of the divergences of numbers, the residual included, of counted columns, and of widths."""
        marginals, widths = self.apart, self.old.law == "laplace"
        if not (self.is_comparable and self.can_be_redrawn):
            return np.full(marginals.d + len(marginals.counted) + widths, np.nan)
        sums = redrawn_pair(marginals.pair, seed, resamples, threads)
        drawn = marginals.parts(*sums)
        each = np.hstack([drawn.numbers, drawn.counts])
        if widths:
            each = np.column_stack([each, drawn.widths])
        with np.errstate(invalid="ignore", over="ignore"):
            errors = each.std(axis=0)
        errors[~np.isfinite(errors)] = np.nan
        return np.asarray(errors)


def _of_coordinates(table: Array, keep: npt.NDArray[np.bool_]) -> Array:
    """Columns of a table that belong to the coordinates to keep, with all their products."""
    columns = table.shape[1] - 3 - len(keep)
    if keep.all() and columns == len(keep) * (len(keep) + 1) // 2:
        return table
    return np.ascontiguousarray(table[:, of_coordinates(keep, columns)])


def _categories(state: DataState) -> frozenset[int]:
    return frozenset(each.place for each in state.columns.counted if each.kind == "category")


def _is_counted(state: DataState, place: int) -> bool:
    counted = state.columns.of(place)
    return counted is not None and counted.kind != "missing"


def _is_constant(state: DataState, place: int) -> bool:
    counted = state.columns.of(place)
    return counted is not None and counted.kind == "value" and len(counted.values) == 1


def _of_two_values(both: tuple[DataState, DataState], place: int) -> bool:
    counted = [state.columns.of(place) for state in both]
    return all(each is not None and each.kind == "value" and len(each.values) == 2 for each in counted)


def _dependent(both: tuple[DataState, DataState], by_counts: frozenset[int]) -> list[int]:
    """Return the columns that one state counts, but not these counts, and without which alone it has a density."""
    places: set[int] = set()
    for state in both:
        apart = state.columns.by_counts - by_counts - {LABEL}
        if apart and not (state.columns.alone or state.reason):
            keep = state.joint
            keep[: len(state.columns.places)] = [place not in by_counts for place in state.columns.places]
            if np.isnan(state.sums.energy_and_entropy(keep)[1]):
                places |= apart
    return sorted(places)


def _reason(old: DataState, places: list[int], dependent: list[int]) -> str:
    if dependent and not places:
        return (
            f"divergence, entropy_change and their errors: column {old.named(dependent[-1])} is a linear function of "
            "others, or nearly, in one of the samples and not in the other; drop it"
        )
    if not places:
        return ""
    remedy = "drop it, or exchange the samples"
    if any(_is_constant(old, place) for place in places):
        remedy = "give after as rows, or make it with like=before"
    return (
        f"divergence, entropy_change and their errors: column {old.named(min(places))} is constant in one of the "
        f"samples and has a density in the other; {remedy}"
    )


def _note(state: DataState, by_counts: frozenset[int], alone: bool) -> str:
    notes = []
    numbers = sorted(by_counts & set(state.columns.places))
    if numbers:
        names = [state.names[j] if state.names else str(j) for j in numbers]
        notes.append(
            f"compared by counts, because their numbers have no density: {listed(names, plain)} (constant, two values "
            "of which one is rare or which depend on others, or too few that are not missing)"
        )
    if alone:
        notes.append(
            "columns are compared as if they were independent: there are too few rows, or too many columns, for the "
            "covariance of all of them"
        )
    return "; ".join(notes)
