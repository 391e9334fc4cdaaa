"""Passes that rescale the layers of a model as they meet them, and which layers these are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import torch

from pyrometer.base import listed, nearest, quoted
from pyrometer.models._built import Built
from pyrometer.models._call_sites import CallSite
from pyrometer.models._labels import Kind, Runs
from pyrometer.models._pytorch._closed_energies import ClosedPass
from pyrometer.models._pytorch._consumers import Operands
from pyrometer.models._pytorch._early import Readings
from pyrometer.models._pytorch._lockstep import DIFFERS, Stepper
from pyrometer.models._pytorch._operations import Given, signature, tensors_in
from pyrometer.models._pytorch._pass import Drawn, Pass

__all__ = ["Layer", "Rescaled", "RescaledMoments", "Scout", "layers_of"]

_EARLY = "its outputs are used before {} is added to them, which have no factor then"

_Operation: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """A call site that is rescaled: its number, its operations, and which of all is the last; and its energy.

    Each operation is the number of its call site when it ran, and how many of that number had run. The energy is that
    per unit after layers before are rescaled, with its relative standard error and the method; "" if the layer cannot
    be rescaled.
    """

    site: CallSite
    number: int
    operations: tuple[_Operation, ...]
    last: int
    parameters: tuple[str, ...]
    energy: float = 1.0
    relative: float = 0.0
    method: str = ""

    def factor(self, target: float) -> float:
        """Return the factor at which its energy per unit is the target; 1 if it is not rescaled."""
        return math.sqrt(target / self.energy) if self.method else 1.0


class Scout(Pass):
    """Notes which operations are products with weights, and which belong to each call site."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        self._written = set[int]()  # storages of parameters that an operation has changed
        self._count, self._met, self._readings = 0, Counter[int](), Readings()
        self.belonging: dict[int, dict[int, _Operation]] = {}
        """By call site: its operations by their numbers among all."""
        self.products: dict[int, bool] = {}
        """By call site: whether its weight is a parameter, or a part of one."""
        self.computed: dict[int, list[torch.Tensor]] = {}
        """By the number of an operation: biases that are computed from parameters, and parameters that were changed."""
        self.sources: set[str] = set()
        """The parameters from which these are computed."""

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Note the operation, and to which call site it belongs."""
        super().observe(func, given, out, site, operands)
        self._readings.note(func, given, out)
        if site is not None:
            self._met[site] += 1
            self._keep(given, operands)
            self.belonging.setdefault(site, {})[self._count] = (site, self._met[site])
            for joined in [number for number in self.belonging if number >= len(self.sites)]:
                self.belonging[site] |= self.belonging.pop(joined)
                self.products.pop(joined, None)
            if operands is not None and site == len(self.sites) - 1:
                self.products[site] = operands.weight.untyped_storage()._cdata in self._own
        for tensor in chain.from_iterable(tensors_in(given.get(each)) for each in signature(func).written):
            self._written |= {tensor.untyped_storage()._cdata} & self._own
        self._count += 1

    def _keep(self, given: Given, operands: Operands | None) -> None:
        """Keep biases that are computed from parameters, and parameters that the program has changed."""
        weight = None if operands is None else operands.weight.untyped_storage()._cdata
        for tensor in chain.from_iterable(map(tensors_in, given.values())):
            same = tensor.untyped_storage()._cdata in {*self._own, weight} - self._written
            if self.origins[tensor].weight and not same:
                self.computed.setdefault(self._count, []).append(tensor.clone())
                self.sources |= self.origins[tensor].parameters

    def out_of_proportion(self, again: Scout) -> set[int]:
        """Return which operations take what is not twice as much in a pass with twice the parameters in `sources`."""
        return {
            number
            for number, before in self.computed.items()
            if len(before) != len(after := again.computed.get(number, []))
            or not all(torch.equal(2 * one, two) for one, two in zip(before, after, strict=True))
        }

    def early(self) -> dict[int, set[int]]:
        """Return by call site which sites depend on outputs that are used before it is complete."""
        return self._readings.early({site: sorted(each) for site, each in self.belonging.items()})


class Rescaled(Pass):
    """A pass that stops where a layer is complete, and rescales its outputs and its parameters."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        self._drawn, self._met = drawn, Counter[int]()
        self._layers: dict[_Operation, Layer] = {}
        self._outputs: dict[int, list[torch.Tensor]] = {}
        self._stepper: Stepper | None = None
        self.layer, self.energy, self.units, self.factor = -1, 0.0, 1.0, 1.0

    def follow(self, layers: list[Layer], call: Callable[[Any], Any]) -> Callable[[Stepper], None]:
        """Return the program that stops at the layers."""

        def program(stepper: Stepper) -> None:
            self._stepper = stepper
            self._layers = {operation: layer for layer in layers for operation in layer.operations}
            self.run(call)

        return program

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Stop at the last operation of a layer."""
        super().observe(func, given, out, site, operands)
        if site is None or self._stepper is None:
            return
        self._met[site] += 1
        operation = site, self._met[site]
        layer = self._layers.get(operation)
        if layer is None:
            return
        outputs = self._outputs.setdefault(layer.number, [])
        if not any(_contains(each, out) for each in outputs):
            outputs.append(out)
        if operation != layer.operations[-1]:
            return
        if self.sites[site].parameters != layer.site.parameters:
            raise ValueError(DIFFERS)
        self.layer = site
        self.energy, self.units = self.energy_of(site), self.sites[site].units
        own = self.restore()  # other passes run on the same inputs
        self._stepper.pause()
        for tensor, value in own:
            tensor.copy_(value)
        for tensor in (*self._outputs.pop(layer.number), *(self._drawn.parameters[name] for name in layer.parameters)):
            self.rescale(tensor)

    def energy_of(self, site: int) -> float:
        """Return the energy of a call site."""
        return self.sites[site].energy

    def rescale(self, tensor: torch.Tensor) -> None:
        """Multiply a tensor by the factor."""
        tensor.mul_(self.factor)


class RescaledMoments(Rescaled, ClosedPass):
    """The same with second moments in the place of draws; the energy is nan where there is no closed form."""

    def energy_of(self, site: int) -> float:
        energy = self.energies()[site]
        return math.nan if energy is None else energy

    def rescale(self, tensor: torch.Tensor) -> None:
        self.forms.scale(tensor, self.factor)
        super().rescale(tensor)


def layers_of(
    scout: Scout, bent: set[int], built: Built, runs: dict[str, Runs], skip: list[str]
) -> tuple[list[Layer], dict[str, str]]:
    """Return the layers to rescale in the order in which they are complete, and why others are not.

    `bent` are the operations whose bias or weight is not proportional to parameters.
    """
    uses = Counter(name for site in scout.sites for name in site.parameters)
    names = {*uses, *(site.name for site in scout.sites)}
    for pattern in skip:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(
                f"skip={quoted(pattern)} matches no layer or parameter of [{listed(sorted(names))}]"
                f"{nearest(pattern, sorted(names), fallback='')}."
            )
    layers, skipped = list[Layer](), {}
    for number, site in enumerate(scout.sites):
        if number not in scout.products:
            if site.kind == "other":
                skipped[site.name] = "its operation is not a supported product with weights"
            continue
        why = _reason(site, uses, built, runs, skip, plain=scout.products[number])
        if not why and bent & scout.belonging[number].keys():
            why = "its bias or weight is computed from parameters and not proportional to them"
        if why:
            skipped[site.name] = why
        else:
            operations = dict(sorted(scout.belonging[number].items()))
            layers.append(Layer(site, number, tuple(operations.values()), max(operations), site.parameters))
    early, numbers = scout.early(), {layer.number for layer in layers}
    whole = [layer for layer in layers if not early.get(layer.number, set()) & numbers]
    for layer in layers:
        if layer not in whole:
            skipped[layer.site.name] = _EARLY.format(layer.site.parameters[-1])
    return sorted(whole, key=lambda layer: layer.last), skipped


def _contains(outer: torch.Tensor, inner: torch.Tensor) -> bool:
    """Whether a tensor is in the part of memory of another one."""
    if outer.untyped_storage()._cdata != inner.untyped_storage()._cdata:
        return False
    spans = []
    for tensor in (outer, inner):
        length = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
        spans.append((tensor.storage_offset(), tensor.storage_offset() + length))
    return bool(spans[0][0] <= spans[1][0] and spans[1][1] <= spans[0][1])


def _reason(
    site: CallSite, uses: Counter[str], built: Built, runs: dict[str, Runs], skip: list[str], *, plain: bool
) -> str:
    """Return why a layer is not rescaled; "" if it is."""
    if any(fnmatchcase(name, pattern) for pattern in skip for name in (site.name, *site.parameters)):
        return "asked for by skip"
    if site.calls > 1:
        return f"its parameters are used at each of {site.calls} steps"
    shared = [name for name in site.parameters if uses[name] > 1]
    if shared:
        return f"{shared[0]} is used by {uses[shared[0]]} operations"
    if not plain:
        return "its weight is computed from parameters"
    labels = {number for name in site.parameters for number in np.unique(runs[name].labels).tolist()}
    if all(built.memory.labels[number].kind is Kind.CONSTANT for number in labels):
        return "its parameters are constant"
    return ""
