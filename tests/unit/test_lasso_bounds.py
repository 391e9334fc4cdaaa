"""Gaps and parameter_error of lassos hold in exact arithmetic, from rows and from moments, and after subtractions."""

from __future__ import annotations

import itertools
import warnings
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import pyrometer as pm

from .test_lost_digits import gram, solve, true_digits
from .test_minimum_bounds import energy, quietly


def stationary(G, half, weighed, signs):
    """The minimiser if its signs are these (None where there is no penalty), exactly; None if they are not."""
    n = len(weighed)
    active = [j for j in range(n) if signs[j] != 0]
    right = [G[j][n] - half * (signs[j] or 0) for j in active]
    found = solve([[G[i][j] for j in active] for i in active], right)
    if found is None:
        return None
    theta = [Fraction(0)] * n
    for j, value in zip(active, found, strict=True):
        theta[j] = value
    slopes = [G[i][n] - sum(a * t for a, t in zip(G[i], theta, strict=False)) for i in range(n)]
    fits = all(abs(c) <= half if s == 0 else t * (s or 0) >= 0 for c, t, s in zip(slopes, theta, signs, strict=True))
    return theta if fits else None


def check(found, X, y, *, intercept, penalty, weights=None):
    """Assert that digits, gap and parameter_error hold."""
    G, p = gram(X, y, intercept, weights), X.shape[1]
    n, half = len(G) - 1, Fraction(penalty.lam) / 2
    weighed = [j < p or penalty.intercept for j in range(n)]
    near = tuple(int(np.sign(t)) if w else None for t, w in zip(found.parameters, weighed, strict=True))
    others = itertools.product(*((0, 1, -1) if w else (None,) for w in weighed))
    theta = next(filter(None, (stationary(G, half, weighed, signs) for signs in (near, *others))), None)
    if theta is None:
        return

    def lasso(t):
        t = [Fraction(a) for a in t]
        return energy(G, t, []) + 2 * half * sum(abs(a) for a, w in zip(t, weighed, strict=True) if w)

    truth = lasso(theta)
    if truth > 0:
        assert found.digits <= true_digits(found.value, truth) + 0.5
    assert lasso(found.parameters.tolist()) - truth <= Fraction(float(found.gap)) * (1 + Fraction(1, 10**12))
    for value, bound, exact in zip(found.parameters, found.parameter_error, theta, strict=True):
        assert np.isinf(bound) or abs(Fraction(float(value)) - exact) <= Fraction(float(bound))


def problem(rng, *, extreme=False):
    """Rows with near copies of columns, large means, or magnitudes to the ends of the doubles."""
    m, p = int(rng.integers(3, 12)), int(rng.integers(1, 4))
    X = rng.normal(size=(m, p)) * 10.0 ** (rng.uniform(-3, 3, p) * (rng.random() < 0.3))
    if p > 1 and rng.random() < 0.4:
        X[:, 1] = X[:, 0] + X[:, 1] * 10.0 ** rng.uniform(-12, -1)
    if rng.random() < 0.4:
        X = X + 10.0 ** rng.uniform(0, 9, p)
    y = X @ rng.normal(size=p) + 10.0 ** rng.choice([0.0, -3.0, -8.0, -16.0]) * rng.normal(size=m)
    if rng.random() < 0.4:
        y = y + 10.0 ** rng.uniform(0, 10)
    if extreme:
        X, y = X * 10.0 ** rng.uniform(-140, 140), y * 10.0 ** rng.uniform(-140, 140)
    intercept, penalised = bool(rng.integers(2)), bool(rng.integers(2))
    raw = intercept and penalised
    A, b = (np.column_stack([X, np.ones(m)]), y) if raw or not intercept else (X - X.mean(axis=0), y - y.mean())
    lam = 2 * float(np.abs(A.T @ b).max()) / m * 10.0 ** rng.uniform(-9, 0.1)
    return X, y, intercept, pm.L1(lam, intercept=penalised)


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("of_rows", [False, True])
def test_bounds_hold(of_rows, extreme):
    for seed in range(150):
        X, y, intercept, penalty = problem(np.random.default_rng([14, seed]), extreme=extreme)
        if of_rows:
            system = pm.LinearRegression(X, y, intercept=intercept, penalty=penalty)
        else:
            system = pm.LinearRegression.from_moments(pm.Moments.of(X, y, intercept=intercept), penalty=penalty)
        check(quietly(system), X, y, intercept=intercept, penalty=penalty)


