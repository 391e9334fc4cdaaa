"""Numbers that doubles cannot hold: refused with their place wherever they enter, and followed advice works."""

import io
import json
import re
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

import pyrometer as pm
from pyrometer.base import first_inexact
from pyrometer.data.readers import read_frame
from pyrometer.data.readers._dialect import Dialect
from pyrometer.data.readers._text_numbers import decimals, first_lost

EPOCH = 1_700_000_000_000_000_000
WIDE = EPOCH + np.arange(10)
EXACT = EPOCH + 512 * np.arange(10)
X = np.arange(10.0)[:, None]
Y = np.random.default_rng(0).normal(size=10)
FRAMES = {
    "array": lambda values: np.c_[values, np.arange(10)],
    "unsigned": lambda values: values.astype(np.uint64)[:, None],
    "list": lambda values: [[int(value), 0.5] for value in values],
    "pandas": lambda values: pd.DataFrame({"a": X[:, 0], "ts": values}),
    "Int64": lambda values: pd.DataFrame({"a": X[:, 0], "ts": pd.array(values, dtype="Int64")}),
    "pandas of arrow": lambda values: pd.DataFrame({"ts": pd.array(values, dtype="int64[pyarrow]")}),
    "polars": lambda values: pl.DataFrame({"a": X[:, 0], "ts": values}),
    "arrow": lambda values: pa.table({"a": X[:, 0], "ts": values}),
}


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(2**53 - 2, 2**53 + 9) | st.just(2**63 - 512)), st.booleans()
)
def test_first_inexact_is_that_of_whole_numbers(numbers, unsigned):
    numbers = [abs(number) for number in numbers] if unsigned else numbers
    bad = [k for k, number in enumerate(numbers) if int(float(number)) != number]
    assert first_inexact(np.array(numbers, dtype=np.uint64 if unsigned else np.int64)) == (bad[0] if bad else None)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_features_of_every_kind(frame):
    for call in (
        pm.LinearRegression,
        lambda X, y: pm.LogisticRegression(X, y > 0),
        pm.Moments.of,
        as_network,
        as_state,
    ):
        with pytest.raises(
            ValueError, match=r"integers that doubles can hold.*got 1700000000000000001 at row 1"
        ) as caught:
            call(frame(WIDE), Y)
        assert "subtract an offset" in str(caught.value)
        assert "ts" in str(caught.value) or "X must" in str(caught.value)
    pm.LinearRegression(frame(EXACT), Y)
    # The advice.
    system = pm.LinearRegression(frame(WIDE - WIDE.min()), Y)
    assert pm.minimum_energy(system).value == pytest.approx(pm.minimum_energy(pm.LinearRegression(X, Y)).value)


def as_network(X, y):
    return pm.Network(X, y, hidden=(2,))


def as_state(X, y):
    return pm.DataState(X, y, model=lambda X: np.zeros(10), energy="mse")


@pytest.mark.parametrize("call", [pm.LinearRegression, pm.Moments.of, as_network, as_state])
@pytest.mark.parametrize(
    "of", [np.asarray, list, pd.Series, lambda y: pl.Series("y", y), lambda y: pa.chunked_array([y])]
)
def test_targets_of_every_kind(call, of):
    with pytest.raises(ValueError, match="integers that doubles can hold.*got 1700000000000000001 at row 1"):
        call(X, of(WIDE))
    if call is not as_state:  # whose residuals would all be the same
        call(X, of(EXACT))


