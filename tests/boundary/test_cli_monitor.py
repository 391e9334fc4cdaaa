"""``pyrometer monitor``: batches of files, the state between runs, exit codes and bad input."""

import csv
import io
import json
import re
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import pyrometer as pm

from .answers import one_line


@pytest.fixture
def days(tmp_path):
    """A reference, and a folder of eight days, of which the last three have another column b."""
    rng = np.random.default_rng(1)

    def rows(m, shift=0.0):
        x = rng.normal(size=(m, 2)) + np.array([0.0, shift])
        city = np.where(rng.random(m) < 0.3, "x", "z")
        return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "city": city, "y": x.sum(axis=1) + rng.normal(size=m)})

    rows(300).write_csv(tmp_path / "reference.csv")
    folder = tmp_path / "days"
    folder.mkdir()
    parts = [rows(60, 0.0 if k < 5 else 1.5) for k in range(8)]
    for k, part in enumerate(parts):
        part.write_csv(folder / f"day{k}.csv")
    pl.concat([part.with_columns(day=pl.lit(f"day{k}")) for k, part in enumerate(parts)]).write_csv(
        tmp_path / "all.csv"
    )
    return tmp_path


def table(result):
    assert result.exit_code in (0, 1), result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_batches_of_a_folder_with_alarms_columns_and_since_when(run, days, tmp_path):
    arguments = ("monitor", days / "reference.csv", days / "days", "--target", "y")
    result = run(*arguments, "--format", "json", "--fail-on", "alarm", "--plot", tmp_path / "plot.png")
    assert result.exit_code == 1
    assert "--fail-on alarm: a batch of this run has raised an alarm" in result.stderr
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    rows, about = found["tables"][0]["rows"], found["provenance"]
    assert [row["alarm"] for row in rows] == [False] * 5 + [True] * 3
    assert {row["columns"].split(", ")[0] for row in rows[5:]} == {"b"}
    assert (about["began"], about["earliest"], about["latest"], about["rows since"]) == (6, 6, 6, 180)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    frame = pl.read_csv(days / "days" / "day3.csv")
    x, y = frame.select("a", "b").to_numpy(), frame["y"].to_numpy()
    reference = pl.read_csv(days / "reference.csv")
    model = pm.LinearRegression(reference.select("a", "b").to_numpy(), reference["y"].to_numpy())
    theta = pm.minimum_energy(model).parameters
    assert rows[3]["energy"] == pytest.approx(np.mean((y - x @ theta[:2] - theta[2]) ** 2))
    assert rows[3]["temperature"] == pytest.approx(pm.temperature(pm.LinearRegression(x, y), pm.Normal(10.0)).value)
    shown = run(*arguments)
    assert shown.exit_code == 0
    assert "Change since batch 6 (95 %: 6 to 6): 8 batches" in shown.stdout
    calm = run(*arguments[:2], days / "days" / "day[0-4].csv", *arguments[3:], "--fail-on", "alarm")
    assert calm.exit_code == 0
    assert "No change: 5 batches" in calm.stdout


@pytest.mark.parametrize("intercept", [True, False])
def test_temperatures_of_the_first_kind_have_the_intercept_of_the_model(run, days, intercept):
    options = ("--target", "y", "--init", "normal", "--scale", "1", "--format", "csv", *["--no-intercept"][intercept:])
    (row,) = table(run("monitor", days / "reference.csv", days / "days" / "day0.csv", *options))
    frame = pl.read_csv(days / "days" / "day0.csv")
    system = pm.LinearRegression(frame.select("a", "b").to_numpy(), frame["y"].to_numpy(), intercept=intercept)
    assert float(row["temperature"]) == pytest.approx(pm.temperature(system, pm.Normal(1.0)).value)


def test_a_daily_job_adds_its_batch(run, days, tmp_path):
    state = tmp_path / "state"
    options = ("--target", "y", "--format", "csv", "--fail-on", "alarm", "--fail-on", "change")
    whole = table(run("monitor", days / "reference.csv", days / "days", *options))
    codes, rows = [], []
    for k in range(8):
        result = run("monitor", days / "reference.csv", days / "days" / f"day{k}.csv", *options, "--state", state)
        codes.append(result.exit_code)
        rows += table(result)
    assert rows == whole
    assert codes == [0] * 5 + [1] * 3
    again = run("monitor", days / "reference.csv", days / "days", *options, "--state", state)
    assert table(again) == []
    assert again.stderr.count("and left out") == 8
    assert "--fail-on change" in again.stderr
    over = run("monitor", days / "reference.csv", days / "days", "--target", "y", "--state", state, "--reset")
    assert (over.exit_code, over.stdout) == (0, "")
    assert pm.RefreshMonitor.load(state, lambda X: np.zeros(len(X))).event is None


def test_one_file_by_a_column(run, days):
    rows = table(run("monitor", days / "all.csv", "--by", "day", "--first", "3", "--target", "y", "--format", "csv"))
    assert [row["name"] for row in rows] == [f"day{k}" for k in range(3, 8)]
    assert [row["alarm"] for row in rows] == ["false"] * 2 + ["true"] * 3


