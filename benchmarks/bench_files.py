"""Files to arrays, and the default tables: what a person at the command line waits for."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import pyrometer as pm

ROWS, FEATURES = 300_000, 10
NAMES = [*(f"x{j}" for j in range(FEATURES)), "y"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A Parquet file, and the numbers in it."""
    numbers = np.random.default_rng(0).standard_normal((ROWS, FEATURES + 1))
    path = tmp_path_factory.mktemp("files") / "rows.parquet"
    parquet.write_table(pa.table(dict(zip(NAMES, numbers.T, strict=True))), path)
    return path, numbers


@pytest.mark.benchmark(group="300,000 x 11 of Parquet to X and y")
def test_pyrometer(benchmark, record, file, threads):
    """Goal: no slower than pandas, and every number checked to be finite."""
    path, numbers = file
    data = benchmark(pm.interop.read_data, path, target="y")
    record(moved=2 * numbers.nbytes)
    benchmark.extra_info["limited by"] = "decoding pages in order, one at a time, in constant memory"
    np.testing.assert_array_equal(data.X, numbers[:, :-1])
    np.testing.assert_array_equal(data.y, numbers[:, -1])


@pytest.mark.rival("pandas")
@pytest.mark.benchmark(group="300,000 x 11 of Parquet to X and y")
def test_pandas(benchmark, record, file, threads):
    """The rival: read, split, and make the features C-contiguous."""
    path, numbers = file

    def read():
        frame = pd.read_parquet(path)
        return np.ascontiguousarray(frame[NAMES[:-1]].to_numpy()), frame["y"].to_numpy()

    X, _ = benchmark(read)
    record(moved=2 * numbers.nbytes)
    np.testing.assert_array_equal(X, numbers[:, :-1])


@pytest.mark.benchmark(group="tables of the diabetes data")
def test_tables(benchmark):
    """Goal: all three within a tenth of a second; seven rows of 10,000 draws."""

    def make():
        return pm.tables.terminology(), pm.tables.systems(), pm.tables.asymptotics()

    _, second, third = benchmark(make)
    assert np.all(np.abs(second["z"]) < 4.5)
    np.testing.assert_allclose(third["T limit"], second["T asymptotic"], rtol=1e-13)
