"""Validation of the file of a monitor, field by field."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from pyrometer.base import Archive, Array, Members, described, number_of, validate
from pyrometer.losses import loss_named
from pyrometer.states._cells import CELLS
from pyrometer.states._columns import LABEL
from pyrometer.states._data_state import DataState
from pyrometer.states._file_fields import (
    CLOSE,
    Check,
    array_of,
    field,
    is_value,
    number,
    pairs_of,
    places_of,
    require_moments,
    squares_of,
    text,
    whole,
    words,
)
from pyrometer.states._layout import Layout
from pyrometer.states._pools import SCANNED
from pyrometer.states._reference_file import checked_state

__all__ = ["ARCHIVE", "read_monitor", "require_storable"]

_PLACES = 2**31  # above those of all columns
_COUNTS = {"batches": 0, "run_length": 2, "memory": 1, "block": 1, "history": 1}


ARCHIVE = Archive("pyrometer-monitor", 3, "RefreshMonitor.save")


def require_storable(state: DataState, labels: tuple[tuple[int, Any], ...]) -> None:
    """Raise if columns of a reference, or labels of a layout, have values that a file cannot have."""
    for place, value in (*((of.place, value) for of in state.columns.counted for value in of.values), *labels):
        if not is_value(value):
            raise ValueError(
                f"categories must be strings, booleans or finite numbers for a file, got {described(value)} in column "
                f"{state.named(place)}; convert them to strings in the reference and in batches."
            )


def read_monitor(path: str, kind: type) -> tuple[Any, ...]:
    """Return what a file has: options, later ones, the reference, readings of that kind, the last batch, and pools."""

    def build(header: dict[str, Any], archive: Members) -> tuple[Any, ...]:
        arrays = dict(archive)  # read once
        options, later = checked_header(header), checked_later(header, archive.version)
        reference = checked_state(header, arrays, options["block"])
        level = 1.0 / (options["run_length"] * (2.0 - 1.0 / options["memory"]))
        readings = checked_readings(header, kind, options | later, level)
        # After a new reference, until the next batch, the last one is the reference.
        begins = [reference] if not readings or later["start"] == options["batches"] else []
        last = checked_last(header, readings[-1:] + begins)
        pools = checked_pools(
            arrays, options | later, reference, [reading.rows for reading in readings], archive.version
        )
        return options, later, reference, readings, last, pools

    return ARCHIVE.read(path, build)


def checked_header(header: Any) -> dict[str, Any]:
    """Return the options and counters of the monitor."""
    fields = {name: field(header, name, whole(least)) for name, least in _COUNTS.items()}
    if fields["memory"] & (fields["memory"] - 1):
        raise ValueError(f"memory must be a power of two, got {fields['memory']}")
    fields["seed"] = field(header, "seed", seed_of)
    fields["energy"] = field(header, "energy", lambda n, v: v if v is None else loss_named(v, what=n).name)
    return fields


def checked_readings(header: Any, kind: type, levels: dict[str, Any], level: float) -> list[Any]:
    """Return the readings: the last ones, whose alarms and windows are those of the monitor."""
    given = field(header, "readings", lambda _, value: value)
    expected = min(levels["batches"], levels["history"])
    if not isinstance(given, list) or len(given) != expected:
        came = len(given) if isinstance(given, list) else type(given).__name__
        raise ValueError(f"readings must be a list of {expected}, got {came}")
    first, restarts = levels["batches"] - expected, bool(levels["grow"] or levels["start"])
    return [
        _reading(f"readings[{k}]", each, kind, first + k + 1, levels["memory"], level, restarts)
        for k, each in enumerate(given)
    ]


def _reading(at: str, given: Any, kind: type, batch: int, memory: int, level: float, restarts: bool) -> Any:
    checks: dict[str, Check] = dict.fromkeys(("energy", "entropy", "temperature", "neighbour"), number(nan=True))
    checks |= {"rows": whole(1), "p_value": number(0.0), "pooled": number(0.0, nan=True), "window": whole(0)}
    checks |= {"alarm": validate.flag, "reason": text, "divergence": _divergence, "name": text}
    checks["columns"] = words
    optional = {each.name for each in fields(kind) if each.default is not MISSING}
    field(given, "rows", whole(1), at)
    if extra := sorted(set(given) - set(checks)):
        raise ValueError(f"{at} must have no other fields, got {extra[0]!r}")
    values = {
        name: field(given, name, check, at) for name, check in checks.items() if name in given or name not in optional
    }
    for name in ("p_value", "pooled"):
        if values[name] > 1.0:
            raise ValueError(f"{at}.{name} must be at most 1, got {values[name]}")
    window = values["window"]
    # Pools of a reference that grows, or was changed, are not those of the batch's number.
    sizes = {2**k for k in range(1, memory.bit_length()) if restarts or batch % 2**k == 0}
    if (window == 0) != math.isnan(values["pooled"]) or not (
        window in sizes or (window == 0 and (restarts or not sizes))
    ):
        raise ValueError(
            f"{at}.window must be that of a pool of batch {batch}, got {window} with pooled {values['pooled']}"
        )
    if values["alarm"] != (values["p_value"] <= level or values["pooled"] <= level):
        raise ValueError(f"{at}.alarm must say whether a p-value is at most {level:g}, got {values['alarm']}")
    return kind(**values)


def _divergence(name: str, value: Any) -> float:
    """Check a number, nan, or inf: of a column that was constant."""
    return math.inf if value == math.inf else float(number(nan=True)(name, value))


def checked_last(header: Any, batches: list[Any]) -> tuple[float, float, float]:
    """Return energy and entropy of the last batch, which must be one of `batches`, and the variance of its entropy."""
    given = field(header, "last", lambda _, value: value)
    names = ("energy", "entropy")
    values = [field(given, name, number(nan=True), "last") for name in names]
    expected: list[float] = []
    for batch in batches:
        expected = [getattr(batch, name) for name in names]
        if np.array_equal(values, expected, equal_nan=True):
            return values[0], values[1], field(given, "variance", number(0.0, nan=True), "last")
    raise ValueError(f"last must have the energy and entropy of the last batch, {expected}, got {values}")


def checked_later(header: Any, version: int) -> dict[str, Any]:
    """Return what files of version 1 did not have: growth, dependence and the alarm of an event.

    Those of version 2 have a dependence only where blocks were chosen for it.
    """
    fields: dict[str, Any] = {"grow": False, "start": 0, "origin": header["batches"], "dependence": None, "alarm": None}
    fields["chosen"] = False
    fields["labels"], fields["in_cells"] = [], frozenset()
    if version == 1:
        return fields
    fields["labels"] = field(header, "labels", pairs_of(is_value))
    if len(set(map(repr, fields["labels"]))) != len(fields["labels"]):
        raise ValueError("labels must be different")
    if "in_cells" in header:
        fields["in_cells"] = _cells(header, fields["labels"])
    fields["grow"] = field(header, "grow", validate.flag)
    fields["start"], fields["origin"] = (field(header, name, whole(0)) for name in ("start", "origin"))
    memory, alarm = (field(header, name, lambda _, value: value) for name in ("dependence", "alarm"))
    if memory is not None:
        checks = {"time": number(1.0), "reach": number(0.0), "series": text}
        fields["dependence"] = {name: field(memory, name, check, "dependence") for name, check in checks.items()}
    fields["chosen"] = memory is not None if version == 2 else field(header, "chosen", validate.flag)
    if fields["chosen"] and memory is None:
        raise ValueError("dependence must be there for blocks that were chosen, got none")
    if alarm is not None:
        alarmed: dict[str, Check] = {"batch": whole(1), "window": whole(1), "p_value": number(0.0)}
        fields["alarm"] = {name: field(alarm, name, check, "alarm") for name, check in alarmed.items()}
    _require_order(fields, header)
    return fields


def _cells(header: Any, labels: list[tuple[int, Any]]) -> frozenset[int]:
    """Return the places of the columns that are counted in cells, each of which is a label then."""
    places = field(header, "in_cells", places_of(_PLACES))
    for place in places:
        given = [value for at, value in labels if at == place and value is not None]
        if any(type(value) is not int for value in given) or sorted(given) != list(range(CELLS)):
            raise ValueError(f"labels must have the {CELLS} cells of the column at place {place}")
    return frozenset(places)


def _require_order(fields: dict[str, Any], header: Any) -> None:
    """Raise if the reference, or an alarm, is of a batch that has not been."""
    batches, raised = header["batches"], fields["alarm"]
    for name in ("start", "origin"):
        if fields[name] > batches:
            raise ValueError(f"{name} must be at most the number of batches, {batches}, got {fields[name]}")
    if raised is not None:
        first = max(fields["start"], fields["origin"])
        if not first < raised["batch"] <= batches:
            raise ValueError(f"alarm.batch must be {first + 1} to {batches}, got {raised['batch']}")
        if raised["window"] > header["memory"] or raised["window"] & (raised["window"] - 1) or raised["p_value"] > 1.0:
            raise ValueError(f"alarm must be of a pool of the monitor, got {raised}")


def checked_pools(
    arrays: Mapping[str, Any], levels: dict[str, Any], state: DataState, rows: list[int], version: int
) -> dict[str, Any]:
    """Return what is kept of batches, by the names that `Pools` has for it.

    Pools that wait for others are the binary digits of the number of batches since they began.
    """
    layout = Layout(state, tuple(levels["labels"]), levels["in_cells"])
    if odd := layout.in_cells & (set(state.columns.places) - state.columns.by_counts | {LABEL}):
        raise ValueError(f"in_cells must be places of columns that contribute by their counts, got {min(odd)}")
    layout.require_values(Layout(state).with_state(state)[0])
    width, d = layout.width + len(layout.labels), len(state.sums.centre)
    since = 0 if levels["grow"] and levels["alarm"] else levels["batches"] - levels["start"]
    tables = [state.sums.table()] + ([array_of(arrays, "totals", (None, width))] if version > 1 else [])
    largest = np.vstack([squares_of(table[:, : layout.width], d) for table in tables]).max(axis=0)
    centre = np.ldexp(state.sums.centre, -state.sums.units[2:])

    def of_blocks(name: str, least: int | None = None) -> Array:
        blocks = array_of(arrays, name, (least, width))
        if len(blocks):
            rows = blocks[:, layout.rows_at] if layout.rows_at else None
            require_moments(name, blocks[:, : layout.width], d, rows, largest, centre)
            counts = np.delete(blocks, [*range(layout.width), layout.rows_at], axis=1)
            if (counts < 0).any() or (counts > blocks[:, :1] * (1.0 + (rows is not None) * CLOSE)).any():
                raise ValueError(f"{name} must have counts of 0 to the number of rows")
        return np.asarray(blocks)

    pools = _waiting(arrays, levels, since, of_blocks)
    begun = of_blocks("begun", 1)[0] if "begun" in arrays else None
    if begun is not None and (levels["block"] == 1 or begun[layout.rows_at] >= levels["block"]):
        raise ValueError(f"begun must have fewer rows than a block of {levels['block']}, got {begun[layout.rows_at]:g}")
    _require_rows(pools, levels, since, rows, layout.rows_at)
    fields: dict[str, Any] = {"waiting": tuple(pools), "begun": begun, "layout": layout}
    if version == 1:
        return fields
    scanned = (levels["alarm"]["batch"] if levels["alarm"] else levels["batches"]) - levels["origin"]
    fields |= {"earlier": of_blocks("earlier", 1)[0], "totals": of_blocks("totals", min(SCANNED, scanned))}
    at = layout.rows_at
    if fields["earlier"][at] < state.rows:
        raise ValueError(
            f"earlier must have the {number_of(state.rows, 'row')} of the reference, got {fields['earlier'][at]:g}"
        )
    if levels["grow"]:
        fields["base"] = of_blocks("base")
        if not fields["base"][:, at].sum() >= state.rows:
            raise ValueError(
                f"base must have the {number_of(state.rows, 'row')} of the reference, got "
                f"{fields['base'][:, at].sum():g}"
            )
    return fields


def _waiting(
    arrays: Mapping[str, Any], levels: dict[str, Any], since: int, of_blocks: Callable[[str], Array]
) -> list[Array | None]:
    """Return the pools: the binary digits of the number of batches since they began."""
    pools: list[Array | None] = []
    for k in range(levels["memory"].bit_length() - 1):
        name, waits = f"pool_{k}", bool(since >> k & 1)
        if (name in arrays) != waits:
            raise ValueError(
                f"{name} must {'' if waits else 'not '}be there after {number_of(since, 'batch', 'batches')}"
            )
        pools.append(of_blocks(name) if waits else None)
    return pools


def _require_rows(pools: list[Array | None], levels: dict[str, Any], since: int, rows: list[int], at: int) -> None:
    """Raise if pools do not have the rows of the batches that they are of."""
    waiting = since % levels["memory"]
    held = sum(pool[:, at].sum() for pool in pools if pool is not None)
    carries = levels["block"] > 1 and (levels["grow"] or levels["chosen"])
    if waiting and waiting <= len(rows) and held != sum(rows[-waiting:]) and not carries:
        names = " and ".join(f"pool_{k}" for k, pool in enumerate(pools) if pool is not None)
        expected = sum(rows[-waiting:])
        raise ValueError(
            f"{names} must have the rows of the last {number_of(waiting, 'batch', 'batches')}, {expected}, got {held:g}"
        )


def seed_of(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{name} must be two whole numbers")
    for word in value:
        if isinstance(word, bool) or not isinstance(word, int) or not 0 <= word < 2**64:
            raise ValueError(f"{name} must be two whole numbers from 0 to 2**64 - 1, got {word!r}")
    return value[0], value[1]
