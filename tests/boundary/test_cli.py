"""The command line as a stranger meets it: numbers, formats, messages, exit codes, files and pipes."""

import csv
import gzip
import io
import json
import subprocess
import sys

import click
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import pyrometer as pm
from pyrometer.cli._program import main

from .answers import PROGRAM, exact, one_line, only

# ---------------------------------------------------------------- temperature


def test_temperature(run, rows, file):
    X, y = rows
    row = only(run("temperature", file, "--target", "price", "--scale", 5, "--format", "json"))
    np.testing.assert_allclose(
        [row[k] for k in ("energy", "minimum_energy", "entropy", "value")], exact(X, y, 5.0), rtol=1e-10
    )
    assert (row["parameters"], row["verdict"], row["method"], row["standard_error"]) == (4, "ok", "exact", 0.0)
    assert row["marginal"] == pytest.approx(2 * 25 * ((X**2).mean(axis=0).sum() + 1) / 4, rel=1e-12)


def test_temperature_on_a_terminal(run, file):
    result = run("temperature", file, "--target", "price")
    assert result.exit_code == 0
    assert "(price)^2/nat" in result.stdout
    assert "features raw" in result.stdout


def test_temperature_of_a_uniform_law_with_ridge(run, rows, file):
    X, y = rows
    options = ("--init", "uniform", "--length", 4, "--l2", 0.5, "--no-intercept", "--columns", "b,a")
    row = only(run("temperature", file, "--target", "price", *options, "--format", "json"))
    A = X[:, :2]
    E = 16 / 12 * ((A**2).mean(axis=0) + 0.5).sum() + np.mean(y**2)
    theta = np.linalg.solve(A.T @ A / 80 + 0.5 * np.eye(2), A.T @ y / 80)
    E_star = np.mean((y - A @ theta) ** 2) + 0.5 * theta @ theta
    np.testing.assert_allclose(
        [row["energy"], row["minimum_energy"], row["entropy"]], [E, E_star, 2 * np.log(4.0)], rtol=1e-10
    )


def test_monte_carlo_says_its_draws(run, rows, file):
    X, y = rows
    result = run("temperature", file, "--target", "price", "--method", "monte-carlo", "--seed", 3, "--format", "json")
    row = only(result)
    assert abs(row["value"] - exact(X, y, 10.0)[3]) < 4.5 * row["standard_error"]
    assert json.loads(result.stdout)["provenance"]["samples"] == 10_000


def test_resolution(run, rows, file):
    X, y = rows
    row = only(run("temperature", file, "--target", "price", "--resolution", 0.01, "--format", "json"))
    E, E_star, S, _ = exact(X, y, 10.0)
    assert row["value"] == pytest.approx((E - E_star) / (S - 4 * np.log(0.01)), rel=1e-10)


def test_exit_codes_of_verdicts(run, file):
    cold = ("temperature", file, "--target", "price", "--scale", 0.05)
    assert run(*cold).exit_code == 0
    failed = run(*cold, "--fail-on", "negative-entropy", "--fail-on", "undefined")
    assert failed.exit_code == 1
    assert "negative-entropy" in failed.stdout
    assert failed.stderr.count("\n") == 1
    assert run(*cold, "--fail-on", "near-pole").exit_code == 0
    pole = ("temperature", file, "--target", "price", "--init", "uniform", "--length", 1)
    assert run(*pole).exit_code == 3
    assert run(*pole, "--fail-on", "undefined").exit_code == 1
    assert json.loads(run(*pole, "--format", "json").stdout)["tables"][0]["rows"][0]["value"] is None


def test_every_kind_of_file(run, rows, file, tmp_path):
    X, y = rows
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "price": y})
    parquet.write_table(table, tmp_path / "rows.parquet")
    feather.write_feather(table, tmp_path / "rows.feather")
    parquet.write_table(table, tmp_path / "no_suffix")
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    (tmp_path / "rows.tsv").write_text(file.read_text().replace(",", "\t"))
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(file.read_bytes()))
    T = exact(X, y, 10.0)[3]
    for name in ("rows.csv", "rows.csv.gz", "rows.tsv", "rows.parquet", "rows.feather", "rows.arrow", "no_suffix"):
        assert only(run("temperature", tmp_path / name, "--target", "price", "--format", "json"))[
            "value"
        ] == pytest.approx(T, rel=1e-10), name


def test_float32_and_bool_columns(run, rows, tmp_path):
    X, y = rows
    narrow = {"a": X[:, 0].astype(np.float32), "b": X[:, 1] > 0, "price": y.astype(np.float32)}
    parquet.write_table(pa.table(narrow), tmp_path / "t.parquet")
    row = only(run("temperature", tmp_path / "t.parquet", "--target", "price", "--format", "json"))
    A = np.column_stack([narrow["a"], narrow["b"]]).astype(float)
    np.testing.assert_allclose(row["value"], exact(A, narrow["price"].astype(float), 10.0)[3], rtol=1e-9)
    data = pm.interop.read_data(tmp_path / "t.parquet", target="price", drop=["b"])
    assert data.X.dtype == data.y.dtype == np.float32


