"""A sweep is a loop over `temperature`, to the last bit, whatever it puts together or takes apart."""

import concurrent.futures
import importlib
import itertools
import json
import multiprocessing
import pickle

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.sweeps import _plan

# Few draws are enough to compare tables.
pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")

RNG = np.random.default_rng(1)
X, Y = RNG.normal(0.3, 1.0, size=(2, 3, 6, 3)), RNG.normal(size=(2, 3, 6))
FIELDS = {
    "energy": "energy",
    "minimum_energy": "minimum_energy",
    "entropy": "entropy",
    "temperature": "value",
    "standard_error": "standard_error",
    "marginal": "marginal",
    "verdict": "verdict",
}
SYSTEMS = {
    "stack": pm.LinearRegression(X, Y),
    "one": pm.LinearRegression(X[0, 1], Y[0, 1]),
    "ridge": pm.LinearRegression(X[:, 0], Y[:, 0], penalty=pm.L2(0.3)),
    "lasso": pm.LinearRegression(X[0, 0], Y[0, 0], penalty=pm.L1(0.3)),
    "moments": pm.LinearRegression.from_moments(pm.Moments.of(X[0, 2], Y[0, 2])),
    "mae": pm.LinearRegression(X[:, :2], Y[:, :2], energy="mae"),
    "ce": pm.LogisticRegression(np.concatenate([X[0], X[0]], axis=1), np.repeat([[0, 1]], 6, axis=1).repeat(3, axis=0)),
    "plane": pm.LinearRegression(X[0, 0, :, :1], Y[0, 0], intercept=False),
}
NARROW = {
    "normal": pm.Normal(2.0),
    "batch": pm.Normal(np.geomspace(0.1, 30.0, 5)[:, None]),
    "uniform": pm.Uniform(np.geomspace(0.5, 50.0, 4).reshape(2, 2, 1)),
    "again": pm.Normal([3.0]),
}
WIDE = NARROW | {"each": pm.Normal([1.0, 2.0, 3.0, 4.0]), "mixed": pm.Mixed([1.0, 2.0], [[6.0, 1.0], [3.0, 2.0]])}
LAYERED = {"he": pm.HeNormal([0.5, 1.0]), "torch": pm.TorchLinear(), "normal": pm.Normal(1.0)}


def loop(systems, laws, methods, **options):
    """Rows of a sweep by `temperature`, one pair after the other, stacks and batches taken apart."""
    for (name, system), (law_name, law) in itertools.product(systems.items(), laws.items()):
        answers = [pm.temperature(system, law, method=method, **options) for method in methods]
        for member in range(int(np.prod(system.shape))):
            for batch in range(int(np.prod(law.batch_shape))):
                for answer in answers:
                    row = {"system": name, "member": member, "law": law_name, "batch": batch, "method": answer.method}
                    for column, field in FIELDS.items():
                        whole = np.asarray(getattr(answer, field)).reshape(int(np.prod(system.shape)), -1)
                        row[column] = whole[member, batch].item()
                    yield row | {"rows": system.rows, "parameters": system.parameters}


def order(rows):
    """The loop goes through a law's batch last; a sweep through the methods."""
    return sorted(rows, key=lambda row: (row["member"], row["law"], row["batch"]))


def assert_is_the_loop(table, systems, laws, methods, **options):
    expected = list(loop(systems, laws, methods, **options))
    assert len(table) == len(expected)
    for name in systems:
        mine = order(row for row in table if row["system"] == name)
        theirs = order(row for row in expected if row["system"] == name)
        for row, reference in zip(mine, theirs, strict=True):
            np.testing.assert_equal({key: row[key] for key in reference}, reference)


@pytest.mark.parametrize("parts", ["whole", "small"])
@pytest.mark.parametrize("methods", [("exact",), ("refined", "asymptotic", "auto"), ("monte-carlo", "exact")])
def test_a_sweep_is_the_loop(methods, parts, monkeypatch):
    if parts == "small":
        monkeypatch.setattr(_plan, "_PAIRS", 4)
    options = {"samples": 30, "rng": 5}
    four = {name: system for name, system in SYSTEMS.items() if system.parameters == 4}
    assert_is_the_loop(pm.sweep(four, WIDE, method=methods, **options), four, WIDE, methods, **options)
    assert_is_the_loop(pm.sweep(SYSTEMS, NARROW, method=methods, **options), SYSTEMS, NARROW, methods, **options)


def test_networks_and_linear_systems_share_a_table():
    network = pm.Network(X[0, 0], Y[0, 0], hidden=(6, 5), activation="tanh", bias=True)
    relu = pm.Network(X[0, 1], hidden=4, outputs=2, activation="relu")
    systems, options = {"tanh": network, "linear": SYSTEMS["one"], "relu": relu}, {"samples": 50, "rng": 2}
    laws = {"normal": NARROW["normal"], "batch": NARROW["batch"]}
    for methods in (("exact",), ("monte-carlo", "asymptotic")):
        assert_is_the_loop(pm.sweep(systems, laws, method=methods, **options), systems, laws, methods, **options)
    networks = {"tanh": network, "relu": relu}
    table = pm.sweep(networks, LAYERED, method=("auto", "mean-field"), **options)
    assert_is_the_loop(table, networks, LAYERED, ("auto", "mean-field"), **options)
    assert set(table["loss"]) == {"network"}


