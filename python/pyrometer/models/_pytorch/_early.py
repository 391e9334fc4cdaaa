"""Which operations read outputs of a layer, or what was computed from them, before the layer is complete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pyrometer.models._pytorch._closed_rules import CONSTANTS, DRAWS
from pyrometer.models._pytorch._operations import Given, signature, tensors_in
from pyrometer.models._pytorch._origins import ByStorage

__all__ = ["Readings"]

# Results that a positive factor of the argument does not change; and those that it does not if compared with 0.
_INVARIANT = frozenset({"sign", "signbit", "isnan", "isfinite", "isinf", "argmax", "argmin", "argsort"})
_COMPARED = frozenset({"gt", "lt", "ge", "le", "eq", "ne"})


@dataclass(frozen=True)
class _Reading:
    """An operation: numbers of the storages that it reads and writes, and whether it returns a number of a tensor."""

    read: frozenset[int]
    written: frozenset[int]
    scalar: bool


class Readings:
    """Notes which storages each operation of a pass reads and writes; O(1) numbers for each operation."""

    def __init__(self) -> None:
        self._numbers, self._count = ByStorage(0), 0
        self._log: list[_Reading] = []

    def note(self, func: Any, given: Given, out: Any) -> None:
        """Note the next operation."""
        arguments = [tensor for value in given.values() for tensor in tensors_in(value)]
        inputs = frozenset(map(self._number, arguments))
        changed = {self._number(tensor) for name in signature(func).written for tensor in tensors_in(given.get(name))}
        results = {self._number(tensor) for tensor in tensors_in(out)}
        written = frozenset(changed | (results - inputs))  # views write nothing
        scalar = signature(func).name == "_local_scalar_dense" and given["self"].dtype != torch.bool
        self._log.append(_Reading(frozenset() if _is_invariant(func, given) else inputs, written, scalar))

    def early(self, operations: Mapping[int, Sequence[int]]) -> dict[int, set[int]]:
        """Return which call sites use early outputs of each, from the operations of each site in their order.

        These are outputs that are read, by another operation, before the last operation of their site, and all that is
        computed from them. A site that gives a number to the program so is among its own.
        """
        owner = {operation: site for site, each in operations.items() for operation in each}
        last = {site: each[-1] for site, each in operations.items()}
        unfinished, early = dict[int, int](), defaultdict[int, set[int]](set)
        users = defaultdict[int, set[int]](set)
        for operation, reading in enumerate(self._log):
            own = owner.get(operation)
            sources = {unfinished[storage] for storage in reading.read if storage in unfinished}
            sources = {site for site in sources if site != own and operation < last[site]}
            sources = sources.union(*(early[storage] for storage in reading.read if storage in early))
            for site in sources:
                users[site] |= {site} if reading.scalar else set() if own is None else {own}
            for storage in reading.written:
                if sources:
                    early[storage] |= sources
                if own is not None:
                    unfinished[storage] = own
        return users

    def _number(self, tensor: torch.Tensor) -> int:
        number = self._numbers[tensor]
        if not number:
            number = self._count = self._count + 1
            self._numbers[tensor] = number
        return number


def _is_invariant(func: Any, given: Given) -> bool:
    """Whether the results do not depend on the scale of the arguments."""
    name = signature(func).name
    other = given.get("other")
    compared = name in _COMPARED and isinstance(other, (int, float)) and other == 0
    return compared or name in _INVARIANT or name in CONSTANTS or name in DRAWS