def test_classes_are_those_of_all_values_of_the_reference(run, tmp_path):
    """Those of its first value alone were known: others were refused."""
    rng = np.random.default_rng(0)
    labels = [*rng.choice(["a", "b"], 200), *rng.choice(["a", "b", "c"], 400)]
    frame = pl.DataFrame({"x": rng.normal(size=600), "y": labels, "day": np.repeat([1, 2, 3], 200)})
    frame.write_csv(tmp_path / "all.csv")
    for day, part in (("old", frame[:400]), ("new", frame[400:])):
        part.drop("day").write_csv(tmp_path / f"{day}.csv")
    options = ("--target", "y", "--energy", "softmax", "--format", "csv")
    (one,) = table(run("monitor", tmp_path / "all.csv", "--by", "day", "--first", "2", *options))
    (two,) = table(run("monitor", tmp_path / "old.csv", tmp_path / "new.csv", *options))
    assert {**one, "name": ""} == {**two, "name": ""}
    result = run("monitor", tmp_path / "all.csv", "--by", "day", *options)
    assert "y must be one of the labels 'a', 'b', got 'c'" in one_line(result)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((7, -2, 30), ["-2", "30"]),
        (("0.5", "2", "30.25"), ["2", "30.25"]),
        (("5e0", "1e300", "12e3"), ["1e+300", "12000"]),
        (("2024-01-05", "2024-01-06", "x"), ["2024-01-06", "x"]),
    ],
)
def test_values_of_a_column_name_batches_as_they_are_written(run, tmp_path, values, names):
    """Integers are read as floats, and were called 7.0."""
    rng, path = np.random.default_rng(3), tmp_path / "all.csv"
    rows = [f"{value},{a},{b}" for value in values for a, b in rng.normal(size=(60, 2))]
    path.write_text("\n".join(["batch,a,y", *rows]))
    found = table(run("monitor", path, "--by", "batch", "--target", "y", "--format", "csv"))
    assert [row["name"] for row in found] == names
    path.write_text("\n".join(["batch,a,y", *rows]).replace(f"\n{values[1]},", "\nnan,"))
    if names[0] != "2024-01-06":
        assert "must have no missing values" in one_line(run("monitor", path, "--by", "batch", "--target", "y"))


def test_columns_alone_predictions_and_labels(run, days, tmp_path):
    alone = table(run("monitor", days / "reference.csv", days / "days", "--energy", "none", "--format", "csv"))
    assert [row["alarm"] for row in alone] == ["false"] * 5 + ["true"] * 3
    assert "energy" not in alone[0]
    paths = []
    for source in (days / "reference.csv", *sorted((days / "days").glob("*.csv"))):
        frame = pl.read_csv(source).with_columns(p=pl.col("a") + pl.col("b"), sold=pl.col("y") > 0)
        paths.append(tmp_path / f"p_{source.name}")
        frame.with_columns(sold=pl.when("sold").then(pl.lit("yes")).otherwise(pl.lit("no"))).write_csv(paths[-1])
    found = table(
        run(
            *("monitor", *paths, "--target", "y", "--prediction", "p", "--drop", "sold", "--format", "csv"),
        )
    )
    frame = pl.read_csv(paths[1])
    assert float(found[0]["energy"]) == pytest.approx(((frame["y"] - frame["p"]) ** 2).mean())
    labels = ("--energy", "ce", "--labels", "no", "yes", "--drop", "y,p")
    classes = run("monitor", *paths, "--target", "sold", *labels, "--format", "csv")
    assert [row["alarm"] for row in table(classes)][-3:] == ["true"] * 3


def test_columns_in_another_order_and_other_encodings(run, days, tmp_path):
    frame = pl.read_csv(days / "days" / "day0.csv")
    frame.select("y", "city", "b", "a").write_csv(tmp_path / "order.csv")
    text = (days / "days" / "day0.csv").read_text()
    plain = table(
        run("monitor", days / "reference.csv", days / "days" / "day0.csv", "--target", "y", "--format", "csv")
    )
    other = table(run("monitor", days / "reference.csv", tmp_path / "order.csv", "--target", "y", "--format", "csv"))
    assert [{**row, "name": ""} for row in other] == [{**row, "name": ""} for row in plain]
    (tmp_path / "wide.csv").write_bytes(text.encode("utf-16"))
    result = run("monitor", days / "reference.csv", tmp_path / "wide.csv", "--target", "y")
    assert "UTF-16" in one_line(result)


