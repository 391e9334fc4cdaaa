"""Energies of the layers of an ONNX model."""

from __future__ import annotations

from typing import Any

import torch

from pyrometer.models._onnx_build import build
from pyrometer.models._request import Request
from pyrometer.models._torch_build import seeded
from pyrometer.models._torch_measure import measure_source
from pyrometer.models._torch_sources import Source, draw_named
from pyrometer.results import ModelLayers

__all__ = ["measure"]


def measure(model: Any, request: Request) -> ModelLayers:
    """Measure an ONNX model, whose parameters are drawn by the laws that the request names."""
    built = build(model, request.laws, request.init, request.seed)
    module = built.module

    def draw(number: int) -> torch.nn.Module:
        with seeded(request.seed, number, 0):
            draw_named(module, built)
        return module

    return measure_source(Source(type(module).__name__, built, draw), request)
