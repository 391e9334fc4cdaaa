"""Objects of another kind than an argument must be: the message says what came and what to do, and the advice works."""

# ruff: noqa: B023 - each function is called before the next iteration

import datetime as dt
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn import linear_model, neural_network, pipeline, preprocessing

import pyrometer as pm
from pyrometer.base import with_article

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 2)), RNG.normal(size=20)
SYSTEM, LABELLED, NETWORK = pm.LinearRegression(X, Y), pm.LogisticRegression(X, Y > 0), pm.Network(X, Y, hidden=(3,))
LAYERED = ["LecunNormal", "GlorotNormal", "HeNormal", "LecunUniform", "GlorotUniform", "HeUniform", "TorchLinear"]
EITHER = ["Normal", "Uniform"]


def message(call, kind=TypeError):
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


def advice(text):
    """Return what a message says to use, evaluated."""
    (call,) = re.findall(r"(?:did you mean|use) (pm\.\w+(?:\.\w+)?\([^?]*?\))(?:[?.;]|, where|$)", text)
    names = {"pm": pm, "X": X, "y": Y, "lam": 0.1, "moments": pm.Moments.of(X, Y)}
    return eval(call, names)


# ---- laws


def spellings(name):
    """A class, its name, and the same in the ways of other programs."""
    words = re.findall("[A-Z][a-z]+", name)
    yield getattr(pm, name)
    yield from (name, name.lower(), name.upper(), "-".join(words).lower(), "_".join(words).lower(), name[:-1])
    for ours, theirs in (("He", "kaiming"), ("Glorot", "xavier")):
        if words[0] == ours:
            yield f"{theirs}_{words[1].lower()}"


@pytest.mark.parametrize("name", [*EITHER, *LAYERED])
def test_a_law_of_layers_that_is_a_name_or_a_class(name):
    for given in spellings(name):
        for call in (
            lambda: pm.temperature(NETWORK, given),
            lambda: pm.mean_energy(NETWORK, given),
            lambda: pm.heat_engine(NETWORK, given),
            lambda: pm.sweep(NETWORK, given),
            lambda: pm.sweep(NETWORK, {"a": given}),
            lambda: pm.sweep(NETWORK, [given]),
        ):
            text = message(call)
            assert f"did you mean pm.{name}(" in text, (given, text)
            assert isinstance(advice(text), getattr(pm, name))
            assert np.isfinite(pm.entropy(NETWORK, advice(text)))


@pytest.mark.parametrize("name", [*EITHER, "Mixed"])
def test_a_law_of_a_linear_system_that_is_a_name_or_a_class(name):
    for given in spellings(name):
        for call in (
            lambda: pm.temperature(SYSTEM, given),
            lambda: pm.entropy(LABELLED, given),
            lambda: pm.sample_energies(SYSTEM, given, samples=3, rng=0),
            lambda: pm.mix(SYSTEM, SYSTEM, given),
            lambda: pm.collapse(given, 1, resolution=0.1, parameters=3),
            lambda: pm.RefreshMonitor((X, Y), SYSTEM, law=given),
        ):
            text = message(call)
            assert f"did you mean pm.{name}(" in text, (given, text)
            assert isinstance(advice(text), getattr(pm, name))


def test_laws_of_the_other_kind_of_system():
    for name in LAYERED:
        for given in (*spellings(name), getattr(pm, name)()):
            assert f"pm.{name}() is for networks" in message(lambda: pm.temperature(SYSTEM, given))
    for given in (*spellings("Mixed"), pm.Mixed([1.0], [2.0])):
        assert "pm.Mixed([1.0], [6.0]) is for linear models" in message(lambda: pm.temperature(NETWORK, given))
    assert advice(message(lambda: pm.temperature(SYSTEM, 2.5))) == pm.Normal(2.5)
    assert advice(message(lambda: pm.temperature(NETWORK, "gaussian"))) == pm.Normal(1.0)
    for given in (None, [1.0], {"scale": 1.0}, X, pd.DataFrame(X), "zzz", object()):
        for system in (SYSTEM, NETWORK):
            assert "use one such as pm.Normal(1.0)" in message(lambda: pm.temperature(system, given))


