"""Weights tens of powers of ten apart, and tiny columns: moments and mean energies against exact sums."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

CASES = 120


def _weighted(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 7))
    return rng.normal(size=(m, 3)), rng.normal(size=m), 10.0 ** rng.uniform(-60.0, 60.0, m)


def _mean_energy(X, y, weights):
    """Mean energy of normal parameters of deviation 1, from exact sums."""
    weights = [Fraction(float(w)) for w in weights]
    squares = [1 + sum(Fraction(float(x)) ** 2 for x in row) for row in np.column_stack([X, y])]
    return sum(w * each for w, each in zip(weights, squares, strict=True)) / sum(weights)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_of_which_one_is_nearly_all_lose_no_energy(dtype):
    for seed in range(CASES):
        X, y, weights = _weighted(seed)
        X, y = X.astype(dtype), y.astype(dtype)
        system = pm.LinearRegression(X, y, weights=weights)
        assert (np.diag(pm.Moments.of(X, y, weights=weights).scatter) >= 0.0).all(), seed
        energy, expected = pm.mean_energy(system, pm.Normal(1.0)), _mean_energy(X, y, weights)
        away = abs(Fraction(energy.value) - expected)
        assert away <= Fraction(energy.error_bound) + Fraction(4e-16) * expected, seed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)  # of the digits of an energy near 0
            minimum = pm.minimum_energy(system)
        assert 0.0 <= minimum.value <= energy.value, seed


@pytest.mark.parametrize("intercept", [False, True])
def test_constant_columns_are_refused_only_where_their_squares_underflow(intercept):
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        m, size = int(rng.integers(1, 40)), 10.0 ** rng.uniform(-160.0, -120.0)
        X, y = np.column_stack([np.full(m, size), np.zeros(m)]), rng.normal(size=m)
        if size**2 < 1e-290:
            with pytest.raises(ValueError, match="must be 0 or above 1e-290; rescale column 0 of X"):
                pm.LinearRegression(X, y, intercept=intercept)
        else:
            system = pm.LinearRegression(X, y, intercept=intercept)
            assert system.moments.mean[0] == size, seed
            assert system.moments.scatter[0, 0] == 0.0, seed


def test_deviations_whose_squares_underflow_are_refused():
    X = np.array([[1e-130], [1e-130], [np.nextafter(1e-130, 1.0)]])
    with pytest.raises(
        ValueError, match="differ by from their means, must be 0 or above 1e-290; rescale column 0 of X"
    ):
        pm.LinearRegression(X, [0.0, 1.0, 2.0])
