"""Second moments of data against NumPy's ``X.T @ X`` (raw: neither centred nor checked) and ``np.cov``.

Goals, of what one thread of the machine can do: few columns (p = 10) 60 % of the bandwidth for reading; many (p = 100)
85 % of the matrix product, 75 % of it for each of two threads; from p = 500 on no slower than ``X.T @ X``, which makes
one triangle as we do. Flops are counted as m p^2 for all.

Limits: p = 10 makes 23 fused products of four numbers a row, which take longer than reading it.
p = 50 and 100 count 0.83 and 0.91 of the products that whole vectors make. float32 is summed in float64, where products
are exact, at the rate of a matrix product of float64: NumPy's product of float32 takes half the time from p = 500 on,
and its sums have 7 digits less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyrometer import _core

SIZES = [(1_000_000, 10), (200_000, 100), (50_000, 500)]
Record = Callable[..., None]


@pytest.fixture(scope="module", params=SIZES, ids=str)
def rows(request: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    m, p = request.param
    return rng.random((m, p)), rng.random(m)


def check(scatter: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    """Compare some columns with two passes over the data: the error, relative to the rows."""
    Z = np.column_stack([X[:, :3], X[:, -2:], y])
    Z -= Z.mean(axis=0)
    few = [0, 1, 2, X.shape[1] - 2, X.shape[1] - 1, X.shape[1]]
    error = float(np.abs(scatter[np.ix_(few, few)] - Z.T @ Z).max()) / len(Z)
    assert error < 1e-9
    return error


def work(X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return {"flops": X.shape[0] * X.shape[1] ** 2, "moved": X.nbytes + y.nbytes}


@pytest.mark.benchmark(group="second moments")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pyrometer(benchmark: Any, record: Record, rows: Any, dtype: str, threads: int) -> None:
    X, y = (part.astype(dtype) for part in rows)
    scatter = benchmark(_core.second_moments, X[None], y[None], threads)[1]
    error = check(scatter[0], X.astype(float), y.astype(float))
    benchmark.extra_info["error of the means of squares"] = f"{error:.0e}"
    record(**work(X, y))
    if X.shape[1] <= 10:
        benchmark.extra_info["limited by"] = "23 fused products of four numbers a row"
    elif dtype == "float32":
        benchmark.extra_info["limited by"] = "products of float64, at half the rate of the rival's float32"


@pytest.mark.rival("NumPy, X.T @ X")
@pytest.mark.benchmark(group="second moments")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numpy_product(benchmark: Any, record: Record, rows: Any, dtype: str, threads: int) -> None:
    X, y = (part.astype(dtype) for part in rows)
    product = benchmark(lambda: X.T @ X)
    error = np.abs(product[:3, :3] - np.einsum("ij,ik", X[:, :3], X[:, :3], dtype=np.float64)).max() / len(X)
    benchmark.extra_info["error of the means of squares"] = f"{error:.0e}"
    record(**work(X, y))


@pytest.mark.rival("NumPy, cov")
@pytest.mark.benchmark(group="second moments")
@pytest.mark.parametrize("dtype", ["float64"])
def test_numpy_cov(benchmark: Any, record: Record, rows: Any, dtype: str, threads: int) -> None:
    X, y = rows
    covariance = benchmark.pedantic(lambda: np.cov(X, y[:, None], rowvar=False, bias=True), rounds=3)
    check(covariance * len(y), X, y)
    record(**work(X, y))


STACK = (10_000, 200, 8)


@pytest.mark.benchmark(group="second moments, 10,000 systems of 200 x 8")
def test_pyrometer_stack(benchmark: Any, record: Record, threads: int) -> None:
    X, y = np.random.default_rng(0).random(STACK), np.random.default_rng(1).random(STACK[:2])
    scatter = benchmark(_core.second_moments, X, y, threads)[1]
    check(scatter[77], X[77], y[77])
    record(moved=X.nbytes + y.nbytes)


@pytest.mark.rival("NumPy, X.T @ X")
@pytest.mark.benchmark(group="second moments, 10,000 systems of 200 x 8")
def test_numpy_stack(benchmark: Any, record: Record, threads: int) -> None:
    X, y = np.random.default_rng(0).random(STACK), np.random.default_rng(1).random(STACK[:2])
    product = benchmark(lambda: X.swapaxes(1, 2) @ X)
    assert product.shape == (10_000, 8, 8)
    record(moved=X.nbytes + y.nbytes)
