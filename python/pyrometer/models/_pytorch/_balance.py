"""Balance of PyTorch models: one pass in closed form, and draws in lockstep where that does not reach."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, TypeVar

import numpy as np
import torch

from pyrometer.models._balanced import Balance
from pyrometer.models._built import parameter_rows, with_named
from pyrometer.models._labels import Runs
from pyrometer.models._laws import table_of
from pyrometer.models._pytorch._build import seeded
from pyrometer.models._pytorch._closed import random_members
from pyrometer.models._pytorch._closed_energies import ClosedPass
from pyrometer.models._pytorch._inputs import prepared, run_on
from pyrometer.models._pytorch._lockstep import DIFFERS, Lockstep, states
from pyrometer.models._pytorch._pass import Drawn, Pass, plain_kernels
from pyrometer.models._pytorch._rescaled import Layer, Rescaled, RescaledMoments, Scout, layers_of
from pyrometer.models._pytorch._sources import Source, source_of
from pyrometer.models._request import Request

__all__ = ["balanced"]

_Pass = TypeVar("_Pass", bound=Pass)


def balanced(model: Any, request: Request, target: float, skip: list[str]) -> Balance:
    """Balance a module of PyTorch, or those that a function builds."""
    return _Balancing(source_of(model, request), request, target).result(skip)


class _Balancing:
    """The steps of a balance, each on draws of its own."""

    def __init__(self, source: Source, request: Request, target: float) -> None:
        self._source, self._request, self._target = source, request, target
        self._runs, self._numbers = with_named(source.built), count()
        self._off = False
        self._first = self._module()
        self._inputs, self._rows, self._device = prepared(request, self._first[1])

    def result(self, skip: list[str]) -> Balance:
        """Return the balance."""
        request, (number, module) = self._request, self._first
        scout = Scout(self._drawn(module, self._runs), self._inputs, self._rows)
        run_on(self._inputs, partial(self._run, scout, number, module))
        layers, skipped = layers_of(scout, self._source.built, self._runs, skip)
        del self._first, module
        draws, found = 0, self._together(layers, skipped, 0)
        if found is None:
            draws = request.draws
            found = self._together(layers, skipped, draws)
        layers = [layer for layer in found or [] if layer.method]
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
        module = self._source.draw(number)  # which may be drawn again in place
        self._off = self._off or random_members(module, self._source.built.memory)
        return number, copy.deepcopy(module)

    def _drawn(self, module: torch.nn.Module, runs: dict[str, Runs]) -> Drawn:
        self._source.switch(module.to(self._device), self._request.mode)
        return Drawn(module, self._source.parameters(module), runs, self._source.built.memory)

    def _pass(self, kind: type[_Pass], module: torch.nn.Module, runs: dict[str, Runs]) -> _Pass:
        """Return a pass of a model; without closed forms if more of it is random than its parameters."""
        found = kind(self._drawn(module, runs), self._inputs, self._rows)
        if isinstance(found, ClosedPass):
            found.off = found.off or self._off
        return found

    def _run(self, found: Pass, number: int, module: torch.nn.Module) -> None:
        with seeded(self._request.seed, number, 1):
            found.run(lambda: self._source.call(module, self._inputs))

    def _generators(self, number: int) -> Any:
        with seeded(self._request.seed, number, 1):
            return states()

    # ---- Factors.

    def _together(self, layers: list[Layer], skipped: dict[str, str], draws: int) -> list[Layer] | None:
        """Return the layers with their factors, each found after those before; None if they need draws."""
        passes, programs, generators, found = list[Rescaled](), [], [], []
        modules = [self._module() for _ in range(draws + 1)]
        for number, module in modules:
            kind = Rescaled if passes else RescaledMoments
            passes.append(self._pass(kind, module, self._runs))
            programs.append(passes[-1].follow(layers, partial(self._source.call, module, self._inputs)))
            generators.append(self._generators(number))
        with plain_kernels(modules[0][1]), Lockstep.of(programs, generators) as lockstep:
            for layer in layers:
                if not lockstep.step() or any(each.layer != layer.number for each in passes):
                    raise ValueError(DIFFERS)
                energies = np.array([[each.energy, each.units] for each in passes])
                exact = passes[0].energy
                if math.isnan(exact) and draws == 0:
                    return None
                found.append(self._with_factor(layer, energies[1:] if math.isnan(exact) else energies[:1], skipped))
                for each in passes:
                    each.factor = found[-1].factor
        return found

    def _with_factor(self, layer: Layer, energies: Any, skipped: dict[str, str]) -> Layer:
        """Return a layer with its factor, from energies and units of several draws, or the one in closed form."""
        energy, error = _per_unit(*energies.T)
        if math.isnan(energy):
            skipped[layer.site.name] = "it has no outputs"
            return replace(layer, method="")
        if not math.isfinite(energy):
            raise ValueError(
                f"outputs must be finite, got an overflow or nan in layer {layer.site.name!r}; use a wider dtype, "
                "lambda: MyModel().float(), or inputs of smaller scale."
            )
        if energy == 0.0:
            skipped[layer.site.name] = "its energy is 0"
            return replace(layer, method="")
        factor = math.sqrt(self._target / energy)
        method = "closed form" if len(energies) == 1 else "monte-carlo"
        return replace(layer, factor=factor, error=0.5 * factor * error / energy, method=method)

    def _scaled(self, layers: list[Layer]) -> dict[str, Runs]:
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

    def _achieved(self, layers: list[Layer], runs: dict[str, Runs], draws: int) -> tuple[Any, Any]:
        """Return energies per unit of the rescaled model, and their standard errors."""
        numbers = [layer.number for layer in layers]
        energy, units = self._energies(ClosedPass, layers, runs)[:, numbers]
        with np.errstate(invalid="ignore"):
            exact, errors = energy / units, np.zeros(len(layers))
        if not np.isnan(exact).any():
            return exact, errors
        each = np.array([self._energies(Pass, layers, runs)[:, numbers] for _ in range(draws)])
        for k in np.flatnonzero(np.isnan(exact)):
            exact[k], errors[k] = _per_unit(*each[:, :, k].T)
        return exact, errors

    def _energies(self, kind: type[Pass], layers: list[Layer], runs: dict[str, Runs]) -> Any:
        """Return energy and units of every call site of a rescaled draw, shape (2, sites)."""
        number, module = self._module()
        drawn = self._drawn(module, runs)
        with torch.no_grad():
            for layer in layers:
                for name in layer.parameters:
                    drawn.parameters[name].mul_(layer.factor)
        found = self._pass(kind, module, runs)
        self._run(found, number, module)
        energies = found.energies() if isinstance(found, ClosedPass) else [site.energy for site in found.sites]
        return np.array([[math.nan if e is None else e for e in energies], [site.units for site in found.sites]])


def _per_unit(energy: Any, units: Any) -> tuple[float, float]:
    """Return the mean energy of a unit over draws, and its standard error; nan without units."""
    if not units.any():
        return math.nan, math.nan
    mean = float(energy.sum() / units.sum())
    if len(energy) == 1:
        return mean, 0.0
    return mean, float((energy - mean * units).std(ddof=1) / units.mean() / math.sqrt(len(energy)))
