"""Columns of decimals are the nearest doubles, or refused as the same digits in CSV are."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import pyrometer as pm
from pyrometer.base._decimals import doubles
from pyrometer.interop import read_data

M = 40


def column(seed):
    """Numbers of a few or of many digits, of any size, with one or two ways in which digits can be lost."""
    rng = np.random.default_rng(seed)
    digits, places = int(rng.integers(1, 25)), int(rng.integers(0, 12))
    low = int(rng.integers(0, 2)) * 10 ** int(rng.integers(0, 25))
    whole = [low + int("".join(map(str, rng.integers(0, 10, digits)))) for _ in range(M)]
    return [Decimal(value).scaleb(-places) * int(rng.choice([-1, 1])) for value in whole]


def kinds(values):
    """Yield the containers that hold decimals; those of Arrow have one scale in a column."""
    yield from ([[value] for value in values], np.array(values)[:, None], pd.DataFrame({"a": values}))
    exponent = min(int(value.as_tuple().exponent) for value in values)
    kind = pa.decimal256(60, -exponent)
    arrow = pa.array(values, kind)
    yield from (pa.table({"a": arrow}), pd.DataFrame({"a": pd.Series(arrow, dtype=pd.ArrowDtype(kind))}))
    if max(len(value.as_tuple().digits) for value in values) < 37:
        yield pl.DataFrame({"a": pl.Series(values, dtype=pl.Decimal(38, -exponent))})


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_the_nearest_doubles_or_what_csv_refuses(first, tmp_path):
    refused, y = 0, np.arange(float(M))
    for seed in range(first, first + 20):
        values = column(seed)
        path = tmp_path / f"{seed}.csv"
        path.write_text("a,y\n" + "".join(f"{value:f},{k}\n" for k, value in enumerate(values)))
        try:
            expected = pm.Moments.scan(str(path), target="y")
        except ValueError:
            expected = None
            refused += 1
        for X in kinds(values):
            if expected is None:
                with pytest.raises(ValueError, match="^X must have numbers that doubles can hold, got "):
                    pm.Moments.of(X, y)
            else:
                moments = pm.Moments.of(X, y)
                np.testing.assert_allclose(moments.mean, expected.mean, rtol=1e-14)
                if not isinstance(X, np.ndarray):
                    continue
                exact = [float(Fraction(value)) for value in values]
                assert pm.LinearRegression(X, y).X.ravel().tolist() == exact
    assert 0 < refused < 20


@pytest.mark.parametrize("bits", [32, 64, 128, 256])
@pytest.mark.parametrize("scale", [0, 3, 9, 25])
def test_files_hold_the_nearest_doubles(tmp_path, bits, scale):
    rng = np.random.default_rng(bits + scale)
    values = [Decimal(int(v)).scaleb(-scale) for v in rng.integers(-(10**9) + 1, 10**9, 1000)]
    column = pa.array(
        values, getattr(pa, f"decimal{bits}")(max(9, min(scale + 1, {32: 9, 64: 18}.get(bits, 38))), scale)
    )
    table = pa.table({"a": column, "y": np.zeros(1000)}).slice(3)
    with pa.ipc.new_file(tmp_path / "rows.arrow", table.schema) as file:
        file.write_table(table)
    assert read_data(tmp_path / "rows.arrow", target="y").X.ravel().tolist() == list(map(float, values[3:]))


def test_every_function_takes_them():
    rng = np.random.default_rng(0)
    numbers, y = rng.integers(-500, 500, (M, 2)), rng.integers(-500, 500, M)
    X, target = [[Decimal(int(v)) / 8 for v in row] for row in numbers], [Decimal(int(v)) / 8 for v in y]
    as_floats, as_rows = numbers / 8, [[row[0], int(k)] for k, row in enumerate(X)]
    assert pm.LinearRegression(X, target).X.tolist() == as_floats.tolist()
    moments = pm.Moments.of(pd.DataFrame(X, columns=["a", "b"]), target)
    np.testing.assert_allclose(moments.mean, [*as_floats.mean(axis=0), (y / 8).mean()], rtol=1e-14)
    assert pm.LinearRegression(as_rows, y).X[:, 1].tolist() == list(range(M))
    assert pm.LinearRegression([X, X], [target, target]).shape == (2,)
    assert pm.LogisticRegression(X, [Decimal(int(v > 0)) for v in y]).y.tolist() == (y > 0).tolist()
    assert pm.SoftmaxRegression(X, target).classes == len(set(target))
    assert pm.LinearRegression(X, y, weights=[Decimal("0.5")] * M).weighted
    assert pm.Normal(Decimal("1.5")) == pm.Normal(1.5)
    gaps = pd.DataFrame({"a": [Decimal("1.5"), None, Decimal("-0.25"), Decimal(3)] * 10, "b": as_floats[:, 0]})
    result = pm.shift(gaps, gaps.astype(float), rng=0)
    assert result.divergence == 0.0


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([Decimal(1), None], TypeError, "X must be numeric, got an array of object"),
        ([Decimal(1), "1"], TypeError, "X must be numeric, got an array of object"),
        ([Decimal(1), True], TypeError, "X must be numeric, got an array of object"),
        ([Decimal(1), Decimal("nan")], ValueError, "X must be finite, got nan at row 1"),
        ([Decimal(1), Decimal("sNaN")], ValueError, "X must be finite, got nan at row 1"),
        ([Decimal(1), Decimal("-Infinity")], ValueError, "X must be finite, got -inf at row 1"),
        (
            [Decimal(1), Decimal("-1e400")],
            ValueError,
            "X must have numbers below 1.8e308 in size, got -1E.400 at row 1",
        ),
        (
            [Decimal(1), -(10**5000)],
            ValueError,
            r"below 1.8e308 in size, got -1.000000e\+5000 at row 1, column 0; divide",
        ),
        ([Decimal(1), Fraction(10**400, 3)], ValueError, r"below 1.8e308 in size, got 3.333333e\+399 at row 1"),
        ([Decimal(1), float("inf")], ValueError, "X must be finite, got inf at row 1"),
        ([Decimal(1), Decimal("0." + 1_000_001 * "3")], ValueError, "doubles can hold, got 3.333333e-1 at row 1"),
        ([Decimal(1), 2**53 + 1], ValueError, "doubles can hold, got 9007199254740993 at row 1, column 0"),
    ],
)
def test_what_is_no_number(values, kind, message):
    with pytest.raises(kind, match=message):
        pm.LinearRegression([[value] for value in values], [0.0, 1.0])
    if kind is ValueError:  # columns of objects take another way
        with pytest.raises(ValueError, match=r"X must (be finite|have (no missing values|numbers))"):
            pm.LinearRegression(pd.DataFrame({"a": pd.Series(values, dtype=object)}), [0.0, 1.0])


@pytest.mark.parametrize("value", [Decimal("sNaN"), 10**400])
def test_columns_of_a_shift_name_what_is_no_number(value):
    frame = pd.DataFrame({"a": pd.Series([Decimal("1.5"), value] * 10, dtype=object), "b": list("xy") * 10})
    with pytest.raises(ValueError, match=r"X must (be finite|have numbers).* column 'a'"):
        pm.shift(frame, frame)


@pytest.mark.parametrize("kind", [pa.decimal128(20, 2), pa.decimal256(60, 2), object])
def test_missing_decimals_of_a_frame_in_a_shift(kind):
    """NA of pandas in a column of 256 bits was no missing number."""
    values = [Decimal(int(v)) / 4 for v in np.random.default_rng(2).integers(-500, 500, 30)]
    column = pd.Series([*values, pd.NA], dtype=kind if kind is object else pd.ArrowDtype(kind))
    frame = pd.DataFrame({"a": column, "b": np.zeros(31)})
    floats = pd.DataFrame({"a": [*map(float, values), np.nan], "b": np.zeros(31)})
    assert pm.shift(frame, floats, rng=0).divergence == 0.0


def test_missing_decimals_of_a_frame():
    frame = pd.DataFrame({"a": [Decimal(1), None, Decimal(2)]})
    with pytest.raises(ValueError, match="X must have no missing values, got 1 in column 'a'"):
        pm.LinearRegression(frame, [0.0, 1.0, 2.0])


def test_parts_are_one_column():
    values = [Decimal("0.12345678901234567890123"), Decimal("5e15"), Decimal(0)]
    assert doubles([values[:1], values[1:]])[1] == doubles([values])[1] == -1
    assert doubles([values[:1], [Decimal("0.1")]])[1] == -1
    assert doubles([[Decimal(2**53 + 1)], values])[1] == 0


@pytest.mark.parametrize(("precision", "places"), [(5, -2), (3, -1), (20, -5), (38, -12)])
def test_decimals_of_negative_scale_are_whole_numbers(precision, places):
    rng = np.random.default_rng(precision)
    values = [
        int(value) * 10**-places for value in rng.integers(-(10 ** min(precision, 12)) + 1, 10 ** min(precision, 12), M)
    ]
    arrow = pa.array(list(map(Decimal, values)), pa.decimal128(precision, places))
    X, y = rng.normal(size=(M, 1)), np.arange(float(M))
    expected = pm.Moments.of(np.array(values, dtype=float)[:, None], y)
    column = pd.Series(arrow, dtype=pd.ArrowDtype(arrow.type))
    frame = pd.DataFrame({"a": column})
    for table in (pa.table({"a": arrow}), pa.RecordBatch.from_arrays([arrow], ["a"]), frame):
        found = pm.Moments.of(table, y)
        np.testing.assert_array_equal(found.scatter, expected.scatter)
    wanted = pm.Moments.of(X, np.array(values, dtype=float))
    for target in (pa.chunked_array([arrow]), column):
        np.testing.assert_array_equal(pm.Moments.of(X, target).scatter, wanted.scatter)
    missing = pd.Series(pa.array([*map(Decimal, values[1:]), None], arrow.type), dtype=column.dtype)
    gaps = pd.DataFrame({"a": missing, "b": X[:, 0]})
    assert pm.shift(gaps, gaps.astype({"a": float}), rng=0).divergence == 0.0
    with pytest.raises(ValueError, match="X must have no missing values, got 1 in column 'a'"):
        pm.Moments.of(gaps, y)
