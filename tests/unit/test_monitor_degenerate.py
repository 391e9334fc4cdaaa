"""A monitor never stops: batches without a density are counted, tested and explained, at the stated level."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pyrometer as pm

RNG = np.random.default_rng(0)


def line(X):
    return np.asarray(X)[:, 0]


def flat(X):
    return np.zeros(len(X))


def rows(rng, m, p=3):
    x = rng.normal(size=(m, p))
    return x, x[:, 0] + rng.normal(size=m)


def with_column(x, column):
    return np.column_stack([x[:, :2], column])


DEGENERATE = {
    "a constant column": lambda x, y: (with_column(x, np.full(len(x), 0.3)), y),
    "all constant": lambda x, y: (np.full_like(x, 0.1), np.full_like(y, 0.2)),
    "a constant residual": lambda x, y: (x, x[:, 0] + 0.1),
    "no residual": lambda x, y: (x, x[:, 0]),
    "one row again and again": lambda x, y: (np.repeat(x[:1], len(x), axis=0), np.repeat(y[:1], len(y))),
    "collinear": lambda x, y: (with_column(x, x[:, 1] - x[:, 0]), y),
    "huge features": lambda x, y: (1e300 * x, y),
    "huge targets": lambda x, y: (x, 1e300 * y),
    "subnormal": lambda x, y: (1e-320 * x, 1e-320 * y),
}


@pytest.mark.parametrize("m", [1, 2, 4, 10, 30])
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_batches_are_counted_tested_and_explained(kind, m):
    rng = np.random.default_rng(m)
    monitor = pm.RefreshMonitor(rows(rng, 300), line, energy="mse", law=pm.Normal(2.0), memory=2, rng=0)
    for k in range(2):
        found = monitor.update(*DEGENERATE[kind](*rows(rng, m)))
        reading = monitor.readings[-1]
        assert (monitor.batches, reading.rows) == (k + 1, m)
        assert 0.0 < found.p_value <= 1.0
        assert found.reason
        assert found.reason in reading.reason
        for name in ("energy", "entropy", "temperature", "neighbour", "pooled"):
            assert not np.isinf(getattr(reading, name)), name
        assert np.isnan(found.entropy_change) or kind in ("huge features", "huge targets", "subnormal")
    assert reading.window == 2
    if m >= 10:
        assert all(reading.alarm for reading in monitor.readings)
    assert monitor.update(*rows(rng, 40)).reason == ""  # and what comes after is as before


def test_resamples_without_a_density_cost_errors_only():
    """The case of the monitor that stopped at its eighteenth batch; river's streams have many."""
    rng = np.random.default_rng(4)
    monitor = pm.RefreshMonitor(rows(rng, 500, 1), line, energy="mse", run_length=50, rng=4)
    for _ in range(120):
        monitor.update(*rows(rng, 10, 1))
    assert monitor.batches == 120
    assert np.isfinite([[r.energy, r.entropy, r.p_value] for r in monitor.readings]).all()
    wide = pm.RefreshMonitor(rows(rng, 500, 10), line, energy="mse", run_length=50, rng=4)
    for _ in range(10):
        wide.update(*rows(rng, 13, 10))
    assert all("resamples of the rows have no density" in reading.reason for reading in wide.readings)
    assert np.isnan([reading.neighbour for reading in wide.readings]).all()


@pytest.mark.parametrize("m", [15, 40])
def test_a_shift_with_resamples_without_a_density_gives_what_there_is(m):
    """A column that is 0 but for two rows; hardly more rows than columns."""
    rng = np.random.default_rng(m)
    a, b = rows(rng, 400, 11), rows(rng, m, 11)
    if m == 40:
        b[0][:, 3] = np.arange(m) < 2
    found = pm.shift(a, b, model=line, energy="mse", rng=0)
    assert found.energy_change == pytest.approx(np.mean((b[1] - line(b[0])) ** 2) - np.mean((a[1] - line(a[0])) ** 2))
    spread = [np.var((y - line(x)) ** 2) / len(y) for x, y in (a, b)]
    assert found.energy_change_error == pytest.approx(np.sqrt(sum(spread)), rel=0.1)
    z = [np.column_stack([x, y - line(x)]) for x, y in (a, b)]
    old, new = (stats.multivariate_normal(each.mean(axis=0), np.cov(each.T, bias=True)) for each in z)
    assert found.entropy_change == pytest.approx(new.entropy() - old.entropy(), rel=1e-9)
    away = old.mean - new.mean
    whitened = np.linalg.solve(old.cov, np.column_stack([new.cov, away]))
    divergence = 0.5 * (np.trace(whitened[:, :-1]) + away @ whitened[:, -1] - 12) - found.entropy_change
    assert found.divergence == pytest.approx(divergence, rel=1e-9)
    errors = [found.entropy_change_error, found.divergence_error, found.cross_entropy_error, found.temperature_error]
    assert np.isnan(errors).all()
    assert not found.temperature_defined
    assert "of 999 resamples of the rows have no density" in found.reason


