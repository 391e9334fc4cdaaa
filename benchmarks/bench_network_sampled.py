"""Sampled energies of networks against NumPy, PyTorch and JAX, on one thread and on two, in both precisions.

1000 rows, 64-256-256-256-10, the energies of all layers of every draw, 2 m N flops a draw for N weights. Goal: 75 % of
NumPy's matrix products, measured in the same run, with the random numbers and the activations on top.

Then seconds to a relative standard error of 0.1 % of the last energy of 64-256-256-10: the time of a draw times the
number of draws that their variance asks for. Ours averages over the last layer and uses as many rows as
`network_rows` says. Goal: a tenth of the best rival's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pyrometer import _core

DEEP, SHORT = (64, 256, 256, 256, 10), (64, 256, 256, 10)
ROWS, SAMPLES = 1000, 40
SEED = (1, 2)
X = np.random.default_rng(0).standard_normal((ROWS, DEEP[0]))
TYPES = [np.float64, np.float32]

Draw = Callable[[tuple[int, ...], int], np.ndarray]  # energies of all layers, (samples, L)


def weights(widths: tuple[int, ...]) -> int:
    return sum(a * b for a, b in pairwise(widths))


def he(widths: tuple[int, ...]) -> np.ndarray:
    return np.sqrt(2 / np.array(widths[:-1], dtype=float))


@pytest.fixture(params=["tanh", "relu"])
def activation(request: Any) -> str:
    return str(request.param)


@pytest.fixture(params=TYPES, ids=["float64", "float32"])
def dtype(request: Any) -> Any:
    return request.param


def normal(widths: np.ndarray) -> np.ndarray:
    """Normal weights and biases in every layer."""
    return np.repeat([np.inf, np.inf, 1.0, 1.0], len(widths) - 1).reshape(4, -1)


def ours(activation: str, dtype: Any, threads: int, rows: int = 0, averaged: bool = False) -> Draw:
    data = X.astype(dtype)

    def draw(widths: tuple[int, ...], samples: int) -> np.ndarray:
        scale = he(widths)[None]
        shape = np.array(widths, dtype=np.int64)
        energies: np.ndarray = _core.sample_network(
            data,
            shape,
            activation,
            normal(shape),
            scale,
            0 * scale,
            SEED,
            0,
            samples,
            rows,
            averaged,
            threads,
        )
        return energies[0]

    return draw


def numpy(library: Any, activation: str, dtype: Any) -> Draw:
    rng = np.random.default_rng(1)
    data = X.astype(dtype)

    def phi(z: np.ndarray) -> np.ndarray:
        return np.tanh(z, out=z) if activation == "tanh" else np.maximum(z, 0, out=z)

    def draw(widths: tuple[int, ...], samples: int) -> np.ndarray:
        energies = np.empty((samples, len(widths) - 1))
        for k in range(samples):
            x = data
            for layer, scale in enumerate(he(widths)):
                W = rng.standard_normal((widths[layer], widths[layer + 1]), dtype=dtype)
                z = x @ (W * dtype(scale))
                energies[k, layer] = np.vdot(z, z) / ROWS
                x = phi(z)
        return energies

    return draw


def torch(library: Any, activation: str, dtype: Any) -> Draw:
    data = library.from_numpy(X.astype(dtype))
    phi = library.tanh_ if activation == "tanh" else library.relu_

    def draw(widths: tuple[int, ...], samples: int) -> np.ndarray:
        energies = np.empty((samples, len(widths) - 1))
        with library.inference_mode():
            for k in range(samples):
                x = data
                for layer, scale in enumerate(he(widths)):
                    z = x @ library.randn(widths[layer], widths[layer + 1], dtype=data.dtype).mul_(scale)
                    energies[k, layer] = float(z.square().sum()) / ROWS
                    x = phi(z)
        return energies

    return draw


def jax(library: Any, activation: str, dtype: Any) -> Draw:
    data = library.numpy.asarray(X, dtype=dtype)
    phi = library.numpy.tanh if activation == "tanh" else library.nn.relu
    compiled: dict[Any, Any] = {}

    def draw(widths: tuple[int, ...], samples: int) -> np.ndarray:
        def one(key: Any) -> Any:
            x, energies = data, []
            for layer, scale in enumerate(he(widths)):
                key, part = library.random.split(key)
                W = library.random.normal(part, (widths[layer], widths[layer + 1]), dtype=dtype)
                z = x @ (W * dtype(scale))
                energies.append((z**2).sum() / ROWS)
                x = phi(z)
            return library.numpy.stack(energies)

        run = compiled.setdefault((widths, samples), library.jit(lambda keys: library.lax.map(one, keys)))
        return np.asarray(run(library.random.split(library.random.key(1), samples)))

    return draw


RIVALS = {"numpy": numpy, "torch": torch, "jax": jax}


def check(energies: np.ndarray, widths: tuple[int, ...], activation: str) -> None:
    """First energies are known for both activations, relu's all: (5.9)."""
    for layer in range(energies.shape[1] if activation == "relu" else 1):
        exact = (X**2).sum() / ROWS * 2.0 * widths[layer + 1] / widths[0]
        error = energies[:, layer].std(ddof=1) / np.sqrt(len(energies))
        assert abs(energies[:, layer].mean() - exact) < 5 * error


