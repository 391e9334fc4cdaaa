"""Columns that contribute by counts: categories, missing values, and numbers that have no density.

A column of numbers has no density where it is constant, or takes two values of which one is rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, Coded, in_order
from pyrometer.states._blocks import LEAST

__all__ = [
    "OTHER",
    "PRESENT",
    "Counted",
    "aligned",
    "beside_missing",
    "presence",
    "coded_numbers",
    "counted",
    "entropy_of",
    "missing_alone",
]

_GROUPS = ((True, False), (False, False), (False, True))  # the most common number, others, missing values
OTHER = "other"  # the value that stands for all numbers that another sample does not have
PRESENT = "present"  # the value that stands for all numbers, where only missing ones are counted
_ROUNDING = 16.0 * float(np.finfo(np.float64).eps)
_FLAT = 1e-12  # of the weight of a block: less is rounding
_RARE = 16  # blocks that must have a value: with fewer, resamples lack it


@dataclass(frozen=True, eq=False)
class Counted:
    """Counts of the values of a column over blocks of rows.

    Attributes
    ----------
    place : int
        Of the column in X.
    kind : str
        "category"; "value", a column of numbers with at most two values; or "missing", a column of numbers of which
        only `PRESENT` and missing ones are counted.
    values : tuple
        What is counted; None, the last one, stands for missing values.
    counts : ndarray, shape (b, K)
        Rows of each block that have each value; with weights, the sum of theirs.
    cells : bool
        Whether `values` are the numbers of cells, each of many values.
    """

    place: int
    kind: str
    values: tuple[Any, ...]
    counts: Array
    cells: bool = False

    def has_density(self, unit: float = 1.0) -> bool:
        """Whether the numbers vary in enough blocks to have a density beside the counts; `unit` counts as one row."""
        if self.kind == "missing":
            return bool(self.counts[:, 0].sum() >= LEAST * unit)
        if self.kind == "category":
            return False
        present = self.counts[:, : len(self.values) - (None in self.values)]
        return present.shape[1] == 2 and int((present > 0).sum(axis=0).min()) >= _RARE

    @property
    def total(self) -> Array:
        """Rows that have each value, or their weight."""
        return np.asarray(self.counts.sum(axis=0))


def counted(kind: str, of: Coded, begins: npt.NDArray[np.int64], weights: Array | None = None) -> Counted:
    """Count the values of a column over blocks, whose first rows are `begins`; or sum the weights of their rows."""
    blocks, width = len(begins), len(of.values)
    block = np.repeat(np.arange(blocks), np.diff(np.append(begins, len(of.codes))))
    counts = np.bincount(block * width + of.codes, weights, minlength=blocks * width).reshape(blocks, width)
    return Counted(of.place, kind, of.values, counts.astype(np.float64))


def coded_numbers(place: int, numbers: Array, missing: npt.NDArray[np.bool_] | None) -> tuple[str, Coded] | None:
    """Return the values of a column of numbers that are counted, with the kind of `Counted`; None if none are."""
    present = numbers if missing is None else numbers[~missing]
    least, most = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    last = () if missing is None else (None,)
    if most - least <= _ROUNDING * max(abs(least), abs(most)):
        values: tuple[Any, ...] = ((least,) if len(present) else ()) + last
        codes = np.zeros(len(numbers), dtype=np.int64)
    elif ((present == least) | (present == most)).all():
        values, codes = (least, most, *last), np.asarray(numbers == most, dtype=np.int64)
    elif missing is None:
        return None
    else:
        return "missing", missing_alone(place, missing)
    if missing is not None:
        codes = np.where(missing, len(values) - 1, codes)
    return "value", Coded(place, values, codes)


def missing_alone(place: int, missing: npt.NDArray[np.bool_]) -> Coded:
    """Return missing numbers and all others as the two values of a column."""
    return Coded(place, (PRESENT, None), missing.astype(np.int64))


def presence(table: Counted | None, place: int, rows: Array) -> Counted:
    """Return counts of present and missing values of a column of numbers, of blocks with these rows, or weights."""
    missing = table.counts[:, -1] if table is not None and None in table.values else np.zeros(len(rows))
    return Counted(place, "missing", (PRESENT, None), beside_missing(rows, missing))


def beside_missing(rows: Array, missing: Array) -> Array:
    """Return counts (b, 2) of present and missing values; differences of weights that are rounding are 0."""
    present = rows - missing
    return np.stack([np.where(present > _FLAT * rows, present, 0.0), missing], axis=1)


def aligned(tables: Sequence[Counted]) -> list[Counted]:
    """Return counts of one column in several samples with the values of all of them, in one order.

    Where one has numbers that are counted as `OTHER`, because the first has at most two, of which one is rare, only the
    most common number is distinguished: numbers that one sample happens to have, and no other, are no sign of a shift.
    """
    others = [table.kind == "value" and OTHER in table.values for table in tables]
    if any(others) and not any(not other and table.has_density() for other, table in zip(others, tables, strict=True)):
        tables = _beside_the_most_common(tables)
    values = in_order({value: 0 for table in tables for value in table.values})
    at = {value: k for k, value in enumerate(values)}
    result = []
    for table in tables:
        counts = np.zeros((len(table.counts), len(values)))
        counts[:, [at[value] for value in table.values]] = table.counts
        result.append(replace(table, values=values, counts=counts))
    return result


def _beside_the_most_common(tables: Sequence[Counted]) -> list[Counted]:
    total: dict[Any, float] = {}
    for table in tables:
        for value, rows in zip(table.values, table.total, strict=True):
            total[value] = total.get(value, 0.0) + rows
    most = max((value for value in total if value not in (OTHER, None)), key=lambda value: (total[value], value))
    result = []
    for table in tables:
        groups = [[k for k, v in enumerate(table.values) if (v == most, v is None) == kind] for kind in _GROUPS]
        counts = np.stack([table.counts[:, group].sum(axis=1) for group in groups], axis=1)
        values = (most, OTHER, None) if None in total else (most, OTHER)
        result.append(replace(table, values=values, counts=counts[:, : len(values)]))
    return result


def entropy_of(counts: Array) -> Array:
    """Entropy in nats of the shares of counts (..., K)."""
    total = counts.sum(axis=-1)
    terms = np.where(counts > 0.0, counts * np.log(np.where(counts > 0.0, counts, 1.0)), 0.0)
    return np.asarray(np.log(total) - terms.sum(axis=-1) / total)