BAD = [
    ((), "Missing argument 'BATCH...': files to compare with REFERENCE, or --by COLUMN."),
    (("none.csv",), "none.csv: No such file or directory"),
    (("empty.csv",), "empty.csv must have at least one row, got none."),
    (("lacks.csv",), "lacks.csv has no column 'b'; "),
    (("more.csv",), "more.csv must have the columns of the reference, got extra besides; use --drop."),
    (("words.csv",), "column b must have numbers, as in the reference, got string"),
    (("days", "--reset"), "--reset closes the change recorded in --state FILE; give that file."),
    (("days", "--state", "lacks.csv"), "lacks.csv must be a file written by RefreshMonitor.save"),
    (("days", "--block", "some"), "'some' is not a valid whole number"),
    (("days", "--memory", "12"), "memory must be a power of two, got 12."),
    (("days", "--run-length", "1"), "1 is not in the range x>=2"),
    (("--by", "day"), "has no column 'day'; it has"),
    (("days", "--first", "2"), "--first counts values of the reference for --by COLUMN; give that column."),
    (("--by", "city", "--first", "2"), "must have more than 2 values in that column, got 2."),
    (("days", "--state", "reference.csv"), "--state must be another file than the data, which it would replace"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_one_line_and_exit_code_2(run, days, monkeypatch, arguments, message):
    monkeypatch.chdir(days)
    frame = pl.read_csv("days/day0.csv")
    frame.clear().write_csv("empty.csv")
    frame.drop("b").write_csv("lacks.csv")
    frame.with_columns(extra=1).write_csv("more.csv")
    frame.with_columns(b=pl.lit("w")).write_csv("words.csv")
    result = run("monitor", "reference.csv", *arguments, "--target", "y")
    assert message in one_line(result)


def test_a_damaged_state_and_one_of_other_options_are_refused_and_stay_as_they_are(run, days, monkeypatch):
    monkeypatch.chdir(days)
    arguments = ("monitor", "reference.csv", "days/day0.csv", "--target", "y", "--state", "state")
    assert run(*arguments).exit_code == 0
    content = (days / "state").read_bytes()
    for extra in (("--no-grow",), ("--run-length", "50"), ("--drop", "city"), ("--block", "2"), ("--seed", "1")):
        result = run(*arguments, *extra)
        assert re.search("state must be of the same REFERENCE and options|reference must have", one_line(result))
    bad = run(*arguments[:2], "days/day1.csv", "none.csv", *arguments[3:])
    assert bad.exit_code == 2
    assert (days / "state").read_bytes() == content
    (days / "state").write_bytes(content[: len(content) // 2])
    result = run(*arguments)
    assert "state must be a file written by RefreshMonitor.save" in one_line(result)


def test_weights_are_a_column_that_is_no_feature(run, days):
    for path in (days / "reference.csv", *(days / "days").iterdir()):
        frame = pl.read_csv(path)
        frame.with_columns(heavy=pl.int_range(frame.height) % 3 + 0.5).write_csv(path)
    found = table(
        run("monitor", days / "reference.csv", days / "days", "--target", "y", "--weights", "heavy", "--format", "csv")
    )
    first, second = (pl.read_csv(path) for path in (days / "reference.csv", days / "days" / "day0.csv"))
    model = pm.LinearRegression(first.select("a", "b"), first["y"], weights=first["heavy"])
    theta = pm.minimum_energy(model).parameters
    loss = (second["y"] - theta[0] * second["a"] - theta[1] * second["b"] - theta[2]) ** 2
    assert float(found[0]["energy"]) == pytest.approx(np.average(loss, weights=second["heavy"]), rel=1e-9)
    assert [row["alarm"] for row in found[:4]] == ["false"] * 4
    assert found[7]["alarm"] == "true"
    assert one_line(run("monitor", days / "reference.csv", days / "days", "--target", "y", "--weights", "none"))


def test_a_reference_without_a_complete_number(run, tmp_path):
    """Of categories alone the model is a constant; its means of no column were a division by zero."""
    old = tmp_path / "old.csv"
    old.write_text("a,y\n" + "".join(f"{'uv'[k % 2]},{k % 3}\n" for k in range(12)))
    assert run("monitor", old, old, "--target", "y").exit_code == 0
    old.write_text("a,y\n0.1,1.2\n")
    result = run("monitor", old, old, "--target", "y")
    assert result.exit_code == 2
    assert "reference must have at least 8 blocks of rows, got 1" in result.stderr


def test_a_batch_that_is_given_twice_counts_once(run, days):
    batch = str(days / "days/day0.csv")
    found = run("monitor", str(days / "reference.csv"), batch, batch, "--target", "y", "--format", "csv")
    assert found.exit_code == 0
    assert f"note: {batch} is given twice, and left out" in found.stderr
    assert len(table(found)) == 1


def test_decimals_are_features_as_floats_are(run, tmp_path):
    rng = np.random.default_rng(0)
    cells = {name: rng.integers(-(10**6), 10**6, 60) for name in "ab"}
    target = cells["a"] / 1000 + rng.normal(size=60)
    whole = pa.table({**{name: [Decimal(int(v)).scaleb(-3) for v in column] for name, column in cells.items()}})
    for name, features in (("decimals", whole), ("floats", {name: v / 1000 for name, v in cells.items()})):
        columns = {key: features[key] for key in "ab"}
        parquet.write_table(pa.table({**columns, "y": target}), tmp_path / f"{name}.parquet")
    first, second = (
        table(run("monitor", *[str(tmp_path / f"{name}.parquet")] * 2, "--target", "y", "--format", "csv"))[0]
        for name in ("decimals", "floats")
    )
    assert {**first, "name": ""} == {**second, "name": ""}