def product_rate(dtype: Any) -> float:
    """Flops a second of NumPy's matrix products of the size of a layer's, on the threads that it has now."""
    square = np.ones((1024, 1024), dtype)
    times = []
    for _ in range(15):
        start = time.perf_counter()
        square @ square
        times.append(time.perf_counter() - start)
    return 2 * 1024**3 / min(times)


def measure(benchmark: Any, draw: Draw, activation: str, dtype: Any) -> None:
    draw(DEEP, SAMPLES)
    check(benchmark(draw, DEEP, SAMPLES), DEEP, activation)
    if benchmark.stats is not None:
        rate = 2.0 * ROWS * weights(DEEP) * SAMPLES / benchmark.stats.stats.min
        benchmark.extra_info["of matrix product"] = round(rate / product_rate(dtype), 2)


DRAWS = pytest.mark.benchmark(group="40 sampled networks, 64-256-256-256-10")


@DRAWS
def test_pyrometer(benchmark: Any, activation: str, dtype: Any, threads: int) -> None:
    measure(benchmark, ours(activation, dtype, threads), activation, dtype)


@DRAWS
@pytest.mark.parametrize("rival", RIVALS)
def test_rival(benchmark: Any, rival: str, library: Any, activation: str, dtype: Any, threads: int) -> None:
    measure(benchmark, RIVALS[rival](library, activation, dtype), activation, dtype)


def seconds_to_a_thousandth(benchmark: Any, energies: np.ndarray) -> None:
    last = energies[:, -1]
    draws = (1000 * last.std(ddof=1) / last.mean()) ** 2
    benchmark.extra_info |= {"draws": round(draws), "part": len(last) / draws}


ERROR = pytest.mark.benchmark(group="sampled networks to a relative error of 0.1 %, 64-256-256-10")


@ERROR
def test_error_pyrometer(benchmark: Any, activation: str, threads: int) -> None:
    scale, shape = he(SHORT)[None], np.array(SHORT, dtype=np.int64)
    rows = _core.network_rows(X, shape, activation, normal(shape), scale, 0 * scale, True, threads)
    energies = benchmark(ours(activation, np.float64, threads, rows, averaged=True), SHORT, 400)
    if activation == "relu":
        exact = (X**2).sum() / ROWS * 2.0 * SHORT[-1] / SHORT[0]
        assert abs(energies[:, -1].mean() - exact) < 5 * energies[:, -1].std(ddof=1) / 20
    benchmark.extra_info["rows"] = rows
    seconds_to_a_thousandth(benchmark, energies)


@ERROR
@pytest.mark.parametrize("rival", RIVALS)
def test_error_rival(benchmark: Any, rival: str, library: Any, activation: str, threads: int) -> None:
    draw = RIVALS[rival](library, activation, np.float64)
    draw(SHORT, 100)
    energies = benchmark.pedantic(draw, (SHORT, 100), rounds=3)
    check(energies, SHORT, activation)
    seconds_to_a_thousandth(benchmark, energies)
