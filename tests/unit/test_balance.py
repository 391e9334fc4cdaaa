"""Scales of equal energies and of equal temperatures."""

import math

import numpy as np
import pytest

import pyrometer as pm

X = np.random.default_rng(0).normal(size=(20, 7))
WIDE = {"hidden": (9, 30, 4), "outputs": 3}


def network(**options):
    return pm.Network(X, **WIDE | options)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("activation", "law"),
    [
        ("tanh", pm.Normal),
        ("relu", pm.Normal),
        ("gelu", pm.Normal),
        ("leaky_relu", pm.Uniform),
        ("relu", lambda scale: pm.TruncatedNormal(scale, 1.5)),
        ("identity", pm.Uniform),
        (["relu", "sigmoid", "selu"], pm.Normal),
    ],
)
def test_equal_energies(activation, law, bias):
    for energy in (1.0, 1e-3, 40.0):
        of = network(activation=activation, bias=bias)
        engine = pm.heat_engine(of, pm.balance(of, energy=energy, law=law))
        np.testing.assert_allclose(engine.layers.energy / of.widths[1:], energy, rtol=1e-9)
        assert engine.regime == "even"


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("activation", "law"), [("tanh", pm.Normal), ("relu", pm.Uniform), ("sigmoid", pm.Normal)])
def test_equal_temperatures(activation, law, bias):
    of = network(activation=activation, bias=bias)
    for temperature in (50.0, 1e4, -1e-6, -2.0, -1e5):
        balanced = pm.balance(of, temperature=temperature, law=law)
        np.testing.assert_allclose(pm.heat_engine(of, balanced).layers.temperature, temperature, rtol=1e-7)


def test_temperatures_below_the_least_one_are_refused():
    """The least is E at sigma = 1/sqrt(2 pi), over an entropy of 1/2 for each parameter."""
    of = pm.Network(X, hidden=(), outputs=5)
    least = 2.0 * np.mean(np.sum(X**2, axis=1)) / (2.0 * math.pi) / 7.0
    with pytest.raises(ValueError, match=f"must be at least {least:.6g} for layer 1, or negative"):
        pm.balance(of, temperature=0.999 * least)
    (scale,) = pm.balance(of, temperature=least * (1.0 + 1e-12)).scale
    assert scale == pytest.approx(1.0 / math.sqrt(2.0 * math.pi), rel=1e-4)
    for temperature in (1.001 * least, 10.0 * least, 1e6 * least):  # the larger of the two solutions
        assert pm.balance(of, temperature=temperature).scale[0] > 1.0 / math.sqrt(2.0 * math.pi)


@pytest.mark.parametrize("decades", [-140, -20, -7, 0, 30, 140])
@pytest.mark.parametrize("temperature", [-1e60, -30.0, 30.0, 1e60])
def test_features_of_any_size_have_the_temperature_or_are_refused(decades, temperature):
    X = np.random.default_rng(0).normal(size=(4, 3)) * 10.0**decades
    network = pm.Network(X, hidden=(5, 4), outputs=2)
    try:
        law = pm.balance(network, temperature=temperature)
    except ValueError:
        assert (decades, abs(temperature)) != (0, 30.0)
        return
    assert pm.heat_engine(network, law).layers.temperature == pytest.approx(np.full(3, temperature), rel=1e-5)


def test_deep_networks_stay_even():
    of = pm.Network(X, hidden=(16,) * 40, outputs=1, activation="relu")
    assert pm.heat_engine(of, pm.balance(of)).regime == "even"


@pytest.mark.parametrize(("scale", "regime"), [(0.5, "vanishing"), (1.0, "even"), (2.0, "exploding")])
def test_regimes_judge_all_layers_together(scale, regime):
    """Each layer changes the energy of a unit by a factor of 4 at most; fifty of them by 1e30."""
    of = pm.Network(X, hidden=(64,) * 50, outputs=1, activation="relu")
    assert pm.heat_engine(of, pm.HeNormal(scale)).regime == regime


def test_energies_that_rise_and_fall_are_uneven():
    of = pm.Network(X, hidden=(5, 5), outputs=5, activation="relu")
    assert pm.heat_engine(of, pm.Normal([1.0, 30.0, 0.01])).regime == "uneven"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"network": 3}, TypeError, "network must be a Network, got 3"),
        ({"energy": 0.0}, ValueError, "energy must be"),
        ({"energy": -1.0}, ValueError, "energy must be"),
        ({"energy": math.nan}, ValueError, "energy must be"),
        ({"temperature": 0.0}, ValueError, "temperature must not be 0"),
        ({"temperature": math.inf}, ValueError, "temperature must be"),
        ({"law": pm.Normal(1.0)}, TypeError, "law must be a function of scales"),
        ({"law": pm.HeNormal}, TypeError, "law must be a function of scales"),
        ({"law": pm.Constant}, TypeError, "law must be a function of scales"),
        ({"law": pm.Uniform}, ValueError, "law must have exact energies to be balanced, got Uniform"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        pm.balance(**{"network": network(activation="tanh")} | arguments)


def test_inputs_of_zero_are_refused():
    with pytest.raises(ValueError, match="energy of layer 1 must depend on its scale"):
        pm.balance(pm.Network(np.zeros((3, 2)), hidden=(4,), outputs=1, activation="relu"))
