"""Equality and hash of frozen dataclasses whose fields may be arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

__all__ = ["ByValue", "restore"]


class ByValue:
    """Base of frozen dataclasses, with ``eq=False``, that are equal if their fields are; nan equals nan.

    Fields with ``compare=False`` do not count. Arrays are equal if shapes and values are.
    """

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self is other or all(_same(mine, getattr(other, name)) for name, mine in _values(self).items())

    def __hash__(self) -> int:
        return hash((type(self), *map(_key, _values(self).values())))


def restore(instance: Any, state: Mapping[str, Any]) -> None:
    """Set the fields of an unpickled or copied instance; arrays are read-only, as copies of NumPy's are not."""
    vars(instance).update(state)
    for value in state.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False


def _values(instance: Any) -> dict[str, Any]:
    return {field.name: getattr(instance, field.name) for field in fields(instance) if field.compare}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        a, b = np.asarray(one), np.asarray(other)
        return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def _key(value: Any) -> Any:
    """Return something hashable that is the same for values that are the same."""
    if isinstance(value, np.ndarray):
        # 0 and -0 are equal, and so are nan of any bits.
        plain = np.where(np.isnan(value), np.nan, value + 0.0) if value.dtype.kind == "f" else value
        return value.shape, plain.astype(np.float64).tobytes() if value.dtype.kind in "fiub" else tuple(plain.flat)
    if isinstance(value, Mapping):
        return tuple(value)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    try:
        hash(value)
    except TypeError:
        return None
    return value
