"""The columns of X by kind, as a state keeps them: places of numbers, counts, and what stands for missing numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, Coded, listed, mean_of, plain
from pyrometer.losses import LOSSES
from pyrometer.states._blocks import LEAST
from pyrometer.states._counted import OTHER, Counted, coded_numbers, counted, missing_alone
from pyrometer.states._predictions import Predicted
from pyrometer.states._present import Present, present_numbers

__all__ = [
    "LABEL",
    "ROWS",
    "Columns",
    "described_columns",
    "empty_places",
    "require_kinds",
    "require_values",
    "with_counts",
]

_LEAST = (0, 2, LEAST)  # numbers without which a column of one or two different ones may be continuous
_CATEGORY = 0.6180339887498949  # stands for each category of a column that has no number in the other sample
LABEL = -1  # the place of the target, where it is counted
ROWS = -2  # the place of the number of rows, where these have weights


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of X by kind.

    Attributes
    ----------
    places : tuple of int
        Of the columns of numbers among all columns, in the order of the coordinates.
    counted : tuple of Counted
        Categories, missing values and columns of at most two numbers, and labels at the place `LABEL`.
    fill : mapping of int to float
        What stands for missing numbers in the sums, by the place of their column.
    by_counts : frozenset of int
        Places of the columns that contribute by their counts alone.
    alone : bool
        Whether there are too few rows, or too many columns, for the joint density: columns are taken as independent.
    present : tuple of Present
        Sums of the numbers that are there, of the columns in which what stands for missing ones is far from them.
    """

    places: tuple[int, ...]
    counted: tuple[Counted, ...] = ()
    fill: dict[int, float] = field(default_factory=dict)
    by_counts: frozenset[int] = frozenset()
    alone: bool = False
    present: tuple[Present, ...] = ()

    @property
    def number(self) -> int:
        """Number of columns of X."""
        return len(self.places) + sum(each.kind == "category" for each in self.counted)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return "number" or "category" for each column of X."""
        numbers = set(self.places)
        return tuple("number" if j in numbers else "category" for j in range(self.number))

    def header(self) -> dict[str, Any]:
        """Return what describes the columns besides their counts."""
        counted = [
            {"place": each.place, "kind": each.kind, "values": list(each.values)}
            | ({"cells": True} if each.cells else {})
            for each in self.counted
        ]
        fill = [[place, value] for place, value in self.fill.items()]
        header = {
            "places": list(self.places),
            "by_counts": sorted(self.by_counts),
            "fill": fill,
            "counted": counted,
            "alone": self.alone,
        }
        present = [{"place": each.place, "centre": each.centre, "unit": each.unit} for each in self.present]
        return header | ({"present": present} if present else {})

    def arrays(self) -> dict[str, Array]:
        """Return the sums of the columns by the names that files have for them."""
        arrays = {f"counts_{k}": each.counts for k, each in enumerate(self.counted)}
        return arrays | {f"present_{k}": each.sums for k, each in enumerate(self.present)}

    def counts_alone(self, place: int) -> bool:
        """Whether of a column of numbers only missing ones can be counted, because there are too few others."""
        counted = self.of(place)
        if place not in self.by_counts or counted is None:
            return False
        return counted.kind == "missing" or counted.values == (None,) or _has_no_number(counted)

    def without_numbers(self) -> set[int]:
        """Return the places of columns of numbers that have none, so that others may have categories there."""
        return {of.place for of in self.counted if _has_no_number(of)}

    def of(self, place: int) -> Counted | None:
        """Return the counts of a column, if it is counted."""
        return next((each for each in self.counted if each.place == place), None)

    def present_of(self, place: int) -> Present | None:
        """Return the sums of the numbers of a column that are there, if they are kept."""
        return next((each for each in self.present if each.place == place), None)

    def like(self, other: Columns) -> Columns:
        """Return other columns, of which the same contribute by their counts alone as here."""
        counted = {each.place for each in other.counted}
        return replace(other, by_counts=frozenset(self.by_counts & counted))

    @property
    def has_density(self) -> npt.NDArray[np.bool_]:
        """Whether each column of numbers is a coordinate of the joint density."""
        return np.array([place not in self.by_counts for place in self.places], dtype=bool)


def described_columns(
    data: Predicted, begins: npt.NDArray[np.int64], like: Columns | None, centre: Array | None
) -> tuple[Columns, Predicted, tuple[Coded, ...]]:
    """Return the columns of rows, counted over blocks; the rows with numbers for missing ones; the values that count.

    A column is counted and filled like that of the same place in `like`, whose numbers are summed about `centre`.
    """
    categories = {of.place for of in data.coded}
    if like is not None:
        empty = {of.place for of in data.coded if of.values == (None,)} | empty_places(like) | _without_numbers(data)
        empty |= like.without_numbers()
        require_kinds(like, data.places, empty, data.columns, data.names)
        require_values(like, data.coded, data.names)
        data = _of_kinds(like, data)
    weights, unit = data.weights, 1.0 if data.weights is None else float(data.weights.mean())
    tables = [counted("category", of, begins, weights) for of in data.coded]
    values = list(data.coded)
    x, fill = data.x, {}
    present: tuple[Present, ...] = ()
    if data.missing is not None:
        x = x.copy()
    for i, place in enumerate(data.places):
        missing = None if data.missing is None or not data.missing[:, i].any() else data.missing[:, i]
        reference = like.of(place) if like is not None and place in like.by_counts else None
        if reference is not None and reference.kind == "value" and reference.values != (None,):
            coded = _like(reference, place, x[:, i], missing)
        else:
            coded = coded_numbers(place, x[:, i], missing)
            own = place not in categories  # numbers, and not what stands for categories
            if own and coded and coded[0] == "value" and _has_few_numbers(coded[1], missing, weights, unit):
                coded = None if missing is None else ("missing", missing_alone(place, missing))
        if coded:
            tables.append(counted(*coded, begins, weights))
            values.append(coded[1])
        if missing is not None:
            fill[place] = _fill(like, centre, place, x[:, i], missing, weights)
            present += present_numbers(place, x[:, i], missing, fill[place], begins, weights)
            x[missing, i] = fill[place]
    by_counts = {each.place for each in tables if not each.has_density(unit)}
    if like is not None:
        by_counts |= like.by_counts & {each.place for each in tables if each.kind != "missing"}
    loss = LOSSES.get(data.loss)
    if loss is not None and loss.categorical:
        labels = tuple(np.unique(data.target).tolist())
        tables.append(counted("label", Coded(LABEL, labels, np.searchsorted(labels, data.target)), begins, weights))
    columns = Columns(data.places, tuple(tables), fill, frozenset(by_counts), present=present)
    return columns, data._replace(x=x, missing=None), tuple(values)


def _has_no_number(of: Counted) -> bool:
    return of.kind == "value" and {_CATEGORY, None}.issuperset(of.values)


def _has_few_numbers(of: Coded, missing: npt.NDArray[np.bool_] | None, weights: Array | None, unit: float) -> bool:
    """Whether a column of one or two different numbers has too few of them to know that it has no others."""
    different = len(of.values) - (missing is not None)
    present = np.ones(len(of.codes), dtype=bool) if missing is None else ~missing
    number = float(present.sum())
    if different < 2 and weights is not None:  # one number that occurs so often
        number = max(number, float(weights[present].sum()) / unit)
    return number < _LEAST[min(different, 2)]


def _fill(
    like: Columns | None,
    centre: Array | None,
    place: int,
    numbers: Array,
    missing: npt.NDArray[np.bool_],
    weights: Array | None,
) -> float:
    if like is not None and centre is not None:
        return like.fill.get(place, float(centre[like.places.index(place)]))
    present = numbers[~missing]
    if not len(present):
        return 0.0
    return float(mean_of(present, None if weights is None else weights[~missing]))


def _like(
    reference: Counted, place: int, numbers: Array, missing: npt.NDArray[np.bool_] | None
) -> tuple[str, Coded] | None:
    """Return the values of a column of numbers that is counted in another sample: its values, and all others as one."""
    values = [value for value in reference.values if value is not None]
    if reference.cells:  # of which each number has one
        values = np.unique(numbers if missing is None else numbers[~missing]).tolist()
        if missing is None or not missing.any():
            return "value", Coded(place, tuple(values), np.searchsorted(values, numbers))
        codes = np.where(missing, len(values), np.searchsorted(values, np.where(missing, 0.0, numbers)))
        return "value", Coded(place, (*values, None), codes)
    codes = np.full(len(numbers), len(values), dtype=np.int64)
    for k, value in enumerate(values):
        codes[numbers == value] = k
    every: tuple[object, ...] = (*values, OTHER, None)
    if missing is not None:
        codes[missing] = len(every) - 1
    kept = [k for k in range(len(every)) if k < len(values) or (codes == k).any()]
    rank = np.zeros(len(every), dtype=np.int64)
    rank[kept] = np.arange(len(kept))
    return "value", Coded(place, tuple(every[k] for k in kept), rank[codes])


def require_kinds(
    like: Columns, places: Sequence[int], empty: Collection[int], number: int, names: Sequence[str] | None
) -> None:
    """Raise if a column has numbers, at `places` of a `number`, in one sample and categories in the other.

    Columns that are `empty` have no kind.
    """
    odd = [j for j in set(like.places) ^ set(places) if j not in empty]
    if odd and number == like.number:
        names = [names[j] if names else str(j) for j in sorted(odd)]
        raise ValueError(
            f"X must have columns of the kinds of the rows that it is compared with, got others in "
            f"{listed(names, plain)}: numbers in one and categories in the other; convert one of them."
        )


def require_values(like: Columns, coded: Iterable[Coded | Counted], names: Sequence[str] | None) -> None:
    """Raise if a category looks like one of the other sample and is of another type, such as "True" and True."""
    for of in coded:
        other = like.of(of.place)
        known = () if other is None or other.kind != "category" or other.cells else other.values
        alike = {str(value): value for value in known if value is not None}
        for value in of.values:
            if value is not None and value not in known and str(value) in alike:
                types = [type(each).__name__ for each in (value, alike[str(value)])]
                name = plain(names[of.place]) if names else str(of.place)
                raise ValueError(
                    f"X must have categories of the types of the rows that it is compared with, got {value!r} of type "
                    f"{types[0]} in column {name}, where these have {types[1]}; convert one of them."
                )


def empty_places(like: Columns) -> set[int]:
    """Return the places of columns without a value, whose kind is unknown."""
    return {each.place for each in like.counted if each.kind == "category" and each.values == (None,)}


def _without_numbers(data: Predicted) -> set[int]:
    """Return the places of columns of numbers that are all missing, as files of text have them of categories, too."""
    return set() if data.missing is None else {data.places[i] for i in np.flatnonzero(data.missing.all(axis=0))}


def _of_missing(place: int, missing: npt.NDArray[np.bool_]) -> Coded:
    """Return a column of numbers as categories: missing ones and others."""
    return (
        Coded(place, (None,), np.zeros(len(missing), dtype=np.int64))
        if missing.all()
        else missing_alone(place, missing)
    )


def _of_kinds(like: Columns, data: Predicted) -> Predicted:
    """Return the rows with columns of the kinds of `like`, where it has columns without a value, or they have."""
    no_kind = empty_places(like) | (_without_numbers(data) - set(like.places))
    missing_columns = [i for i, place in enumerate(data.places) if place in no_kind]
    if missing_columns:
        lost = np.zeros(data.x.shape, dtype=bool) if data.missing is None else data.missing
        coded = [_of_missing(data.places[i], lost[:, i]) for i in missing_columns]
        keep = [i for i in range(len(data.places)) if i not in missing_columns]
        data = data._replace(
            x=data.x[:, keep],
            missing=lost[:, keep],
            places=tuple(data.places[i] for i in keep),
            coded=tuple(sorted((*data.coded, *coded), key=lambda of: of.place)),
        )
    without = [of for of in data.coded if of.place in like.places]  # which has no number there, or they no value
    if not without:
        return data
    rows = len(data.x)
    places = tuple(sorted((*data.places, *(of.place for of in without))))
    x, missing = np.full((rows, len(places)), np.nan), np.ones((rows, len(places)), dtype=bool)
    for i, place in enumerate(data.places):
        at = places.index(place)
        x[:, at] = data.x[:, i]
        missing[:, at] = False if data.missing is None else data.missing[:, i]
    for of in without:
        there, at = np.array([value is not None for value in of.values])[of.codes], places.index(of.place)
        x[there, at], missing[there, at] = _CATEGORY, False
    rest = tuple(of for of in data.coded if of.place not in like.places)
    return data._replace(x=x, places=places, missing=missing, coded=rest)


def with_counts(columns: Columns, place: int) -> Columns:
    """Return the columns with one more that contributes by its counts alone."""
    return replace(columns, by_counts=columns.by_counts | {place})
