"""Energies of the layers of a Keras model that runs on PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from pyrometer.models._keras._build import OUTSIDE, Piece, build, built_by, layers_of, pieces_of, variables_of
from pyrometer.models._keras._initializers import seed_of
from pyrometer.models._pytorch._build import seeded
from pyrometer.models._pytorch._measure import measure_source
from pyrometer.models._pytorch._redraw import draw_into
from pyrometer.models._pytorch._sources import Source
from pyrometer.models._request import Request
from pyrometer.results import ModelLayers

__all__ = ["measure"]

_MASKS = "_maybe_config_dropout_masks"


def measure(model: Any, request: Request) -> ModelLayers:
    """Measure a Keras model, whose variables are drawn anew and restored.

    Raises
    ------
    ValueError
        If Keras runs on another backend.
    """
    import keras

    backend = keras.backend.backend()
    if backend != "torch":
        raise ValueError(
            f"energies of Keras models need its backend 'torch', got {backend!r}; set KERAS_BACKEND=torch before keras "
            "is imported. pm.models.laws works on every backend."
        )
    factory, model = None if hasattr(model, "variables") else model, built_by(model)
    built = build(model, request.laws, request.init, request.seed, factory)
    outside = built.memory.number(OUTSIDE)
    rebuilt = {name for name, runs in built.runs.items() if outside in runs.labels}
    with _restored(model):
        draws = _Draws(model, request.seed, built.named, rebuilt, factory)
        mode = {"training": request.mode == "train"}
        source = Source(
            type(model).__name__,
            built,
            draws.draw,
            # Names of layers count up from model to model.
            lambda each: dict(zip(built.shapes, (v.value for _, v, _ in variables_of(each)), strict=False)),
            lambda each, inputs: _called(each, inputs, mode["training"]),
            lambda _, word: mode.update(training=word == "train"),
        )
        return measure_source(source, request)


@contextmanager
def _restored(model: Any) -> Iterator[None]:
    """Restore all variables at the end, statistics and seeds of layers included.

    Within, recurrent layers are unrolled, and stacked cells without dropout make no masks for it: otherwise they
    compute their first step twice. PReLU is one operation, whose output is the layer's, where Keras adds that of
    positive inputs to a product with the slopes; so are the scales and offsets of normalisations by batch and group,
    which Keras multiplies by the deviations of a batch, and adds to its means. Errors are not rewritten by Keras.
    """
    import keras

    filtering = keras.config.is_traceback_filtering_enabled()
    before = [(variable, variable.value.detach().clone()) for variable in model.variables]
    rolled = [layer for layer in layers_of(model) if getattr(layer, "unroll", None) is False]
    stacked = [layer for layer in layers_of(model) if _is_stacked_without_dropout(layer)]
    norms = keras.layers.BatchNormalization, keras.layers.GroupNormalization
    replaced = {keras.layers.PReLU: _sloped, **dict.fromkeys(norms, _normalised)}
    called = [layer for layer in layers_of(model) if type(layer) in replaced]
    try:
        for layer in rolled:
            layer.unroll = True
        for layer in called:
            vars(layer)["call"] = partial(replaced[type(layer)], layer)
        for layer in stacked:
            vars(layer)[_MASKS] = lambda *_: None
        keras.config.disable_traceback_filtering()
        yield
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()
        for layer in rolled:
            layer.unroll = False
        for layer in called:
            del vars(layer)["call"]
        for layer in stacked:
            del vars(layer)[_MASKS]
        with torch.no_grad():
            for variable, values in before:
                variable.value.copy_(values)


def _is_stacked_without_dropout(layer: Any) -> bool:
    cells = getattr(getattr(layer, "cell", None), "cells", ())
    rates = [getattr(cell, name, 0.0) for cell in cells for name in ("dropout", "recurrent_dropout")]
    return bool(cells) and hasattr(layer, _MASKS) and not any(rates)


def _sloped(layer: Any, inputs: Any) -> Any:
    return torch.ops.aten._prelu_kernel(inputs, layer.alpha.value)


def _normalised(layer: Any, inputs: Any, **options: Any) -> Any:
    """Normalise without scales and offsets, and apply both in one operation."""
    given, gamma, beta = (layer.scale, layer.center), layer.gamma, layer.beta
    layer.scale = layer.center = False
    try:
        plain = type(layer).call(layer, inputs, **options)
    finally:
        layer.scale, layer.center = given
    if gamma is None and beta is None:
        return plain
    weight, bias = (None if each is None else each.value for each in (gamma, beta))
    x = plain.movedim(layer.axis, 1).to(next(each.dtype for each in (weight, bias) if each is not None))
    mean, variance = x.new_zeros(x.shape[1]), x.new_ones(x.shape[1])
    return (
        torch.nn.functional.batch_norm(x, mean, variance, weight, bias, eps=0.0).movedim(1, layer.axis).to(plain.dtype)
    )


def _called(model: Any, inputs: Any, training: bool) -> Any:
    """Call a model with its inputs: one structure for models of layers, arguments for those of a class of their own."""
    own = not type(model).__module__.startswith("keras.")
    if isinstance(inputs, tuple) and own:
        return model(*inputs, training=training)
    return model(list(inputs) if isinstance(inputs, tuple) else inputs, training=training)


@dataclass
class _Draws:
    """Draws variables by their initializers, with new seeds; what one seed has made stays equal.

    Variables whose initializers are unknown or vary are those of a new model, if a function builds one; else they stay.
    """

    model: Any
    seed: int
    named: dict[str, Any]
    rebuilt: set[str]
    """Variables whose initializers differ from model to model."""
    factory: Callable[[], Any] | None
    variables: list[tuple[str, Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.variables = list(variables_of(self.model))
        unknown = [name for name, *where in self.variables if self._unknown(name, *where)]
        self._builds = self.factory is not None and bool(set(unknown) - set(self.named))

    def _unknown(self, name: str, variable: Any, layer: Any) -> bool:
        return name in self.rebuilt or pieces_of(variable, layer)[0].initializer is None

    def draw(self, number: int) -> Any:
        """Draw the variables in place, and return the model."""
        seeds = dict[int, int]()
        with seeded(self.seed, number, 0), torch.no_grad():
            fresh = (
                [variable for _, variable, _ in variables_of(self.factory())] if self.factory and self._builds else []
            )
            for place, (name, variable, layer) in enumerate(self.variables):
                pieces = pieces_of(variable, layer)
                if name in self.named:
                    ((family, scale),) = self.named[name].segments
                    draw_into(variable.value, family, float(scale.reshape(())))
                elif not self._unknown(name, variable, layer):
                    parts = [_made(piece, seeds, variable.dtype).reshape(-1) for piece in pieces]
                    variable.value.copy_(torch.cat(parts).reshape(variable.value.shape))
                elif fresh:
                    variable.value.copy_(fresh[place].value)
        return self.model


def _made(piece: Piece, seeds: dict[int, int], dtype: str) -> Any:
    """Return what an initializer makes with a new seed."""
    initializer = piece.initializer
    if hasattr(initializer, "seed"):
        initializer, before = copy.copy(initializer), seed_of(initializer)
        new = int(np.random.randint(2**31))  # noqa: NPY002 (seeded by `seeded`)
        initializer.seed = new if before is None else seeds.setdefault(before, new)
    return torch.as_tensor(initializer(piece.shape, dtype=dtype)).detach()
