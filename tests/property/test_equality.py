"""Laws and results are equal if their numbers are: two of the same values, copies, pickles; comparing never raises."""

import copy
import pickle
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyrometer as pm
from pyrometer.base import ByValue

NUMBERS = st.sampled_from([0.5, 1.0, 1.0 + 2**-52, 2.0])
SHAPES = [(), (1,), (2,), (1, 2), (2, 1), (2, 2)]


@st.composite
def arrays(draw, shapes=SHAPES):
    shape = draw(st.sampled_from(shapes))
    count = int(np.prod(shape))
    return np.reshape(draw(st.lists(NUMBERS, min_size=count, max_size=count)), shape)


ONE = ["Normal", "Uniform", "LecunNormal", "HeNormal", "GlorotNormal", "LecunUniform", "HeUniform", "GlorotUniform"]
CALLS = st.one_of(
    st.tuples(st.sampled_from(ONE), st.tuples(arrays())),
    st.tuples(st.just("Mixed"), st.tuples(arrays([(1,), (2,), (2, 1)]), arrays([(1,), (2,), (2, 2)]))),
    st.tuples(st.just("TorchLinear"), st.just(())),
    st.tuples(st.sampled_from(["L1", "L2"]), st.tuples(NUMBERS, st.booleans())),
)


def law(call):
    name, arguments = call
    return getattr(pm, name)(*arguments)


@given(CALLS, CALLS)
def test_laws_are_equal_if_their_names_and_numbers_are(one, other):
    (name, mine), (another, theirs) = one, other
    same = name == another and len(mine) == len(theirs) and all(map(np.array_equal, mine, theirs))
    a, b = law(one), law(other)
    assert (a == b) is same
    assert (a != b) is not same
    assert (len({a, b}) == 1) is same
    for twin in (law(one), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert a == twin
        assert hash(a) == hash(twin)
        assert not any(value.flags.writeable for value in vars(twin).values() if isinstance(value, np.ndarray))
    assert a != "law"
    assert a != mine


def results():
    """Every kind of result, single and batches, some with nan."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    line, logistic = pm.LinearRegression(X, y), pm.LogisticRegression(X, y > 0)
    network = pm.Network(X, y, hidden=(3, 2))
    batch = pm.Normal([[0.1], [10.0]])
    monitor = pm.RefreshMonitor((X, y), lambda X: X[:, 0], energy="mse", rng=0)
    monitor.update(X[:20], y[:20])
    states = [pm.DataState(X, y * k, model=lambda X: X[:, 0], energy="mse") for k in (1.0, 1.1, 1.3, 1.5)]
    return {
        "estimate": pm.mean_energy(line, batch),
        "minimum": pm.minimum_energy(line),
        "minima": pm.minimum_energy(pm.LogisticRegression([X, X], [y > 0, y > 1])),
        "temperature": pm.temperature(logistic, pm.Normal(2.0)),
        "temperatures": pm.temperature(line, pm.Uniform([[1.0], [2.0]])),
        "engine": pm.heat_engine(network, pm.LecunNormal()),
        "engines": pm.heat_engine(network, pm.LecunNormal([1.0, 2.0])),
        "layer": pm.heat_engine(network, pm.LecunNormal()).layers[1],
        "collapse": pm.collapse(pm.Normal(5.0), 10, resolution=1e-3, parameters=10),
        "shift": pm.shift(states[0], states[2], model=lambda X: X[:, 0], rng=0, resamples=99),
        "drift": pm.drift(range(4), states, bandwidth=1.0, rng=0),
        "mixture": pm.mix(line, pm.LinearRegression(X, -y), batch),
        "reading": monitor.readings[-1],
        "table": pm.sweep(line, batch, rng=0),
        "dataset": pm.datasets.diabetes(standardize=False),
        "file": pm.interop.FileData(X, y, ("a", "b"), "y", "rows.csv"),
    }


RESULTS, TWINS = results(), results()


def same_fields(a, b):
    """Compare fields by their own means; states of data are equal if they are one object."""
    for field in fields(a):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if is_dataclass(one):
            same_fields(one, other)
        elif not isinstance(one, pm.DataState):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in RESULTS if name != "shift"])
def test_results_are_equal_if_their_numbers_are(name):
    mine, twin = RESULTS[name], TWINS[name]
    assert mine == twin
    assert hash(mine) == hash(twin)
    if name != "table":  # its columns are a mapping
        same_fields(mine, twin)
    assert [other for other in TWINS if mine == TWINS[other]] == [name]
    assert mine == copy.copy(mine)


def test_a_number_that_differs_makes_the_difference():
    line = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    hot = pm.temperature(line, pm.Normal([[2.0], [3.0]]))
    assert hot != pm.temperature(line, pm.Normal([[2.0], [3.0 + 1e-9]]))
    assert hot != pm.temperature(line, pm.Normal([[2.0]]))
    assert RESULTS["shift"] != TWINS["shift"]  # of other objects of the class DataState
    assert RESULTS["shift"] == copy.copy(RESULTS["shift"])
    table = pm.Table("T", {"a": [0.0, np.nan]})
    assert table == pm.Table("T", {"a": [-0.0, np.nan]})
    assert hash(table) == hash(pm.Table("T", {"a": [-0.0, np.nan]}))
    assert table != pm.Table("T", {"b": [0.0, np.nan]})
    assert table != pm.Table("T", {"a": [0.0, 1.0]})
    assert table != pm.Table("T", {"a": [0.0, np.nan]}, units={"a": "1"})


def test_every_public_dataclass_is_compared_by_value():
    """Systems, which hold their data, are compared by identity; so are states of data."""
    public = [getattr(pm, name) for name in pm.__all__]
    classes = [kind for kind in public if isinstance(kind, type) and is_dataclass(kind)]
    assert len(classes) > 20
    by_identity = {pm.LinearRegression, pm.LogisticRegression, pm.SoftmaxRegression, pm.Network}
    assert {kind for kind in classes if kind.__eq__ is object.__eq__} == by_identity
    arrays = [kind for kind in classes if kind not in by_identity and not issubclass(kind, ByValue)]
    assert arrays == [pm.L1, pm.L2]  # of numbers alone


def test_copies_of_minima_are_read_only_as_well():
    minima = RESULTS["minima"]
    for twin in (minima, copy.copy(minima), copy.deepcopy(minima), pickle.loads(pickle.dumps(minima))):
        for value in vars(twin).values():
            assert not isinstance(value, np.ndarray) or not value.flags.writeable


@pytest.mark.parametrize("kind", [pm.LinearRegression, pm.LogisticRegression, pm.SoftmaxRegression])
def test_copies_of_systems_have_read_only_weights_and_leave_the_rows_as_they_are(kind):
    X, y = np.array([[0.0], [1.0], [3.0], [2.0]]), np.array([0, 1, 0, 1])
    system = kind(X, y, weights=[1.0, 2.0, 1.0, 1.0])
    rows = [system.X.flags.writeable, system.y.flags.writeable]
    for protocol in (2, 5):
        assert not pickle.loads(pickle.dumps(system, protocol)).weights.flags.writeable
    for twin in (copy.copy(system), copy.deepcopy(system)):
        assert not twin.weights.flags.writeable
        assert [twin.X.flags.writeable, twin.y.flags.writeable] == rows
        assert pm.minimum_energy(twin) == pm.minimum_energy(system)
