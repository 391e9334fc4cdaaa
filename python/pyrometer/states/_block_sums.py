"""Sums over blocks of rows: all that a Gaussian state keeps of its rows, and what shifts are resampled from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array, restore
from pyrometer.states._blocks import LEAST
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._resampled import redrawn
from pyrometer.states._row_sums import (
    APART,
    FAR,
    FARTHEST,
    Coordinates,
    converted,
    factors_of,
    in_range,
    of_coordinates,
)

__all__ = ["BlockSums", "covariance_of"]

_LN2 = float(np.log(2.0))
_CELLS = 2**18  # of products of rows at a time: two megabytes
_CHUNK = 256  # blocks that are moved to another centre at a time


@dataclass(frozen=True, eq=False)
class BlockSums:
    """Sums over blocks of losses, scores of p(y | x), centred coordinates, and products of two coordinates.

    Arrays are read-only.

    Attributes
    ----------
    counts : ndarray, shape (b,)
        Weight of the rows of each block: their number, where rows have no weights.
    sums : ndarray, shape (b, 2 + d + d (d + 1) / 2), or (b, 2 + 2 d)
        In units of powers of two; d coordinates are the numbers among the features, and the residual where the loss has
        it as one. The last columns are products of two coordinates, or squares alone.
    centre : ndarray, shape (d,)
        What coordinates are measured from, in the units of the data.
    units : ndarray of int, shape (2 + d,)
        Exponents of 2 of losses, scores and coordinates.
    loss : str
        "mse", "mae" or "ce".
    rows : ndarray, shape (b,), or None
        Rows of each block, where rows have weights.
    """

    counts: Array
    sums: Array
    centre: Array
    units: npt.NDArray[np.int64]
    loss: str
    rows: Array | None = None

    def __post_init__(self) -> None:
        restore(self, vars(self))

    __setstate__ = restore

    @classmethod
    def of(
        cls,
        at: Coordinates,
        begins: npt.NDArray[np.int64],
        loss: str,
        *,
        squares: bool = False,
        weights: Array | None = None,
    ) -> BlockSums:
        """Sum the coordinates of rows over blocks, beginning at `begins`; of products, perhaps squares alone."""
        rows, d = at.z.shape
        z = np.ascontiguousarray(at.z.T)
        once = np.vstack([np.ones(rows) if weights is None else weights, at.losses, at.inner, z])
        if weights is not None:
            once[1:] *= weights
        table = np.empty((len(begins), len(once) + (d if squares else d * (d + 1) // 2)))
        if len(begins) == rows:
            table[:, : len(once)] = once.T
            _products(table[:, len(once) :], once[3:].T, at.z, squares=squares)
        else:
            table[:, : len(once)] = np.add.reduceat(once, begins, axis=1).T
            _sums_of_products(table[:, len(once) :], once[3:], z, begins)
        sizes = None if weights is None else np.diff(np.append(begins, rows)).astype(np.float64)
        return cls(table[:, 0], table[:, 1:], at.centre, at.units, loss).of_table(table, sizes)

    @property
    def sizes(self) -> Array:
        """Rows of each block."""
        return self.counts if self.rows is None else self.rows

    @property
    def mean_weight(self) -> float:
        """Mean weight of the rows; 1 where they have none."""
        return 1.0 if self.rows is None else float(self.counts.sum() / self.rows.sum())

    @property
    def unit(self) -> int:
        """Exponent of 2 of the unit of losses."""
        return int(self.units[0])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by the names that files have for them, which differ for sums in other units than 1."""
        arrays: dict[str, npt.NDArray[Any]] = {"centre": self.centre, "counts": self.counts}
        arrays |= {} if self.rows is None else {"rows": self.rows}
        return arrays | ({"sums_in_units": self.sums, "units": self.units} if self.units.any() else {"sums": self.sums})

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]], loss: str) -> BlockSums:
        """Return the sums of `arrays`."""
        units = arrays.get("units", np.zeros(2 + len(arrays["centre"]), dtype=np.int64))
        sums = arrays["sums_in_units" if units.any() else "sums"]
        return cls(arrays["counts"], sums, arrays["centre"], units, loss, arrays.get("rows"))

    @property
    def squares(self) -> bool:
        """Whether of all products of coordinates only squares are kept."""
        d = len(self.centre)
        return d > 1 and self.sums.shape[1] == 2 + 2 * d

    def chosen(self, keep: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int64] | slice:
        """Columns of the table that belong to the coordinates to keep, None for all."""
        if keep is None or (keep.all() and not self.squares):
            return slice(None)
        return of_coordinates(keep, self.sums.shape[1] - 2 - len(keep))

    def energy_and_entropy(self, keep: npt.NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """Mean loss, and entropy of the density with the moments of coordinates to keep; nan where there is none."""
        table = np.ascontiguousarray(self.table()[:, self.chosen(keep)])
        energy, entropy = map(float, _core.redrawn_states(table, CONDITIONALS[self.loss].law, (0, 0), 0, 1)[0])
        of_z = self.units[2:] if keep is None else self.units[2:][keep]
        doublings = int(of_z.sum() + (self.units[1] if CONDITIONALS[self.loss].scaled else 0))
        return in_range(energy, self.unit), entropy + doublings * _LN2 if doublings else entropy

    def table(self, like: BlockSums | None = None) -> Array:
        """Weights and sums as the core takes them, with coordinates about the centre of `like` and in its units.

        `is_comparable` says whether those units can represent them.
        """
        if like is None or like is self or (self.centre is like.centre and self.units is like.units):
            return self._own
        d, offset = len(self.centre), self.offset(like)
        table = self.table_about_own_centre(like)
        if table is self._own:
            table = table.copy()
        first, second = factors_of(d, d if self.squares else -1)
        by_first, by_second = offset[first], offset[second]
        for begin in range(0, len(table), _CHUNK):
            part = table[begin : begin + _CHUNK]
            n, z = part[:, :1], part[:, 3 : 3 + d]
            moved = np.take(z, second, axis=1)
            moved *= by_first
            other = np.take(z, first, axis=1)
            other *= by_second
            moved += other
            np.multiply(n * by_first, by_second, out=other)
            moved += other
            part[:, 3 + d :] += moved
            z += n * offset
        return table

    def table_about_own_centre(self, like: BlockSums) -> Array:
        """Weights and sums as the core takes them, in the units of `like`, with coordinates about this centre."""
        if (self.units == like.units).all():
            return self._own
        return np.column_stack([self.counts, converted(self.sums, self.units, like.units)[0]])

    def of_table(self, table: Array, rows: Array | None = None) -> BlockSums:
        """Return sums about the same centre in the same units, from a table that is not changed any more."""
        sums = BlockSums(table[:, 0], table[:, 1:], self.centre, self.units, self.loss, rows)
        table.flags.writeable = False
        sums.__dict__["_own"] = table
        return sums

    @cached_property
    def _own(self) -> Array:
        table = np.column_stack([self.counts, self.sums])
        table.flags.writeable = False
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_own"}

    def is_comparable(self, like: BlockSums) -> bool:
        """Whether the sums can be represented in the units of `like`, about its centre."""
        return bool(self.comparable(like).all()) and converted(self.sums, self.units, like.units)[1]

    def comparable(self, like: BlockSums) -> npt.NDArray[np.bool_]:
        """Whether each coordinate (d,) can be represented in its unit of `like`, about the centre of `like`."""
        return np.asarray((np.abs(self.offset(like)) < FARTHEST) & (np.abs(self.units - like.units)[2:] <= APART))

    def coarser(self, other: BlockSums) -> BlockSums:
        """Return the sums in the larger units of the two, in which numbers far below these become small or 0."""
        units = np.maximum(self.units, other.units)
        return replace(self, sums=converted(self.sums, self.units, units)[0], units=units)

    def is_near(self, like: BlockSums, keep: npt.NDArray[np.bool_]) -> bool:
        """Whether variances of coordinates to keep lose few digits about the centre of `like`."""
        table, d = self.table_about_own_centre(like), len(self.centre)
        first, second = factors_of(d, d if self.squares else -1)
        means = table[:, 3:].sum(axis=0) / self.counts.sum()
        variance = means[d:][first == second] - means[:d] ** 2
        return bool((np.abs(self.offset(like)) <= FAR * np.sqrt(np.maximum(variance, 0.0)))[keep].all())

    def offset(self, like: BlockSums) -> Array:
        """Return the centre less that of `like`, in its units."""
        units = like.units[2:]
        with np.errstate(over="ignore"):
            offset = np.ldexp(self.centre, -units) - np.ldexp(like.centre, -units)
        return np.asarray(np.clip(offset, -FARTHEST, FARTHEST))

    def covariance(
        self,
        resamples: int,
        seed: tuple[int, int],
        threads: int,
        unit: int | None = None,
        keep: npt.NDArray[np.bool_] | None = None,
        beside: Callable[[Callable[[Array], Array]], Array] | None = None,
    ) -> Array:
        """Covariance (2, 2) of energy, in units of 2^unit, and entropy, over resamples of the blocks.

        `beside` returns what the entropy has beyond that of the coordinates to keep; it takes a function that sums
        columns of blocks over the resamples.
        """
        table = np.ascontiguousarray(self.table()[:, self.chosen(keep)])
        drawn = _core.redrawn_states(table, CONDITIONALS[self.loss].law, seed, resamples, threads)[1:]
        if len(self.counts) < LEAST:
            return np.full((2, 2), np.nan)
        if beside is not None:
            drawn[:, 1] += beside(lambda columns: redrawn(columns, seed, resamples, threads))
        drawn[:, 0] = np.ldexp(drawn[:, 0], 0 if unit is None else self.unit - unit)
        return covariance_of(drawn)

    def of_rows(self, values: Array) -> Array:
        """Sums over the blocks of numbers (m,) or (m, k) that belong to rows."""
        counts = self.sizes.astype(np.int64)
        return np.asarray(np.add.reduceat(values, np.cumsum(counts) - counts))

    def covariance_of_means(self, values: Array) -> Array:
        """Covariance (k, k) of the means of rows' values (m, k): that of resampled blocks, in closed form."""
        sums = self.of_rows(values - values.mean(axis=0))
        return np.asarray(sums.T @ sums / len(values) ** 2 * (len(sums) / (len(sums) - 1.0)))


def _products(out: Array, weighted: Array, z: Array, *, squares: bool) -> None:
    """Write the products of two coordinates of each row, or the squares alone, to `out`."""
    if squares:
        np.multiply(weighted, z, out=out)
        return
    column = 0
    for j in range(z.shape[1]):
        end = column + z.shape[1] - j
        np.multiply(weighted[:, j : j + 1], z[:, j:], out=out[:, column:end])
        column = end


def _sums_of_products(out: Array, weighted: Array, z: Array, begins: npt.NDArray[np.int64]) -> None:
    """Write the sums of the products of two coordinates (d, m) over blocks to `out`, or those of squares alone."""
    d, rows = z.shape
    first, second = factors_of(d, out.shape[1] if out.shape[1] == d else -1)
    step = max(1, _CELLS // rows)
    for k in range(0, len(first), step):
        products = weighted[first[k : k + step]] * z[second[k : k + step]]
        out[:, k : k + step] = np.add.reduceat(products, begins, axis=1).T


def covariance_of(drawn: Array) -> Array:
    """Covariance of resamples (b, k); nan for columns that have a nan, and where it is beyond the doubles."""
    complete = np.isfinite(drawn).all(axis=0)
    result = np.full((drawn.shape[1],) * 2, np.nan)
    if complete.any():
        with np.errstate(over="ignore", invalid="ignore"):
            result[np.ix_(complete, complete)] = np.cov(drawn[:, complete].T)
    result[~np.isfinite(result)] = np.nan
    return result
