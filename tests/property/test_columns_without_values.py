"""A column of categories without a value is the same whatever its type: null, or that of numbers."""

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


def outcome(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return json.dumps(call().to_dict())
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
