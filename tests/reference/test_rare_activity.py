"""Layers with constant biases of which few units are active, or none with some probability."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, ndtr, ndtri
from scipy.stats import binom, norm

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
    found = pm.mean_energy(network, pm.Layers(pm.Normal([deviation, scale, 1.0]), biases=constants), rng=0)
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


def above(deviations, function):
    """E of a function of x = z - a > 0, z standard normal and a the number of deviations: 0 for x <= 0."""
    integral = 0.0
    for first in np.arange(0.0, 60.0, 2.0):
        integral += quad(
            lambda u: function(u / deviations) * np.exp(-u - 0.5 * (u / deviations) ** 2), first, first + 2.0
        )[0]
    return norm.pdf(deviations) * integral / deviations


@pytest.mark.parametrize("deviations", [8.0, 11.0, 12.0, 13.0, 13.6, 15.0, 20.0, 30.0])
@pytest.mark.parametrize("width", [1, 8, 100])
def test_energies_of_units_that_are_active_once_in_many_networks(deviations, width):
    """Rectifiers far below 0, of which one at most is active, and what follows from their squares above them."""
    constants = [pm.Constant(-deviations), pm.Constant(0.0), pm.Constant(0.0)]
    law = pm.Layers(pm.Normal(1.0), biases=constants)
    second = 5.0 * width * above(deviations, np.square)
    squares = {"relu": lambda x: 0.5 * x**2, "erf": lambda x: 4.0 / np.pi * np.arctan(np.sqrt(1.0 + 4.0 * x**2)) - 1.0}
    for name, square in squares.items():
        network = pm.Network([[1.0]], hidden=(width, 5), outputs=1, activation=["relu", name], bias=True)
        layers = pm.heat_engine(network, law).layers
        third = 5.0 * width * above(deviations, square)
        several = width * ndtr(-deviations)
        assert layers.energy[1] == pytest.approx(second, rel=1e-10, abs=layers.error_bound[1])
        assert layers.energy[2] == pytest.approx(third, rel=1e-10 + several, abs=layers.error_bound[2])
        assert layers.error_bound[2] < 1e-4 * third


def test_units_that_are_never_active_in_doubles():
    """Their energy is below the range of doubles, which is said."""
    network = pm.Network([[1.0]], hidden=(8,), outputs=1, activation="relu", bias=True)
    law = pm.Layers(pm.Normal(1.0), biases=[pm.Constant(-40.0), pm.Constant(0.0)])
    with pytest.raises(ValueError, match="underflow"):
        pm.mean_energy(network, law)


@pytest.mark.parametrize("depth", [3, 7, 12])
def test_layers_that_fall_silent(depth):
    """The pre-activations of all layers but the first two are the constant biases but for 1e-10."""
    network = pm.Network(np.ones((1, 10)), hidden=(256,) * depth, outputs=3, activation="relu", bias=True)
    layers = pm.heat_engine(network, pm.Layers(pm.LecunNormal(1.3), biases=pm.Constant(-2.0)), rng=0).layers
    constant = np.array([1024.0] * (depth - 2) + [12.0])
    assert np.all(np.abs(layers.energy[2:] - constant) < 1e-9 * constant)
    assert np.all(layers.error_bound[2:] < 1e-9 * constant)
