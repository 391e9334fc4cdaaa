"""Arrays on which later results of an object depend are read-only; results do not share the arrays of the caller."""

import copy
import pickle

import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = X @ [1.0, 2.0] + RNG.normal(size=60)
MODEL = pm.LinearRegression(X, Y)


@pytest.mark.parametrize("copied", [lambda one: one, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("weights", [None, RNG.uniform(0.5, 2.0, size=60)])
def test_sums_of_a_state(copied, weights):
    sums = copied(pm.DataState(X, Y, model=MODEL, weights=weights)).sums
    for array in (sums.counts, sums.sums, sums.centre, sums.units, sums.sizes):
        assert not array.flags.writeable
    assert all(array.flags.writeable for array in (X, Y))
    assert weights is None or weights.flags.writeable


def test_norms_of_a_network():
    network = pm.Network(X, hidden=3, outputs=1)
    assert not network.norms.flags.writeable
    assert X.flags.writeable


def test_results_do_not_share_the_arrays_that_are_given():
    time = np.arange(4.0)
    states = [pm.DataState(X + t, Y, model=MODEL) for t in time]
    found = pm.drift(time, states, bandwidth=2.0)
    path = pm.training_path(MODEL, pm.Normal(1.0), time)
    for result in (found, path):
        assert result.time.flags.writeable
        result.time[0] = -1.0
    assert time[0] == 0.0