def test_penalties():
    for name, others in (
        ("L1", ["l1", "L1", "lasso", pm.L1]),
        ("L2", ["l2", "L2", "Ridge", pm.L2, linear_model.Ridge()]),
    ):
        for given in others:
            text = message(lambda: pm.LinearRegression(X, Y, penalty=given))
            assert isinstance(advice(text), getattr(pm, name))
    assert advice(message(lambda: pm.LinearRegression(X, Y, penalty=0.3))) == pm.L2(0.3)


def test_words_that_are_misspelt():
    for call, word in (
        (lambda: pm.LinearRegression(X, Y, energy="MSE"), "'mse'"),
        (lambda: pm.Network(X, Y, hidden=3, activation="ReLU"), "'relu'"),
        (lambda: pm.Network(X, Y, hidden=3, activation="LeakyReLU"), "'leaky_relu'"),
        (lambda: pm.temperature(SYSTEM, pm.Normal(1.0), method="Monte Carlo"), "'monte-carlo'"),
        (lambda: pm.sweep(SYSTEM, pm.Normal(1.0), method="exakt"), "'exact'"),
        (lambda: pm.shift((X, Y), (X, Y), model=SYSTEM, density="Gaussian"), "'gaussian'"),
    ):
        assert f"did you mean {word}?" in message(call, ValueError)


# ---- systems


MODELS = [
    (linear_model.LinearRegression(), "pm.LinearRegression(X, y)"),
    (linear_model.LinearRegression().fit(X, Y), "pm.LinearRegression(X, y)"),
    (linear_model.Ridge(), "pm.LinearRegression(X, y, penalty=pm.L2(lam))"),
    (linear_model.Lasso(), "pm.LinearRegression(X, y, penalty=pm.L1(lam))"),
    (linear_model.QuantileRegressor(), "pm.LinearRegression(X, y, energy='mae')"),
    (
        pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()),
        "pm.LinearRegression(X, y), where X",
    ),
]
BOTH = [(linear_model.LogisticRegression(), "pm.LogisticRegression(X, y)")]


@pytest.mark.parametrize(("model", "use"), [*MODELS, *BOTH])
def test_an_estimator_of_scikit_learn_is_no_system(model, use):
    name = type(model).__name__
    for call in (
        lambda: pm.temperature(model, pm.Normal(1.0)),
        lambda: pm.mean_energy(model, pm.Normal(1.0)),
        lambda: pm.minimum_energy(model),
        lambda: pm.minimum_path(model, [1.0]),
        lambda: pm.entropy(model, pm.Normal(1.0)),
        lambda: pm.sample_energies(model, pm.Normal(1.0), samples=3, rng=0),
        lambda: pm.energy_variance(model, pm.Normal(1.0)),
        lambda: pm.sweep(model, pm.Normal(1.0)),
        lambda: pm.sweep({"a": model}, pm.Normal(1.0)),
        lambda: pm.mix(model, SYSTEM, pm.Normal(1.0)),
    ):
        text = message(call)
        assert f"got scikit-learn's {name}; use {use}" in text
        if "Logistic" not in use:
            assert advice(text).rows == 20
    assert "pm.Network(X, y, hidden=(16,))" in message(lambda: pm.heat_engine(model, pm.Normal(1.0)))
    if model is not MODELS[1][0]:  # fitted, and a model of a shift
        energy, target = ("ce", Y > 0.0) if "Logistic" in use else ("mse", Y)
        text = message(lambda: pm.shift((X, target), (X, target), model=model, energy=energy))
        assert f"got scikit-learn's {name}" in text
        assert "fit it" in text


