"""Means over draws against NumPy, and the warnings where the draws say too little."""

import warnings

import numpy as np
import pytest
from scipy.stats import skew

import pyrometer as pm
from pyrometer import _core
from pyrometer.base._tally import Tally, unreliable, warn

DEEP = {"hidden": [64] * 50, "outputs": 1, "activation": "silu"}
X = np.random.default_rng(0).normal(size=(20, 10))


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
@pytest.mark.parametrize("blocks", [(400,), (2, 398), (100, 200, 100), (2,) * 200])
def test_blocks_are_merged_at_any_scale(scale, blocks):
    draws = np.random.default_rng(1).exponential(size=(3, 400, 2))
    plain, paired, start = Tally(), Tally(paired=True), 0
    for count in blocks:
        for tally in (plain, paired):
            tally.add(scale * draws[:, start : start + count])
        start += count
    apart = draws[:, 1::2] - draws[:, ::2]
    np.testing.assert_allclose(plain.mean() / scale, draws.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(plain.error() / scale, draws.std(axis=1, ddof=1) / 20.0, rtol=1e-12)
    np.testing.assert_allclose(paired.error() / scale, np.sqrt((apart**2).sum(axis=1)) / 400.0, rtol=1e-12)
    np.testing.assert_allclose(plain.tails(), skew(draws, axis=1) / 5.0, rtol=1e-12)  # 2 + 0.15 * 20
    cubes = (np.abs(apart) ** 3).sum(axis=1) / (apart**2).sum(axis=1) ** 1.5
    np.testing.assert_allclose(paired.tails(), cubes * 20.0 / 5.0, rtol=1e-12)


def test_equal_draws_have_no_error():
    tally = Tally()
    tally.add(np.full((150, 1), 0.1))
    assert tally.error() == 0.0
    assert tally.tails() == 0.0


def test_cubes_that_overflow_are_heavy_tails():
    for paired in (False, True):
        tally = Tally(paired=paired)
        tally.add(np.random.default_rng(4).exponential(size=(100, 1)))
        tally.add(np.array([[1.0], [1e140]]))
        assert tally.tails() > 1.0


@pytest.mark.parametrize(("spread", "count"), [(0.5, 1000), (1.0, 1000), (2.0, 1000), (2.5, 10_000), (3.0, 10_000)])
def test_silent_means_of_skewed_draws_are_within_their_errors(spread, count):
    draws = np.exp(spread * np.random.default_rng(2).normal(size=(count, 400)))  # their mean is known
    tally = Tally()
    for single in draws[:, None]:  # as models are drawn
        tally.add(single)
    mean, error = tally.mean(), tally.error()
    silent, low = ~unreliable(mean, error, tally.tails()), mean < np.exp(0.5 * spread**2) - 3.0 * error
    assert (silent & low).mean() <= 0.01
    assert silent.all() if spread == 0.5 else low.mean() < 0.01 or silent.mean() < 0.3


def test_monte_carlo_of_a_deep_narrow_network_is_warned_of_where_it_is_low():
    system = pm.Network(np.random.default_rng(3).normal(size=(1, 8)), hidden=[39] * 13, activation="silu", outputs=2)
    law, low, silent = pm.HeNormal(0.9), 0, 0
    exact = pm.mean_energy(system, law).value
    for seed in range(30):
        estimate, complaints = caught(
            lambda s=seed: pm.mean_energy(system, law, method="monte-carlo", samples=1000, rng=s)
        )
        outside = estimate.value < exact - 3.0 * estimate.standard_error
        low, silent = low + outside, silent + (outside and not complaints)
    assert low >= 6  # the standard error alone does not tell
    assert silent <= 1


def test_draws_of_the_chain_do_not_depend_on_their_blocks():
    widths, scale, norms = np.array([3, 7, 4, 2]), np.full((2, 3), 0.8), np.array([1.0, 3.0, 2.0])
    scale[1] *= 1.5
    arguments = ("tanh", widths, scale, 0.1 * scale, norms, (3, 4))
    draws = _core.network_chain_draws(*arguments, 0, 1001, 1001, 2)
    parts = [_core.network_chain_draws(*arguments, first, count, 1001, 1) for first, count in ((0, 300), (300, 701))]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), draws)


