"""The `fit` of the estimators against those of scikit-learn and statsmodels, validation and certificate included.

The kernels are measured alone in other files. Every answer is checked before it is timed: the energy of the parameters.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import log_softmax
from sklearn import linear_model
from statsmodels.regression.quantile_regression import QuantReg

from pyrometer.estimators import LADRegressor, LassoRegressor, LogisticClassifier, OLSRegressor, SoftmaxClassifier

LAM = 0.1


def squares(X, y, coef, intercept):
    return np.mean((y - X @ coef - intercept) ** 2)


def lasso(X, y, coef, intercept):
    return squares(X, y, coef, intercept) + LAM * np.abs(coef).sum()


def deviations(X, y, coef, intercept):
    return np.abs(y - X @ coef - intercept).mean()


def cross_entropy(X, y, coef, intercept):
    scores = X @ np.atleast_2d(coef).T + intercept
    scores = scores if scores.shape[1] > 1 else np.column_stack([np.zeros(len(X)), scores[:, 0]])
    return -log_softmax(scores, axis=1)[np.arange(len(X)), y].mean()


@dataclass(frozen=True)
class Problem:
    """A problem: our estimator, the energy, the shape of its rows and its number of classes, and the rivals."""

    ours: Any
    energy: Any
    shape: tuple[int, int]
    classes: int
    scikit_learn: Any
    statsmodels: Any
    tolerance: float

    def rows(self):
        m, p = self.shape
        rng = np.random.default_rng(p)
        X = rng.standard_normal((m, p))
        signal = X @ rng.standard_normal((p, max(self.classes, 1))) / np.sqrt(p) + 0.3
        if not self.classes:
            return X, signal[:, 0] + rng.standard_normal(m)
        return X, (signal + rng.gumbel(size=signal.shape)).argmax(axis=1)


def with_constant(X):
    return np.column_stack([X, np.ones(len(X))])


def softmax_of_statsmodels(X, y):
    params = sm.MNLogit(y, with_constant(X)).fit(disp=0, tol=1e-10).params
    return np.column_stack([np.zeros(len(params)), params])


PROBLEMS = {
    "least squares": Problem(
        OLSRegressor(), squares, (500_000, 20), 0,
        linear_model.LinearRegression(),
        lambda X, y: sm.OLS(y, with_constant(X)).fit().params,
        1e-12,
    ),
    "lasso": Problem(
        LassoRegressor(lam=LAM), lasso, (200_000, 100), 0,
        linear_model.Lasso(0.5 * LAM, tol=1e-10, precompute=True),
        None,
        1e-8,
    ),
    "least absolute deviations": Problem(
        LADRegressor(), deviations, (2_000, 20), 0,
        linear_model.QuantileRegressor(quantile=0.5, alpha=0.0),
        lambda X, y: QuantReg(y, with_constant(X)).fit(q=0.5).params,
        1e-6,
    ),
    "logistic": Problem(
        LogisticClassifier(), cross_entropy, (200_000, 20), 2,
        linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8),
        lambda X, y: sm.Logit(y, with_constant(X)).fit(disp=0, tol=1e-10).params,
        1e-10,
    ),
    "softmax": Problem(
        SoftmaxClassifier(), cross_entropy, (100_000, 20), 4,
        linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-7),
        softmax_of_statsmodels,
        1e-10,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=PROBLEMS)
def problem(request):
    chosen = PROBLEMS[request.param]
    X, y = chosen.rows()
    return chosen, X, y, chosen.ours.fit(X, y).certificate_.value


def check(problem: Any, coef: Any, intercept: Any) -> None:
    chosen, X, y, value = problem
    assert value <= chosen.energy(X, y, coef, intercept) * (1 + 1e-13)
    assert chosen.energy(X, y, coef, intercept) == pytest.approx(value, rel=chosen.tolerance)


@pytest.mark.benchmark(group="fit")
def test_pyrometer(benchmark, record, problem, threads):
    """Goal: not slower than either rival, with a certificate."""
    chosen, X, y, _ = problem
    model = benchmark(lambda: chosen.ours.fit(X, y))
    check(problem, model.coef_, model.intercept_)
    assert model.certificate_.digits > 11
    record(moved=X.nbytes)


@pytest.mark.rival("scikit-learn")
@pytest.mark.benchmark(group="fit")
def test_scikit_learn(benchmark, problem, threads):
    """The same model, set to about the same accuracy."""
    chosen, X, y, _ = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = benchmark.pedantic(lambda: chosen.scikit_learn.fit(X, y), rounds=1)
    check(problem, model.coef_, model.intercept_)


@pytest.mark.rival("statsmodels")
@pytest.mark.benchmark(group="fit")
def test_statsmodels(benchmark, problem, threads):
    """The same model, with its standard errors."""
    chosen, X, y, _ = problem
    if chosen.statsmodels is None:
        pytest.skip("statsmodels' lasso is a loop in Python")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        params = benchmark.pedantic(lambda: chosen.statsmodels(X, y), rounds=1)
    check(problem, params[:-1].T, params[-1])


@pytest.fixture(scope="module")
def path():
    X, y = PROBLEMS["lasso"].rows()
    model = LassoRegressor().fit(X, y)
    return X, y, model.lam_max_ * np.geomspace(1.0, 1e-3, 100)


@pytest.mark.benchmark(group="lasso path of 100 weights, 200,000 x 100, moments included")
class TestPath:
    """Goal: as fast as scikit-learn's to 1e-10, with a certificate for each weight."""

    def test_pyrometer(self, benchmark, path, threads):
        X, y, lam = path
        found = benchmark(lambda: LassoRegressor().fit(X, y).path(lam))
        assert (found.digits > 10).all()

    @pytest.mark.rival("scikit-learn")
    def test_scikit_learn(self, benchmark, path, threads):
        X, y, lam = path
        how = {"alphas": 0.5 * lam, "tol": 1e-10, "precompute": True}
        centred = X - X.mean(axis=0), y - y.mean()
        _, coefficients, _ = benchmark.pedantic(lambda: linear_model.lasso_path(*centred, **how), rounds=1)
        found = LassoRegressor().fit(X, y).path(lam).parameters[:, :-1]
        np.testing.assert_allclose(coefficients.T, found, atol=1e-5)