def test_bounds_hold_where_a_subtraction_has_lost_digits():
    for seed in range(150):
        rng = np.random.default_rng([15, seed])
        X, y, intercept, penalty = problem(rng)
        Z, z = (rng.normal(size=shape) * 10.0 ** rng.uniform(0, 11) for shape in ((3, X.shape[1]), (3,)))
        gone = pm.Moments.of(Z, z, intercept=intercept)
        together = pm.Moments.of(np.r_[X, Z], np.r_[y, z], intercept=intercept)
        system = pm.LinearRegression.from_moments(together - gone, penalty=penalty)
        check(quietly(system), X, y, intercept=intercept, penalty=penalty)


def test_of_near_copies_either_may_enter():
    for seed in range(120):
        rng = np.random.default_rng([16, seed])
        X = rng.normal(size=(20, 2))
        X[:, 1] = X[:, 0] + 10.0 ** rng.uniform(-12, -7) * X[:, 1]
        y = 0.4 * X[:, 0] + 10.0 ** rng.uniform(-9, -2) * rng.normal(size=20)
        penalty = pm.L1(10.0 ** rng.uniform(-8, -4))
        found = quietly(pm.LinearRegression.from_moments(pm.Moments.of(X, y), penalty=penalty))
        check(found, X, y, intercept=True, penalty=penalty)


def test_weights_are_rounded_when_they_are_divided_by_their_mean():
    X = np.array([[0.563119679503083, 1.1327494864522565], [-1.6563069279647686, -3.3117930315080937]])
    X = np.concatenate([X, [[-0.39745047545456336, -0.7911845715407171]]])
    y = np.array([-1.0815303339794757, 3.1680941325746077, 0.7579276062153922])
    w = np.array([0.8193327287054828, 0.3977328029085758, 0.6530999944102917])
    for lam in 10.0 ** np.linspace(-8, -1, 57):
        for scale in (1.0, 1.7, 2.3):
            penalty = pm.L1(float(lam), intercept=False)
            found = quietly(pm.LinearRegression(X, y, weights=w * scale, penalty=penalty))
            check(found, X, y, intercept=True, penalty=penalty, weights=w * scale)


def test_bounds_of_weighted_rows():
    for seed in range(200):
        rng = np.random.default_rng([17, seed])
        X, y, intercept, penalty = problem(rng)
        w = rng.random(len(y)) + 0.01 if seed % 2 else 10.0 ** rng.uniform(-6, 6, len(y))
        found = quietly(pm.LinearRegression(X, y, weights=w, intercept=intercept, penalty=penalty))
        check(found, X, y, intercept=intercept, penalty=penalty, weights=w)


def test_bounds_hold_of_stamps_and_their_squares():
    for seed in range(120):
        rng = np.random.default_rng([17, seed])
        m = int(rng.integers(5, 20))
        # Of stamps in ns the squares are dependent at rounding level, and differ by more than other columns are long.
        stamps = 1.7e18 + 256.0 * np.floor(rng.uniform(0, 10.0 ** rng.integers(5, 9), m))
        X = np.column_stack([stamps, stamps**2, rng.normal(size=m) * 10.0 ** rng.integers(0, 4)])[:, rng.permutation(3)]
        y = rng.normal(size=m) * 10.0 ** rng.integers(-2, 3)
        penalty = pm.L1(float(10.0 ** rng.integers(-6, 1)), intercept=False)
        check(quietly(pm.LinearRegression(X, y, penalty=penalty)), X, y, intercept=True, penalty=penalty)


