"""The labels of every number that a traced program has written, by storage and element."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pyrometer.laws import NORMAL, truncated_normal
from pyrometer.models._labels import FAR, Kind, Label, Runs

__all__ = ["Memory"]


@dataclass
class _Storage:
    alive: Any
    itemsize: int
    runs: Runs


class Memory:
    """Labels of the elements of tensors.

    Views share the labels of their storage, whatever their strides; storages are distinguished by their identity, not
    by their address, which the meta device does not have. Cost: O(runs) for a contiguous view, O(elements of the
    storage) for any other.
    """

    def __init__(self) -> None:
        self.labels: list[Label] = [Label(Kind.OUTSIDE), Label(Kind.UNDRAWN)]
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        self._storages: dict[int, _Storage] = {}
        self.sizes: list[int] = []
        """Number of elements of each draw."""
        self.truncated: dict[int, tuple[float, float]] = {}
        """Bounds, in units of its scale, to which a draw was restricted by rejection."""
        self.dimensions: dict[int, int] = {}
        """Larger dimension of each draw of an orthogonal matrix."""
        self.numbers = False
        """Whether the program has read numbers of random tensors, as by item()."""
        self.varies = False
        """Whether builds differ in more than tensors, as by a number of Python's generator that a layer keeps."""

    def number(self, label: Label) -> int:
        """Return the number of a label."""
        if label not in self._numbers:
            self._numbers[label] = len(self.labels)
            self.labels.append(label)
        return self._numbers[label]

    def draw(self, size: int) -> int:
        """Return the number of a new draw of `size` elements."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def read(self, tensor: Any) -> Runs:
        """Return the labels of a tensor in the order of its elements."""
        held = self._held(tensor)
        if held is None:
            return Runs.whole(tensor.numel(), 0)
        if tensor.is_contiguous():
            return held.runs.part(tensor.storage_offset(), tensor.storage_offset() + tensor.numel())
        labels, origins = held.runs.elements()
        where = _positions(tensor)
        return Runs.of(labels[where], origins[where])

    def write(self, tensor: Any, runs: Runs) -> None:
        """Replace the labels of a tensor by runs in the order of its elements."""
        if tensor.numel() == 0:
            return
        held = self._held(tensor) or self._new(tensor)
        if tensor.is_contiguous():
            held.runs = held.runs.replaced(tensor.storage_offset(), runs)
            return
        labels, origins = held.runs.elements()
        where = _positions(tensor)
        labels[where], origins[where] = runs.elements()
        held.runs = Runs.of(labels, origins)

    def fill(self, tensor: Any, label: Label) -> None:
        """Give every element of a tensor one label, as draw or constant of its own."""
        self.write(tensor, Runs.whole(tensor.numel(), self.number(label)))

    def change(self, source: Any, target: Any, new: Callable[[Label], Label]) -> None:
        """Give every element of `target` the changed label of the same element of `source`."""
        runs = self.read(source)
        self.write(target, runs.relabelled(self.number(new(self.labels[label])) for label in runs.labels.tolist()))

    def single(self, tensor: Any) -> Label | None:
        """Return the label that all elements of a tensor have in common; None if there is none."""
        labels = np.unique(self.read(tensor).labels)
        return self.labels[int(labels[0])] if len(labels) == 1 else None

    def uniform(self, tensor: Any) -> tuple[Label, int, int] | None:
        """Return the one label of a storage whose numbers are elements of one draw, in order; None for any other.

        And which elements of the draw the tensor has: none before the first number, and none from the second on.
        """
        held = self._held(tensor)
        if held is None or len(held.runs.labels) != 1:
            return None
        first = int(held.runs.origins[0]) + tensor.storage_offset()
        span = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
        return self.labels[int(held.runs.labels[0])], first, first + span + 1

    def kinds(self, tensor: Any) -> set[Kind]:
        """Return the kinds of the elements of a tensor."""
        return {self.labels[label].kind for label in np.unique(self.read(tensor).labels).tolist()}

    def holds(self, tensor: Any) -> bool:
        """Whether the storage of a tensor has labels."""
        return self._held(tensor) is not None

    def law(self, label: Label) -> Label:
        """Return a label with the bounds to which its draw was restricted by rejection."""
        if label.kind is not Kind.RANDOM or label.draw not in self.truncated:
            return label
        low, high = self.truncated[label.draw]
        if min(-low, high) > FAR:
            return label
        if label.family is not NORMAL or not math.isclose(-low, high, rel_tol=1e-6):
            return Label(Kind.UNKNOWN, reason="an interval that is not symmetric about the mean")
        return replace(label, family=truncated_normal(high))

    def _held(self, tensor: Any) -> _Storage | None:
        storage = tensor.untyped_storage()
        held = self._storages.get(storage._cdata)
        size = storage.nbytes() // tensor.element_size()
        if held is not None and (
            held.alive.expired() or held.itemsize != tensor.element_size() or held.runs.size != size
        ):
            del self._storages[storage._cdata]
            return None
        return held

    def _new(self, tensor: Any) -> _Storage:
        from torch.multiprocessing.reductions import StorageWeakRef

        storage, itemsize = tensor.untyped_storage(), tensor.element_size()
        size = storage.nbytes() // itemsize
        held = _Storage(StorageWeakRef(storage), itemsize, Runs.whole(size, 0))
        self._storages[storage._cdata] = held
        return held


def _positions(tensor: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the place in its storage of each element of a tensor, in order."""
    where = np.array(tensor.storage_offset(), dtype=np.int64)
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        where = where[..., None] + np.arange(size) * stride
    return where.reshape(-1)
