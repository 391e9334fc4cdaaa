"""How the results of energies, minima, temperatures, engines and training are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pyrometer.base import number_of, plain
from pyrometer.results._numbers import with_error
from pyrometer.results._record import Quantity, Record
from pyrometer.results._table import Table
from pyrometer.results._verdicts import verdict_sentences

__all__ = ["ENGINE", "ESTIMATE", "LAYERS", "MINIMUM", "PATH", "TEMPERATURE"]

# A standard error above this share of the value has a remark.
_LARGE = 0.1
_FEW_DIGITS = 9
# Most characters of the name of a parameter.
_NAME = 32


def _drawn(result: Any) -> str:
    return f"{result.method}, {result.samples} draws" if result.samples else str(result.method)


def _of_estimate(estimate: Any) -> Iterator[str]:
    with np.errstate(invalid="ignore"):
        if np.any(np.asarray(estimate.standard_error) > _LARGE * np.abs(estimate.value)):
            yield (
                "the standard error is above 10 % of the value: four times the samples= halve it, if no single draw "
                "dominates."
            )


ESTIMATE = Record(
    lines={"value": Quantity("E", "loss", "standard_error", "error_bound", "mean energy")},
    elsewhere=frozenset({"method", "samples"}),
    heading=_drawn,
    sentences=_of_estimate,
    over="value",
    one="value",
)


def _parameters(minimum: Any) -> Iterator[Table]:
    if np.ndim(minimum.value):
        return
    theta = minimum.parameters
    names = minimum.names or tuple(f"parameter {number + 1}" for number in range(len(theta)))
    columns: dict[str, Any] = {"parameter": np.array([plain(name, _NAME) for name in names]), "value": theta}
    if np.isfinite(minimum.parameter_error).any():
        columns["error_bound"] = minimum.parameter_error
    yield Table("", columns)


def _of_minimum(minimum: Any) -> Iterator[str]:
    attained, digits = np.asarray(minimum.attained), np.asarray(minimum.digits)
    if attained.size and not attained.all():
        yield (
            "no finite parameters attain the infimum: the labels can be separated, and the parameters are one iterate. "
            "Use them with a penalty only."
        )
    if digits.size and digits.min() < _FEW_DIGITS:
        certain = number_of(int(digits.min()), "digit is", "digits are")
        yield f"only {certain} certain: see the warning of minimum_energy for the remedy."


MINIMUM = Record(
    lines={
        "value": Quantity("E*", "loss", note="minimum energy"),
        "gap": Quantity("gap", "loss", note="bound of the excess of these parameters", digits=2),
        "digits": Quantity("digits", note="certain, of 16", digits=3),
        "rank": Quantity("rank", note="independent columns"),
        "condition": Quantity("condition", note="of the columns", digits=3),
        "attained": Quantity("attained"),
    },
    elsewhere=frozenset({"parameters", "parameter_error", "names", "method"}),
    tables=_parameters,
    sentences=_of_minimum,
    over="value",
    one="value",
)

TEMPERATURE = Record(
    lines={
        "value": Quantity("T", "loss/nat", "standard_error", note="(E - E*)/S"),
        "energy": Quantity("E", "loss", note="mean energy of the random state"),
        "minimum_energy": Quantity("E*", "loss", note="energy of the trained state"),
        "entropy": Quantity("S", "nat", note="entropy of the random state"),
        "parameters": Quantity("n", note="random parameters"),
        "marginal": Quantity("dE/dS", "loss/nat", "marginal_error", note="marginal: along the scale of the law"),
        "verdict": Quantity("verdict"),
    },
    elsewhere=frozenset({"method"}),
    sentences=verdict_sentences,
    over="value",
    one="value",
)

_LAYER_COLUMNS = {
    "energy": ("E", "loss"),
    "gain": ("gain", ""),
    "temperature": ("T", "loss/nat"),
    "verdict": ("verdict", ""),
    "entropy": ("S", "nat"),
    "parameters": ("N", ""),
    "marginal": ("dE/dS", "loss/nat"),
}


def _defined(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.6g}"


def _layers(layers: Any) -> Iterator[Table]:
    """Yield a table of the layers of one network."""
    if np.ndim(layers.energy) != 1:
        return
    columns: dict[str, Any] = {"layer": np.arange(1, len(layers) + 1)}
    for name, (label, _) in _LAYER_COLUMNS.items():
        columns[label] = np.append(layers.gain, np.nan) if name == "gain" else getattr(layers, name)
    if np.any(layers.standard_error > 0.0):
        numbers = zip(layers.energy.tolist(), layers.standard_error.tolist(), strict=True)
        columns["E"] = np.array([with_error(*each) for each in numbers], dtype=np.str_)
    for label in ("gain", "T", "S", "dE/dS"):
        columns[label] = np.array([_defined(value) for value in columns[label].tolist()], dtype=np.str_)
    yield Table("", columns, {label: unit for label, unit in _LAYER_COLUMNS.values() if unit})


LAYERS = Record(
    lines={
        "energy": Quantity("E", "loss", "standard_error", "error_bound", "mean squared norm of pre-activations"),
        "temperature": Quantity("T", "loss/nat", note="E/S"),
        "entropy": Quantity("S", "nat"),
        "parameters": Quantity("N", note="random parameters"),
        "gain": Quantity("gain", note="growth of E to the next layer"),
        "marginal": Quantity("dE/dS", "loss/nat", "marginal_error", "marginal: along the scale of the law"),
        "verdict": Quantity("verdict"),
    },
    elsewhere=frozenset({"log_energy", "units"}),
    heading=lambda layers: number_of(len(layers), "layer") if np.ndim(layers.parameters) else "one layer",
    tables=_layers,
    over="energy",
    axes=1,
)


def _of_engine(engine: Any) -> Iterator[str]:
    yield from verdict_sentences(engine)
    if isinstance(engine.regime, str) and engine.regime in _REGIMES:
        yield f"{engine.regime}: {_REGIMES[engine.regime]}"


_REGIMES = {
    "even": "the energy of a unit neither grows nor falls by a factor of 10 over the layers.",
    "exploding": "the energy of a unit grows by a factor of 10 or more over the layers; pm.balance gives even scales.",
    "vanishing": "the energy of a unit falls by a factor of 10 or more over the layers; pm.balance gives even scales.",
    "uneven": "the energy of a unit grows and falls by factors of 10 or more; pm.balance gives even scales.",
}


def _of_one_engine(engine: Any) -> str:
    layers = len(engine.layers)
    made = f"{engine.network} of {engine.law}" if engine.network else f"{layers} layer{'s' * (layers != 1)}"
    return f"{made}, {engine.method}"


ENGINE = Record(
    lines={
        "work_efficiency": Quantity("efficiency", note="share of the last layer in the energy of all (5.23)"),
        "engine": Quantity("type", note="2 where each energy is over 10 times the one before (5.29)"),
        "regime": Quantity("regime"),
        "temperature": Quantity("T", "loss/nat", "standard_error", note="E_L/S"),
        "entropy": Quantity("S", "nat"),
        "parameters": Quantity("N", note="random parameters"),
        "verdict": Quantity("verdict"),
    },
    elsewhere=frozenset({"layers", "total", "method", "network", "law"}),
    heading=_of_one_engine,
    tables=lambda engine: _layers(engine.layers),
    sentences=_of_engine,
    over="temperature",
)


def _of_path(path: Any) -> str:
    return f"{path.method}, {number_of(path.time.shape[-1], 'time')}"


PATH = Record(
    lines={
        "time": Quantity("time", note="gradient flow: parameter²/loss; gradient descent: steps"),
        "energy": Quantity("E", "loss", bound="error_bound", note="mean energy"),
        "minimum_energy": Quantity("E*", "loss", note="its limit"),
        "entropy": Quantity("S", "nat"),
        "temperature": Quantity("T", "loss/nat", bound="temperature_error_bound", note="dE/dS"),
        "verdict": Quantity("verdict"),
    },
    elsewhere=frozenset({"method"}),
    heading=_of_path,
    over="energy",
    axes=1,
)
