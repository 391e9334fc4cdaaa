"""Standard streams that are closed, full or left, writers that stall, and what an interrupt does to them."""

import contextlib
import gzip
import json
import os
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from .answers import PROGRAM, one_line

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk here is always full")
ROWS = b"a,y\n" + b"".join(b"%d.5,%d\n" % (k * 7919 % 1009, k % 97) for k in range(200_000))


@pytest.mark.parametrize(
    ("argument", "redirection", "code", "said"),
    [
        pytest.param("info", ">/dev/full", 2, "standard output: No space left on device", marks=FULL),
        pytest.param("--help", ">/dev/full", 2, "No space left on device", marks=FULL),
        pytest.param("info", ">/dev/full 2>/dev/full", 2, "", marks=FULL),
        ("info", ">&-", 2, "standard output: it is closed"),
        ("--version", ">&-", 2, "standard output: it is closed"),
        ("info", ">&- 2>&- <&-", 2, ""),
        ("info", "2>&- <&-", 0, ""),
        ("--help", "2>&1 | true", 141, ""),
    ],
)
def test_standard_streams(argument, redirection, code, said):
    line = f'set -o pipefail; "$@" {redirection}'
    done = subprocess.run(["bash", "-c", line, "bash", *PROGRAM, argument], capture_output=True, check=False)
    assert done.returncode == code, done
    assert said.encode() in done.stderr
    assert done.stderr.count(b"\n") == bool(said)


def test_standard_input_that_is_closed():
    program = [*PROGRAM, "temperature", "-", "--target", "y"]
    done = subprocess.run(["bash", "-c", '"$@" <&-', "bash", *program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"pyrometer: error: standard input: it is closed\n")


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 50_000, "laws.x" + ".a" * 5000 + " = 1", "output = 'o.csv'\nsystems" + ".a" * 5000 + " = 1"]
)
def test_a_configuration_that_is_nested_deeply(run, tmp_path, text):
    (tmp_path / "deep.toml").write_text(text)
    assert "deep.toml" in one_line(run("sweep", tmp_path / "deep.toml"))


@pytest.mark.parametrize("columns", ["abc", "-1", "0", "1", "²", "9" * 40, "40", "200"])
def test_widths(run, file, columns):
    for option in ([], ["--output", str(file.parent / "out.txt")], ["--help"]):
        result = run("temperature", file, "--target", "price", *option, env={"COLUMNS": columns})
        assert (result.exit_code, result.stderr) == (0, "")


def test_energies_that_underflow_are_refused(run):
    message = one_line(run("tables", "--table", 3, "--scale", "1e-300", "--format", "json"))
    assert "the energy must be above 2.2e-308, got an underflow; use a larger scale" in message


def test_what_should_not_happen_is_one_line(run, file, monkeypatch):
    monkeypatch.setattr("pyrometer.cli.info.form_of", lambda *_: {}["a"])
    assert "KeyError: 'a' (test_cli_streams.py:" in one_line(run("info"))


STALLED = """
import os, signal, sys, threading, time
import pyrometer as pm
from pyrometer.cli import main

job = {job}
since = None  # when a read began that has not ended
def interrupt():
    while since is None or time.monotonic() - since < 0.5 or ({scan} and not seen):
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)
from pyrometer.data import _accumulate
from pyrometer.data.readers import _pipes
read_piece, seen = _pipes.Pipe._piece, []
def told(*arguments):
    global since
    since = time.monotonic()
    piece = read_piece(*arguments)
    since = None
    return piece
_pipes.Pipe._piece = told
labels = _accumulate.validate.Data
_accumulate.validate.Data = lambda *arguments: (seen.append(1), labels(*arguments))[1]
threading.Thread(target=interrupt, daemon=True).start()
try:
    job()
except KeyboardInterrupt as error:
    kept = getattr(error, "finished", None)
    print("interrupted", 0 if kept is None else kept.count, len(getattr(error, "parts", ())))
except SystemExit as error:
    print("code", error.code)
"""
TEMPERATURE = 'lambda: main(["temperature", sys.argv[1], "--target", "y"])'
SCAN = 'lambda: pm.Moments.scan(sys.argv[1:][::-1], target="y")'


