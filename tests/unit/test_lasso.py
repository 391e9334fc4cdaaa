"""Lasso: against scikit-learn, the optimality conditions, and energies of 60 digits."""

import itertools

import mpmath
import numpy as np
import pytest
from sklearn.linear_model import Lasso

import pyrometer as pm
from pyrometer import _core

from . import exact

PATH = np.array([0.1, 0.3, 0.02, 0.0])
KINDS = [(True, True), (True, False), (False, True)]  # intercept, whether it is penalised


def least(X, y, lam, intercept=True, penalised=True):
    return pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L1(lam, intercept=penalised), intercept=intercept))


def make(kind, rng):
    X = rng.normal(size=(60, 8))
    y = 2 * X @ rng.normal(size=8) + rng.normal(size=60) + 3
    match kind:
        case "means":
            return X + 1e6, y
        case "duplicates":
            return np.c_[X, X[:, :3], X[:, 0] + X[:, 1], np.ones(60)], y
        case "correlated":
            return X[:, :1] + 0.05 * X, y
        case "wide":
            return rng.normal(size=(12, 40)), y[:12]
        case "units":
            return X * np.logspace(-4, 4, 8), y
    return X, y


@pytest.mark.parametrize("lam", [1e-3, 0.1, 3.0])
@pytest.mark.parametrize(("intercept", "penalised"), KINDS)
@pytest.mark.parametrize("kind", ["plain", "means", "duplicates", "correlated", "wide", "units"])
def test_the_gap_is_closed_and_true(kind, intercept, penalised, lam):
    X, y = make(kind, np.random.default_rng(2))
    minimum = least(X, y, lam, intercept, penalised)
    assert minimum.method == "coordinate-descent"
    assert 0 <= minimum.gap <= 1e-12 * minimum.value
    # The dual of the rows as they are, at the residuals of one more step in exact arithmetic: a bound from below that
    # owes nothing to the moments. Any signs will do to make a dual point; those found make the best one.
    theta = minimum.parameters
    with mpmath.workdps(60):
        energy = exact.energy(X, y, theta, intercept=intercept, l1=lam, penalise_intercept=penalised)
        bound = dual(X, y, theta, lam, intercept, penalised)
        assert bound <= energy
        assert energy - bound <= minimum.gap + 1e-15 * minimum.value
        assert abs(minimum.value - energy) <= 10.0**-minimum.digits * minimum.value


def dual(X, y, theta, lam, intercept, penalised):
    """Return a lower bound of the minimum: the dual energy at the residuals of Newton's step for the signs of theta."""
    m = len(y)
    A = np.c_[X, np.ones(m)] if intercept else X
    free = intercept and not penalised
    weights = [mpmath.mpf(lam)] * A.shape[1]
    if free:
        weights[-1] = mpmath.mpf(0)
    support = [j for j in range(A.shape[1]) if theta[j] != 0 or (free and j == A.shape[1] - 1)]
    columns = {j: [mpmath.mpf(v) for v in A[:, j].tolist()] for j in range(A.shape[1])}
    r = [mpmath.mpf(v) for v in y.tolist()]
    if support:
        G = mpmath.matrix(len(support))
        h = mpmath.matrix(len(support), 1)
        for (a, i), (b, j) in itertools.product(enumerate(support), repeat=2):
            G[a, b] = mpmath.fdot(columns[i], columns[j]) / m
        for a, i in enumerate(support):
            h[a] = mpmath.fdot(columns[i], r) / m - weights[i] / 2 * mpmath.sign(mpmath.mpf(theta[i]))
        step = mpmath.lu_solve(G, h)
        for a, i in enumerate(support):
            r = [value - step[a] * x for value, x in zip(r, columns[i], strict=True)]
    slopes = [abs(mpmath.fdot(columns[j], r)) / m for j in range(A.shape[1]) if not (free and j == A.shape[1] - 1)]
    s = min(mpmath.mpf(1), mpmath.mpf(lam) / (2 * max(slopes)))
    v = [s * value for value in r]
    return (2 * mpmath.fdot(v, map(mpmath.mpf, y.tolist())) - mpmath.fdot(v, v)) / m


