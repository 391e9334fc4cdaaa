"""The layers of a model as text: energy per unit and gain first, totals below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyrometer.base import listed, plain
from pyrometer.results import _plain_text

if TYPE_CHECKING:
    from pyrometer.results._model_layers import ModelLayers

__all__ = ["model_text"]

# Most characters of a name.
_NAME = 32


def model_text(layers: ModelLayers, width: int | None, max_rows: int) -> str:
    """Return a heading, a line for each layer, and the totals."""
    sampled = f", {layers.draws} draws, seed {layers.seed}" if layers.draws else ""
    title = f"{plain(layers.model)}: {_count(len(layers), 'layer')}, {_count(layers.rows, 'row')}, mode {layers.mode!r}"
    names = _plain_text.short_paths(layers.name.tolist(), _NAME if width is None else min(_NAME, max(width // 3, 8)))
    columns = {
        "layer": np.array(names, dtype=np.str_),
        "E/unit": _numbers(layers.energy_per_unit),
        "gain": _numbers(layers.gain),
        "T": _numbers(layers.temperature),
        "N": layers.parameters,
        "S": _numbers(layers.entropy),
        "kind": layers.kind,
        "method": _methods(layers),
        "verdict": layers.verdict,
    }
    units = {"E/unit": "loss", "T": "loss/nat", "S": "nat"}
    table = _plain_text.text(title + sampled, columns, units, width, max_rows, ("E/unit", "gain", "T", "S"))
    return "\n".join([table, *_totals(layers)])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _numbers(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Return numbers with four digits; "-" for what is not defined."""
    return np.array(["-" if np.isnan(value) else f"{value:.4g}" for value in values.tolist()], dtype=np.str_)


def _methods(layers: ModelLayers) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Return the methods, with relative standard errors of what was sampled, and sizes of what is neglected."""
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = layers.standard_error / layers.energy
    words = [
        f"{method} ± {100.0 * error:.2g} %" if error > 0.0 else f"{method} ~ {100.0 * size:.1g} %" if size else method
        for method, error, size in zip(
            layers.method.tolist(), relative.tolist(), layers.neglected.tolist(), strict=True
        )
    ]
    return np.array(words, dtype=np.str_)


def _totals(layers: ModelLayers) -> list[str]:
    n, entropy = layers.total_parameters, layers.total_entropy
    each = f" ({entropy / n:.4g} each)" if n else ""
    lines = [
        (
            f"total: N {n}, S {entropy:.6g} nat{each}, work efficiency {layers.work_efficiency:.3g}, engine of type "
            f"{layers.engine}, regime {layers.regime}"
        ),
        "gain: E/unit over that of the first layer; ±: relative standard error of E; T = E/S",
    ]
    if layers.neglected.any():
        lines.append("~: size of the relative error of closed forms behind norms, from their epsilon")
    if layers.unused:
        lines.append(f"parameters that no operation uses: {listed(layers.unused, plain)}")
    if layers.entropy_unknown:
        lines.append(f"entropy unknown, name the laws by laws=: {listed(layers.entropy_unknown, plain)}")
    return lines
