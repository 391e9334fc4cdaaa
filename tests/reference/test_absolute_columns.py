"""Least absolute deviations of many columns against HiGHS; and its cost, against itself on data without ties."""

import time

import numpy as np
import pytest
from scipy.optimize import linprog

from pyrometer import _core


def solved(X, y, intercept=True):
    value, parameters, gap, _ = _core.least_absolute(X[None], y[None], intercept, 1)
    return value[0], parameters[0], gap[0]


def data_of(kind, m, p, rng):
    X = rng.standard_normal((m, p))
    y = X @ rng.standard_normal(p) + rng.standard_normal(m)
    match kind:
        case "integers":
            X, y = rng.integers(-3, 4, (m, p)).astype(float), rng.integers(-3, 4, m).astype(float)
        case "binary":
            X, y = rng.integers(0, 2, (m, p)).astype(float), rng.integers(0, 2, m).astype(float)
        case "exact but for outliers":
            y = X @ rng.standard_normal(p) + np.where(rng.random(m) < 0.8, 0, rng.standard_cauchy(m))
        case "exact":
            y = X @ rng.standard_normal(p)
        case "copies":
            rows = rng.integers(0, max(m // 6, 1), m)
            X, y = X[rows], y[rows]
        case "groups":
            X, y = np.eye(p)[rng.integers(0, p, m)], rng.integers(0, 3, m).astype(float)
        case "heavy tails":
            X = rng.standard_t(1.5, (m, p))
            y = X.sum(axis=1) + rng.standard_cauchy(m)
        case "zeros":
            y = np.where(rng.random(m) < 0.9, 0, y)
        case "correlated":
            X = X[:, :1] + 1e-3 * X
    return X, y


KINDS = ["normal", "integers", "binary", "exact but for outliers", "exact", "copies", "groups", "heavy tails"]
KINDS += ["zeros", "correlated"]


@pytest.mark.parametrize("kind", KINDS)
def test_many_columns(kind):
    for seed, (m, p) in enumerate([(20, 40), (60, 45), (150, 30), (600, 40)]):
        X, y = data_of(kind, m, p, np.random.default_rng(seed))
        value, parameters, gap = solved(X, y, intercept=False)
        size = np.abs(y).mean()
        found = linprog(-y / m, A_eq=X.T, b_eq=np.zeros(p), bounds=(-1, 1), method="highs")
        assert value == pytest.approx(-found.fun, rel=1e-6, abs=1e-8 * size)
        assert np.abs(y - X @ parameters).mean() == pytest.approx(value, rel=1e-9, abs=1e-12 * size)
        assert gap <= 1e-9 * value + 1e-12 * size


def cost(X, y):
    """Processor time, the least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        solved(X, y)
        times.append(time.process_time() - start)
    return min(times)


def test_cost_of_columns_grows_by_less_than_the_power_of_two_and_a_half():
    X, y = data_of("normal", 2000, 300, np.random.default_rng(0))
    assert cost(X, y) <= 3**2.5 * cost(np.ascontiguousarray(X[:, :100]), y)


@pytest.mark.parametrize("kind", ["exact", "exact but for outliers", "zeros", "copies", "binary", "integers"])
@pytest.mark.parametrize(("m", "p"), [(8_000, 1), (200_000, 3)])
def test_ties_cost_little_more_than_noise(kind, m, p):
    rng = np.random.default_rng(m)
    noise = cost(*data_of("normal", m, p, rng))
    assert cost(*data_of(kind, m, p, rng)) <= 6 * noise


@pytest.mark.parametrize(("rows", "columns", "seed"), [(8000, 60, 1), (60_000, 40, 0)])
def test_heavy_tails_beside_exact_fits_are_certified(rows, columns, seed):
    """Residuals of the least squares solution say nothing of those at the minimum, where most rows fit exactly."""
    rng = np.random.default_rng(seed)
    X = rng.standard_cauchy((rows, columns))
    y = X @ np.ones(columns) + rng.standard_normal(rows) * (rng.random(rows) < 0.3)
    value, _, gap = solved(X, y)
    assert 0 < gap < 1e-10 * value
