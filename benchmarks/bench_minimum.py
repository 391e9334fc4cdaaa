"""Minimum energies: from moments against NumPy's solver, from rows against LAPACK, the lasso against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, lasso_path

from pyrometer import Moments, _core


def least_squares_flops(p: int) -> float:
    return p**3 / 3 + 6 * p**2


@pytest.fixture(scope="module", params=[(10_000, 200, 8), (1, 20_000, 100), (1, 5_000, 1_000)], ids=str)
def stack(request):
    systems, m, p = request.param
    rng = np.random.default_rng(p)
    X = rng.standard_normal((systems, m, p))
    y = X.sum(axis=-1) + rng.standard_normal((systems, m))
    moments = Moments.of(X, y)
    centred = X - X.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    theta = np.linalg.lstsq(centred[0][0], centred[1][0], rcond=None)[0]
    return X, y, moments, np.mean((centred[1][0] - centred[0][0] @ theta) ** 2)


@pytest.mark.benchmark(group="least squares from moments")
class TestMoments:
    """Goal: within 3 times NumPy's batched LU, which has no pivots for rank, no condition and no certificate."""

    def test_pyrometer(self, benchmark, record, stack, one_thread):
        _, _, moments, answer = stack
        value = benchmark(_core.least_squares, moments.count, moments.mean, moments.scatter, True, 0.0, True, 1)[0]
        assert value[0] == pytest.approx(answer, rel=1e-10)
        record(flops=len(value) * least_squares_flops(moments.mean.shape[1] - 1))

    def test_numpy_solve(self, benchmark, record, stack, one_thread):
        _, _, moments, answer = stack

        def solve():
            G, h = moments.scatter[:, :-1, :-1], moments.scatter[:, :-1, -1:]
            return (moments.scatter[:, -1, -1] - (h * np.linalg.solve(G, h)).sum(axis=(1, 2))) / moments.count

        assert benchmark(solve)[0] == pytest.approx(answer, rel=1e-10)
        record(flops=len(moments.mean) * least_squares_flops(moments.mean.shape[1] - 1))


@pytest.mark.benchmark(group="least squares from rows")
class TestRows:
    """Goal: faster than LAPACK's least squares (SVD) and than scikit-learn, with all digits instead of some."""

    def test_pyrometer(self, benchmark, record, stack, one_thread):
        X, y, moments, answer = stack
        X, y, mean = X[:500], y[:500], moments.mean[:500]
        value = benchmark(_core.least_squares_rows, X, y, mean, True, 0.0, True, 1)[0]
        assert value[0] == pytest.approx(answer, rel=1e-12)
        record(flops=2 * X.size * X.shape[2])

    def test_numpy_lstsq(self, benchmark, record, stack, one_thread):
        X, y, _, answer = stack
        X, y = X[:500], y[:500]
        ones = np.ones((X.shape[1], 1))

        def solve():
            designs = (np.hstack([a, ones]) for a in X)
            return [np.linalg.lstsq(A, b, rcond=None)[1][0] / len(b) for A, b in zip(designs, y, strict=True)]

        assert benchmark(solve)[0] == pytest.approx(answer, rel=1e-10)
        record(flops=2 * X.size * X.shape[2])

    def test_scikit_learn(self, benchmark, record, stack, one_thread):
        X, y, _, answer = stack
        X, y = X[:500], y[:500]

        def solve():
            return [LinearRegression().fit(a, b) for a, b in zip(X, y, strict=True)]

        fit = benchmark(solve)[0]
        assert np.mean((y[0] - fit.predict(X[0])) ** 2) == pytest.approx(answer, rel=1e-10)
        record(flops=2 * X.size * X.shape[2])


@pytest.fixture(scope="module", params=[(0.3, 0.0), (0.02, 0.0), (0.3, 0.9)], ids=["sparse", "dense", "correlated"])
def lasso(request):
    lam, share = request.param
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20_000, 500)) + share * 3 * rng.standard_normal((20_000, 1))
    X = np.asfortranarray(X - X.mean(axis=0))
    y = X[:, :100] @ rng.standard_normal(100) + rng.standard_normal(20_000)
    y -= y.mean()
    return X, y, lam, Moments.of(X, y)


@pytest.mark.benchmark(group="lasso")
class TestLasso:
    """Both from a Gram matrix, to a gap of 1e-10. Goal: faster than scikit-learn's coordinate descent on each."""

    def test_pyrometer(self, benchmark, lasso, one_thread):
        X, y, lam, moments = lasso
        value, theta, gap, *_ = benchmark(
            _core.lasso, moments.count, moments.mean[None], moments.scatter[None], False, lam, True, 1
        )
        assert gap[0] < 1e-10 * value[0]
        assert np.mean((y - X @ theta[0]) ** 2) + lam * np.abs(theta).sum() == pytest.approx(value[0], rel=1e-10)

    def test_scikit_learn(self, benchmark, lasso, one_thread):
        X, y, lam, moments = lasso
        gram, product = moments.scatter[:-1, :-1].copy(), moments.scatter[:-1, -1].copy()

        def solve():
            return lasso_path(
                X, y, alphas=[lam / 2], precompute=gram, Xy=product, tol=1e-10, max_iter=100_000, check_input=False
            )

        theta = benchmark(solve)[1][:, 0]
        value = _core.lasso(moments.count, moments.mean[None], moments.scatter[None], False, lam, True, 1)[0][0]
        assert np.mean((y - X @ theta) ** 2) + lam * np.abs(theta).sum() == pytest.approx(value, rel=1e-9)
