"""Energies, entropies and temperatures of the layers of a model of another framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyrometer.base import validate
from pyrometer.models._frameworks import Request, checked_init, framework_of
from pyrometer.results import ModelLayers

__all__ = ["measure"]


def measure(
    model: Any,
    inputs: Any,
    y: Any = None,
    *,
    mode: str = "train",
    method: str = "auto",
    draws: int = 32,
    rtol: float | None = None,
    laws: Mapping[str, Any] | None = None,
    init: Callable[[Any], Any] | None = None,
    trained: Any = None,
    rows: int | None = None,
    resolution: float = 1.0,
    seed: int = 0,
    device: Any = None,
    progress: bool | None = None,
) -> ModelLayers:
    r"""Energies, entropies and temperatures of the layers of a model; not in the paper.

    Every operation that consumes a parameter is a layer, whatever the model is made of: (5.12) and (5.23) are applied
    to its outputs.
    """
    return framework_of(model).measure(
        model,
        Request(
            inputs=inputs,
            y=y,
            mode=validate.choice("mode", mode, ("train", "eval")),
            method=validate.choice("method", method, ("auto", "closed form", "monte-carlo")),
            draws=validate.count("draws", draws, minimum=2),
            rtol=None if rtol is None else validate.single("rtol", rtol, minimum=0.0, exclusive=True),
            laws=laws,
            init=checked_init(init),
            trained=trained,
            rows=None if rows is None else validate.count("rows", rows, minimum=1),
            resolution=validate.single("resolution", resolution, minimum=0.0, exclusive=True),
            seed=validate.count("seed", seed, minimum=0),
            device=device,
            progress=bool(progress),
        ),
    )
