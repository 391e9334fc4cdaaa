"""Batches of laws: merging and slicing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.laws._composed import Independent
from pyrometer.laws._independent import Mixed

__all__ = ["arguments", "form_of", "merge_batches", "part_of_batch"]

_Array: TypeAlias = npt.NDArray[Any]


def merge_batches(laws: Sequence[tuple[_Array, Any]]) -> Iterator[tuple[_Array, Any]]:
    """Merge laws of the same class, of as many scales, and of equal other arguments, into batches of one axis."""
    kinds: dict[Any, list[tuple[_Array, Any, dict[str, _Array]]]] = {}
    for number, (places, law) in enumerate(laws):
        arrays, others = _split(law)
        # Each array of a composed law describes its own parameters. Others have one scale for all, or one for each
        # parameter, of one class or of all.
        composed = isinstance(law, Independent)
        apart = [number] if composed else [array.shape[-1] if array.ndim else 1 for array in arrays.values()]
        kinds.setdefault((type(law), tuple(apart), tuple(others.items())), []).append((places, law, arrays))
    for members in kinds.values():
        places = np.concatenate([each for each, _, _ in members])
        first = members[0][1]
        if isinstance(first, Independent):
            yield places, _one_axis(first, first.batch_shape)
            continue
        _, others = _split(first)
        flat = [_flattened(law, arrays) for _, law, arrays in members]
        stacked = {name: np.concatenate([each[name] for each in flat]) for name in flat[0]}
        yield places, type(first)(**stacked, **others)


def part_of_batch(law: Any, first: int, last: int) -> Any:
    """Return the laws from `first` to before `last` of a batch of one axis."""
    if isinstance(law, Independent):
        return Independent([part_of_batch(each, first, last) for each in law.laws])
    arrays, others = _split(law)
    return type(law)(**{name: array[first:last] for name, array in arrays.items()}, **others)


def arguments(law: Any) -> dict[str, Any]:
    """Return the arguments of a law by name: its scales, lengths or gains, and others such as a bound."""
    kind: Any = type(law)
    return {name: getattr(law, name) for name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def form_of(law: Any) -> Any:
    """Return a key that is equal for laws that differ in the values of their scales only."""
    if isinstance(law, (Independent, Mixed)):
        return id(law)
    arrays, others = _split(law)
    return type(law), tuple((name, array.shape) for name, array in arrays.items()), tuple(others.items())


def _split(law: Any) -> tuple[dict[str, _Array], dict[str, Any]]:
    """Return the arguments that are arrays over a batch, and the others."""
    arrays: dict[str, _Array] = {}
    others: dict[str, Any] = {}
    for name, value in arguments(law).items():
        (arrays if isinstance(value, np.ndarray) else others)[name] = value
    return arrays, others


def _one_axis(law: Any, batch: tuple[int, ...]) -> Any:
    """Return a law with its batch broadcast to `batch` and flattened."""
    if isinstance(law, Independent):
        return Independent([_one_axis(each, batch) for each in law.laws])
    arrays, others = _split(law)
    return type(law)(**{name: _flat(array, batch) for name, array in arrays.items()}, **others)


def _flattened(law: Any, arrays: dict[str, _Array]) -> dict[str, _Array]:
    """Return the arrays of a law with its batch flattened."""
    if len(arrays) == 1:
        return {name: array.reshape(-1, array.shape[-1] if array.ndim else 1) for name, array in arrays.items()}
    return {name: _flat(array, law.batch_shape) for name, array in arrays.items()}


def _flat(array: _Array, batch: tuple[int, ...]) -> _Array:
    width = array.shape[-1] if array.ndim else 1
    return np.broadcast_to(array, (*batch, width)).reshape(-1, width)
