"""States of a monitor's comparisons as references, batches and samples: columns in cells, and files."""

import itertools

import numpy as np
import polars as pl
import pytest

import pyrometer as pm
from pyrometer.states import _cells, _layout
from pyrometer.states._cells import CELLS, cell_of


def zeros(X):
    return np.zeros(len(X))


def visitors(rng, m=150, regular=0.7):
    """Return rows with an identifier of twenty, or one that no other row has."""
    once = rng.integers(0, 2**63, m)
    names = [
        f"r{k}" if u < regular else f"{w:016x}"
        for k, u, w in zip(rng.integers(0, 20, m), rng.random(m), once, strict=True)
    ]
    return pl.DataFrame({"x": rng.normal(size=m), "id": names}), rng.normal(size=m)


def grown(seed, batches=4):
    """Return batches of visitors, and the last comparison of a growing monitor, whose identifiers are in cells."""
    rng = np.random.default_rng(seed)
    data = [visitors(rng) for _ in range(1 + batches)]
    monitor = pm.RefreshMonitor(data[0], zeros, energy="mse", rng=seed, grow=True, run_length=500)
    for each in data[1:]:
        result = monitor.update(*each)
    assert not any(reading.alarm for reading in monitor.readings)
    assert result.before.columns.of(1).cells
    assert result.after.columns.of(1).cells
    return rng, data, monitor, result


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(_layout, "MOST_VALUES", 150)


def in_cells(*data):
    frame = pl.concat([frame for frame, _ in data])
    cells = pl.Series([f"c{cell_of(value)}" for value in frame["id"]])
    return frame.with_columns(id=cells), np.concatenate([y for _, y in data])


def test_a_state_in_cells_is_compared_with_rows_in_the_same_cells():
    p_values = []
    for seed in range(2, 5):
        rng, data, _, result = grown(seed)
        new = visitors(rng)
        options = {"model": zeros, "energy": "mse", "rng": seed}
        expected = pm.shift(in_cells(*data[:-1]), in_cells(new), **options)
        for before, after in ((result.before, new), (result.before, pm.DataState(*new, model=zeros, energy="mse"))):
            shift = pm.shift(before, after, **options)
            assert shift.divergence == pytest.approx(expected.divergence, rel=1e-9)
            assert shift.entropy_change == pytest.approx(expected.entropy_change, rel=1e-9)
        p_values += [shift.p_value, pm.shift(new, result.before, **options).p_value]
        assert pm.shift(result.before, visitors(rng, regular=0.3), **options).p_value < 0.01
    assert np.mean(np.array(p_values) <= 0.05) <= 0.25


@pytest.mark.parametrize("grow", [False, True])
@pytest.mark.parametrize("which", ["before", "after"])
def test_monitors_of_states_in_cells_raise_no_alarm_without_a_shift(tmp_path, which, grow):
    alarms, p_values = 0, []
    for seed in range(2, 4):
        rng, data, old, result = grown(seed)
        state = getattr(result, which)
        monitor = pm.RefreshMonitor(state, zeros, energy="mse", rng=seed, grow=grow, run_length=50, memory=4)
        assert monitor._pools.layout.in_cells == {1}
        other = pm.RefreshMonitor(data[0], zeros, energy="mse", rng=seed, grow=grow, run_length=50)
        p_values.append(other.update(state).p_value)
        p_values.append(other.update(*visitors(rng)).p_value)
        old.reset(state)
        for _ in range(2):
            new = visitors(rng)
            alarms += old.update(*new).reading.alarm
            monitor.save(tmp_path / "state")
            again = pm.RefreshMonitor.load(tmp_path / "state", zeros)
            readings = [each.update(*new).reading for each in (monitor, again)]
            assert str(readings[0]) == str(readings[1])
            alarms += readings[0].alarm
        assert monitor.update(*visitors(rng, regular=0.1)).reading.p_value < 0.01
    assert alarms <= 1
    assert np.mean(np.array(p_values) <= 0.05) <= 0.25


def test_texts_that_are_numbers_of_cells_are_texts():
    rng, _, monitor, result = grown(0)
    monitor.reset(result.before)
    frame, y = visitors(rng)
    frame = frame.with_columns(id=pl.Series(["17"] * 75 + list(frame["id"][75:])))
    layout = monitor._pools.layout
    monitor.update(frame, y)
    total = monitor._pools.totals[-1, layout.width :]
    counts = {label[1]: total[k] for k, label in enumerate(layout.labels)}
    assert len(counts) == CELLS
    assert counts[cell_of("17")] >= 75


def test_numbers_of_a_reference_in_cells_are_counted_each(monkeypatch):
    monkeypatch.setattr(_layout, "MOST_VALUES", 20)

    def constant(value, size=30):
        return pl.DataFrame({"x": rng.normal(size=size), "u": pl.Series([value] * size, dtype=pl.Float64)})

    rng = np.random.default_rng(0)
    monitor = pm.RefreshMonitor(constant(None), None, rng=1, memory=1, run_length=5, grow=True)
    for value in range(22):
        result = monitor.update(constant(float(value)))
        monitor.reset()
    assert monitor._pools.layout.in_cells
    monitor.reset(result.after)
    varied = constant(None).with_columns(u=pl.Series([*range(28), None, None], dtype=pl.Float64))
    monitor.update(varied)
    layout = monitor._pools.layout
    counts = dict(zip((label[1] for label in layout.labels), monitor._pools.totals[-1, layout.width :], strict=True))
    expected = dict.fromkeys([*range(CELLS), None], 0.0)
    for value in varied["u"]:
        expected[cell_of(value)] += 1
    assert counts == expected