@pytest.mark.parametrize("energy", ["mse", "mae", "ce"])
def test_targets_alone(energy):
    rng = np.random.default_rng(3)

    def batch(m, size=1.0):
        y = rng.random(m) < 0.3 * size if energy == "ce" else size * rng.normal(size=m)
        return np.empty((m, 0)), y.astype(float)

    def model(X):
        return np.full(len(X), 0.3 if energy == "ce" else 0.0)

    monitor = pm.RefreshMonitor(batch(500), model, energy=energy, rng=0)
    alarms = []
    for size in (1.0, 1.0, 2.5):
        monitor.update(*batch(60, size))
        alarms.append(monitor.readings[-1].alarm)
    assert alarms == [False, False, True]
    state, (_, y) = monitor.reference, batch(800)
    state = pm.DataState(np.empty((800, 0)), y, model=model, energy=energy)
    expected = {
        "mse": 0.5 * np.log(2.0 * np.pi * np.e * np.var(y)),
        "mae": 1.0 + np.log(2.0 * np.abs(y).mean()),
        "ce": stats.bernoulli(0.3).entropy(),
    }
    assert state.entropy == pytest.approx(float(expected[energy]), rel=1e-12)
    assert pm.shift(batch(300), batch(300), model=model, energy=energy, resamples=99, rng=0).p_value > 0.02


def test_a_linear_model_without_features():
    y = np.random.default_rng(2).normal(size=200)
    trained = pm.LinearRegression(np.empty((100, 0)), y[:100])
    monitor = pm.RefreshMonitor((np.empty((100, 0)), y[:100]), trained, rng=0, law=pm.Normal(2.0))
    monitor.update(np.empty((100, 0)), y[100:])
    assert monitor.readings[0].energy == pytest.approx(np.mean((y[100:] - y[:100].mean()) ** 2), rel=1e-12)
    assert np.isfinite(monitor.readings[0].temperature)


def test_a_reference_with_a_constant_column_counts_its_values():
    rng = np.random.default_rng(3)
    monitor = pm.RefreshMonitor((np.ones((100, 1)), rng.normal(size=100)), flat, energy="mse", rng=0)
    assert np.isfinite(monitor.reference.entropy)
    for moved in (False, True):
        monitor.update(np.ones((50, 1)) + moved * rng.normal(size=(50, 1)), rng.normal(size=50))
    assert [reading.alarm for reading in monitor.readings] == [False, True]


def test_fewer_rows_than_a_block_are_counted():
    rng = np.random.default_rng(4)
    monitor = pm.RefreshMonitor(rows(rng, 200), line, energy="mse", block=10, rng=0)
    assert monitor.update(*rows(rng, 7)).p_value == 1.0
    assert monitor.update(*rows(rng, 57)).p_value < 1.0
    assert [reading.rows for reading in monitor.readings] == [7, 57]


