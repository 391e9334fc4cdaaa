"""Strings that repeat are held once, and look like any others."""

import pickle

import numpy as np
import pytest
from pyarrow import csv, types

import pyrometer as pm
from pyrometer.results._columns import Repeated

CODES, WORDS = np.array([1, 0, 1, 2], dtype=np.int8), ("ok", "näh, er", "pole")


@pytest.fixture
def pair():
    """Return one table with words held once, and one with strings."""
    numbers = np.arange(4.0)
    strings = np.array(WORDS)[CODES]
    return pm.Table("T", {"v": Repeated(CODES, WORDS), "x": numbers}), pm.Table("T", {"v": strings, "x": numbers})


def test_it_looks_like_strings(pair):
    held, plain = pair
    np.testing.assert_array_equal(held["v"], plain["v"])
    assert not held["v"].flags.writeable
    assert list(held) == list(plain)
    assert str(held) == str(plain)
    assert held.to_dict() == plain.to_dict()
    assert (held.to_csv(), held.to_json()) == (plain.to_csv(), plain.to_json())


def test_frames_know_that_it_repeats(pair, tmp_path):
    held, plain = pair
    arrow = held.to_arrow()
    assert types.is_dictionary(arrow.schema.field("v").type)
    assert arrow.column("v").to_pylist() == plain["v"].tolist()
    assert held.to_pandas()["v"].dtype == "category"
    assert held.to_pandas()["v"].tolist() == plain["v"].tolist()
    assert held.to_polars()["v"].to_list() == plain["v"].tolist()
    held.save(tmp_path / "t.csv")
    assert csv.read_csv(tmp_path / "t.csv")["v"].to_pylist() == plain["v"].tolist()
    held.save(tmp_path / "t.parquet")


def test_copies_stay_small(pair):
    held, _ = pair
    for copy in (pickle.loads(pickle.dumps(held)), pm.Table("U", held.columns)):
        assert types.is_dictionary(copy.to_arrow().schema.field("v").type)
    codes = CODES.copy()
    table = pm.Table("T", {"v": Repeated(codes, WORDS)})
    codes[:] = 0
    np.testing.assert_array_equal(table["v"], held["v"])


@pytest.mark.parametrize("codes", [[3], [-1], [[0]], [0.0]])
def test_codes_must_name_words(codes):
    with pytest.raises(ValueError, match="column 'v' must have codes below 3"):
        pm.Table("T", {"v": Repeated(np.array(codes), WORDS)})
