"""The rows of Tables 2 and 3 that are networks: to add one is to add a `NetworkCase`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyrometer._validate import RandomSource
from pyrometer.architecture import Network
from pyrometer.initialisations import LayerLaw, LecunNormal
from pyrometer.laws import Normal
from pyrometer.network import heat_engine
from pyrometer.results import HeatEngine

__all__ = ["HIDDEN", "NETWORKS", "Engines", "NetworkCase", "Number"]

HIDDEN = (32, 32)
"""Hidden layers of the networks in the tables: the narrowest ones whose energies are exact at every scale."""


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

    @property
    def energy(self) -> str:
        """What the row is called."""
        name = {"relu": "ReLU"}.get(self.activation, self.activation)
        return f"NN {name}" if self.layer is None else f"NN {name}, layer {self.layer}"


@dataclass(frozen=True)
class Number:
    """One temperature of a network or of a layer, and what it is made of."""

    energy: float
    entropy: float
    value: float
    standard_error: float
    marginal: float
    verdict: str


@dataclass(frozen=True)
class Engines:
    """The heat engines of the tables on one data set, each computed once whatever number of rows it has."""

    X: Any
    sigma: float
    _known: dict[Any, HeatEngine] = field(default_factory=dict)

    def number(self, case: NetworkCase, method: str, **options: Any) -> Number:
        """Compute the temperature of a row by one method, without targets: E* is 0 and T = E_L/S (5.24)."""
        key = case.activation, case.law, method
        if key not in self._known:
            network = Network(self.X, hidden=HIDDEN, outputs=1, activation=case.activation)
            law: LayerLaw = LecunNormal(self.sigma) if case.law == "σ/√fan-in" else Normal(self.sigma)
            self._known[key] = heat_engine(network, law, method=method, **options)
        engine = self._known[key]
        if case.layer is None:
            return Number(
                float(engine.layers.energy[-1]),
                float(engine.entropy),
                float(engine.temperature),
                float(engine.standard_error),
                float(engine.total.marginal),
                str(engine.total.verdict),
            )
        layer, of = case.layer - 1, engine.layers
        entropy = float(of.entropy[layer])
        return Number(
            float(of.energy[layer]),
            entropy,
            float(of.temperature[layer]),
            float(of.standard_error[layer]) / abs(entropy) if entropy else np.nan,
            float(of.marginal[layer]),
            str(of.verdict[layer]),
        )

    def sampled(self, case: NetworkCase, samples: int, rng: RandomSource, threads: int | None) -> Number:
        """Compute the same by Monte Carlo; the layers of a network share its draws."""
        return self.number(case, "monte-carlo", samples=samples, rng=rng, threads=threads)


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
    NetworkCase("5.4", "tanh", "σ/√fan-in", "5.32, 5.33", "5.34", f"{_FAN}1"),
    NetworkCase("5.4", "sigmoid", "σ/√fan-in", "5.32", "5.34", f"{_FAN}½", limit="the same, but for terms of 2^(-n_l)"),
    NetworkCase("5.4", "relu", "σ/√fan-in", "5.32, 5.39", "5.40", "2(σ²/2)^L (n_L/n_0) Σ⟨x_j²⟩/(N ln σ)"),
)
