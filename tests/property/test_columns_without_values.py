"""A column without a value is the same whatever its type: null, or that of numbers."""

import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import pyrometer as pm


def samples(rng, rows, *, empty):
    """Return rows with a column of categories, or none of its values: as objects, numbers, and numbers of Arrow."""
    columns = {"x": rng.standard_normal(rows), "z": rng.integers(0, 3, rows).astype(float)}
    columns["x"][rng.random(rows) < 0.2 * rng.integers(2)] = np.nan
    rest = {"e": rng.choice([True, False], rows)}
    if empty:
        numbers = pa.nulls(rows, pa.float64())
        frames = [pd.DataFrame(columns | {"c": np.full(rows, value)} | rest) for value in (None, np.nan)]
        return [*frames, pa.table(columns | {"c": numbers} | rest)]
    words = rng.choice(["u", "v", "w"], rows).astype(object)
    words[rng.random(rows) < 0.3 * rng.integers(2)] = None
    frame = pd.DataFrame(columns | {"c": words} | rest)
    return [frame, frame, pa.Table.from_pandas(frame)]


def outcome(call, without=()):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return json.dumps({key: value for key, value in call().to_dict().items() if key not in without})
        except ValueError as error:
            return str(error)


@pytest.mark.parametrize("seed", range(20))
def test_a_shift_of_categories_to_none(seed):
    rng = np.random.default_rng([12, seed])
    before, after = samples(rng, 40, empty=False), samples(rng, 40, empty=True)
    made = {outcome(lambda a=a, b=b: pm.shift(a, b, rng=0, resamples=99)) for a, b in zip(before, after, strict=True)}
    assert len(made) == 1
    assert "p_value" in made.pop()


@pytest.mark.parametrize("seed", range(10))
def test_batches_whose_categories_are_lost(seed, tmp_path):
    rng = np.random.default_rng([13, seed])
    reference = samples(rng, 40, empty=False)
    batches = [samples(rng, int(rng.integers(3, 30)), empty=bool(rng.random() < 0.4)) for _ in range(4)]

    def monitored(kind):
        monitor = pm.RefreshMonitor(reference[kind], None, rng=0, grow=bool(seed % 2), memory=2, run_length=5)
        for number, batch in enumerate(batches):
            monitor.update(batch[kind])
            if number == 1:
                monitor.save(tmp_path / "monitor.npz")
                monitor = pm.RefreshMonitor.load(tmp_path / "monitor.npz", None)
        return monitor

    made = {outcome(lambda kind=kind: monitored(kind)) for kind in range(3)}
    assert len(made) == 1
    assert '"batches": 4' in made.pop()


def rows_of(rng, rows, kind):
    """Return rows with a column of a kind, some of whose values may be missing."""
    column = {
        "none": lambda: np.full(rows, np.nan),
        "nulls": lambda: np.full(rows, None),
        "texts": lambda: rng.choice(["u", "v", "other", "present"], rows).astype(object),
        "flags": lambda: rng.random(rows) < 0.5,
        "numbers": lambda: rng.standard_normal(rows),
        "two numbers": lambda: rng.integers(0, 2, rows).astype(float),
        "one number": lambda: np.where(np.arange(rows) == rng.integers(rows), 3.0, np.nan),
    }[kind]()
    column = pd.Series(column)
    if kind in ("texts", "numbers", "two numbers") and rng.random() < 0.5:
        column[rng.random(rows) < rng.choice([0.4, 0.95])] = None
    return pd.DataFrame({"x": rng.standard_normal(rows), "c": column, "z": rng.standard_normal(rows)})


@pytest.mark.parametrize("seed", range(30))
def test_categories_where_the_reference_has_no_number_are_compared_by_missing_ones(seed):
    rng = np.random.default_rng([14, seed])
    before = rows_of(rng, 30, "none")
    after = rows_of(rng, int(rng.integers(8, 40)), str(rng.choice(["texts", "flags"])))
    flat = after.assign(c=np.where(after["c"].isna(), np.nan, 5.0))
    like = pm.DataState(before)
    samples = [(before, after), (before, flat), (like, pm.DataState(after, like=like))]
    made = {outcome(lambda both=both: pm.shift(*both, rng=0, resamples=99), ["after"]) for both in samples}
    assert len(made) == 1
    assert "p_value" in made.pop()
    with pytest.raises(ValueError, match="column c has no value .* make the state with like="):
        pm.shift(like, pm.DataState(after))


@pytest.mark.parametrize("seed", range(60))
def test_monitors_of_a_reference_without_a_value(seed, tmp_path):
    rng = np.random.default_rng([15, seed])
    kinds = ["none", "nulls", *(["texts", "flags"] if seed % 2 else ["numbers", "two numbers", "one number"])]
    reference, grow = rows_of(rng, 40, "none"), bool(rng.integers(2))
    batches = [rows_of(rng, int(rng.integers(8, 50)), kind) for kind in rng.choice(kinds, 8)]

    def monitored(saved):
        monitor = pm.RefreshMonitor(reference, None, rng=0, grow=grow, memory=2, run_length=5)
        for number, batch in enumerate(batches):
            result = monitor.update(batch)
            if saved and number % 2:
                monitor.save(tmp_path / "monitor.npz")
                monitor = pm.RefreshMonitor.load(tmp_path / "monitor.npz", None)
            if number == 4:
                monitor.reset(result.after)
        return monitor

    made = {outcome(lambda saved=saved: monitored(saved)) for saved in (False, True)}
    assert len(made) == 1
    assert '"batches": 8' in made.pop()