@pytest.mark.parametrize("lam", [1e-3, 0.1, 3.0])
@pytest.mark.parametrize(("intercept", "penalised"), KINDS)
def test_agrees_with_scikit_learn(intercept, penalised, lam):
    X, y = make("plain", np.random.default_rng(3))  # its energy is half of ours, its intercept free
    columns = np.c_[X, np.ones(60)] if intercept and penalised else X
    fit = Lasso(alpha=lam / 2, fit_intercept=intercept and not penalised, tol=1e-14, max_iter=100_000).fit(columns, y)
    minimum = least(X, y, lam, intercept, penalised)
    value = np.mean((y - fit.predict(columns)) ** 2) + lam * np.sum(np.abs(fit.coef_))
    assert minimum.value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(minimum.parameters[: columns.shape[1]], fit.coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["plain", "units", "wide"])
def test_optimality_conditions(kind):
    X, y = make(kind, np.random.default_rng(4))
    minimum = least(X, y, 3.0)
    A = np.c_[X, np.ones(len(y))]
    slope = 2 * A.T @ (y - A @ minimum.parameters) / len(y)
    on = minimum.parameters != 0
    np.testing.assert_allclose(slope[on], 3.0 * np.sign(minimum.parameters[on]), rtol=1e-8)
    assert np.all(np.abs(slope[~on]) <= 3.0 * (1 + 1e-12))
    assert 0 < on.sum() < len(on)


def test_signs_that_coordinate_descent_gets_wrong_first():
    """Nearly parallel columns whose difference matters: sweeps crawl here, exact steps do not."""
    rng = np.random.default_rng(8)
    base = rng.normal(size=(100, 1))
    X = base + 1e-2 * rng.normal(size=(100, 6))
    y = 100 * (X[:, 0] - X[:, 1]) + base[:, 0] + rng.normal(size=100)
    minimum = least(X, y, 1e-4)
    assert minimum.gap < 1e-12 * minimum.value
    assert minimum.parameters[0] > 50
    assert minimum.parameters[1] < -50


@pytest.mark.parametrize("apart", [0, 1e-8, 1e-7, 1e-5, 1e-3])
def test_columns_and_their_near_copies(apart):
    rng = np.random.default_rng(11)
    X, other = rng.normal(size=(2, 600, 150))
    y = X @ (rng.random(150) < 0.2) + rng.normal(size=600)

    def values(X):
        path = pm.minimum_path(pm.LinearRegression(X, y, penalty=pm.L1(1.0)), np.geomspace(1, 1e-3, 10))
        assert np.all(path.gap <= 1e-11 * path.value)
        return path.value

    np.testing.assert_allclose(values(np.c_[X, X + apart * other]), values(X), rtol=max(1e-11, 3 * apart))


@pytest.mark.parametrize(("intercept", "penalised"), KINDS)
def test_the_ends_of_the_path(intercept, penalised):
    X, y = make("plain", np.random.default_rng(5))
    heavy = least(X, y, 1e4, intercept, penalised)
    free = intercept and not penalised
    assert not np.any(heavy.parameters[:8])
    assert heavy.value == pytest.approx(np.var(y) if free else np.mean(y**2), rel=1e-14)
    none, plain = least(X, y, 0.0, intercept), pm.minimum_energy(pm.LinearRegression(X, y, intercept=intercept))
    assert none.value == plain.value
    assert none.method == "covariance"
    np.testing.assert_array_equal(none.parameters, plain.parameters)


def test_a_constant_column_may_carry_the_mean():
    y = np.array([3.0, 5.0, 4.0])
    minimum = least(np.full((3, 1), 2.0), y, 0.5, intercept=False)  # theta = (4 - 1/8) / 2
    assert minimum.parameters == pytest.approx([1.9375])
    assert minimum.value == pytest.approx(2 / 3 + (4 - 3.875) ** 2 + 0.5 * 1.9375, rel=1e-14)
    assert minimum.rank == 1
    assert least(np.full((3, 1), 2.0), y, 0.5, penalised=False).parameters == pytest.approx([0.0, 4.0])


def test_lost_digits_are_warned_of():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(30, 1)) + 1e-7 * rng.normal(size=(30, 3))
    system = pm.LinearRegression(X, X @ [1e7, -1e7, 1.0], penalty=pm.L1(1e-12))
    with pytest.warns(pm.errors.PrecisionWarning, match="pass the rows"):
        pm.minimum_energy(pm.LinearRegression.from_moments(system.second_moments, penalty=system.penalty))
    assert pm.minimum_energy(system).digits > 9


