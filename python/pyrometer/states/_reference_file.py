"""The reference in the file of a monitor: a state, from its sums over blocks and counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyrometer.base import number_of, validate
from pyrometer.losses import loss_named
from pyrometer.states._block_sums import BlockSums
from pyrometer.states._blocks import boundaries
from pyrometer.states._cells import CELLS
from pyrometer.states._columns import LABEL, Columns
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._counted import Counted
from pyrometer.states._data_state import HEADER, DataState
from pyrometer.states._file_fields import (
    CLOSE,
    a_list,
    array_of,
    field,
    is_value,
    number,
    pairs_of,
    places_of,
    require_moments,
    text,
    whole,
)
from pyrometer.states._predictions import NO_LOSS
from pyrometer.states._present import Present

__all__ = ["checked_state", "is_united"]

_FARTHEST_CENTRE = 2.0**300  # in units: ordinary magnitudes, to 2^200, and rows that differ by rounding alone
_ALL_CELLS = tuple(range(CELLS))
_UNITS = 5000  # exponents of doubles, twice those of their squares, are less


def is_united(state: DataState) -> bool:
    """Whether a reference is of a comparison: its blocks are not those of rows at once, and the rows are unknown."""
    begins = boundaries(state.rows, state.block)
    unknown = math.isnan(state.discrete_entropy) and not (state.reason or state.columns.fill)
    return unknown or not np.array_equal(state.sums.sizes, np.diff(np.append(begins, state.rows)))


def checked_state(header: Any, arrays: Mapping[str, Any], block: int) -> DataState:
    """Return the reference, whose sums fit its counts and give its energy and entropy."""
    described = field(header, "reference", lambda _, value: value)
    at = "reference"
    fields: dict[str, Any] = {
        "rows": field(described, "rows", whole(1), at),
        "features": field(described, "features", whole(0), at),
        "loss": field(described, "loss", lambda n, v: v if v == NO_LOSS else loss_named(v, what=n).name, at),
    }
    fields |= {name: field(described, name, number(nan=True), at) for name in HEADER[3:]}
    fields["names"] = names_of(described.get("names"), fields["features"])
    fields["reason"] = text("reference.reason", described.get("reason", ""))
    columns = checked_columns(described.get("columns"), arrays, fields["features"])
    if fields["rows"] > 2**53:
        raise ValueError(f"reference.rows must be at most 2**53, got {fields['rows']}")
    fields["united"] = field(header, "united", validate.flag) if "united" in header else False
    sums = _sums(arrays, fields, len(columns.places) + CONDITIONALS[fields["loss"]].joint, block)
    for each in columns.counted:
        total = each.counts.sum(axis=1)
        if not (np.array_equal(total, sums.counts) if sums.rows is None else np.allclose(total, sums.counts, CLOSE)):
            raise ValueError(f"counts of the column at place {each.place} must be those of all rows of each block")
    state = DataState.restored(fields, sums, columns)
    _require_numbers(state, fields)
    return state


def _sums(arrays: Mapping[str, Any], fields: dict[str, Any], d: int, block: int) -> BlockSums:
    """Return the sums over the blocks of the rows that are stated."""
    centre = array_of(arrays, "centre", (d,))
    counts = array_of(arrays, "counts", (None,))
    name = "rows" if "rows" in arrays else "counts"
    rows = array_of(arrays, name, counts.shape)
    begins = boundaries(fields["rows"], block) if len(rows) <= fields["rows"] else np.empty(0)
    if fields["united"]:
        if not len(rows) or rows[0] != block or rows.sum() != fields["rows"]:
            raise ValueError(f"{name} must be those of blocks of {fields['rows']} rows, the first of {block}")
    elif not np.array_equal(rows, np.diff(np.append(begins, fields["rows"]))):
        raise ValueError(f"{name} must be the rows of {fields['rows']} rows' blocks of {block}")
    fields_of_sums = {"centre": centre, "counts": counts} | ({"rows": rows} if name == "rows" else {})
    if "units" in arrays:
        fields_of_sums["units"] = array_of(arrays, "units", (2 + d,), np.int64)
        if np.abs(fields_of_sums["units"]).max() > _UNITS:
            raise ValueError(f"units must be exponents of doubles, got {np.abs(fields_of_sums['units']).max()}")
    unit = fields_of_sums["units"][2:] if "units" in arrays else np.zeros(d, dtype=np.int64)
    with np.errstate(over="ignore"):
        if not (np.abs(np.ldexp(centre, -unit)) <= _FARTHEST_CENTRE).all():
            raise ValueError("centre must be that of the rows, within 2^300 of their units")
    sums = "sums_in_units" if "units" in arrays and fields_of_sums["units"].any() else "sums"
    widths = {2 + d + d * (d + 1) // 2, 2 + 2 * d}
    fields_of_sums[sums] = array_of(arrays, sums, (len(counts), None))
    if fields_of_sums[sums].shape[1] not in widths:
        raise ValueError(f"{sums} must have {max(widths)} columns, got {fields_of_sums[sums].shape[1]}")
    require_moments(sums, np.column_stack([counts, fields_of_sums[sums]]), d, fields_of_sums.get("rows"))
    return BlockSums.from_arrays(fields_of_sums, fields["loss"])


def _require_numbers(state: DataState, fields: dict[str, Any]) -> None:
    """Raise if energy and entropies that are stated are not those of the sums."""
    for name, value in zip(("energy", "entropy"), state.numbers(), strict=True):
        stated = fields[name]
        if not (
            math.isclose(stated, value, rel_tol=CLOSE, abs_tol=CLOSE * (name == "entropy"))
            or (math.isnan(stated) and (fields["reason"] or (name == "energy" and fields["loss"] == NO_LOSS)))
        ):
            raise ValueError(f"reference.{name} must be that of the sums, {value}, got {stated}")
    weighted, one = state.sums.rows is not None, min(1.0, state.sums.mean_weight)
    most = math.log(state.total_weight / one)
    least = -math.inf if weighted else 0.0  # the row of the least weight may have all of the density
    if not (
        least - CLOSE <= fields["discrete_entropy"] <= most + CLOSE * (abs(most) + 1.0)
        or (math.isnan(fields["discrete_entropy"]) and (fields["reason"] or state.columns.fill or fields["united"]))
    ):
        raise ValueError(
            f"reference.discrete_entropy must be {least:g} to ln(rows), {most:g}, got {fields['discrete_entropy']}"
        )


def checked_columns(given: Any, arrays: Mapping[str, Any], features: int) -> Columns:
    """Return the columns of the reference by kind, with their counts."""
    if given is None:
        return Columns(tuple(range(features)))
    at = "reference.columns"
    places = field(given, "places", places_of(features), at)
    by_counts = field(given, "by_counts", places_of(features), at)
    fill = field(given, "fill", pairs_of(lambda value: isinstance(value, float) and math.isfinite(value)), at)
    alone = field(given, "alone", validate.flag, at)
    counted = []
    for k, each in enumerate(field(given, "counted", a_list, at)):
        where = f"{at}.counted[{k}]"
        place = field(each, "place", whole(LABEL), where)
        kind = field(each, "kind", text, where)
        values = field(each, "values", a_list, where)
        if kind not in ("category", "value", "missing", "label") or not all(map(is_value, values)) or not values:
            raise ValueError(f"{where} must be of a kind and values that columns have, got {kind!r} with {values!r}")
        counts = array_of(arrays, f"counts_{k}", (None, len(values)))
        if not ((counts >= 0) & ((counts == np.floor(counts)) | ("rows" in arrays))).all():
            raise ValueError(f"counts_{k} must be whole numbers of at least 0")
        cells = field(each, "cells", validate.flag, where) if "cells" in each else False
        if cells and (kind not in ("category", "value") or tuple(values) not in (_ALL_CELLS, (*_ALL_CELLS, None))):
            raise ValueError(f"{where}.values must be the {CELLS} cells of a column")
        counted.append(Counted(place, kind, tuple(values), counts, cells))
    distinct = {each.place for each in counted}
    categories = {each.place for each in counted if each.kind == "category"}
    if len(distinct) != len(counted) or not set(by_counts) <= distinct or len(places) + len(categories) != features:
        raise ValueError(f"{at} must describe {number_of(features, 'column')} once each")
    if categories & set(places) or not {place for place, _ in fill} <= set(places):
        raise ValueError(f"{at}.places must be those of columns of numbers")
    present = _present(given.get("present", []), arrays, set(dict(fill)))
    return Columns(tuple(places), tuple(counted), dict(fill), frozenset(by_counts), alone, present)


def _present(given: Any, arrays: Mapping[str, Any], filled: set[int]) -> tuple[Present, ...]:
    """Return the sums of the numbers that are there, of columns with missing ones."""
    present = []
    for k, each in enumerate(a_list("reference.columns.present", given)):
        where = f"reference.columns.present[{k}]"
        place, centre = field(each, "place", whole(0), where), field(each, "centre", number(), where)
        unit, sums = field(each, "unit", whole(-_UNITS), where), array_of(arrays, f"present_{k}", (None, 2))
        if place not in filled or unit > _UNITS or len(sums) != len(arrays["counts"]) or not (sums[:, 1] >= 0).all():
            raise ValueError(f"{where} must have the sums of a column with missing numbers over all blocks")
        present.append(Present(place, centre, unit, sums))
    return tuple(present)


def names_of(value: Any, features: int) -> tuple[str, ...] | None:
    if value is None or (value == [] and features == 0):
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("reference.names must be a list of strings or null")
    if len(value) != features or len(set(value)) != len(value):
        raise ValueError(f"reference.names must be {features} different strings, got {len(value)}")
    return tuple(value)