def test_one_of_each_and_sequences():
    system, law = SYSTEMS["one"], pm.Normal(2.0)
    table = pm.sweep(system, law)
    assert len(table) == 1
    assert table["temperature"][0] == pm.temperature(system, law).value
    table = pm.sweep([system, SYSTEMS["plane"]], [law, pm.Uniform(3.0)], method="exact")
    assert table["system"].tolist() == ["0", "0", "1", "1"]
    assert table["law"].tolist() == ["0", "1", "0", "1"]
    assert table["kind"].tolist() == ["Normal", "Uniform"] * 2
    assert table["scale"].tolist() == [2.0, 3.0] * 2


def test_rows_say_where_they_come_from():
    table = pm.sweep(
        {"a": SYSTEMS["ridge"]}, {"batch": NARROW["batch"], "mixed": WIDE["mixed"]}, method=("exact", "refined")
    )
    first = next(iter(table))
    assert (first["system"], first["member"], first["law"], first["batch"]) == ("a", 0, "batch", 0)
    assert table["member"].tolist() == [0] * 14 + [1] * 14
    assert table["batch"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 0, 1, 1] * 2
    assert table["scale"][:10].tolist() == np.repeat(np.geomspace(0.1, 30.0, 5), 2).tolist()
    assert np.isnan(table["scale"][10:14]).all()
    assert table["method"].tolist() == ["exact", "refined"] * 14
    assert table.units["temperature"] == "loss/nat"


def test_errors_of_energies_are_there():
    options = {"samples": 40, "rng": 3}
    table = pm.sweep(SYSTEMS["mae"], pm.Uniform(2.0), method=("exact", "monte-carlo"), **options)
    exact = pm.mean_energy(SYSTEMS["mae"], pm.Uniform(2.0))
    drawn = pm.mean_energy(SYSTEMS["mae"], pm.Uniform(2.0), method="monte-carlo", **options)
    np.testing.assert_array_equal(table["energy_bound"][::2], exact.error_bound.ravel())
    np.testing.assert_array_equal(table["energy_error"][1::2], drawn.standard_error.ravel())
    assert (exact.error_bound > 0).all()


def test_provenance():
    table = pm.sweep(SYSTEMS["one"], {"wide": pm.Normal(5.0)}, method=("monte-carlo",), samples=20, rng=8)
    assert table.metadata["pyrometer"] == pm.__version__
    assert table.metadata["complete"] is True
    assert table.metadata["methods"] == ["monte-carlo"]
    assert table.metadata["laws"] == {"wide": "Normal(scale=5.0)"}
    assert (table.metadata["samples"], table.metadata["seed"]) == (20, 8)
    json.loads(table.to_json())
    about = json.loads(table.to_arrow().schema.metadata[b"pyrometer"])
    assert about["metadata"]["seed"] == 8


@pytest.mark.parametrize("source", [None, np.random.default_rng(4)])
def test_any_source_of_randomness_can_be_repeated(source):
    options = {"method": ("monte-carlo",), "samples": 20}
    table = pm.sweep(SYSTEMS["one"], pm.Normal(5.0), rng=source, **options)
    again = pm.sweep(SYSTEMS["one"], pm.Normal(5.0), rng=table.metadata["seed"], **options)
    assert table["energy"][0] == again["energy"][0]
    other = pm.sweep(SYSTEMS["one"], pm.Normal(5.0), rng=source, **options)
    assert other["energy"][0] != table["energy"][0]


def test_a_seed_sequence_gives_the_same_draws_to_all():
    sequence = np.random.SeedSequence(4, spawn_key=(1,))
    table = pm.sweep([SYSTEMS["one"]] * 2, pm.Normal(5.0), method=("monte-carlo",), samples=20, rng=sequence)
    assert table["energy"][0] == table["energy"][1]
    assert table.metadata["seed"] == {"entropy": 4, "spawn_key": [1]}


@pytest.mark.parametrize("seed", range(40))
def test_rows_have_the_bits_of_temperature_with_the_documented_seed(seed):
    rng = np.random.default_rng([seed, 3])
    sources = [
        int(rng.integers(2**63)) << int(rng.integers(100)),
        np.int64(rng.integers(2**62)),
        np.random.SeedSequence([1, seed], spawn_key=(seed,)),
        np.random.SeedSequence(seed, pool_size=8).spawn(2)[1],
        np.random.default_rng(seed),
        None,
    ]
    options = {"method": "monte-carlo", "samples": 5}
    system = (SYSTEMS | {"net": pm.Network(X[0, 0], hidden=3, outputs=1)})[("stack", "mae", "ce", "net")[seed % 4]]
    for source in sources:
        table = pm.sweep(system, NARROW["batch"], rng=source, **options)
        if isinstance(source, np.random.Generator):
            assert table.metadata["seed"] == np.random.default_rng(seed).integers(2**63)
        known = source is not None and not isinstance(source, np.random.Generator)
        found = pm.temperature(system, NARROW["batch"], rng=source if known else table.metadata["seed"], **options)
        np.testing.assert_array_equal(table["temperature"], np.ravel(found.value))


