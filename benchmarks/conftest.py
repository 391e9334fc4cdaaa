"""What every benchmark shares: threads, the rates of this machine, and the problem and the solver of its row."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pyrometer import _core

NAMES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}
MEASURED = ("numpy", "scipy", "scikit-learn", "statsmodels", "pandas", "celer", "glum", "torch", "jax", "river")


@dataclass(frozen=True)
class Rates:
    """The best of some threads: double-precision matrix product (GFLOP/s) and reading of memory (GB/s)."""

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


def rates(threads: int) -> Rates:
    square = np.random.default_rng(0).standard_normal((2048, 2048))
    parts = np.split(np.ones(1 << 25), threads)
    with threadpool_limits(threads):
        product = fastest(lambda: square @ square)
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        read = fastest(lambda: list(pool.map(lambda part: part @ part, parts)))
    return Rates(gflops=round(2 * 2048**3 / product / 1e9, 1), gbytes=round(8 * (1 << 25) / read / 1e9, 1))


_MACHINE = pytest.StashKey[dict[int, Rates]]()


def measured(config: pytest.Config) -> dict[int, Rates]:
    """Return the rates of this machine, by number of threads; they are measured once in a run."""
    if _MACHINE not in config.stash:
        config.stash[_MACHINE] = {threads: rates(threads) for threads in (1, 2)}
    return config.stash[_MACHINE]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rival(name): whom this benchmark measures, where it is not pyrometer")


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Add what a reader of the numbers must know, and nothing of whose machine it is."""
    del machine_info["node"]
    machine_info["system"] = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    machine_info["level"] = _core.level
    machine_info["load"] = round(os.getloadavg()[0], 1)
    machine_info["rates"] = {str(threads): asdict(best) for threads, best in measured(config).items()}
    versions = {"pyrometer": metadata.version("pyrometer")}
    for name in MEASURED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    machine_info["versions"] = versions


@contextlib.contextmanager
def limited(threads: int) -> Iterator[None]:
    """Limit BLAS, OpenMP and Arrow, whichever are loaded."""
    with threadpool_limits(threads):
        arrow = sys.modules.get("pyarrow")
        before = arrow.cpu_count() if arrow else 0
        if arrow:
            arrow.set_cpu_count(threads)
        yield
        if arrow:
            arrow.set_cpu_count(before)


@pytest.fixture(params=[1, 2], ids=lambda threads: f"threads={threads}")
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run with one thread, and with two."""
    if request.param > len(os.sched_getaffinity(0)):
        pytest.skip(f"there are no {request.param} processors")
    with limited(request.param):
        yield request.param


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Limit to one thread what has no use for two."""
    with limited(1):
        yield


@pytest.fixture
def torch(threads: int) -> Iterator[Any]:
    """Return PyTorch on these threads."""
    library = pytest.importorskip("torch")
    before = library.get_num_threads()
    library.set_num_threads(threads)
    yield library
    library.set_num_threads(before)


@pytest.fixture
def jax(threads: int) -> Iterator[Any]:
    """Return JAX on as many processors as there are threads: it takes all that it may use."""
    library = pytest.importorskip("jax")
    library.config.update("jax_enable_x64", True)
    library.devices()  # its threads are as many as the processors that are allowed when it starts
    allowed = os.sched_getaffinity(0)

    def allow(processors: list[int]) -> None:
        for task in os.listdir("/proc/self/task"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task), processors)

    allow(sorted(allowed)[:threads])
    yield library
    allow(sorted(allowed))


@pytest.fixture
def library(request: pytest.FixtureRequest, rival: str) -> Any:
    """Return the library of a rival by name, on as many threads as the benchmark says."""
    return np if rival == "numpy" else request.getfixturevalue(rival)


def label(name: str, value: Any) -> str:
    """What a parameter adds to the name of the problem."""
    if isinstance(value, tuple):
        return " x ".join(f"{size:,}" for size in value)
    if isinstance(value, str):
        return value
    return f"{name} = {value:,}" if isinstance(value, int) else getattr(value, "__name__", str(value))


@pytest.fixture(autouse=True)
def row(request: pytest.FixtureRequest) -> None:
    """Name the problem, the solver and the threads of a benchmark, as `report.py` wants them.

    The problem is the group, completed by all parameters but `threads` and those of the solver, `rival` and `how`.
    """
    if "benchmark" not in request.fixturenames:
        return
    benchmark = request.getfixturevalue("benchmark")
    parameters = dict(request.node.callspec.params) if hasattr(request.node, "callspec") else {}
    threads = parameters.pop("threads", 1)
    marker = request.node.get_closest_marker("rival")
    solver = [marker.args[0] if marker else "pyrometer"]
    if "rival" in parameters:
        rival = parameters.pop("rival")
        solver = [NAMES.get(rival, rival)]
    if "how" in parameters:
        solver.append(label("how", parameters.pop("how")))
    benchmark.group = ", ".join(filter(None, [benchmark.group, *(label(*item) for item in parameters.items())]))
    benchmark.extra_info |= {"solver": ", ".join(solver), "threads": threads}


@pytest.fixture
def record(benchmark: Any, pytestconfig: pytest.Config) -> Callable[..., None]:
    """Note the rate of the benchmark that has just run: `record(flops=..., moved=...)`, counts of one call."""

    def note(*, flops: float = 0.0, moved: float = 0.0) -> None:
        if benchmark.stats is None:  # run once, as a test
            return
        seconds = benchmark.stats.stats.min
        best = measured(pytestconfig)[benchmark.extra_info["threads"]]
        for name, count, peak in (("matrix product", flops, best.gflops), ("reading", moved, best.gbytes)):
            if count:
                benchmark.extra_info[f"of {name}"] = round(count / seconds / 1e9 / peak, 2)

    return note
