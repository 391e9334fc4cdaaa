"""Names of columns are looked up: what is asked of p columns takes some p comparisons, not p squared."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import pyrometer as pm
from pyrometer.data.readers import _open, select


class Counted(str):
    """A name that counts how often it is compared or hashed."""

    __slots__ = ()
    count = 0

    def __eq__(self, other):
        Counted.count += 1
        return str.__eq__(self, other)

    def __ne__(self, other):
        Counted.count += 1
        return str.__ne__(self, other)

    def __hash__(self):
        Counted.count += 1
        return str.__hash__(self)


class Wide:
    """A part, and its schema, of many columns."""

    label, once, metadata = "wide", False, None

    def __init__(self, names):
        self.names, self.type = names, pa.float64()

    def schema(self):
        return self

    def field(self, place):
        return self if isinstance(place, int) else pytest.fail("a field is found by its place")


@pytest.mark.parametrize("p", [500, 2000])
def test_comparisons(monkeypatch, p):
    names = [Counted(f"column {j}") for j in range(p)]
    for columns, drop in ((None, ()), (names[1 : p // 2], ()), (None, names[p // 2 :]), (names[1:6], ())):
        Counted.count = 0
        found = select("source", names, names[0], columns, drop)
        assert found == names[1 : len(found) + 1]
        counted = Counted.count
        assert counted < 20 * p
        Counted.count = 0
        monkeypatch.setattr(_open, "parts_of", lambda *_, names=names: ("wide", [Wide(names)]))
        rows = _open.open_rows("wide", target=names[0], columns=columns, drop=drop)
        assert rows.names == tuple(found)
        assert Counted.count < 40 * p


def test_a_row_is_longer_than_a_block(tmp_path):
    p = 4000
    numbers = np.random.default_rng(0).normal(size=(3, p)) * 1e-100
    table = pa.table({f"column {j} " + "x" * 400: column for j, column in enumerate(numbers.T)})
    csv.write_csv(table, tmp_path / "wide.csv")
    parquet.write_table(table, tmp_path / "wide.parquet")
    feather.write_feather(table, tmp_path / "wide.feather")
    names = table.column_names
    for kind in ("csv", "parquet", "feather"):
        path = tmp_path / f"wide.{kind}"
        if kind != "parquet":
            np.testing.assert_array_equal(pm.interop.read_data(path, target=names[-1]).X, numbers[:, :-1])
        few = pm.Moments.scan(path, target=names[7], columns=[names[-1], names[0]])
        np.testing.assert_allclose(few.mean, numbers[:, [-1, 0, 7]].mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather"])
def test_calls_of_reading_grow_with_the_columns_only(tmp_path, kind):
    write = {"csv": csv.write_csv, "parquet": parquet.write_table, "feather": feather.write_feather}[kind]

    def calls(p):
        path, count = tmp_path / f"{p}.{kind}", 0
        write(pa.table({f"column {j}": [0.0, 1.0, float(j)] for j in range(p)}), path)

        def counted(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            pm.interop.read_data(path, target="column 0")
        finally:
            sys.setprofile(None)
        return count

    calls(2)  # imports
    few, many = calls(300), calls(1200)
    assert many < 4.5 * few
