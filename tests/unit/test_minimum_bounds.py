"""Bounds of minima hold in exact arithmetic: of values, gaps and parameters, to the ends of the doubles."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .test_lost_digits import gram, solve, true_digits


def energy(G, theta, weights):
    """The energy at theta, exactly, of raw second moments G and weights of the squares of parameters."""
    t = [*map(Fraction, theta), Fraction(-1)]
    square = sum(a * b * G[i][j] for i, a in enumerate(t) for j, b in enumerate(t))
    return square + sum(w * a * a for w, a in zip(weights, t, strict=False))


def check(found, X, y, *, intercept, penalty=None):
    """Assert that digits, gap and parameter_error hold; return False for dependent columns without a penalty."""
    G = gram(X, y, intercept)
    n, p = len(G) - 1, X.shape[1]
    weights = [Fraction(penalty.lam) if penalty and (j < p or penalty.intercept) else Fraction(0) for j in range(n)]
    theta = solve(
        [[G[i][j] + (weights[i] if i == j else 0) for j in range(n)] for i in range(n)], [r[n] for r in G[:n]]
    )
    if theta is None or (found.rank < p and not penalty):
        return False
    truth = G[n][n] - sum(a * r[n] for a, r in zip(theta, G, strict=False))
    if truth > 0:
        assert found.digits <= true_digits(found.value, truth) + 0.5
    assert energy(G, found.parameters.tolist(), weights) - truth <= Fraction(float(found.gap)) * (
        1 + Fraction(1, 10**12)
    )
    for value, bound, exact in zip(found.parameters, found.parameter_error, theta, strict=True):
        assert np.isinf(bound) or abs(Fraction(float(value)) - exact) <= Fraction(float(bound))
    return True


def quietly(system):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pm.minimum_energy(system)


def extreme(rng):
    """Rows whose squares are between 1e-290 and 1e300, and a weight that counts there."""
    m, p = int(rng.integers(3, 12)), int(rng.integers(1, 4))
    a, b = rng.uniform(-142, 145), rng.uniform(-142, 145)
    X = rng.normal(size=(m, p)) * 10.0 ** rng.uniform(-2, 2, p)
    y = X[:, 0] + rng.normal(size=m) * (rng.random() < 0.7)
    y += (rng.random() < 0.3) * 10.0 ** rng.uniform(0, 2)
    lam = 10.0 ** float(np.clip(2 * a + rng.uniform(-15, 5), -307, 307))
    return X * 10.0**a, y * 10.0**b, pm.L2(lam, intercept=bool(rng.integers(2))) if rng.random() < 0.7 else None


@pytest.mark.parametrize("block", range(2))
def test_sizes_to_the_ends_of_the_doubles(block):
    checked = 0
    for seed in range(200 * block, 200 * block + 200):
        rng = np.random.default_rng([11, seed])
        X, y, penalty = extreme(rng)
        intercept = bool(rng.integers(2))
        try:
            if rng.random() < 0.3:
                moments = pm.Moments.of(X, y, intercept=intercept)
                found = quietly(pm.LinearRegression.from_moments(moments, penalty=penalty))
            else:
                found = quietly(pm.LinearRegression(X, y, intercept=intercept, penalty=penalty))
        except ValueError as error:
            if not any(word in str(error) for word in ("underflow", "overflow", "range of a double")):
                raise
            continue
        checked += check(found, X, y, intercept=intercept, penalty=penalty)
    assert checked > 100


def test_a_penalty_counts_where_the_square_of_a_parameter_underflows():
    X, y = np.array([[1.0], [2.0], [4.0]]) * 1e88, np.array([1.0, 2.0, 3.0]) * 1e-102
    found = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L2(1e174)))
    assert found.value == pytest.approx(8.590858e-206, rel=1e-6)
    assert found.parameter_error[0] > 0
    assert check(found, X, y, intercept=True, penalty=pm.L2(1e174))


def subtracted(rng, intercept):
    """Rows, and their moments after others came and went that may have left nothing of them."""
    m, p = int(rng.integers(4, 12)), int(rng.integers(1, 4))
    X = rng.normal(size=(m, p)) + rng.choice([0.0, 1.0], p) * 10.0 ** rng.uniform(0, 9)
    if p > 1 and rng.random() < 0.4:
        X[:, 1] = X[:, 0] + X[:, 1] * 10.0 ** rng.uniform(-6, -1)
    y = X @ rng.normal(size=p) + 10.0 ** rng.uniform(-3, 0) * rng.normal(size=m)
    Z = rng.normal(size=(3, p)) * 10.0 ** rng.uniform(0, 11)
    z = rng.normal(size=3) * 10.0 ** rng.uniform(0, 11)
    gone = pm.Moments.of(Z, z, intercept=intercept)
    if rng.random() < 0.5:
        return X, y, pm.Moments.of(np.r_[X, Z], np.r_[y, z], intercept=intercept) - gone
    return X, y, pm.Moments.of(X, y, intercept=intercept) + gone - gone


@pytest.mark.parametrize("block", range(2))
def test_bounds_hold_where_a_subtraction_has_lost_digits(block):
    unknown = 0
    for seed in range(150 * block, 150 * block + 150):
        rng = np.random.default_rng([12, seed])
        intercept = bool(rng.integers(2))
        X, y, moments = subtracted(rng, intercept)
        penalty = pm.L2(10.0 ** rng.uniform(-12, 0)) if rng.random() < 0.2 else None
        found = quietly(pm.LinearRegression.from_moments(moments, penalty=penalty))
        if check(found, X, y, intercept=intercept, penalty=penalty):
            unknown += np.isinf(found.parameter_error).any()
    assert 0 < unknown < 100


@pytest.mark.parametrize("merged", [False, True])
def test_a_penalty_below_rounding_bounds_what_columns_taken_for_dependent_explain(merged):
    dependent = 0
    for seed in range(300):
        rng = np.random.default_rng([14, seed])
        m, p = int(rng.integers(4, 12)), int(rng.integers(2, 4))
        intercept = bool(rng.integers(2))
        X = rng.normal(size=(m, p)) * 10.0 ** rng.uniform(-3, 3, p) + rng.choice([0.0, 1.0], p) * 10.0 ** rng.uniform(
            0, 6
        )
        X[:, 1] = X[:, 0] * rng.choice([1.0, 2.0, -0.5]) + X[:, 1] * 10.0 ** rng.uniform(-11, -7)
        y = 10.0 ** rng.uniform(-3, 3) * rng.normal(size=m)
        penalty = pm.L2(10.0 ** rng.uniform(-20, -13) * X.std() ** 2, intercept=bool(rng.integers(2)))
        moments = pm.Moments.of(X[: 2 if merged else m], y[: 2 if merged else m], intercept=intercept)
        if merged:
            moments.update(X[2:], y[2:])
        found = quietly(pm.LinearRegression.from_moments(moments, penalty=penalty))
        dependent += found.rank < p
        check(found, X, y, intercept=intercept, penalty=penalty)
    assert dependent > 20


def test_no_error_is_bounded_where_the_scatter_is_noise():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 1)) + 8e8
    y = (x[:, 0] - 8e8) * 0.3 + 0.1 * rng.normal(size=12)
    z, w = rng.normal(size=(3, 1)) * 1e4, rng.normal(size=3) * 1e4
    moments = pm.Moments.of(np.r_[x, z], np.r_[y, w]) - pm.Moments.of(z, w)
    found = quietly(pm.LinearRegression.from_moments(moments))
    assert np.isinf(found.parameter_error).all()


def test_the_rounding_of_an_intercept_is_in_the_gap():
    for seed in range(100):
        rng = np.random.default_rng([13, seed])
        X = rng.normal(size=(int(rng.integers(4, 10)), 1))
        y = X[:, 0] + 10.0 ** rng.uniform(6, 10) + 1e-7 * rng.normal(size=len(X))
        found = quietly(pm.LinearRegression.from_moments(pm.Moments.of(X, y)))
        check(found, X, y, intercept=True)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("lam", "offset"), [(1e-300, 1e8), (1e-310, 0.0), (1e-310, 1e8)])
def test_no_digits_are_certain_where_no_error_is_known(lam, offset, intercept):
    """The reciprocals of penalties near the end of the doubles overflow in the bounds of columns without a variance."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((20, 3)) + offset
    X[:, 2] = X[0, 2]
    y = rng.standard_normal(20)
    moments = pm.Moments.of(X, y, intercept=intercept)
    system = pm.LinearRegression.from_moments(moments, penalty=pm.L2(lam, intercept=intercept))
    with pytest.warns(pm.PrecisionWarning, match="has 0 certain digits"):
        found = pm.minimum_energy(system)
    assert found.digits == 0.0
    assert check(found, X, y, intercept=intercept, penalty=system.penalty)


