"""The rows of Tables 2 and 3 that are networks: to add one is to add a `NetworkCase`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyrometer.base import validate, warn
from pyrometer.laws import Normal
from pyrometer.networks import LayerLaw, LecunNormal, Network, layer_energies, layers
from pyrometer.tables._cases import Case
from pyrometer.thermodynamics import verdict, without_temperature

__all__ = ["CROSS_ENTROPY", "HIDDEN", "NETWORKS", "Engines", "NetworkCase", "Number", "heading"]

HIDDEN = (32, 32)
"""Hidden layers of the networks in the tables."""

SCALED = "σ/√fan-in"
"""The law of section 5.4."""


@dataclass(frozen=True)
class NetworkCase:
    """One row: an activation, a law, and the whole network (5.1, 5.4) or one of its layers (5.2), counted from 1."""

    section: str
    activation: str
    law: str
    equations: str
    limit_equation: str
    formula: str
    layer: int | None = None
    limit: str = "the same"
    energy: str = "mse"

    @property
    def loss(self) -> str:
        """Name of the row."""
        name = {"relu": "ReLU"}.get(self.activation, self.activation)
        name += {"mse": "", "ce": ", CE"}[self.energy]
        return f"NN {name}" if self.layer is None else f"NN {name}, layer {self.layer}"


def heading(case: Case | NetworkCase, data: str) -> dict[str, Any]:
    """Return the first columns of Tables 2 and 3."""
    return {"section": case.section, "loss": case.loss, "law": case.law, "data": data}


@dataclass(frozen=True)
class Number:
    """A temperature of a network or of a layer with its ingredients; E* is 0, as there are no targets."""

    energy: float
    entropy: float
    value: float
    standard_error: float
    marginal: float
    verdict: str
    minimum_energy: float = 0.0


@dataclass(frozen=True)
class Engines:
    """The networks of the tables on one data set; each is computed once and used for several rows."""

    X: Any
    sigma: float
    _cache: dict[Any, tuple[layer_energies.Layered, Any]] = field(default_factory=dict)

    def number(self, case: NetworkCase, method: str, *, slope: bool = False, **options: Any) -> Number:
        """Compute the temperature of a row by one method, without targets: E* is 0 and T = E_L/S (5.24)."""
        network = Network(self.X, hidden=HIDDEN, outputs=1, activation=case.activation)
        law: LayerLaw = LecunNormal(self.sigma) if case.law == SCALED else Normal(self.sigma)
        spread = layers(law, network)
        key = case.activation, case.law, method
        if key not in self._cache:
            source = {"samples": 2, "rng": 0, "threads": None} | options
            source["threads"] = validate.threads(source["threads"])
            layered = layer_energies.energies(network, spread, method, **source)
            warn("energy of a layer", layered.energy, layered.standard_error, layered.tails)
            undefined = np.full_like(layered.energy, np.nan)
            slopes = layer_energies.slopes(network, spread, layered, 0).value if slope else undefined
            self._cache[key] = layered, slopes
        layered, slopes = self._cache[key]
        counts = np.array(network.layer_parameters, dtype=float)
        parts = spread.entropies(1.0, leading=method == "asymptotic")
        layer = slice(case.layer and case.layer - 1, case.layer)
        size = counts[layer].sum()
        S, last = parts[layer].sum(), -1 if case.layer is None else case.layer - 1
        no_entropy = without_temperature(S, np.abs(parts[layer]).sum(), size)
        divisor = np.nan if no_entropy else S
        return Number(
            float(layered.energy[last]),
            float(S),
            float(layered.energy[last] / divisor),
            float(layered.standard_error[last] / np.abs(divisor)),
            float(slopes[last] / size),
            str(verdict(S, no_entropy, size)),
        )


_BOUNDED = "r σ² n_L n_{L-1}/(N ln σ), r = "
_FAN = "r σ² n_L/(N ln σ), r = "

NETWORKS = (
    NetworkCase("5.1", "tanh", "normal", "5.3-5.5", "5.6", f"{_BOUNDED}1"),
    NetworkCase("5.1", "sigmoid", "normal", "5.7", "5.8", f"{_BOUNDED}½", limit="the same, but for terms of 2^(-n_l)"),
    NetworkCase("5.1", "relu", "normal", "5.9, 5.10", "5.11", "2(σ²/2)^L Π n_l Σ⟨x_j²⟩/(N ln σ)"),
    NetworkCase("5.2", "tanh", "normal", "5.12, 5.14", "5.16", "σ²/(n_0 ln σ) Σ⟨x_j²⟩", layer=1),
    NetworkCase("5.2", "tanh", "normal", "5.12, 5.14", "5.15", "σ²/ln σ", layer=2),
    NetworkCase("5.2", "tanh", "normal", "5.12, 5.14", "5.15", "σ²/ln σ", layer=3),
    NetworkCase("5.2", "relu", "normal", "5.12, 5.20", "5.21", "σ²/(n_0 ln σ) Σ⟨x_j²⟩", layer=1),
    NetworkCase("5.2", "relu", "normal", "5.12, 5.20", "5.21", "σ⁴/(2 ln σ) Σ⟨x_j²⟩", layer=2),
    NetworkCase("5.2", "relu", "normal", "5.12, 5.20", "5.21", "σ⁶ n_1/(4 ln σ) Σ⟨x_j²⟩", layer=3),
    NetworkCase("5.4", "tanh", SCALED, "5.32, 5.33", "5.34", f"{_FAN}1"),
    NetworkCase("5.4", "sigmoid", SCALED, "5.32", "5.34", f"{_FAN}½", limit="the same, but for terms of 2^(-n_l)"),
    NetworkCase("5.4", "relu", SCALED, "5.32, 5.39", "5.40", "2(σ²/2)^L (n_L/n_0) Σ⟨x_j²⟩/(N ln σ)"),
)

_OURS = "not in the paper"

CROSS_ENTROPY = (
    NetworkCase("5.1", "tanh", "normal", _OURS, _OURS, "√(n_{L-1}/(2π)) σ/(N ln σ)", energy="ce"),
    NetworkCase(
        "5.1", "relu", "normal", _OURS, _OURS, "σ^L Π κ(n_l) ⟨‖x‖⟩/(√(2π) N ln σ), κ(n) = E√(Σ φ(Z_j)²)", energy="ce"
    ),
)
"""Networks with one logit, on data with two labels."""
