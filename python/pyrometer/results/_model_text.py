"""How the layers of a model are shown: energy per unit and gain first, totals below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pyrometer.base import listed, number_of, plain
from pyrometer.results import _plain_text
from pyrometer.results._record import Record
from pyrometer.results._table import Table

if TYPE_CHECKING:
    from pyrometer.results._model_layers import ModelLayers

__all__ = ["MODEL", "heading"]

# Most characters of a name.
_NAME = 28


def heading(layers: ModelLayers) -> str:
    """Return the model, and on what it was measured."""
    sampled = f", {layers.draws} draws, seed {layers.seed}" if layers.draws else ""
    counts = f"{number_of(len(layers), 'layer')}, {number_of(layers.rows, 'row')}"
    return f"{plain(layers.model)}: {counts}, mode {layers.mode!r}{sampled}"


def table(layers: ModelLayers) -> Iterator[Table]:
    """Yield a line for each layer: what fits into a narrow terminal first."""
    columns = {
        "layer": np.array(_plain_text.short_paths(layers.name.tolist(), _NAME), dtype=np.str_),
        "E/unit": _numbers(layers.energy_per_unit),
        "gain": _numbers(layers.gain),
        "T": _numbers(layers.temperature),
        "verdict": layers.verdict,
        "N": layers.parameters,
        "S": _numbers(layers.entropy),
        "kind": layers.kind,
        "method": _methods(layers),
    }
    yield Table("", columns, {"E/unit": "loss", "T": "loss/nat", "S": "nat"})


def _numbers(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Return numbers with four digits; "-" for what is not defined."""
    return np.array(["-" if np.isnan(value) else f"{value:.4g}" for value in values.tolist()], dtype=np.str_)


def _methods(layers: ModelLayers) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Return the methods, with relative standard errors of what was sampled, and sizes of what is neglected."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = layers.standard_error / layers.energy
    words = [
        f"{method} ± {100.0 * error:.2g} %" if error > 0.0 else f"{method} ~ {100.0 * size:.1g} %" if size else method
        for method, error, size in zip(
            layers.method.tolist(), relative.tolist(), layers.neglected.tolist(), strict=True
        )
    ]
    return np.array(words, dtype=np.str_)


def totals(layers: ModelLayers) -> list[str]:
    """Return sentences on the whole model."""
    n, entropy = layers.total_parameters, layers.total_entropy
    each = f" ({entropy / n:.4g} each)" if n else ""
    lines = [
        (
            f"total: N {n}, S {entropy:.6g} nat{each}, work efficiency {layers.work_efficiency:.3g}, engine of type "
            f"{layers.engine}, regime {layers.regime}"
        ),
        *_growth(layers),
        "gain: E/unit over that of the first layer; ±: relative standard error of E; T = E/S",
    ]
    if layers.neglected.any():
        lines.append("~: size of the relative error of closed forms behind norms, from their epsilon")
    if layers.unused:
        lines.append(f"parameters that no operation uses: {listed(layers.unused, plain)}")
    if layers.entropy_unknown:
        lines.append(f"entropy unknown, name the laws by laws=: {listed(layers.entropy_unknown, plain)}")
    return lines


def _growth(layers: ModelLayers) -> list[str]:
    """Return the regime in words, with the extreme energies of a unit; nothing for fewer than two layers."""
    weighted = np.flatnonzero(~np.isin(layers.kind, ["norm", "scale", "shift", "joined"]))
    values = layers.energy_per_unit[weighted]
    if len(weighted) < 2 or np.isnan(values).any():
        return []
    low, high = weighted[values.argmin()], weighted[values.argmax()]
    ends = [f"{layers.energy_per_unit[k]:.3g} ({plain(layers.name[k]) or 'model'})" for k in (low, high)]
    return [f"{_REGIMES[layers.regime]}: energy per unit of layers with weights from {ends[0]} to {ends[1]}"]


_REGIMES = {
    "even": "signals keep their size",
    "vanishing": "signals vanish from layer to layer",
    "exploding": "signals explode from layer to layer",
    "uneven": "the size of signals differs from layer to layer",
}

_FIELDS = (
    *("model", "name", "kind", "calls", "units", "energy", "energy_per_unit", "gain", "standard_error", "method"),
    *("parameters", "entropy", "laws", "temperature", "verdict", "total_parameters", "total_entropy"),
    *("work_efficiency", "engine", "regime", "unused", "entropy_unknown", "mode", "seed", "draws", "rows", "neglected"),
)

MODEL = Record(elsewhere=frozenset(_FIELDS), tables=table, sentences=totals, over="energy", axes=1)