def test_wherever_else_numbers_enter():
    moments = pm.Moments.of(X, Y)
    trained = pm.LinearRegression(X, Y)
    for call in (
        lambda: moments.copy().update(X, WIDE),
        lambda: moments.copy().update(WIDE[:, None], Y),
        lambda: pm.shift((X, Y), (X, WIDE), model=trained),
        lambda: pm.DataState(X, Y, model=lambda X: WIDE, energy="mse"),
        lambda: pm.RefreshMonitor((X, Y), trained, rng=0).update(X, WIDE),
        lambda: pm.drift(WIDE, [None] * 10, bandwidth=1.0),
        lambda: pm.datasets.standardize(WIDE[:, None]),
        lambda: pm.Normal(WIDE),
        lambda: pm.Moments(3, [EPOCH + 1, 0], np.eye(2), intercept=True),
        lambda: pm.LinearRegression([[2**64 - 1, 0.5], [1, 2], [2, 4]], [1.0, 2.0, 5.0]),
        lambda: pm.LinearRegression([[2**53 + 1, 0.5], [1, 2], [2, 4]], [1.0, 2.0, 5.0]),
    ):
        with pytest.raises((ValueError, TypeError), match="integers that doubles can hold"):
            call()
    labels = pm.LogisticRegression(X, [EPOCH, EPOCH + 1] * 5, labels=(EPOCH, EPOCH + 1))
    assert labels.y.tolist() == [0.0, 1.0] * 5


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([[EPOCH + 1], [1]], dtype=object), r"convert it with astype\(np.int64\)"),
        ([[2**70], [1]], "subtract an offset, and convert it with astype"),
        (WIDE.astype("M8[ns]")[:, None], "subtract a date, and divide by a unit"),
        (WIDE.astype("m8[ns]")[:, None], "divide by a unit, such as np.timedelta64"),
        (pl.DataFrame({"ts": pl.Series([2**70 + k for k in range(10)], dtype=pl.Int128)}), "'ts' of type Int128"),
        (pd.DataFrame({"ts": pd.to_datetime(WIDE)}), "'ts' of type Datetime.*convert it to a number, such as the days"),
    ],
)
def test_types_that_are_no_doubles(value, said):
    with pytest.raises(TypeError, match=said):
        pm.LinearRegression(value, Y[: len(value)])


def test_labels_of_128_bits():
    """Labels need no doubles, and may be any integers."""
    labels = [2**70, 2**70 + 1, 2**70] * 3 + [2**70 + 1]
    column = pl.Series("kind", labels, dtype=pl.Int128)
    assert pm.LogisticRegression(X, column, labels=(2**70, 2**70 + 1)).y.tolist() == [0.0, 1.0, 0.0] * 3 + [1.0]
    assert pm.SoftmaxRegression(X, column).labels == (2**70, 2**70 + 1)
    with pytest.raises(ValueError, match=f"y must be 5 or 6, got {2**70} at row 0"):
        pm.LogisticRegression(X, column, labels=(5, 6))
    with pytest.raises(ValueError, match="the stream: column 'kind' must be of a type of Arrow, got Int128; subtract"):
        pm.Moments.scan(pl.DataFrame({"a": Y, "kind": column}), target="a")


def test_a_batch_of_arrow_is_a_frame():
    batch = pa.RecordBatch.from_pydict({"a": Y, "b": Y**2})
    for call in (lambda rows: pm.Moments.of(rows, Y), lambda rows: pm.Moments.scan(rows, target="b")):
        assert call(batch).names == call(pa.table(batch)).names
        np.testing.assert_array_equal(call(batch).scatter, call(pa.table(batch)).scatter)
    shifts = [pm.shift(rows, rows, rng=0) for rows in (batch, pa.Table.from_batches([batch]))]
    assert str(shifts[0]) == str(shifts[1])


def test_long_doubles():
    one = np.longdouble(1)
    if one.itemsize <= 8:
        pytest.skip("long doubles are doubles")
    for lost in (
        2.0**60 * one + np.arange(10),
        one + np.arange(10) * 1e-18 * one,
        np.longdouble("1e-400") * np.arange(10),
    ):
        for call in (lambda lost=lost: pm.LinearRegression(lost[:, None], Y), lambda lost=lost: pm.Moments.of(X, lost)):
            with pytest.raises(ValueError, match="doubles can hold, got .* at row .* more than 1e-12 of the range"):
                call()
    with pytest.raises(ValueError, match="doubles can hold"):
        pm.Network((2.0**60 * one + np.arange(10))[:, None], Y, hidden=(2,))
    assert pm.LinearRegression((one / 3 * np.arange(10))[:, None], Y).rows == 10
    assert pm.LinearRegression(np.full((10, 1), one / 3), Y).rows == 10


# ---- files and streams


def texts(values):
    return "ts,y\n" + "".join(f"{value},{k % 3}\n" for k, value in enumerate(values))


@pytest.mark.parametrize(
    "value",
    [EPOCH + 1, 2**53 + 1, -(2**53) - 1, 2**63 + 1, 2**64 - 1, 2**64 + 1, 10**30 + 1, "+9007199254740993"],
)
@pytest.mark.parametrize("first", [0, 5])
def test_integers_of_csv(tmp_path, value, first):
    (tmp_path / "rows.csv").write_text(texts([1] * first + [value, 2, 3]))
    got = rf"got \+?{re.escape(str(value).lstrip('+'))}.* in row {first + 1}; subtract an offset"
    for call in (pm.Moments.scan, pm.interop.read_data, pm.LinearRegression.scan):
        with pytest.raises(ValueError, match=rf"rows.csv: column 'ts' must have .* {got}"):
            call(tmp_path / "rows.csv", target="y")
    with pytest.raises(ValueError, match=r"column 'ts' must have .* or round it\.( .0 rows.*)?$"):
        pm.Moments.scan(tmp_path / "rows.csv", target="ts")


