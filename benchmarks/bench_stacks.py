"""Ten thousand small systems in one call, against what NumPy, PyTorch and JAX (vmap) do with a batch axis.

Goal: four times faster than the best of them on as many threads, values that are not finite refused included. The
rivals take raw second moments and the Cholesky or LU factors that their libraries batch: their answers lose digits that
ours keep. No temporary is as large as the data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special
from scipy.optimize import linprog

import pyrometer as pm
from pyrometer import _core

SYSTEMS, ROWS, FEATURES, SCALE = 10_000, 200, 8, 2.0
LAW = pm.Normal(SCALE)
ENTROPY = 0.5 * np.log(2 * np.pi * np.e) + np.log(SCALE)  # of a parameter
NEWTON, DRAWS = 8, 1000
RNG = np.random.default_rng(0)
X = RNG.standard_normal((SYSTEMS, ROWS, FEATURES)) + 0.3
Y = X.sum(axis=-1) + RNG.standard_normal((SYSTEMS, ROWS))
LABELS = (RNG.random((SYSTEMS, ROWS)) < special.expit(0.3 * X.sum(axis=-1))).astype(float)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)

RIVALS = pytest.mark.parametrize("rival", ["numpy", "torch", "jax"])


def system(loss: str) -> Any:
    if loss == "ce":
        return pm.LogisticRegression(X, LABELS)
    return pm.LinearRegression(X, Y, energy=loss)


def temperatures(xp: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Temperatures and whether the data are finite; the axes before the last ones are a batch."""
    transposed, (rows, features) = xp.swapaxes(X, -1, -2), X.shape[-2:]
    second, cross = transposed @ X / rows, (transposed @ y[..., None])[..., 0] / rows
    mean, target, square = X.mean(-2), y.mean(-1), (y * y).mean(-1)
    energy = SCALE**2 * (xp.einsum("...jj->...", second) + 1.0) + square
    covariance = second - mean[..., :, None] * mean[..., None, :]
    lowered = cross - mean * target[..., None]
    theta = xp.linalg.solve(covariance, lowered[..., None])[..., 0]
    least = square - target**2 - (theta * lowered).sum(-1)
    return (energy - least) / ((features + 1) * ENTROPY), xp.isfinite(X).all() & xp.isfinite(y).all()


def energies(xp: Any, erf: Callable[[Any], Any], loss: str, X: Any, y: Any) -> tuple[Any, Any]:
    """Exact mean absolute errors, or cross entropies by quadrature."""
    s = SCALE * xp.sqrt((X * X).sum(-1) + 1.0)
    if loss == "mae":
        u = y / s
        value = s * (np.sqrt(2 / np.pi) * xp.exp(-0.5 * u * u) + u * erf(u / np.sqrt(2.0)))
    else:
        value = (1.0 - y) * 0.0
        for node, weight in zip(NODES.tolist(), (WEIGHTS / WEIGHTS.sum()).tolist(), strict=True):
            value = value + weight * xp.logaddexp(s * node, 0.0 * s)
    return value.mean(-1), xp.isfinite(X).all() & xp.isfinite(y).all()


