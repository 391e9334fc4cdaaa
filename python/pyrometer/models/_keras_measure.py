"""Energies of the layers of a Keras model that runs on PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from pyrometer.models._keras_build import Piece, build, built_by, layers_of, pieces_of, variables_of
from pyrometer.models._keras_initializers import seed_of
from pyrometer.models._request import Request
from pyrometer.models._torch_build import seeded
from pyrometer.models._torch_measure import measure_source
from pyrometer.models._torch_redraw import draw_into
from pyrometer.models._torch_sources import Source
from pyrometer.results import ModelLayers

__all__ = ["measure"]


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
    model = built_by(model)
    built = build(model, request.laws, request.init, request.seed)
    with _restored(model):
        draws = _Draws(model, request.seed, built.named)
        tensors = {name: variable.value for name, variable, _ in draws.variables}
        training = request.mode == "train"
        source = Source(
            type(model).__name__,
            built,
            draws.draw,
            lambda _: tensors,
            lambda module, inputs: _called(module, inputs, training),
            lambda module, _: module,
        )
        return measure_source(source, request)


@contextmanager
def _restored(model: Any) -> Iterator[None]:
    """Restore all variables at the end, statistics and seeds of layers included.

    Within, recurrent layers are unrolled: otherwise they compute their first step twice, for its shape.
    """
    before = [(variable, variable.value.detach().clone()) for variable in model.variables]
    rolled = [layer for layer in layers_of(model) if getattr(layer, "unroll", None) is False]
    try:
        for layer in rolled:
            layer.unroll = True
        yield
    finally:
        for layer in rolled:
            layer.unroll = False
        with torch.no_grad():
            for variable, values in before:
                variable.value.copy_(values)


def _called(model: Any, inputs: Any, training: bool) -> Any:
    """Call a model with its inputs: one structure for models of layers, arguments for those of a class of their own."""
    own = not type(model).__module__.startswith("keras.")
    if isinstance(inputs, tuple) and own:
        return model(*inputs, training=training)
    return model(list(inputs) if isinstance(inputs, tuple) else inputs, training=training)


@dataclass
class _Draws:
    """Draws variables by their initializers, with new seeds; what one seed has made stays equal."""

    model: Any
    seed: int
    named: dict[str, Any]
    variables: list[tuple[str, Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.variables = list(variables_of(self.model))

    def draw(self, number: int) -> Any:
        """Draw the variables in place, and return the model."""
        seeds = dict[int, int]()
        with seeded(self.seed, number, 0), torch.no_grad():
            for name, variable, layer in self.variables:
                if name in self.named:
                    ((family, scale),) = self.named[name].segments
                    draw_into(variable.value, family, float(scale.reshape(())))
                    continue
                parts = [_made(piece, seeds, variable.dtype) for piece in pieces_of(variable, layer)]
                if all(part is not None for part in parts):
                    variable.value.copy_(torch.cat([part.reshape(-1) for part in parts]).reshape(variable.value.shape))
        return self.model


def _made(piece: Piece, seeds: dict[int, int], dtype: str) -> Any:
    """Return what an initializer makes with a new seed; None if there is none."""
    initializer = piece.initializer
    if initializer is None:
        return None
    if hasattr(initializer, "seed"):
        initializer, before = copy.copy(initializer), seed_of(initializer)
        new = int(np.random.randint(2**31))  # noqa: NPY002 (seeded by `seeded`)
        initializer.seed = new if before is None else seeds.setdefault(before, new)
    return torch.as_tensor(initializer(piece.shape, dtype=dtype)).detach()