def test_drift_and_neighbours_do_not_compare_entropies_of_cells_with_those_of_values():
    rng, _, monitor, result = grown(0)
    states = [result.before, *(pm.DataState(*visitors(rng), model=zeros, energy="mse") for _ in range(4))]
    with pytest.raises(ValueError, match="column id with values counted in cells by a monitor; give the rows"):
        pm.drift(range(5), states, bandwidth=2.0)
    monitor.reset(result.before)
    assert np.isnan(monitor.update(*visitors(rng)).reading.neighbour)


def rows_of(rng, m, kind):
    x, y = rng.normal(size=(m, 2)), rng.normal(size=m)
    if kind == "missing":
        x[rng.random((m, 2)) < 0.1] = np.nan
        return pl.DataFrame({"a": x[:, 0], "b": x[:, 1]}).fill_nan(None), y
    if kind == "text":
        return pl.DataFrame({"a": x[:, 0], "t": rng.choice(["a", "b", "c"], m)}), y
    if kind == "dependent":
        for i in range(1, m):
            x[i, 0] += 0.8 * x[i - 1, 0]
        return x[:, :1], y
    return x, y


@pytest.mark.parametrize("kind", ["numbers", "missing", "text", "dependent", "weighted"])
def test_monitors_of_compared_states_have_files(tmp_path, kind):
    rng = np.random.default_rng(0)
    dependent = kind == "dependent"
    m, first = (900, 2000) if dependent else (150, 300)

    def more(size, scale=1.0):
        X, y = rows_of(rng, size, kind)
        weights = rng.uniform(0.5, 2.0, size) if kind == "weighted" else None
        return (X, scale * y), weights

    for grow, which, alarm in itertools.product((True, False), ("after", "before"), (False, True)):
        data, weights = more(first)
        options = {"energy": "mse", "rng": 1, "grow": grow, "block": "auto" if dependent else 1}
        monitor = pm.RefreshMonitor(data, zeros, weights=weights, **options)
        for k in range(4 if alarm else 3):
            data, weights = more(m, 3.0 if k == 3 else 1.0)
            result = monitor.update(*data, weights=weights)
        state = getattr(result, which)
        monitor.reset(state)
        reference = monitor.reference
        assert reference.energy == pytest.approx(reference.numbers()[0], rel=1e-9)
        assert reference.sums.sizes[0] == monitor.block
        assert sorted(reference.sums.sizes) == sorted(state.sums.sizes)
        if alarm:  # else it is saved before the first batch
            data, weights = more(m)
            monitor.update(*data, weights=weights)
        monitor.save(tmp_path / "state")
        again = pm.RefreshMonitor.load(tmp_path / "state", zeros)
        data, weights = more(m)
        results = [each.update(*data, weights=weights) for each in (monitor, again)]
        assert str(results[0].reading) == str(results[1].reading)
        assert str(again.readings) == str(monitor.readings)


@pytest.mark.parametrize(
    "change", [lambda counts: counts[:-1], lambda counts: counts * 2.0, lambda counts: counts[::-1]]
)
def test_damage_in_the_blocks_of_a_compared_state_is_found(tmp_path, change):
    rng = np.random.default_rng(0)
    monitor = pm.RefreshMonitor(rows_of(rng, 300, "numbers"), zeros, energy="mse", rng=1, grow=True)
    for _ in range(8):
        result = monitor.update(*rows_of(rng, 100, "numbers"))
    monitor.reset(result.before)
    monitor.save(tmp_path / "state")
    with np.load(tmp_path / "state") as archive:
        arrays = dict(archive)
    arrays["counts"] = change(arrays["counts"])
    with open(tmp_path / "state", "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ValueError, match="counts must be those of blocks of 1000 rows, the first of 1"):
        pm.RefreshMonitor.load(tmp_path / "state", zeros)


@pytest.mark.parametrize("grow", [False, True])
def test_columns_of_many_values_together_are_in_cells(monkeypatch, grow):
    def texts(rng, shares=None):
        names = {f"t{k}": [f"v{i}" for i in rng.integers(0, 9000, 200)] for k in range(2)}
        names["few"] = rng.choice(["a", "b"], 200, p=shares).tolist()
        return pl.DataFrame(names)

    rng = np.random.default_rng(0)
    before, after, moved = texts(rng), texts(rng), texts(rng, (0.9, 0.1))
    exact = pm.shift(before, after, rng=0, resamples=99)
    assert not any(row["category"].startswith("cell") for row in exact.columns)
    monkeypatch.setattr(_cells, "MOST_TOGETHER", 600)
    found = pm.shift(before, after, rng=0, resamples=99)
    assert {row["column"] for row in found.columns if row["category"].startswith("cell")} <= {"t0", "t1"}
    assert 0.0 < found.divergence < exact.divergence
    assert not found.moved
    assert pm.shift(before, moved, rng=0, resamples=99).moved[0] == "few"
    monitor = pm.RefreshMonitor(before, None, rng=0, grow=grow, run_length=12)
    monitor.update(after)
    layout = monitor._pools.layout
    assert layout.in_cells
    assert len(layout.labels) <= 600
    assert monitor.update(moved).reading.columns[0] == "few"
