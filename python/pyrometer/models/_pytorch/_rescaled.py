"""Passes that rescale the layers of a model as they meet them, and which layers these are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch

from pyrometer.base import listed, nearest, quoted
from pyrometer.models._built import Built
from pyrometer.models._call_sites import CallSite
from pyrometer.models._labels import Kind, Runs
from pyrometer.models._pytorch._closed_energies import ClosedPass
from pyrometer.models._pytorch._consumers import Operands
from pyrometer.models._pytorch._lockstep import DIFFERS, Stepper
from pyrometer.models._pytorch._operations import Given
from pyrometer.models._pytorch._pass import Drawn, Pass

__all__ = ["Layer", "Rescaled", "RescaledMoments", "Scout", "layers_of"]


@dataclass(frozen=True)
class Layer:
    """A call site that is rescaled: its number, how many operations belong to it, the last of them; and its energy.

    That is the energy per unit after layers before are rescaled, with its relative standard error and the method; "" if
    the layer cannot be rescaled.
    """

    site: CallSite
    number: int
    operations: int
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
        self._own = {tensor.untyped_storage()._cdata for tensor in drawn.parameters.values()}
        self.operations = 0
        self.last: dict[int, int] = {}
        self.belonging = Counter[int]()
        self.products: dict[int, bool] = {}
        """By call site: whether its weight is a parameter, or a part of one."""

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Count the operation."""
        super().observe(func, given, out, site, operands)
        if site is not None:
            self.last[site] = self.operations
            self.belonging[site] += 1
            if operands is not None and site == len(self.sites) - 1:
                self.products[site] = operands.weight.untyped_storage()._cdata in self._own
        self.operations += 1


class Rescaled(Pass):
    """A pass that stops where a layer is complete, and rescales its outputs and its parameters."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        self._drawn, self._met = drawn, Counter[int]()
        self._stops: dict[tuple[int, int], Layer] = {}
        self._stepper: Stepper | None = None
        self.layer, self.energy, self.units, self.factor = -1, 0.0, 1.0, 1.0

    def follow(self, layers: list[Layer], call: Callable[[], Any]) -> Callable[[Stepper], None]:
        """Return the program that stops at the layers."""

        def program(stepper: Stepper) -> None:
            self._stepper, self._stops = stepper, {(layer.number, layer.operations): layer for layer in layers}
            self.run(call)

        return program

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Stop at the last operation of a layer."""
        super().observe(func, given, out, site, operands)
        if site is None or self._stepper is None:
            return
        self._met[site] += 1
        layer = self._stops.get((site, self._met[site]))
        if layer is None:
            return
        if self.sites[site].parameters != layer.site.parameters:
            raise ValueError(DIFFERS)
        self.layer = site
        self.energy, self.units = self.energy_of(site), self.sites[site].units
        self._stepper.pause()
        for tensor in (out, *(self._drawn.parameters[name] for name in layer.parameters)):
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


def layers_of(scout: Scout, built: Built, runs: dict[str, Runs], skip: list[str]) -> tuple[list[Layer], dict[str, str]]:
    """Return the layers to rescale in the order in which they are complete, and why others are not."""
    uses = Counter(name for site in scout.sites for name in site.parameters)
    names = {*uses, *(site.name for site in scout.sites)}
    for pattern in skip:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(
                f"skip={quoted(pattern)} matches no layer or parameter of [{listed(sorted(names))}]"
                f"{nearest(pattern, sorted(names), fallback='')}."
            )
    layers, skipped = [], {}
    for number, site in enumerate(scout.sites):
        if number not in scout.products:
            if site.kind == "other":
                skipped[site.name] = "its operation is not a supported product with weights"
            continue
        why = _reason(site, uses, built, runs, skip, plain=scout.products[number])
        if why:
            skipped[site.name] = why
        else:
            layers.append(Layer(site, number, scout.belonging[number], scout.last[number], site.parameters))
    return sorted(layers, key=lambda layer: layer.last), skipped


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
