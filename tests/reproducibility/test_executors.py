"""Energies drawn in parts by an executor: the bits of those drawn here."""

from __future__ import annotations

import concurrent.futures
import multiprocessing

import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(4)
X = RNG.standard_normal((3, 40, 4))
Y = X.sum(axis=-1) + RNG.standard_normal((3, 40))
LAW = pm.Mixed([[1.0, 2.0], [3.0, 0.1]], [5.0, 6.0, 7.0])
NET = {"X": X[0], "hidden": (7, 5), "bias": True}

CASES = {
    "mse": (pm.LinearRegression(X, Y, penalty=pm.L1(0.3)), LAW, 2000),
    "mae": (pm.LinearRegression(X, Y, energy="mae"), LAW, 2000),
    "mae, float32": (pm.LinearRegression(X[0].astype(np.float32), Y[0].astype(np.float32), energy="mae"), LAW, 33),
    "ce": (pm.LogisticRegression(X, Y > 0), LAW, 1),
    "network": (pm.Network(**NET, outputs=2, activation="tanh"), pm.HeNormal(gain=[0.5, 1.0]), 70),
    "network with targets": (pm.Network(**NET, y=Y[0][:, None], activation="relu"), pm.TorchLinear(), 31),
    "network, function": (pm.Network(**NET, outputs=2, activation=np.sin), pm.HeNormal(), 40),
}


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


@pytest.mark.parametrize("case", CASES)
def test_processes_draw_the_same_energies(case, processes):
    system, law, samples = CASES[case]
    here = pm.sample_energies(system, law, samples=samples, rng=9)
    there = pm.sample_energies(system, law, samples=samples, rng=9, executor=processes)
    assert here.shape == there.shape
    assert here.shape[-1] == samples
    np.testing.assert_array_equal(here, there)


def test_threads_draw_the_same_energies_and_advance_a_generator_once():
    system, law, samples = CASES["mse"]
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        there = pm.sample_energies(system, law, samples=samples, rng=one, threads=2, executor=pool)
    np.testing.assert_array_equal(pm.sample_energies(system, law, samples=samples, rng=other), there)
    assert one.integers(2**60) == other.integers(2**60)


def test_what_a_worker_refuses_is_refused_here():
    system = pm.LinearRegression(X[0], Y[0])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with pytest.raises(ValueError, match=r"the energy of draw \d+ must be finite"):
            pm.sample_energies(system, pm.Normal(1e200), samples=1000, rng=0, executor=pool)
        with pytest.raises(ValueError, match="threads"):
            pm.sample_energies(system, pm.Normal(1.0), samples=10, threads=0, executor=pool)
        with pytest.raises(ValueError, match="samples"):
            pm.sample_energies(system, pm.Normal(1.0), samples=0, executor=pool)
    with pytest.raises(TypeError, match="executor must be"):
        pm.sample_energies(system, pm.Normal(1.0), samples=10, executor=2)