@pytest.mark.parametrize("m", [17, 33, 101])
@pytest.mark.parametrize("lam", [1e-3, 1e-12])
def test_bounds_of_a_lasso_include_the_rounding_of_its_sums(lam, m):
    """Columns that are orthogonal to y exactly: their parameters are 0, those found are not quite."""
    t, y = (np.arange(m) - m // 2) / 64.0, np.full(m, 1e11)
    for size in 10.0 ** np.arange(0.0, 130.0, 5.0):
        X = np.stack([t * size, t**3], axis=1)
        found = quietly(pm.LinearRegression(X, y, penalty=pm.L1(lam), intercept=False))
        assert np.all(np.abs(found.parameters) <= found.parameter_error)


def test_bounds_of_weighted_rows_overflow_in_silence():
    """Bounds of moments are doubled where rows have weights, and may then be beyond the doubles."""
    rng = np.random.default_rng(11)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        for lam in 10.0 ** np.linspace(0.0, 120.0, 400):
            X, weights = rng.standard_cauchy((12, 2)) ** 3 * 10.0 ** rng.uniform(60, 140), rng.exponential(size=12)
            y = rng.normal(size=12) * 10.0 ** rng.uniform(145, 153)
            system = pm.LinearRegression(X, y, penalty=pm.L2(lam), weights=weights)
            assert np.isfinite(pm.minimum_energy(system).gap)


def test_no_error_is_bounded_where_the_spread_of_a_column_may_be_rounding():
    """A lasso takes it for constant, but the minimiser of the doubles as they are fits y by it."""
    k, z = np.array([-2.0, -1, 0, 1, 2, 0, 1, -1]), np.array([1.0, 2, 0, 5, 3, 1, 2, 2])
    y = k + 0.1 * z + np.array([0.1, -0.2, 0.1, 0, 0.2, -0.1, 0, 0.05])
    for X, known in ((1e8 + k * 2.0**-26, False), (np.full(8, 0.1), True), (np.zeros(8), True)):
        system = pm.LinearRegression(np.stack([X, z], axis=1), y, penalty=pm.L1(1e-12, intercept=False))
        for each in (system, pm.LinearRegression.from_moments(system.known_moments(), penalty=system.penalty)):
            assert np.isfinite(pm.minimum_energy(each).parameter_error).all() == known


def test_errors_along_a_near_dependence_are_within_their_bounds():
    """There the energy is the least eigenvalue times the squared error: the bound is the error, up to rounding."""
    for seed in range(200):
        rng = np.random.default_rng([31, seed])
        x = rng.normal(size=15)
        X = np.column_stack([x, x * (1.0 + 10.0 ** -rng.integers(5, 10) * rng.normal(size=15))])
        found = quietly(pm.LinearRegression(X, 2.0 * x, intercept=False))
        error = np.abs(found.parameters - [2.0, 0.0])
        assert (error <= found.parameter_error).all()


def beside_a_large_row(rng):
    """Few values in each column, but for one row, which is far larger and fits as well as the others."""
    m, p = int(rng.integers(120, 320)), int(rng.integers(3, 7))
    X = rng.integers(0, 3, (m, p)).astype(float) if rng.random() < 0.5 else (rng.random((m, p)) < 0.3).astype(float)
    row, columns = int(rng.integers(m // 4)), rng.random(p) < 0.7
    X[row, columns] = np.round(10.0 ** rng.uniform(1, 6) * rng.normal(1.0, 0.3, np.count_nonzero(columns)))
    return X, X @ rng.integers(-8, 9, p) / 8 + np.round(256 * rng.normal(size=m)) / 256


def test_a_row_far_larger_than_the_others():
    for seed in range(60):
        rng = np.random.default_rng([31, seed])
        X, y = beside_a_large_row(rng)
        intercept = bool(rng.integers(2))
        moments = pm.Moments.of(X, y, intercept=intercept)
        check(quietly(pm.LinearRegression.from_moments(moments)), X, y, intercept=intercept)
