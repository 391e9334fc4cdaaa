"""Rows that are read chunk by chunk have the moments of the rows."""

from __future__ import annotations

import decimal
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import csv, dataset, feather, parquet

import pyrometer as pm

ROWS = 5000
NAMES = ("a", "b", "c")
RNG = np.random.default_rng(0)
X = RNG.normal([100.0, -3.0, 0.0], [1.0, 2.0, 1e-3], size=(ROWS, 3))
Y = X @ [1.0, -1.0, 50.0] + RNG.normal(size=ROWS)
TABLE = pa.table({**dict(zip(NAMES, X.T, strict=True)), "y": Y})
WHOLE = pm.Moments.of(X, Y)


def bits(moments):
    return moments.count, moments.mean.tobytes(), moments.scatter.tobytes()


def assert_close(moments, other=WHOLE):
    assert moments.count == other.count
    np.testing.assert_allclose(moments.mean, other.mean, rtol=1e-12)
    sizes = np.sqrt(np.diagonal(other.scatter))
    assert (np.abs(moments.scatter - other.scatter) <= 1e-12 * np.outer(sizes, sizes)).all()


def parts(folder, write, suffix, count=10):
    for k in range(count):
        write(TABLE.slice(k * ROWS // count, ROWS // count), folder / f"part{k}.{suffix}")
    return folder


@pytest.fixture
def sources(tmp_path):
    """Every kind of source, each holding the same rows in the same order."""
    parquet.write_table(TABLE, tmp_path / "rows.parquet", row_group_size=700)
    feather.write_feather(TABLE, tmp_path / "rows.feather", chunksize=300)
    for name in ("rows.arrows", "rows.stream"):
        with pa.ipc.new_stream(tmp_path / name, TABLE.schema) as stream:
            stream.write_table(TABLE, max_chunksize=300)
    csv.write_csv(TABLE, tmp_path / "rows.csv")
    csv.write_csv(TABLE, tmp_path / "rows.tsv", write_options=csv.WriteOptions(delimiter="\t"))
    (tmp_path / "days").mkdir()
    parts(tmp_path / "days", parquet.write_table, "parquet")
    return {
        "parquet": tmp_path / "rows.parquet",
        "feather": str(tmp_path / "rows.feather"),
        "arrows": tmp_path / "rows.arrows",
        "stream": tmp_path / "rows.stream",
        "csv": tmp_path / "rows.csv",
        "tsv": tmp_path / "rows.tsv",
        "folder": tmp_path / "days",
        "pattern": tmp_path / "days" / "part?.parquet",
        "list": sorted((tmp_path / "days").iterdir()),
        "dataset": dataset.dataset(tmp_path / "days"),
        "filtered": dataset.dataset(tmp_path / "days").filter(dataset.field("a") > 0),
        "table": TABLE,
        "reader": TABLE.to_reader(),
        "polars": pl.from_arrow(TABLE),
        "pandas": TABLE.to_pandas(),
    }


@pytest.mark.parametrize(
    "kind",
    [
        *("parquet", "feather", "arrows", "stream", "csv", "tsv", "folder", "pattern", "list", "dataset", "filtered"),
        *("table", "reader", "polars", "pandas"),
    ],
)
def test_every_source_has_the_moments_of_its_rows(sources, kind):
    moments = pm.Moments.scan(sources[kind], target="y", chunk_rows=999)
    assert_close(moments)
    assert (moments.names, moments.target, moments.intercept) == (NAMES, "y", True)


def test_the_bits_are_those_of_the_chunks(sources, tmp_path):
    expected = bits(pm.Moments.scan(TABLE, target="y", chunk_rows=640))
    parquet.write_table(TABLE, tmp_path / "other.parquet", row_group_size=111)
    for source in (sources["parquet"], sources["feather"], tmp_path / "other.parquet", sources["polars"]):
        for threads in (None, 1, 3):
            assert bits(pm.Moments.scan(source, target="y", chunk_rows=640, threads=threads)) == expected
    assert bits(pm.Moments.scan(TABLE, target="y", chunk_rows=641)) != expected
    assert bits(pm.Moments.scan(TABLE, target="y")) == bits(WHOLE)


def test_parts_merge_to_the_whole(sources):
    whole = pm.Moments.scan(sources["folder"], target="y", chunk_rows=77)
    first, *rest = (pm.Moments.scan(path, target="y", chunk_rows=77) for path in sources["list"])
    assert bits(sum(rest, start=first)) == bits(whole)
    assert_close(whole)


def test_columns_are_chosen_and_ordered(sources):
    moments = pm.Moments.scan(sources["csv"], target="b", columns=["c", "y"], intercept=False)
    assert_close(moments, pm.Moments.of(np.stack([X[:, 2], Y], axis=1), X[:, 1]))
    assert (moments.names, moments.target, moments.intercept) == (("c", "y"), "b", False)
    assert pm.Moments.scan(sources["parquet"], target="y", drop=["a", "c"]).names == ("b",)


def test_numbers_of_every_kind_count():
    integers, flags = np.arange(100) - 50, np.arange(100) % 3 == 0
    cents = [decimal.Decimal(k) / 100 for k in range(100)]
    table = pa.table({"i": integers, "f": flags, "d": cents, "h": integers.astype(np.float16), "y": Y[:100]})
    features = np.stack([integers, flags, np.arange(100) / 100, integers], axis=1)
    assert_close(pm.Moments.scan(table, target="y", chunk_rows=30), pm.Moments.of(features, Y[:100]))


def test_float32_is_widened_by_the_core():
    narrow = TABLE.cast(pa.schema([(name, pa.float32()) for name in TABLE.column_names]))
    assert bits(pm.Moments.scan(narrow, target="y")) == bits(pm.Moments.of(X.astype("f4"), Y.astype("f4")))
    mixed = narrow.set_column(0, "a", pa.array(X[:, 0]))
    features = np.concatenate([X[:, :1], X[:, 1:].astype("f4")], axis=1)
    assert bits(pm.Moments.scan(mixed, target="y")) == bits(pm.Moments.of(features, Y.astype("f4").astype(float)))


def test_whole_numbers_of_csv_may_have_fractions_further_down(tmp_path):
    path = tmp_path / "rows.csv"
    lines = 200_000  # more than the first block
    path.write_text("a,y\n" + "1,2\n" * lines + "1.5,2.5\n")
    moments = pm.Moments.scan(path, target="y")
    assert moments.count == lines + 1
    np.testing.assert_allclose(moments.scatter[0], 0.25 * lines / (lines + 1), rtol=1e-9)


# Not getrusage: its peak begins with that of the process that started this one.
MEMORY = """
import sys
import pyarrow.parquet
import pyrometer as pm
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))
pm.Moments.scan(sys.argv[1], target="x0", chunk_rows=1000)
before = peak()
pm.Moments.scan(sys.argv[2], target="x0")
print(peak() - before)
"""


def test_memory_stays_below_the_size_of_the_file(tmp_path):
    numbers = np.random.default_rng(1).normal(size=(20, 2_500_000))
    columns = {f"x{j}": column for j, column in enumerate(numbers)}
    large, small = tmp_path / "large.parquet", tmp_path / "small.parquet"
    # One row group: what a reader that takes whole groups would hold.
    parquet.write_table(pa.table(columns), large, row_group_size=2_500_000, use_dictionary=False, compression="none")
    parquet.write_table(pa.table({name: column[:1000] for name, column in columns.items()}), small)
    assert large.stat().st_size >= 400_000_000
    # Arrow reads ahead for each processor.
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    program = [sys.executable, "-c", MEMORY, small, large]
    run = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert 10 < int(run.stdout) < 200  # MiB; about 95


def test_a_name_in_the_message_of_an_overflow_is_printable(tmp_path):
    path = tmp_path / "a\x1b[31m.csv"
    path.write_text("x,y\n1e200,1\n2e200,2\n")
    with pytest.raises(pm.ScanError, match="sum of squares below 1.8e308") as caught:
        pm.Moments.scan(str(path), target="y")
    assert "\x1b" not in str(caught.value)


def folder_with_links(root, rng):
    """Write files of one row into folders with links to files, folders and folders above; return the rows to read."""
    folders, rows = [root, root / "sub", root / "sub" / "deep", root.parent / "elsewhere"], []
    for folder in [*folders, root / ".ipynb_checkpoints", root / "sub" / "_temporary"]:
        folder.mkdir(exist_ok=True)
        for k in range(int(rng.integers(1, 4))):
            x, y = map(int, rng.integers(0, 1000, 2))
            (folder / f"{k}.csv").write_text(f"x,y\n{x},{y}\n")
            rows += [(x, y)] if folder in folders else []
        (folder / "_SUCCESS").write_text("")
    (root / "sub" / "link").symlink_to(folders[-1], target_is_directory=True)
    for _ in range(4):
        name, at, to = f"l{rng.integers(1000)}", folders[rng.integers(3)], folders[rng.integers(4)]
        if rng.random() < 0.5:
            (at / name).symlink_to(to, target_is_directory=True)
        else:
            (at / f"{name}.csv").symlink_to(to / "0.csv")
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_a_folder_is_read_with_what_its_links_lead_to_each_file_once(tmp_path, seed):
    (tmp_path / "data").mkdir()
    rows = folder_with_links(tmp_path / "data", np.random.default_rng(seed))
    moments = pm.Moments.scan(tmp_path / "data", target="y")
    assert moments.rows == len(rows)
    np.testing.assert_allclose(moments.mean, np.mean(rows, axis=0), rtol=1e-12)


@pytest.mark.parametrize("pattern", ["", "*.csv", "**/*.csv"])
def test_a_link_to_nothing_is_an_error(tmp_path, pattern):
    (tmp_path / "0.csv").write_text("x,y\n1,2\n")
    (tmp_path / "1.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(FileNotFoundError, match="1.csv"):
        pm.Moments.scan(tmp_path / pattern, target="y")
