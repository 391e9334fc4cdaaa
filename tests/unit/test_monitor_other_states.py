"""Batches of a monitor that are states made by themselves: as with like=, or refused with advice that works."""

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("error")

SIZE = 120


def flags(rng, number, value=1.0, missing=0):
    x = np.zeros(SIZE)
    x[rng.choice(SIZE, number, replace=False)] = value
    x[rng.choice(SIZE, missing, replace=False)] = np.nan
    return x


def sparse(rng, number):
    x = np.full(SIZE, np.nan)
    x[:number] = rng.normal(size=number)
    return x


COLUMNS = {
    "numbers": lambda rng: rng.normal(size=SIZE),
    "integers": lambda rng: rng.integers(0, 9, SIZE),
    "with missing": lambda rng: np.where(rng.random(SIZE) < 0.2, np.nan, 3.0 + rng.normal(size=SIZE)),
    "constant": lambda rng: np.ones(SIZE),
    "other constant": lambda rng: np.full(SIZE, 2),
    "constant with missing": lambda rng: flags(rng, 0, missing=20),
    "missing": lambda rng: np.full(SIZE, np.nan),
    "empty": lambda rng: pd.Series([None] * SIZE, dtype=object),
    "flags": lambda rng: flags(rng, 50),
    "rare flags": lambda rng: flags(rng, 5),
    "other rare flags": lambda rng: flags(rng, 5, 2.0, missing=9),
    "few numbers": lambda rng: sparse(rng, 5),
    "booleans": lambda rng: rng.random(SIZE) < 0.4,
    "texts of booleans": lambda rng: rng.choice(["True", "False"], SIZE).astype(object),
    "texts": lambda rng: rng.choice(["a", "b"], SIZE).astype(object),
    "new texts": lambda rng: np.where(rng.random(SIZE) < 0.1, None, rng.choice(["a", "c"], SIZE)),
}


def rows(kind, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"u": rng.normal(size=SIZE), "c": COLUMNS[kind](rng)})


def outcome(reference, batches, grow):
    """Return the readings of batches, or the error of the first."""
    monitor = pm.RefreshMonitor(reference, None, rng=0, grow=grow, run_length=12, memory=2)
    try:
        return [repr(monitor.update(each).reading.to_dict()) for each in batches]
    except ValueError as error:
        assert monitor.batches == 0
        return str(error)


@pytest.mark.parametrize("before", COLUMNS)
def test_states_made_by_themselves_are_counted_like_the_reference_or_refused(before):
    reference = pm.DataState(rows(before, 0))
    for k, after in enumerate(COLUMNS):
        data, grow = [rows(after, seed) for seed in (1, 2)], k % 2 == 0
        expected = outcome(reference, data, grow)
        own = outcome(reference, [pm.DataState(each) for each in data], grow)
        if "like=." in own:
            assert "column c" in own
            assert isinstance(expected, list)
            own = outcome(reference, [pm.DataState(each, like=reference) for each in data], grow)
        assert own == expected


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("booleans", "texts of booleans", "categories of the types of the rows"),
        ("texts of booleans", "booleans", "categories of the types of the rows"),
        ("numbers", "texts", "numbers in one and categories in the other"),
        ("booleans", "numbers", "numbers in one and categories in the other"),
        ("empty", "numbers", "column c has no value .* make the state with like="),
        ("constant", "empty", "column c has no value .* make the state with like="),
    ],
)
def test_shifts_of_states_refuse_columns_of_other_kinds(before, after, why):
    first, second = rows(before, 0), rows(after, 1)
    with pytest.raises(ValueError, match=why):
        pm.shift(pm.DataState(first), pm.DataState(second), rng=0)
    if "like=" in why:
        like = pm.DataState(first)
        found = pm.shift(like, pm.DataState(second, like=like), rng=0)
        assert found.divergence == pm.shift(first, second, rng=0).divergence
    else:
        with pytest.raises(ValueError, match=why):
            pm.shift(first, second, rng=0)


@pytest.mark.parametrize("grow", [False, True])
@pytest.mark.parametrize("flag", [False, True])
def test_columns_with_few_numbers_in_the_reference_are_compared_by_missing_ones(grow, flag):
    rng = np.random.default_rng(0)

    def batch(present):
        x = rng.permutation(np.arange(200) % 2) * 1.0 if flag else rng.normal(size=200)
        x[present:] = np.nan
        return pd.DataFrame({"u": rng.normal(size=200), "c": x})

    monitor = pm.RefreshMonitor(batch(7), None, rng=0, run_length=20, memory=4, grow=grow)
    for present in (9, 5, 10, 8, 9, 6, 8, 10):
        reading = monitor.update(batch(present)).reading
        assert min(reading.p_value, reading.pooled if reading.window else 1.0) > 0.05
    for present in (200, 40):
        reading = monitor.update(batch(present)).reading
        assert reading.alarm
        assert reading.columns[0] == "c"
        monitor.reset()
