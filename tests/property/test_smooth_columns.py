"""Least squares of smooth functions of few variables: many columns that are dependent within rounding."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning")


def bases(rng, m):
    x, z = rng.uniform(0.0, 1.0, m), rng.normal(size=(m, 1))
    centres, p = np.linspace(0.0, 1.0, 30), int(rng.integers(12, 30))
    yield "bumps", np.exp(-((x[:, None] - centres) ** 2) / (2.0 * 0.3**2))
    yield "cosines", np.cos(z @ rng.normal(size=(1, p)))
    yield "sigmoids", 1.0 / (1.0 + np.exp(-(x[:, None] * 3.0 * rng.normal(size=p) + rng.normal(size=p))))
    yield "decays", np.exp(-x[:, None] * np.linspace(0.5, 10.0, p))
    yield "slow waves", np.cos(x[:, None] * np.linspace(0.1, 3.0, p))


def systems(seeds):
    for seed in range(seeds):
        rng = np.random.default_rng([11, seed])
        m = int(rng.choice([60, 150, 400]))
        for name, X in bases(rng, m):
            yield (seed, name), X, X[:, 0] + np.sin(6.0 * X[:, -1]) + 10.0 ** rng.uniform(-3, 0) * rng.normal(size=m)


def energy(X, y, theta, *, intercept):
    """The exact energy of parameters."""
    theta, total = [Fraction(t) for t in theta.tolist()], Fraction(0)
    for row, target in zip(X.tolist(), y.tolist(), strict=True):
        terms = [Fraction(a) * t for a, t in zip(row, theta, strict=False)]
        total += (sum(terms) + (theta[-1] if intercept else 0) - Fraction(target)) ** 2
    return total / len(y)


def uncertain(found):
    return found.gap + found.value * 10.0**-found.digits


def test_a_free_intercept_and_one_in_the_norm_agree():
    """The intercept did not follow slopes of least norm: the variance of y was returned, with a gap as large."""
    for case, X, y in systems(60):
        free = pm.minimum_energy(pm.LinearRegression(X, y), threads=1)
        other = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L2(0.0)), threads=1)
        assert free.rank == other.rank, case
        assert free.rank >= 3, case
        assert abs(free.value - other.value) <= uncertain(free) + uncertain(other), case
        design = np.c_[X, np.ones(len(y))]
        rival = y - design @ np.linalg.lstsq(design, y)[0]
        assert free.value <= np.mean(rival**2) + 1e-3 * y.var(), case


def test_values_are_the_exact_energies_of_their_parameters():
    for case, X, y in systems(2):
        found = pm.minimum_energy(pm.LinearRegression(X, y), threads=1)
        exact = energy(X, y, found.parameters, intercept=True)
        # The last step improves the parameters only.
        assert abs(Fraction(found.value) - exact) <= Fraction(found.gap + 1e-15 * found.value), case


def test_digits_are_those_that_units_and_orders_of_dependent_columns_leave():
    """15 digits were stated of values of which 13, 11 or 7 were those in other units."""
    fewer = 0
    for seed in range(300):
        rng = np.random.default_rng([12, seed])
        m = int(rng.integers(8, 40))
        if seed % 2:
            price = np.round(100.0 * np.exp(0.1 * rng.normal(size=m).cumsum()), 2)
            mean = np.convolve(price, np.ones(5) / 5.0, mode="full")[:m]
            X = np.c_[price, mean, price - mean]
        else:
            time, warmth = 1.6e9 + rng.uniform(0.0, 1e8, m), 15.0 + 5.0 * rng.normal(size=m)
            X = np.c_[time, warmth, time + warmth]
        y = X[:, 1] / np.abs(X[:, 1]).max() + 10.0 ** rng.uniform(-4, 0) * rng.normal(size=m)
        order, turned = rng.permutation(m), rng.permutation(3)
        first = pm.minimum_energy(pm.LinearRegression(X, y), threads=1)
        others = [
            (X * 2.0 ** rng.integers(-9, 10, 3), y),
            (X[order], y[order]),
            (X[:, turned], y),
            (np.c_[X, X[:, 2]], y),
        ]
        for at, (columns, targets) in enumerate(others):
            found = pm.minimum_energy(pm.LinearRegression(columns, targets), threads=1)
            difference = abs(found.value - first.value)
            assert difference <= uncertain(found) + uncertain(first) + 1e-15 * first.value, (seed, at)
            fewer += difference > 1e-14 * first.value
    assert fewer > 100


def test_warnings_do_not_depend_on_units():
    """Ordinary rows were called too large where columns of other units were dependent."""
    for seed in range(60):
        rng = np.random.default_rng([13, seed])
        x = rng.uniform(0.0, 10.0, 20)
        X, y = np.c_[x, x**2, x**3, x + x**3], x + rng.normal(size=20)
        for unit in (2.0**-20, 1.0, 2.0**20):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = pm.minimum_energy(pm.LinearRegression(X * unit, y), threads=1)
            assert found.digits > 9.0, (seed, unit)
