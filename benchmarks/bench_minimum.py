"""Minimum energies: from moments against NumPy's solver, from rows against LAPACK, the lasso against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, lasso_path

from pyrometer import Moments, _core


def least_squares_flops(p: int) -> float:
    return p**3 / 3 + 6 * p**2


@pytest.fixture(scope="module", params=[(2_000, 200, 8), (1, 20_000, 100), (1, 5_000, 1_000)], ids=str)
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

    def test_pyrometer(self, benchmark, record, stack, threads):
        _, _, moments, answer = stack
        state = moments.count, moments.mean, moments.scatter
        value = benchmark(_core.least_squares, *state, True, 0.0, True, threads)[0]
        assert value[0] == pytest.approx(answer, rel=1e-10)
        record(flops=len(value) * least_squares_flops(moments.mean.shape[1] - 1))

    @pytest.mark.rival("NumPy, solve")
    def test_numpy_solve(self, benchmark, record, stack, threads):
        _, _, moments, answer = stack

        def solve():
            G, h = moments.scatter[:, :-1, :-1], moments.scatter[:, :-1, -1:]
            return (moments.scatter[:, -1, -1] - (h * np.linalg.solve(G, h)).sum(axis=(1, 2))) / moments.count

        assert benchmark(solve)[0] == pytest.approx(answer, rel=1e-10)
        record(flops=len(moments.mean) * least_squares_flops(moments.mean.shape[1] - 1))


@pytest.mark.benchmark(group="least squares from rows")
class TestRows:
    """Goal: faster than LAPACK's least squares (SVD) and than scikit-learn, with all digits instead of some."""

    def test_pyrometer(self, benchmark, record, stack, threads):
        X, y, moments, answer = stack
        value = benchmark(_core.least_squares_rows, X, y, moments.mean, True, 0.0, True, threads)[0]
        assert value[0] == pytest.approx(answer, rel=1e-12)
        record(flops=2 * X.size * X.shape[2])
        if X.shape[2] >= 1000:
            benchmark.extra_info["limited by"] = "panels of 48 columns, which take half of the time beside the products"

    @pytest.mark.rival("NumPy, lstsq")
    def test_numpy_lstsq(self, benchmark, record, stack, threads):
        X, y, _, answer = stack
        ones = np.ones((X.shape[1], 1))

        def solve():
            designs = (np.hstack([a, ones]) for a in X)
            return [np.linalg.lstsq(A, b, rcond=None)[1][0] / len(b) for A, b in zip(designs, y, strict=True)]

        assert benchmark(solve)[0] == pytest.approx(answer, rel=1e-10)
        record(flops=2 * X.size * X.shape[2])

    @pytest.mark.rival("scikit-learn")
    def test_scikit_learn(self, benchmark, record, stack, threads):
        X, y, _, answer = stack

        def solve():
            return [LinearRegression().fit(a, b) for a, b in zip(X, y, strict=True)]

        fit = benchmark(solve)[0]
        assert np.mean((y[0] - fit.predict(X[0])) ** 2) == pytest.approx(answer, rel=1e-10)
        record(flops=2 * X.size * X.shape[2])


@pytest.fixture(scope="module", params=["uncorrelated", "correlated"])
def lasso(request):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20_000, 500)) + (2.7 if request.param == "correlated" else 0.0) * rng.standard_normal(
        (20_000, 1)
    )
    X = np.asfortranarray(X - X.mean(axis=0))
    y = X[:, :100] @ rng.standard_normal(100) + rng.standard_normal(20_000)
    y -= y.mean()
    moments = Moments.of(X, y)
    largest = 2 * np.abs(moments.scatter[:-1, -1]).max() / len(y)
    return X, y, moments, np.geomspace(largest, largest / 1000, 21)[1:]


def energies(X, y, lam, theta):
    return np.mean((y[:, None] - X @ theta) ** 2, axis=0) + lam * np.abs(theta).sum(axis=0)


@pytest.mark.benchmark(group="lasso, p = 500")
@pytest.mark.parametrize("points", [1, 20])
class TestLasso:
    """From a Gram matrix to a gap of 1e-12, a point of middle weight or a path of 20; celer goes without the matrix.

    Goal: faster than scikit-learn's and celer's coordinate descent.
    """

    def weights(self, path, points):
        return path if points > 1 else path[9:10]

    def best(self, moments, weights):
        return _core.lasso(moments.count, moments.mean[None], moments.scatter[None], False, weights, True, 1)

    def test_pyrometer(self, benchmark, lasso, points, one_thread):
        X, y, moments, path = lasso
        weights = self.weights(path, points)
        value, theta, gap, *_ = benchmark(self.best, moments, weights)
        assert np.all(gap < 1e-12 * value)
        np.testing.assert_allclose(energies(X, y, weights, theta[0].T), value[0], rtol=1e-10)
        if points > 1:
            benchmark.extra_info["limited by"] = "gaps, conditions and bounds of parameters, a third of the time"

    @pytest.mark.rival("scikit-learn, Gram matrix")
    def test_scikit_learn(self, benchmark, lasso, points, one_thread):
        X, y, moments, path = lasso
        weights = self.weights(path, points)
        gram, product = moments.scatter[:-1, :-1].copy(), moments.scatter[:-1, -1].copy()

        def solve():
            return lasso_path(
                X, y, alphas=weights / 2, precompute=gram, Xy=product, tol=1e-13, max_iter=100_000, check_input=False
            )

        theta = benchmark.pedantic(solve, rounds=3)[1]
        np.testing.assert_allclose(energies(X, y, weights, theta), self.best(moments, weights)[0][0], rtol=1e-10)

    @pytest.mark.rival("celer, rows")
    def test_celer(self, benchmark, lasso, points, one_thread, request):
        celer = pytest.importorskip("celer")
        if points > 1 and "uncorrelated" not in request.node.callspec.id:
            pytest.skip("takes minutes")
        X, y, moments, path = lasso
        weights = self.weights(path, points)

        def solve():
            return celer.celer_path(X, y, pb="lasso", alphas=weights / 2, tol=1e-10, max_iter=500, max_epochs=100_000)

        theta = benchmark.pedantic(solve, rounds=1)[1]
        np.testing.assert_allclose(energies(X, y, weights, theta), self.best(moments, weights)[0][0], rtol=1e-6)
