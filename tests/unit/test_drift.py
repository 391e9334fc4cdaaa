"""T(t) of data that move continuously."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import pyrometer as pm
from pyrometer.base import validate


def line(X):
    return X[:, 0]


def series(seed, noises, m=500):
    rng = np.random.default_rng(seed)
    states = []
    for noise in noises:
        x = rng.normal(size=(m, 1))
        states.append(pm.DataState(x, x[:, 0] + noise * rng.normal(size=m), model=line, energy="mse"))
    return states


def test_slopes_are_those_of_weighted_least_squares():
    time, states = np.array([0.0, 1.0, 1.5, 4.0, 5.0]), series(0, np.linspace(1.0, 2.0, 5))
    found = pm.drift(time, states, bandwidth=1.2, rng=0)
    for i, t in enumerate(time):
        weights = np.exp(-0.5 * ((time - t) / 1.2) ** 2)
        for name in ("energy", "entropy"):
            fit = sm.WLS(
                [getattr(s, name) for s in states], np.vander(time - t, 3, increasing=True), weights=weights
            ).fit()
            assert getattr(found, name)[i] == pytest.approx(fit.params[0], rel=1e-10)
            assert getattr(found, f"{name}_slope")[i] == pytest.approx(fit.params[1], rel=1e-9)


def test_the_temperature_of_growing_noise_is_twice_its_energy():
    time = np.linspace(0.0, 1.0, 21)
    found = pm.drift(time, series(1, 1.0 + 0.5 * time, m=4000), bandwidth=0.15, rng=0)
    inner = slice(4, -4)
    truth = 2.0 * (1.0 + 0.5 * time) ** 2
    assert (found.verdict[inner] == "ok").all()
    assert (np.abs(found.temperature - truth) < 4.5 * found.temperature_error)[inner].all()
    assert found.temperature_error[inner].max() < 1.0


def test_noise_and_mean_that_move_together_have_the_temperature_of_both_in_their_bands():
    """E = c^2 + s^2 and S = ln s + const. give T = 2 (c c' + s s') s / s': 95 % are within two errors."""
    time, inside, defined = np.linspace(0.0, 1.0, 11), 0, 0
    c, s = 0.8 * time, 1.0 + 0.5 * time
    truth = 2.0 * (0.8 * c + 0.5 * s) * s / 0.5
    for seed in range(25):
        rng, states = np.random.default_rng([seed, 4]), []
        for mean, noise in zip(c, s, strict=True):
            x = rng.normal(size=(1500, 1))
            y = x[:, 0] + mean + noise * rng.normal(size=1500)
            states.append(pm.DataState(x, y, model=line, energy="mse"))
        found = pm.drift(time, states, bandwidth=0.2, resamples=99, rng=seed)
        known = (found.verdict == "ok")[2:-2]
        inside += (known & (np.abs(found.temperature - truth) < 2.0 * found.temperature_error)[2:-2]).sum()
        defined += known.sum()
    assert defined > 150
    assert inside / defined > 0.88


def test_errors_are_the_spread_over_series_and_stillness_is_undefined():
    time = np.arange(6.0)
    found = [pm.drift(time, series(k, np.ones(6), m=200), bandwidth=1.5, resamples=99, rng=k) for k in range(200)]
    for name in ("energy_slope", "entropy_slope"):
        spread = np.std([getattr(each, name) for each in found], axis=0)
        stated = np.sqrt(np.mean([getattr(each, f"{name}_error") ** 2 for each in found], axis=0))
        np.testing.assert_allclose(stated, spread, rtol=0.2)
    assert np.mean([each.verdict == "undefined" for each in found]) > 0.9


def fieller(slope, covariance, errors=2.0):
    """Ends of the T for which |dE - T dS| is at most so many of its standard errors, by the quadratic formula."""
    (e, s), z = slope, errors**2
    a, b, c = s**2 - z * covariance[1, 1], e * s - z * covariance[0, 1], e**2 - z * covariance[0, 0]
    if a <= 0.0:
        return -np.inf, np.inf
    root = np.sqrt(b**2 - a * c)
    return (b - root) / a, (b + root) / a


def test_intervals_are_those_of_fieller_for_slopes_of_cubic_polynomials():
    time, width = np.array([0.0, 0.7, 1.5, 2.0, 3.1, 4.0, 5.0]), 1.4
    states = series(5, np.linspace(1.0, 1.8, 7), m=300)
    found = pm.drift(time, states, bandwidth=width, rng=3)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(validate.seed(3))))
    noise = np.array([state.covariance(199, random, 1, unit=0) for state in states])
    values = np.array([[state.energy, state.entropy] for state in states])
    bounded = 0
    for i, t in enumerate(time):
        design = np.vander(time - t, 4, increasing=True)
        weights = np.exp(-0.5 * ((time - t) / width) ** 2)
        row = (np.linalg.inv(design.T * weights @ design) @ (design.T * weights))[1]
        ends = fieller(row @ values, np.einsum("i,iab->ab", row**2, noise))
        bounded += np.isfinite(ends[0])
        assert (found.temperature_low[i], found.temperature_high[i]) == pytest.approx(ends, rel=1e-6)
    assert 0 < bounded < len(time)


