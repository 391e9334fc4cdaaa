"""Balance of PyTorch models: one pass in closed form, and draws in lockstep where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, count
from typing import Any, TypeVar
from weakref import ref

import numpy as np
import torch

from pyrometer.models._assemble import without_parameters
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
from pyrometer.models._pytorch._surroundings import copied, own_precision
from pyrometer.models._request import Request

__all__ = ["balanced"]

# Draws that advance together, in memory at the same time, and draws at most in multiples of those that are asked for.
_TOGETHER, _MOST = 16, 64

_Pass = TypeVar("_Pass", bound=Pass)


def balanced(model: Any, request: Request, target: float, skip: list[str]) -> Balance:
    """Balance a module of PyTorch, or those that a function builds."""
    with own_precision(), torch.inference_mode(mode=False):
        return _Balancing(source_of(model, request), request, target).result(skip)


class _Balancing:
    """The steps of a balance, each on draws of its own."""

    def __init__(self, source: Source, request: Request, target: float) -> None:
        self._source, self._request, self._target = source, request, target
        self._runs, self._numbers = with_named(source.built), count()
        self._off = self._marked = False
        self._last: ref[torch.nn.Module] | None = None
        self._spare: list[torch.nn.Module] = []
        self._first = self._module()
        self._inputs, self._rows, self._device = prepared(request, self._first[1])

    def result(self, skip: list[str]) -> Balance:
        """Return the balance."""
        request, (number, module) = self._request, self._first
        drawn = self._drawn(module, self._runs)
        scout = Scout(drawn, self._inputs, self._rows)
        run_on(self._inputs, partial(self._run, scout, number, module))
        if not scout.sites:
            raise without_parameters(self._source.title)
        bent = self._bent(scout, number, drawn) if scout.computed else set[int]()
        layers, skipped = layers_of(scout, bent, self._source.built, self._runs, skip)
        self._marked = not self._source.renew(module)
        del self._first, module, drawn
        draws, measured = 0, self._together(layers, skipped, 0)
        if measured is None:
            draws, measured = self._sampled(layers, skipped)
        layers = [layer for layer in measured if layer.method]
        runs = self._scaled(layers)
        achieved, errors = self._achieved(layers, runs)
        factors = [layer.factor(self._target) for layer in layers]
        built = self._source.built
        own = replace(built, shared={name: first for name, first in built.shared.items() if name not in runs})
        return Balance(
            model=self._source.title,
            name=np.array([layer.site.name for layer in layers], dtype=np.str_),
            parameters=tuple(layer.parameters for layer in layers),
            factors=np.array(factors, dtype=float),
            errors=np.array([0.5 * f * layer.relative for f, layer in zip(factors, layers, strict=True)], dtype=float),
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

    def _bent(self, scout: Scout, number: int, drawn: Drawn) -> set[int]:
        """Return which operations take a bias or weight that is not proportional to the parameters it stems from."""
        sources = [drawn.parameters[name] for name in sorted(scout.sources)]
        before = [tensor.detach().clone() for tensor in sources]
        with torch.no_grad():
            for tensor in sources:
                tensor.mul_(2)
        again = Scout(drawn, self._inputs, self._rows)
        self._run(again, number, drawn.module)
        with torch.no_grad():
            for tensor, own in zip(sources, before, strict=True):
                tensor.copy_(own)
        return scout.out_of_proportion(again)

    # ---- Models and passes.

    def _module(self) -> tuple[int, torch.nn.Module]:
        """Return the next draw of the model, in memory of its own, and its number."""
        number = next(self._numbers)
        module = self._source.draw(number)
        self._off = self._off or (number == 0 and random_members(module, self._source.built.memory))
        again = self._last is not None and self._last() is module  # it is drawn in place
        self._last = ref(module)
        if not again or not self._spare:
            return number, copied(module)
        own = self._spare.pop()
        with torch.no_grad():
            for mine, drawn in zip(_tensors_of(own), _tensors_of(module), strict=True):
                mine.copy_(drawn)
        return number, own

    def _keep_for_reuse(self, module: torch.nn.Module) -> None:
        """Keep a model for another draw, unless forward passes change more of it than tensors."""
        if not self._marked:
            self._spare.append(module)

    def _drawn(self, module: torch.nn.Module, runs: dict[str, Runs]) -> Drawn:
        self._source.switch(module.to(self._device), self._request.mode)
        return Drawn(module, self._source.parameters(module), runs, self._source.built.memory)

    def _pass(self, kind: type[_Pass], module: torch.nn.Module, runs: dict[str, Runs]) -> _Pass:
        """Return a pass of a model; without closed forms if more of it is random than its parameters."""
        one_pass = kind(self._drawn(module, runs), self._inputs, self._rows)
        if isinstance(one_pass, ClosedPass):
            one_pass.off = one_pass.off or self._off
        return one_pass

    def _run(self, one_pass: Pass, number: int, module: torch.nn.Module) -> None:
        with seeded(self._request.seed, number, 1):
            one_pass.run(partial(self._source.call, module))

    def _generators(self, number: int) -> Any:
        with seeded(self._request.seed, number, 1):
            return states()

    # ---- Factors.

    def _sampled(self, layers: list[Layer], skipped: dict[str, str]) -> tuple[int, list[Layer]]:
        """Return the number of draws, and the layers with factors from means over groups of draws.

        Energies of a group are those after layers that the group itself has rescaled: their product over layers has
        the mean of all draws, and the spread of each group enters no other.
        """
        request, groups = self._request, list[list[Layer]]()
        size = math.ceil(request.draws / math.ceil(request.draws / _TOGETHER))
        while not self._enough(len(groups) * size, [layer.relative for layer in self._pooled(groups)]):
            groups.append(self._together(layers, skipped, size) or [])
        return len(groups) * size, self._pooled(groups)

    def _enough(self, draws: int, relative: Any) -> bool:
        """Whether no more draws are needed for these relative errors of energies."""
        request = self._request
        if draws < request.draws:
            return False
        return request.rtol is None or draws >= _MOST * request.draws or max(relative, default=0.0) <= request.rtol

    def _pooled(self, groups: list[list[Layer]]) -> list[Layer]:
        """Return the layers with factors from their mean energies over groups."""
        pooled = []
        for same in zip(*groups, strict=True):
            energy = math.fsum(layer.energy for layer in same) / len(same)
            relative = math.hypot(*(layer.relative * layer.energy for layer in same)) / len(same) / energy
            method = same[0].method if all(layer.method for layer in same) else ""
            pooled.append(replace(same[0], energy=energy, relative=relative, method=method))
        return pooled

    def _together(self, layers: list[Layer], skipped: dict[str, str], draws: int) -> list[Layer] | None:
        """Return the layers with their energies, each after those before are rescaled; None if they need draws."""
        passes, programs, generators, measured = list[Rescaled](), [], [], []
        modules = [self._module() for _ in range(draws + 1)]
        for number, module in modules:
            kind = Rescaled if passes else RescaledMoments
            passes.append(self._pass(kind, module, self._runs))
            programs.append(passes[-1].follow(layers, partial(self._source.call, module)))
            generators.append(self._generators(number))
        with plain_kernels(modules[0][1]), Lockstep.of(programs, generators) as lockstep:
            for layer in layers:
                if not lockstep.step() or any(each.layer != layer.number for each in passes):
                    raise ValueError(DIFFERS)
                energies = np.array([[each.energy, each.units] for each in passes])
                exact = passes[0].energy
                if math.isnan(exact) and draws == 0:
                    return None
                measured.append(self._with_energy(layer, energies[1:] if math.isnan(exact) else energies[:1], skipped))
                for each in passes:
                    each.factor = measured[-1].factor(self._target)
        for _, module in modules:
            self._keep_for_reuse(module)
        return measured

    def _with_energy(self, layer: Layer, energies: Any, skipped: dict[str, str]) -> Layer:
        """Return a layer with its energy, from energies and units of several draws, or the one in closed form."""
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
        method = "closed form" if len(energies) == 1 else "monte-carlo"
        return replace(layer, energy=energy, relative=error / energy, method=method)

    def _scaled(self, layers: list[Layer]) -> dict[str, Runs]:
        """Return the labels of the rescaled parameters."""
        memory, runs = self._source.built.memory, dict(self._runs)
        for layer in layers:
            factor = layer.factor(self._target)
            for name in layer.parameters:
                labels = [memory.labels[number] for number in runs[name].labels.tolist()]
                scaled = [replace(label, scale=label.scale * factor, centre=label.centre * factor) for label in labels]
                runs[name] = runs[name].relabelled(map(memory.number, scaled))
        return runs

    # ---- What is achieved.

    def _achieved(self, layers: list[Layer], runs: dict[str, Runs]) -> tuple[Any, Any]:
        """Return energies per unit of the rescaled model, and their standard errors."""
        numbers = [layer.number for layer in layers]
        energy, units = self._energies(ClosedPass, layers, runs)[:, numbers]
        with np.errstate(invalid="ignore"):
            exact, errors = energy / units, np.zeros(len(layers))
        if not np.isnan(exact).any():
            return exact, errors
        sampled, spread = np.flatnonzero(np.isnan(exact)), _Spread()
        while not self._enough(len(spread.each), spread.relative()):
            spread.add(self._energies(Pass, layers, runs)[:, numbers][:, sampled])
        draws = np.array(spread.each)
        for place, k in enumerate(sampled):
            exact[k], errors[k] = _per_unit(*draws[:, :, place].T)
        return exact, errors

    def _energies(self, kind: type[Pass], layers: list[Layer], runs: dict[str, Runs]) -> Any:
        """Return energy and units of every call site of a rescaled draw, shape (2, sites)."""
        number, module = self._module()
        drawn = self._drawn(module, runs)
        with torch.no_grad():
            for layer in layers:
                for name in layer.parameters:
                    drawn.parameters[name].mul_(layer.factor(self._target))
        one_pass = self._pass(kind, module, runs)
        self._run(one_pass, number, module)
        self._keep_for_reuse(module)
        energies = one_pass.energies() if isinstance(one_pass, ClosedPass) else [site.energy for site in one_pass.sites]
        return np.array([[math.nan if e is None else e for e in energies], [site.units for site in one_pass.sites]])


def _tensors_of(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    return chain(module.parameters(), module.buffers())


class _Spread:
    """Relative errors of mean energies of a unit over draws that are added one at a time, in O(layers) each.

    Sums are of residuals from the ratio of the first draw, which do not cancel.
    """

    def __init__(self) -> None:
        self.each: list[Any] = []
        self._ratio: Any = 0.0
        self._sums: Any = np.zeros((5, 1))

    def add(self, draw: Any) -> None:
        """Add the energies and units of a draw, shape (2, layers)."""
        energy, units = draw
        if not self.each:
            self._ratio = np.divide(energy, units, out=np.zeros(len(units)), where=units != 0.0)
        self.each.append(draw)
        residual = energy - self._ratio * units
        self._sums = np.add(self._sums, [residual, units, residual**2, residual * units, units**2])

    def relative(self) -> Any:
        """Return the relative standard errors; zeros for fewer than two draws."""
        draws = len(self.each)
        if draws < 2:
            return np.zeros(1)
        residual, units, squares, products, squared_units = self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = residual / units
            variance = (squares - 2.0 * shift * products + shift**2 * squared_units) / (draws - 1)
            error = np.sqrt(np.maximum(variance, 0.0) * draws) / units
            return error / np.abs(self._ratio + shift)


def _per_unit(energy: Any, units: Any) -> tuple[float, float]:
    """Return the mean energy of a unit over draws, and its standard error; nan without units."""
    if not units.any():
        return math.nan, math.nan
    mean = float(energy.sum() / units.sum())
    if len(energy) == 1:
        return mean, 0.0
    return mean, float((energy - mean * units).std(ddof=1) / units.mean() / math.sqrt(len(energy)))
