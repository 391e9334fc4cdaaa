"""Energies in closed form, from second moments that one pass carries through a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pyrometer.models._pytorch._closed import ClosedForms, Pending, random_members
from pyrometer.models._pytorch._consumers import Operands
from pyrometer.models._pytorch._operations import Given
from pyrometer.models._pytorch._pass import Drawn, Pass, all_tensors

__all__ = ["ClosedPass", "closed_energies"]


def closed_energies(
    drawn: Drawn, inputs: Any, rows: int, call: Callable[[Any], Any]
) -> list[tuple[float | None, float]]:
    """Return the energy of each call site of a forward pass, None where there is no closed form.

    And the size of its relative error, which is 0 but for norms. `call` runs the pass on the inputs. Call sites are
    those of `Pass`, in its order.
    """
    closed = ClosedPass(drawn, inputs, rows)
    closed.run(call)
    neglected = [0.0] * len(closed.sites) if closed.off else closed.neglected
    return list(zip(closed.energies(), neglected, strict=True))


class ClosedPass(Pass):
    """A forward pass that also carries second moments, unless it is `off`."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        self.forms = ClosedForms(drawn, inputs)
        self._pending: Pending | None = None
        # The parts of each call site: steps of recurrent layers, else one.
        self._parts: list[list[float | None]] = []
        self.neglected: list[float] = []
        self._seen: list[tuple[str, int]] = []
        # Some devices have no double precision.
        self.off = any(tensor.device.type == "mps" for tensor in drawn.parameters.values())
        self.off = self.off or random_members(drawn.module, drawn.memory)

    def energies(self) -> list[float | None]:
        """Return the energy of each call site, divided by its rows."""
        if self.off:
            return [None] * len(self.sites)
        return [
            None if None in parts else sum(each for each in parts if each is not None) / site.rows
            for parts, site in zip(self._parts, self.sites, strict=True)
        ]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.is_inference_mode_enabled():
            self.off = True  # operations made of others arrive as one
        self._pending = None if self.off else self.forms.before(func, args, kwargs or {})
        return super().__torch_dispatch__(func, types, args, kwargs)

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Note what the operation does to second moments."""
        super().observe(func, given, out, site, operands)
        if self._pending is None:
            return
        self.forms.after(self._pending, out)
        if site is None:
            return
        del self._parts[len(self.sites) :], self._seen[len(self.sites) :], self.neglected[len(self.sites) :]
        if site == len(self._parts):
            self._parts.append([])
            self._seen.append(("", 0))
            self.neglected.append(0.0)
        now, before, parts = (self.sites[site].kind, self.sites[site].calls), self._seen[site], self._parts[site]
        if now[0] != before[0]:
            parts.clear()  # the first step of a recurrent layer joins two products
        elif now == before:
            parts.pop()  # a bias completes it
        result = next(all_tensors(out))
        parts.append(self.forms.energy(result))
        self.neglected[site] = max(self.neglected[site], self.forms.neglected(result))
        self._seen[site] = now
