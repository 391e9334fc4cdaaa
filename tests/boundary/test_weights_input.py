"""Weights that are none: what must hold, what came, what to do; and the option --weights of commands."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import pyrometer as pm

X = np.arange(12.0).reshape(4, 3) ** 2
Y = np.array([1.0, 0.0, 2.0, 5.0])
LABELS = np.array([0, 1, 0, 1])
GOOD = [1.0, 2.0, 0.5, 1.0]

BAD = [
    ([1.0, -2.0, 1.0, 1.0], ValueError, r"weights must be finite and >= 0, got -2.0 at row 1; a weight of 0 leaves"),
    ([1.0, 1.0, np.nan, 1.0], ValueError, "weights must be finite and >= 0, got nan at row 2"),
    ([1.0, 1.0, np.inf, 1.0], ValueError, "weights must be finite and >= 0, got inf at row 2"),
    ([0.0] * 4, ValueError, "weights must have a positive sum, got zeros only"),
    ([1.0] * 3, ValueError, r"one value for each row, shape \(4,\), got \(3,\)"),
    ([1.0] * 5, ValueError, r"one value for each row, shape \(4,\), got \(5,\)"),
    ([[1.0]] * 4, ValueError, r"got \(4, 1\); use weights.ravel\(\)"),
    (2.0, ValueError, r"one value for each row, got shape \(\)"),
    ([], ValueError, r"one value for each row, got shape \(0,\)"),
    ([True, False, True, True], TypeError, r"got booleans; select rows with X\[mask\] and y\[mask\]"),
    (np.array([True] * 4), TypeError, "got booleans"),
    (pd.Series([True] * 4), TypeError, "got booleans"),
    (["1", "2", "3", "4"], TypeError, "weights must be numeric, got strings"),
    ("w", TypeError, "one for each row, got 'w'; pass the column itself"),
    ([1.0, 2.0, None, 1.0], TypeError, "weights must be numeric"),
    ([1j] * 4, TypeError, "weights must be real"),
    ({"a": 1}, TypeError, "weights must be"),
    (pd.Series([1.0, None, 1.0, 1.0]), ValueError, "weights must have no missing values"),
    (np.ma.array(GOOD, mask=[0, 1, 0, 0]), ValueError, "weights must have no masked values"),
    (np.array([1, 2, 3, 4], dtype="datetime64[s]"), TypeError, "weights must be numeric"),
    ([1, 2**60 + 1, 1, 1], ValueError, "weights must have integers that doubles can hold"),
]


@pytest.mark.parametrize(("weights", "error", "message"), BAD)
def test_bad_weights_in_memory(weights, error, message):
    for make in (
        lambda w: pm.LinearRegression(X, Y, weights=w),
        lambda w: pm.LinearRegression(X, Y, energy="mae", weights=w),
        lambda w: pm.LogisticRegression(X, LABELS, weights=w),
        lambda w: pm.Moments.of(X, Y, weights=w),
        lambda w: pm.Moments.of(X, Y).update(X, Y, weights=w),
        lambda w: pm.tables.systems(X, Y, weights=w),
    ):
        with pytest.raises(error, match=message):
            make(weights)
    if not isinstance(weights, (str, dict)) and error is not TypeError and np.ndim(weights) == 1:
        with pytest.raises(ValueError, match="weights"):
            pm.datasets.standardize(X, weights=weights)


def test_stacks_name_the_system():
    stack, y = np.stack([X, X + 1.0]), np.stack([Y, Y])
    with pytest.raises(ValueError, match=r"got -1.0 at row 3 of system \(1,\)"):
        pm.LinearRegression(stack, y, weights=[GOOD, [1.0, 1.0, 1.0, -1.0]])
    with pytest.raises(ValueError, match=r"zeros only of system \(0,\)"):
        pm.LinearRegression(stack, y, weights=[[0.0] * 4, GOOD])
    with pytest.raises(ValueError, match=r"shape \(4,\) or \(2, 4\), got \(3, 4\)"):
        pm.LinearRegression(stack, y, weights=np.ones((3, 4)))
    unequal = np.array([GOOD, np.ones(4)])
    with pytest.raises(ValueError, match="weights must have the same sum in every data set of a stack"):
        pm.Moments.of(stack, y, weights=unequal)
    equal = unequal / unequal.sum(axis=-1, keepdims=True)  # the remedy
    assert pm.Moments.of(stack, y, weights=equal).count == pytest.approx(1.0)
    with pytest.raises(ValueError, match="give every data set of a stack the same sum"):
        pm.mix(*[pm.LinearRegression(stack, y, weights=unequal)] * 2, pm.Normal(1.0))
    assert pm.mix(*[pm.LinearRegression(stack, y, weights=equal)] * 2, pm.Normal(1.0)).test == "none"


def test_indexes_must_agree():
    frame = pd.DataFrame(X, columns=list("abc"))
    weights = pd.Series(GOOD, index=[3, 2, 1, 0])
    with pytest.raises(
        ValueError, match=r"X and weights must have the same index, got 0 and 3 in row 0; use weights.loc"
    ):
        pm.LinearRegression(frame, Y, weights=weights)
    with pytest.raises(ValueError, match="y and weights must have the same index"):
        pm.LinearRegression(X, pd.Series(Y), weights=weights)
    sorted_ = pm.LinearRegression(frame, Y, weights=weights.loc[frame.index])  # the remedy
    assert np.array_equal(sorted_.weights, GOOD[::-1])


def test_a_penalty_or_labels_are_still_refused_first():
    with pytest.raises(ValueError, match="penalty is for energy='mse'"):
        pm.LinearRegression(X, Y, energy="mae", penalty=pm.L1(1.0), weights=[-1.0] * 4)
    with pytest.raises(ValueError, match=r"y must be 0 or 1, got 2.0 at row 2"):
        pm.LogisticRegression(X, Y, weights=GOOD)
    with pytest.raises(ValueError, match="X must be finite, got nan at row 1, column 0"):
        pm.LinearRegression(np.where(X == 9.0, np.nan, X), Y, weights=GOOD)


def test_extreme_sizes_of_moments():
    with pytest.raises(ValueError, match=r"weights must have a sum from 1e-100 to 1e\+100, because moments add up"):
        pm.Moments.of(X, Y, weights=np.multiply(GOOD, 1e200))
    with pytest.raises(ValueError, match=r"weights must have a sum from 1e-100 to 1e\+100, .*got inf"):
        pm.Moments.of(X, Y, weights=[1e308] * 4)  # whose sum is no double
    assert pm.Moments.of(X, Y, weights=np.multiply(GOOD, 1e90)).count == pytest.approx(4.5e90)
    for scale in (1e-320, 5e-324, 1.7e308):
        system = pm.LinearRegression(X[:, :1], Y, energy="mae", weights=np.multiply([1.0, 1.0, 1.0, 1.0], scale))
        expected = pm.minimum_energy(pm.LinearRegression(X[:, :1], Y, energy="mae")).value
        assert pm.minimum_energy(system).value == pytest.approx(expected, rel=1e-14)
    mixed = pm.LinearRegression(X[:, :1], Y, weights=[1e308, 1e308, 1e308, 1e-308])
    alone = pm.minimum_energy(pm.LinearRegression(X[:3, :1], Y[:3])).value
    assert pm.minimum_energy(mixed).value == pytest.approx(alone, rel=1e-9)


def test_subtracting_more_than_there_is():
    small, large = (pm.Moments.of(X, Y, weights=np.multiply(GOOD, scale)) for scale in (1.0, 2.0))
    with pytest.raises(
        ValueError, match="a - b needs a smaller sum of weights in b than in a, got 9 in b and 4.5 in a"
    ):
        small - large
    with pytest.raises(ValueError, match="a smaller sum of weights"):
        small - small


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"count": 2.5}, TypeError, "count must be a whole number"),
        ({"count": 0.0, "rows": 2}, ValueError, "count must be finite and > 0"),
        ({"count": float("nan"), "rows": 2}, ValueError, "count must be finite"),
        ({"count": 1e200, "rows": 2}, ValueError, r"count must be from 1e-100 to 1e\+100"),
        ({"count": True, "rows": 2}, TypeError, "count must be a real number"),
        ({"count": -3, "rows": 2}, ValueError, "count must be a float, or a whole number"),
        ({"count": 2.5, "rows": 0}, ValueError, "rows must be at least 1"),
        ({"count": 2.5, "rows": 1.5}, TypeError, "rows must be a whole number"),
    ],
)
def test_counts_of_moments(arguments, error, message):
    with pytest.raises(error, match=message):
        pm.Moments(mean=[0.0, 0.0], scatter=np.eye(2), intercept=True, **arguments)
    made = pm.Moments(2.5, [0.0, 0.0], np.eye(2), intercept=True, rows=7)
    assert (made.count, made.rows) == (2.5, 7)


def table(**changed):
    columns = {"a": X[:, 0], "b": X[:, 1] + X[:, 2] ** 2, "y": Y, "w": GOOD}
    return pa.table(columns | changed)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "v"}, ValueError, "has no column 'v'"),
        ({"weights": "y"}, ValueError, "the column of the weights, 'y', must not be the target"),
        ({"weights": "a", "columns": ["a", "b"]}, ValueError, "'a', must not be among the features"),
        (
            {"weights": GOOD},
            TypeError,
            r"weights must be the name of a column, got \[1.0, 2.0, 0.5, 1.0\]; arrays are for rows in memory",
        ),
        ({"weights": np.array(GOOD)}, TypeError, r"weights must be the name of a column, got an array of shape \(4,\)"),
    ],
)
def test_bad_names_in_scans(options, error, message):
    for scan in (
        pm.Moments.scan,
        pm.LinearRegression.scan,
        lambda t, **k: pm.LinearRegression.scan(t, energy="mae", **k),
    ):
        with pytest.raises(error, match=message):
            scan(table(), target="y", **options)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1.0, -1.0, 1.0, 1.0], "column 'w' of the weights must be finite and >= 0, got -1.0 in row 2"),
        ([1.0, np.nan, 1.0, 1.0], "column 'w' of the weights must be finite and >= 0, got nan in row 2"),
        ([1.0, None, 1.0, 1.0], "column 'w' must have no missing values, got 1, the first in row 2"),
        ([True, False, True, True], "column 'w' of the weights must have numbers, got booleans"),
        (["a", "b", "c", "d"], "column 'w' of the weights must have numbers, got string"),
        ([0.0] * 4, "must have at least one row of data, got 4 rows of weight 0"),
        ([1e-300, 1e300, 1.0, 1.0], None),
    ],
)
def test_bad_columns_in_scans(column, message):
    rows = table(w=column)
    for scan in (pm.LinearRegression.scan, lambda t, **k: pm.LinearRegression.scan(t, energy="mae", **k)):
        if message is None:
            assert scan(rows, target="y", weights="w", chunk_rows=4).rows == 4
        else:
            with pytest.raises(ValueError, match=message):
                scan(rows, target="y", weights="w", chunk_rows=2)
    if message is None:
        with pytest.raises(ValueError, match="must not differ by more than 1e308 from that of the first rows"):
            pm.LinearRegression.scan(rows, target="y", weights="w", chunk_rows=1)


@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")  # of an exact fit to merged chunks
def test_chunks_of_weight_0_are_left_out():
    rows = table(w=[0.0, 0.0, 1.0, 2.0], a=[np.nan, np.inf, 1.0, 4.0])
    for energy in ("mse", "mae"):
        scanned = pm.LinearRegression.scan(rows, target="y", weights="w", energy=energy, chunk_rows=1, drop=["b"])
        kept = pm.LinearRegression([[1.0], [4.0]], Y[2:], weights=[1.0, 2.0], energy=energy)
        assert scanned.rows == 4
        assert pm.mean_energy(scanned, pm.Normal(1.0)).value == pytest.approx(
            pm.mean_energy(kept, pm.Normal(1.0)).value
        )
        assert pm.minimum_energy(scanned).value == pytest.approx(0.0, abs=1e-14)


@pytest.fixture
def path(tmp_path):
    name = tmp_path / "rows.csv"
    pd.DataFrame({"a": X[:, 0], "b": [3.0, 1.0, 4.0, 1.0], "y": Y, "w": GOOD}).to_csv(name, index=False)
    return name


def test_commands(run, path, tmp_path):
    system = pm.LinearRegression(np.column_stack([X[:, 0], [3.0, 1.0, 4.0, 1.0]]), Y, weights=GOOD)
    expected = pm.temperature(system, pm.Normal(10.0)).value
    moments = tmp_path / "m"
    made = run("moments", path, "--target", "y", "--weights", "w", "--output", moments)
    assert made.exit_code == 0
    assert "4 rows of weight 4.5, 2 features" in made.stderr
    for source in (
        [path, "--target", "y", "--weights", "w"],
        [path, "--target", "y", "--weights", "w", "--chunk-rows", 2],
    ):
        answer = json.loads(run("temperature", *source, "--format", "json").stdout)
        assert answer["tables"][0]["rows"][0]["value"] == pytest.approx(expected, rel=1e-12)
        assert answer["provenance"]["weights"] == "w"
    answer = json.loads(run("temperature", moments, "--format", "json").stdout)
    assert answer["tables"][0]["rows"][0]["value"] == pytest.approx(expected, rel=1e-12)
    table = run(
        "tables", "--data", path, "--target", "y", "--weights", "w", "--raw", "--samples", 10, "--format", "csv"
    )
    assert table.exit_code == 0
    mixed = run("mix", path, path, "--target", "y", "--weights", "w", "--format", "json")
    assert mixed.exit_code == 0
    assert '"none"' in mixed.stdout


def test_commands_refuse(run, path, tmp_path):
    moments = tmp_path / "m"
    run("moments", path, "--target", "y", "--weights", "w", "--output", moments)
    for arguments, message in (
        (["temperature", path, "--target", "y", "--weights", "y"], "must not be the target"),
        (["temperature", path, "--target", "y", "--weights", "z"], "has no column 'z'"),
        (["temperature", moments, "--weights", "w"], "for which --weights has no meaning"),
        (["tables", "--weights", "w"], "--weights needs --data FILE"),
    ):
        refused = run(*arguments)
        assert refused.exit_code == 2
        assert message in refused.stderr


def test_sweep_configurations(run, path, tmp_path):
    config = tmp_path / "sweep.toml"
    text = '[laws.n]\nkind = "Normal"\nscale = 2.0\n[systems.s]\ndata = "rows.csv"\ntarget = "y"\n'
    config.write_text('output = "out.csv"\n' + text + 'weights = "w"\n')
    assert run("sweep", config).exit_code == 0
    found = pd.read_csv(tmp_path / "out.csv", comment="#")
    system = pm.LinearRegression(np.column_stack([X[:, 0], [3.0, 1.0, 4.0, 1.0]]), Y, weights=GOOD)
    assert found["temperature"][0] == pytest.approx(pm.temperature(system, pm.Normal(2.0)).value, rel=1e-12)
    for bad, message in (
        ("weights = 3\n", "weights must be the name of a column"),
        ('weights = "y"\n', "must not be the target"),
    ):
        config.write_text('output = "out.csv"\n' + text + bad)
        refused = run("sweep", config)
        assert refused.exit_code == 2
        assert message in refused.stderr


@pytest.mark.parametrize("seed", range(4))
def test_advice_for_integers_beyond_doubles_keeps_the_ratios(seed, tmp_path):
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 2**10, 4) * 2**53 + 1
    wide = [int(weight) * 2**20 + 1 for weight in weights]
    decimals = list(map(Decimal, wide))
    frame = pd.DataFrame({"a": X[:, 0], "y": Y, "w": weights})
    frame.to_csv(tmp_path / "w.csv", index=False)
    frame.to_parquet(tmp_path / "w.parquet")
    given = [weights, weights.tolist(), pd.Series(weights), pl.Series(weights), pa.chunked_array([weights])]
    given += [wide, np.array(wide, dtype=object), decimals, pd.Series(decimals), pl.Series(wide, dtype=pl.Int128)]
    calls = [lambda w=w: pm.Moments.of(X, Y, weights=w) for w in given]
    calls += [lambda p=p: pm.Moments.scan(tmp_path / p, target="y", weights="w") for p in ("w.csv", "w.parquet")]
    for k, call in enumerate(calls):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        text = str(caught.value)
        if k < len(given):
            assert "astype(float)" in text or "cast it to float64" in text
            assert "offset" not in text
            assert "None" not in text
        else:
            assert "unless it holds weights, or round it" in text
    # The advice: rounded weights have the same ratios, to the accuracy of doubles.
    rounded = pm.Moments.of(X, Y, weights=weights.astype(float))
    np.testing.assert_allclose(
        rounded.mean, np.average(np.c_[X, Y], axis=0, weights=weights / weights.sum()), rtol=1e-14
    )