def test_bounds_hold_of_columns_that_weights_and_rounding_make_dependent():
    """Columns near their mean, or each other, by rounding, of weights that differ by up to 1e16."""
    for seed in range(400):
        rng = np.random.default_rng([18, seed])
        m, p, near = int(rng.integers(6, 20)), int(rng.integers(2, 4)), 10.0 ** -int(rng.integers(6, 11))
        if seed % 3 == 0:
            X = rng.normal(size=(m, 1)) + near * rng.normal(size=(m, p)) + 10.0 ** int(rng.integers(0, 7))
        elif seed % 3 == 1:
            X = 1.0 + near * rng.normal(size=(m, p))
        else:
            X = np.linspace(1.0, 1.0 + near, m)[:, None] ** np.arange(1, p + 1) + 10.0 ** int(rng.integers(0, 6))
        y = X @ rng.normal(size=p) * 10.0 ** int(rng.integers(0, 7)) + rng.normal(size=m)
        w = 10.0 ** rng.integers(-8, 9, m)
        deviations = X - np.average(X, axis=0, weights=w)
        lam = 2.0 * float(np.abs((deviations * w[:, None]).T @ y).max() / w.sum()) * 10.0 ** rng.uniform(-12, -1)
        penalty = pm.L1(max(lam, 1e-30), intercept=False)
        found = quietly(pm.LinearRegression(X, y, weights=w, penalty=penalty))
        if found.method == "orthogonal":
            check(found, X, y, intercept=True, penalty=penalty, weights=w)


@pytest.mark.parametrize("seed", range(60))
def test_rounded_weights_move_the_intercept_within_its_bound(seed):
    """Of targets whose mean is 0, only the rounding of the weights, divided by their mean, moves the intercept."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(4, 12))
    X, y, weights = rng.normal(size=(m, 2)), rng.normal(size=m), rng.exponential(size=m)
    X[:, 1] = X[:, 0] + 1e-9 * X[:, 1]
    y -= np.average(y, weights=weights)
    system = pm.LinearRegression(X, y, penalty=pm.L1(1.0, intercept=False), weights=weights)
    path = pm.minimum_path(system, [5.0, 0.1, 1e-10])  # from rows, because of the last
    for k, lam in enumerate([5.0, 0.1, 1e-10]):
        of_weight = {name: getattr(path, name)[k] for name in ("value", "parameters", "gap", "digits")}
        found = SimpleNamespace(**of_weight, parameter_error=path.parameter_error[k])
        check(found, X, y, intercept=True, penalty=pm.L1(lam, intercept=False), weights=weights)


@pytest.mark.parametrize("penalised", [True, False])
@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("unit", [1e3, 1e6, 1e9])
def test_a_weight_of_0_is_least_squares(unit, noise, penalised):
    """Times in nanoseconds beside the same in another unit: a norm with the huge intercept moves slopes by rounding."""
    rng = np.random.default_rng(1)
    t = 1.7e18 + np.round(rng.uniform(0.0, 2.6e6, 60)) * 1e9
    X, y = np.column_stack([t, t / unit]), (t - 1.7e18) / 8.64e13 + noise * rng.normal(size=60)
    system = pm.LinearRegression(X, y, penalty=pm.L1(1.0, intercept=penalised))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        path, least = pm.minimum_path(system, [1.0, 0.0]), quietly(pm.LinearRegression(X, y))
    assert abs(path.value[1] - least.value) <= path.gap[1] + least.gap + 1e-9 * least.value
    assert path.value[1] <= y.var()


def test_values_below_the_normal_doubles_have_the_digits_that_are_left():
    """The energy is the penalty's, of an exact fit: weight times parameter, of tiny targets."""
    x = np.array([-3.0, -1.0, 1.0, 3.0])
    for weight in (1e-160, 3e-170, 7e-175, 3e-177, 5e-180):
        penalty = pm.L1(weight, intercept=False)
        found = quietly(pm.LinearRegression(x[:, None], 2.0**-470 * x, penalty=penalty))
        check(found, x[:, None], 2.0**-470 * x, intercept=True, penalty=penalty)
        assert found.parameters[0] == pytest.approx(2.0**-470, rel=1e-15)
