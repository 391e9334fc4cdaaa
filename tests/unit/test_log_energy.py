"""Energies of layers whose logarithms leave the range of doubles, and quadratures beside draws."""

import pickle
import warnings

import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core
from pyrometer.networks import ACTIVATIONS, _balance

ROWS = np.random.default_rng(0).standard_normal((7, 8))
SQUARE = np.log((ROWS**2).sum(axis=1).mean())


def engine(activation, depth, law, **options):
    network = pm.Network(ROWS, hidden=(8,) * depth, outputs=2, activation=activation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.errors.PrecisionWarning)
        return pm.heat_engine(network, law, **options)


def powers(depth, scale, factor):
    """ln E_l where E phi(z)^2 = factor E z^2 throughout."""
    widths = np.array([8.0] * depth + [2.0])
    steps = 2.0 * np.log(scale) + np.log(widths)
    steps[1:] += np.log(factor)
    return SQUARE + np.cumsum(steps)


@pytest.mark.parametrize(
    ("activation", "depth", "scale", "factor"),
    [
        ("identity", 4999, 0.9, 1.0),
        ("relu", 4999, 0.1, 0.5),
        ("relu", 9, 1e100, 0.5),
        ("gelu", 9, 1e100, 0.5),
        ("elu", 9, 1e100, 0.5),
        ("softplus", 9, 1e100, 0.5),
        ("gelu", 9, 1e-100, 0.25),
        ("tanh", 9, 1e-120, 1.0),
    ],
)
def test_logarithms_beyond_the_range_of_doubles(activation, depth, scale, factor):
    found = engine(activation, depth, pm.Normal(scale))
    expected = powers(depth, scale, factor)
    np.testing.assert_allclose(found.layers.log_energy, expected, rtol=1e-12, atol=1e-9)
    inside = (expected > -700.0) & (expected < 700.0)
    np.testing.assert_array_equal(found.layers.log_energy[inside], np.log(found.layers.energy[inside]))
    assert (found.layers.energy[expected > 710.0] == np.inf).all()
    assert (found.layers.energy[expected < -750.0] == 0.0).all()
    assert np.isnan(found.layers.temperature[expected > 710.0]).all()
    share = np.exp(expected[-1] - expected.max()) / np.exp(expected - expected.max()).sum()
    assert found.work_efficiency == pytest.approx(share, rel=1e-8)
    assert found.regime == ("exploding" if expected[-1] > expected[0] else "vanishing")
    assert np.isnan(found.temperature) == (expected[-1] > 710.0)


def test_saturated_units_of_any_variance():
    found = engine("tanh", 9, pm.Normal(1e200))
    np.testing.assert_allclose(np.diff(found.layers.log_energy)[1:-1], 0.0, atol=1e-9)
    assert found.layers.log_energy[-1] == pytest.approx(np.log(2.0 * 8.0) + 400.0 * np.log(10.0), rel=1e-14)
    assert np.isinf(found.layers.energy).all()
    assert np.isnan([found.temperature, found.total.value, found.total.energy]).all()
    assert 0.0 < found.work_efficiency < 1.0


def test_one_warning_says_which_layer_and_where_the_logarithm_is():
    network = pm.Network(ROWS, hidden=(8,) * 9, outputs=2, activation="relu")
    with pytest.warns(pm.errors.PrecisionWarning, match=r"layer 2 is above 1.8e308.*layers.log_energy"):
        pm.heat_engine(network, pm.Normal(1e100))
    with pytest.raises(ValueError, match=r"overflow in layer 2.*log_energy of pm.heat_engine"):
        pm.mean_energy(network, pm.Normal(1e100))


def test_logarithms_of_batches_sampled_networks_and_old_pickles():
    found = engine("relu", 9, pm.Normal([[1e-100], [1.0], [1e100]]))
    for row, scale in enumerate((1e-100, 1.0, 1e100)):
        np.testing.assert_allclose(found.layers.log_energy[row], powers(9, scale, 0.5), rtol=1e-12)
    assert found.layers[3].log_energy.shape == (3,)
    drawn = engine("relu", 2, pm.Uniform(1e100), method="monte-carlo", samples=4000, rng=1)
    expected = powers(2, 1e100 / np.sqrt(12.0), 0.5)
    np.testing.assert_allclose(drawn.layers.log_energy, expected, rtol=1e-3)
    state = dict(vars(found.layers))
    del state["log_energy"]
    old = object.__new__(type(found.layers))
    old.__setstate__(state)
    assert np.isnan(old.log_energy).all()
    assert old.log_energy.shape == old.energy.shape
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).layers.log_energy, found.layers.log_energy)


@pytest.mark.parametrize("ideal", [None, "zero"])
def test_logarithms_are_those_of_ordinary_energies(ideal):
    options = {} if ideal is None else {"ideal": [np.ones((7, 8))] * 2 + [np.ones((7, 2))]}
    found = engine("gelu", 2, pm.Normal(0.4), **options)
    np.testing.assert_array_equal(found.layers.log_energy, np.log(found.layers.energy))


