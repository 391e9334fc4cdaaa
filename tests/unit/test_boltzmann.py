"""Appendices B to D, and the tails of test statistics, against SciPy and the paper's own arithmetic."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

import pyrometer as pm
from pyrometer.base import _tail_probabilities


def test_weights_are_those_of_logsumexp():
    rng = np.random.default_rng(0)
    E, g = rng.normal(size=(5, 7)) * 100, rng.uniform(0.1, 3.0, size=7)
    T = np.array([0.3, 2.0, -1.0, np.inf, 1e5])
    exponent = np.log(g) - E / T[:, None]
    expected = np.exp(exponent - logsumexp(exponent, axis=-1, keepdims=True))
    np.testing.assert_allclose(pm.boltzmann(E, T, metric=g), expected, rtol=1e-12)


@given(
    st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=8),
    st.floats(1e-300, 1e300) | st.floats(-1e300, -1e-300),
)
def test_any_energies_give_probabilities(energies, temperature):
    weights = pm.boltzmann(energies, temperature)
    assert (weights >= 0.0).all()
    assert weights.sum() == pytest.approx(1.0)
    fullest = min(energies) if temperature > 0 else max(energies)
    assert weights[energies.index(fullest)] == weights.max()


@pytest.mark.parametrize("temperature", [3e307, -3e307, np.inf, -np.inf, 1.0])
def test_differences_of_energies_may_overflow(temperature):
    E = np.array([1.7e308, 0.0, -1.7e308, -1e308])
    exponent = [-mpmath.mpf(e) / temperature for e in E]
    expected = [float(mpmath.exp(x) / mpmath.fsum(mpmath.exp(other) for other in exponent)) for x in exponent]
    np.testing.assert_allclose(pm.boltzmann(E, temperature), expected, rtol=1e-12)


def test_states_that_are_never_taken():
    weights = pm.boltzmann([0.0, np.inf, 0.0, -1e300], 1.0, metric=[1.0, 1.0, 3.0, 0.0])
    np.testing.assert_allclose(weights, [0.25, 0.0, 0.75, 0.0], rtol=1e-15, atol=0)  # zeros are exact, exp is not


def test_the_weights_have_the_largest_entropy_of_their_energy():
    """(C.20): moving along any direction that keeps the sum and the energy lowers the relative entropy."""
    E, g, T = np.arange(9.0), np.linspace(1.0, 2.0, 9), 2.5
    p = pm.boltzmann(E, T, metric=g)
    entropy = lambda q: -np.sum(q * np.log(q / g))  # noqa: E731
    rng = np.random.default_rng(1)
    for _ in range(50):
        step = rng.normal(size=9)
        for fixed in (np.ones(9), E - E.mean()):
            step -= fixed * (step @ fixed) / (fixed @ fixed)
        assert entropy(p + 1e-4 * step / np.abs(step).max() * p.min()) < entropy(p)
    warm, warmer = (pm.boltzmann(E, t, metric=g) for t in (T, T + 1e-6))
    assert (entropy(warmer) - entropy(warm)) / ((warmer - warm) @ E) == pytest.approx(1 / T, rel=1e-4)  # dS/dE = 1/T


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 1.0), "at least one state"),
        ((3.0, 1.0), "at least one state"),
        (([np.nan], 1.0), "nan"),
        (([-np.inf], 1.0), "-inf"),
        (([1.0], 0.0), "must not be 0"),
        (([np.inf], 1.0), "got none"),
        (([1.0, 2.0], 1.0, [1.0, -1.0]), "metric must be finite and >= 0"),
        (([1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]), "broadcast"),
    ],
)
def test_boltzmann_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        pm.boltzmann(*arguments[:2], metric=arguments[2] if len(arguments) > 2 else 1.0)


def test_a_moving_observer_sees_a_drift():
    """(C.13): reweighting thermal velocities by the observer's metric gives them the mean -u and the same spread."""
    seen = pm.testsystems.MovingObserver(mass=2.0, temperature=0.5, velocity=0.4)
    v = np.linspace(-6.0, 6.0, 20_001)
    p = pm.boltzmann(seen.energy(v), seen.temperature, metric=seen.metric(v))
    assert p @ v == pytest.approx(-0.4, abs=1e-12)
    assert p @ v**2 - (p @ v) ** 2 == pytest.approx(0.5 / 2.0, rel=1e-9)
    rest = pm.boltzmann(seen.energy(v), seen.temperature)
    assert rest @ seen.metric(v) == pytest.approx(seen.mean_metric, rel=1e-9)


def test_the_density_of_air_falls_with_height():
    air = pm.testsystems.Barometric(mass=3.0, gravity=2.0, temperature=1.5)
    h = np.linspace(0.0, 12.0, 400_001)
    p = pm.boltzmann(air.energy(h), air.temperature)
    assert p @ h == pytest.approx(air.mean_height, rel=1e-4)
    np.testing.assert_allclose(p[::1000] / p[0], air.density(h)[::1000], rtol=1e-12)


