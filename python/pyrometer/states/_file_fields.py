"""Checks of the fields of a file, each an error by its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from pyrometer.base import Array, validate
from pyrometer.states._columns import LABEL
from pyrometer.states._row_sums import factors_of

__all__ = [
    "CLOSE",
    "Check",
    "a_list",
    "array_of",
    "field",
    "is_value",
    "number",
    "pairs_of",
    "places_of",
    "require_moments",
    "squares_of",
    "text",
    "whole",
    "words",
]

Check: TypeAlias = Callable[[str, Any], Any]
CLOSE = 1e-9  # instruction-set levels differ in the last digits
_MOVED = 1e-12  # of the largest sum of squares: rounding of sums that were moved to another centre
_ROUNDING = 4.0 * float(np.finfo(np.float64).eps)  # of a centre
_LARGEST = 2.0**964  # squares of coordinates are less


def field(mapping: Any, name: str, check: Check, where: str = "") -> Any:
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


def whole(minimum: int) -> Check:
    return lambda name, value: validate.count(name, value, minimum=minimum)


def number(minimum: float = -math.inf, *, nan: bool = False) -> Check:
    """Check a float that is at least `minimum`, or nan if that is allowed."""

    def check(name: str, value: Any) -> float:
        if nan and isinstance(value, float) and math.isnan(value):
            return value
        return validate.single(name, value, minimum=minimum)

    return check


def array_of(arrays: Mapping[str, Any], name: str, shape: tuple[int | None, ...], dtype: Any = np.float64) -> Any:
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


def a_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, got {type(value).__name__}")
    return value


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, got {type(value).__name__}")
    return value


def words(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"{name} must be a list of strings, got {value!r}")
    return tuple(value)


def is_value(value: Any) -> bool:
    """Whether a value is one that columns may have."""
    return value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value))


def places_of(features: int) -> Check:
    def check(name: str, value: Any) -> list[int]:
        places = a_list(name, value)
        for each in places:
            if isinstance(each, bool) or not isinstance(each, int) or not LABEL <= each < features:
                raise ValueError(f"{name} must be places of columns, got {each!r}")
        if sorted(set(places)) != places:
            raise ValueError(f"{name} must be increasing, got {places!r}")
        return places

    return check


def pairs_of(holds: Callable[[Any], bool]) -> Check:
    """Check a list of pairs of a place and a value."""

    def check(name: str, value: Any) -> list[tuple[int, Any]]:
        pairs_ = a_list(name, value)
        for each in pairs_:
            if not isinstance(each, list) or len(each) != 2 or type(each[0]) is not int or not holds(each[1]):
                raise ValueError(f"{name} must be pairs of a place and a value, got {each!r}")
        return [(place, value) for place, value in pairs_]

    return check


def squares_of(sums: Array, d: int) -> Array:
    """Sums of squares (b, d) of the coordinates, in sums over blocks."""
    j, k = factors_of(d, sums.shape[1] - 3 - d)
    return np.asarray(sums[:, 3 + d :][:, j == k])


def require_moments(
    name: str,
    sums: Array,
    d: int,
    rows: Array | None = None,
    beside: Array | float = 0.0,
    centre: Array | float = 0.0,
) -> None:
    """Refuse sums over blocks that no rows have: counts, losses, scores, and squares beside first moments.

    With `rows` of their own, counts are weights. `beside` (d,) has the largest sums of squares of other rows about the
    same centre: where blocks of a batch far from the centre are near it, squares have cancelled. About a `centre` (d,),
    in units, a constant is rounding.
    """
    counts, first = sums[:, 0], sums[:, 3 : 3 + d]
    rows = counts if rows is None else rows
    if not len(sums) or not ((rows >= 1) & (rows == np.floor(rows)) & (rows <= 2**53)).all():
        raise ValueError(f"{name} must have blocks of whole numbers of rows, at least 1")
    if not (counts > 0).all():
        raise ValueError(f"{name} must have blocks of positive weights")
    if (sums[:, 1:3] < 0).any():
        raise ValueError(f"{name} must have losses and scores of at least 0")
    if not (np.abs(sums[:, 1:]) <= counts[:, None] * _LARGEST).all():
        raise ValueError(f"{name} must have sums of magnitudes to {_LARGEST:g}")
    j, k = factors_of(d, sums.shape[1] - 3 - d)
    squares = np.maximum(squares_of(sums, d), 0.0)
    rounding = counts[:, None] * np.square(_ROUNDING * np.asarray(centre))
    squares = np.sqrt(squares + rounding + _MOVED * np.maximum(squares.max(axis=0), beside))
    largest = squares[:, j] * squares[:, k] * (1.0 + CLOSE)
    if not (np.abs(first) <= np.sqrt(counts)[:, None] * squares * (1.0 + CLOSE)).all():
        raise ValueError(f"{name} must have sums of squares that rows can have")
    if not (np.abs(sums[:, 3 + d :]) <= largest).all():
        raise ValueError(f"{name} must have sums of products that rows can have")
