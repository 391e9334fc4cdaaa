"""Commands on rows that stay in their files."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pyrometer as pm


@pytest.fixture
def days(rows, tmp_path):
    """The rows in four files."""
    X, y = rows
    for k in range(4):
        part = slice(20 * k, 20 * k + 20)
        lines = [",".join(map(repr, map(float, (*x, t)))) for x, t in zip(X[part], y[part], strict=True)]
        (tmp_path / f"day{k}.csv").write_text("\n".join(["a,b,c,price", *lines]) + "\n")
    return tmp_path


def answer(run, *arguments):
    result = run("temperature", *arguments, "--target", "price", "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    return found["tables"][0]["rows"][0], found["provenance"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--l2", "0.1", "--no-intercept"),
        ("--energy", "mae", "--method", "refined"),
        ("--standardize",),
        ("--standardize", "--energy", "mae"),
    ],
)
def test_temperature_in_chunks(run, days, file, options):
    scanned, about = answer(run, days / "day*.csv", "--chunk-rows", 7, *options)
    held, same = answer(run, file, *options)
    assert scanned.keys() == held.keys()
    for name, value in held.items():
        assert scanned[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)
    assert about == same | {"data": str(days / "day*.csv")}


def test_moments_of_a_folder(run, rows, days):
    (days / "day").mkdir()
    result = run("moments", days / "day?.csv", "--target", "price", "--output", days / "out", "--chunk-rows", 6)
    assert (result.exit_code, result.stdout) == (0, "")
    moments = pm.Moments.load(days / "out")
    np.testing.assert_allclose(moments.scatter, pm.Moments.of(*rows).scatter, rtol=1e-11)
    assert (moments.names, moments.target) == (("a", "b", "c"), "price")


def test_mistakes(run, days, file):
    with open(days / "day3.csv", "a") as last:
        last.write("1,,2,3\n")
    result = run("moments", days / "day*.csv", "--target", "price", "--output", days / "out")
    assert result.exit_code == 2
    assert "day3.csv: column 'b' must have no missing values, got 1, the first in row 21" in result.stderr
    assert not (days / "out").exists()
    result = run("temperature", "-", "--target", "price", "--chunk-rows", 7, "--energy", "mae", input="a,price\n1,2\n")
    assert result.exit_code == 2
    assert "must allow several passes" in result.stderr
