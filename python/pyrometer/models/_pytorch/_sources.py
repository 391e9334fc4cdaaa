"""Draws of models that run on PyTorch: from a factory, or from an instance that is drawn again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from pyrometer.base import listed
from pyrometer.models._built import Built, with_named
from pyrometer.models._labels import Kind
from pyrometer.models._pytorch._build import build, redraw, seeded
from pyrometer.models._pytorch._inputs import as_tensors
from pyrometer.models._pytorch._redraw import Redraw, Remainder, draw_into, drawable
from pyrometer.models._request import Request

__all__ = ["Source", "draw_into", "source_of"]

# Parameters of fewer numbers may be equal in two draws by chance.
_FEW = 4


@dataclass(frozen=True)
class Source:
    """Draws of a model that runs on PyTorch, of whatever framework it is.

    Attributes
    ----------
    title : str
        Class of the model.
    built : Built
        Labels of the parameters by name; its module is not used.
    draw : callable
        From the number of a draw: the model, a torch.nn.Module, with parameters drawn anew.
    parameters : callable
        From the model: its parameters by the names that `built.runs` has.
    call : callable
        From the model and the inputs of the request, with tensors for arrays: runs a forward pass.
    switch : callable
        From the model and the mode: sets it.
    renew : callable
        Undoes what forward passes have changed in a model, but for its parameters and its mode; returns whether it can.
    """

    title: str
    built: Built
    draw: Callable[[int], torch.nn.Module]
    parameters: Callable[[torch.nn.Module], dict[str, torch.Tensor]]
    call: Callable[[torch.nn.Module, Any], Any]
    switch: Callable[[torch.nn.Module, str], Any]
    renew: Callable[[torch.nn.Module], bool] = lambda _: True


def source_of(model: Any, request: Request) -> Source:
    """Return the draws of a module of PyTorch, or of those that a function builds."""
    if not isinstance(model, torch.nn.Module):
        model = _materialised(model, request)
    built = build(model, request.laws, request.init, request.seed)
    bare = [name for name, parameter in built.module.named_parameters() if parameter.is_meta]
    if bare:
        raise ValueError(
            f"parameters [{listed(bare)}] are on the meta device and have no values; build the model on another one, "
            "or ask for the laws alone, pm.models.laws(model)."
        )
    title = type(built.module).__name__
    if isinstance(model, torch.nn.Module):
        draws = _Draws(request, built, _of_instance(built, request))
    else:
        draws = _Draws(request, built, _of_factory(model, request), in_place=drawable(built))
    built = replace(built, module=None)
    return Source(
        title, built, draws.draw, lambda module: dict(module.named_parameters()), _whole_call, _switch, draws.renew
    )


class _Draws:
    """Draws of a model: by a function, or in place where two builds differ only in parameters of traced laws."""

    def __init__(
        self, request: Request, built: Built, again: Callable[[], torch.nn.Module], *, in_place: bool = False
    ) -> None:
        self._seed, self._again, self._first = request.seed, again, [built.module]
        self._built, self._fresh = replace(built, module=None), _Fresh(built)
        self._runs = with_named(built)
        self._remainder, self._in_place = Remainder.of(built.module), in_place
        self._kept: torch.nn.Module | None = None
        self._redraw: Redraw | None = None

    def draw(self, number: int) -> torch.nn.Module:
        """Return the model of a draw."""
        with seeded(self._seed, number, 0):
            module = self._drawn(number)
        if number < 2 or module is not self._kept:
            self._fresh.check(module)
        return module

    def renew(self, module: torch.nn.Module) -> bool:
        """Undo what forward passes have changed in a model; returns whether that is possible."""
        possible = self._remainder.unchanged(module)
        if possible:
            self._remainder.restore(module)
        return possible

    def _drawn(self, number: int) -> torch.nn.Module:
        if number > 1 and self._kept is not None:
            if self._redraw is not None:
                self._remainder.restore(self._kept)
            elif self.renew(self._kept):
                self._redraw = Redraw(dict(self._kept.named_parameters()), self._runs, self._built.memory)
            if self._redraw is not None:
                self._redraw.draw()
                return self._kept
            self._kept = None
        module = self._first.pop() if number == 0 else self._again()
        _draw_named(module, self._built)
        if number == 1 and self._in_place and self._remainder.same(Remainder.of(module)):
            self._kept = module
        return module


def _materialised(model: Callable[[], Any], request: Request) -> Callable[[], Any]:
    """Return a function that also runs models with lazy modules once, so that these draw their parameters."""

    def built() -> Any:
        module = model()
        if isinstance(module, torch.nn.Module) and any(map(_is_lazy, module.parameters())):
            training = module.training
            with torch.no_grad():
                _call(module.eval(), copy.deepcopy(as_tensors(request.inputs)))
            module.train(training)
        return module

    return built


def _is_lazy(parameter: Any) -> bool:
    return isinstance(parameter, torch.nn.parameter.UninitializedParameter)


def _of_factory(model: Callable[[], torch.nn.Module], request: Request) -> Callable[[], torch.nn.Module]:
    def again() -> torch.nn.Module:
        module = model()
        if request.init is not None:
            request.init(module)
        return module

    return again


def _of_instance(built: Built, request: Request) -> Callable[[], torch.nn.Module]:
    module, rest = built.module, Remainder.of(built.module)

    def again() -> torch.nn.Module:
        if rest.unchanged(module):
            rest.restore(module)
        redraw(module, request.init)
        parameters = dict(module.named_parameters(remove_duplicate=False))
        with torch.no_grad():
            for name, first in built.shared.items():
                if parameters[name] is not parameters[first]:
                    parameters[name].copy_(parameters[first])
        return module

    return again


class _Fresh:
    """Refuses models that are not drawn anew."""

    def __init__(self, built: Built) -> None:
        self._random = [name for name, runs in built.runs.items() if self._is_random(built, name, runs)]
        self._before: dict[str, list[float]] = {}

    @staticmethod
    def _is_random(built: Built, name: str, runs: Any) -> bool:
        kinds = {built.memory.labels[label].kind for label in np.unique(runs.labels).tolist()}
        if name in built.named:
            return bool(built.named[name].segments[0][0].random)
        return kinds == {Kind.RANDOM}

    def check(self, module: torch.nn.Module) -> None:
        """Compare the parameters with those of the draw before."""
        parameters = dict(module.named_parameters())
        now = {name: parameters[name].detach().reshape(-1)[:64].tolist() for name in self._random}
        same = [name for name, values in now.items() if values and values == self._before.get(name)]
        repeated = [name for name in same if len(now[name]) >= _FEW]
        if repeated or (same and len(same) == len(now)):
            raise ValueError(
                f"model must draw its parameters anew at each call, got equal values of [{listed(repeated or same)}] "
                "twice: the function returns one module or sets a seed; pass lambda: MyModel(), without a seed inside."
            )
        self._before = now


def _draw_named(module: torch.nn.Module, built: Built) -> None:
    """Draw the parameters whose laws the user names."""
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, law in built.named.items():
            if name in parameters:
                ((family, scale),) = law.segments
                draw_into(parameters[name], family, float(scale.reshape(())))


def _call(module: torch.nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return module(**inputs)
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


def _whole_call(module: torch.nn.Module, inputs: Any) -> Any:
    """Run a forward pass; ValueError if it makes parameters."""
    before = {name for name, _ in module.named_parameters()}
    outputs = _call(module, inputs)
    made = [name for name, _ in module.named_parameters() if name not in before]
    if made:
        raise ValueError(
            f"model must have all of its parameters before it is called, got a forward pass that makes "
            f"[{listed(made)}]; call the model once in the function that builds it."
        )
    return outputs


def _switch(module: torch.nn.Module, mode: str) -> None:
    try:
        module.train(mode == "train")
    except NotImplementedError:
        raise ValueError(
            'model must have the modes "train" and "eval", which modules of torch.export have not; pass the module '
            "that was exported."
        ) from None