@pytest.mark.parametrize("kind", ["growing", "bent"])
def test_intervals_hold_the_temperature_at_the_edges_and_where_the_path_bends(kind):
    """At edges, too: T +- 2 errors has 60 to 90 % there, and half of all where the path bends."""
    time = np.linspace(0.0, 1.0, 21)
    noises = 1.0 + 0.5 * time if kind == "growing" else np.exp(0.5 * np.sin(2.0 * np.pi * time))
    inside, defined, linear = [], [], []
    for seed in range(25):
        found = pm.drift(
            time,
            series([seed, 6], noises, m=800),
            bandwidth={"growing": 0.15, "bent": 0.075}[kind],
            resamples=99,
            rng=seed,
        )
        truth = 2.0 * noises**2
        inside.append((found.temperature_low <= truth) & (truth <= found.temperature_high))
        defined.append(found.verdict == "ok")
        linear.append(np.abs(found.temperature - truth) < 2.0 * found.temperature_error)
    inside, defined, linear = map(np.array, (inside, defined, linear))
    assert inside.mean() > 0.91
    assert inside.mean(axis=0).min() > 0.7
    hard = np.ones(21, dtype=bool) if kind == "bent" else np.isin(np.arange(21), (0, 1, 19, 20))
    assert linear[:, hard][defined[:, hard]].mean() < 0.88


def test_three_times_have_slopes_and_no_interval():
    found = pm.drift([0.0, 1.0, 2.0], series(6, [1.0, 1.5, 2.0], m=2000), bandwidth=1.0, rng=0)
    assert (found.verdict == "ok").all()
    assert (found.temperature_low == -np.inf).all()
    assert (found.temperature_high == np.inf).all()
    assert found.reason.startswith("no interval of the temperature at 0, 1, 2: it needs at least four")
    assert "from" in repr(found)


def test_wide_bandwidths_give_the_polynomial_of_all_times():
    time = np.arange(8.0)
    states = series(7, np.linspace(1.0, 2.0, 8), m=2000)
    fit = np.polyder(np.polyfit(time, [state.energy for state in states], 2))
    found = [pm.drift(time, states, bandwidth=width, rng=0) for width in (1e3, 1e6, 1e200)]
    for each in found:
        np.testing.assert_allclose(each.energy_slope, np.polyval(fit, time), rtol=1e-4)
        np.testing.assert_allclose(each.energy_slope_error, found[0].energy_slope_error, rtol=1e-4)
        assert not each.reason
    np.testing.assert_allclose(found[2].energy_slope, np.polyval(fit, time), rtol=1e-10)


@pytest.mark.parametrize("time", [[0.0, 1.0, 2.0, 30.0], [0.0, 1e-3, 2e-3, 10.0], [0.0, 1.0, 1e3, 1e6], range(5)])
def test_the_advice_for_a_narrow_bandwidth_can_be_followed(time):
    time, width = np.asarray(time, dtype=float), 0.01 * np.diff(time).min()
    with pytest.raises(ValueError, match="bandwidth must include two neighbours") as refused:
        pm.drift(time, series(8, np.ones(len(time))), bandwidth=width)
    if "no bandwidth does" not in str(refused.value):
        advised = float(str(refused.value).split()[-1].rstrip("."))
        pm.drift(time, series(8, np.ones(len(time))), bandwidth=advised, rng=0)
        return
    for other in np.geomspace(width, 1e3 * time[-1], 50):
        with pytest.raises(ValueError, match="no bandwidth does"):
            pm.drift(time, series(8, np.ones(len(time))), bandwidth=other)


