"""``pyrometer mix`` and ``pyrometer shift``: numbers, exit codes, and files that do not fit together."""

import csv
import io
import json

import numpy as np
import pytest

import pyrometer as pm

from .answers import one_line, only


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
    table = np.column_stack([X[:, 0], 2.0 * X[:, 0], y])
    np.savetxt(other, table, delimiter=",", header="u,v,y", comments="")
    result = run("shift", a, other, "--target", "y")
    assert result.exit_code == 2
    assert f"{other}: X must have no dependent columns, got column 1 ('v'), a linear function of" in result.stderr


def test_shift_has_threads(run, files):
    (a, *_), (b, *_) = files
    one, two = (run("shift", a, b, "--target", "y", "--format", "csv", "--threads", k).stdout for k in (1, 2))
    assert one == two != ""
    assert run("shift", a, b, "--target", "y", "--threads", 0).exit_code == 2


def test_shift(run, files):
    (a, *one), (b, *other) = files
    result = run("shift", a, b, "--target", "y", "--format", "json", "--fail-on", "shifted")
    assert result.exit_code == 1
    table, columns = json.loads(result.stdout, parse_constant=pytest.fail)["tables"]
    found = pm.shift(tuple(one), tuple(other), model=pm.LinearRegression(*one), rng=0)
    assert table["rows"][0]["energy_change"] == pytest.approx(found.energy_change, rel=1e-10)
    assert table["rows"][0]["p_value"] == found.p_value
    assert sorted(row["column"] for row in columns["rows"]) == ["(joint)", "(residual)", "u", "v"]
    same = run("shift", a, a, "--target", "y", "--format", "json")
    assert same.exit_code == 0
    assert json.loads(same.stdout, parse_constant=pytest.fail)["tables"][0]["rows"][0]["temperature"] is None
    assert run("shift", a, a, "--target", "y", "--fail-on", "shifted").exit_code == 0


def test_a_shift_under_another_density(run, files):
    (a, *one), (b, *other) = files
    result = run("shift", a, b, "--target", "y", "--format", "json", "--density", "kernel", "--fail-on", "shifted")
    assert result.exit_code == 1
    found = pm.shift(tuple(one), tuple(other), model=pm.LinearRegression(*one), density="kernel", rng=0)
    table, _ = json.loads(result.stdout, parse_constant=pytest.fail)["tables"]
    assert table["rows"][0]["divergence"] == pytest.approx(found.divergence, rel=1e-10)


