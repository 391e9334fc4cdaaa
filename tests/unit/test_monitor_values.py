"""Monitors of columns with ever new values: bounded memory, the stated level, power, and files."""

import json

import numpy as np
import polars as pl
import pytest

import pyrometer as pm
from pyrometer.states import _layout
from pyrometer.states._cells import CELLS, cell_of

FEW = 50  # in the place of 1,000 where the bound itself is not tested


def zeros(X):
    return np.zeros(len(X))


def batch(rng, m=40, known=0.0, missing=0.0):
    """Return rows with an identifier that no other row has, or a known value, or none."""
    values = np.array([f"{value:016x}" for value in rng.integers(0, 2**63, m)], dtype=object)
    values[rng.random(m) < known] = "known"
    values[rng.random(m) < missing] = None
    return pl.DataFrame({"x": rng.normal(size=m), "id": pl.Series(list(values), dtype=pl.String)}), rng.normal(size=m)


def columns(monitor):
    return len(monitor._pools.layout.labels)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(_layout, "MOST_VALUES", FEW)


@pytest.mark.parametrize("grow", [False, True])
def test_the_columns_of_new_values_are_bounded(grow):
    rng = np.random.default_rng(0)
    monitor = pm.RefreshMonitor(batch(rng), zeros, energy="mse", rng=1, memory=4, grow=grow, run_length=5)
    most = 0
    for _ in range(40):
        monitor.update(*batch(rng))
        monitor.reset()
        most = max(most, columns(monitor))
    assert FEW < most <= 1000
    assert columns(monitor) == CELLS


def test_new_numbers_of_a_column_without_any_in_the_reference_are_bounded_too(few):
    def constant(value):
        return pl.DataFrame({"x": rng.normal(size=20), "u": pl.Series([value] * 20, dtype=pl.Float64)})

    rng = np.random.default_rng(0)
    monitor = pm.RefreshMonitor(constant(None), None, rng=1, memory=1, run_length=5)
    for value in range(FEW + 20):
        monitor.update(constant(float(value)))
    assert columns(monitor) == CELLS + 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("grow", [False, True])
def test_cells_have_the_counts_of_all_rows_of_their_values(few, grow, weighted):
    rng = np.random.default_rng(2)
    data = [batch(rng, known=0.2, missing=0.1) for _ in range(9)]
    monitor = pm.RefreshMonitor(data[0], zeros, energy="mse", rng=1, memory=4, grow=grow)
    weights = [np.ones(40)] * 5 + [rng.integers(1, 4, 40) if weighted else np.ones(40) for _ in range(4)]
    for (frame, y), each in zip(data[1:], weights[1:], strict=True):
        monitor.update(frame, y, weights=each if weighted and each.max() > 1 else None)
    layout, pools = monitor._pools.layout, monitor._pools
    expected = dict.fromkeys([*range(CELLS), None], 0.0)
    for (frame, _), each in zip(data, weights, strict=True):
        for value, weight in zip(frame["id"], each, strict=True):
            expected[cell_of(value)] += weight
    total = pools.earlier + pools.totals.sum(axis=0)
    assert {label[1]: total[layout.width + k] for k, label in enumerate(layout.labels) if label[0] == 1} == expected
    assert total[layout.rows_at] == 9 * 40


@pytest.mark.parametrize("grow", [False, True])
def test_false_alarms_are_as_rare_as_stated_where_every_row_has_a_new_value(few, grow):
    rng = np.random.default_rng(3)
    options = {"energy": "mse", "memory": 2, "run_length": 5, "grow": grow}
    rates = []
    for seed in range(100):
        monitor = pm.RefreshMonitor(batch(rng, 30), zeros, rng=seed, **options)
        for _ in range(4):
            monitor.update(*batch(rng, 30))
            monitor.reset()
        assert monitor._pools.layout.in_cells
        rates.append(np.mean([reading.alarm for reading in monitor.readings]))
    assert np.mean(rates) <= 1 / 5 + 3 * np.std(rates) / 10
    assert np.mean(rates) > 0.02


@pytest.mark.parametrize("grow", [False, True])
def test_the_share_of_a_known_value_beside_new_ones_and_files_at_every_batch(few, tmp_path, grow):
    rng = np.random.default_rng(7)
    reference, options = (
        batch(rng, 300, known=0.3, missing=0.1),
        {"energy": "mse", "rng": 3, "grow": grow, "run_length": 20},
    )
    whole, part = (pm.RefreshMonitor(reference, zeros, **options) for _ in range(2))
    for k in range(8):
        frame, y = batch(rng, 60, known=0.3 if k < 5 else 0.8, missing=0.1)
        for monitor in (whole, part):
            monitor.update(frame, y)
        part.save(tmp_path / "state")
        part = pm.RefreshMonitor.load(tmp_path / "state", zeros)
    assert str(part.readings) == str(whole.readings)
    assert part.event == whole.event
    assert whole.event.batch == 6
    assert grow or whole.readings[5].columns[0] == "id"


def test_a_batch_far_from_a_growing_reference_is_compared_in_cells(few):
    rng = np.random.default_rng(5)
    monitor = pm.RefreshMonitor(batch(rng, 100), zeros, energy="mse", rng=1, grow=True)
    near, y = batch(rng, 60)
    far = near.with_columns(x=pl.lit(1e9) + pl.col("x"))
    shifts = [monitor.update(near, y), monitor.update(far, y)]
    parts = [next(row["divergence"] for row in shift.columns if row["column"] == "id") for shift in shifts]
    assert shifts[1].verdict == "shifted"
    assert all(
        str(row["category"]).startswith("cell ") for shift in shifts for row in shift.columns if row["column"] == "id"
    )
    assert all(0.0 < part < 5.0 for part in parts)
    assert all(shift.after.columns.of(1).cells for shift in shifts)


def test_equal_numbers_have_one_cell_and_cells_are_the_same_everywhere():
    assert cell_of(1) == cell_of(1.0) == cell_of(True)
    assert [cell_of("a"), cell_of("b"), cell_of(None)] == [222, 171, None]
    counts = np.bincount([cell_of(f"s{k}") for k in range(256 * 100)], minlength=CELLS)
    assert np.sum((counts - 100) ** 2 / 100) < 255 + 5 * np.sqrt(2 * 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"in_cells": [0]}, "labels must have the 256 cells of the column at place 0"),
        ({"in_cells": [-1]}, "labels must have the 256 cells"),
        ({"in_cells": "1"}, "in_cells"),
        ({"in_cells": []}, "labels must have the values of the reference"),
        ({"labels": []}, "labels must have the 256 cells of the column at place 1"),
    ],
)
def test_what_is_wrong_with_the_cells_of_a_file_is_named(few, tmp_path, change, message):
    rng = np.random.default_rng(6)
    monitor = pm.RefreshMonitor(batch(rng), zeros, energy="mse", rng=1)
    monitor.update(*batch(rng))
    monitor.save(tmp_path / "state")
    with np.load(tmp_path / "state") as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays.pop("header")))
    with open(tmp_path / "state", "wb") as file:
        np.savez(file, header=np.array(json.dumps(header | change)), **arrays)
    with pytest.raises(ValueError, match=message):
        pm.RefreshMonitor.load(tmp_path / "state", zeros)