def doubted(monkeypatch, relative, factor=1.0):
    """Let the core vouch for no chain, with this relative error, and multiply its energies by a factor."""
    honest = _core.network_chain

    def doubtful(*arguments):
        energy, _, trusted = honest(*arguments)
        return factor * energy, relative * factor * energy, np.zeros_like(trusted)

    monkeypatch.setattr(_core, "network_chain", doubtful)


NETWORK = pm.Network(ROWS, hidden=(8, 8), outputs=1, activation="silu")


def test_a_quadrature_is_kept_where_draws_are_worse(monkeypatch):
    known = pm.heat_engine(NETWORK, pm.Normal(1.0))
    doubted(monkeypatch, 1e-4)
    found = pm.heat_engine(NETWORK, pm.Normal(1.0), samples=1000, rng=1)
    assert found.method == "exact"
    np.testing.assert_array_equal(found.layers.energy, known.layers.energy)
    np.testing.assert_allclose(found.layers.error_bound, 1e-4 * known.layers.energy)
    assert (found.layers.standard_error == 0.0).all()


def test_draws_that_miss_large_energies_say_so_and_have_errors_that_cover_them(monkeypatch):
    known = pm.mean_energy(NETWORK, pm.Normal(1.0)).value
    doubted(monkeypatch, 0.2, factor=10.0)  # as if draws had missed nine tenths
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = pm.mean_energy(NETWORK, pm.Normal(1.0), samples=1000, rng=1)
    assert ["that most samples miss" in str(warning.message) for warning in said] == [True, False]
    assert "relative standard error of 8.8" in str(said[1].message)
    assert found.method == "scalar-chain"
    assert found.value + 1.01 * found.standard_error >= 10.0 * known


def test_batches_keep_what_is_better_for_each_law(monkeypatch):
    law = pm.Normal([[0.5], [1.0]])
    known = pm.mean_energy(NETWORK, law)
    honest = _core.network_chain

    def doubtful(*arguments):
        energy, error, trusted = honest(*arguments)
        error[1] = np.inf
        return energy, error, np.zeros_like(trusted)

    monkeypatch.setattr(_core, "network_chain", doubtful)
    found = pm.mean_energy(NETWORK, law, samples=2000, rng=1)
    assert (found.method, found.value[0], found.standard_error[0]) == ("scalar-chain", known.value[0], 0.0)
    assert found.standard_error[1] > 0.0
    assert abs(found.value[1] - known.value[1]) <= 4.5 * found.standard_error[1]


def test_scales_at_the_end_of_the_doubles_overflow_without_a_foreign_warning():
    """Marginal temperatures compare scales above and below the law's, which may overflow."""
    net = pm.Network(np.ones((2, 3)), hidden=[4], outputs=1, activation="selu")
    with pytest.warns(pm.PrecisionWarning):  # others are errors
        engine = pm.heat_engine(net, pm.Normal(np.finfo(float).max), samples=64, rng=1)
    assert np.isposinf(engine.layers.energy).all()
    assert np.isfinite(engine.layers.log_energy).all()


@pytest.mark.parametrize(("hidden", "scale"), [([50] * 90, 10.0), ([10] * 400, 1.0)])
def test_derivatives_that_underflow_refuse_no_network(hidden, scale):
    net = pm.Network(np.ones((2, 3)), hidden=hidden, outputs=1, activation="tanh")
    exact = pm.heat_engine(net, pm.Normal(scale)).layers
    drawn = pm.heat_engine(net, pm.Normal(scale), method="monte-carlo", samples=200, rng=1).layers
    assert np.isfinite(exact.log_energy).all()
    assert (np.abs(drawn.energy - exact.energy) <= 4.5 * drawn.standard_error + 1e-9 * exact.energy).all()


def test_what_needs_no_rescaling_is_seen_from_a_sum_of_logarithms():
    rng, seen = np.random.default_rng(5), []
    for _ in range(300):
        widths = tuple(int(n) for n in 2 ** rng.uniform(0, 7, rng.integers(0, 16)))
        activation = [str(phi) for phi in rng.choice(list(ACTIVATIONS), len(widths))] or "tanh"
        dtype, most = (np.float32, 15) if rng.random() < 0.3 else (np.float64, 60)
        X = (10.0 ** rng.uniform(-most, most) * ROWS).astype(dtype)
        network = pm.Network(X, hidden=widths, outputs=3, activation=activation, bias=True)
        scale = 10.0 ** rng.uniform(-6, 6, (2, 4))
        biases = pm.Constant(scale[1][:, None]) if rng.random() < 0.5 else pm.Normal(scale[1][:, None])
        spread = network.bind(pm.Layers(pm.Normal(scale[0][:, None]), biases=biases))
        far = _balance._FAR[network.X.dtype]
        seen.append(_balance._are_near(network, spread, far))
        if seen[-1]:
            assert np.abs(_balance._variances(network, spread)).max() <= far
    assert 30 < sum(seen) < len(seen) - 30