@pytest.mark.parametrize(
    "value", [EPOCH, 2**53, 2**63 + 2**11, 10**22, "1e300", "1.7e18", "0.1", "12.3333333333333333"]
)
def test_numbers_of_csv_that_doubles_hold(tmp_path, value):
    (tmp_path / "rows.csv").write_text(texts([value, 2, 3]))
    assert pm.interop.read_data(tmp_path / "rows.csv", target="y").X[0, 0] == float(value)


@pytest.mark.parametrize("early", [1, EPOCH])
def test_integers_below_the_first_block_of_csv(tmp_path, early):
    (tmp_path / "rows.csv").write_text(texts([early] * 300_000 + [EPOCH + 1]))
    with pytest.raises(ValueError, match=r"column 'ts' must have .* got 17000000000000000\d\d.* in row 300001"):
        pm.Moments.scan(tmp_path / "rows.csv", target="y")
    (tmp_path / "rows.csv").write_text(texts([early] * 300_000 + [2**53 + 1]))
    with pytest.raises(ValueError, match=r"column 'ts' must have .* got 900719925474099\d.* in row 300001"):
        pm.Moments.scan(tmp_path / "rows.csv", target="y")


def test_fractions_below_large_integers_of_csv(tmp_path):
    (tmp_path / "rows.csv").write_text(texts([EPOCH] * 300_000 + [1.5]))
    with pytest.raises(ValueError, match=r"column 'ts' must be of integers throughout, as .* got '1.5' in row 300001"):
        pm.Moments.scan(tmp_path / "rows.csv", target="y")


SURPRISES = (
    *("9007199254740993", "-9007199254740993", "9007199254740992", "12345678901234567890", "36893488147419103232"),
    *("9007199254740993.0", "9007199254740994.00", "1e83", "-8.585e+19", "1.7E18", " 9007199254740995 ", "1e400"),
)


@pytest.mark.parametrize("seed", range(15))
def test_numbers_below_smaller_ones_of_csv(tmp_path, seed):
    """Wherever in a file: exact integers and any decimals are read as Python does, and others refused by their row."""
    rng = np.random.default_rng(seed)
    usual, count = ("0.5", "7", "-1.25", "1e3", "3.5e15")[seed % 5], 250_000
    cells = np.full(count, usual, dtype=object)
    places = np.sort(rng.choice(count, 3, replace=False))
    cells[places] = rng.choice(SURPRISES, 3)
    lost = [k for k in places if "e" not in cells[k].lower() and Decimal(float(cells[k])) != Decimal(cells[k].strip())]
    (tmp_path / "rows.csv").write_text("ts,y\n" + "".join(f"{cell},{k % 3}\n" for k, cell in enumerate(cells)))
    infinite = [k for k in places if cells[k] == "1e400"]

    def read(**options):
        return pm.interop.read_data(tmp_path / "rows.csv", target="y", **options)

    if lost and not infinite:
        whole = re.escape(cells[lost[0]].strip())
        with pytest.raises(ValueError, match=rf"must have numbers whose digits .* got {whole} in row {lost[0] + 1}; "):
            read()
        with pytest.raises(ValueError, match=f"in row {lost[0] + 1}; "):
            pm.Moments.scan(tmp_path / "rows.csv", target="y", chunk_rows=70_001)
    elif lost or infinite:
        with pytest.raises(ValueError, match="must be finite|whose digits"):
            read()
    else:
        np.testing.assert_array_equal(read().X[:, 0], cells.astype(float))


@pytest.mark.parametrize(("usual", "late"), [("0.5", "9007199254740993"), ("7", "1e83"), ("0.5", "1.5e30")])
def test_numbers_below_smaller_ones_of_a_stream(monkeypatch, usual, late):
    """A stream cannot be read again: there they are refused, unless the first ones are as large."""

    def read(*values):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(texts(values).encode())))
        return pm.interop.read_data("-", target="y").X[:, 0].tolist()

    many = [usual] * 300_000
    with pytest.raises(ValueError, match=r"column 'ts' must have numbers below 2\*\*53 where .* in row 300002; write"):
        read(usual, *many, late)
    assert read("-2.5e17", *many, "7e20") == [-2.5e17, *map(float, many), 7e20]
    if late.isdecimal():
        with pytest.raises(ValueError, match=rf"must have numbers whose digits .* got {late} in row 300002; subtract"):
            read("1.5e30", *many, late)
    else:
        assert read("1.5e30", *many, late)[-1] == float(late)


