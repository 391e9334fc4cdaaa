"""What this machine can do, measured in the run that is compared with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class Machine:
    """Rates of one thread: double-precision matrix product (GFLOP/s) and reading of memory (GB/s)."""

    gflops: float
    gbytes: float


def fastest(work: Callable[[], Any], repeats: int = 7) -> float:
    """Return the least time of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.fixture(scope="session")
def machine() -> Machine:
    """Return the rates of one thread of this machine, by the BLAS that NumPy has."""
    square = np.random.default_rng(0).standard_normal((1024, 1024))
    long = np.ones(1 << 25)
    with threadpool_limits(1):
        product = fastest(lambda: square @ square)
        read = fastest(lambda: long @ long)
    return Machine(gflops=2 * 1024**3 / product / 1e9, gbytes=long.nbytes / read / 1e9)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Limit BLAS and OpenMP to one thread."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def record(benchmark: Any, machine: Machine) -> Callable[..., None]:
    """Note the rate of the benchmark that has just run: `record(flops=..., moved=...)`, counts of one call."""

    def note(*, flops: float = 0.0, moved: float = 0.0) -> None:
        if benchmark.stats is None:  # run once, as a test
            return
        seconds = benchmark.stats.stats.min
        for name, count, peak in (("GFLOP/s", flops, machine.gflops), ("GB/s", moved, machine.gbytes)):
            if count:
                benchmark.extra_info[name] = round(count / seconds / 1e9, 2)
                benchmark.extra_info[f"{name} of one thread's best"] = round(count / seconds / 1e9 / peak, 3)

    return note
