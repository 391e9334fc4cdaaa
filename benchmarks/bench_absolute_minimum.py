"""Least absolute deviations: against statsmodels, HiGHS (through SciPy) and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.linear_model import QuantileRegressor
from statsmodels.regression.quantile_regression import QuantReg

from pyrometer import _core

# Beyond this scikit-learn's use of HiGHS takes minutes.
RIVALS_ROWS = 5_000


def made(m, p, seed=0):
    rng = np.random.default_rng([p, seed])
    X = rng.standard_normal((m, p))
    y = X.sum(axis=1) + rng.standard_normal(m)
    return X, y


def energy(X, y, parameters):
    return np.abs(y - X @ parameters[:-1] - parameters[-1]).mean()


@pytest.fixture(scope="module", params=[(5_000, 20), (100_000, 20), (1_000_000, 10)], ids=str)
def data(request):
    X, y = made(*request.param)
    value, _, gap, _ = _core.least_absolute(X[None], y[None], True, 1)
    assert gap[0] <= 1e-12 * value[0]
    return X, y, value[0]


@pytest.mark.benchmark(group="least absolute deviations")
class TestOneSystem:
    """Goal: five times faster than the best rival, with a certificate, at an equal or better energy."""

    def test_pyrometer(self, benchmark, record, data, threads):
        X, y, answer = data
        value, parameters, gap, _ = benchmark(_core.least_absolute, X[None], y[None], True, threads)
        assert energy(X, y, parameters[0]) == pytest.approx(answer, rel=1e-12)
        assert gap[0] <= 1e-12 * value[0]
        record(moved=2 * X.nbytes)

    @pytest.mark.rival("statsmodels")
    def test_statsmodels(self, benchmark, data, one_thread):
        X, y, answer = data
        A = np.column_stack([X, np.ones(len(y))])
        found = benchmark.pedantic(lambda: QuantReg(y, A).fit(q=0.5), rounds=1)
        assert answer <= energy(X, y, found.params) * (1 + 1e-12)
        assert energy(X, y, found.params) == pytest.approx(answer, rel=1e-6)

    @pytest.mark.rival("SciPy, HiGHS")
    def test_scipy_highs(self, benchmark, data, one_thread):
        X, y, answer = data
        m, p = X.shape
        if m > 100_000:
            pytest.skip("takes many minutes")
        A = sparse.csr_matrix(np.column_stack([X, np.ones(m)]))

        def solve():  # the dual: n rows, and a box
            return -linprog(-y / m, A_eq=A.T, b_eq=np.zeros(p + 1), bounds=(-1, 1), method="highs").fun

        assert benchmark.pedantic(solve, rounds=1) == pytest.approx(answer, rel=1e-7)

    @pytest.mark.rival("scikit-learn, HiGHS")
    def test_scikit_learn(self, benchmark, data, one_thread):
        X, y, answer = data
        if len(y) > RIVALS_ROWS:
            pytest.skip("takes many minutes")
        model = QuantileRegressor(quantile=0.5, alpha=0, solver="highs")
        benchmark.pedantic(lambda: model.fit(X, y), rounds=1)
        assert energy(X, y, np.append(model.coef_, model.intercept_)) == pytest.approx(answer, rel=1e-7)


@pytest.fixture(scope="module")
def stack():
    X, y = zip(*(made(200, 8, seed) for seed in range(500)), strict=True)
    return np.array(X), np.array(y)


@pytest.mark.benchmark(group="least absolute deviations, 500 systems of 200 x 8")
class TestStack:
    """Goal: a hundred times faster than a loop over statsmodels, which here does 20 of the 500."""

    def test_pyrometer(self, benchmark, stack, threads):
        value, _, gap, _ = benchmark(_core.least_absolute, *stack, True, threads)
        assert (gap <= 1e-12 * value).all()

    @pytest.mark.rival("statsmodels")
    @pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.IterationLimitWarning")
    def test_statsmodels(self, benchmark, stack, one_thread):
        X, y = stack
        value = _core.least_absolute(X, y, True, 1)[0]
        designs = [np.column_stack([a, np.ones(200)]) for a in X[:20]]

        def solve():
            return [QuantReg(b, A).fit(q=0.5).params for A, b in zip(designs, y[:20], strict=True)]

        found = benchmark.pedantic(solve, rounds=1)
        benchmark.extra_info["part"] = 20 / 500
        for s, parameters in enumerate(found):
            assert energy(X[s], y[s], parameters) == pytest.approx(value[s], rel=1e-4)