def test_bad_columns_can_be_dropped(run, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,a,price\nx,1,2\ny,2,3\nz,4,7\n")
    assert "(drop, --drop id)" in one_line(run("temperature", path, "--target", "price"))
    for options in (("--drop", "id"), ("--columns", "a")):
        row = only(run("temperature", path, "--target", "price", *options, "--format", "json"))
        expected = exact(np.array([[1.0], [2.0], [4.0]]), np.array([2.0, 3.0, 7.0]), 10.0)
        np.testing.assert_allclose([row["energy"], row["minimum_energy"]], expected[:2], rtol=1e-10)


def test_the_advice_for_names_with_blanks_works(run, tmp_path):
    path = tmp_path / "blanks.csv"
    path.write_text(" lead,b ,c,y\nu,v,1,2\nw,z,2,1\nu,v,3,5\n")
    message = run("temperature", path, "--target", "y").stderr
    assert """--drop '" lead","b "')""" in message
    assert run("temperature", path, "--target", "y", "--drop", '" lead","b "').exit_code == 0
    path.write_text("  two,c,y\nu,1,2\nw,2,1\nu,3,5\n")
    assert "(drop, --drop COL)" in run("temperature", path, "--target", "y").stderr


# ---------------------------------------------------------------- output


def test_output_is_whole_or_not_at_all(run, file, tmp_path):
    path = tmp_path / "t.json"
    assert run("tables", "--output", path).stdout == ""
    assert len(json.loads(path.read_text())["tables"]) == 3
    assert "temperature" in run("tables", "--format", "csv").stdout
    assert run("tables", "--output", tmp_path / "t.txt").exit_code == 0
    assert "Table 3." in (tmp_path / "t.txt").read_text()
    path.write_text("old")
    one_line(run("temperature", file, "--target", "nothing", "--output", path))
    assert path.read_text() == "old"
    assert "No such file" in one_line(run("tables", "--output", tmp_path / "no" / "t.json"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.csv", "t.json", "t.txt"]


def test_info(run):
    values = {
        row["what"]: row["value"] for row in json.loads(run("info", "--format", "json").stdout)["tables"][0]["rows"]
    }
    assert values["pyrometer"] == pm.__version__
    assert values["numpy"] == np.__version__
    assert values["cpu level"] in values["cpu levels"].split(", ")
    assert "cpu level" in run("info").stdout


def test_show_config(capsys):
    pm.show_config()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(pm.config())
    assert lines[0].split() == ["pyrometer", pm.__version__]


def test_moments(run, rows, file, tmp_path):
    X, y = rows
    path = tmp_path / "rows.npz"
    assert run("moments", file, "--target", "price", "--output", path).exit_code == 0
    moments = pm.Moments.load(path)
    Z = np.column_stack([X, y])
    np.testing.assert_allclose(moments.mean, Z.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.scatter / 80, np.cov(Z.T, bias=True), rtol=1e-10)
    assert (moments.names, moments.target) == (("a", "b", "c"), "price")


@pytest.mark.parametrize(
    "command",
    [
        *(["temperature", "{}"], ["network", "{}", "--hidden", "4"]),
        *(["shift", "{}", "{}"], ["shift", "{}", "{}", "--energy", "mae"]),
        *(["mix", "{}", "{}"], ["mix", "{}", "{}", "--energy", "mae"]),
        *(["tables", "--samples", "100"], ["verify"], ["info"]),
    ],
    ids=" ".join,
)
def test_every_command_has_every_form(run, file, tmp_path, command):
    ask = [word.format(file) for word in command] + (["--target", "price"] if "{}" in command else [])
    forms = {form: run(*ask, "--format", form) for form in ("table", "json", "csv")}
    for form, result in forms.items():
        assert result.exit_code == 0, (form, result.stderr)
    answer = json.loads(forms["json"].stdout, parse_constant=pytest.fail)
    assert all(table["rows"] for table in answer["tables"])
    head, *rows = csv.reader(io.StringIO(forms["csv"].stdout))
    assert rows
    assert {len(row) for row in rows} == {len(head)}


@pytest.mark.parametrize(
    "command",
    [["temperature", "{}"], ["shift", "{}", "{}"], ["network", "{}", "--hidden", "4"], ["mix", "{}", "{}"]],
    ids=lambda command: command[0],
)
def test_plot(run, file, tmp_path, command):
    pytest.importorskip("matplotlib")
    ask = [*(word.format(file) for word in command), "--target", "price", "--plot"]
    for kind, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        path = tmp_path / f"t.{kind}"
        assert run(*ask, path).exit_code == 0
        first = path.read_bytes()
        assert first.startswith(magic)
        if kind == "svg":  # equal data give equal bytes
            assert run(*ask, path).exit_code == 0
            assert path.read_bytes() == first
    assert "--plot must end in" in one_line(run(*ask, tmp_path / "t.xls"))


def test_plot_without_matplotlib(run, file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    line = one_line(run("temperature", file, "--target", "price", "--plot", tmp_path / "t.png"))
    assert "pip install 'pyrometer[plot]'" in line


def test_help(run):
    assert run().stdout == run("--help").stdout
    for command in ("tables", "temperature", "moments", "info"):
        assert command in run().stdout
        assert "--help" in run(command, "--help").stdout
    assert run("--version").stdout == f"pyrometer {pm.__version__}\n"


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("command", [None, *main.list_commands(None)])
def test_help_fits_into_the_terminal(command, width):
    shown = main if command is None else main.get_command(None, command)
    lines = shown.get_help(click.Context(shown, info_name=command, terminal_width=width)).splitlines()
    assert max(map(len, lines)) <= width


# ---------------------------------------------------------------- as a process


def test_process_reads_standard_input(rows, file):
    X, y = rows
    command = [*PROGRAM, "temperature", "-", "--target", "price", "--format", "csv"]
    done = subprocess.run(command, input=file.read_bytes(), capture_output=True, check=True)
    (row,) = csv.DictReader(io.StringIO(done.stdout.decode()))
    assert float(row["value"]) == pytest.approx(exact(X, y, 10.0)[3], rel=1e-10)
    assert done.stderr == b""


def test_process_tables():
    done = subprocess.run([*PROGRAM, "tables"], capture_output=True, check=True)
    assert done.stderr == b""
    assert "Table 3." in done.stdout.decode()
