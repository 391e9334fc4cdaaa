"""``pyrometer mix`` and ``pyrometer shift``: numbers, exit codes, and files that do not fit together."""

import csv
import io
import json

import numpy as np
import pytest

import pyrometer as pm


@pytest.fixture
def files(tmp_path):
    """Two files with their columns in different orders, of different models."""
    rng = np.random.default_rng(0)
    made = []
    for name, m, slope, order in (("a", 40, 1.0, "uvy"), ("b", 120, 3.0, "yvu")):
        X = rng.normal(size=(m, 2))
        columns = dict(zip("uvy", (*X.T, X @ [slope, 2.0] + rng.normal(size=m)), strict=True))
        path = tmp_path / f"{name}.csv"
        np.savetxt(
            path, np.column_stack([columns[c] for c in order]), delimiter=",", header=",".join(order), comments=""
        )
        made.append((path, X, columns["y"]))
    return made


def test_numbers_are_those_of_the_library(run, files):
    (a, *one), (b, *other) = files
    result = run("mix", a, b, "--target", "y", "--scale", "2", "--format", "json")
    assert result.exit_code == 0, result.stderr
    temperatures, pooling = json.loads(result.stdout, parse_constant=pytest.fail)["tables"]
    mixture = pm.mix(pm.LinearRegression(*one), pm.LinearRegression(*other), pm.Normal(2.0))
    found = [row["value"] for row in temperatures["rows"]]
    assert found == pytest.approx([mixture.temperature_a, mixture.temperature_b, mixture.temperature_mixed], rel=1e-10)
    assert pooling["rows"][0]["p_value"] == pytest.approx(mixture.p_value)
    assert pooling["rows"][0]["pooling_loss"] == pytest.approx(mixture.pooling_loss)


def test_exit_codes(run, files):
    (a, *_), (b, *_) = files
    assert run("mix", a, b, "--target", "y", "--fail-on", "different").exit_code == 1
    assert run("mix", a, a, "--target", "y", "--fail-on", "different").exit_code == 0
    undecided = run("mix", a, b, "--target", "y", "--energy", "mae", "--fail-on", "different", "--format", "json")
    assert undecided.exit_code == 3
    json.loads(undecided.stdout, parse_constant=pytest.fail)


def test_csv_is_one_table(run, files):
    (a, *_), (b, *_) = files
    rows = list(csv.DictReader(io.StringIO(run("mix", a, b, "--target", "y", "--format", "csv").stdout)))
    answer = json.loads(run("mix", a, b, "--target", "y", "--format", "json").stdout)
    temperatures, pooling = (table["rows"] for table in answer["tables"])
    for row, expected in zip(rows, temperatures, strict=True):
        for name, value in (expected | pooling[0]).items():
            assert row[name] == value if isinstance(value, str) else float(row[name]) == value


def test_a_suffix_says_the_form(run, files, tmp_path):
    (a, *_), (b, *_) = files
    for command in ("mix", "shift"):
        said = run(command, a, b, "--target", "y", "--format", "csv").stdout
        run(command, a, b, "--target", "y", "--output", tmp_path / "t.csv")
        assert (tmp_path / "t.csv").read_text() == said


def test_a_mixture_without_temperatures_is_undecided(run, files):
    (a, *_), (b, *_) = files
    ask = ["mix", a, b, "--target", "y", "--init", "uniform", "--length", 1]
    result = run(*ask, "--format", "json")
    assert result.exit_code == 3
    assert "temperature undefined; choose another --resolution" in result.stderr
    assert json.loads(result.stdout)["tables"][1]["rows"][0]["between"] == "undefined"
    assert run(*ask, "--fail-on", "not-between").exit_code == 3
    assert run(*ask, "--fail-on", "different").exit_code == 1  # the test needs no temperature
    assert run(*ask, "--resolution", 0.1).exit_code == 0


def test_not_between(run, files, tmp_path):
    """Rows and their mirror image are as hot as each other, and hotter than both together, which no slope fits."""
    (a, X, y), (b, *_) = files
    mirror = tmp_path / "mirror.csv"
    np.savetxt(mirror, np.column_stack([X, -y]), delimiter=",", header="u,v,y", comments="")
    ask = ("--target", "y", "--scale", 1, "--fail-on", "not-between")
    assert run("mix", a, mirror, *ask).exit_code == 1
    assert run("mix", a, b, *ask).exit_code == 0


def test_files_that_do_not_fit_together(run, files, tmp_path):
    (a, *_), (b, *_) = files
    other = tmp_path / "c.csv"
    other.write_text("u,w,y\n1,2,3\n2,2,1\n")
    result = run("mix", a, other, "--target", "y")
    assert result.exit_code == 2
    assert "must have the same columns, got v, w in one only" in result.stderr
    assert run("mix", a, b).exit_code == 2


def test_shift_names_the_file_and_the_column(run, files, tmp_path):
    (a, X, y), _ = files
    other = tmp_path / "c.csv"
    table = np.column_stack([X[:, 0], np.full(len(y), 7.0), y])
    np.savetxt(other, table, delimiter=",", header="u,v,y", comments="")
    result = run("shift", a, other, "--target", "y")
    assert result.exit_code == 2
    assert f"{other}: X must have no constant columns, got 7 in every row of column 1 ('v')" in result.stderr


def test_shift_has_threads(run, files):
    (a, *_), (b, *_) = files
    one, two = (run("shift", a, b, "--target", "y", "--format", "csv", "--threads", k).stdout for k in (1, 2))
    assert one == two != ""
    assert run("shift", a, b, "--target", "y", "--threads", 0).exit_code == 2


def test_shift(run, files):
    (a, *one), (b, *other) = files
    result = run("shift", a, b, "--target", "y", "--format", "json", "--fail-on", "shifted")
    assert result.exit_code == 1
    (table,) = json.loads(result.stdout, parse_constant=pytest.fail)["tables"]
    found = pm.shift(tuple(one), tuple(other), model=pm.LinearRegression(*one), rng=0)
    assert table["rows"][0]["energy_change"] == pytest.approx(found.energy_change, rel=1e-10)
    assert table["rows"][0]["p_value"] == found.p_value
    same = run("shift", a, a, "--target", "y", "--format", "json")
    assert same.exit_code == 3
    assert json.loads(same.stdout, parse_constant=pytest.fail)["tables"][0]["rows"][0]["temperature"] is None
    assert run("shift", a, a, "--target", "y", "--fail-on", "shifted").exit_code == 0


def test_a_shift_under_another_density(run, files):
    (a, *one), (b, *other) = files
    result = run("shift", a, b, "--target", "y", "--format", "json", "--density", "kernel", "--fail-on", "shifted")
    assert result.exit_code == 1
    found = pm.shift(tuple(one), tuple(other), model=pm.LinearRegression(*one), density="kernel", rng=0)
    (table,) = json.loads(result.stdout, parse_constant=pytest.fail)["tables"]
    assert table["rows"][0]["divergence"] == pytest.approx(found.divergence, rel=1e-10)
