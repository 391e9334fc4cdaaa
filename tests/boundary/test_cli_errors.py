"""The command line and what it cannot do: one line that says what and where, and the exit code."""

import importlib
import os
import signal
import subprocess
import sys
import warnings

import click
import pytest

import pyrometer as pm

from .answers import PROGRAM, one_line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be CSV with a header and at least one row, got less"),
        ("a,price\n", "at least one row of data"),
        ("a,price\n1,2\n3\n", "must have 2 columns in every row, got 1 in row 2"),
        ("a,price\n1,2\nx,3\n", "column 'a' must be numeric, got 'x' in row 2"),
        ("a,price\n1,2\n,3\n", "column 'a' must have no missing values, got 1, the first in row 2"),
        ("a,price\n1,2\n1e999,3\n", "column 'a' must be finite, got 1 value that is not, the first inf in row 2"),
        ("a,price\n2020-01-01,2\n", "column 'a' must be numeric, got date32[day]"),
        ("a,a,price\n1,2,3\n", "column 'a' is duplicated"),
        ("price\n1\n", "at least one feature besides the target 'price'"),
        ("a,pric\n1,2\n", "has no column 'price'; did you mean 'pric'?"),
        ("x;y;z\n1;2;3\n", "cannot be read as CSV with sep=','; pass sep=';' (--sep ';')."),
    ],
)
def test_bad_csv(run, tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    line = one_line(run("temperature", path, "--target", "price"))
    assert message in line
    assert str(path) in line


def test_a_feature_that_is_asked_for_twice(run, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b,price\n1,2,3\n4,5,7\n")
    line = one_line(run("temperature", path, "--target", "price", "--columns", "a,b,a"))
    assert "columns must name each feature once, got 'a' 2 times." in line


def test_unreadable_files(run, tmp_path):
    assert "No such file or directory" in one_line(run("temperature", tmp_path / "none.csv", "--target", "y"))
    for name in ("none.parquet", "none.arrow"):
        line = one_line(run("temperature", tmp_path / name, "--target", "y"))
        assert name in line
        assert "No such file" in line
    for name in ("bad.parquet", "bad.arrow"):
        (tmp_path / name).write_bytes(b"\x00 no such thing \n" * 40)
        assert name in one_line(run("temperature", tmp_path / name, "--target", "y"))
    assert "bad.arrow" in one_line(run("temperature", tmp_path, "--target", "y"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "there is no command 'nonsense'; use one of 'tables'"),
        (["tables", "--scale", "0"], "--scale"),
        (["tables", "--samples", "1"], "--samples"),
        (["tables", "--seed", "-1"], "--seed"),
        (["tables", "--data", "x.csv"], "--data needs --target"),
        (["tables", "--target", "y"], "--target needs --data"),
        (["tables", "--data", "x.csv", "--target", "y", "--dataset", "diabetes"], "exclude each other"),
        (["tables", "--dataset", "iris"], "'iris'"),
        (["temperature"], "DATA"),
        (["temperature", "x.csv"], "--target"),
        (["temperature", "x.csv", "--target", "y", "--energy", "mbe"], "'mbe'"),
        (["temperature", "x.csv", "--target", "y", "--length", "3"], "--length is for --init uniform"),
        (["temperature", "x.csv", "--target", "y", "--l1", "1", "--l2", "1"], "exclude each other"),
        (["temperature", "x.csv", "--target", "y", "--fail-on", "ok"], "'ok'"),
        (["temperature", "x.csv", "--target", "y", "--init", "uniform", "--scale", "1", "--length", "2"], "exclude"),
    ],
)
def test_wrong_usage(run, arguments, message):
    assert message in one_line(run(*arguments))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk here is always full")
@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_full_disk_is_named(run, file, form):
    line = one_line(run("temperature", file, "--target", "price", "--format", form, "--output", "/dev/full"))
    assert "/dev/full: No space left on device" in line


def test_constant_feature_cannot_be_standardised(run, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\n1,5,1\n2,5,3\n4,5,2\n")
    line = one_line(run("temperature", path, "--target", "y", "--standardize"))
    assert "no constant feature, which cannot be standardised, got feature 'b' = 5" in line


def test_a_warning_becomes_one_note(run, file, monkeypatch):
    def careless(*arguments, **options):
        for _ in range(2):
            warnings.warn("only 3 digits\nare left", pm.PrecisionWarning, stacklevel=1)
        return original(*arguments, **options)

    # The module, not the function of the same name that the package shows.
    module = importlib.import_module("pyrometer.thermodynamics")
    original = module.temperature
    monkeypatch.setattr(module, "temperature", careless)
    result = run("temperature", file, "--target", "price")
    assert result.exit_code == 0
    assert result.stderr == "note: only 3 digits are left\n"


def test_process_prints_greek_where_there_is_none():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*PROGRAM, "tables"], capture_output=True, check=True, env=environment)
    assert b"Table 3." in done.stdout


def test_process_with_a_closed_pipe():
    # The shell's convention for a reader that left; nothing is said about it.
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*PROGRAM, "tables"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


def test_process_bad_input_is_one_line(tmp_path):
    done = subprocess.run(
        [*PROGRAM, "temperature", str(tmp_path / "none.parquet"), "--target", "y"], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_process_without_standard_input():
    done = subprocess.run(
        [*PROGRAM, "temperature", "-", "--target", "y"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"standard input must be CSV with a header and at least one row" in done.stderr


@pytest.mark.parametrize("error", [ImportError("initialization failed"), SystemError("x"), click.ClickException("y")])
def test_an_interrupt_while_a_module_is_imported(run, monkeypatch, error):
    """Compiled modules make of it what they make of every error."""

    def interrupted(*_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise error from stop

    monkeypatch.setattr("pyrometer._installation.config", interrupted)
    result = run("info")
    assert (result.exit_code, result.stderr) == (130, "main: error: interrupted\n")


SWALLOWED = """
import os, signal, sys, time
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            try:
                for _ in range({presses}):
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(0.01)
            except KeyboardInterrupt:
                {instead}
sys.meta_path.insert(0, Finder())
from pyrometer.cli import main
main(["tables", "--table", "1"])
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system")
@pytest.mark.parametrize("module", ["rich", "pyrometer.tables"])
@pytest.mark.parametrize("instead", ["pass", "raise AttributeError(name) from None"])
@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupt_that_an_import_swallows(module, instead, presses):
    code = SWALLOWED.format(module=module, instead=instead, presses=presses)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"pyrometer: error: interrupted\n")


def test_an_error_may_be_its_own_cause(run, tmp_path):
    (tmp_path / "rows.csv").write_text(",a,y\n0,1,2\n1,2,4\n")
    result = run("temperature", tmp_path / "rows.csv", "--target", "y")
    assert result.exit_code == 2
    assert "has a column without a name" in one_line(result)