def test_other_things_in_the_place_of_a_system():
    for given, said in (
        (pm.LinearRegression, "got the class LinearRegression; use pm.LinearRegression(X, y)"),
        (pm.Network, "got the class Network; use pm.Network(X, y, hidden=(16,))"),
        (
            linear_model.LogisticRegression,
            "got the class LogisticRegression of scikit-learn; use pm.LogisticRegression",
        ),
        (neural_network.MLPRegressor(), "got scikit-learn's MLPRegressor; use pm.Network(X, y, hidden=(16,))"),
        (pm.Moments.of(X, Y), "got a Moments; use pm.LinearRegression.from_moments(moments)"),
        (
            X,
            "use pm.LinearRegression(X, y) or pm.LogisticRegression(X, y) or pm.SoftmaxRegression(X, y) or pm.Network",
        ),
        (pd.DataFrame(X), "got a pandas DataFrame; use pm.LinearRegression(X, y) or"),
        (None, "got None; use pm.LinearRegression(X, y) or"),
    ):
        assert said in message(lambda: pm.temperature(given, pm.Normal(1.0)))
        assert said in message(lambda: pm.sweep({"a": given}, pm.Normal(1.0)))
    torch = pytest.importorskip("torch")
    text = message(lambda: pm.temperature(torch.nn.Sequential(torch.nn.Linear(2, 1)), pm.HeNormal()))
    assert "got PyTorch's Sequential; use pm.Network(X, y, hidden=(16,))" in text


# ---- data


def takers(name):
    """Every function that takes an array of this name, with the others right."""
    good = {"X": X, "y": Y}
    for call in (
        pm.LinearRegression,
        lambda X, y: pm.LinearRegression(X, y, energy="mae"),
        pm.Moments.of,
        lambda X, y: pm.Moments.of(np.ones((2, 2)), [1.0, 2.0]).update(X, y),
        lambda X, y: pm.DataState(X, y, model=SYSTEM),
        lambda X, y: pm.Network(X, y, hidden=3),
        *([lambda X, y: pm.Network(X, outputs=1, hidden=3)] if name == "X" else []),
    ):
        yield lambda value, call=call: call(**(good | {name: value}))


SPARSE = [
    getattr(scipy.sparse, f"{kind}_{form}") for kind in ("csr", "csc", "coo", "lil") for form in ("matrix", "array")
]
WRONG = {
    **{make.__name__: (lambda array, make=make: make(np.atleast_2d(array)), ".toarray()") for make in SPARSE},
    "generator": (lambda array: (row for row in array), "got a generator; pass np.array(list("),
    "iterator": (iter, "pass np.array(list("),
    "map": (lambda array: map(list, array), "got an iterator (map); pass np.array(list("),
    "class": (lambda _: list, "got the class list; pass numbers, not a class"),
    "strings": (lambda array: np.char.mod("%.3f", array), "got strings, such as '"),
    "list of strings": (lambda array: np.char.mod("%.3f", array).tolist(), "dtype=float)"),
    "words": (lambda array: np.full(array.shape, "red"), "got strings, such as 'red'; encode them as numbers"),
    "a word": (lambda _: "price", "got 'price'; pass the numbers themselves"),
    "dict": (lambda array: {"a": array}, "got a dict; pass a data frame, such as pandas.DataFrame("),
    "set": (lambda _: {1.0, 2.0}, "a set has no order: pass a list"),
    "categories": (lambda array: pd.Categorical(["u", "v"] * 10), "got a pandas Categorical; encode its categories"),
    "function": (lambda _: np.sin, "pass the numbers that it returns"),
    "model": (lambda _: linear_model.Ridge(), "got scikit-learn's Ridge; pass the data, not a model"),
}


@pytest.mark.parametrize("name", ["X", "y"])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_array_of_numbers(kind, name):
    make, said = WRONG[kind]
    for take in takers(name):
        text = message(lambda: take(make({"X": X, "y": Y}[name])))
        assert text.startswith(f"{name} must be numeric, got ")
        assert said in text