# ---- the verdict of a shift


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """Files of the same rows, of rows with doubled noise, and of rows with other means."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("moved")
    for name, mean, noise in (("before", 0.0, 1.0), ("again", 0.0, 1.0), ("noisy", 0.0, 2.0), ("mean", 0.7, 1.0)):
        X = rng.normal(mean, 1.0, size=(300, 2))
        rows = np.column_stack([X, X @ [1.0, 2.0] + noise * rng.normal(size=300)])
        np.savetxt(folder / f"{name}.csv", rows, delimiter=",", header="u,v,y", comments="")
    return folder


@pytest.mark.parametrize(
    ("after", "shifted", "changed", "defined"),
    [
        ("before", False, "", False),
        ("again", False, "", False),
        ("noisy", True, "energy entropy divergence", True),
        ("mean", True, "divergence", False),
    ],
)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_first_line_has_the_verdict(run, moved, after, shifted, changed, defined, width):
    ask = ("shift", moved / "before.csv", moved / f"{after}.csv", "--target", "y")
    result = run(*ask, env={"COLUMNS": str(width)})
    assert (result.exit_code, result.stderr) == (0, "")
    first, *lines = result.stdout.splitlines()
    row = only(run(*ask, "--format", "json"))
    said = "Shifted" if shifted else "Not shifted"
    assert first == f"{said} at the level 0.05: p = {row['p_value']:.3g}"
    assert ("ok" in result.stdout, "T = energy/entropy is undefined" in result.stdout) == (False, not defined)
    assert max(map(len, lines)) <= width
    for name in ("energy", "entropy", "divergence"):
        told = [line for line in lines if line.startswith(name) and line.endswith("changed")]
        assert [line.endswith("not changed") for line in told] == [name not in changed.split()]
    assert (row["verdict"], row["level"]) == ("shifted" if shifted else "not-shifted", 0.05)
    assert (row["changed"], row["temperature_defined"]) == (changed, defined)
    assert (row["temperature"] is None) is not defined


def test_a_shift_exits_with_1_only_where_a_condition_that_was_asked_for_holds(run, moved):
    for after, shifted, undefined in (("again", 0, 1), ("noisy", 1, 0), ("mean", 1, 1)):
        ask = ("shift", moved / "before.csv", moved / f"{after}.csv", "--target", "y")
        for condition, holds in (("shifted", shifted), ("undefined", undefined)):
            result = run(*ask, "--fail-on", condition)
            assert result.exit_code == holds
            assert result.stderr.startswith(f"note: --fail-on {condition}: ") is bool(holds)
    assert "Shifted at the level 0.0005: p = 0.0005" in run(*ask, "--level", 0.0005, "--resamples", 1999).stdout
    result = run(*ask, "--level", 0.0005)
    assert "level must be at least 1/(resamples + 1) = 0.001" in one_line(result)
    assert "resamples=1999 or more" in result.stderr


ROLES = "abwy"


@pytest.fixture
def columns_in_roles(tmp_path):
    """Two files by their columns, of which one may come twice, or be a word."""
    rng = np.random.default_rng(1)

    def made(names, words=()):
        paths = [tmp_path / f"{names}{''.join(words)}{number}.csv" for number in range(2)]
        for path in paths:
            rows = [
                ["x" if name in words else f"{abs(value):.4g}" for name, value in zip(names, row, strict=True)]
                for row in rng.normal(size=(60, len(names)))
            ]
            path.write_text("\n".join(map(",".join, [list(names), *rows])) + "\n")
        return paths

    return made


@pytest.mark.parametrize("command", ["shift", "monitor"])
@pytest.mark.parametrize("energy", ["mse", "none"])
def test_a_column_with_one_name_and_one_role(run, columns_in_roles, command, energy):
    target = [] if energy == "none" else ["--target", "y"]
    options = [*target, "--energy", energy, "--weights", "w"]
    plain = columns_in_roles(ROLES)
    assert run(command, *plain, *options).exit_code == 0
    for name in ROLES if target else "abw":
        files = columns_in_roles(ROLES + name)
        line = one_line(run(command, *files, *options))
        assert f"column '{name}' is duplicated; rename or drop it" in line
        if name in "ab":
            assert run(command, *files, *options, "--drop", name).exit_code == 0
    line = one_line(run(command, *plain, *options, "--columns", "a,a"))
    assert "must name each feature once, got 'a' 2 times" in line
    for name in "wy" if target else "w":
        assert f"'{name}'" in one_line(run(command, *plain, *options, "--columns", f"a,{name}"))
    words = columns_in_roles(ROLES, ["w"])
    assert "must have numbers, got string; name another one" in one_line(run(command, *words, *options))
    if target:
        assert "must not be the target" in one_line(run(command, *plain, *options, "--weights", "y"))
        line = one_line(run(command, *words, "--target", "y", "--prediction", "w"))
        assert "column 'w' of --prediction must have numbers, got string" in line


@pytest.mark.parametrize("command", ["shift", "monitor"])
def test_infinite_numbers_beside_the_largest_ones(run, tmp_path, command):
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in files:
        values = ["1e308", "1.5e308", "1e400", "-1.7e308", "1e308"] * 8
        rows = [f"{value},{'uv'[k % 2]},{k * k % 7}" for k, value in enumerate(values)]
        path.write_text("\n".join(["a,b,y", *rows]) + "\n")
    assert "must be finite, got inf at row 2" in one_line(run(command, *files, "--target", "y"))
