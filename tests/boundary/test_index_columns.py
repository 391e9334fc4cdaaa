"""The index of a data frame: no feature in silence, and the same for all that enters together."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pyarrow import Table as ArrowTable
from pyarrow import csv, dataset, feather, parquet

import pyrometer as pm

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=20), "y": RNG.normal(size=20)}, index=np.arange(20) + 3)
NAMED = FRAME.rename_axis("id")
TWO = FRAME.set_index(pd.MultiIndex.from_arrays([np.arange(20) % 7, np.arange(20) % 9], names=["day", None]))
INDEXES = {"none": (FRAME, "'__index_level_0__'"), "named": (NAMED, "'id'"), "two": (TWO, "'day', '__index_level_1__'")}


def write_feather(frame, path):
    feather.write_feather(ArrowTable.from_pandas(frame), path)


@pytest.mark.parametrize("write", [pd.DataFrame.to_parquet, write_feather])
@pytest.mark.parametrize(("frame", "name"), INDEXES.values(), ids=INDEXES)
def test_the_index_in_a_file_is_left_out_and_this_is_said(tmp_path, frame, name, write):
    path = tmp_path / ("rows.parquet" if write is pd.DataFrame.to_parquet else "rows.arrow")
    write(frame, path)
    for read in (pm.interop.read_data, pm.Moments.scan, pm.LinearRegression.scan):
        with pytest.warns(pm.IndexColumnWarning, match=rf"{name} (is|are) the index of a data frame, and left out"):
            assert read(path, target="y").names == ("a",)
    columns = [column.strip(" '") for column in name.split(",")]
    assert pm.interop.read_data(path, target="y", drop=columns).names == ("a",)
    numbered = columns[0]
    assert pm.interop.read_data(path, target="y", columns=[numbered, "a"]).names == (numbered, "a")
    assert pm.interop.read_data(path, target="a", columns=["y"]).names == ("y",)


def test_streams_datasets_folders_and_other_writers(tmp_path):
    with pytest.warns(pm.IndexColumnWarning, match="'__index_level_0__' is the index"):
        assert pm.Moments.scan(FRAME, target="y").names == ("a",)
    NAMED.to_parquet(tmp_path / "a.parquet")
    with pytest.warns(pm.IndexColumnWarning, match="'id' is the index"):
        assert pm.Moments.scan(dataset.dataset(tmp_path / "a.parquet"), target="y").names == ("a",)
    FRAME.reset_index(drop=True).to_parquet(tmp_path / "b.parquet")
    with pytest.warns(pm.IndexColumnWarning, match="'id' is the index"):
        assert pm.Moments.scan(tmp_path, target="y").count == 40
    FRAME.to_parquet(tmp_path / "a.parquet")
    pl.read_parquet(tmp_path / "a.parquet").write_parquet(tmp_path / "b.parquet")  # without metadata
    with pytest.warns(pm.IndexColumnWarning, match="'__index_level_0__' is the index"):
        assert pm.interop.read_data(tmp_path / "b.parquet", target="y").names == ("a",)
    assert pm.interop.read_data(tmp_path / "b.parquet", target="__index_level_0__").names == ("a", "y")


def test_a_plain_index_says_nothing(tmp_path):
    FRAME.reset_index(drop=True).to_parquet(tmp_path / "a.parquet")
    assert pm.interop.read_data(tmp_path / "a.parquet", target="y").names == ("a",)
    assert pm.Moments.scan(pl.DataFrame({"a": [1.0, 2.0], "y": [1.0, 5.0]}), target="y").names == ("a",)


def test_a_column_without_a_name(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv")
    pd.read_csv(tmp_path / "a.csv").to_csv(tmp_path / "b.csv", index=False)
    pd.read_csv(tmp_path / "a.csv").to_parquet(tmp_path / "c.parquet")
    for path, name in (("a.csv", ""), ("b.csv", "Unnamed: 0"), ("c.parquet", "Unnamed: 0")):
        for read in (pm.interop.read_data, pm.Moments.scan):
            with pytest.raises(
                ValueError, match=rf"{path} has a column without a name .* leave it out .drop=\['{name}'\]"
            ):
                read(tmp_path / path, target="y")
            assert read(tmp_path / path, target="y", drop=[name]).names == ("a",)
            assert read(tmp_path / path, target="y", columns=["a"]).names == ("a",)
            assert read(tmp_path / path, target="y", columns=[name, "a"]).names == (name, "a")
    pd.read_csv(tmp_path / "b.csv").to_csv(tmp_path / "e.csv")
    pd.read_csv(tmp_path / "e.csv").to_csv(tmp_path / "f.csv", index=False)
    with pytest.raises(ValueError, match="'Unnamed: 0.1', 'Unnamed: 0'") as caught:
        pm.Moments.scan(tmp_path / "f.csv", target="y")
    drop = str(caught.value).split("--drop ")[1].split("'")[1].split(",")
    assert pm.Moments.scan(tmp_path / "f.csv", target="y", drop=drop).names == ("a",)
    frame = pd.read_csv(tmp_path / "a.csv")
    for call in (pm.LinearRegression, pm.Moments.of):
        with pytest.raises(
            ValueError, match="X has a column without a name .'Unnamed: 0'.*read the file with index_col=0"
        ):
            call(frame[["Unnamed: 0", "a"]], frame["y"])
    csv.write_csv(ArrowTable.from_pydict({"": [1.0, 2.0], "a": [1.0, 3.0]}), tmp_path / "d.csv")
    assert pm.interop.read_data(tmp_path / "d.csv", target="").names == ("a",)


# ---- indexes of what enters together

X, Y = FRAME[["a"]], FRAME["y"]


def calls(X, y):
    trained = pm.LinearRegression(FRAME[["a"]].to_numpy(), FRAME["y"].to_numpy())
    return {
        "linear": lambda: pm.LinearRegression(X, y),
        "absolute": lambda: pm.LinearRegression(X, y, energy="mae"),
        "labels": lambda: pm.LogisticRegression(X, y > 0),
        "words": lambda: pm.LogisticRegression(X, (y > 0).map({True: "yes", False: "no"}), labels=("no", "yes")),
        "moments": lambda: pm.Moments.of(X, y),
        "update": lambda: pm.Moments.of(X.to_numpy(), y.to_numpy()).update(X, y),
        "network": lambda: pm.Network(X, y, hidden=(2,)),
        "network of frames": lambda: pm.Network(X, y.to_frame(), hidden=(2,)),
        "state": lambda: pm.DataState(X, y, model=trained),
        "shift": lambda: pm.shift((FRAME[["a"]], FRAME["y"]), (X, y), model=trained, rng=0),
        "monitor": lambda: pm.RefreshMonitor((FRAME[["a"]], FRAME["y"]), trained, rng=0).update(X, y),
    }


@pytest.mark.parametrize("name", calls(X, Y))
def test_rows_in_another_order_are_refused(name):
    shuffled = Y.sample(frac=1, random_state=1)
    with pytest.raises(
        ValueError, match=r"X and y must have the same index, got 3 and \d+ in row 0; use y.loc\[X.index\]"
    ):
        calls(X, shuffled)[name]()
    calls(X, shuffled.loc[X.index])[name]()  # as the message says
    other = Y.reset_index(drop=True)
    with pytest.raises(ValueError, match=r"must have the same index, got 3 and 0 in row 0; use y.to_numpy\(\)"):
        calls(X, other)[name]()


def test_what_is_aligned():
    arrays = [X, X.to_numpy(), pl.from_pandas(X)], [Y, Y.to_numpy(), list(Y), pl.from_pandas(Y), Y.to_frame()]
    for left, right in itertools.product(*arrays):
        assert pm.LinearRegression(left, right).rows == 20
    default = X.reset_index(drop=True), Y.reset_index(drop=True)
    assert pm.LinearRegression(*default).rows == 20
    same = [np.nan] * 20
    assert pm.LinearRegression(X.set_axis(same), Y.set_axis(same)).rows == 20
    with pytest.raises(ValueError, match="one value for each row"):
        pm.LinearRegression(X, Y[:5])


def test_predictions_of_another_order():
    with pytest.raises(ValueError, match="X and predictions must have the same index"):
        pm.DataState(X, Y, model=lambda X: X["a"][::-1], energy="mse")
    assert pm.DataState(X, Y, model=lambda X: X["a"], energy="mse").rows == 20
    guess, weights = X["a"] + 1.0, X["a"].abs() + 1.0
    for reverse in itertools.product((False, True), repeat=3):
        y, prediction, heavy = (
            each[::-1] if back else each for each, back in zip((Y, guess, weights), reverse, strict=True)
        )
        if len(set(reverse)) == 1:
            assert pm.DataState(X.to_numpy(), y, energy="mse", prediction=prediction, weights=heavy).rows == 20
            continue
        with pytest.raises(ValueError, match="must have the same index"):
            pm.DataState(X.to_numpy(), y, energy="mse", prediction=prediction, weights=heavy)


@pytest.mark.parametrize("write", [parquet.write_table])
def test_a_dropped_index_is_the_same_file(tmp_path, write):
    write(ArrowTable.from_pandas(NAMED), tmp_path / "rows.parquet")
    with pytest.warns(pm.IndexColumnWarning):
        left = pm.Moments.scan(tmp_path / "rows.parquet", target="y")
    np.testing.assert_array_equal(left.scatter, pm.Moments.of(X, Y).scatter)