def test_labels_beside_numbers_that_are_read_as_text(tmp_path):
    """Words that stand for missing numbers are labels like others where a column has labels."""
    (tmp_path / "rows.csv").write_text("a,y\n1e20,NA\n2e20,other\n4e20,NA\n")
    for options in ({}, {"thousands": "'"}):
        data = pm.interop.read_data(tmp_path / "rows.csv", target="y", labels=("NA", "other"), **options)
        assert (data.X[:, 0].tolist(), data.y.tolist()) == ([1e20, 2e20, 4e20], [0.0, 1.0, 0.0])
    (tmp_path / "rows.csv").write_text("a,y\n1e20,1\nNA,2\n4e20,3\n")
    with pytest.raises(ValueError, match="column 'a' must have no missing values, got 1, the first in row 2"):
        pm.interop.read_data(tmp_path / "rows.csv", target="y")


def test_columns_that_are_not_used_may_have_any_digits(tmp_path):
    (tmp_path / "rows.csv").write_text(f"id,a,y\n{2**70 + 1},1,2\n{EPOCH + 1},2,3\n")
    assert pm.interop.read_data(tmp_path / "rows.csv", target="y", drop=["id"]).X.tolist() == [[1.0], [2.0]]


def test_decimals_of_csv(tmp_path):
    """Digits are lost where rounding is more than 1e-12 of the range; those that a double prints are never."""
    for lost in ([f"17000000{k:02d}.123456789" for k in range(9)], [f"1.{10**18 + k}" for k in range(1, 9)]):
        (tmp_path / "rows.csv").write_text(texts(lost))
        with pytest.raises(ValueError, match=rf"column 'ts' must have .* got {lost[0]} in row 1"):
            pm.Moments.scan(tmp_path / "rows.csv", target="y")
    numbers = np.random.default_rng(0).normal(size=500) * 10.0 ** np.random.default_rng(1).integers(-20, 20, 500) + 1e3
    for form in ("%.18e", "%.25f", "%.17g", "%r"):
        (tmp_path / "rows.csv").write_text(texts([form % number for number in numbers.tolist()]))
        np.testing.assert_array_equal(pm.interop.read_data(tmp_path / "rows.csv", target="y").X[:, 0], numbers)


@pytest.mark.parametrize("above", [0, 300_000])
@pytest.mark.parametrize("text", ["1.700.000.000.000.000.001", "9.007.199.254.740.993"])
def test_integers_with_thousands(tmp_path, text, above):
    (tmp_path / "rows.csv").write_text("ts;y\n" + "1.500;2\n" * above + f"{text};3\n")
    options = {"target": "y", "sep": ";", "decimal": ",", "thousands": "."}
    with pytest.raises(ValueError, match=rf"column 'ts' must have .* got {text} in row {above + 1}; subtract"):
        pm.Moments.scan(tmp_path / "rows.csv", **options)
    (tmp_path / "rows.csv").write_text("ts;y\n" + "1.500,5;2\n" * 3 + "1.700.000.000.000.000.256;3\n")
    assert pm.interop.read_data(tmp_path / "rows.csv", **options).X[-1, 0] == EPOCH + 256


def test_texts_of_any_length():
    long = "0." + "1" * 5000
    assert first_lost([long, "1", "0", "-3"], Dialect()) == -1
    assert first_lost(["0", "1e-18", "1" + long[1:]], Dialect(decimal=".")) == -1
    assert first_lost(["1." + "0" * 20 + "1", "1"], Dialect()) == 0
    assert first_lost(["0", "5", "1.2345678901234567891", None, "", "x", "nan", "inf", "1e999"], Dialect()) == -1


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 25))
def test_what_a_double_prints_is_not_lost(number, digits):
    assert first_lost([repr(number), f"{number:.{digits}e}", "1"], Dialect()) == -1 or digits < 16


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint64(), pa.decimal128(38, 0), pa.decimal128(38, 9), pa.decimal256(70, 0)]
)
@pytest.mark.parametrize(
    "write", [parquet.write_table, feather.write_feather, None], ids=["parquet", "arrow", "stream"]
)
def test_arrow(tmp_path, kind, write):
    def source(values, column):
        table = pa.table({column: pa.array([Decimal(int(v)) for v in values]).cast(kind), "other": Y})
        if write is None:
            return table
        write(table, tmp_path / f"rows.{'parquet' if write is parquet.write_table else 'arrow'}")
        return tmp_path / f"rows.{'parquet' if write is parquet.write_table else 'arrow'}"

    for column, target in (("ts", "other"), ("y", "y")):
        with pytest.raises(
            ValueError, match=f"column '{column}' must have .* got 1700000000000000001.* in row 2; "
        ) as caught:
            pm.Moments.scan(source(WIDE, column), target=target)
        assert ("--drop" in str(caught.value)) is (target == "other")
    assert pm.Moments.scan(source(EXACT, "ts"), target="other").count == 10


