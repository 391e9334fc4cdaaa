"""Validation of the file of a monitor, field by field."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import validate
from pyrometer.losses import loss_named
from pyrometer.states._block_sums import BlockSums
from pyrometer.states._blocks import boundaries
from pyrometer.states._columns import LABEL, Columns
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._counted import Counted
from pyrometer.states._data_state import HEADER, DataState
from pyrometer.states._layout import Layout
from pyrometer.states._pools import SCANNED
from pyrometer.states._predictions import NO_LOSS
from pyrometer.states._row_sums import products

__all__ = ["checked_header", "checked_last", "checked_later", "checked_pools", "checked_readings", "checked_state"]

_Array: TypeAlias = npt.NDArray[np.float64]
_Check: TypeAlias = Callable[[str, Any], Any]
_CLOSE = 1e-9  # instruction-set levels differ in the last digits
_MOVED = 1e-12  # of the largest square: rounding of sums that were moved to another centre
_FARTHEST_CENTRE = 2.0**300  # in units: ordinary magnitudes, to 2^200, and rows that differ by rounding alone
_LARGEST = 2.0**964  # squares of coordinates are less
_UNITS = 5000  # exponents of doubles, twice those of their squares, are less


def field(mapping: Any, name: str, check: _Check, where: str = "") -> Any:
    """Return a checked field of a mapping; ValueError by its name."""
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{where or 'header'} must be a mapping of names to values, got {type(mapping).__name__}")
    full = f"{where}.{name}" if where else name
    if name not in mapping:
        raise ValueError(f"{full} is missing")
    try:
        return check(full, mapping[name])
    except TypeError as error:
        raise ValueError(str(error)) from error


def whole(minimum: int) -> _Check:
    return lambda name, value: validate.count(name, value, minimum=minimum)


def number(minimum: float = -math.inf, *, nan: bool = False) -> _Check:
    """Check a float that is at least `minimum`, or nan if that is allowed."""

    def check(name: str, value: Any) -> float:
        if nan and isinstance(value, float) and math.isnan(value):
            return value
        return validate.single(name, value, minimum=minimum)

    return check


def checked_header(header: Any) -> dict[str, Any]:
    """Return the options and counters of the monitor."""
    found = {name: field(header, name, whole(least)) for name, least in _COUNTS.items()}
    if found["memory"] & (found["memory"] - 1):
        raise ValueError(f"memory must be a power of two, got {found['memory']}")
    found["seed"] = field(header, "seed", _seed)
    found["energy"] = field(header, "energy", lambda n, v: v if v is None else loss_named(v, what=n).name)
    return found


_COUNTS = {"batches": 0, "run_length": 2, "memory": 1, "block": 1, "history": 1}


def checked_state(header: Any, arrays: Mapping[str, Any], block: int) -> DataState:
    """Return the reference, whose sums fit its counts and give its energy and entropy."""
    described = field(header, "reference", lambda _, value: value)
    at = "reference"
    found: dict[str, Any] = {
        "rows": field(described, "rows", whole(1), at),
        "features": field(described, "features", whole(0), at),
        "loss": field(described, "loss", lambda n, v: loss_named(v, what=n).name, at),
    }
    found |= {name: field(described, name, number(nan=True), at) for name in HEADER[3:]}
    found["names"] = _names(described.get("names"), found["features"])
    found["reason"] = _text("reference.reason", described.get("reason", ""))
    columns = checked_columns(described.get("columns"), arrays, found["features"])
    d = len(columns.places) + CONDITIONALS[found["loss"]].joint
    if found["rows"] > 2**53:
        raise ValueError(f"reference.rows must be at most 2**53, got {found['rows']}")
    centre = _array(arrays, "centre", (d,))
    counts = _array(arrays, "counts", (None,))
    begins = boundaries(found["rows"], block) if len(counts) <= found["rows"] else np.empty(0)
    if not np.array_equal(counts, np.diff(np.append(begins, found["rows"]))):
        raise ValueError(f"counts must be the rows of {found['rows']} rows' blocks of {block}")
    given = {"centre": centre, "counts": counts}
    if "units" in arrays:
        given["units"] = _array(arrays, "units", (2 + d,), np.int64)
        if np.abs(given["units"]).max() > _UNITS:
            raise ValueError(f"units must be exponents of doubles, got {np.abs(given['units']).max()}")
    unit = given["units"][2:] if "units" in arrays else np.zeros(d, dtype=np.int64)
    with np.errstate(over="ignore"):
        if not (np.abs(np.ldexp(centre, -unit)) <= _FARTHEST_CENTRE).all():
            raise ValueError("centre must be that of the rows, within 2^300 of their units")
    sums = "sums_in_units" if "units" in arrays and given["units"].any() else "sums"
    widths = {2 + d + d * (d + 1) // 2, 2 + 2 * d}
    given[sums] = _array(arrays, sums, (len(counts), None))
    if given[sums].shape[1] not in widths:
        raise ValueError(f"{sums} must have {max(widths)} columns, got {given[sums].shape[1]}")
    _require_moments(sums, np.column_stack([counts, given[sums]]), d)
    for each in columns.counted:
        if not np.array_equal(each.counts.sum(axis=1), counts):
            raise ValueError(f"counts of the column at place {each.place} must be those of all rows of each block")
    state = DataState.restored(found, BlockSums.from_arrays(given, found["loss"]), columns)
    for name, value in zip(("energy", "entropy"), state.numbers(), strict=True):
        told = found[name]
        if not (
            math.isclose(told, value, rel_tol=_CLOSE, abs_tol=_CLOSE * (name == "entropy"))
            or (math.isnan(told) and (found["reason"] or (name == "energy" and found["loss"] == NO_LOSS)))
        ):
            raise ValueError(f"reference.{name} must be that of the sums, {value}, got {told}")
    most = math.log(found["rows"]) * (1.0 + _CLOSE) + _CLOSE
    if not (
        -_CLOSE <= found["discrete_entropy"] <= most
        or (math.isnan(found["discrete_entropy"]) and (found["reason"] or columns.fill))
    ):
        raise ValueError(f"reference.discrete_entropy must be 0 to ln(rows), got {found['discrete_entropy']}")
    return state


def checked_columns(given: Any, arrays: Mapping[str, Any], features: int) -> Columns:
    """Return the columns of the reference by kind, with their counts."""
    if given is None:
        return Columns(tuple(range(features)))
    at = "reference.columns"
    places = field(given, "places", _places(features), at)
    by_counts = field(given, "by_counts", _places(features), at)
    fill = field(given, "fill", _pairs(lambda value: isinstance(value, float) and math.isfinite(value)), at)
    counted = []
    for k, each in enumerate(field(given, "counted", _list, at)):
        where = f"{at}.counted[{k}]"
        place = field(each, "place", whole(LABEL), where)
        kind = field(each, "kind", _text, where)
        values = field(each, "values", _list, where)
        if kind not in ("category", "value", "missing", "label") or not all(map(_is_value, values)) or not values:
            raise ValueError(f"{where} must be of a kind and values that columns have, got {kind!r} with {values!r}")
        counts = _array(arrays, f"counts_{k}", (None, len(values)))
        if not ((counts >= 0) & (counts == np.floor(counts))).all():
            raise ValueError(f"counts_{k} must be whole numbers of at least 0")
        counted.append(Counted(place, kind, tuple(values), counts))
    known = {each.place for each in counted}
    categories = {each.place for each in counted if each.kind == "category"}
    if len(known) != len(counted) or not set(by_counts) <= known or len(places) + len(categories) != features:
        raise ValueError(f"{at} must describe {features} columns once each")
    if categories & set(places) or not {place for place, _ in fill} <= set(places):
        raise ValueError(f"{at}.places must be those of columns of numbers")
    return Columns(tuple(places), tuple(counted), {place: value for place, value in fill}, frozenset(by_counts))


def _words(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"{name} must be a list of strings, got {value!r}")
    return tuple(value)


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, got {type(value).__name__}")
    return value


def _is_value(value: Any) -> bool:
    """Whether a value is one that columns may have."""
    return value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value))


def _places(features: int) -> _Check:
    def check(name: str, value: Any) -> list[int]:
        places = _list(name, value)
        for each in places:
            if isinstance(each, bool) or not isinstance(each, int) or not LABEL <= each < features:
                raise ValueError(f"{name} must be places of columns, got {each!r}")
        if sorted(set(places)) != places:
            raise ValueError(f"{name} must be increasing, got {places!r}")
        return places

    return check


def _pairs(holds: Callable[[Any], bool]) -> _Check:
    """Check a list of pairs of a place and a value."""

    def check(name: str, value: Any) -> list[tuple[int, Any]]:
        pairs_ = _list(name, value)
        for each in pairs_:
            if not isinstance(each, list) or len(each) != 2 or type(each[0]) is not int or not holds(each[1]):
                raise ValueError(f"{name} must be pairs of a place and a value, got {each!r}")
        return [(place, value) for place, value in pairs_]

    return check


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
    checks: dict[str, _Check] = dict.fromkeys(("energy", "entropy", "temperature", "neighbour"), number(nan=True))
    checks |= {"rows": whole(1), "p_value": number(0.0), "pooled": number(0.0, nan=True), "window": whole(0)}
    checks |= {"alarm": validate.flag, "reason": _text, "divergence": number(nan=True), "name": _text}
    checks["columns"] = _words
    optional = {each.name for each in fields(kind) if each.default is not MISSING}
    field(given, "rows", whole(1), at)
    if extra := sorted(set(given) - set(checks)):
        raise ValueError(f"{at} must have no other fields, got {extra[0]!r}")
    found = {
        name: field(given, name, check, at) for name, check in checks.items() if name in given or name not in optional
    }
    for name in ("p_value", "pooled"):
        if found[name] > 1.0:
            raise ValueError(f"{at}.{name} must be at most 1, got {found[name]}")
    window = found["window"]
    # Pools of a reference that grows, or was changed, are not those of the batch's number.
    sizes = {2**k for k in range(1, memory.bit_length()) if restarts or batch % 2**k == 0}
    if (window == 0) != math.isnan(found["pooled"]) or not (
        window in sizes or (window == 0 and (restarts or not sizes))
    ):
        raise ValueError(
            f"{at}.window must be that of a pool of batch {batch}, got {window} with pooled {found['pooled']}"
        )
    if found["alarm"] != (found["p_value"] <= level or found["pooled"] <= level):
        raise ValueError(f"{at}.alarm must say whether a p-value is at most {level:g}, got {found['alarm']}")
    return kind(**found)


def checked_last(header: Any, batch: Any) -> tuple[float, float, float]:
    """Return energy and entropy of the last batch, which must be those of `batch`, and the variance of its entropy."""
    given = field(header, "last", lambda _, value: value)
    found = [field(given, name, number(nan=True), "last") for name in ("energy", "entropy")]
    for name, value in zip(("energy", "entropy"), found, strict=True):
        told = getattr(batch, name)
        if value != told and not (math.isnan(value) and math.isnan(told)):
            raise ValueError(f"last.{name} must be that of the last batch, {told}, got {value}")
    return found[0], found[1], field(given, "variance", number(0.0, nan=True), "last")


def checked_later(header: Any, version: int) -> dict[str, Any]:
    """Return what files of version 1 did not have: growth, dependence and the alarm of an event."""
    found: dict[str, Any] = {"grow": False, "start": 0, "origin": header["batches"], "dependence": None, "alarm": None}
    found["labels"] = []
    if version == 1:
        return found
    found["labels"] = field(header, "labels", _pairs(_is_value))
    if len(set(map(repr, found["labels"]))) != len(found["labels"]):
        raise ValueError("labels must be different")
    found["grow"] = field(header, "grow", validate.flag)
    found["start"], found["origin"] = (field(header, name, whole(0)) for name in ("start", "origin"))
    memory, alarm = (field(header, name, lambda _, value: value) for name in ("dependence", "alarm"))
    if memory is not None:
        checks = {"time": number(1.0), "reach": number(0.0), "series": _text}
        found["dependence"] = {name: field(memory, name, check, "dependence") for name, check in checks.items()}
    if alarm is not None:
        alarmed: dict[str, _Check] = {"batch": whole(1), "window": whole(1), "p_value": number(0.0)}
        found["alarm"] = {name: field(alarm, name, check, "alarm") for name, check in alarmed.items()}
    batches, raised = header["batches"], found["alarm"]
    for name in ("start", "origin"):
        if found[name] > batches:
            raise ValueError(f"{name} must be at most the number of batches, {batches}, got {found[name]}")
    if raised is not None:
        first = max(found["start"], found["origin"])
        if not first < raised["batch"] <= batches:
            raise ValueError(f"alarm.batch must be {first + 1} to {batches}, got {raised['batch']}")
        if raised["window"] > header["memory"] or raised["window"] & (raised["window"] - 1) or raised["p_value"] > 1.0:
            raise ValueError(f"alarm must be of a pool of the monitor, got {raised}")
    return found


def checked_pools(
    arrays: Mapping[str, Any], levels: dict[str, Any], state: DataState, rows: list[int], version: int
) -> dict[str, Any]:
    """Return what is kept of batches, by the names that `Pools` has for it.

    Pools that wait for others are the binary digits of the number of batches since they began.
    """
    layout = Layout(state, tuple(levels["labels"]))
    width, d, pools = layout.width + len(layout.labels), len(state.sums.centre), []
    since = 0 if levels["grow"] and levels["alarm"] else levels["batches"] - levels["start"]

    def of_blocks(name: str, least: int | None = None) -> _Array:
        blocks = _array(arrays, name, (least, width))
        if len(blocks):
            _require_moments(name, blocks[:, : layout.width], d)
            if (blocks[:, layout.width :] < 0).any() or (blocks[:, layout.width :] > blocks[:, :1]).any():
                raise ValueError(f"{name} must have counts of 0 to the number of rows")
        return np.asarray(blocks)

    for k in range(levels["memory"].bit_length() - 1):
        name, waits = f"pool_{k}", bool(since >> k & 1)
        if (name in arrays) != waits:
            raise ValueError(f"{name} must {'' if waits else 'not '}be there after {since} batches")
        pools.append(of_blocks(name) if waits else None)
    begun = of_blocks("begun", 1)[0] if "begun" in arrays else None
    if begun is not None and (levels["block"] == 1 or begun[0] >= levels["block"]):
        raise ValueError(f"begun must have fewer rows than a block of {levels['block']}, got {begun[0]:g}")
    waiting = since % levels["memory"]
    held = sum(pool[:, 0].sum() for pool in pools if pool is not None)
    carries = levels["block"] > 1 and (levels["grow"] or levels["dependence"] is not None)
    if waiting and waiting <= len(rows) and held != sum(rows[-waiting:]) and not carries:
        names = " and ".join(f"pool_{k}" for k, pool in enumerate(pools) if pool is not None)
        expected = sum(rows[-waiting:])
        raise ValueError(f"{names} must have the rows of the last {waiting} batches, {expected}, got {held:g}")
    found: dict[str, Any] = {"waiting": tuple(pools), "begun": begun, "layout": layout}
    if version == 1:
        return found
    known = (levels["alarm"]["batch"] if levels["alarm"] else levels["batches"]) - levels["origin"]
    found |= {"earlier": of_blocks("earlier", 1)[0], "totals": of_blocks("totals", min(SCANNED, known))}
    if found["earlier"][0] < state.rows:
        raise ValueError(f"earlier must have the {state.rows} rows of the reference, got {found['earlier'][0]:g}")
    if levels["grow"]:
        found["base"] = of_blocks("base")
        if not found["base"][:, 0].sum() >= state.rows:
            raise ValueError(
                f"base must have the {state.rows} rows of the reference, got {found['base'][:, 0].sum():g}"
            )
    return found


def _array(arrays: Mapping[str, Any], name: str, shape: tuple[int | None, ...], dtype: Any = np.float64) -> Any:
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = np.asarray(arrays[name])
    if array.dtype != dtype:
        raise ValueError(f"{name} must be of {np.dtype(dtype)}, got {array.dtype}")
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}".replace("None", "any"))
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return np.ascontiguousarray(array)


def _require_moments(name: str, sums: _Array, d: int) -> None:
    """Refuse sums over blocks that no rows have: counts, losses, scores, and squares beside first moments."""
    counts, first = sums[:, 0], sums[:, 3 : 3 + d]
    if not len(sums) or not ((counts >= 1) & (counts == np.floor(counts)) & (counts <= 2**53)).all():
        raise ValueError(f"{name} must have blocks of whole numbers of rows, at least 1")
    if (sums[:, 1:3] < 0).any():
        raise ValueError(f"{name} must have losses and scores of at least 0")
    if not (np.abs(sums[:, 1:]) <= counts[:, None] * _LARGEST).all():
        raise ValueError(f"{name} must have sums of magnitudes to {_LARGEST:g}")
    j, k = np.array(products(d, sums.shape[1] - 3 - d), dtype=int).reshape(-1, 2).T
    squares = np.maximum(sums[:, 3 + d :][:, j == k], 0.0)
    squares = np.sqrt(squares + _MOVED * squares.max(axis=0))
    largest = squares[:, j] * squares[:, k] * (1.0 + _CLOSE)
    if not (np.abs(first) <= np.sqrt(counts)[:, None] * squares * (1.0 + _CLOSE)).all():
        raise ValueError(f"{name} must have sums of squares that rows can have")
    if not (np.abs(sums[:, 3 + d :]) <= largest).all():
        raise ValueError(f"{name} must have sums of products that rows can have")


def _seed(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{name} must be two whole numbers")
    for word in value:
        if isinstance(word, bool) or not isinstance(word, int) or not 0 <= word < 2**64:
            raise ValueError(f"{name} must be two whole numbers from 0 to 2**64 - 1, got {word!r}")
    return value[0], value[1]


def _names(value: Any, features: int) -> tuple[str, ...] | None:
    if value is None or (value == [] and features == 0):
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("reference.names must be a list of strings or null")
    if len(value) != features or len(set(value)) != len(value):
        raise ValueError(f"reference.names must be {features} different strings, got {len(value)}")
    return tuple(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, got {type(value).__name__}")
    return value
