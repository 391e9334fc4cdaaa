"""The lowest softmax cross entropy against scikit-learn and statsmodels; glum has no family of more than two classes.

Every answer is checked before it is timed: energy and gradient.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from pyrometer import _core

SHAPES = [(1_000_000, 20, 3), (100_000, 50, 10)]


class Data:
    """Rows with standard normal features, classes drawn from a softmax model, and the checked minimum."""

    def __init__(self, m: int, n: int, classes: int) -> None:
        rng = np.random.default_rng(n)
        self.classes = classes
        self.X = rng.standard_normal((m, n))
        logits = self.X @ rng.normal(scale=0.5, size=(n, classes)) + rng.gumbel(size=(m, classes))
        self.y = logits.argmax(axis=1).astype(float)
        self.value = float(_core.softmax(self.X[None], self.y[None], classes, True, 0)[0][0])

    def check(self, theta, gradient: float = 1e-8) -> None:
        Z = self.X @ theta[:, :-1].T + theta[:, -1]
        total = logsumexp(Z, axis=1)
        own = Z[np.arange(len(Z)), self.y.astype(int)]
        assert (total - own).mean() == pytest.approx(self.value, rel=1e-11)
        P = np.exp(Z - total[:, None])
        P[np.arange(len(Z)), self.y.astype(int)] -= 1.0
        assert max(np.abs(self.X.T @ P).max(), np.abs(P.sum(0)).max()) / len(Z) < gradient


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def data(request) -> Data:
    return Data(*request.param)


def run(benchmark, data: Data, solve, *, gradient: float = 1e-7, rounds: int = 3) -> None:
    data.check(solve(), gradient)  # warms up as well
    benchmark.pedantic(solve, rounds=rounds)


@pytest.mark.benchmark(group="lowest softmax cross entropy")
def test_pyrometer(benchmark, record, data, threads):
    """Goal: faster than the best rival on one thread, 1.6 times faster again on two."""

    def solve():
        found = _core.softmax(data.X[None], data.y[None], data.classes, True, threads)
        return found[1][0].reshape(data.classes, -1)

    run(benchmark, data, solve, gradient=1e-9, rounds=9)
    record(moved=10 * data.X.nbytes)


@pytest.mark.rival("scikit-learn")
@pytest.mark.benchmark(group="lowest softmax cross entropy")
@pytest.mark.parametrize("how", ["lbfgs", "newton-cholesky"])
def test_scikit_learn(benchmark, data, threads, how):
    """scikit-learn without a penalty."""

    def solve():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(C=np.inf, solver=how, tol=1e-7, max_iter=1000).fit(data.X, data.y)
        return np.column_stack([model.coef_, model.intercept_])

    run(benchmark, data, solve)


@pytest.mark.rival("statsmodels, MNLogit")
@pytest.mark.benchmark(group="lowest softmax cross entropy")
def test_statsmodels(benchmark, data, threads):
    """statsmodels' Newton method."""
    if data.classes > 3:
        pytest.skip("minutes, and many times the memory of the rows")

    def solve():
        fitted = sm.MNLogit(data.y, np.column_stack([data.X, np.ones(len(data.X))])).fit(disp=0, tol=1e-10)
        return np.vstack([np.zeros(len(fitted.params)), fitted.params.T])

    run(benchmark, data, solve, rounds=1)