def test_bad_input():
    states = series(2, np.ones(3))
    with pytest.raises(ValueError, match="time must be at least three finite, increasing"):
        pm.drift([0.0, 2.0, 1.0], states, bandwidth=1.0)
    with pytest.raises(TypeError, match="states must be 3 DataStates"):
        pm.drift([0.0, 1.0, 2.0], states[:2], bandwidth=1.0)
    with pytest.raises(ValueError, match="bandwidth must be finite and > 0"):
        pm.drift([0.0, 1.0, 2.0], states, bandwidth=0.0)
    with pytest.raises(ValueError, match="bandwidth must include two neighbours"):
        pm.drift([0.0, 1.0, 2.0], states, bandwidth=0.05)
    for time in ([0.0, 1.0, np.nan], [0.0, 1.0, 1.0], [[0.0, 1.0, 2.0]], ["a", "b", "c"]):
        with pytest.raises((TypeError, ValueError), match="time must be"):
            pm.drift(time, states, bandwidth=1.0)
    with pytest.raises(ValueError, match="resamples must be at least 99"):
        pm.drift([0.0, 1.0, 2.0], states, bandwidth=1.0, resamples=10)
    with pytest.raises(ValueError, match="bandwidth must be finite"):
        pm.drift([0.0, 1.0, 2.0], states, bandwidth=np.nan)
    other = pm.DataState(np.random.default_rng(0).normal(size=(50, 2)), np.arange(50.0), model=line, energy="mse")
    with pytest.raises(ValueError, match="one loss and the same features"):
        pm.drift([0.0, 1.0, 2.0], [*states[:2], other], bandwidth=1.0)


def degenerate_series(kind, seed):
    """Return states of which the later ones are of another kind than the first."""
    rng, states = np.random.default_rng(seed), []
    first = int(rng.integers(1, 5))
    for k in range(6):
        later = k >= first
        m = 24 if kind == "alone" and later else 120
        X = rng.normal(size=(m, 16 if kind == "alone" else 2))
        if kind == "constant" and later:
            X[:, 1] = 3.0
        if kind == "rare" and later:
            X[:, 1] = np.arange(m) < 5
        names = ("b", "a") if kind == "names" and later else ("a", "b")
        frame = pd.DataFrame(X, columns=names) if kind == "names" else X
        density = "kernel" if kind == "density" and later else "gaussian"
        states.append(
            pm.DataState(frame, rng.normal(size=m), model=lambda X: np.asarray(X)[:, 0], energy="mse", density=density)
        )
    return states


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("constant", "density in the same columns, got column 1 with one at time 0"),
        ("rare", "density in the same columns, got column 1 with one at time 0"),
        ("density", "same kind of density, got gaussian at time 0 and kernel"),
        ("names", "same columns in one order, got a, b at time 0 and b, a at time"),
        ("alone", "joint density of all columns, or none, got one at time 0"),
    ],
)
def test_entropies_that_cannot_be_compared_are_refused_in_both_directions(kind, message):
    """A difference of such entropies is one of densities and shares, not of times."""
    for seed in range(4):
        states = degenerate_series(kind, seed)
        with pytest.raises(ValueError, match=message):
            pm.drift(range(6), states, bandwidth=2.0, resamples=99, rng=0)
        with pytest.raises(ValueError, match="^states must have"):
            pm.drift(range(6), states[::-1], bandwidth=2.0, resamples=99, rng=0)


def test_a_column_that_becomes_constant_is_none_where_all_states_count_it():
    """What the message says to do gives what leaving the column out gives."""
    rng, model = np.random.default_rng(5), {"model": line, "energy": "mse"}
    rows = [(rng.normal(size=(400, 2)), (1.0 + 0.1 * k) * rng.normal(size=400)) for k in range(6)]
    for X, _ in rows[3:]:
        X[:, 1] = 3.0
    like = pm.DataState(*rows[3], **model)
    counted = [pm.DataState(X, y, like=like, **model) for X, y in rows]
    without = [pm.DataState(X[:, :1], y, **model) for X, y in rows]
    found, expected = (pm.drift(range(6), each, bandwidth=2.0, rng=0) for each in (counted, without))
    np.testing.assert_allclose(found.temperature, expected.temperature, rtol=1e-9)


def test_states_without_a_model_have_no_temperature():
    states = [pm.DataState(np.random.default_rng(k).normal(size=(50, 2))) for k in range(4)]
    with pytest.raises(ValueError, match="energy and an entropy, got none at time 0: it has no model"):
        pm.drift(range(4), states, bandwidth=2.0)


def test_many_states_take_no_more_memory_than_the_kernel_reaches():
    rng, few = np.random.default_rng(7), []
    for k in range(8):
        x = rng.normal(size=(20, 1))
        few.append(pm.DataState(x, x[:, 0] + (1.0 + 0.1 * k) * rng.normal(size=20), model=line, energy="mse"))
    states = [few[k % 8] for k in range(2500)]
    tracemalloc.start()
    whole = pm.drift(np.arange(2500.0), states, bandwidth=3.0, resamples=99, rng=0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3e7  # of all pairs of times: 50 MB for each power
    part = pm.drift(np.arange(700.0), states[:700], bandwidth=3.0, resamples=99, rng=0)
    for name in ("energy", "entropy", "energy_slope", "entropy_slope", "entropy_slope_error", "temperature"):
        one, other = (getattr(each, name)[:500] for each in (whole, part))
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12, err_msg=name)
