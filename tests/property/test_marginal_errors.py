"""Marginal temperatures of networks by Monte Carlo are within their standard errors of the exact ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf, expit

import pyrometer as pm

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "silu": lambda z: z / (1.0 + np.exp(-z)),
    "gelu": lambda z: 0.5 * z * (1.0 + erf(z / np.sqrt(2.0))),
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
}


@pytest.mark.parametrize("seed", [1, 2, 3, 5])
def test_a_cross_entropy_of_narrow_laws(seed: int) -> None:
    # E - ln C grows as scale^(2L): a step of 0.1 in ln(scale) is 5 % to 15 % off, up to 9 standard errors.
    random = np.random.default_rng([56, seed])
    name, hidden = list(FUNCTIONS)[seed % 4], [int(width) for width in random.integers(20, 60, 2 + seed % 2)]
    X, y = random.normal(size=(50, 16)), np.arange(50) % 3
    law = pm.Normal(random.uniform(0.07, 0.25))
    exact = pm.temperature(pm.Network(X, y, hidden=hidden, outputs=3, activation=name, energy="ce"), law, minimum=0.0)
    network = pm.Network(X, y, hidden=hidden, outputs=3, activation=FUNCTIONS[name], energy="ce")
    drawn = pm.temperature(network, law, minimum=0.0, samples=1000, rng=seed)
    assert exact.method == "exact"
    assert drawn.method == "monte-carlo"
    assert 0.0 < drawn.marginal_error < 0.1 * drawn.marginal
    assert abs(drawn.marginal - exact.marginal) < 3.5 * drawn.marginal_error


@pytest.mark.parametrize(
    ("activation", "law"),
    [
        ("tanh", pm.Normal(0.7)),  # the growth of a chain times energies of draws
        ("softplus", pm.Layers(pm.Normal(0.4), pm.Normal(0.2))),
        ("relu", pm.Uniform(1.5)),  # a closed form of energies of draws
        ("identity", pm.Layers(pm.Normal(0.4), pm.Constant(0.3))),
    ],
)
def test_layers_of_drawn_energies(activation: str, law: Any) -> None:
    random = np.random.default_rng(7)
    X, y = random.normal(size=(6, 4)), random.normal(size=(6, 2))
    network = pm.Network(X, y, hidden=[12, 8], activation=activation, bias=isinstance(law, pm.Layers))
    exact = pm.heat_engine(network, law, minimum=0.0).layers
    scores = []
    for seed in range(30):
        layers = pm.heat_engine(network, law, minimum=0.0, method="monte-carlo", samples=400, rng=seed).layers
        # The first layer has an exact energy.
        assert (layers.marginal_error[1:] > 0.0).all()
        np.testing.assert_allclose(layers.marginal[0], exact.marginal[0], rtol=1e-12)
        scores.append((layers.marginal - exact.marginal)[1:] / layers.marginal_error[1:])
    # 30 normal scores: their mean has a deviation of 0.18, their deviation one of 0.13.
    assert (np.abs(np.mean(scores, axis=0)) < 0.8).all()
    assert (np.abs(np.std(scores, axis=0) - 1.0) < 0.5).all()


def test_errors_include_what_a_central_difference_leaves_out():
    """Inputs of a layer that hardly vary: its energy is a k^2 + c^2, which is no power of the scale."""
    biases = [pm.Constant(1.0), pm.Constant(2.0), pm.Constant(0.0)]
    law = pm.Layers([pm.Normal(1e-6), pm.Normal(1.0), pm.Normal(1.0)], biases)
    network = pm.Network([[1.0, 2.0]], hidden=[3, 4], activation=np.tanh, bias=True, outputs=1)
    layers = pm.heat_engine(network, law, rng=1).layers
    assert 1e-6 < abs(layers.marginal[1] - 2.0 * np.tanh(1.0) ** 2) < layers.marginal_error[1] < 1e-3


def test_errors_of_exact_chains_with_coarse_quadrature():
    """Against quadrature by Chebyshev polynomials in ln v, with panels at the kinks, refined to 1e-11."""
    network = pm.Network([[1.2868979285571767]], None, hidden=[3, 2], activation=["sigmoid", "hardtanh"], outputs=1)
    law = pm.Layers([pm.Normal(7.468283097416768), pm.Normal(176.64140186909384), pm.Normal(393.22402078293527)])
    T = pm.temperature(network, law, minimum=0.0)
    assert T.method == "exact"
    assert 0.1 < abs(T.marginal - 53501.258743) < T.marginal_error < 1e-4 * T.marginal


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_mean_fields_leave_nothing_out(scale):
    """With q the variance of z, d E phi(z)^2 / d ln sigma = 2 E z phi(z) phi'(z)."""
    network = pm.Network([[0.6, 0.8]], None, hidden=[40], activation="silu", outputs=1)

    def expectation(of: Callable[[float], float]) -> float:
        def integrand(g: float) -> float:
            return of(scale * g) * np.exp(-0.5 * g * g) / np.sqrt(2.0 * np.pi)

        return float(quad(integrand, -12.0, 12.0, epsabs=0.0, epsrel=1e-13, limit=200)[0])

    square = expectation(lambda z: (z * expit(z)) ** 2)
    slope = expectation(lambda z: 2.0 * z * (z * expit(z)) * (expit(z) + z * expit(z) * expit(-z)))
    T = pm.temperature(network, pm.Normal(scale), method="mean-field", minimum=0.0)
    assert T.marginal == pytest.approx(40.0 * scale**2 * (2.0 * square + slope) / 120.0, rel=1e-11)
