"""Energies of the layers of a model that runs on PyTorch: one closed-form pass, and passes of drawn models."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch

from pyrometer.base import Tally, bar, described, listed, unreliable, warn_caller
from pyrometer.errors import PrecisionWarning, SimulationWarning
from pyrometer.models._assemble import assembled
from pyrometer.models._built import with_named
from pyrometer.models._call_sites import CallSite, Measured, joined, steps_of
from pyrometer.models._pytorch._build import seeded
from pyrometer.models._pytorch._chain import exact_energies
from pyrometer.models._pytorch._closed import random_members
from pyrometer.models._pytorch._closed_energies import closed_energies
from pyrometer.models._pytorch._ideal import Against, Ideal, Kept
from pyrometer.models._pytorch._inputs import prepared, run_on
from pyrometer.models._pytorch._pass import Drawn, Pass
from pyrometer.models._pytorch._sources import Source, source_of
from pyrometer.models._pytorch._surroundings import own_precision, unchanged
from pyrometer.models._request import Request
from pyrometer.results import ModelLayers

__all__ = ["measure", "measure_source"]

# Draws at most, in multiples of the first ones, where a relative error is asked for.
_MOST = 64


def measure(model: Any, request: Request) -> ModelLayers:
    """Measure a module of PyTorch, or those that a function builds."""
    if request.y is not None:
        raise ValueError(
            "y must be None for a model that runs on PyTorch: energies of layers do not depend on targets, got "
            f"{described(request.y)}."
        )
    with own_precision():
        return measure_source(source_of(model, request), request)


@own_precision()
def measure_source(source: Source, request: Request) -> ModelLayers:
    """Measure a model that runs on PyTorch."""
    module = source.draw(0)
    passes = _Passes(source, request, module)
    first = passes.sites(module, 0)
    exact = passes.known(module, first) if request.method == "auto" and request.trained is None else {}
    tally = Tally()
    if len(exact) < len(first):
        tally.add(_energies(first, first))
        passes.count(first)
        del module
        _sample(tally, passes, first, exact, request)
    elif _overflowing(first):
        warn_caller(
            PrecisionWarning(
                f"The outputs overflow in layers [{listed(_overflowing(first))}] in the dtype of the model; the "
                "energies are those of exact arithmetic."
            )
        )
    lines = _lines(passes.with_units(first, tally.draws), exact, tally)
    return assembled(source.title, lines, source.built, request, rows=passes.rows, draws=tally.draws)


class _Passes:
    """Forward passes of the draws of a model, on the same inputs."""

    def __init__(self, source: Source, request: Request, module: torch.nn.Module) -> None:
        own, shared = with_named(source.built), source.built.shared
        self._runs = {name: own[shared.get(name, name)] for name in (*own, *shared)}
        self._source, self._request, self._ideal = source, request, Ideal()
        self._units: Any = 0.0
        self._steps: list[list[int]] = []
        self._known: set[int] = set()
        self._inputs, self.rows, self._device = prepared(request, module)
        if request.trained is not None:
            self._ideal = self._kept(request.trained, module)

    def sites(self, module: torch.nn.Module, draw: int) -> list[CallSite]:
        """Return the call sites of one draw."""
        drawn = self._drawn(module, self._request.mode)
        one_pass = Pass(drawn, self._inputs, self.rows, self._ideal, check=draw == 0, known=self._known)
        with seeded(self._request.seed, draw, 1):
            run_on(self._inputs, lambda: one_pass.run(partial(self._source.call, module)))
        self._steps = steps_of(one_pass.sites)
        return [joined([one_pass.sites[number] for number in numbers]) for numbers in self._steps]

    def known(self, module: torch.nn.Module, first: list[CallSite]) -> dict[int, Measured]:
        """Return the lines, by number, whose energies need no draws."""
        drawn, request = self._drawn(module, self._request.mode), self._request
        call = partial(self._source.call, module)
        if random_members(module, drawn.memory) or not self._source.renew(module):
            return {}
        with seeded(request.seed, 0, 1):
            exact = exact_energies(drawn, self._inputs, self.rows, call)
        if exact is not None:
            return {
                k: Measured(site, energy, 0.0, "exact")
                for k, (site, energy) in enumerate(zip(first, exact, strict=True))
            }
        self._source.renew(module)
        with seeded(request.seed, 0, 1):
            closed = closed_energies(drawn, self._inputs, self.rows, call)
        measured = {}
        for number, numbers in enumerate(self._steps):
            energies = [closed[each][0] for each in numbers]
            if None not in energies:
                neglected = max(closed[each][1] for each in numbers)
                energy = math.fsum(each for each in energies if each is not None)
                measured[number] = Measured(first[number], energy, 0.0, "closed form", neglected)
                self._known.update(numbers)
        return measured

    def draw(self, number: int) -> list[CallSite]:
        """Draw the model, and return its call sites."""
        return self.sites(self._source.draw(number), number)

    def count(self, sites: list[CallSite]) -> None:
        """Add the outputs of a draw."""
        self._units += np.array([site.units for site in sites])

    def with_units(self, first: list[CallSite], draws: int) -> list[CallSite]:
        """Return the call sites with the mean number of their outputs."""
        if draws == 0:
            return first
        units = self._units / draws
        return [replace(site, units=float(mean)) for site, mean in zip(first, units, strict=True)]

    def _drawn(self, module: torch.nn.Module, mode: str) -> Drawn:
        if any(tensor.device != self._device for tensor in chain(module.parameters(), module.buffers())):
            module.to(self._device)
        self._source.switch(module, mode)
        return Drawn(module, self._source.parameters(module), self._runs, self._source.built.memory)

    def _kept(self, trained: Any, module: torch.nn.Module) -> Against:
        """Return the outputs of the trained model in evaluation mode."""
        if not isinstance(trained, torch.nn.Module):
            raise TypeError(f"trained must be a torch.nn.Module, got {described(trained)}.")
        theirs, mine = (
            {name: tuple(tensor.shape) for name, tensor in self._source.parameters(each).items()}
            for each in (trained, module)
        )
        if theirs != mine:
            differ = [name for name in {**mine, **theirs} if theirs.get(name) != mine.get(name)]
            raise ValueError(f"trained must have the parameters of the model, got others: [{listed(differ)}].")
        kept = Kept()
        with unchanged(trained), seeded(self._request.seed, 0, 1):
            one_pass = Pass(self._drawn(trained, "eval"), self._inputs, self.rows, kept)
            one_pass.run(partial(self._source.call, trained))
        return Against(kept.outputs)


def _sample(tally: Tally, passes: _Passes, first: list[CallSite], exact: dict[int, Measured], request: Request) -> None:
    """Add draws until there are enough."""
    sampled = np.array([number not in exact for number in range(len(first))])
    with bar(request.progress, "Draws", "draws", request.draws) as advance:
        while not _enough(tally, sampled, request):
            sites = passes.draw(tally.draws)
            tally.add(_energies(sites, first))
            passes.count(sites)
            advance(1)
    _warn(tally, first, sampled, request)


def _warn(tally: Tally, sites: list[CallSite], sampled: Any, request: Request) -> None:
    """Warn of energies whose error is large, or whose draws have heavy tails."""
    mean, error = tally.mean(), tally.error()
    if request.rtol is not None:
        bad, what = sampled & (error > request.rtol * mean), f"rtol={request.rtol:.3g} is not met"
    else:
        bad, what = sampled & unreliable(mean, error, tally.tails()), "energies have heavy tails"
    if bad.any():
        worst = float(np.max(error[bad] / mean[bad]))
        names = [site.name or "(model)" for site, each in zip(sites, bad, strict=True) if each]
        warn_caller(
            SimulationWarning(
                f"After {tally.draws} draws {what}: relative standard errors up to {worst:.2g} in layers "
                f"[{listed(names)}], which may be too small; use more draws."
            )
        )


def _enough(tally: Tally, sampled: Any, request: Request) -> bool:
    if tally.draws < request.draws:
        return False
    if request.rtol is None or tally.draws >= _MOST * request.draws:
        return True
    return bool((tally.error()[sampled] <= request.rtol * tally.mean()[sampled]).all())


def _energies(sites: list[CallSite], first: list[CallSite]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the energies of one draw, shape (1, L), of the same operations as in the first.

    Outputs may differ in their number, as those of experts to which rows are routed.
    """
    same = [(site.name, site.kind, site.parameters) for site in sites]
    if same != [(site.name, site.kind, site.parameters) for site in first]:
        raise ValueError(
            f"model must run the same operations in every draw, got {len(sites)} call sites after {len(first)}: its "
            "control flow depends on its numbers; measure its parts."
        )
    bad = _overflowing(sites)
    if bad:
        raise ValueError(
            f"outputs must be finite, got an overflow or nan in layers [{listed(bad)}]; use a wider dtype, "
            "lambda: MyModel().float(), or inputs of smaller scale."
        )
    return np.array([[site.energy for site in sites]])


def _overflowing(sites: list[CallSite]) -> list[str]:
    return [site.name or "(model)" for site in sites if not np.isfinite(site.energy)]


def _lines(first: list[CallSite], exact: dict[int, Measured], tally: Tally) -> list[Measured]:
    if len(exact) == len(first):
        return [exact[number] for number in range(len(first))]
    mean, error = tally.mean(), tally.error()
    return [
        exact.get(number) or Measured(site, float(mean[number]), float(error[number]), "monte-carlo")
        for number, site in enumerate(first)
    ]
