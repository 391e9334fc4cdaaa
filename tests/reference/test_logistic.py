"""The lowest cross entropy of real data, against statsmodels and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import linprog
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression

from pyrometer import _core


def solve(X, y, intercept=True):
    X, y = np.ascontiguousarray(X, dtype=float), np.ascontiguousarray(y, dtype=float)
    return tuple(answer[0] for answer in _core.logistic(X[None], y[None], intercept, 1))


def energy(X, y, theta):
    return np.logaddexp(0, -(2 * y - 1) * (X @ theta[:-1] + theta[-1])).mean()


def separable(X, y):
    """Whether some hyperplane leaves every row at least 1 on its side."""
    A = (2 * y - 1)[:, None] * np.column_stack([X, np.ones(len(X))])
    result = linprog(np.zeros(A.shape[1]), A_ub=-A, b_ub=-np.ones(len(A)), bounds=(None, None), method="highs")
    return result.status == 0


def test_spector():
    data = sm.datasets.spector.load()
    X, y = data.exog.to_numpy(), data.endog.to_numpy()
    value, theta, gap, attained, rank, _ = solve(X, y)
    fit = sm.Logit(y, np.column_stack([X, np.ones(len(X))])).fit(disp=0, tol=1e-12, maxiter=100)
    assert attained
    assert rank == 3
    assert value == pytest.approx(-fit.llf / len(y), rel=1e-12)
    np.testing.assert_allclose(theta, fit.params, rtol=1e-8)
    # Greene's Econometric Analysis prints these.
    np.testing.assert_allclose(theta, [2.826, 0.095, 2.379, -13.021], atol=6e-4)
    assert gap < 1e-12


def test_star98_row_by_row():
    # 303 schools with counts of pupils above and below the median: each count a weight, here as so many rows.
    data = sm.datasets.star98.load()
    counts = (data.endog.to_numpy() // 20).astype(int)
    X = data.exog.to_numpy()
    rows = np.repeat(np.repeat(X, 2, axis=0), counts.ravel(), axis=0)
    y = np.repeat(np.tile([1.0, 0.0], len(X)), counts.ravel())
    value, theta, gap, attained, rank, _ = solve(rows, y)
    fit = sm.GLM(counts, np.column_stack([X, np.ones(len(X))]), family=sm.families.Binomial()).fit(tol=1e-14)
    assert attained
    assert rank == np.linalg.matrix_rank(X - X.mean(0))
    t = X @ fit.params[:-1] + fit.params[-1]
    expected = (counts[:, 0] @ np.logaddexp(0, -t) + counts[:, 1] @ np.logaddexp(0, t)) / counts.sum()
    assert value == pytest.approx(expected, rel=1e-10)
    assert value <= expected + 1e-14
    np.testing.assert_allclose(expit(X @ theta[:-1] + theta[-1]), expit(t), rtol=1e-5)
    assert gap < 1e-11


def test_breast_cancer_is_separable():
    # All 30 measurements separate the 569 tumours completely: there is no maximum-likelihood fit. Ten means do not.
    X, y = load_breast_cancer(return_X_y=True)
    for columns in (X, (X - X.mean(0)) / X.std(0)):
        assert separable(columns, y)
        value, theta, gap, attained, rank, _ = solve(columns, y)
        assert (value, attained, rank) == (0, False, 30)
        assert energy(columns, y, theta) <= gap * (1 + 1e-6) < 1e-15  # computed here from t that are rounded

    ten = X[:, :10]
    assert not separable((ten - ten.mean(0)) / ten.std(0), y)
    value, theta, gap, attained, *_ = solve(ten, y)
    scaled = (ten - ten.mean(0)) / ten.std(0)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(scaled, y)
    other = energy(scaled, y, np.append(model.coef_, model.intercept_))
    assert attained
    assert value == pytest.approx(other, rel=1e-11)
    np.testing.assert_allclose(theta[:10] * ten.std(0), model.coef_[0], rtol=1e-6)
    assert gap < 1e-12


def test_iris():
    X, kind = load_iris(return_X_y=True)
    assert solve(X, kind == 0)[3] == np.False_  # setosa stands apart
    y = (kind == 2).astype(float)
    value, theta, _, attained, *_ = solve(X[kind > 0], y[kind > 0])
    fit = sm.Logit(y[kind > 0], np.column_stack([X[kind > 0], np.ones(100)])).fit(disp=0, tol=1e-12, maxiter=100)
    assert attained
    assert value == pytest.approx(-fit.llf / 100, rel=1e-11)
    np.testing.assert_allclose(theta, fit.params, rtol=1e-6)


@pytest.mark.parametrize(("m", "n", "lopsided"), [(2000, 6, 0.0), (20_000, 12, -4.0), (5000, 60, 1.0)])
def test_against_scikit_learn(m, n, lopsided):
    rng = np.random.default_rng(n)
    X = rng.standard_normal((m, n)) @ rng.standard_normal((n, n)) + 3
    y = (rng.random(m) < expit((X - 3) @ rng.standard_normal(n) / n + lopsided)).astype(float)
    value, theta, gap, attained, *_ = solve(X, y)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(X, y)
    other = np.append(model.coef_, model.intercept_)
    assert attained
    assert value == pytest.approx(energy(X, y, other), rel=1e-12)
    assert energy(X, y, theta) <= energy(X, y, other) + 1e-14
    np.testing.assert_allclose(theta, other, rtol=1e-5, atol=1e-7)
    assert gap < 1e-12 * value
