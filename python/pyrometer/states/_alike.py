"""States made by themselves, as if they were made like another: from their counts, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pyrometer.base import Array
from pyrometer.states._columns import Columns, empty_places, require_kinds, require_values
from pyrometer.states._counted import OTHER, Counted
from pyrometer.states._data_state import DataState, too_many

__all__ = ["alike", "require_one_kind"]


def require_one_kind(like: DataState, state: DataState) -> None:
    """Raise if a column has numbers in one state and categories in the other, or categories of other types."""
    known, columns = like.columns, state.columns
    empty = empty_places(known) | {each.place for each in columns.counted if each.values == (None,)}
    empty |= known.without_numbers()
    require_kinds(known, columns.places, empty, columns.number, state.names)
    require_values(known, [each for each in columns.counted if each.kind == "category"], state.names)
    if odd := set(known.places) ^ set(columns.places):
        raise _unlike(state, min(odd), "has no value in one of the two states, so that its kind is unknown")


def alike(like: DataState, state: DataState) -> DataState:
    """Return a state with what is counted, and what stands for missing numbers, as with `like`; itself, if they are.

    Sums do not have the rows: ValueError where counts that `like` has are not among those of the state, or other
    numbers stand for missing ones.
    """
    require_one_kind(like, state)
    known, columns = like.columns, state.columns
    tables = tuple(_counted_like(known, each, state) for each in columns.counted)
    counted = {each.place for each in tables if each.kind not in ("missing", "label")}
    for place in sorted(known.by_counts & set(columns.places)):
        if place not in counted and not known.counts_alone(place):
            raise _unlike(state, place, "is compared by its counts, of which the state has none")
    by_counts = columns.by_counts | (known.by_counts & counted)
    for place, fill in columns.fill.items():
        expected = known.fill.get(place, float(like.sums.centre[known.places.index(place)]))
        if fill != expected and place not in known.by_counts & by_counts:
            raise _unlike(state, place, f"has {fill:g} in the place of missing numbers, not {expected:g}")
    if by_counts == columns.by_counts and all(a is b for a, b in zip(tables, columns.counted, strict=True)):
        return state
    unit = state.sums.mean_weight
    dependent = frozenset(
        each.place
        for each in tables
        if each.place in by_counts - known.by_counts and each.kind == "value" and each.has_density(unit)
    )
    columns = replace(columns, counted=tables)
    first = _with_counts_of(state, columns, by_counts - dependent)
    return _with_counts_of(state, columns, by_counts) if np.isnan(first.entropy) and dependent else first


def _with_counts_of(state: DataState, columns: Columns, by_counts: frozenset[int]) -> DataState:
    """Return the state with these columns, of which these contribute by their counts alone."""
    columns = replace(columns, by_counts=by_counts)
    joint = int(columns.has_density.sum()) + len(state.sums.centre) - len(columns.places)
    columns = replace(columns, alone=too_many(len(state.sums.counts), joint))
    result = DataState.of_sums(state, columns, state.sums, None)
    result.energy, result.reason = state.energy, state.reason
    return result


def _counted_like(known: Columns, own: Counted, state: DataState) -> Counted:
    """Return counts of a column of numbers that is counted in another sample: of its values, and of all others."""
    of = known.of(own.place)
    if own.kind != "value" or own.place not in known.by_counts or known.counts_alone(own.place):
        return own
    assert of is not None
    values = [value for value in of.values if value not in (OTHER, None)]
    if OTHER in own.values and (of.cells or not set(values) <= set(own.values)):
        raise _unlike(state, own.place, "has numbers that are counted together, which are others in that one")
    if of.cells or own.cells:
        return own
    at = {value: k for k, value in enumerate(own.values)}
    rest = [k for k, value in enumerate(own.values) if value not in values and value is not None]
    counts: dict[object, Array] = {value: own.counts[:, [at[value]] if value in at else []] for value in values}
    counts |= {OTHER: own.counts[:, rest], None: own.counts[:, [at[None]] if None in at else []]}
    counts = {value: each.sum(axis=1) for value, each in counts.items()}
    kept = [value for value in counts if value in values or counts[value].any()]
    if tuple(kept) == own.values:
        return own
    return replace(own, values=tuple(kept), counts=np.stack([counts[value] for value in kept], axis=1))


def _unlike(state: DataState, place: int, why: str) -> ValueError:
    return ValueError(
        f"the state must have been made like= the one that it is compared with, got one whose column "
        f"{state.named(place)} {why}; give the rows, or make the state with like=."
    )
