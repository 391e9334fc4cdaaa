"""Sampled absolute errors and cross entropies against NumPy and PyTorch, on one thread and on two.

10,000 rows of 50 features. Goal: absolute error at 85 % of the machine's matrix-product rate, counting 2 m n flops a
draw (the losses and the draws on top); cross entropy 2.5 times as fast as the better of NumPy and PyTorch. The rivals
draw 500 parameter vectors at a time, which keeps their margins near the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pyrometer import _core

ROWS, FEATURES, SAMPLES, BLOCK = 10_000, 50, 4000, 500
LOSSES = ["absolute", "cross-entropy"]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((ROWS, FEATURES))
Y = RNG.integers(0, 2, ROWS).astype(float)
SCALE = np.full(FEATURES, 0.2)


def exact(loss: str) -> float:
    """Mean energy under the normal law, where the margin of row i is normal: Gauss-Legendre in the deviation."""
    node, weight = np.polynomial.legendre.leggauss(400)
    z = 12 * node
    t = np.linalg.norm(X * SCALE, axis=1)[:, None] * z
    energy = abs(Y[:, None] - t) if loss == "absolute" else np.logaddexp(0, t)
    return float((energy @ (12 * weight * np.exp(-(z**2) / 2))).mean() / np.sqrt(2 * np.pi))


@pytest.fixture(params=LOSSES)
def loss(request: Any, benchmark: Any) -> str:
    benchmark.group = f"{request.param}, {SAMPLES} draws"
    return str(request.param)


@pytest.fixture(params=[1, 2], ids=lambda threads: f"threads={threads}")
def threads(request: Any) -> int:
    return int(request.param)


def check(loss: str, mean: float, error: float) -> None:
    assert abs(mean - exact(loss)) < 5 * error + 1e-4  # where an absolute error has its kink, the rule errs by 1e-5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ours(benchmark: Any, record: Callable[..., None], loss: str, threads: int, dtype: Any) -> None:
    data = X[None].astype(dtype), Y[None].astype(dtype)
    mean, error, _ = benchmark(_core.sample_rows, *data, False, loss, SCALE[None], FEATURES, (1, 2), SAMPLES, threads)
    check(loss, mean[0, 0], error[0, 0])
    record(flops=2.0 * ROWS * FEATURES * SAMPLES)


def estimate(energies: list[np.ndarray]) -> tuple[float, float]:
    joined = np.concatenate(energies)
    return float(joined.mean()), float(joined.std(ddof=1) / np.sqrt(joined.size))


def test_numpy(benchmark: Any, loss: str, threads: int) -> None:
    rng = np.random.default_rng(1)
    t, scratch = np.empty((ROWS, BLOCK)), np.empty((ROWS, BLOCK))

    def block() -> np.ndarray:
        np.matmul(X, SCALE[:, None] * rng.standard_normal((FEATURES, BLOCK)), out=t)
        if loss == "absolute":
            return np.abs(np.subtract(t, Y[:, None], out=t), out=t).mean(axis=0)
        linear = (1 - Y) @ t / ROWS - np.minimum(t, 0, out=scratch).mean(axis=0)
        np.exp(np.negative(np.abs(t, out=t), out=t), out=t)
        return linear + np.log1p(t, out=t).mean(axis=0)

    with threadpool_limits(threads):
        check(loss, *benchmark(lambda: estimate([block() for _ in range(SAMPLES // BLOCK)])))


def test_torch(benchmark: Any, loss: str, threads: int) -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    features, target, scale = torch.from_numpy(X), torch.from_numpy(Y)[:, None], torch.from_numpy(SCALE)[:, None]

    def block() -> np.ndarray:
        t = features @ (scale * torch.randn(FEATURES, BLOCK, dtype=torch.float64))
        if loss == "absolute":
            return t.sub_(target).abs_().mean(dim=0).numpy()
        linear = ((1 - target) * t).mean(dim=0)
        return (linear + torch.nn.functional.softplus(t.neg_()).mean(dim=0)).numpy()

    try:
        check(loss, *benchmark(lambda: estimate([block() for _ in range(SAMPLES // BLOCK)])))
    finally:
        torch.set_num_threads(before)


def test_a_batch_of_small_systems(benchmark: Any, record: Callable[..., None], loss: str) -> None:
    benchmark.group = f"{loss}, 250 systems of 200 x 8, 400 draws"
    data = X[:, :40].reshape(250, 200, 8), np.resize(Y, (250, 200))
    mean = benchmark(_core.sample_rows, *data, False, loss, np.ones((1, 8)), 8, (1, 2), 400, 1)[0]
    t = data[0][0] @ _core.normals((1, 2), 0, 400, 0, 8)
    y = data[1][0][:, None]
    expected = abs(y - t) if loss == "absolute" else np.logaddexp(0, -t) + (1 - y) * t
    assert mean[0, 0] == pytest.approx(expected.mean())
    record(flops=2.0 * 250 * 200 * 8 * 400)