def test_probabilities_that_are_certain():
    """A model of labels may be sure: right at no cost, wrong at one that no number holds, and tested all the same."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 1))
    y = (rng.random(300) < 0.5).astype(float)
    monitor = pm.RefreshMonitor((x, y), lambda X: np.clip(0.5 + X[:, 0] / 20, 0, 1), energy="ce", rng=0)
    monitor.update(x[:50] + 30.0, np.ones(50))
    assert monitor.readings[0].energy == 0.0
    monitor.update(x[:50] + 30.0, y[:50])
    assert np.isnan(monitor.readings[1].energy)
    assert "the loss is infinite" in monitor.readings[1].reason
    assert all(reading.alarm for reading in monitor.readings)
    trained = pm.LogisticRegression(x, (x[:, 0] + rng.logistic(size=300) > 0).astype(float))
    far = pm.DataState(x * 1e6, y, model=trained)
    slope, constant = pm.minimum_energy(trained).parameters
    assert far.energy == pytest.approx(
        np.logaddexp(0, (1 - 2 * y) * (slope * 1e6 * x[:, 0] + constant)).mean(), rel=1e-12
    )


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-160, 1e160, 1e300])
def test_units_of_any_size_change_no_answer(scale):
    rng = np.random.default_rng(6)
    a, b = rows(rng, 300), rows(rng, 200)
    for energy in ("mae", "mse"):
        # Squares of these targets are no doubles, and the least of all have no energy of full precision.
        size = scale if energy == "mae" and scale > 1e-310 else 1.0
        found, plain = (
            pm.shift(
                (k * a[0], s * a[1]),
                (k * b[0], s * b[1]),
                model=lambda X, s=s, k=k: s * (line(X) / k),
                energy=energy,
                rng=0,
            )
            for k, s in ((scale, size), (1.0, 1.0))
        )
        close = {"rel": 1e-2 if scale == 1e-320 else 1e-9}
        for name in ("entropy_change", "divergence", "entropy_change_error", "divergence_error"):
            assert getattr(found, name) == pytest.approx(getattr(plain, name), **close), name
        assert found.p_value == pytest.approx(plain.p_value, abs=0.02 if scale == 1e-320 else 0.0)
        if scale > 1e-310:  # and the least features are rounded
            assert found.energy_change == pytest.approx(size * plain.energy_change, **close)
            assert found.energy_change_error == pytest.approx(size * plain.energy_change_error, **close)
            assert found.after.entropy == pytest.approx(
                plain.after.entropy + 3 * np.log(scale) + np.log(size), rel=1e-9
            )


NULLS = {
    "rare": lambda rng, m: (np.column_stack([rng.normal(size=m), rng.random(m) < 0.01]), rng.normal(size=m)),
    "integers": lambda rng, m: (rng.integers(0, 3, size=(m, 2)), rng.integers(-1, 2, size=m)),
    "constant": lambda rng, m: (np.full((m, 2), 0.1), np.full(m, 0.3)),
    "nearly constant": lambda rng, m: (rng.random((m, 2)) < 0.003, rng.random(m) < 0.003),
    "heavy tails": lambda rng, m: (rng.standard_cauchy(size=(m, 2)), rng.standard_cauchy(size=m)),
    "wide": lambda rng, m: (rng.normal(size=(m, 8)), rng.normal(size=m)),
    "targets": lambda rng, m: (np.empty((m, 0)), rng.integers(-1, 2, size=m)),
}


@pytest.mark.parametrize("m", [1, 5, 20])
@pytest.mark.parametrize("null", NULLS)
def test_degenerate_batches_of_the_references_distribution_raise_no_more_alarms_than_stated(null, m):
    """By permutation: p-values of at most 0.05 come in at most 5 % of batches, and of constant ones never."""
    p = []
    for seed in range(60):
        rng = np.random.default_rng([seed, m])
        monitor = pm.RefreshMonitor(NULLS[null](rng, 20), flat, energy="mse", run_length=2, memory=1, rng=seed)
        monitor.update(*NULLS[null](rng, m))
        p.append(monitor.readings[0].p_value)
    for level in (0.05, 0.2):
        assert stats.binomtest(int((np.array(p) <= level).sum()), 60, level, alternative="greater").pvalue > 1e-3
    if null == "constant":
        assert set(p) == {1.0}


def test_references_that_batches_cannot_be_compared_with_are_refused_at_once():
    rng = np.random.default_rng(7)
    x, y = rows(rng, 60)
    for state, message in (
        (pm.DataState(x, y, model=line, energy="mae"), "reference must have the loss of the model, 'mse', got 'mae'"),
        (pm.DataState(x, y, model=line, energy="mse", block=3), "reference must have been made with block=1, got 3"),
        (pm.DataState(x, y, model=line, energy="mse", density="kernel"), "reference must have density='gaussian'"),
        ((x[:7], y[:7]), "reference must have at least 8 blocks of rows, got 7"),
    ):
        with pytest.raises(ValueError, match=message):
            pm.RefreshMonitor(state, line, energy="mse")


def test_a_drift_with_resamples_without_a_density_says_which_errors_are_lacking():
    rng = np.random.default_rng(8)
    states = [pm.DataState(*rows(rng, m), model=line, energy="mse") for m in (200, 200, 200, 200, 6)]
    found = pm.drift(np.arange(5.0), states, bandwidth=0.6, resamples=99, rng=0)
    assert np.isfinite(found.entropy_slope).all()
    assert np.isnan(found.entropy_slope_error[-1])
    assert found.reason.startswith("the states at 4 have fewer than 8 blocks")


def test_frames_integers_and_booleans_are_rows_too():
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"u": rng.integers(0, 5, 100), "v": rng.random(100) < 0.5})
    y = pd.Series(rng.integers(0, 9, 100).astype(np.float32))
    monitor = pm.RefreshMonitor((frame, y), lambda X: X["u"].to_numpy(), energy="mae", rng=0)
    for part in (frame[:20], frame[:1], frame[:9].assign(v=True)):
        monitor.update(part, y[: len(part)])
    assert monitor.batches == 3
    with pytest.raises(
        ValueError, match="^batch 4: X must have the same columns in one order as the reference, u, v, got v, u"
    ):
        monitor.update(frame[["v", "u"]], y)
