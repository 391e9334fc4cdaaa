"""Sampled squared-error energies against what a NumPy user would write, on one thread and on two.

Goal: three times faster than NumPy on the same second moments (draws, then an einsum or a matrix product), both sizes;
a batch of laws at a third of the machine's matrix-product rate or better. The rows, of which there are 1,000 here, cost
NumPy a matrix product more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyrometer import _core

SEED = (1, 2)
ROWS = 1000
SAMPLES = {10: 20_000, 100: 5_000}


class Problem:
    """Random data without intercept, their moments, and normal laws."""

    def __init__(self, features: int, laws: int = 1) -> None:
        rng = np.random.default_rng(0)
        self.features, self.samples = features, SAMPLES[features]
        self.X = rng.standard_normal((ROWS, features)) + 1
        self.y = rng.standard_normal(ROWS)
        data = np.column_stack([self.X, self.y])
        self.mean = data.mean(axis=0)
        centred = data - self.mean
        self.scatter = centred.T @ centred
        self.second = self.scatter / ROWS + np.outer(self.mean, self.mean)
        self.scale = np.linspace(0.5, 1.5, laws)[:, None] * np.ones(features)

    def sample(self, threads: int) -> tuple[np.ndarray, np.ndarray]:
        moments = ROWS, self.mean[None], self.scatter[None], False
        return _core.sample_squares(
            *moments, self.scale, self.features, 0.0, 0.0, 0, SEED, 0, self.samples // len(self.scale), threads
        )

    def check(self, value: Any, error: Any) -> None:
        """Compare with the closed form, in standard errors."""
        expected = self.scale**2 @ np.diag(self.second)[:-1] + self.second[-1, -1]
        assert (np.abs(np.ravel(value) - expected) < 5 * np.ravel(error)).all()


def estimate(energies: np.ndarray) -> tuple[float, float]:
    return energies.mean(), energies.std(ddof=1) / np.sqrt(energies.size)


pytestmark = pytest.mark.parametrize("features", SAMPLES)


@pytest.fixture
def problem(features: int) -> Problem:
    """Return a problem of one law."""
    return Problem(features)


@pytest.mark.benchmark(group="sampled squared errors, 20,000 draws of 10, 5,000 of 100")
def test_pyrometer(benchmark: Any, record: Callable[..., None], problem: Problem, threads: int) -> None:
    problem.check(*benchmark(problem.sample, threads))
    record(flops=problem.samples * problem.features * (problem.features + 8.0))


@pytest.mark.rival("NumPy on moments")
@pytest.mark.benchmark(group="sampled squared errors, 20,000 draws of 10, 5,000 of 100")
@pytest.mark.parametrize("how", ["einsum", "product"])
def test_numpy_on_moments(benchmark: Any, problem: Problem, how: str, threads: int) -> None:
    rng = np.random.default_rng(1)

    def sample() -> tuple[float, float]:
        t = np.full((problem.samples, problem.features + 1), -1.0)
        t[:, :-1] = problem.scale[0] * rng.standard_normal((problem.samples, problem.features))
        if how == "einsum":
            return estimate(np.einsum("ki,ij,kj->k", t, problem.second, t, optimize=True))
        return estimate(((t @ problem.second) * t).sum(axis=1))

    problem.check(*benchmark(sample))


@pytest.mark.rival("NumPy on rows")
@pytest.mark.benchmark(group="sampled squared errors, 20,000 draws of 10, 5,000 of 100")
def test_numpy_on_rows(benchmark: Any, problem: Problem, threads: int) -> None:
    rng = np.random.default_rng(1)

    def sample() -> tuple[float, float]:
        theta = problem.scale[0] * rng.standard_normal((problem.samples, problem.features))
        return estimate(((theta @ problem.X.T - problem.y) ** 2).mean(axis=1))

    problem.check(*benchmark(sample))


@pytest.mark.benchmark(group="sampled squared errors of 50 laws, 20,000 energies of 10, 5,000 of 100")
def test_a_batch_of_50_laws(benchmark: Any, record: Callable[..., None], features: int, threads: int) -> None:
    batch = Problem(features, laws=50)
    batch.check(*benchmark(batch.sample, threads))
    record(flops=batch.samples * features * (features + 8.0))


@pytest.mark.rival("NumPy on moments, product")
@pytest.mark.benchmark(group="sampled squared errors of 50 laws, 20,000 energies of 10, 5,000 of 100")
def test_numpy_on_50_laws(benchmark: Any, features: int, threads: int) -> None:
    batch = Problem(features, laws=50)
    rng = np.random.default_rng(1)

    def sample() -> tuple[np.ndarray, np.ndarray]:
        draws = batch.samples // 50
        t = np.full((50, draws, features + 1), -1.0)
        t[:, :, :-1] = batch.scale[:, None] * rng.standard_normal((draws, features))
        energies = ((t @ batch.second) * t).sum(axis=2)
        return energies.mean(axis=1), energies.std(axis=1, ddof=1) / np.sqrt(draws)

    batch.check(*benchmark(sample))