@settings(max_examples=200, deadline=None)
@given(st.lists(st.decimals(-(10**19), 10**19, places=18, allow_nan=False), min_size=1, max_size=8))
def test_decimals_are_lost_beyond_a_share_of_their_range(values):
    column = pa.array(values, pa.decimal128(38, 18))
    errors = [abs(Decimal(float(value)) - value) for value in values]
    reach = max(values) - min(values)
    over = [k for k, error in enumerate(errors) if reach and error > Decimal("1e-12") * reach]
    assert decimals(column)[1] == (over[0] if over else None)


def test_timestamps_are_not_numbers():
    table = pa.table({"ts": pa.array(WIDE, pa.timestamp("ns")), "y": Y})
    with pytest.raises(ValueError, match=r"column 'ts' must be numeric, got timestamp\[ns\]"):
        pm.Moments.scan(table, target="y")


def reading(run, path, *options):
    result = run("monitor", path, path, "--block", 1, "--format", "json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["tables"][0]["rows"][0]


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("split", [30, 90])
def test_integers_that_doubles_hold_beside_categories(run, tmp_path, missing, split):
    rng = np.random.default_rng(0)
    kind = rng.choice(["u", "v"], 90)
    ids = [None if missing and row % 7 == 3 else EPOCH + 512 * int(k) for row, k in enumerate(rng.integers(0, 999, 90))]
    ids[split:] = [0.5 * (value or 0) for value in ids[split:]]  # those of another file have fractions
    for first in range(0, 90, split):
        pairs = zip(ids[first : first + split], kind[first : first + split], strict=True)
        lines = [f"{'' if a is None else a},{b}\n" for a, b in pairs]
        (tmp_path / f"{first:02}.csv").write_text("ts,kind\n" + "".join(lines))
    numbers = np.array(ids, dtype=float)
    expected = pm.DataState(pd.DataFrame({"ts": numbers, "kind": kind})).entropy
    table = pa.table({"ts": pa.array(ids, pa.int64()) if split == 90 else numbers, "kind": kind})
    assert pm.DataState(table).entropy == pytest.approx(expected, rel=1e-12)
    everything = read_frame(tmp_path, columns=None, drop=())
    assert pm.DataState(everything).entropy == pytest.approx(expected, rel=1e-12)
    if split == 90:
        assert reading(run, tmp_path / "00.csv", "--energy", "none")["entropy"] == pytest.approx(expected, rel=1e-9)


def test_integers_that_doubles_cannot_hold_beside_fractions(tmp_path):
    (tmp_path / "0.csv").write_text("ts,kind\n" + "0.5,u\n1.5,v\n" * 9)
    (tmp_path / "1.csv").write_text("ts,kind\n,u\n" + f"{2**53 + 1},v\n" * 9)
    with pytest.raises(ValueError, match=r"1\.csv: column 'ts' must have .* got 9007199254740993 in row 2; subtract"):
        read_frame(tmp_path, columns=None, drop=())


def test_integers_that_doubles_hold_in_a_monitored_model(run, tmp_path):
    rng = np.random.default_rng(1)
    ids, y = EPOCH + 2**40 * rng.integers(0, 999, 60), rng.normal(size=60)
    rows = "".join(f"{a},{b}\n" for a, b in zip(ids, y, strict=True))
    (tmp_path / "rows.csv").write_text("ts,y\n" + rows)
    model = pm.LinearRegression(ids[:, None], y)
    assert reading(run, tmp_path / "rows.csv", "--target", "y")["energy"] == pytest.approx(
        pm.minimum_energy(model).value, rel=1e-6
    )
