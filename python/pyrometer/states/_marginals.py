r"""What each column contributes to entropy and divergence, from sums over blocks of rows (not in the paper).

A number is normal with its own mean and variance: its divergence is
:math:`\frac12 [v_1/v_0 + (\mu_1 - \mu_0)^2/v_0 - 1 - \ln(v_1/v_0)]`. A column of counts has its shares, smoothed by one
row that has the shares of both samples together (with weights, one of weight 1, or of their mean where that is less);
then values that only one sample has are no error, and permutations change nothing about the smoothing. A number that
may be missing has both: the divergence of the missing share, and that of the numbers times the share of rows that
have one. In the joint density what stands for a missing number is a number; the difference that this makes to the
column's own entropy and divergence is corrected here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._block_sums import BlockSums
from pyrometer.states._columns import LABEL, Columns
from pyrometer.states._counted import Counted, aligned, entropy_of, presence
from pyrometer.states._row_sums import FARTHEST, factors_of
from pyrometer.states._row_weights import excess_variance

__all__ = ["Marginals", "Parts", "some_at_once"]

_FLAT = 1e-12  # variances below this share of the mean square are rounding
_LN2 = float(np.log(2.0))
_AT_ONCE, _LEAST = 2**18, 1024  # numbers of samples that are compared at once; samples, at least
_NORMAL = 0.5 * float(np.log(2.0 * np.pi * np.e))


class Parts(NamedTuple):
    """Divergences of each coordinate (r, d) and counted column (r, k); and changes beside the joint density."""

    numbers: Array
    counts: Array
    entropy: Array  # (r,)
    divergence: Array  # (r,)
    widths: Array  # of Laplace distributions whose widths are the mean scores (r,)


class _Kept(NamedTuple):
    """Sums of the numbers of a coordinate that are there, about the mean of each sample."""

    column: int  # of the numbers; their squares are in the next one
    centre: float  # of the first sample, in the units of the data
    away: float  # the centre of the second sample less that of the first, in units


@dataclass(frozen=True, eq=False)
class Marginals:
    """Sums of the columns of one or two samples, in one layout: rows or weights, scores, coordinates, squares, counts.

    Attributes
    ----------
    tables : sequence of ndarray, shape (b, C)
        One for each sample.
    d : int
        Number of coordinates, the residual included.
    alone : ndarray of bool, shape (d,)
        Coordinates that contribute by themselves, because there are too few rows for their joint density.
    missing : dict of int to (int, float)
        For each coordinate with missing numbers: the column of their count, and the coordinate that stands for them.
    slices : tuple of slice
        Columns of `tables` for each counted column.
    counted : tuple of Counted
        These columns, with the values of both samples.
    doublings : ndarray, shape (d,)
        Exponents of 2 of the units of coordinates.
    rows : sequence of ndarray, shape (b,), or None
        Rows of the blocks of each sample, where rows have weights.
    offset : ndarray, shape (d,), or 0
        The centre of the second sample less that of the first, in units; 0 where both are measured from one.
    present : dict of int to _Kept
        Of coordinates for which sums of the numbers that are there are kept beside those of all rows.
    """

    tables: tuple[Array, ...]
    d: int
    alone: npt.NDArray[np.bool_]
    missing: dict[int, tuple[int, float]]
    slices: tuple[slice, ...]
    counted: tuple[Counted, ...]
    doublings: npt.NDArray[np.int64]
    rows: tuple[Array, ...] | None = None
    offset: Array | float = 0.0
    present: dict[int, _Kept] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        samples: Sequence[BlockSums],
        columns: Sequence[Columns],
        by_counts: frozenset[int],
        *,
        alone: bool,
        moved: Sequence[Array] | None = None,
    ) -> Marginals:
        """Collect the sums of samples, about the centre of the first and in its units, of their tables if `moved`."""
        like, d = samples[0], len(samples[0].centre)
        tables = [[_columns(table, d)] for table in moved or [sums.table(like) for sums in samples]]
        width, missing, slices, counted = 2 + 2 * d, {}, [], []
        for i, place in enumerate(columns[0].places):
            if place in by_counts or not any(place in each.fill for each in columns):
                continue
            for parts, sums, one in zip(tables, samples, columns, strict=True):
                parts.append(presence(one.of(place), place, sums.counts).counts[:, 1:])
            fill = next(each.fill[place] for each in columns if place in each.fill)
            missing[i] = width, float(np.ldexp(fill - like.centre[i], -int(like.units[2 + i])))
            width += 1
        for place in sorted(
            by_counts | {each.place for each in columns[0].counted if each.kind in ("category", "label")}
        ):
            held = [each.of(place) for each in columns]
            if any(each.counts_alone(place) for each in columns):
                held = [presence(each, place, sums.counts) for each, sums in zip(held, samples, strict=True)]
            alignment = aligned([each for each in held if each is not None])
            for parts, each in zip(tables, alignment, strict=True):
                parts.append(each.counts)
            slices.append(slice(width, width + len(alignment[0].values)))
            counted.append(alignment[0])
            width = slices[-1].stop
        single = np.zeros(d, dtype=bool)
        if alone:
            single[: len(columns[0].places)] = [place not in by_counts for place in columns[0].places]
        return cls(
            tuple(np.ascontiguousarray(np.hstack(parts)) for parts in tables),
            d,
            single,
            missing,
            tuple(slices),
            tuple(counted),
            like.units[2:],
            None if all(sums.rows is None for sums in samples) else tuple(sums.sizes for sums in samples),
        )

    def about_own_centres(self, tables: Sequence[Array], offset: Array) -> Marginals:
        """Return the same with sums of these tables, each about the centre of its own sample."""
        counts = [table[:, 2 + 2 * self.d :] for table in self.tables]
        own = [np.hstack([_columns(table, self.d), rest]) for table, rest in zip(tables, counts, strict=True)]
        return replace(self, tables=tuple(own), offset=offset)

    def with_present(self, samples: Sequence[BlockSums], columns: Sequence[Columns]) -> Marginals:
        """Return the same, about the centre of each sample, with the sums of present numbers that a sample has kept."""
        if not any(each.present for each in columns):
            return self
        tables, present, units = list(self.tables), {}, samples[0].units[2:]
        for i in self.missing:
            held = [each.present_of(columns[0].places[i]) for each in columns]
            if not any(held):
                continue
            centres, column = [], tables[0].shape[1]
            for k, (each, sums) in enumerate(zip(held, samples, strict=True)):
                if each is None:
                    own = np.stack(self._present_sums(tables[k], i, self._centres(second=k > 0)[i]), axis=1)
                else:
                    own = each.in_unit(int(units[i]))
                tables[k] = np.hstack([tables[k], own])
                centres.append(float(sums.centre[i]) if each is None else each.centre)
            with np.errstate(over="ignore"):
                away = np.ldexp(centres[-1], -units[i]) - np.ldexp(centres[0], -units[i])
            present[i] = _Kept(column, centres[0], float(np.clip(away, -FARTHEST, FARTHEST)))
        return replace(self, tables=tuple(tables), present=present)

    @classmethod
    def of_one(cls, sums: BlockSums, columns: Columns) -> Marginals:
        """Collect the sums of one sample, about its centre and in its units."""
        own = cls.of([sums], [columns], frozenset(), alone=False)
        return own.with_present([sums], [columns])

    def described(self, sums: BlockSums) -> tuple[Array, Array, Array]:
        """Shares of rows with a number (d,), means and standard deviations of the numbers of the one sample."""
        share, mean, variance = (moment[0] for moment in self.moments(self.tables[0].sum(axis=0)[None]))
        centre = np.array([self.present[i].centre if i in self.present else sums.centre[i] for i in range(self.d)])
        with np.errstate(over="ignore"):
            return share, np.ldexp(mean, self.doublings) + centre, np.ldexp(np.sqrt(variance), self.doublings)

    @property
    def pair(self) -> tuple[Array, Array]:
        """The tables of two samples."""
        old, new = self.tables
        return old, new

    @property
    def rows_of_pair(self) -> tuple[Array, Array] | None:
        """Rows of the blocks of two samples; None where they are the first column."""
        return None if self.rows is None else (self.rows[0], self.rows[1])

    @property
    def mean_weight(self) -> float:
        """Mean weight of all rows: that of the row by which permutations smooth, whatever the unit of weights."""
        if self.rows is None:
            return 1.0
        return float(sum(table[:, 0].sum() for table in self.tables) / sum(rows.sum() for rows in self.rows))

    @property
    def weighting(self) -> float:
        """Variance of weighted means in units of that of permutations of two samples, at least 1."""
        return 1.0 if self.rows is None else excess_variance(self.pair, (self.rows[0], self.rows[1]), self.d)

    @property
    def adds(self) -> bool:
        """Whether anything contributes beside the joint density."""
        return bool(self.alone.any() or self.missing or any(each.place != LABEL for each in self.counted))

    def entropy(self, sums: Array, reference: Array | float = 0.0, *, second: bool = False) -> Array:
        """Return what samples with these sums (r, C) have beside the entropy of the joint density, (r,).

        The entropy of numbers of which a share is missing is that share of one, so that it depends on their unit, but
        for a `reference` (d,) that it is measured from.
        """
        result = np.zeros(len(sums))
        for each, place in zip(self.counted, self.slices, strict=True):
            if each.place != LABEL:
                result += entropy_of(sums[:, place])
        if not (self.alone.any() or self.missing):
            return result
        own, joint = (self._normal_entropies(sums, second=second, filled=filled) for filled in (False, True))
        share = self.moments(sums, second=second)[0]
        for i in self.missing:
            present = share[:, i]
            result += present * (own - reference)[:, i] - joint[:, i] * (not self.alone[i])
            result += entropy_of(np.stack([present, 1.0 - present], axis=1))
        for i in map(int, np.flatnonzero(self.alone)):
            if i not in self.missing:
                result += own[:, i]
        return result

    def _normal_entropies(self, sums: Array, *, second: bool = False, filled: bool = False) -> Array:
        """Entropies (r, d) of numbers by themselves; nan where they do not vary."""
        variance = self.moments(sums, second=second, filled=filled)[2]
        with np.errstate(invalid="ignore"):
            logarithm = np.log(np.where(variance > 0.0, variance, np.nan))
        return np.asarray(_NORMAL + 0.5 * logarithm + self.doublings * _LN2)

    def parts(self, a: Array, b: Array, common: Array | None = None) -> Parts:
        """Return the contributions to the changes from samples with sums `a` (r, C) to those with sums `b`.

        With the sums of both together, `common` (1, C), changes do not depend on the units of columns and weights.
        """
        widest = max([1, self.d, *(place.stop - place.start for place in self.slices)])
        parts = [self._parts(a[some], b[some], common) for some in some_at_once(len(a), widest)]
        return Parts(*map(np.concatenate, zip(*parts, strict=True)))

    def _parts(self, a: Array, b: Array, common: Array | None) -> Parts:
        one = self.mean_weight if common is not None else min(self.mean_weight, 1.0)
        reference = 0.0 if common is None else np.nan_to_num(self._normal_entropies(common))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            _, mean, variance = self.moments(a)
            new_share, new_mean, new_variance = self.moments(b, second=True)
            normal = _normal(mean, variance, new_mean, new_variance)
            own = normal.copy()
            beside = normal[:, self.alone].sum(axis=1)
            for i, (column, _) in self.missing.items():
                pair = [np.stack([x[:, 0] - x[:, column], x[:, column]], axis=1) for x in (a, b)]
                present = new_share[:, i]
                lost = _of_counts(pair[0], pair[1], one)
                own[:, i] = np.where(present > 0.0, present * normal[:, i], 0.0) + lost
                beside += own[:, i]
                if self.alone[i]:
                    beside -= normal[:, i]
                else:
                    both = (a, False), (b, True)
                    moments = (self.moments(sums, second=second, filled=True) for sums, second in both)
                    beside -= _normal(*(x[:, i] for each in moments for x in each[1:]))
        counts = np.zeros((len(a), len(self.counted)))
        for k, (each, place) in enumerate(zip(self.counted, self.slices, strict=True)):
            counts[:, k] = _of_counts(a[:, place], b[:, place], one)
            if each.place != LABEL:
                beside = beside + counts[:, k]
        entropy = self.entropy(b, reference, second=True) - self.entropy(a, reference)
        return Parts(own, counts, entropy, beside, _widths(a, b))

    def moments(self, sums: Array, *, second: bool = False, filled: bool = False) -> tuple[Array, Array, Array]:
        """Return shares of rows with a number, means and variances (r, d) of the numbers, in units.

        `second` says whether the sums are those of the second sample. Means of both are about the first centre. With
        `filled`, numbers include those that stand for missing ones.
        """
        share, mean, square = self.block_means(sums, second=second, filled=filled)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            variance = square - mean**2
        centres = self._centres(second=second, present=not filled)
        return share, mean + centres, np.where(variance > _FLAT * square, variance, 0.0)

    def block_means(self, sums: Array, *, second: bool = False, filled: bool = False) -> tuple[Array, Array, Array]:
        """Return shares of rows with a number, means of the numbers and of their squares (r, d), from their centre."""
        rows, first = sums[:, :1], sums[:, 2 : 2 + self.d]
        squares = sums[:, 2 + self.d : 2 + 2 * self.d]
        share = np.ones_like(first)
        number = np.broadcast_to(rows, first.shape)
        if self.missing and not filled:
            first, squares, number = first.copy(), squares.copy(), number.copy()
            centres = self._centres(second=second)
            for i, (column, _) in self.missing.items():
                number[:, i] -= sums[:, column]
                first[:, i], squares[:, i] = self._present_sums(sums, i, centres[i])
                share[:, i] = number[:, i] / sums[:, 0]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return share, first / number, squares / number

    def _present_sums(self, sums: Array, i: int, centre: float) -> tuple[Array, Array]:
        """Sums (r,) of the numbers of a coordinate that are there, and of their squares, from their centre."""
        if i in self.present:
            column = self.present[i].column
            return sums[:, column], sums[:, column + 1]
        column, fill = self.missing[i]
        missing, z = sums[:, column], fill - centre
        return sums[:, 2 + i] - missing * z, sums[:, 2 + self.d + i] - missing * z**2

    def _centres(self, *, second: bool, present: bool = False) -> Array:
        """Centres (d,) of coordinates, or with `present` of the numbers that are there, from the first sample's."""
        centres = np.array(np.broadcast_to(self.offset if second else 0.0, self.d), dtype=np.float64)
        if present:
            for i, each in self.present.items():
                centres[i] = each.away if second else 0.0
        return centres


