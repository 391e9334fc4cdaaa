"""Files of monitors: whatever is wrong with a field is said at load, by its name, or the monitor works."""

import copy
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm

SAVED = Path(__file__).parent.parent / "reference" / "data" / "0.1.0"
SCALARS = [
    None,
    True,
    -1,
    0,
    1,
    2,
    3,
    2**70,
    0.5,
    -0.5,
    float("nan"),
    float("inf"),
    -1e308,
    "",
    "mse",
    "x",
    [],
    [1],
    {},
]


def line(X):
    return np.asarray(X)[:, 0]


def batch(rng, m=30):
    x = rng.normal(size=(m, 2))
    return x, x[:, 0] + rng.normal(size=m)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return header and arrays of a monitor with readings, pools of one and two batches, and names."""
    rng = np.random.default_rng(0)
    monitor = pm.RefreshMonitor(batch(rng), line, energy="mse", run_length=5, memory=4, history=6, rng=1)
    for m in (30, 20, 1):
        monitor.update(*batch(rng, m))
    path = tmp_path_factory.mktemp("monitor") / "state"
    monitor.save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays.pop("header")))
    header["reference"]["names"] = ["u", "v"]
    return header, arrays


def load(path, header, arrays):
    with open(path, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)
    return pm.RefreshMonitor.load(path, line)


def works(path, header, arrays):
    """Whether a file loads, to a monitor that counts a batch; else it says which file and why."""
    reason = ""
    try:
        monitor = load(path, header, arrays)
    except ValueError as error:
        reason = str(error)
    if reason:
        assert reason.startswith(str(path))
        return reason
    before = monitor.batches
    with np.errstate(all="raise"):
        monitor.update(*batch(np.random.default_rng(5), 9))
    reading = monitor.readings[-1]
    assert 0.0 < reading.p_value <= 1.0
    assert monitor.batches == before + 1
    assert len(monitor.readings) <= monitor._readings.maxlen
    return ""


def places(value, at=()):
    """All paths into a header."""
    yield at
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*at, key))


def changed(header, at, change):
    header = copy.deepcopy(header)
    parent = header
    for key in at[:-1]:
        parent = parent[key]
    change(parent, at[-1])
    return header


def test_a_file_as_it_was_loads(saved, tmp_path):
    assert works(tmp_path / "state", *saved) == ""


def test_missing_fields_are_named(saved, tmp_path):
    header, arrays = saved
    optional = {("reference", "names"), ("reference", "reason")} | {
        ("readings", k, name) for k in range(3) for name in ("reason", "divergence", "name", "columns")
    }
    for at in places(header):
        if not at:
            continue
        found = works(tmp_path / "state", changed(header, at, lambda parent, key: parent.pop(key)), arrays)
        if at in optional:
            assert found == ""
        elif isinstance(at[-1], str) and at[-1] not in ("format", "version"):
            assert f"{at[-1]} is missing" in found, at
        else:
            assert found, at
    for name in arrays:
        found = works(tmp_path / "state", header, {key: array for key, array in arrays.items() if key != name})
        assert name in found


def test_fields_of_any_other_type_or_value_are_refused_by_name_or_work(saved, tmp_path):
    header, arrays = saved
    for k, at in enumerate(places(header)):
        if not at or at[-1] in ("format", "version") or at[:2] == ("readings", 0):
            continue
        for value in SCALARS[k % 3 :: 3]:  # all of them take a minute

            def put(parent, key, value=value):
                parent[key] = value

            found = works(tmp_path / "state", changed(header, at, put), arrays)
            names = [key for key in at if isinstance(key, str)]
            if found:
                related = {"pool_", "totals", "window", "alarm", "counts", "sums", "readings", "centre", "last", *names}
                assert any(name in found for name in related), (at, value, found)
            if (at[-1], value) in (("columns", []), ("labels", [])):  # as they were
                continue
            wrong = isinstance(value, (list, dict)) or (isinstance(value, str) and value not in ("mse", "", "x"))
            if wrong and at[-1] not in ("readings", "names"):
                assert names[-1] in found, (at, value, found)


def test_arrays_of_other_shapes_types_and_values_are_refused_by_name(saved, tmp_path):
    header, arrays = saved
    rng = np.random.default_rng(2)
    for name, array in arrays.items():
        spoilt = [
            array.astype(np.float32),
            array.astype(str),
            array.astype(complex),
            array.astype(np.int64),
            array[:-1],
            array[None],
            array.ravel()[:0],
            np.concatenate([array, array]),
            array * np.nan,
            array + np.inf,
            -array if name != "centre" else array[:0],
        ]
        for other in spoilt:
            found = works(tmp_path / "state", header, arrays | {name: other})
            assert "sums" in found or name in found, (name, other.dtype, other.shape, found)
        for _ in range(40):
            other = array.copy()
            other.flat[rng.integers(other.size)] *= rng.choice([-1.0, 0.0, 1e300, 1e-300, 1.5])
            works(tmp_path / "state", header, arrays | {name: other})
        assert works(tmp_path / "state", header, arrays | {name: np.asfortranarray(array)}) == ""


def test_fields_that_do_not_fit_each_other(saved, tmp_path):
    header, arrays = saved
    cases = [
        (("reference", "rows"), 31, "counts must be the rows of 31"),
        (("reference", "features"), 1, "names must be 1 different|centre must have shape"),
        (("reference", "energy"), 0.3, r"reference.energy must be that of the sums, .*, got 0.3"),
        (("reference", "entropy"), 0.3, r"reference.entropy must be that of the sums, .*, got 0.3"),
        (("reference", "discrete_entropy"), 9.0, "discrete_entropy must be 0 to ln"),
        (("reference", "names"), ["u", "u"], "names must be 2 different strings"),
        (("reference", "names"), [1, 2], "names must be a list of strings"),
        (("readings", 0, "alarm"), True, r"readings\[0\].alarm must say"),
        (("readings", 1, "p_value"), 1.5, r"readings\[1\].p_value must be at most 1"),
        (("readings", 1, "window"), 3, r"readings\[1\].window must be that of a pool of batch 2"),
        (("readings", 1, "rows"), 19, ""),
        (("readings", 2, "rows"), 19, "pool_0 and pool_1 must have the rows of the last 3 batches, 69, got 51"),
        (("last", "energy"), 19.0, "last must have the energy and entropy of the last batch"),
        (("last", "variance"), -1.0, "last.variance must be finite and >= 0"),
        (("batches",), 4, "readings must be a list of 4, got 3"),
        (("memory",), 12, "memory must be a power of two"),
        (("seed", 0), -1, "seed must be two whole numbers"),
        (("block",), 2, "counts must be the rows of 30 rows' blocks of 2"),
    ]
    for at, value, message in cases:

        def put(parent, key, value=value):
            parent[key] = value

        found = works(tmp_path / "state", changed(header, at, put), arrays)
        assert not message or re.search(message, found), (at, found)


def test_the_model_of_another_monitor_is_refused(saved, tmp_path):
    header, arrays = saved
    trained = pm.LinearRegression(np.random.default_rng(0).normal(size=(9, 3)), np.arange(9.0))
    load(tmp_path / "state", header, arrays)
    with pytest.raises(ValueError, match="state: reference must have the 3 features of the model, got 2"):
        pm.RefreshMonitor.load(tmp_path / "state", trained)


@pytest.mark.parametrize("name", ["monitor-pools", "monitor-ce"])
def test_files_of_0_1_0_load(name):
    def model(X):
        return 1.0 / (1.0 + np.exp(-line(X))) if name == "monitor-ce" else line(X)

    monitor = pm.RefreshMonitor.load(SAVED / f"{name}.npz", model)
    assert (monitor.batches, len(monitor.readings), monitor.reference.names) == (7, 5, ("u", "v"))
    assert all(reading.reason == "" for reading in monitor.readings)
    x = np.random.default_rng(0).normal(size=(30, 2))
    monitor.update(x, (x[:, 0] > 0).astype(float))
    assert monitor.batches == 8


@pytest.mark.parametrize("scale", [1.0, 1e-310, 1e300])
def test_loaded_and_pickled_monitors_go_on_with_the_same_bits(scale, tmp_path):
    rng = np.random.default_rng(3)

    def rows(m, size=1.0):
        x = rng.normal(size=(m, 2))
        return x * scale, scale * (x[:, 0] + size * rng.normal(size=m))

    trained = pm.LinearRegression(*(part / scale for part in rows(30)))
    monitor = pm.RefreshMonitor(rows(40), trained, memory=4, run_length=5, rng=2)
    stream = [rows(20), rows(1), (np.full((9, 2), scale), np.full(9, scale)), rows(20, 3.0), rows(12)]
    others = [monitor]
    for k, rows_of in enumerate(stream):
        others[0].save(tmp_path / f"{k}")
        others += [pm.RefreshMonitor.load(tmp_path / f"{k}", trained), pickle.loads(pickle.dumps(others[0]))]
        for other in others:
            other.update(*rows_of)
    assert monitor.batches == len(stream)
    assert len({str(other.readings) for other in others}) == 1
    assert any(reading.reason for reading in monitor.readings)


@pytest.mark.parametrize("grow", [False, True])
def test_a_monitor_of_dependent_rows_in_blocks_goes_on_after_loading(tmp_path, grow):
    """Blocks of a given size do not end the dependence of the rows, which widens the distribution of their means."""
    x = np.repeat(np.random.default_rng(3).normal(size=60), 4)[:, None]

    def model(X):
        return 2.0 * X[:, 0]

    monitor = pm.RefreshMonitor((x, x[:, 0]), model, energy="mse", block=2, run_length=12, grow=grow, rng=1)
    monitor.update(x[:10] + 1.0, x[:10, 0])
    monitor.save(tmp_path / "monitor.npz")
    loaded = pm.RefreshMonitor.load(tmp_path / "monitor.npz", model)
    assert loaded.reference.dependence == monitor.reference.dependence
    for k in range(1, 4):
        batch = x[10 * k : 10 * k + 10] + k, x[:10, 0]
        mine, other = monitor.update(*batch), loaded.update(*batch)
        assert repr(mine) == repr(other)
        assert mine.columns.to_csv() == other.columns.to_csv()
    assert repr(loaded.readings) == repr(monitor.readings)


@pytest.mark.parametrize("seed", [0, 3, 7, 13, 20, 21])
def test_rows_near_the_centre_in_batches_far_from_it_can_be_loaded(tmp_path, seed):
    """Sums of squares of such a block are what remains of those of its batch, and are less than its first moments."""
    rng = np.random.default_rng(seed)
    far, options = 10.0 ** rng.uniform(3, 9), {"grow": bool(seed % 2), "block": (2, 3, "auto")[seed % 3]}
    reference = rng.normal(size=(60, 2)), rng.normal(size=60)
    monitor = pm.RefreshMonitor(reference, lambda X: X[:, 0], energy="mse", run_length=2, memory=4, rng=0, **options)
    for _ in range(8):
        m = int(rng.integers(2, 9))
        X = rng.normal(size=(m, 2)) + far * rng.choice([-1, 0, 1], (m, 1))
        X[rng.integers(m)] = rng.normal(size=2) * 10.0 ** rng.uniform(-8, 0)
        monitor.update(X, rng.normal(size=m))
        monitor.save(tmp_path / "state")
        assert repr(pm.RefreshMonitor.load(tmp_path / "state", monitor.model)) == repr(monitor)


@pytest.mark.parametrize(
    "values", [(b"a", b"b"), ((1, 0), (1, 2)), (1.0, np.inf), (pd.Interval(0, 1), pd.Interval(1, 2))]
)
def test_categories_that_a_file_cannot_have_are_refused_when_it_is_written(values, tmp_path):
    """Some were an error of json, others made a file that could not be loaded."""
    rng, path = np.random.default_rng(4), tmp_path / "monitor"

    def rows(m, kind=lambda value: value):
        words = pd.Series([kind(values[k]) for k in rng.integers(0, 2, size=m)]).astype("category")
        return pd.DataFrame({"a": rng.normal(size=m), "band": words})

    monitor = pm.RefreshMonitor(rows(100), None, rng=0)
    monitor.update(rows(40))
    with pytest.raises(ValueError, match=r"strings, booleans or finite numbers .* in column band; convert"):
        monitor.save(path)
    assert not path.exists()
    monitor = pm.RefreshMonitor(rows(100, str), None, rng=0)
    monitor.save(path)
    batch = rows(40, str)
    loaded = pm.RefreshMonitor.load(path, None)
    assert monitor.update(batch).reading.to_dict() == loaded.update(batch).reading.to_dict()
