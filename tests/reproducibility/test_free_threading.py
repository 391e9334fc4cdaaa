"""Eight threads of one process at once: the bits of one thread, with or without the interpreter's lock."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pyrometer as pm

rng = np.random.default_rng(3)
X = rng.standard_normal((500, 6))
y = X @ np.arange(6.0) + rng.standard_normal(500)
labels = y > 0


def one_of_each_kind(seed):
    """Numbers of every kind of answer, all of which share the caches and records of the package."""
    squares = pm.LinearRegression(X, y)
    network = pm.Network(X, hidden=[8, 8], outputs=1)
    moments = pm.Moments.of(X[:250], y[:250]).update(X[250:], y[250:])
    systems = (squares, pm.LinearRegression(X, y, energy="mae"), pm.LogisticRegression(X, labels))
    answers = [
        *(pm.temperature(system, law).value for system in systems for law in (pm.Normal(3.0), pm.Uniform(2.0))),
        *pm.sample_energies(systems[1], pm.Normal(1.0), samples=50, rng=seed, threads=2),
        *pm.heat_engine(network, pm.HeNormal()).layers.energy,
        *pm.minimum_energy(pm.SoftmaxRegression(X, np.digitize(y, [-2, 2]))).parameters.ravel(),
        pm.minimum_energy(pm.LinearRegression.from_moments(moments)).value,
        pm.shift(X[:250], X[250:], resamples=99, rng=seed).p_value,
    ]
    return np.array(answers, dtype=float).tobytes()


def test_eight_threads_give_the_bits_of_one():
    expected = [one_of_each_kind(seed) for seed in range(8)]
    barrier = threading.Barrier(8)

    def run(seed):
        barrier.wait()  # the first use of everything at the same moment
        return [one_of_each_kind(seed) for _ in range(2)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(run, range(8)))
    assert found == [[answer] * 2 for answer in expected]


def test_public_names_are_imported_by_eight_threads_at_once():
    program = """
import threading
from concurrent.futures import ThreadPoolExecutor
import pyrometer as pm
barrier = threading.Barrier(8)
def run(_):
    barrier.wait()
    return [id(getattr(pm, name)) for name in ("temperature", "Network", "shift", "LinearRegression", "sweep")]
with ThreadPoolExecutor(8) as pool:
    assert len(set(map(tuple, pool.map(run, range(8))))) == 1
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(os.environ.get("PYTHON_GIL") != "0", reason="for an interpreter that runs without its lock")
def test_the_core_does_not_bring_the_lock_back():
    assert not sys._is_gil_enabled()