@pytest.mark.parametrize(
    ("job", "said", "kind", "rows"),
    [
        (TEMPERATURE, b"code 130\n", "-", ROWS[:300]),
        (TEMPERATURE, b"code 130\n", "-", ROWS),
        (TEMPERATURE, b"code 130\n", "pipe.csv", ROWS),
        (SCAN, b"interrupted 3 1\n", "pipe.csv", ROWS),
        (SCAN, b"interrupted 3 1\n", "pipe.csv.gz", ROWS),
    ],
    ids=["few", "input", "pipe", "scan", "scan-compressed"],
)
def test_an_interrupt_while_a_writer_stalls(tmp_path, job, said, kind, rows):
    whole, path = tmp_path / "whole.csv", kind if kind == "-" else str(tmp_path / kind)
    whole.write_text("a,y\n1,2\n2,3\n3,5\n")
    if kind != "-":
        os.mkfifo(path)
    script = STALLED.format(job=job, scan=job == SCAN)
    program = [sys.executable, "-c", script, path, *([whole] * (job == SCAN))]
    reader, writer = os.pipe()
    process = subprocess.Popen(program, stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(writer if kind == "-" else path, "wb") as file, contextlib.suppress(BrokenPipeError):
        file.write(gzip.compress(rows)[:-8] if kind.endswith("gz") else rows)
        file.flush()
        try:
            assert process.wait(timeout=60) == 0, process.stderr.read()
        finally:
            process.kill()
    assert process.communicate()[0] == said
    os.close(reader)


def test_a_compressed_pipe_is_read(tmp_path):
    path = str(tmp_path / "rows.csv.gz")
    os.mkfifo(path)
    program = [*PROGRAM, "moments", path, "--target", "y", "--output", str(tmp_path / "out")]
    process = subprocess.Popen(program, stderr=subprocess.PIPE)
    with open(path, "wb") as writer:
        writer.write(gzip.compress(ROWS))
    assert process.communicate()[1].endswith(b"out: 200000 rows, 1 feature, target y\n")


def test_output_is_never_the_data_nor_truncates_what_others_wrote(run, file, tmp_path):
    before = file.read_bytes()
    os.symlink(file, tmp_path / "link.csv")
    for name in ("rows.csv", "link.csv", "./rows.csv"):
        for command in ("temperature", "moments"):
            line = one_line(run(command, file, "--target", "price", "--output", tmp_path / name))
            assert "--output must be another file than the data" in line
    line = one_line(run("moments", tmp_path / "*.csv", "--target", "price", "--output", file))
    assert "--output must be another file" in line
    same = ["--output", tmp_path / "a.csv", "--plot", tmp_path / "a.csv"]
    assert "--plot must be another file" in one_line(run("temperature", file, "--target", "price", *same))
    assert "name of a file" in one_line(run("temperature", file, "--target", "price", "--output", ""))
    assert file.read_bytes() == before
    log = tmp_path / "log"
    log.write_text("kept\n")
    with open(log, "ab") as output:
        subprocess.run([*PROGRAM, "info", "--output", "/dev/stdout"], stdout=output, check=True)
    assert log.read_text().startswith("kept\nInstallation\n")
    name = "語" * 80
    assert run("info", "--output", tmp_path / name).exit_code == 0
    assert (tmp_path / name).exists()


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no device here has no end")
def test_devices_in_the_place_of_files(run, file, tmp_path):
    """An archive that nobody wants is written, to a file without positions; what has no end is not read to it."""
    arguments = [file, "--target", "price", "--output"]
    assert run("moments", *arguments, "/dev/null").exit_code == 0
    received = tmp_path / "received.npz"
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cp", tmp_path / "pipe", received]):
        assert run("moments", *arguments, tmp_path / "pipe").exit_code == 0
    assert run("moments", *arguments, tmp_path / "whole.npz").exit_code == 0
    with np.load(received) as got, np.load(tmp_path / "whole.npz") as whole:
        assert {name: got[name].tobytes() for name in got} == {name: whole[name].tobytes() for name in whole}
    message = one_line(run("monitor", file, file, "--target", "price", "--state", "/dev/zero"))
    assert "/dev/zero must be a file written by RefreshMonitor.save, got a device" in message
    message = one_line(run("monitor", file, file, "--target", "price", "--state", tmp_path / "pipe"))
    assert "--state must be a file, which is read and then replaced, got a pipe" in message
    assert "of at most 16777216 bytes, got more" in one_line(run("sweep", "/dev/zero"))


@pytest.mark.parametrize(
    ("name", "kind", "advice"),
    [
        ("rows.parquet", "Parquet", "a file whose name ends in .parquet"),
        ("rows.arrow", "Arrow IPC", "a file whose name ends in .arrow"),
        ("rows.npz", "a ZIP archive", "save the rows as CSV or Parquet"),
        ("rows.npy", "a NumPy array", "save the rows as CSV or Parquet"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        "temperature - --target y",
        "moments - --target y --output m.moments",
        "monitor - rows.csv --target y",
        "monitor rows.csv wrong.csv --target y",
        "shift rows.csv - --energy none",
        "mix rows.csv wrong.csv --target y",
    ],
)
def test_files_of_another_format_are_named(run, tmp_path, monkeypatch, name, kind, advice, command):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(40, 2))
    table = pa.table({"x": values[:, 0], "y": values[:, 1]})
    csv.write_csv(table, "rows.csv")
    parquet.write_table(table, "rows.parquet")
    feather.write_feather(table, "rows.arrow")
    np.savez("rows.npz", values)
    np.save("rows.npy", values)
    shutil.copy(name, "wrong.csv")
    with open(name, "rb") as file:
        line = one_line(run(*command.split(), input=file.read()))
    source = "standard input" if "-" in command.split() else "wrong.csv"
    assert f"{source}: the content is {kind}, not CSV; " in line
    assert advice in line


@pytest.mark.parametrize(
    "command",
    ["mix - -", "shift - -", "monitor - -", "monitor rows.csv - -", "report - --against - --output page.html"],
)
def test_standard_input_is_read_once(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n3,5\n")
    line = one_line(run(*command.split(), "--target", "y", input=b"x,y\n1,2\n"))
    assert "standard input (-) can be read once, got - twice; write one of its parts to a file." in line


MIXED = "kind,x,y\n" + "".join(f"{'abc'[k % 3]},{k * 7 % 11},{k * 5 % 13}\n" for k in range(40))
NUMBERS = "\n".join(line.partition(",")[2] for line in MIXED.splitlines())


@pytest.mark.parametrize(
    ("command", "text", "pipe"),
    [
        ("shift {} rows.csv --format json", MIXED, "-"),
        ("shift rows.csv {} --format json", MIXED, "pipe.csv"),
        ("report {} --against rows.csv --output page.html", NUMBERS, "pipe.csv"),
        ("report rows.csv --against {} --output page.html", NUMBERS, "-"),
    ],
)
def test_a_pipe_is_read_as_often_as_its_rows_are_needed(run, tmp_path, monkeypatch, command, text, pipe):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text(text)
    (tmp_path / "again.csv").write_text(text)
    os.mkfifo("pipe.csv")
    program = " ".join(map(shlex.quote, PROGRAM))
    line = f"cat again.csv | {program}" if pipe == "-" else f"cat again.csv > {pipe} & {program}"
    line += f" {command.format(pipe)} --target y"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    if "report" in command:
        assert "Shift" in (tmp_path / "page.html").read_text("utf-8")
    else:
        file = run(*command.format("again.csv").split(), "--target", "y")
        assert json.loads(done.stdout)["tables"] == json.loads(file.stdout)["tables"]


def test_a_named_pipe_is_read_once(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.csv")
    line = one_line(run("shift", "pipe.csv", "pipe.csv", "--target", "y"))
    assert "pipe.csv can be read once, got pipe.csv twice; write one of its parts to a file." in line
