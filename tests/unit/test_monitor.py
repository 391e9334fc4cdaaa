"""A model watched batch by batch: both temperatures, alarms at their stated rate, and a file to go on from."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression as LinearEstimator

import pyrometer as pm

from ..noisy_lines import batches, line


def test_readings_are_those_of_the_parts():
    reference, first, second = batches(0, [1.0, 1.0, 3.0], m=400)
    law = pm.Normal(2.0)
    monitor = pm.RefreshMonitor(reference, line, energy="mse", law=law, rng=0)
    shifts = [monitor.update(*first), monitor.update(*second)]
    for reading, found, (x, y) in zip(monitor.readings, shifts, (first, second), strict=True):
        assert reading.energy == pytest.approx(np.mean((y - x[:, 0]) ** 2))
        assert reading.temperature == pm.temperature(pm.LinearRegression(x, y), law).value
        assert reading.p_value == found.p_value
    between = pm.shift(first, second, model=line, energy="mse", rng=1)
    assert monitor.readings[1].neighbour == pytest.approx(between.temperature, rel=1e-9)
    assert [reading.alarm for reading in monitor.readings] == [False, True]
    assert monitor.batches == 2


@pytest.mark.parametrize("grow", [False, True])
def test_a_pair_is_a_batch(grow):
    """Like the reference; it had no temperature, and the length of the pair was taken for the number of rows."""
    reference, *others = batches(0, [1.0, 1.0, 3.0], m=40)
    apart, paired = (
        pm.RefreshMonitor(reference, line, energy="mse", law=pm.Normal(2.0), rng=0, grow=grow) for _ in range(2)
    )
    for x, y in others:
        apart.update(x, y)
        paired.update((x, y))
    assert paired.readings == apart.readings
    assert np.isfinite(paired.readings[0].temperature)
    assert all(
        each is given
        for rows, pair in zip(paired.since_change(), others[1:], strict=True)
        for each, given in zip(rows, pair, strict=True)
    )


def test_temperatures_of_the_first_kind_are_those_of_systems_like_the_model():
    rng, law = np.random.default_rng(5), pm.Normal(2.0)
    x = rng.normal(size=(120, 2))
    y = (x @ [1.0, 2.0] + rng.logistic(size=120)).round().clip(0, 2).astype(int)
    words = np.array(["a", "b", "c"])[y]
    weights = np.where(np.arange(120) % 7, 1.0, 2.0)
    cases = [
        (pm.SoftmaxRegression, y, {"intercept": False, "labels": (0, 1, 2)}),
        (pm.SoftmaxRegression, words, {"labels": ("a", "b", "c")}),
        (pm.LogisticRegression, y > 0, {"labels": (True, False)}),
        (pm.LogisticRegression, np.where(y > 0, "yes", "no"), {"labels": ("no", "yes"), "intercept": False}),
        (pm.LinearRegression, x[:, 0] + y, {"penalty": pm.L2(0.5)}),
    ]
    for kind, target, options in cases:
        model = kind(x[:60], target[:60], **options)
        monitor = pm.RefreshMonitor((x[:60], target[:60]), model, law=law, rng=0)
        for rows in (np.arange(60, 120), 60 + np.flatnonzero(y[60:] != 2)):  # the second without a class
            monitor.update(x[rows], target[rows], weights=weights[rows])
            system = kind(x[rows], target[rows], weights=weights[rows], **options)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pm.SeparationWarning)
                expected = pm.temperature(system, law).value
            assert monitor.readings[-1].temperature == pytest.approx(expected, rel=1e-9), (kind, options)
    estimator = LinearEstimator(fit_intercept=False).fit(x, x[:, 0] + y)
    monitor = pm.RefreshMonitor((x, x[:, 0] + y), estimator, law=law, rng=0)
    expected = pm.temperature(pm.LinearRegression(x[60:], (x[:, 0] + y)[60:], intercept=False), law).value
    assert monitor.update(x[60:], (x[:, 0] + y)[60:]).reading.temperature == pytest.approx(expected, rel=1e-9)
    # Of a function the classes are those of the reference.
    monitor = pm.RefreshMonitor((x, y), lambda x: np.full((len(x), 3), 1.0 / 3.0), energy="softmax", law=law, rng=0)
    monitor.update(x[y < 2], y[y < 2])
    with pytest.warns(pm.SeparationWarning):
        expected = pm.temperature(pm.SoftmaxRegression(x[y < 2], y[y < 2], labels=(0, 1, 2)), law).value
    assert monitor.readings[-1].temperature == pytest.approx(expected, rel=1e-9)


def test_temperatures_of_the_first_kind_have_the_columns_of_the_model_or_of_the_reference():
    """Columns came and went with missing numbers of a batch, and a model was without its columns of booleans."""
    rng, law = np.random.default_rng(6), pm.Normal(2.0)
    frame = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200), "c": rng.random(200) < 0.4})
    y = frame["a"] * 2.0 + frame["c"] + 0.1 * rng.normal(size=200)
    old, new = slice(0, 120), slice(120, 200)
    model = pm.LinearRegression(frame[old], y[old])
    monitor = pm.RefreshMonitor((frame[old], y[old]), model, law=law, rng=0)
    expected = pm.temperature(pm.LinearRegression(frame[new], y[new]), law).value
    assert monitor.update(frame[new], y[new]).reading.temperature == pytest.approx(expected, rel=1e-12)
    # Of a function they are the columns of numbers that are complete in the reference: a alone.
    frame.loc[3, "b"] = np.nan
    monitor = pm.RefreshMonitor((frame[old], y[old]), lambda x: np.zeros(len(x)), energy="mse", law=law, rng=0)
    for lost in ([], [150], range(120, 200)):
        batch, filled = frame[new].copy(), frame.loc[new.start : new.stop - 1, ["a"]].copy()
        batch.loc[list(lost), "a"] = np.nan
        filled.loc[list(lost), "a"] = frame["a"][old].mean()
        expected = pm.temperature(pm.LinearRegression(filled, y[new]), law).value
        reading = monitor.update(batch, y[new]).reading
        assert reading.temperature == pytest.approx(expected, rel=1e-12)
    # A function may have a system of its own.
    flat = type("Flat", (), {"system": model, "__call__": lambda self, x: np.zeros(len(x))})()
    other = pm.RefreshMonitor((frame[old], y[old]), flat, energy="mse", law=law, rng=0).update(batch, y[new]).reading
    assert other.temperature == pytest.approx(expected, rel=1e-12)
    state = pm.DataState(frame[new], y[new], model=monitor.model, energy="mse", like=monitor.reference)
    reason = monitor.update(state).reading.reason
    assert "temperature: needs X and y of the batch, and a monitor with a model." in reason


def test_a_pool_is_compared_as_its_rows_would_be():
    reference, *stream = batches(8, [1.0] + [1.05] * 12, m=200)
    # Means move, which only the divergence sees, and only about one centre.
    stream = [(x, y + move) for (x, y), move in zip(stream, [0.12] * 8 + [0.4] * 4, strict=True)]
    monitor = pm.RefreshMonitor(reference, line, energy="mse", memory=4, run_length=500, rng=0)
    for batch in stream:
        monitor.update(*batch)
    assert len({reading.alarm for reading in monitor.readings}) == 2
    windows = [reading.window for reading in monitor.readings]
    assert [w > 0 for w in windows] == [False, True] * 6
    assert set(windows[1::4]) == {2}  # two batches are a pool of two; four are that of the last two, and one of four
    assert set(windows[3::4]) <= {2, 4}
    for k, reading in enumerate(monitor.readings):
        assert reading.alarm == (np.fmin(reading.p_value, reading.pooled) <= 1.0 / (500 * 1.75))
        tested = [w for w in (2, 4) if (k + 1) % w == 0]
        if not tested:
            assert np.isnan(reading.pooled)
            continue
        expected = []
        for width in tested:
            x, y = map(np.concatenate, zip(*stream[k + 1 - width : k + 1], strict=True))
            expected.append(pm.shift(reference, (x, y), model=line, energy="mse", resamples=3999, rng=k).p_value)
        p = min(expected)
        many = 99 if reading.pooled > 0.2 else 319 if reading.pooled > 0.04 else 3999
        assert abs(reading.pooled - p) < 4.5 * np.sqrt(p * (1.0 - p) * (1 / many + 1 / 3999)) + 0.001


def test_a_monitor_goes_on_where_it_stopped(tmp_path):
    stream = list(batches(2, [1.0, 1.0, 1.2, 2.0, 1.0, 1.3, 1.0, 1.0, 1.0]))
    whole = pm.RefreshMonitor(stream[0], line, energy="mse", history=2, rng=5)
    for batch in stream[1:]:
        whole.update(*batch)
    part = pm.RefreshMonitor(stream[0], line, energy="mse", history=2, rng=5)
    part.save(tmp_path / "new")
    part = pm.RefreshMonitor.load(tmp_path / "new", line)
    for batch in stream[1:]:
        part.update(*batch)
        part.save(tmp_path / "state")
        part = pm.RefreshMonitor.load(tmp_path / "state", line)
    assert str(part.readings) == str(whole.readings)  # nan is not equal to itself
    assert len(whole.readings) == 2
    assert (part.batches, part.run_length, part.memory) == (8, 200, 32)


@pytest.mark.parametrize("block", [1, 3, "auto"])
@pytest.mark.parametrize("grow", [False, True])
def test_it_can_be_saved_after_any_step(tmp_path, grow, block):
    """After a new reference, too, before the next batch; and goes on as one that has never been saved."""
    rng = np.random.default_rng(1)

    def rows(m):
        X = rng.normal(size=(m, 2))
        return X, line(X) + rng.normal(size=m)

    options = {"energy": "mse", "run_length": 5, "memory": 4, "block": block, "grow": grow, "history": 3, "rng": 0}
    whole = pm.RefreshMonitor(rows(60), line, **options)
    whole.save(tmp_path / "state")
    part = pm.RefreshMonitor.load(tmp_path / "state", line)
    for step in ["update", "update", "reset", "update", "renew", "renew", "update", "update", "renew", "reset"] * 2:
        given = rows(60 if step == "renew" else int(rng.integers(1, 30)))
        for monitor in (whole, part):
            if step == "update":
                monitor.update(*given)
            else:
                monitor.reset(given if step == "renew" else None)
        part.save(tmp_path / "state")
        part = pm.RefreshMonitor.load(tmp_path / "state", line)
        assert (repr(part.readings), repr(part.event)) == (repr(whole.readings), repr(whole.event))


def test_names_of_columns_are_saved(tmp_path):
    x, y = next(batches(7, [1.0]))
    frame = pl.DataFrame({"u": x[:, 0], "v": np.cos(x[:, 0])})
    monitor = pm.RefreshMonitor((frame, y), lambda X: X["u"].to_numpy(), energy="mse", rng=0)
    monitor.save(tmp_path / "state")
    again = pm.RefreshMonitor.load(tmp_path / "state", monitor.model)
    assert again.reference.names == ("u", "v")
    with pytest.raises(ValueError, match="same columns in one order"):
        again.update(frame.select("v", "u"), y)
    assert again.update(frame, y).p_value >= 0.99


def test_a_bad_batch_changes_nothing():
    stream = list(batches(3, [1.0, 1.0]))
    monitor = pm.RefreshMonitor(stream[0], line, energy="mse", rng=0)
    with pytest.raises(ValueError, match="X must be finite"):
        monitor.update(stream[1][0] * np.nan, stream[1][1])
    with pytest.raises(ValueError, match="^batch 1: X must have 1 column, as the rows that it is compared with, got 3"):
        monitor.update(np.zeros((50, 3)), np.ones(50))
    with pytest.raises(ValueError, match="X must have at least one row"):
        monitor.update(np.zeros((0, 1)), np.ones(0))
    with pytest.raises(TypeError, match="y must be numeric"):
        monitor.update(np.zeros((2, 1)), ["a", "b"])
    assert monitor.readings == ()
    assert monitor.batches == 0


def test_the_reference_itself_is_no_alarm():
    reference = next(batches(6, [1.0]))
    monitor = pm.RefreshMonitor(reference, line, energy="mse", rng=0)
    assert monitor.update(*reference).p_value > 0.99
    assert not monitor.readings[-1].alarm


def test_files_that_are_none(tmp_path):
    (tmp_path / "other").write_bytes(b"not a monitor")
    with pytest.raises(ValueError, match="must be a file written by RefreshMonitor.save"):
        pm.RefreshMonitor.load(tmp_path / "other", line)
    with pytest.raises(FileNotFoundError):
        pm.RefreshMonitor.load(tmp_path / "none", line)
    pm.Moments.of([[1.0], [2.0]], [3.0, 5.0]).save(tmp_path / "moments")
    with pytest.raises(ValueError, match="another format: format 'pyrometer-moments'"):
        pm.RefreshMonitor.load(tmp_path / "moments", line)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"law": 3}, TypeError, "law must be"),
        ({"law": pm.Normal([[1.0], [2.0]])}, ValueError, "law must be a single one"),
        ({"run_length": 1}, ValueError, "run_length must be at least 2"),
        ({"history": 0}, ValueError, "history must be at least 1"),
        ({"memory": 0}, ValueError, "memory must be at least 1"),
        ({"memory": 12}, ValueError, "memory must be a power of two, got 12"),
        ({"energy": None}, ValueError, "energy must be"),
    ],
)
def test_bad_options(options, error, message):
    (reference,) = batches(4, [1.0])
    with pytest.raises(error, match=message):
        pm.RefreshMonitor(reference, line, **({"energy": "mse"} | options))
    with pytest.raises(TypeError, match="reference must be"):
        pm.RefreshMonitor(3, line, energy="mse")


@pytest.mark.filterwarnings("ignore:rows are serially dependent:pyrometer.DependenceWarning")
@pytest.mark.parametrize("grow", [False, True])
@pytest.mark.parametrize("saved", [False, True])
def test_blocks_that_are_given_are_corrected_for_what_they_share(monkeypatch, tmp_path, grow, saved):
    """As in `shift`: of a reference of 50 blocks and batches of 10, alone and in pools, in every stage of a test."""
    from pyrometer.states import _batch_test, _compare

    def remembering(seed, rows):
        rng = np.random.default_rng([seed, 41])
        x = np.zeros(rows)
        for row in range(rows):
            x[row] = 0.9 * (x[row - 1] if row else rng.normal() / 0.19**0.5) + rng.normal()
        return x[:, None], 2.0 * x

    told, compared = [], _batch_test.compared
    for module in (_batch_test, _compare):
        monkeypatch.setattr(module, "compared", lambda *a, **k: told.append(k["inflation"]) or compared(*a, **k))
    options = {"energy": "mse", "block": 40, "run_length": 20, "memory": 2, "rng": 1, "grow": grow}
    monitor = pm.RefreshMonitor(remembering(0, 2000), lambda X: X[:, 0], **options)
    reach, time = monitor.reference.dependence.reach, monitor.reference.correlation_time
    assert 7.0 < reach < 13.0
    if saved:
        monitor.save(tmp_path / "monitor.npz")
        monitor = pm.RefreshMonitor.load(tmp_path / "monitor.npz", lambda X: X[:, 0])
    for seed in range(1, 5):
        monitor.update(*remembering(seed, 400))
    phi = (time - 1.0) / (time + 1.0)
    share = {rows: 1.0 - reach * (1.0 - phi**rows) / rows for rows in (40, 400, 800)}
    expected = [share[rows] / share[40] for rows in (400, 800)]
    assert len(told) > 4
    assert min(expected) > 1.15
    assert all(min(abs(each - value) for value in expected) < 1e-9 for each in told), (told, expected)


def test_a_function_may_take_the_place_of_a_system(tmp_path):
    reference, batch, _ = batches(3, [1.0, 1.0, 1.0], m=60)
    system = pm.LinearRegression(*reference)
    parameters = pm.minimum_energy(system).parameters
    monitor, function = pm.RefreshMonitor(reference, system, rng=0), lambda x: x @ parameters[:-1] + parameters[-1]
    monitor.update(*batch)
    monitor.save(tmp_path / "monitor.npz")
    loaded = pm.RefreshMonitor.load(tmp_path / "monitor.npz", function)
    assert loaded.update(*batch).p_value == monitor.update(*batch).p_value
    monitor.reset(batch, model=function)
    assert monitor.update(*reference).before.energy == pytest.approx(loaded.readings[0].energy, rel=1e-9)
    with pytest.raises(ValueError, match="model must have the loss 'mse', got 'mae'"):
        monitor.reset(batch, model=pm.LinearRegression(*reference, energy="mae"))


def test_an_alarm_takes_the_memory_of_the_sums_of_permutations():
    rng = np.random.default_rng(0)

    def rows(m, mean):
        x = rng.normal(size=m) + mean
        return pd.DataFrame({"x": x, "c": rng.integers(300, size=m).astype(str)}), x + rng.normal(size=m)

    reference, calm, moved = rows(1000, 0.0), rows(500, 0.0), rows(500, 1.0)
    monitor = pm.RefreshMonitor(reference, lambda X: X["x"].to_numpy(), energy="mse", run_length=1000, rng=0)
    monitor.update(*calm)
    tracemalloc.start()
    alarm = monitor.update(*moved).alarm
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert alarm
    sums = 2 * 8 * 1000 * (6 + 300) * 8  # bytes: of both samples in each permutation, 6 sums and 300 counts
    assert most < sums + 64e6