def test_lorentz():
    beta = np.array([0.0, 0.6, -0.8, 1 - 1e-12])
    gamma = np.array([float(1 / mpmath.sqrt(1 - mpmath.mpf(float(b)) ** 2)) for b in beta])
    np.testing.assert_allclose(pm.lorentz(3.0, beta, convention="planck-einstein"), 3.0 / gamma, rtol=1e-12)
    np.testing.assert_allclose(pm.lorentz(3.0, beta, convention="ott-arzelies"), 3.0 * gamma, rtol=1e-12)
    np.testing.assert_array_equal(pm.lorentz(3.0, beta, convention="landsberg"), np.full(4, 3.0))
    for bad in (1.0, -1.0, np.nan, 2.0):
        with pytest.raises(ValueError, match="beta must be above -1 and below 1"):
            pm.lorentz(1.0, bad, convention="landsberg")
    with pytest.raises(ValueError, match="convention must be one of"):
        pm.lorentz(1.0, 0.5, convention="planck")
    with pytest.raises(TypeError):
        pm.lorentz(1.0, 0.5)


def test_collapse_counts_cells():
    """The change is that of the entropy of a histogram with cells of the resolution, as the cells become small."""
    cell, lengths = 1e-2, (2.0, 3.0)
    found = pm.collapse(pm.Uniform(lengths), [False, True], resolution=cell)
    before, after = np.log(2.0 * 3.0 / cell**2), np.log(2.0 / cell)
    assert found.change == pytest.approx(after - before)
    assert found.real + found.collapse == found.change
    assert (found.real, found.collapse) == pytest.approx((-np.log(3.0), np.log(cell)))


def test_temperatures_of_two_subsystems():
    numbers = {0.1: 1.876, 1e-3: 1.006, 1e-6: 0.594, 1e-12: 0.326}
    cells = {0.1: 0.434, 1e-3: 0.145, 1e-6: 0.072, 1e-12: 0.036}
    for size, T in numbers.items():
        options = {"resolution": size, "parameters": 10, "energy_change": 100.0}
        assert pm.collapse(pm.Normal(5.0), 10, **options).temperature == pytest.approx(T, abs=6e-4)
        split = pm.collapse(pm.Normal(5.0), 10, fraction=0.1, **options)
        assert split.temperature_cells == pytest.approx(cells[size], abs=6e-4)
        assert split.temperature_law == pytest.approx(0.9 * 3.302, abs=1e-3)


@pytest.mark.parametrize("parameters", [1, 10**6, 10**9, 10**12, 10**15])
def test_a_collapse_does_not_depend_on_what_stays(parameters):
    few = pm.collapse(pm.Normal(5.0), 1, resolution=1e-3, parameters=parameters, energy_change=100.0)
    entropy = mpmath.log(2 * mpmath.pi * mpmath.e * 25) / 2
    assert few.real == pytest.approx(float(-entropy), rel=1e-15)
    assert few.temperature_law == pytest.approx(float(100 / entropy), rel=1e-15)
    assert few.temperature == pytest.approx(float(100 / (entropy - mpmath.log(0.001))), rel=1e-15)


@pytest.mark.parametrize("resolution", [0.1, 0.3, 0.7, 1e-3])
def test_temperatures_of_no_entropy_are_undefined(resolution):
    for count in range(1, 20):
        few = pm.collapse(pm.Uniform(resolution), count, resolution=resolution, parameters=count + 7, energy_change=1.0)
        assert np.isnan(few.temperature)
        assert few.temperature_law == pytest.approx(1.0 / (count * np.log(resolution)))
    lengths = [10.0 * resolution, 0.1 / resolution, 1.0, 2.0]
    few = pm.collapse(pm.Uniform(lengths), [True, True, True, False], resolution=resolution, energy_change=1.0)
    assert np.isnan(few.temperature_law)
    assert few.temperature == pytest.approx(-1.0 / (3.0 * np.log(resolution)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 1.0}, "resolution must be below 1"),
        ({"resolution": 0.0}, "resolution must be finite and > 0"),
        ({"resolution": 0.1, "fraction": 1.5}, "fraction must be at most 1"),
        ({"resolution": 0.1, "collapsed": 3}, "collapsed must be at most 2, the number of parameters, got 3"),
        ({"resolution": 0.1, "collapsed": [True]}, "law must have 1 or 1 scales|law must"),
        ({"resolution": 0.1, "energy_change": np.inf}, "energy_change must be finite"),
        ({"resolution": 0.1, "collapsed": [True, False], "parameters": 3}, "parameters must be 2"),
    ],
)
def test_collapse_refuses(options, message):
    options = dict(options)
    with pytest.raises(ValueError, match=message):
        pm.collapse(pm.Normal([1.0, 2.0]), options.pop("collapsed", 1), **options)


@given(st.floats(1e-3, 1e3), st.integers(1, 60), st.integers(1, 10**6))
def test_tails_are_scipys(statistic, above, below):
    assert _tail_probabilities.f_tail(statistic, above, below) == pytest.approx(
        stats.f.sf(statistic, above, below), rel=1e-7
    )
    assert _tail_probabilities.chi2_tail(statistic, above) == pytest.approx(
        stats.chi2.sf(statistic, above), rel=1e-9, abs=1e-300
    )
    assert _tail_probabilities.f_tail(0.0, above, below) == _tail_probabilities.chi2_tail(0.0, above) == 1.0


def test_temperatures_too_large_for_a_double_are_refused():
    with pytest.raises(ValueError, match="below 1.8e308"):
        pm.lorentz(1e308, 0.999, convention="ott-arzelies")
    with pytest.raises(ValueError, match="below 1.8e308"):
        pm.collapse(pm.Uniform(1.0), 1, resolution=1.0 - 1e-12, energy_change=1e300)
