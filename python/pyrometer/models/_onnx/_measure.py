"""Energies of the layers of an ONNX model."""

from __future__ import annotations

from typing import Any

import torch

from pyrometer.models._onnx._build import build
from pyrometer.models._onnx._module import OnnxModel
from pyrometer.models._pytorch._build import seeded
from pyrometer.models._pytorch._measure import measure_source
from pyrometer.models._pytorch._redraw import draw_into
from pyrometer.models._pytorch._sources import Source
from pyrometer.models._request import Request
from pyrometer.results import ModelLayers

__all__ = ["measure"]


def measure(model: Any, request: Request) -> ModelLayers:
    """Measure an ONNX model, whose parameters are drawn by the laws that the request names."""
    built = build(model, request.laws, request.init, request.seed)
    module: OnnxModel = built.module
    parameters = dict(module.named_parameters())

    def draw(number: int) -> OnnxModel:
        with seeded(request.seed, number, 0), torch.no_grad():
            for name, law in built.named.items():
                ((family, scale),) = law.segments
                draw_into(parameters[name], family, float(scale.reshape(())))
        return module

    source = Source(
        type(module).__name__, built, draw, lambda each: dict(each.named_parameters()), _called, OnnxModel.switch
    )
    return measure_source(source, request)


def _called(module: Any, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return module(**inputs)
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)
