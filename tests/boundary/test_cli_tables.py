"""``pyrometer tables``: the three tables on a page, in JSON and CSV, of shipped data and of files."""

import csv
import functools
import io
import json

import numpy as np
import pytest

import pyrometer as pm

from .answers import exact, one_line


@pytest.fixture(autouse=True, scope="module")
def computed_once():
    """Compute the tables of shipped data once for each set of options: most tests here are about their layout."""

    def remembered(function):
        cached = functools.cache(function)
        return lambda X=None, y=None, **options: function(X, y, **options) if X is not None else cached(**options)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("systems", "asymptotics"):
            patch.setattr(pm.tables, name, remembered(getattr(pm.tables, name)))
        yield


def test_tables_prints_all_three(run):
    result = run("tables")
    assert result.exit_code == 0
    assert result.stderr == ""
    for number in (1, 2, 3):
        assert f"Table {number}. " in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_tables_fit_the_width(run, width):
    lines = run("tables", env={"COLUMNS": str(width)}).stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert any("monte_carlo" in line for line in lines)
    assert any("verdict" in line for line in lines)
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_table_3_has_its_limits_at_every_width(run, width):
    head = run("tables", "--table", 3, env={"COLUMNS": str(width)}).stdout.splitlines()[1:3]
    assert "limit" in " ".join(head).split()


def test_tables_json_has_the_numbers_of_the_library(run):
    answer = json.loads(run("tables", "--format", "json").stdout, parse_constant=pytest.fail)
    assert [table["title"][:7] for table in answer["tables"]] == ["Table 1", "Table 2", "Table 3"]
    expected = pm.tables.systems()
    for got, row in zip(answer["tables"][1]["rows"], expected, strict=True):
        assert got == row
    assert answer["tables"][1]["units"] == dict(expected.units)
    about = answer["provenance"]
    assert about["pyrometer"] == pm.__version__
    assert (about["data"], about["features"], about["seed"], about["scale"]) == (
        "diabetes, breast cancer, wine",
        "standardised",
        0,
        10.0,
    )


def test_tables_csv_is_table_2(run):
    rows = list(csv.DictReader(io.StringIO(run("tables", "--format", "csv").stdout)))
    assert [float(row["temperature"]) for row in rows] == pm.tables.systems()["temperature"].tolist()
    third = csv.DictReader(io.StringIO(run("tables", "--format", "csv", "--table", 3).stdout))
    assert "formula" in third.fieldnames
    assert "holds one table" in one_line(run("tables", "--format", "csv", "--table", 1, "--table", 3))


def test_tables_of_a_file(run, rows, file):
    X, y = rows
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    for option, features in (("--raw", X), ("--standardize", Z)):
        result = run("tables", "--data", file, "--target", "price", option, "--scale", 3, "--format", "json")
        row = json.loads(result.stdout)["tables"][1]["rows"][0]
        np.testing.assert_allclose(
            [row[k] for k in ("energy", "minimum_energy", "entropy", "temperature")],
            exact(features, y, 3.0),
            rtol=1e-10,
        )


def test_tables_of_the_other_data_set(run):
    result = run("tables", "--dataset", "breast-cancer", "--table", 2, "--format", "json", "--samples", 100)
    data = pm.datasets.breast_cancer(standardize=True)
    answer = json.loads(result.stdout)
    assert answer["provenance"]["rows"] == 569
    np.testing.assert_allclose(answer["tables"][0]["rows"][0]["temperature"], exact(data.X, data.y, 10.0)[3], rtol=1e-9)


def test_tables_with_undefined_temperatures_is_json(run):
    result = run("tables", "--length", 1, "--format", "json", "--samples", 10)
    uniform = json.loads(result.stdout, parse_constant=pytest.fail)["tables"][1]["rows"][1]
    assert uniform["temperature"] is None
    assert uniform["verdict"] == "undefined"


def test_seed_samples_and_threads(run):
    def sampled(*options):
        text = run("tables", "--format", "csv", "--samples", 500, *options).stdout
        return [float(row["monte_carlo"]) for row in csv.DictReader(io.StringIO(text))]

    assert sampled("--seed", 1, "--threads", 1) == sampled("--seed", 1, "--threads", 2)
    assert sampled("--seed", 1) != sampled("--seed", 2)
