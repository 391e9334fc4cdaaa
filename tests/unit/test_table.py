"""The table result: columns, conversions, files, text."""

import csv
import dataclasses
import io
import json
import os
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from pyarrow import parquet

import pyrometer as pm


@pytest.fixture
def table():
    return pm.Table(
        "Title",
        {"name": ["a", "b, c", "ü"], "T": [1 / 3, np.nan, -np.inf], "n": [1, 2, 3], "fine": [True, False, True]},
        units={"T": "loss/nat"},
        metadata={"seed": 2**80, "scale": np.float64(0.1), "bad": float("nan")},
    )


def test_columns_rows_and_length(table):
    assert len(table) == 3
    assert table.names == ("name", "T", "n", "fine")
    assert table["T"][0] == 1 / 3
    assert [row["n"] for row in table] == [1, 2, 3]
    assert table.to_dict()["name"] == ["a", "b, c", "ü"]
    with pytest.raises(KeyError, match=r"no column 'x'; the columns are \['name'"):
        table["x"]


def test_frozen_and_detached():
    values = np.arange(3.0)
    table = pm.Table("", {"x": values})
    values[0] = 9
    assert table["x"][0] == 0
    with pytest.raises(ValueError, match="read-only"):
        table["x"][0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.title = "other"
    with pytest.raises(TypeError):
        table.columns["y"] = values
    again = pickle.loads(pickle.dumps(table))
    assert again.title == ""
    np.testing.assert_array_equal(again["x"], table["x"])


@pytest.mark.parametrize(
    ("columns", "units", "error", "message"),
    [
        ({"x": [1, 2], "y": [1]}, {}, ValueError, "same length"),
        ({"x": [[1]]}, {}, ValueError, "one-dimensional"),
        ({"x": [1]}, {"y": "m"}, ValueError, "units must name columns"),
        ({"x": [1]}, ["m"], TypeError, "units must be a mapping by name, such as a dict, got .'m'."),
        ([1.0], None, TypeError, "columns must be a mapping by name"),
        ({"x": [None]}, {}, TypeError, "numbers, bools or strings"),
        ({"x": [1.0, "a"]}, {}, TypeError, "must not mix strings"),
        ({"x": [1j]}, {}, TypeError, "complex"),
    ],
)
def test_refuses(columns, units, error, message):
    with pytest.raises(error, match=message):
        pm.Table("", columns, units)


def test_rows_must_agree():
    with pytest.raises(ValueError, match="row 1"):
        pm.Table.from_rows("", [{"a": 1}, {"b": 2}])


def test_json_has_every_digit_and_null(table):
    read = json.loads(table.to_json(), parse_constant=pytest.fail)
    assert [row["T"] for row in read["rows"]] == [1 / 3, None, None]
    assert read["metadata"] == {"seed": 2**80, "scale": 0.1, "bad": None}
    assert read["units"] == {"T": "loss/nat"}


def test_csv_reads_back(table):
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [row["name"] for row in rows] == ["a", "b, c", "ü"]
    assert float(rows[0]["T"]) == 1 / 3
    assert rows[1]["T"] == ""


def test_frames(table):
    arrow = table.to_arrow()
    about = json.loads(arrow.schema.metadata[b"pyrometer"])
    assert about["title"] == "Title"
    assert arrow.schema.field("T").metadata == {b"unit": b"loss/nat"}
    assert arrow.column("name").to_pylist() == ["a", "b, c", "ü"]
    pandas, polars = table.to_pandas(), table.to_polars()
    np.testing.assert_array_equal(pandas["T"], table["T"])
    np.testing.assert_array_equal(polars["T"].to_numpy(), table["T"])
    assert polars["fine"].to_list() == [True, False, True]
    assert pandas.attrs["metadata"]["seed"] == 2**80


@pytest.mark.parametrize("dtype", [np.longdouble, np.float32, np.float16, np.uint64, np.int8, bool])
def test_numbers_of_any_width(dtype, tmp_path):
    squares = pm.Table("Squares", {"x": np.array([0, 1], dtype)})
    assert pm.Table("Squares", squares.to_arrow().to_pydict())["x"].tolist() == squares["x"].tolist()
    assert len(squares.to_csv().split()) == 3
    for suffix in ("csv", "json", "parquet"):
        squares.save(tmp_path / f"squares.{suffix}")


def test_a_missing_package_is_named(table, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(ImportError, match=r"to_polars\(\) needs polars: pip install polars"):
        table.to_polars()


def test_save(table, tmp_path):
    for suffix in ("parquet", "csv", "json"):
        path = tmp_path / f"t.{suffix}"
        path.write_text("old")
        path.chmod(0o640)
        table.save(path)
        assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["t.csv", "t.json", "t.parquet"]
    read = parquet.read_table(tmp_path / "t.parquet")
    np.testing.assert_array_equal(read["T"].to_numpy(), table["T"])
    assert json.loads(read.schema.metadata[b"pyrometer"])["metadata"]["seed"] == 2**80
    assert (tmp_path / "t.csv").read_text() == table.to_csv()
    assert json.loads((tmp_path / "t.json").read_text())["title"] == "Title"


def test_save_follows_links_and_refuses(table, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    table.save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())
    with pytest.raises(ValueError, match=r"path must end in .csv, .json, .parquet, got 't.xls'"):
        table.save("t.xls")
    with pytest.raises(FileNotFoundError) as missing:
        table.save(tmp_path / "no" / "t.csv")
    assert missing.value.filename == str(tmp_path / "no" / "t.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        table.save(tmp_path / "folder.csv")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    from pyrometer.base._archive import atomic_write

    path = tmp_path / "t.csv"
    path.write_text("old")

    def fail():
        with atomic_write(str(path)) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["t.csv"]


def test_text_leaves_out_columns_that_do_not_fit(table):
    lines = table.to_text(width=20).splitlines()
    assert max(map(len, lines)) <= 20
    assert lines[0] == "Title"
    assert sum(line.startswith("b, c") for line in lines) == 1
    assert lines[-1] == "not shown: fine"
    assert "0.333333" in str(table)
    assert "not shown" not in str(table)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("names", [["short", 90 * "a", 90 * "b"], [100 * "a" + k for k in "123"]])
def test_long_names_of_rows_leave_room_for_their_numbers(names, width):
    text = pm.Table("Title", {"name": names, "p_value": [0.5, 0.25, 0.125]}).to_text(width=width).splitlines()
    assert max(map(len, text)) <= width
    assert "0.125" in text[-1]
    assert len({line.split()[0] for line in text[-3:]}) == 3


def test_decimal_points_are_in_one_column():
    values = [1.0, -12.5, 1e9, 1.25e-7, 3.0]
    lines = str(pm.Table("", {"x": values, "y": [f"{value:g}" for value in values]})).splitlines()[3:]
    assert lines == [
        "  1           1",
        "-12.5       -12.5",
        "  1e+09       1e+09",
        "  1.25e-07    1.25e-07",
        "  3           3",
    ]


def test_print_has_all_columns_but_on_a_terminal(monkeypatch):
    table = pm.Table("", {f"column {k}": [1.0] for k in range(9)})
    assert str(table) == table.to_text()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout", None)
    assert str(table) == table.to_text()
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    assert str(table) == table.to_text(width=40) != table.to_text()


def test_text_of_a_long_table():
    text = pm.Table("Long", {"i": np.arange(1_000_000)}).to_text(max_rows=5)
    expected = ["Long", "     i", "------", "     0", "     1", "     2", "... 999995 rows ...", "999998", "999999"]
    assert text.splitlines() == expected
    assert str(pm.Table("Empty", {"i": []})).splitlines() == ["Empty", "i", "-"]


def test_main_results_are_shown_before_other_columns():
    line = pm.LinearRegression([[0.0], [1.0], [2.0], [4.0]], [0.0, 1.0, 2.0, 3.0])
    table = pm.sweep({"a": line}, {"b": pm.Normal([[1.0], [10.0]])})
    for width in (50, 60, 80, 120):
        head, units, *rest = table.to_text(width=width).splitlines()[1:]
        assert {"system", "law", "temperature", "verdict"} <= set(head.split())
        assert units.strip().startswith("loss")
        shown = [name for name in table.names if name in head.split()]
        assert head.split() == shown  # in the order of the table
        left_out = " ".join(rest).partition("not shown: ")[2].split(", ")
        assert [name.strip() for name in left_out] == [name for name in table.names if name not in shown]


def test_no_line_of_units_where_no_column_that_is_shown_has_one():
    columns = {"name": ["a", "b"], "long words": ["x" * 12] * 2, "number": [1.0, 2.0]}
    units = {"number": "loss"}
    assert pm.Table("t", columns, units).to_text().splitlines()[2].split() == ["loss"]
    assert pm.Table("t", columns, units).to_text(width=20).splitlines()[2].startswith("----")


def test_numbers_of_another_byte_order_are_written():
    numbers = {"x": [1.5, 2.0], "n": [1, 2]}
    swapped = {name: np.array(values).astype(np.array(values).dtype.newbyteorder()) for name, values in numbers.items()}
    table, same = pm.Table("T", swapped), pm.Table("T", numbers)
    assert table.to_csv() == same.to_csv()
    assert table.to_arrow() == same.to_arrow()
    assert table.to_polars().equals(same.to_polars())