@pytest.mark.parametrize(("intercept", "penalised"), KINDS)
def test_a_stack_is_a_loop_for_any_threads(intercept, penalised):
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(40, 25, 6)), rng.normal(size=(40, 25))
    moments = pm.Moments.of(X, y)
    stacks = [_core.lasso(25, moments.mean, moments.scatter, intercept, PATH, penalised, k) for k in (1, 2, 3)]
    for k in range(40):
        alone = _core.lasso(25, moments.mean[k : k + 1], moments.scatter[k : k + 1], intercept, PATH, penalised, 1)
        for stack in stacks:
            for whole, part in zip(stack, alone, strict=True):
                np.testing.assert_array_equal(whole[k], part[0])


@pytest.mark.parametrize(("intercept", "penalised"), KINDS)
@pytest.mark.parametrize("kind", ["plain", "means", "duplicates", "correlated", "wide", "units"])
def test_a_path_is_its_points(kind, intercept, penalised):
    X, y = make(kind, np.random.default_rng(11))
    system = pm.LinearRegression(X, y, penalty=pm.L1(1.0, intercept=penalised), intercept=intercept)
    lam = np.geomspace(1e-3, 30, 15)[np.random.default_rng(0).permutation(15)]
    path = pm.minimum_path(system, lam)
    assert path.parameters.shape == (15, system.parameters)
    assert np.all(path.gap <= 1e-12 * path.value)
    for k, weight in enumerate(lam):
        alone = least(X, y, weight, intercept, penalised)
        assert path.value[k] == pytest.approx(alone.value, rel=3e-13)
        assert path.rank[k] == alone.rank
        assert np.isfinite(path.condition[k]) == np.isfinite(alone.condition)
    assert np.all(path.method == "coordinate-descent")


def test_a_path_of_a_stack():
    rng = np.random.default_rng(12)
    system = pm.LinearRegression(rng.normal(size=(2, 3, 30, 4)), rng.normal(size=(2, 3, 30)), penalty=pm.L1(1.0))
    path = pm.minimum_path(system, [0.5, 0.0])
    assert path.value.shape == path.rank.shape == path.method.shape == (2, 3, 2)
    assert path.parameters.shape == (2, 3, 2, 5)
    assert path.method[0, 0].tolist() == ["coordinate-descent", "covariance"]
    squares = pm.minimum_energy(pm.LinearRegression(system.X, system.y))
    np.testing.assert_array_equal(path.value[..., 1], squares.value)


def test_rank_and_condition_are_of_the_active_columns():
    X, y = make("plain", np.random.default_rng(13))
    X = X + 2 * X[:, :1]
    minimum = least(X, y, 3.0)
    on = np.flatnonzero(minimum.parameters[:8])
    scaled = (X - X.mean(0)) / X.std(0)
    assert 0 < len(on) < 8
    assert minimum.rank == len(on)
    assert minimum.condition == pytest.approx(np.linalg.cond(scaled[:, on]), rel=0.3)
    assert minimum.condition < np.linalg.cond(scaled) / 2
    twice = least(np.c_[X, X], y, 3.0)  # which of two equal columns carries the parameter is nobody's to say
    assert twice.rank == len(on)
    assert twice.condition == np.inf


@pytest.mark.parametrize(
    ("lam", "error", "match"),
    [
        (0.5, ValueError, "lam must be one-dimensional"),
        ([[0.5]], ValueError, "lam must be one-dimensional"),
        ([0.5, -1.0], ValueError, "finite and >= 0"),
        ([np.nan], ValueError, "finite and >= 0"),
        (["a"], TypeError, "lam"),
    ],
)
def test_weights_that_are_none(lam, error, match):
    system = pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0], penalty=pm.L1(1.0))
    with pytest.raises(error, match=match):
        pm.minimum_path(system, lam)


def test_a_path_needs_an_l1_penalty():
    for penalty in (None, pm.L2(1.0)):
        with pytest.raises(TypeError, match=r"penalty pm\.L1\(lam\), got penalty="):
            pm.minimum_path(pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0], penalty=penalty), [1.0])
