"""Layers with constant biases of which few units are active, or none with some probability."""

import numpy as np
import pytest
from scipy.special import expit, ndtr, ndtri
from scipy.stats import binom

import pyrometer as pm

PHI = {
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0.0, z, 0.01 * z),
    "silu": lambda z: z * expit(z),
    "gelu": lambda z: z * ndtr(z),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "softplus": lambda z: np.logaddexp(0.0, z),
}


@pytest.mark.parametrize("activation", PHI)
@pytest.mark.parametrize("width", [36, 63, 64, 200])
@pytest.mark.parametrize(("centre", "deviation"), [(-1.0, 0.3), (-2.0, 1.0), (-3.0, 1.0), (-4.0, 2.0)])
def test_energies_above_a_layer_that_is_rarely_active(activation, width, centre, deviation):
    """By draws of the layer, and the arc tangent of erf above it: E erf(z)^2 of z ~ N(0, v)."""
    scale, draws = 30.0, 20_000
    random = np.random.default_rng([width, int(-centre)])
    q = np.zeros(draws)
    for _ in range(width):
        q += PHI[activation](centre + deviation * random.normal(size=draws)) ** 2
    v = scale**2 * q
    squares = 4.0 / np.pi * np.arctan(np.sqrt(1.0 + 4.0 * v)) - 1.0
    network = pm.Network([[1.0]], hidden=(width, 5), outputs=1, activation=[activation, "erf"], bias=True)
    constants = [pm.Constant(centre), pm.Constant(0.0), pm.Constant(0.0)]
    found = pm.mean_energy(network, pm.Layers(pm.Normal([deviation, scale, 1.0]), biases=constants))
    error = squares.std() / np.sqrt(draws)
    assert found.method == "exact"
    assert abs(found.value / 5.0 - squares.mean()) < 4.5 * error + found.error_bound / 5.0 + 1e-9


def test_draws_without_an_active_unit_are_no_estimate():
    """The energy is 5 P(some unit is active) E tanh^2, of which 10,000 draws show nothing."""
    network = pm.Network([[1.0]], hidden=(40, 5), outputs=1, activation=["relu", "tanh"], bias=True)
    law = pm.Layers(pm.Normal([1.0, 1e3, 1.0]), biases=[pm.Constant(-5.0), pm.Constant(0.0), pm.Constant(0.0)])
    found = pm.mean_energy(network, law, rng=1)
    assert found.value == pytest.approx(5.0 * -np.expm1(40.0 * np.log1p(-ndtr(-5.0))), rel=0.05)
    assert 0.0 < found.error_bound < 0.1 * found.value


@pytest.mark.parametrize("width", [63, 64, 400])
@pytest.mark.parametrize("active", [1.0, 4.5, 12.0])
def test_units_that_are_0_or_1(width, active):
    """Of saturated sigmoids a binomial number is 1."""
    scale, share = 1e15, active / width
    network = pm.Network([[1.0]], hidden=(width, 5), outputs=1, activation=["sigmoid", "erf"], bias=True)
    constants = [pm.Constant(scale * ndtri(share)), pm.Constant(0.0), pm.Constant(0.0)]
    found = pm.mean_energy(network, pm.Layers(pm.Normal([scale, 1e3, 1.0]), biases=constants))
    number = np.arange(width + 1)
    squares = 4.0 / np.pi * np.arctan(np.sqrt(1.0 + 4e6 * number)) - 1.0
    exact = 5.0 * binom.pmf(number, width, share) @ squares
    assert found.method == "exact"
    assert found.value == pytest.approx(exact, abs=found.error_bound + 1e-9 * exact)