@pytest.mark.parametrize(
    ("value", "error", "tails", "complaint"),
    [
        (1.0, 0.1, 0.0, None),
        (1.0, 0.11, 0.0, "The energy has a relative standard error of 0.11; use more samples."),
        ([1.0, 2.0], [0.01, 0.5], 0.0, "An energy has a relative standard error of 0.25"),
        (0.0, 1.0, 0.0, "relative standard error of inf"),
        (0.0, 0.0, 0.0, None),
        (np.nan, np.nan, np.nan, None),
        (1.0, 0.01, 1.6, "heavy tails: the skewness of its draws is 1.6 times the largest for which"),
        (1.0, 0.01, 0.9, None),
    ],
)
def test_warnings_of_standard_errors(value, error, tails, complaint):
    if complaint is None:
        warn("energy", value, error, tails)
        return
    with pytest.warns(pm.errors.SimulationWarning, match=complaint):
        warn("energy", value, error, tails)


def caught(compute):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        answer = compute()
    return answer, [str(w.message) for w in found if issubclass(w.category, pm.errors.SimulationWarning)]


def doubted(monkeypatch, factor=1.0):
    """Let the core vouch for no chain, and multiply energies by a factor."""
    honest = _core.network_chain

    def doubtful(*arguments):
        energy, _, trusted = honest(*arguments)
        return factor * energy, np.full_like(energy, np.inf), np.zeros_like(trusted)

    monkeypatch.setattr(_core, "network_chain", doubtful)


def test_marginal_temperatures_of_sampled_chains_are_nan_with_a_warning_or_have_errors(monkeypatch):
    network = pm.Network(X, **DEEP)
    doubted(monkeypatch)
    growth = _core.network_chain_growth
    monkeypatch.setattr(_core, "network_chain_growth", lambda *a: (*growth(*a)[:2], np.zeros(len(a[2]), dtype=bool)))
    hot, said = caught(lambda: pm.temperature(network, pm.HeNormal(), samples=200, rng=0))
    assert hot.method == "scalar-chain"
    assert np.isnan([hot.marginal, hot.marginal_error]).all()
    assert any("marginal temperature is nan" in text for text in said)
    assert any("relative standard error" in text for text in said)


def test_marginal_temperatures_that_draws_do_tell(monkeypatch):
    """Of chains that are doubted without reason: errors that hold the exact values."""
    network = pm.Network(X, hidden=(8, 8), outputs=1, activation="tanh")
    law = pm.Normal([[0.3], [1.0], [5.0]])
    exact = pm.heat_engine(network, law)
    doubted(monkeypatch)
    drawn = pm.heat_engine(network, law, samples=4000, rng=2)
    assert drawn.method == "scalar-chain"
    off = np.abs(drawn.layers.marginal - exact.layers.marginal)
    assert (off <= 5.0 * drawn.layers.marginal_error + 1e-4 * exact.layers.marginal).all()
    assert (drawn.layers.marginal_error[:, 1:] < 0.1 * drawn.layers.marginal[:, 1:]).all()
    assert (exact.layers.marginal_error == 0.0).all()
    assert pm.temperature(network, law, samples=4000, rng=2).marginal_error.shape == (3,)


@pytest.mark.parametrize("method", ["mean_energy", "temperature", "heat_engine", "sweep"])
def test_large_standard_errors_are_reported_everywhere(method):
    network, law = pm.Network(X, hidden=[3] * 8, outputs=1, activation="tanh"), pm.Uniform(0.3)
    compute = {
        "mean_energy": lambda: pm.mean_energy(network, law, method="monte-carlo", samples=20, rng=1),
        "temperature": lambda: pm.temperature(network, law, method="monte-carlo", samples=20, rng=1),
        "heat_engine": lambda: pm.heat_engine(network, law, method="monte-carlo", samples=20, rng=1),
        "sweep": lambda: pm.sweep(network, law, method=("monte-carlo",), samples=20, rng=1),
    }[method]
    assert any("standard error" in text for text in caught(compute)[1])


def test_few_draws_of_a_linear_system_are_reported():
    """The temperature's error counts against E - E*."""
    system = pm.LinearRegression(X, X @ np.ones(10) + 100.0)
    quiet, said = caught(lambda: pm.mean_energy(system, pm.Normal(0.1), method="monte-carlo", samples=50, rng=0))
    assert quiet.standard_error < 0.1 * quiet.value
    assert not said
    assert caught(lambda: pm.mean_energy(system, pm.Normal(30.0), method="monte-carlo", samples=4, rng=0))[1]