def cross_entropies(xp: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Least cross entropies by so many steps of Newton."""
    X1 = xp.concatenate([X, xp.ones_like(X[..., :1])], -1)
    transposed, theta = xp.swapaxes(X1, -1, -2), xp.zeros_like(X1[..., 0, :])
    for _ in range(NEWTON):
        p = 1.0 / (1.0 + xp.exp(-(X1 @ theta[..., None])[..., 0]))
        gradient = (transposed @ (p - y)[..., None])[..., 0]
        curvature = transposed @ (X1 * (p * (1.0 - p))[..., None])
        theta = theta - xp.linalg.solve(curvature, gradient[..., None])[..., 0]
    t = (X1 @ theta[..., None])[..., 0]
    return (xp.logaddexp(t, 0.0 * t) - y * t).mean(-1), xp.isfinite(X).all()


def prepared(library: Any, rival: str, work: Callable[..., tuple[Any, Any]], *data: np.ndarray) -> Callable[[], Any]:
    """The same formulas in each library: arrays, tensors, or one system under vmap and jit."""
    if rival == "numpy":
        arrays, made = data, lambda *arrays: work(np, *arrays)
    elif rival == "torch":
        arrays, made = tuple(map(library.from_numpy, data)), lambda *arrays: work(library, *arrays)
    else:
        arrays = tuple(map(library.numpy.asarray, data))
        made = library.jit(library.vmap(lambda *one: work(library.numpy, *one)))

    def run() -> Any:
        value, finite = made(*arrays)
        assert bool(finite.all())
        return np.asarray(value)

    run()
    return run


def erf_of(library: Any, rival: str) -> Callable[[Any], Any]:
    if rival == "numpy":
        return special.erf
    return library.special.erf if rival == "torch" else library.scipy.special.erf


@pytest.mark.benchmark(group="temperatures of 10,000 systems of 200 x 8, squared error")
class TestTemperatures:
    """Rows to temperatures: moments, minima, mean energies."""

    def test_ours(self, benchmark: Any, record: Callable[..., None], threads: int) -> None:
        value = benchmark(lambda: pm.temperature(pm.LinearRegression(X, Y), LAW, threads=threads).value)
        np.testing.assert_allclose(value, temperatures(np, X, Y)[0], rtol=1e-9)
        record(moved=X.nbytes + Y.nbytes)

    @RIVALS
    def test_rival(self, benchmark: Any, library: Any, threads: int, rival: str) -> None:
        benchmark(prepared(library, rival, temperatures, X, Y))


TINY = [(10, 1), (50, 2), (200, 1)]  # rows, features


@pytest.fixture(scope="module", params=TINY, ids=lambda shape: "{}x{}".format(*shape))
def tiny(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """Rows of so many systems that there are four million numbers in X."""
    rows, features = request.param
    rng = np.random.default_rng(rows)
    X = rng.standard_normal((min(200_000, 4_000_000 // (rows * features)), rows, features)) + 0.3
    return X, X.sum(axis=-1) + rng.standard_normal(X.shape[:-1])


@pytest.mark.benchmark(group="temperatures of stacks of tiny systems, squared error")
class TestTinyTemperatures:
    """What is done once for each system, not for each row."""

    def test_ours(self, benchmark: Any, one_thread: None, tiny: tuple[np.ndarray, np.ndarray]) -> None:
        value = benchmark(lambda: pm.temperature(pm.LinearRegression(*tiny), LAW, threads=1).value)
        np.testing.assert_allclose(value[:9], temperatures(np, tiny[0][:9], tiny[1][:9])[0], rtol=1e-9)
        benchmark.extra_info["limited by"] = "new pages for the results, where rows are few"

    @pytest.mark.rival("NumPy")
    def test_numpy(self, benchmark: Any, one_thread: None, tiny: tuple[np.ndarray, np.ndarray]) -> None:
        benchmark(prepared(np, "numpy", temperatures, *tiny))


@pytest.mark.benchmark(group="exact absolute errors of stacks of tiny systems")
class TestTinyEnergies:
    """The same row by row."""

    def test_ours(self, benchmark: Any, one_thread: None, tiny: tuple[np.ndarray, np.ndarray]) -> None:
        value = benchmark(lambda: pm.mean_energy(pm.LinearRegression(*tiny, energy="mae"), LAW, threads=1).value)
        np.testing.assert_allclose(value[:9], energies(np, special.erf, "mae", tiny[0][:9], tiny[1][:9])[0], rtol=1e-12)

    @pytest.mark.rival("NumPy")
    def test_numpy(self, benchmark: Any, one_thread: None, tiny: tuple[np.ndarray, np.ndarray]) -> None:
        benchmark(prepared(np, "numpy", lambda xp, *a: energies(xp, special.erf, "mae", *a), *tiny))


@pytest.mark.benchmark(group="minima from moments of 10,000 systems, 8 features")
def test_minima_from_moments(benchmark: Any, threads: int) -> None:
    moments = system("mse").second_moments
    value = benchmark(lambda: _core.least_squares(ROWS, moments.mean, moments.scatter, True, 0.0, True, threads)[0])
    assert np.all(value >= 0)


@pytest.mark.benchmark(group="exact energies of 10,000 systems of 200 x 8")
@pytest.mark.parametrize("loss", ["mae", "ce"])
class TestEnergies:
    """Row by row, from rows that are not yet checked."""

    def test_ours(self, benchmark: Any, record: Callable[..., None], threads: int, loss: str) -> None:
        value = benchmark(lambda: pm.mean_energy(system(loss), LAW, threads=threads).value)
        few = energies(np, special.erf, loss, X[:9], Y[:9])[0]
        np.testing.assert_allclose(value[:9], few, rtol=1e-12 if loss == "mae" else 1e-2)
        record(moved=X.nbytes + Y.nbytes)

    @RIVALS
    def test_rival(self, benchmark: Any, library: Any, threads: int, loss: str, rival: str) -> None:
        erf = erf_of(library, rival)
        data = X, LABELS if loss == "ce" else Y
        benchmark.pedantic(prepared(library, rival, lambda xp, *a: energies(xp, erf, loss, *a), *data), rounds=3)


@pytest.mark.benchmark(group="least cross entropies of 10,000 systems of 200 x 8")
class TestCrossEntropies:
    """Newton's method; ours stops where a certificate says so, the rivals after eight steps."""

    def test_ours(self, benchmark: Any, threads: int) -> None:
        value = benchmark.pedantic(lambda: _core.logistic(X, LABELS, True, threads)[0], rounds=3)
        np.testing.assert_allclose(value[:9], cross_entropies(np, X[:9], LABELS[:9])[0], rtol=1e-9)

    @RIVALS
    def test_rival(self, benchmark: Any, library: Any, threads: int, rival: str) -> None:
        benchmark.pedantic(prepared(library, rival, cross_entropies, X, LABELS), rounds=1)


def programme(X: np.ndarray, y: np.ndarray) -> float:
    """Least absolute deviations as a linear programme."""
    m, X1 = len(X), np.column_stack([X, np.ones(len(X))])
    cost = np.concatenate([np.zeros(X1.shape[1]), np.full(2 * m, 1.0 / m)])
    equal = np.concatenate([X1, np.eye(m), -np.eye(m)], axis=1)
    bounds = [(None, None)] * X1.shape[1] + [(0, None)] * (2 * m)
    return float(linprog(cost, A_eq=equal, b_eq=y, bounds=bounds).fun)


@pytest.mark.benchmark(group="least absolute deviations of 20 systems of 200 x 8")
class TestAbsoluteDeviations:
    """No library batches these; HiGHS takes one after the other."""

    def test_ours(self, benchmark: Any, threads: int) -> None:
        few = X[:20].copy(), Y[:20].copy()
        value = benchmark(lambda: _core.least_absolute(*few, True, threads)[0])
        assert value[3] == pytest.approx(programme(X[3], Y[3]), rel=1e-8)

    @pytest.mark.rival("SciPy, HiGHS")
    def test_scipy(self, benchmark: Any, one_thread: None) -> None:
        benchmark.pedantic(lambda: [programme(X[k], Y[k]) for k in range(20)], rounds=1)


@pytest.mark.benchmark(group="Monte Carlo, 1,000 draws of 10,000 systems, 8 features, squared error")
class TestMonteCarlo:
    """From second moments, all systems under the same draws."""

    def test_ours(self, benchmark: Any, threads: int) -> None:
        whole = system("mse")
        drawn = benchmark(
            lambda: pm.mean_energy(whole, LAW, method="monte-carlo", samples=DRAWS, rng=1, threads=threads)
        )
        z = (drawn.value - pm.mean_energy(whole, LAW).value) / drawn.standard_error
        assert np.abs(z).max() < 6

    @pytest.mark.rival("NumPy")
    def test_numpy(self, benchmark: Any, threads: int) -> None:
        second = system("mse").second_moments.second().reshape(SYSTEMS, -1)
        rng = np.random.default_rng(2)

        def work() -> tuple[np.ndarray, np.ndarray]:
            theta = np.concatenate([-SCALE * rng.standard_normal((DRAWS, FEATURES + 1)), np.ones((DRAWS, 1))], axis=1)
            energy = second @ (theta[:, :, None] * theta[:, None, :]).reshape(DRAWS, -1).T
            return energy.mean(axis=1), energy.std(axis=1)

        benchmark(work)


@pytest.mark.benchmark(group="sweep of a million pairs, squared error")
@pytest.mark.parametrize("how", ["stack and batch", "lists"])
def test_sweep(benchmark: Any, one_thread: None, how: str) -> None:
    """A thousand systems under a thousand laws: less than two seconds, the table included."""
    scales = np.geomspace(0.1, 100.0, 1000)
    if how == "lists":
        systems: Any = [pm.LinearRegression(X[k], Y[k]) for k in range(1000)]
        laws: Any = [pm.Normal(scale) for scale in scales]
    else:
        systems, laws = pm.LinearRegression(X[:1000], Y[:1000]), pm.Normal(scales[:, None])
    table = benchmark(lambda: pm.sweep(systems, laws, threads=1))
    assert len(table) == 1_000_000
    assert table["temperature"][1001] == pm.temperature(pm.LinearRegression(X[1], Y[1]), pm.Normal(scales[1])).value
