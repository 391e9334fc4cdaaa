"""Least squares with rows of extreme size, such as fill values, in exact rational arithmetic: digits and gaps hold."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .absolute_exactly import solve_exactly


def filled(seed):
    """Rows, some of which are filled with one huge value in several columns, and sometimes with another in others."""
    rng = np.random.default_rng([29, seed])
    m, p = int(rng.integers(8, 16)), int(rng.integers(2, 4))
    X = rng.normal(size=(m, p)) if seed % 4 else (rng.random((m, p)) < 0.3) * 1.0  # indicators
    for row in rng.choice(m, size=int(rng.integers(1, 4)), replace=False):
        columns = rng.choice(p, size=int(rng.integers(2, p + 1)), replace=False)
        X[row, columns] = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(3, 60)
    return X, rng.normal(size=m)


def minimum(X, y, intercept, lam):
    """The least energy (value) of exact normal equations."""
    rows = [[Fraction(v) for v in row] + [Fraction(1)] * intercept for row in X.tolist()]
    targets, n, m = [Fraction(v) for v in y.tolist()], len(rows[0]), len(rows)
    products = [[sum(row[i] * row[j] for row in rows) for j in range(n)] for i in range(n)]
    for j in range(n):
        products[j][j] += m * lam
    theta = solve_exactly(products, [sum(row[i] * t for row, t in zip(rows, targets, strict=True)) for i in range(n)])
    if theta is None:
        return None
    errors = [t - sum(a * b for a, b in zip(row, theta, strict=True)) for row, t in zip(rows, targets, strict=True)]
    return sum(e * e for e in errors) / m + lam * sum(t * t for t in theta)


@pytest.mark.parametrize("block", range(5))
def test_digits_and_gaps_of_filled_rows_hold(block):
    for seed in range(60 * block, 60 * block + 60):
        X, y = filled(seed)
        intercept, lam = bool(seed % 2), Fraction(seed % 3, 1024)
        exact = minimum(X, y, intercept, lam)
        if not exact:
            continue
        penalty = pm.L2(float(lam)) if lam else None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = pm.minimum_energy(pm.LinearRegression(X, y, intercept=intercept, penalty=penalty))
        excess = Fraction(found.value) - exact
        error = abs(float(excess / exact))
        assert found.digits <= max(0.5, 0.5 - math.log10(error)) if error else True, seed
        assert excess <= Fraction(found.gap) + Fraction(found.value) * Fraction(10.0**-found.digits), seed
        assert found.value <= (1.0 + 1e-9) * (y.var() if intercept and not lam else np.mean(y**2)), seed
        assert found.digits >= 9 or caught, seed


@pytest.mark.parametrize("energy", [{}, {"penalty": pm.L1(0.01)}])
def test_copies_of_columns_with_heavy_tails_keep_their_digits(energy):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = np.exp(8.0 * rng.normal(size=(40, 2)))
        X, y = np.c_[x, 2.0 * x[:, :1]], rng.normal(size=40)
        found = pm.minimum_energy(pm.LinearRegression(X, y, **energy))
        assert found.digits > 9, seed


def test_one_row_that_hides_a_dependence_from_moments():
    """The least eigenvalue was the rounding of the moments: 13 digits were stated of a value of which 2 were right."""
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        m = int(rng.integers(20, 60))
        X = rng.integers(0, 2, (m, 2)).astype(float)
        X[3] = 10.0 ** rng.uniform(6, 14)
        y = rng.normal(size=m)
        exact = minimum(X, y, True, Fraction(0))
        if not exact:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            of_rows = pm.minimum_energy(pm.LinearRegression(X, y))
            of_moments = pm.minimum_energy(pm.LinearRegression.from_moments(pm.Moments.of(X, y)))
        # Of second moments alone, dependence within their rounding is taken for exact.
        for found in (of_rows, of_moments)[: 2 if of_moments.rank == 2 else 1]:
            error = abs(float(Fraction(found.value) / exact - 1))
            assert found.digits <= max(0.5, 0.5 - math.log10(error)) if error else True, seed


def test_most_rows_may_be_filled():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 2))
    X[:35] = 1e20
    y = rng.normal(size=40)
    with pytest.warns(pm.PrecisionWarning, match="row 0 is"):
        found = pm.minimum_energy(pm.LinearRegression(X, y))
    assert found.value - found.gap <= np.r_[y[:35] - y[:35].mean(), 0.0].var() + 0.2


def test_rounding_errors_of_columns_are_no_kind_of_rows():
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = rng.normal(size=(100, 2))
        X = np.c_[x[:, 0] - x[:, 0].mean(), (7.0 * x[:, 0] - (7.0 * x[:, 0]).mean()) / 3.0]
        for intercept in (False, True):
            assert pm.minimum_energy(pm.LinearRegression(X, x[:, 1], intercept=intercept)).digits > 9


def test_the_message_names_the_row_and_its_advice_works():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, -1.0, 1.0] + rng.normal(size=50)
    X[7, :2] = 1e20
    with pytest.warns(pm.PrecisionWarning, match="row 7 is .* correct the row or leave it out"):
        assert pm.minimum_energy(pm.LinearRegression(X, y)).digits < 2
    kept = np.arange(50) != 7
    assert pm.minimum_energy(pm.LinearRegression(X[kept], y[kept])).digits > 14
    with pytest.warns(pm.PrecisionWarning, match="row 7"):
        path = pm.minimum_path(pm.LinearRegression(X, y, penalty=pm.L1(0.1)), [0.1, 0.01])
    assert (path.digits < 2).all()


def test_absolute_errors_are_at_most_those_of_parameters_0():
    """Rounding left a value of 1e12 times that of parameters 0, and a gap as large."""
    rng = np.random.default_rng(3)
    X = np.zeros((14, 2))
    X[:3, 0], X[3:6, 1], X[12:] = 1.0, 1.0, 1e20
    y = 2.5 * (X[:, 0] - X[:, 1]) + 0.1 * rng.normal(size=14)
    for intercept in (False, True):
        with pytest.warns(pm.PrecisionWarning, match="correct it or leave it out"):
            found = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae", intercept=intercept))
        assert found.value <= np.abs(y - (np.median(y) if intercept else 0.0)).mean()
        assert found.value - found.gap <= 0.1
