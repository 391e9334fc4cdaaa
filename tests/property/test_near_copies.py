"""Columns that differ from others by their rounding keep the certificates of minima: they are taken for copies."""

import numpy as np
import pytest

import pyrometer as pm

COLUMNS = {
    "temperatures": lambda rng, m: rng.normal(50.0, 9.0, m),
    "years": lambda rng, m: rng.uniform(1990.0, 2020.0, m),
    "whole years": lambda rng, m: rng.integers(1990, 2021, m).astype(float),
    "waiting times": lambda rng, m: np.cumsum(rng.exponential(size=m)),
    "grid": lambda rng, m: 1990.3 + 0.1 * np.arange(m),
    "single precision": lambda rng, m: rng.normal(5.0, 1.0, m).astype(np.float32).astype(float),
}


def _standardised(x):
    return (x - x.mean()) / x.std()


def _near_copies(column, m, seed):
    """A column standardised, and that less its first value; targets, and a column of noise in some data."""
    rng = np.random.default_rng([m, seed])
    t = COLUMNS[column](rng, m)
    X = np.column_stack([_standardised(t), _standardised(t - t[int(rng.integers(m))]), rng.normal(size=m)])
    return X[:, : int(rng.integers(2, 4))], X[:, 0] + X[:, 2] + rng.normal(size=m)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("energy", ["mae", "logistic"])
def test_a_near_copy_changes_no_certificate(column, energy):
    def minimum(X, y):
        if energy == "logistic":
            return pm.minimum_energy(pm.LogisticRegression(X, (y > 0.0).astype(float)))
        return pm.minimum_energy(pm.LinearRegression(X, y, energy=energy))

    for m, cases in ((301, 20), (3_001, 6), (20_001, 2)):
        for seed in range(cases):
            X, y = _near_copies(column, m, seed)
            both, one = minimum(X, y), minimum(X[:, 1:], y)
            assert both.rank == one.rank, (m, seed)
            assert both.digits > 11.0, (m, seed)
            assert abs(both.value - one.value) <= both.gap + one.gap + 1e-12 * one.value, (m, seed)


@pytest.mark.parametrize("m", [20_000, 100_000])
def test_of_three_near_copies_none_is_kept_for_its_rounding(m):
    rng = np.random.default_rng([7, m, 5])
    noise, t = rng.normal(size=m), rng.normal(50.0, 9.0, m)
    X = np.column_stack([*map(_standardised, (t, t - 17.3, 1.8 * t + 32.0)), noise])
    labels = (0.8 * X[:, 0] + noise + rng.normal(size=m) > 0.0).astype(float)
    found = pm.minimum_energy(pm.LogisticRegression(X, labels))
    assert found.rank == 2
    assert found.digits > 11.0


@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning")
@pytest.mark.parametrize("exponent", [-12, -14, -15, -16, -17, -18, -20, -30])
def test_a_tiny_row_that_breaks_a_dependence_is_in_the_gap(exponent):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=300)
        X, y = np.column_stack([a, 2.0 * a]), a + rng.normal(size=300)
        X[7], y[7] = np.array([3.0, 1.0]) * 10.0**exponent, 5.0
        found = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae", intercept=False))
        # That row can be fitted exactly, and so adds nothing to the minimum.
        others = pm.minimum_energy(
            pm.LinearRegression(np.delete(a, 7)[:, None], np.delete(y, 7), energy="mae", intercept=False)
        )
        assert found.value - found.gap <= others.value * (299 / 300) + 1e-12, seed
