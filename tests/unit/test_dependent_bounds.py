"""Of dependent columns, gaps, digits and values do not contradict one another, nor those in other units of columns."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .test_lost_digits import gram, minimum, true_digits
from .test_minimum_bounds import energy, quietly


def few_rows(rng):
    """As many rows as columns or fewer, of stamps, fills and counts, whose weights differ."""
    m, p = int(rng.integers(1, 6)), int(rng.integers(2, 7))
    kinds = (
        lambda: rng.normal(size=m) * 10.0 ** rng.integers(-2, 4),
        lambda: np.floor(1.7e9 + rng.uniform(0, 1e5, m)),
        lambda: 1.7e18 + 256.0 * np.floor(rng.uniform(0, 1e6, m)),
        lambda: np.where(rng.random(m) < 0.3, 1e10, np.round(rng.normal(20, 5, m), 1)),
        lambda: rng.poisson(3, m) * 1.0,
    )
    X = np.array([kinds[int(rng.integers(len(kinds)))]() for _ in range(p)]).T
    y = rng.normal(size=m) + float(rng.choice([0.0, 1e6, 1e9]))
    lam = float(10.0 ** rng.integers(-6, 2))
    on_intercept = bool(rng.integers(2))
    penalty = (None, pm.L2(lam, intercept=on_intercept), pm.L1(lam, intercept=on_intercept))[int(rng.integers(3))]
    return X, y, penalty, None if rng.random() < 0.4 else 10.0 ** rng.uniform(-1, 1, m)


def test_gaps_are_at_most_the_energies_and_digits_those_of_gaps():
    for seed in range(500):
        rng = np.random.default_rng([21, seed])
        X, y, penalty, weights = few_rows(rng)
        intercept = bool(rng.integers(2))
        found = quietly(pm.LinearRegression(X, y, intercept=intercept, weights=weights, penalty=penalty))
        penalised = [
            penalty is not None and (j < X.shape[1] or penalty.intercept) for j in range(X.shape[1] + intercept)
        ]
        lam, theta = Fraction(penalty.lam if penalty else 0), found.parameters.tolist()
        of_squares = [lam * (on and isinstance(penalty, pm.L2)) for on in penalised]
        exact = energy(gram(X, y, intercept, weights), theta, of_squares)
        if isinstance(penalty, pm.L1):
            exact += lam * sum(abs(Fraction(t)) for t, on in zip(theta, penalised, strict=True) if on)
        most = max(found.value, float(exact))
        assert found.gap <= 1.001 * most + 1e-30 * np.mean(y**2), seed
        if found.gap > 0:
            assert found.digits <= max(0.0, np.log10(max(most / found.gap, 1.0))) + 2.5, seed


def rounded_sums(rng):
    """Two columns and a rounded combination of them, beside a third; targets that fit up to some noise."""
    m = int(rng.choice([20, 60, 200]))
    a, b = np.round(np.exp(rng.normal(3, 1, m)), 2), np.round(rng.normal(50, 9, m), 2) * rng.choice([1, 0.1, 0.37])
    c = (a - b, a + b, 0.3 * a + 0.7 * b, 1.1 * a - b / 3)[int(rng.integers(4))]
    X = np.column_stack([a, b, c, rng.integers(-1, 2, m)])
    y = X @ rng.normal(size=4) + 10.0 ** rng.integers(-5, 2) * rng.normal(size=m)
    return X, y


def smooth(rng):
    """Functions of one variable, of which only some are independent in doubles."""
    m = 60
    x = rng.uniform(0, 1, m)
    X = (
        lambda: np.cos(x[:, None] * np.linspace(0.1, 3, 16)),
        lambda: np.exp(-((x[:, None] - np.linspace(0, 1, 30)) ** 2) / 0.18),
        lambda: np.exp(-x[:, None] * np.linspace(0.5, 10, 25)),
        lambda: x[:, None] ** np.arange(1, 15),
    )[int(rng.integers(4))]()
    return X, np.sin(6 * x) + 10.0 ** rng.integers(-3, 1) * rng.normal(size=m)


def agree(one, other):
    """Whether two minima are the same up to the digits that they state."""
    error = sum(found.value * 10.0**-found.digits for found in (one, other))
    return abs(one.value - other.value) <= error + 4e-16 * one.value


@pytest.mark.parametrize("problem", [rounded_sums, smooth])
def test_values_agree_in_other_units_of_columns(problem):
    compared = 0
    for seed in range(120):
        rng = np.random.default_rng([22, seed])
        X, y = problem(rng)
        intercept, weights = bool(rng.integers(2)), rng.random(len(y)) + 0.1 if seed % 3 == 0 else None
        given = quietly(pm.LinearRegression(X, y, intercept=intercept, weights=weights))
        for _ in range(2):
            units = 2.0 ** rng.integers(-8, 9, X.shape[1])
            other = quietly(pm.LinearRegression(X * units, y, intercept=intercept, weights=weights))
            if other.rank == given.rank:
                compared += 1
                assert agree(given, other), (seed, given.value, other.value, given.digits, other.digits)
    assert compared > 150


def test_an_intercept_that_is_not_in_the_norm_follows_the_slopes():
    for seed in range(60):
        X, y = smooth(np.random.default_rng([23, seed]))
        free = quietly(pm.LinearRegression(X, y))
        in_norm = quietly(pm.LinearRegression(X, y, penalty=pm.L2(0.0)))
        assert free.rank == in_norm.rank > 3
        assert agree(free, in_norm), (seed, free.value, in_norm.value)
        assert free.value < 0.9 * np.var(y)


def test_dependences_that_are_exact_keep_their_digits():
    for seed in range(40):
        rng = np.random.default_rng([24, seed])
        z = rng.normal(size=200)
        X = np.column_stack([np.eye(4)[rng.integers(0, 4, 200)], z, z])
        y = X @ rng.normal(size=6) + 1e-6 * rng.normal(size=200)
        found = pm.minimum_energy(pm.LinearRegression(X, y))
        assert found.method == "orthogonal"
        assert found.digits > 14


@pytest.mark.parametrize("degree", [8, 10])
def test_a_copy_of_a_nearly_dependent_column_keeps_the_digits_of_absolute_errors(degree):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 300)
    y = x + rng.normal(size=300)
    powers = x[:, None] ** np.arange(1, degree + 1)
    alone = pm.minimum_energy(pm.LinearRegression(powers, y, energy="mae"))
    for X in (np.column_stack([powers, powers[:, -1]]), np.column_stack([powers, powers])):
        copied = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae"))
        assert abs(copied.value - alone.value) <= alone.gap + copied.gap
        assert copied.digits > 9
        assert copied.rank == degree


def test_a_minimum_of_classes_that_is_not_found_is_no_less_than_its_gap():
    # A bound of 0 from below is not a value: where a minimum is attained it is above 0.
    counts = [1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 2]
    large = [-0.4, -0.2, -0.8, 0.4, 0.7, 0.2, 0.6, 0.5, 0.3, 139280999.2, 1.5, -1.2]
    seconds = np.array([29, 31, 21, 46, 56, 5, 33, 13, 51, 38, 10, 23]) + 1.7e9
    number = np.array([6, 8, 2, 7, 11, 10, 1, 5, 0, 9, 4, 3]) + 1e12
    labels = [3, 1, 0, 2, 2, 3, 3, 3, 2, 2, 0, 1]
    found = quietly(pm.SoftmaxRegression(np.column_stack([counts, large, seconds, number]), labels, intercept=False))
    assert not found.attained or found.value > 0


def test_digits_of_indicators_times_years():
    """Their sums have few terms that differ, and errors that are alike: up to 0.8 digits were too many."""
    worst = []
    for seed in range(240):
        rng = np.random.default_rng([31, seed])
        m, start = int(rng.integers(90, 128)), float(rng.choice([200.0, 1990.0, 20_000.0]))
        group, year = rng.integers(0, 2, m), start + rng.integers(0, 10, m)
        X = np.column_stack([group == 0, group == 1, year, year * group]).astype(float)
        y = 200.0 * rng.normal(size=m) + 300.0 + 20.0 * (year - start)
        found = quietly(pm.LinearRegression(X, y))
        assert found.rank == 3
        worst.append(found.digits - true_digits(found.value, minimum(X[:, 1:], y, True, None)))
    assert max(worst) <= 0.5


def test_of_moments_alone_digits_are_those_of_the_dependent_problem():
    """The value lies between minima over as many columns as are independent, or is one of them to the digits stated."""
    for seed in range(300):
        rng = np.random.default_rng([23, seed])
        m, p, intercept = int(rng.integers(6, 20)), int(rng.integers(2, 5)), bool(rng.integers(2))
        X, distance = rng.normal(size=(m, p)), 10.0 ** -rng.uniform(7.3, 15.0)
        others = X[:, 0] if rng.random() < 0.5 else X[:, :-1] @ rng.integers(-1, 2, p - 1)
        X[:, -1] = others + distance * X[:, -1]
        y = X @ rng.normal(size=p) * 10.0 ** rng.uniform(0, 5) + rng.normal(size=m)
        found = quietly(pm.LinearRegression.from_moments(pm.Moments.of(X, y, intercept=intercept)))
        if found.rank in (0, p):
            assert found.rank == p or found.digits == 0, seed
            continue
        chosen = itertools.combinations(range(p), int(found.rank))
        minima = [minimum(X[:, list(columns)], y, intercept, None) for columns in chosen]
        minima = [value for value in minima if value is not None]
        if not min(minima) <= Fraction(found.value) <= max(minima):
            minima.append(minimum(X, y, intercept, None))
            assert found.digits <= max(true_digits(found.value, value) for value in minima) + 0.5, seed
