"""Moments of a file that is not read as a whole, beside reading it as a whole and beside NumPy batch by batch."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import pyrometer as pm

ROWS, COLUMNS = 1_000_000, 20
NAMES = [*(f"x{j}" for j in range(COLUMNS - 1)), "y"]
GROUP = pytest.mark.benchmark(group="1,000,000 x 20 of Parquet to second moments")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A Parquet file of four row groups, and its covariances."""
    numbers = np.random.default_rng(0).standard_normal((COLUMNS, ROWS))
    path = tmp_path_factory.mktemp("scan") / "rows.parquet"
    table = pa.table(dict(zip(NAMES, numbers, strict=True)))
    parquet.write_table(table, path, row_group_size=250_000, use_dictionary=False)
    return path, np.cov(numbers, bias=True)


@GROUP
def test_pyrometer(benchmark, record, file, threads):
    """Goal: within a tenth of the time that decoding takes on two threads; memory for three batches."""
    path, covariance = file
    moments = benchmark(pm.Moments.scan, path, target="y", threads=threads)
    record(flops=ROWS * COLUMNS**2, moved=8 * ROWS * COLUMNS)
    np.testing.assert_allclose(moments.scatter / moments.count, covariance, rtol=1e-9, atol=1e-12)


@pytest.mark.rival("numpy by batches")
@GROUP
def test_numpy(benchmark, record, file, threads):
    """What one would write: sums of products of batches, without a care for cancellation."""
    path, covariance = file

    def add_up():
        sums, products = np.zeros(COLUMNS), np.zeros((COLUMNS, COLUMNS))
        for batch in parquet.ParquetFile(path).iter_batches():
            Z = np.stack([column.to_numpy() for column in batch.columns])
            sums += Z.sum(axis=1)
            products += Z @ Z.T
        mean = sums / ROWS
        return products / ROWS - np.outer(mean, mean)

    found = benchmark(add_up)
    record(flops=ROWS * COLUMNS**2, moved=8 * ROWS * COLUMNS)
    np.testing.assert_allclose(found, covariance, rtol=1e-9, atol=1e-12)


@pytest.mark.rival("pandas, whole")
@GROUP
def test_pandas(benchmark, record, file, threads):
    """The whole file in memory, and its covariances."""
    path, covariance = file
    found = benchmark(lambda: pd.read_parquet(path).cov(ddof=0))
    record(flops=ROWS * COLUMNS**2, moved=8 * ROWS * COLUMNS)
    np.testing.assert_allclose(found, covariance, rtol=1e-9, atol=1e-12)
