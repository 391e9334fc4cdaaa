"""Cross entropy of thousands of rows, where minima start from samples: known answers, and costs."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import special

import pyrometer as pm
from pyrometer import _core

from .logistic_reference import solve


def regular(seed, rows, features):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, features)) * 10 ** (rng.uniform(-1, 1, features) * rng.choice([0, 3, 6]))
    t = X @ (rng.normal(size=features) / np.abs(X).max(axis=0)) * rng.choice([1, 5, 20])
    return X, (rng.random(rows) < 1 / (1 + np.exp(-np.clip(t, -30, 30)))).astype(float), rng


def some(seed):
    rng = np.random.default_rng([seed, 1])
    return regular(seed, int(rng.integers(4100, 9000)), int(rng.choice([2, 3, 5, 10])))


def loss(X, y, theta):
    t = np.longdouble(X) @ np.longdouble(theta[:-1]) + np.longdouble(theta[-1])
    return np.logaddexp(np.longdouble(0), (1 - 2 * y) * t).mean()


def with_dependent_column(kind, X, rng):
    """The rows, and the same with a column that depends on the others."""
    if kind == "twice":
        return X, np.column_stack([X, X[:, 0] / 4])
    if kind == "combination":
        X = np.round(1000 * X / np.abs(X).max(axis=0))
        return X, np.column_stack([X, X @ rng.integers(-2, 3, X.shape[1])])
    if kind == "constant":
        return X, np.column_stack([X, np.full(len(X), rng.choice([0, 0.3, 1, 1e5]))])
    dummies = np.eye(7)[rng.integers(0, 7, len(X))]
    return dummies[:, 1:], dummies


@pytest.mark.parametrize("kind", ["twice", "combination", "constant", "dummies"])
def test_a_dependent_column_changes_nothing(kind):
    for seed in range(12):
        X, y, rng = some(seed)
        X, more = with_dependent_column(kind, X, rng)
        value, _, gap, attained, *_ = solve(X, y)
        other, theta, doubt, also, *_ = solve(more, y)
        assert attained == also
        assert abs(value - other) <= gap + doubt + 1e-15 * value
        assert max(gap, doubt) <= 1e-9 * value
        assert abs(loss(more, y, theta) - other) <= doubt + 1e-15 * value


@pytest.mark.parametrize("levels", [1, 2])
def test_rows_that_columns_of_their_own_separate(levels):
    for seed in range(15):
        X, y, rng = some(seed)
        own, rest = np.zeros((len(X), levels)), np.ones(len(X), dtype=bool)
        for level in range(levels):
            rows = rng.choice(np.flatnonzero(rest), int(rng.integers(1, len(X) // 3)), replace=False)
            sign = rng.choice([-1.0, 1.0], len(rows))
            own[rows, level], y[rows], rest[rows] = sign * 10 ** rng.uniform(-3, 3, len(rows)), sign > 0, False
        value, theta, gap, attained, *_ = solve(np.column_stack([own, X]), y)
        known, _, doubt, exists, *_ = solve(X[rest], y[rest])
        share = rest.mean()
        assert (attained, exists) == (False, True)
        assert abs(value - known * share) <= gap + doubt * share + 1e-15 * value
        assert gap <= 1e-9 * value
        assert loss(np.column_stack([own, X]), y, theta) <= known * share + gap + doubt + 1e-15 * value


def test_rows_that_a_direction_separates():
    for seed in range(15):
        X, _, rng = some(seed)
        y = (X @ (rng.normal(size=X.shape[1]) / np.abs(X).max(axis=0)) > 0).astype(float)
        value, theta, gap, attained, *_ = solve(X, y)
        assert (value, attained) == (0, False)
        assert loss(X, y, theta) <= gap <= 1e-12


@pytest.mark.parametrize("seed", range(40))
def test_a_row_or_a_number_far_larger_than_all_others(seed):
    X, y, rng = some(seed)
    row = rng.integers(len(X))
    X[row, slice(None) if seed % 2 else rng.integers(X.shape[1])] *= 10 ** rng.uniform(2, 10)
    value, theta, gap, attained, *_ = solve(X, y)
    assert attained
    assert gap <= 1e-9 * value
    assert abs(loss(X, y, theta) - value) <= gap + 1e-15 * value


def costly(kind):
    X, y, rng = regular(0, 20_000, 10)
    X = rng.normal(size=X.shape)
    t = X @ rng.normal(size=10) / 3
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-t))).astype(float)
    if kind == "twice":
        X[:, 1] = X[:, 0]
    elif kind == "constant":
        X[:, 1] = 1
    elif kind == "dummies":
        X = np.eye(10)[rng.integers(0, 10, len(X))]
    elif kind == "large":
        X[5] *= 1e9
    elif kind == "one label":
        y[:] = np.arange(len(y)) == 0
    elif kind == "separated":
        y = (t > 0).astype(float)
    elif kind == "separated in part":
        X[:, 1] *= rng.random(len(X)) < 0.01
        y[X[:, 1] != 0] = X[X[:, 1] != 0, 1] > 0
    return X, y


def seconds(X, y):
    def once():
        start = time.process_time()
        solve(X, y)
        return time.process_time() - start

    return min(once() for _ in range(5))


@pytest.mark.parametrize(
    "kind", ["twice", "constant", "dummies", "large", "one label", "separated", "separated in part"]
)
def test_cost_is_a_few_times_that_of_a_regular_system(kind):
    """Measured 2 to 13 times; 40 on a busy machine. All numbers of X were once printed: 100 times and more."""
    assert seconds(*costly(kind)) < 40 * seconds(*costly("regular"))


@pytest.mark.parametrize(("m", "p", "flips"), [(20_000, 40, 1), (20_000, 40, 10), (5_000, 60, 3), (2_000, 40, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_a_few_flipped_labels(m, p, flips, seed):
    """Samples are separated, all rows are not, and at the minimum some margins are far below -50."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(m, p))
    z = X @ r.normal(size=p)
    y = (z > 0) * 1.0
    chosen = np.argsort(-np.abs(z))[: 5 * flips : 5]
    y[chosen] = 1.0 - y[chosen]
    minimum = pm.minimum_energy(pm.LogisticRegression(X, y, intercept=False))
    theta = np.zeros(p)
    for _ in range(60):
        t = X @ theta
        s = special.expit(t)
        step = np.linalg.solve((X.T * (s * (1.0 - s))) @ X, X.T @ (y - s))
        loss, length = np.logaddexp(0.0, -(2.0 * y - 1.0) * t).mean(), 1.0
        while np.logaddexp(0.0, -(2.0 * y - 1.0) * (X @ (theta + length * step))).mean() > loss * (1.0 + 1e-15):
            length /= 2.0
            if length < 1e-3:
                break
        theta = theta + length * step
    truth = np.logaddexp(0.0, -(2.0 * y - 1.0) * (X @ theta)).mean()
    assert minimum.attained
    assert minimum.value == pytest.approx(truth, rel=1e-10)
    assert minimum.gap < 1e-11


