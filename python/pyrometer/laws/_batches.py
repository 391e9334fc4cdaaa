"""Batches of laws: merging and slicing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.laws._independent import Mixed

__all__ = ["arguments", "merge_batches", "part_of_batch"]

_Array: TypeAlias = npt.NDArray[Any]


def merge_batches(laws: Sequence[tuple[_Array, Any]], parameters: int) -> Iterator[tuple[_Array, Any]]:
    """Merge laws of the same class into batches of one axis."""
    kinds: dict[Any, list[tuple[_Array, tuple[_Array, ...]]]] = {}
    for places, law in laws:
        arrays = tuple(_flat(array, law.batch_shape) for array in arguments(law).values())
        split = arrays[0].shape[-1] if isinstance(law, Mixed) else None
        kinds.setdefault((type(law), split), []).append((places, arrays))
    for (kind, split), members in kinds.items():
        sizes = [array.shape[-1] for array in members[0][1]]
        if split is None and any(arrays[0].shape[-1] != sizes[0] for _, arrays in members):
            sizes = [parameters]
        stacked = [
            np.concatenate([np.broadcast_to(arrays[k], (len(arrays[k]), width)) for _, arrays in members])
            for k, width in enumerate(sizes)
        ]
        yield np.concatenate([places for places, _ in members]), kind(*stacked)


def part_of_batch(law: Any, first: int, last: int) -> Any:
    """Return the laws from `first` to before `last` of a batch of one axis."""
    return type(law)(*(array[first:last] for array in arguments(law).values()))


def arguments(law: Any) -> dict[str, _Array]:
    """Return the arguments of a law: its scales, lengths or gains, by name."""
    return {field.name: getattr(law, field.name) for field in fields(law)}


def _flat(array: _Array, batch: tuple[int, ...]) -> _Array:
    width = array.shape[-1] if array.ndim else 1
    return np.broadcast_to(array, (*batch, width)).reshape(-1, width)