def test_threads_change_nothing():
    one, four = (
        pm.sweep(SYSTEMS, NARROW, method=("exact", "monte-carlo"), samples=20, rng=1, threads=t) for t in (1, 4)
    )
    assert_same(one, four)


def assert_same(one, other):
    assert one.names == other.names
    for name in one.names:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_gives_the_same_table(kind, monkeypatch):
    options = {"method": ("exact", "monte-carlo"), "samples": 20, "rng": 1}
    expected = pm.sweep(SYSTEMS, NARROW, **options)
    monkeypatch.setattr(_plan, "_NANOSECONDS", 1e4)
    if kind == "threads":
        pool = concurrent.futures.ThreadPoolExecutor(2)
    else:
        pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    with pool:
        table = pm.sweep(SYSTEMS, NARROW, executor=pool, **options)
    assert_same(table, expected)
    assert table.metadata == expected.metadata


def test_systems_pickle():
    for system in SYSTEMS.values():
        copy = pickle.loads(pickle.dumps(system))
        original = pm.temperature(system, pm.Normal(2.0)).value
        np.testing.assert_array_equal(pm.temperature(copy, pm.Normal(2.0)).value, original)


@pytest.mark.parametrize("through", ["here", "executor"])
def test_an_interruption_gives_what_is_done(through, monkeypatch):
    monkeypatch.setattr(_plan, "_NANOSECONDS", 1.0)
    calls = itertools.count()

    def run(*arguments):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return _plan.run(*arguments)

    monkeypatch.setattr(importlib.import_module("pyrometer.sweeps._sweep"), "run", run)
    systems = {str(k): SYSTEMS["one"] for k in range(20)}
    if through == "here":
        table = pm.sweep(systems, NARROW)
    else:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            table = pm.sweep(systems, NARROW, executor=pool)
    assert table.metadata["complete"] is False
    whole = pm.sweep({"0": SYSTEMS["one"]}, NARROW)
    assert 0 < len(table) < 20 * len(whole)
    known = {(row["law"], row["batch"]): row["temperature"] for row in whole}
    assert all(row["temperature"] == known[row["law"], row["batch"]] for row in table)
    assert "stopped at" in table.title


def test_a_bar_goes_to_standard_error(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    pm.sweep(SYSTEMS["one"], NARROW, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "rows" in err


def test_without_a_bar_nothing_is_written(capsys, monkeypatch):
    pm.sweep(SYSTEMS["one"], NARROW)
    pm.sweep(SYSTEMS["one"], NARROW, progress=True)  # into a file
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")  # a terminal where nothing moves
    pm.sweep(SYSTEMS["one"], NARROW, progress=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [pm.Normal, pm.Uniform, pm.TruncatedNormal, "mixed"])
def test_scales_of_all_classes_of_one_and_of_all_parameters_together(kind):
    """Softmax systems take 1, n or C n scales: laws of the same kind with other numbers of them are one sweep."""
    rng = np.random.default_rng(4)
    system = pm.SoftmaxRegression(rng.normal(size=(9, 2)), np.arange(9) % 3)
    each, every = rng.uniform(0.5, 2.0, size=3), rng.uniform(0.5, 2.0, size=9)
    if kind == "mixed":
        laws = [pm.Mixed(each[:1], each[1:]), pm.Mixed(every[:1], every[1:]), pm.Mixed(every[:5], every[5:])]
    else:
        laws = [kind(each), kind(0.7), kind(every), kind(np.stack([each, 2.0 * each])), kind([0.3])]
    table = pm.sweep([system], laws, samples=20, rng=1)
    values = [np.ravel(pm.temperature(system, law, samples=20, rng=1).value) for law in laws]
    np.testing.assert_array_equal(table["temperature"], np.concatenate(values))


def test_laws_of_one_scale_keep_their_method_beside_laws_that_differ_between_classes():
    """Exact energies of scales that differ take long: for this many rows they are sampled."""
    rng = np.random.default_rng(4)
    system = pm.SoftmaxRegression(rng.normal(size=(7000, 1)), np.arange(7000) % 3)
    laws = [pm.Normal(0.7), pm.Normal(1.5), pm.Normal(rng.uniform(0.5, 2.0, size=6))]
    assert pm.sweep([system], laws, samples=20, rng=1)["standard_error"].tolist()[:2] == [0.0, 0.0]
