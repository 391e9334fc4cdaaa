"""Balance of PyTorch models: one pass in closed form, and draws in lockstep where that does not reach."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch

from pyrometer.base import Tally, described, listed, nearest
from pyrometer.models._balance import Balance
from pyrometer.models._built import Built, parameter_rows, with_named
from pyrometer.models._call_sites import CallSite
from pyrometer.models._closed import ClosedPass
from pyrometer.models._labels import Kind, Runs
from pyrometer.models._laws import table_of
from pyrometer.models._request import Request
from pyrometer.models._torch_build import seeded
from pyrometer.models._torch_consumers import Operands
from pyrometer.models._torch_inputs import prepared
from pyrometer.models._torch_lockstep import DIFFERS, Lockstep, Stepper, states
from pyrometer.models._torch_pass import Drawn, Pass, plain_kernels
from pyrometer.models._torch_sources import Source, source_of
from pyrometer.models._torch_trace import Given

__all__ = ["apply", "balanced"]


@dataclass(frozen=True)
class _Layer:
    """A call site that is rescaled: its number, the last operation that belongs to it, and what is found."""

    site: CallSite
    number: int
    last: int
    parameters: tuple[str, ...]
    factor: float = 1.0
    error: float = 0.0
    method: str = "closed form"


class _Scout(Pass):
    """Notes which operations are products with weights, and which belong to each call site."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        self._own = {tensor.untyped_storage()._cdata for tensor in drawn.parameters.values()}
        self.operations = 0
        self.last: dict[int, int] = {}
        self.products: dict[int, bool] = {}
        """By call site: whether its weight is a parameter, or a part of one."""

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Count the operation."""
        super().observe(func, given, out, site, operands)
        if site is not None:
            self.last[site] = self.operations
            if operands is not None and site == len(self.sites) - 1:
                self.products[site] = operands.weight.untyped_storage()._cdata in self._own
        self.operations += 1


class _Rescaled(Pass):
    """A pass that stops where a layer is complete, and rescales its outputs and its parameters."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        self._drawn, self._operation = drawn, 0
        self._stops: dict[int, _Layer] = {}
        self._stepper: Stepper | None = None
        self.energy, self.factor = 0.0, 1.0

    def follow(self, layers: list[_Layer], call: Callable[[], Any]) -> Callable[[Stepper], None]:
        """Return the program that stops at the layers."""

        def program(stepper: Stepper) -> None:
            self._stepper, self._stops = stepper, {layer.last: layer for layer in layers}
            self.run(call)

        return program

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Stop at the last operation of a layer."""
        super().observe(func, given, out, site, operands)
        layer = self._stops.get(self._operation)
        self._operation += 1
        if layer is None or self._stepper is None:
            return
        if site != layer.number or self.sites[site].parameters != layer.site.parameters:
            raise ValueError(DIFFERS)
        self.energy = self.energy_of(site)
        self._stepper.pause()
        for tensor in (out, *(self._drawn.parameters[name] for name in layer.parameters)):
            self.rescale(tensor)

    def energy_of(self, site: int) -> float:
        """Return the energy per unit of a call site."""
        return self.sites[site].energy / self.sites[site].units

    def rescale(self, tensor: torch.Tensor) -> None:
        """Multiply a tensor by the factor."""
        tensor.mul_(self.factor)


class _RescaledMoments(_Rescaled, ClosedPass):
    """The same with second moments in the place of draws; the energy is nan where there is no closed form."""

    def energy_of(self, site: int) -> float:
        energy = self.energies()[site]
        return math.nan if energy is None else energy / self.sites[site].units

    def rescale(self, tensor: torch.Tensor) -> None:
        self.forms.scale(tensor, self.factor)
        super().rescale(tensor)


def balanced(model: Any, request: Request, target: float, skip: list[str]) -> Balance:
    """Balance a module of PyTorch, or those that a function builds."""
    return _Balancing(source_of(model, request), request, target).result(skip)


class _Balancing:
    """The steps of a balance, each on draws of its own."""

    def __init__(self, source: Source, request: Request, target: float) -> None:
        self._source, self._request, self._target = source, request, target
        self._runs, self._numbers = with_named(source.built), count()
        self._first = self._module()
        self._inputs, self._rows, self._device = prepared(request, self._first[1])

    def result(self, skip: list[str]) -> Balance:
        """Return the balance."""
        request, (number, module) = self._request, self._first
        scout = _Scout(self._drawn(module, self._runs), self._inputs, self._rows)
        self._run(scout, number, module)
        layers, skipped = _layers(scout, self._source.built, self._runs, skip)
        del self._first, module
        draws, found = 0, self._together(layers, skipped, 0)
        if found is None:
            draws = request.draws
            found = self._together(layers, skipped, draws)
        layers = [layer for layer in found or [] if layer.site.name not in skipped]
        runs = self._scaled(layers)
        achieved, errors = self._achieved(layers, runs, draws)
        built = self._source.built
        own = replace(built, shared={name: first for name, first in built.shared.items() if name not in runs})
        return Balance(
            model=self._source.title,
            name=np.array([layer.site.name for layer in layers], dtype=np.str_),
            parameters=tuple(layer.parameters for layer in layers),
            factors=np.array([layer.factor for layer in layers], dtype=float),
            errors=np.array([layer.error for layer in layers], dtype=float),
            method=np.array([layer.method for layer in layers], dtype=np.str_),
            achieved=achieved,
            achieved_errors=errors,
            skipped=skipped,
            laws=table_of(self._source.title, parameter_rows(own, runs), request.seed),
            target=self._target,
            mode=request.mode,
            seed=request.seed,
            draws=draws,
        )

    # ---- Models and passes.

    def _module(self) -> tuple[int, torch.nn.Module]:
        """Return the next draw of the model, in memory of its own, and its number."""
        number = next(self._numbers)
        return number, copy.deepcopy(self._source.draw(number))  # which may be drawn again in place

    def _drawn(self, module: torch.nn.Module, runs: dict[str, Runs]) -> Drawn:
        self._source.switch(module.to(self._device), self._request.mode)
        return Drawn(module, self._source.parameters(module), runs, self._source.built.memory)

    def _run(self, found: Pass, number: int, module: torch.nn.Module) -> None:
        with seeded(self._request.seed, number, 1):
            found.run(lambda: self._source.call(module, self._inputs))

    def _generators(self, number: int) -> Any:
        with seeded(self._request.seed, number, 1):
            return states()

    # ---- Factors.

    def _together(self, layers: list[_Layer], skipped: dict[str, str], draws: int) -> list[_Layer] | None:
        """Return the layers with their factors, each found after those before; None if they need draws."""
        passes, programs, generators, found = list[_Rescaled](), [], [], []
        modules = [self._module() for _ in range(draws + 1)]
        for number, module in modules:
            kind = _Rescaled if passes else _RescaledMoments
            passes.append(kind(self._drawn(module, self._runs), self._inputs, self._rows))
            programs.append(passes[-1].follow(layers, partial(self._source.call, module, self._inputs)))
            generators.append(self._generators(number))
        with plain_kernels(modules[0][1]), Lockstep.of(programs, generators) as lockstep:
            for layer in layers:
                lockstep.step()
                exact, sampled = passes[0].energy, np.array([each.energy for each in passes[1:]])
                if math.isnan(exact) and draws == 0:
                    return None
                found.append(self._with_factor(layer, exact, sampled, skipped))
                for each in passes:
                    each.factor = found[-1].factor
        return found

    def _with_factor(self, layer: _Layer, exact: float, sampled: Any, skipped: dict[str, str]) -> _Layer:
        """Return a layer with its factor, from the energy per unit in closed form or of several draws."""
        closed = not math.isnan(exact)
        energy = exact if closed else float(sampled.mean())
        if not math.isfinite(energy):
            raise ValueError(
                f"outputs must be finite, got an overflow or nan in layer {layer.site.name!r}; use a wider dtype, "
                "lambda: MyModel().float(), or inputs of smaller scale."
            )
        if energy == 0.0:
            skipped[layer.site.name] = "its energy is 0"
            return layer
        factor = math.sqrt(self._target / energy)
        error = 0.0 if closed else float(sampled.std(ddof=1)) / math.sqrt(len(sampled)) / energy
        return replace(
            layer, factor=factor, error=0.5 * factor * error, method="closed form" if closed else "monte-carlo"
        )

    def _scaled(self, layers: list[_Layer]) -> dict[str, Runs]:
        """Return the labels of the rescaled parameters."""
        memory, runs = self._source.built.memory, dict(self._runs)
        for layer in layers:
            for name in layer.parameters:
                labels = [memory.labels[number] for number in runs[name].labels.tolist()]
                scaled = [
                    replace(label, scale=label.scale * layer.factor, centre=label.centre * layer.factor)
                    for label in labels
                ]
                runs[name] = runs[name].relabelled(map(memory.number, scaled))
        return runs

    # ---- What is achieved.

    def _achieved(self, layers: list[_Layer], runs: dict[str, Runs], draws: int) -> tuple[Any, Any]:
        """Return energies per unit of the rescaled model, and their standard errors."""
        numbers = [layer.number for layer in layers]
        exact = self._energies(ClosedPass, layers, runs)[numbers]
        errors = np.zeros(len(layers))
        if not np.isnan(exact).any():
            return exact, errors
        tally = Tally()
        for _ in range(draws):
            tally.add(self._energies(Pass, layers, runs)[None, numbers])
        sampled = np.isnan(exact)
        return np.where(sampled, tally.mean(), exact), np.where(sampled, tally.error(), errors)

    def _energies(self, kind: type[Pass], layers: list[_Layer], runs: dict[str, Runs]) -> Any:
        """Return the energy per unit of every call site of a rescaled draw."""
        number, module = self._module()
        drawn = self._drawn(module, runs)
        with torch.no_grad():
            for layer in layers:
                for name in layer.parameters:
                    drawn.parameters[name].mul_(layer.factor)
        found = kind(drawn, self._inputs, self._rows)
        self._run(found, number, module)
        energies = found.energies() if isinstance(found, ClosedPass) else [site.energy for site in found.sites]
        units = np.array([site.units for site in found.sites])
        return np.array([math.nan if energy is None else energy for energy in energies]) / units


def _layers(scout: _Scout, built: Built, runs: dict[str, Runs], skip: list[str]) -> tuple[list[_Layer], dict[str, str]]:
    """Return the layers to rescale in the order in which they are complete, and why others are not."""
    uses = Counter(name for site in scout.sites for name in site.parameters)
    known = {*uses, *(site.name for site in scout.sites)}
    for pattern in skip:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ValueError(
                f"skip={pattern!r} matches no layer or parameter of [{listed(sorted(known))}]"
                f"{nearest(pattern, sorted(known), fallback='')}."
            )
    layers, skipped = [], {}
    for number, site in enumerate(scout.sites):
        if number not in scout.products:
            continue
        why = _reason(site, uses, built, runs, skip, plain=scout.products[number])
        if why:
            skipped[site.name] = why
        else:
            layers.append(_Layer(site, number, scout.last[number], site.parameters))
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


def apply(model: Any, found: Balance) -> Any:
    """Multiply the parameters of a model by their factors, in place."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {described(model)}; pass MyModel().")
    parameters = dict(model.named_parameters())
    missing = [name for names in found.parameters for name in names if name not in parameters]
    if missing:
        raise ValueError(
            f"model must have the parameters that were balanced, got a {type(model).__name__} without "
            f"[{listed(missing)}]; pass a model as {found.model} was built."
        )
    with torch.no_grad():
        for names, factor in zip(found.parameters, found.factors.tolist(), strict=True):
            for name in names:
                parameters[name].mul_(factor)
    return model