def test_sparse_frames_of_pandas():
    frame = pd.DataFrame.sparse.from_spmatrix(scipy.sparse.csr_matrix(X))
    for take in takers("X"):
        text = message(lambda: take(frame))
        assert text == "X must be numeric, got a pandas DataFrame that is sparse; pass X.sparse.to_dense()."
        take(frame.sparse.to_dense())
    assert "pass y.sparse.to_dense()" in message(lambda: pm.LinearRegression(X, frame[0]))
    named = pd.DataFrame(X, columns=["sparse", "codes"]).assign(categories=Y, nnz=Y, toarray=Y)
    assert pm.LinearRegression(named, Y).parameters == 6


def test_none():
    for name in ("X", "y"):
        for number, take in enumerate(takers(name)):
            if name == "X" or number != 5:  # the targets of a network are optional
                assert message(lambda: take(None)) == f"{name} must be numeric, but {name} is None; pass numbers."
    assert "y is None" in message(lambda: pm.LogisticRegression(X, None))
    assert "y is None" in message(lambda: pm.LogisticRegression(X, None, labels=("a", "b")))
    assert "scale is None" in message(lambda: pm.Normal(None))
    assert "gain is None" in message(lambda: pm.HeNormal(None))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(np.column_stack([X, Y]), columns=["1", "b", "1"]),
        pd.DataFrame(np.column_stack([X, Y]), columns=["1", "b", 1]),
        pa.table([*X.T, Y], names=["1", "b", "1"]),
    ],
)
def test_frames_with_two_columns_of_one_name(frame):
    for take in takers("X"):
        text = message(lambda: take(frame), ValueError)
        assert text == (
            "the columns of a data frame must have different names, got '1' more than once; rename or drop them."
        )
    message(lambda: pm.LinearRegression(X, pd.DataFrame(np.column_stack([Y, Y]), columns=["y", "y"])), ValueError)


def test_lazy_frames():
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y})
    lazy = frame.lazy()
    text = message(lambda: pm.Moments.scan(lazy, target="y"))
    assert "got a polars LazyFrame; pass source.collect()" in text
    assert pm.Moments.scan(lazy.collect(), target="y").count == 20
    # What can be collected for the user is.
    system = pm.LinearRegression(lazy.select("a", "b"), lazy.select("y"))
    assert pm.minimum_energy(system) == pm.minimum_energy(SYSTEM)
    labels = lazy.select((pl.col("y") > 0).alias("y"))
    assert pm.minimum_energy(pm.LogisticRegression(X, labels)) == pm.minimum_energy(LABELLED)
    with_words = pl.DataFrame({"y": np.where(Y > 0, "yes", "no")})
    for y in (with_words, with_words.lazy(), with_words["y"], with_words.to_pandas(), pd.Categorical(with_words["y"])):
        logistic = pm.LogisticRegression(X, y, labels=("no", "yes"))
        assert pm.minimum_energy(logistic) == pm.minimum_energy(LABELLED)


@pytest.mark.parametrize("seed", range(20))
def test_classes_of_a_target(seed):
    """Two others have advice that works; of more than two the message says so."""
    rng = np.random.default_rng(seed)
    pool = [["a", "b", "c", "d"], [1, 2, 3, 4], [-1.0, 0.5, 2.0, 7.0], [3, 4, 5, 6]][seed % 4]
    for count in (2, 3, 4):
        y = np.array(pool)[np.r_[np.arange(count)[::-1], rng.integers(0, count, 20 - count)]]
        for form in (np.asarray, list, pd.Series, pd.Categorical):
            if form is pd.Categorical and not isinstance(pool[0], str):
                continue
            for options in ({}, {"labels": ("other", "another")}):
                kind = TypeError if isinstance(pool[0], str) and not options else ValueError
                text = message(lambda: pm.LogisticRegression(X, form(y), **options), kind)
                if count > 2:
                    assert "it has more than two classes (" in text
                    assert all(repr(value) in text for value in pool[:count])
                    continue
                (pair,) = re.findall(r"pass labels=(\(.*?\)), the negative one first", text)
                assert eval(pair) == (pool[0], pool[1])
                assert pm.LogisticRegression(X, form(y), labels=eval(pair)).rows == 20


