"""Data and sweeps on a cluster of two processes, one of which is killed in between."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

# Dask and its dependencies warn of each other, and clusters of what they leave when they close.
pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = 4000
# Seconds that a cluster may take to answer: a busy machine starts a worker in less.
LIMIT = 300
RNG = np.random.default_rng(0)
X = RNG.normal(10.0, [1.0, 2.0, 0.1], size=(ROWS, 3))
Y = X @ [1.0, -1.0, 30.0] + RNG.normal(size=ROWS)
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "word": "w", "c": X[:, 2], "y": Y})


def bits(moments):
    return moments.count, moments.mean.tobytes(), moments.scatter.tobytes()


def pairwise(pieces):
    """The tree that is promised: neighbours, then neighbours of those, an odd one waits."""
    while len(pieces) > 1:
        rest = pieces[len(pieces) // 2 * 2 :]
        pieces = [pieces[k] + pieces[k + 1] for k in range(0, len(pieces) - 1, 2)] + rest
    return pieces[0]


EXPECTED = pairwise([pm.Moments.of(X[k : k + 500], Y[k : k + 500]) for k in range(0, ROWS, 500)])


@pytest.fixture(scope="module")
def cluster():
    config = {
        "distributed.admin.log-format": "%(message)s",
        "distributed.worker.daemon": True,
        "distributed.dashboard.link": "",
    }
    with (
        dask.config.set(config),
        # By default a worker may use as much memory as there is for each processor: it stops where there are many.
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_moments_of_arrays():
    arrays = da.from_array(X, chunks=(500, 2)), da.from_array(Y, chunks=700)
    with dask.config.set(scheduler="synchronous"):
        moments = pm.interop.dask.moments(*arrays)
    assert bits(moments) == bits(EXPECTED)
    np.testing.assert_allclose(moments.scatter, pm.Moments.of(X, Y).scatter, rtol=1e-11)


def test_moments_of_frames():
    frame = dd.from_pandas(FRAME, npartitions=8)
    sizes = np.cumsum([0, *frame.map_partitions(len).compute(scheduler="synchronous")])
    with dask.config.set(scheduler="synchronous"):
        moments = pm.interop.dask.moments(frame, target="y", drop=["word"], intercept=False)
        filtered = pm.interop.dask.moments(frame[frame.a > frame.a.max() - 0.01], target="y", columns=["c", "a"])
    pieces = [pm.Moments.of(X[a:b], Y[a:b], intercept=False) for a, b in itertools.pairwise(sizes)]
    assert bits(moments) == bits(pairwise(pieces))
    assert (moments.names, moments.target, moments.intercept) == (("a", "b", "c"), "y", False)
    # Most partitions are empty then.
    assert filtered.count == (FRAME.a > FRAME.a.max() - 0.01).sum()
    assert filtered.names == ("c", "a")


def test_mistakes_are_named():
    frame, array, target = dd.from_pandas(FRAME, npartitions=3), da.from_array(X, chunks=500), da.from_array(Y)
    bad = X.copy()
    bad[1700, 1] = np.nan
    with dask.config.set(scheduler="synchronous"):
        with pytest.raises(ValueError, match=r"partition 3: X must be finite, got nan at row 200, column 1"):
            pm.interop.dask.moments(da.from_array(bad, chunks=500), target)
        with pytest.raises(TypeError, match=r"partition \d: .*'word'"):
            pm.interop.dask.moments(frame, target="y")
        with pytest.raises(ValueError, match="no column 'z'"):
            pm.interop.dask.moments(frame, target="z")
        with pytest.raises(TypeError, match="give its name as target="):
            pm.interop.dask.moments(frame)
        with pytest.raises(TypeError, match="give y as a dask array"):
            pm.interop.dask.moments(array)
        with pytest.raises(ValueError, match="must be dask arrays"):
            pm.interop.dask.moments(X, Y)
        with pytest.raises(ValueError):
            pm.interop.dask.moments(array, target[:-1])


def within(seconds, call, *arguments, **options):
    """Return what a call returns; TimeoutError if it has not by then, as where no worker takes the place of one."""
    future = Future()

    def answer():
        try:
            future.set_result(call(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=answer, daemon=True).start()
    return future.result(seconds)


@contextlib.contextmanager
def one_killed(client, after):
    """Kill a worker process a moment from now; leave when another has taken its place.

    Errors are ignored: until the scheduler hears of the death it lists a worker that cannot answer.
    """
    victim = min(within(LIMIT, client.run, os.getpid, on_error="ignore").values())
    timer = threading.Timer(after, os.kill, (victim, signal.SIGKILL))
    timer.start()
    yield
    timer.join()
    deadline = time.monotonic() + LIMIT
    while len(answers := within(LIMIT, client.run, os.getpid, on_error="ignore")) < 2 or victim in answers.values():
        assert time.monotonic() < deadline, f"no second worker beside {answers}"
        time.sleep(0.05)


def test_a_killed_worker_changes_nothing(cluster):
    def slowly(block):  # in here: workers get it by value, they cannot import this file
        time.sleep(0.2)
        return block

    slow = da.from_array(X, chunks=(500, 3)).map_blocks(slowly, dtype=float)
    with one_killed(cluster, after=0.4):
        moments = within(LIMIT, pm.interop.dask.moments, slow, da.from_array(Y, chunks=500))
    assert bits(moments) == bits(EXPECTED)


def test_a_sweep_on_a_cluster_has_the_same_bits(cluster):
    systems = {
        "mae": pm.LinearRegression(X, Y, energy="mae"),
        "ce": pm.LogisticRegression(X, np.mean(Y) < Y),
        "mse": pm.LinearRegression(X, Y),
    }
    laws = {f"law {k}": pm.Normal(2.0**k) for k in range(6)}
    options = {"method": ("exact", "monte-carlo"), "samples": 300, "rng": 5}
    expected = pm.sweep(systems, laws, **options)
    with one_killed(cluster, after=0.05):
        table = within(LIMIT, pm.sweep, systems, laws, **options, executor=cluster.get_executor())
    assert table.names == expected.names
    for name in table.names:
        np.testing.assert_array_equal(table[name], expected[name])


def test_energies_drawn_on_a_cluster_have_the_same_bits(cluster):
    system = pm.LinearRegression(X, Y, energy="mae")
    expected = pm.sample_energies(system, pm.Normal(2.0), samples=5000, rng=5)
    with one_killed(cluster, after=0.05):
        options = {"samples": 5000, "rng": 5, "executor": cluster.get_executor()}
        energies = within(LIMIT, pm.sample_energies, system, pm.Normal(2.0), **options)
    np.testing.assert_array_equal(energies, expected)


def test_columns_have_shapes_of_numbers():
    column = dd.from_pandas(pd.DataFrame({"a": np.arange(20.0)}), npartitions=2)["a"]
    for call in (lambda: pm.Network(column, np.ones(20), hidden=(3,)), lambda: pm.DataState(column)):
        with pytest.raises(ValueError, match=r"with at least one of each, got \(20,\)\.$"):
            call()