def wide(case):
    """More columns than curvatures in double precision always have: of any sizes, correlated, nearly separated."""
    rng = np.random.default_rng([case, 7])
    features = int(rng.choice([32, 33, 47, 64, 90]))
    rows = int(rng.integers(12 * features + 1, 5 * max(1024, 12 * features)))
    X = rng.normal(size=(rows, features)) + rng.choice([0, 3]) * rng.normal(size=features)
    X[:, 0] += rng.choice([0, 0, 30]) * X[:, 1]
    t = X @ rng.normal(size=features) * (rng.choice([0.5, 2, 4]) / np.sqrt(features))
    y = (rng.random(rows) < special.expit(t - t.mean())).astype(float)
    X *= 10.0 ** (rng.choice([0, 1, 11, 12, 30]) * rng.uniform(-1, 1, features))
    X[rng.integers(rows)] *= rng.choice([1, 1, 1, 1000])
    weights = None if case % 3 else rng.uniform(0.1, 2, rows)
    return X, y, None if weights is None else weights * (rows / weights.sum())


def test_curvatures_in_single_precision_keep_certificates():
    """Gap and bounds of the parameters against Newton's method in extended precision, whatever the sizes of columns."""
    for case in range(12):
        X, y, weights = wide(case)
        n, w = X.shape[1] + 1, np.longdouble(np.ones(len(X)) if weights is None else weights)
        errors = np.empty((1, n))
        stacked = None if weights is None else weights[None]
        value, theta, gap, attained, *_ = (a[0] for a in _core.logistic(X[None], y[None], True, 2, errors, stacked))
        assert attained
        unit = np.append(np.abs(X).max(axis=0), 1)
        A = np.column_stack([X, np.ones(len(X))]) / unit
        best = np.longdouble(theta) * unit
        for _ in range(2):
            p = 0.5 + 0.5 * np.tanh(np.longdouble(A) @ best / 2)
            curvature = (A.T * (w * p * (1 - p)).astype(float)) @ A
            best -= np.linalg.solve(curvature, (np.longdouble(A).T @ (w * (p - y))).astype(float))
        t = np.longdouble(A) @ best
        truth = (w * np.logaddexp(np.longdouble(0), (1 - 2 * y) * t)).mean()
        assert abs(value - truth) <= gap, case
        assert gap <= 1e-12 * value, case
        assert np.all(np.abs(best / unit - theta) <= errors[0]), case