def test_other_arguments_that_are_classes():
    for call, said in (
        (lambda: pm.Normal(float), "scale must be numeric, got the class float"),
        (lambda: pm.HeNormal(float), "gain must be numeric, got the class float"),
        (lambda: pm.Network(X, Y, hidden=list), "hidden must be a sequence of widths, got the class list"),
        (lambda: pm.shift(pm.DataState, (X, Y), model=SYSTEM), "got the class DataState"),
        (lambda: pm.shift((X, Y), (X, Y), model=pm.LinearRegression), "got the class LinearRegression; such as"),
        (lambda: pm.LinearRegression.from_moments(pm.Moments), "got the class Moments; make one with Moments.of"),
        (lambda: pm.LinearRegression.from_moments(SYSTEM), "got a LinearRegression; make one with Moments.of"),
        (lambda: pm.sample_energies(SYSTEM, pm.Normal(1.0), samples=3, rng=np.random.Generator), "got the class Gen"),
        (
            lambda: pm.sample_energies(SYSTEM, pm.Normal(1.0), samples=3, rng=np.random.RandomState(0)),
            "got a numpy RandomState; np.random.default_rng(seed) is a Generator",
        ),
    ):
        assert said in message(call)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        *(
            (word, f"a {word}")
            for word in ("dict", "Normal", "Uniform", "HeNormal", "ufunc", "User", "NoneType", "Lasso")
        ),
        *(
            (word, f"an {word}")
            for word in ("int", "Event", "Independent", "Orthogonal", "L1", "MLPRegressor", "ndarray")
        ),
    ],
)
def test_articles_of_messages(word, said):
    assert with_article(word) == said


def test_messages_have_the_right_article():
    assert "got an Independent;" in message(lambda: pm.plot.shift(pm.Independent([pm.Normal(1.0)])))
    assert "got a Uniform;" in message(lambda: pm.plot.shift(pm.Uniform(1.0)))


def test_a_data_set_is_no_array():
    data = pm.datasets.diabetes(standardize=True)
    assert "got a Dataset; pass its attributes X and y." in message(lambda: pm.LinearRegression(data, data.y))


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
def test_frames_that_are_lazy():
    lazy = pl.LazyFrame({"a": X[:, 0], "b": X[:, 1]})
    for name, call in (
        ("weights", lambda: pm.LinearRegression(X, Y, weights=lazy)),
        ("energy", lambda: pm.boltzmann(lazy, 1.0)),
        ("X", lambda: pm.datasets.standardize(lazy)),
        ("minimum", lambda: pm.temperature(SYSTEM, pm.Normal(1.0), minimum=lazy)),
        ("scale", lambda: pm.Normal(lazy)),
    ):
        assert message(call) == f"{name} must be numeric, got a polars LazyFrame; pass {name}.collect()."
    table, expected = pm.tables.systems(lazy, Y, samples=4), pm.tables.systems(X, Y, samples=4)
    np.testing.assert_array_equal(table["temperature"], expected["temperature"])
    assert pm.minimum_energy(pm.LinearRegression(lazy, Y)) == pm.minimum_energy(SYSTEM)


@pytest.mark.parametrize("value", [object(), pm.Normal(1.0), dt.date(2020, 1, 1)])
def test_objects_that_are_no_arrays(value):
    for name, call in (
        ("X", lambda: pm.LinearRegression(value, Y)),
        ("weights", lambda: pm.LinearRegression(X, Y, weights=value)),
        ("energy", lambda: pm.boltzmann(value, 1.0)),
        ("scale", lambda: pm.Normal(value)),
    ):
        kind = with_article(type(value).__name__)
        assert message(call) == f"{name} must be numeric, got {kind}; pass an array of numbers."
