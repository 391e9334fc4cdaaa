"""Files to arrays: every kind, several at a time, what can be read only once, and what is refused where."""

import os
import threading

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import pyrometer as pm
from pyrometer.data.readers._bytes import BATCH
from pyrometer.data.readers._parquet import ParquetFile

ROWS = BATCH + 1000  # more than a batch
NUMBERS = np.random.default_rng(0).normal(size=(ROWS, 3))
TABLE = pa.table(dict(zip("aby", NUMBERS.T, strict=True)))


def assert_same(data, numbers=NUMBERS):
    np.testing.assert_array_equal(data.X, numbers[:, :2])
    np.testing.assert_array_equal(data.y, numbers[:, 2])
    assert (data.names, data.target) == (("a", "b"), "y")
    assert data.X.flags.c_contiguous


def test_every_kind_of_file(tmp_path):
    for kind, write in (("parquet", parquet.write_table), ("feather", feather.write_feather), ("csv", csv.write_csv)):
        write(TABLE, tmp_path / f"rows.{kind}")
        data = pm.interop.read_data(tmp_path / f"rows.{kind}", target="y")
        assert_same(data)
        assert data.source == str(tmp_path / f"rows.{kind}")


def test_a_stream_of_arrow_has_the_rows_of_a_file(tmp_path):
    for name in ("rows.arrow", "rows.bin"):
        with pa.ipc.new_stream(tmp_path / name, TABLE.schema) as stream:
            stream.write_table(TABLE, max_chunksize=777)
        assert_same(pm.interop.read_data(tmp_path / name, target="y"))


def test_a_folder_and_a_pattern(tmp_path):
    parquet.write_table(TABLE.slice(0, 40_000 - BATCH), tmp_path / "1.parquet")
    csv.write_csv(TABLE.slice(40_000 - BATCH, 10), tmp_path / "2.csv")
    parquet.write_table(TABLE.slice(40_010 - BATCH), tmp_path / "3.parquet")
    assert_same(pm.interop.read_data(tmp_path, target="y"))
    few = np.delete(NUMBERS, np.arange(40_000 - BATCH, 40_010 - BATCH), axis=0)
    assert_same(pm.interop.read_data(tmp_path / "*.parquet", target="y"), few)


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write():
        with open(path, "wb") as pipe:
            csv.write_csv(TABLE, pipe)

    writer = threading.Thread(target=write)
    writer.start()
    assert_same(pm.interop.read_data(path, target="y"))
    writer.join()


def test_float32_stays_and_bools_are_numbers(tmp_path):
    narrow = TABLE.cast(pa.schema([(name, pa.float32()) for name in "aby"]))
    parquet.write_table(narrow, tmp_path / "narrow.parquet")
    data = pm.interop.read_data(tmp_path / "narrow.parquet", target="y")
    assert data.X.dtype == data.y.dtype == np.float32
    assert_same(data, NUMBERS.astype(np.float32))
    parquet.write_table(narrow.set_column(0, "a", pa.array(NUMBERS[:, 0] > 0)), tmp_path / "flags.parquet")
    data = pm.interop.read_data(tmp_path / "flags.parquet", target="y")
    assert data.X.dtype == data.y.dtype == np.float64
    np.testing.assert_array_equal(data.X[:, 0], NUMBERS[:, 0] > 0)


@pytest.mark.parametrize("column", ["b", "y"])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_what_is_not_finite_is_named_by_its_row(tmp_path, kind, column):
    numbers = TABLE[column].to_numpy().copy()
    numbers[BATCH + 5] = np.inf
    bad = TABLE.set_column("aby".index(column), column, pa.array(numbers))
    (parquet.write_table if kind == "parquet" else csv.write_csv)(bad, tmp_path / f"bad.{kind}")
    with pytest.raises(ValueError, match=rf"bad.{kind}: column '{column}' must be finite.*inf in row {BATCH + 6};"):
        pm.interop.read_data(tmp_path / f"bad.{kind}", target="y")


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    parquet.write_table(TABLE, tmp_path / "rows.parquet")
    for told in (ROWS + 1, ROWS - 1):
        monkeypatch.setattr(ParquetFile, "rows", lambda _, told=told: told)
        with pytest.raises(ValueError, match=rf"must have the {told} rows declared in its metadata, got {ROWS}"):
            pm.interop.read_data(tmp_path / "rows.parquet", target="y")


def test_no_rows(tmp_path):
    for kind, write in (("parquet", parquet.write_table), ("feather", feather.write_feather), ("csv", csv.write_csv)):
        write(TABLE.slice(0, 0), tmp_path / f"none.{kind}")
        with pytest.raises(ValueError, match="at least one row of data, got none"):
            pm.interop.read_data(tmp_path / f"none.{kind}", target="y")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match="no files in this folder"):
        pm.interop.read_data(tmp_path / "folder", target="y")
