"""Sources that are not what they should be: which file, which column, which row, and what is kept."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import pyrometer as pm

RNG = np.random.default_rng(1)
GOOD = {"a": RNG.normal(size=100), "b": RNG.normal(size=100), "y": RNG.normal(size=100)}


def table(**changed):
    return pa.table(GOOD | changed)


def with_null(row):
    return pa.array(GOOD["b"], mask=np.arange(100) == row)


def put(row, value):
    column = GOOD["b"].copy()
    column[row] = value
    return column


@pytest.fixture
def days(tmp_path):
    """Write ten files of a kind, the tenth as it is given."""

    def write(last, kind="parquet", **options):
        writer = {
            "parquet": parquet.write_table,
            "feather": feather.write_feather,
            "csv": csv.write_csv,
        }[kind]
        for k in range(10):
            writer(last if k == 9 else table(), tmp_path / f"day{k}.{kind}", **options)
        return tmp_path

    return write


def refusal(source, **options):
    with pytest.raises(ValueError) as caught:
        pm.Moments.scan(source, target="y", **options)
    return caught.value


def assert_nine_are_kept(error):
    assert isinstance(error, pm.ScanError)
    assert len(error.parts) == 9
    assert error.finished.count == 900
    np.testing.assert_allclose(error.finished.mean, pm.Moments.scan(table(), target="y").mean, rtol=1e-12)
    assert "finished" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.parts, again.finished.count) == (str(error), error.parts, 900)


NULL = r"day9.*: column 'b' must have no missing values, got 1, the first in row 78;.*--drop b"


def test_a_missing_value_that_parquet_declares_is_found_before_reading(days):
    error = refusal(days(table(b=with_null(77)), row_group_size=30))
    assert not isinstance(error, pm.ScanError)
    assert re.search(NULL, str(error))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("parquet", {"write_statistics": False}), ("feather", {}), ("csv", {})],
    ids=["parquet", "feather", "csv"],
)
def test_a_missing_value_in_the_tenth_part(days, kind, options):
    error = refusal(days(table(b=with_null(77)), kind, **options), chunk_rows=64)
    assert "day9" in str(error)
    assert "column 'b' must have no missing values, got 1, the first in row 78" in str(error)
    assert_nine_are_kept(error)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("parquet", np.nan), ("parquet", np.inf), ("feather", np.nan), ("csv", np.inf)],  # of CSV, nan is missing
)
def test_a_value_in_the_tenth_part_that_is_not_finite(days, kind, value):
    error = refusal(days(table(b=put(77, value)), kind), chunk_rows=50)
    assert "day9" in str(error)
    assert f"column 'b' must be finite, got 1 value that is not, the first {value} in row 78" in str(error)
    assert_nine_are_kept(error)


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv"])
def test_a_type_in_the_tenth_part_is_found_before_reading(days, kind):
    error = refusal(days(table(b=pa.array(["x"] * 100)), kind))
    assert not isinstance(error, pm.ScanError)
    assert "day9" in str(error)
    assert "column 'b' must be numeric, got string" in str(error)


def test_words_below_the_first_block_of_csv(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n" + "1.5,2\n" * 200_000 + "word,2\n")
    error = refusal(path)
    assert "rows.csv: column 'a' must be numeric, got 'word' in row 200001; correct it" in str(error)
    assert "rows had been read" in str(error)
    assert error.finished is None


def test_a_column_that_the_tenth_part_lacks(days):
    error = refusal(days(table().drop_columns("b").append_column("bb", [GOOD["b"]])))
    assert "day9" in str(error)
    assert "has no column 'b'; did you mean 'bb'?" in str(error)


def test_a_column_that_only_the_tenth_part_has(days):
    folder = days(table(c=GOOD["a"]))
    for options in ({}, {"drop": ["b"]}):
        error = str(refusal(folder, **options))
        assert "day9.parquet: column 'c' must be in all parts or in none, and is not in " in error
        assert "day0.parquet; select the columns to use (columns, --columns)" in error
        with pytest.raises(ValueError, match="day9.*column 'c'"):
            pm.interop.read_data(folder, target="y", **options)
    assert pm.Moments.scan(folder, target="y", columns=["a", "b"]).count == 1000
    # Of all parts, but one in which a dropped column is missing.
    dropped = [folder / f"day{k}.parquet" for k in (9, 0)]
    assert pm.Moments.scan(dropped, target="y", drop=["c"]).names == ("a", "b")


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_truncated_tenth_part(days, kind):
    folder = days(table(), kind)
    path = folder / f"day9.{kind}"
    path.write_bytes(path.read_bytes()[:-200])
    assert "day9" in str(refusal(folder))
    assert "cannot be read" in str(refusal(folder))


@pytest.mark.parametrize(
    ("kind", "options"),
    # What is random is stored as it is: Parquet has check sums for it, zstd has its frames for the rest.
    [("parquet", {"write_page_checksum": True, "compression": "none"}), ("feather", {"compression": "zstd"})],
    ids=["parquet", "feather"],
)
def test_a_corrupted_tenth_part(days, kind, options):
    regular = {name: np.repeat(np.arange(10.0), 10) + k for k, name in enumerate(GOOD)}
    folder = days(table(**(regular if kind == "feather" else {})), kind, **options)
    path = folder / f"day9.{kind}"
    content = bytearray(path.read_bytes())
    place = content.index(bytes.fromhex("28b52ffd")) + 8 if kind == "feather" else len(content) // 3
    content[place : place + 8] = bytes(byte ^ 255 for byte in content[place : place + 8])
    path.write_bytes(content)
    error = refusal(folder)
    assert "day9" in str(error)
    assert "cannot be read" in str(error)
    assert_nine_are_kept(error)


def test_constant_columns_are_named_before_reading_where_parquet_has_statistics(tmp_path):
    parquet.write_table(table(b=np.full(100, 7.0)), tmp_path / "one.parquet", row_group_size=30)
    bad = table(b=np.full(100, 7.0), a=put(3, np.nan))
    parquet.write_table(bad, tmp_path / "two.parquet")
    with pytest.warns(pm.ConstantColumnWarning, match="Column 'b' has the same value"), pytest.raises(pm.ScanError):
        pm.Moments.scan(tmp_path, target="y")
    with pytest.warns(pm.ConstantColumnWarning, match="Columns 'b', 'y' have the same value") as caught:
        pm.Moments.scan(table(b=np.full(100, 7.0), y=np.zeros(100)), target="y")
    assert len(caught) == 1
    parquet.write_table(table(b=np.full(100, 8.0)), tmp_path / "two.parquet")
    pm.Moments.scan(tmp_path, target="y")


def test_sources_of_another_kind(tmp_path):
    with pytest.raises(TypeError, match=r"source must be a path.*an array of shape.*Moments\.of"):
        pm.Moments.scan(np.ones((3, 2)), target="y")
    with pytest.raises(TypeError, match="list of at least one path"):
        pm.Moments.scan([], target="y")
    with pytest.raises(FileNotFoundError):
        pm.Moments.scan(tmp_path, target="y")
    with pytest.raises(FileNotFoundError):
        pm.Moments.scan(tmp_path / "none.csv", target="y")
    (tmp_path / "empty.csv").write_text("a,y\n")
    assert "at least one row" in str(refusal(tmp_path / "empty.csv"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"columns": ["q"]}, "has no column 'q'"),
        ({"columns": ["a", "y"]}, "must not be among the features"),
        ({"drop": ["a", "b"]}, "at least one feature"),
        ({"chunk_rows": 0}, "chunk_rows must be at least 1, got 0"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_options(option, message):
    assert message in str(refusal(table(), **option))


def test_no_row_of_a_stream_of_arrow_is_lost_silently(tmp_path):
    path, rows = tmp_path / "rows.arrow", table()
    with pa.ipc.new_stream(path, rows.schema) as stream:
        stream.write_table(rows, max_chunksize=40)
    content = path.read_bytes()
    refused = []
    for end in (*range(len(content) % 8, len(content), 8), 3, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=re.escape(str(path))) as info:
            pm.Moments.scan(path, target="y", columns=["b", "a"])
        refused.append("does not: rows may be missing; write it again" in str(info.value))
    assert sum(refused) >= 4  # after the schema, and after each batch
    path.write_bytes(content * 2)
    with pytest.raises(ValueError, match=rf"got {len(content)} bytes after its end; write streams to files"):
        pm.interop.read_data(path, target="y")
    path.write_bytes(content)
    assert pm.Moments.scan(path, target="y", columns=["b", "a"]).count == 100


@pytest.mark.parametrize("name", ["rows.feather", "rows.bin"])
def test_feather_1_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"FEA1" + bytes(100) + b"FEA1")
    with pytest.raises(ValueError, match=r"the content is Feather 1.*write the data frame again, with to_feather"):
        pm.Moments.scan(tmp_path / name, target="y")
