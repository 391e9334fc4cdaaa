"""Monitors of rows with weights: the same readings from a file, and those of a shift."""

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm


def total(X):
    return np.asarray(X).sum(axis=1)


def batch(seed, m=60, noise=1.0):
    rng = np.random.default_rng([seed, 3])
    X = rng.normal(size=(m, 2))
    return (X, X.sum(axis=1) + noise * rng.normal(size=m)), rng.lognormal(size=m)


def same(new, old):
    return repr(new) == repr(old)


@pytest.mark.parametrize("grow", [False, True])
@pytest.mark.parametrize("block", [1, 7, "auto"])
def test_saved_and_loaded_at_every_batch_readings_are_the_same(tmp_path, grow, block):
    """Some batches have weights and some have none; the first are of rows without."""
    rows, _ = batch(0, 400)
    kept, told = (
        pm.RefreshMonitor(rows, total, energy="mse", run_length=10, memory=4, block=block, rng=1, grow=grow)
        for _ in range(2)
    )
    for seed in range(1, 9):
        rows, weights = batch(seed, 40 + 7 * seed, 1.0 if seed < 7 else 2.5)
        weights = None if seed in (1, 4) else weights
        if seed == 6:
            weights[::3] = 0.0
        told.save(tmp_path / "monitor.npz")
        told = pm.RefreshMonitor.load(tmp_path / "monitor.npz", total)
        found, expected = told.update(*rows, weights=weights), kept.update(*rows, weights=weights)
        assert same(found.reading, expected.reading)
        assert same(found.event, expected.event)
    assert kept.event is not None
    if block == 1:
        event = kept.event
        sizes = [40 + 7 * seed if seed != 6 else 54 for seed in range(1, 9)]
        assert event.rows == sum(sizes[event.began - 1 :])


@pytest.mark.parametrize("grow", [False, True])
def test_weights_that_are_alike_are_none(grow):
    rows, weights = batch(0, 300)
    options = {"energy": "mse", "run_length": 10, "memory": 4, "rng": 1, "grow": grow}
    plain = pm.RefreshMonitor(rows, total, **options)
    alike = pm.RefreshMonitor(rows, total, weights=np.full_like(weights, 0.25), **options)
    for seed in range(1, 9):
        rows, weights = batch(seed, 50, 1.0 if seed < 7 else 2.5)
        old = plain.update(*rows).reading
        new = alike.update(*rows, weights=np.full_like(weights, 0.25)).reading
        assert (new.p_value, new.window, new.alarm, new.columns) == (old.p_value, old.window, old.alarm, old.columns)
        assert new.pooled == pytest.approx(old.pooled, nan_ok=True)
        assert new.divergence == pytest.approx(old.divergence, rel=1e-9)
    assert same(plain.event, alike.event)


def test_a_reference_and_batches_with_weights_are_those_of_a_shift():
    reference, heavy = batch(0, 300)
    rows, weights = batch(1, 80, 1.3)
    monitor = pm.RefreshMonitor(reference, total, energy="mse", rng=1, weights=heavy, law=pm.Normal(1.0))
    found = monitor.update(*rows, weights=weights)
    expected = pm.shift(reference, rows, weights=(heavy, weights), model=total, energy="mse", rng=0)
    for name in ("energy_change", "entropy_change", "divergence"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)
    hot = pm.temperature(pm.LinearRegression(*rows, weights=weights), pm.Normal(1.0))
    assert found.reading.temperature == pytest.approx(hot.value, rel=1e-12)
    assert found.reading.rows == 80


def test_since_change_returns_weights_that_were_given():
    monitor = pm.RefreshMonitor(batch(0, 200)[0], total, energy="mse", run_length=5, memory=1, rng=1)
    (X, y), weights = batch(1, 60, 5.0)
    assert monitor.update(X, y, weights=weights).alarm
    monitor.update(X, y)
    first, second = monitor.since_change()
    assert len(first) == 3
    assert len(second) == 2
    assert first[2] is weights


def test_drift_of_weighted_states_is_that_of_repeated_rows():
    states, told = [], []
    for t in range(5):
        (X, y), _ = batch(t, 300, 1.0 + 0.2 * t)
        weights = np.random.default_rng(t).integers(1, 4, 300).astype(float)
        rows = np.repeat(np.arange(300), weights.astype(int))
        states.append(pm.DataState(X, y, model=total, energy="mse", weights=weights))
        told.append(pm.DataState(X[rows], y[rows], model=total, energy="mse"))
    found, expected = (pm.drift(np.arange(5.0), each, bandwidth=2.0, rng=0) for each in (states, told))
    for name in ("energy", "entropy", "energy_slope", "entropy_slope"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12)
    assert (found.energy_slope_error > expected.energy_slope_error).all()  # repeated rows are no new ones


@pytest.mark.parametrize("seed", [0, 12, 21, 52, 54, 62])
def test_a_monitor_with_a_constant_column_can_be_loaded(seed, tmp_path):
    """The weighted mean of a constant is rounded: squares and products about another centre are rounding."""
    rng = np.random.default_rng(seed)
    constant = rng.normal() * 10.0 ** rng.integers(-3, 4)

    def rows(m):
        return pd.DataFrame({"x": rng.normal(size=m), "constant": np.full(m, constant)})

    monitor = pm.RefreshMonitor(rows(60), None, rng=seed, memory=4)
    for _ in range(3):
        batch = rows(int(rng.integers(2, 60)))
        monitor.update(batch, weights=rng.random(len(batch)) + 0.1)
    monitor.save(tmp_path / "monitor")
    loaded = pm.RefreshMonitor.load(tmp_path / "monitor", None)
    batch = rows(30)
    assert same(loaded.update(batch).reading, monitor.update(batch).reading)


@pytest.mark.parametrize("seed", range(6))
def test_a_weighted_column_without_numbers_has_none(seed):
    """The weight of its numbers, that of all rows less that of missing ones, is rounding."""
    rng = np.random.default_rng(seed)

    def rows(m):
        return pd.DataFrame({"x": rng.normal(size=m), "none": np.full(m, np.nan)}), rng.random(m) + 0.1

    (before, v), (after, w) = rows(200), rows(150)
    found = pm.shift(before, after, weights=(v, w), block=3, resamples=99, rng=seed)
    same = pm.shift(before[["x"]], after[["x"]], weights=(v, w), block=3, resamples=99, rng=seed)
    assert found.p_value == same.p_value
    assert {row["column"]: row["p_value"] for row in found.columns}["none"] == 1.0
    monitor = pm.RefreshMonitor(before, None, block=3, rng=seed, weights=v)
    assert np.isfinite(monitor.update(after, weights=w).reading.divergence)