def some_at_once(samples: int, width: int) -> Iterator[slice]:
    """Slices of equal length of samples with so many numbers each, for temporary arrays of a few megabytes."""
    count = max(1, -(-samples // max(_LEAST, _AT_ONCE // width)))
    return (slice(samples * k // count, samples * (k + 1) // count) for k in range(count))


def _columns(table: Array, d: int) -> Array:
    """Rows or weights, scores, coordinates and their squares, of a table that the core takes."""
    first, second = factors_of(d, table.shape[1] - 3 - d)
    squares = 3 + d + np.flatnonzero(first == second)
    return np.asarray(table[:, [0, 2, *range(3, 3 + d), *squares]])


def _normal(mean: Array, variance: Array, new_mean: Array, new_variance: Array) -> Array:
    """Divergence of a normal distribution from another, 0 where neither varies and both have one mean."""
    ratio = new_variance / variance
    result = 0.5 * (ratio + (new_mean - mean) ** 2 / variance - 1.0 - np.log(ratio))
    return np.asarray(np.where((variance == 0.0) & (new_variance == 0.0) & (new_mean == mean), 0.0, result))


def _widths(a: Array, b: Array) -> Array:
    """Divergence of Laplace distributions with the mean scores of samples."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = (b[:, 1] / b[:, 0]) / (a[:, 1] / a[:, 0])
        return np.asarray(ratio - 1.0 - np.log(ratio))


def _of_counts(old: Array, new: Array, one: float) -> Array:
    """Divergence of shares from others, (r,), both smoothed by a row of their common shares, of the weight `one`."""
    old, new = np.maximum(old, 0.0), np.maximum(new, 0.0)  # differences of weights may be below 0 by rounding
    pool = old + new
    pool = pool / pool.sum(axis=1, keepdims=True)
    pool = pool * one
    p = (old + pool) / (old.sum(axis=1, keepdims=True) + one)
    q = (new + pool) / (new.sum(axis=1, keepdims=True) + one)
    return np.asarray(
        np.where(pool > 0.0, q * np.log(np.where(pool > 0.0, q / np.where(p > 0, p, 1.0), 1.0)), 0.0).sum(axis=1)
    )
