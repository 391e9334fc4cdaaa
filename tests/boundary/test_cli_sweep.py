"""``pyrometer sweep``: a file says what, the output is whole or not there, a stopped run goes on."""

import importlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv, parquet

import pyrometer as pm
from pyrometer.cli.sweep import command
from pyrometer.sweeps import _plan

from .answers import one_line

PAGE = Path(__file__).parents[2] / "docs/howto/batches.md"
CONFIG = """
output = "out.parquet"
method = ["exact", "monte-carlo"]
samples = 5000
seed = 3

[systems.squares]
data = "rows.csv"
target = "price"
standardize = true
l2 = 0.1

[systems.absolute]
data = "rows.csv"
target = "price"
drop = ["c"]
energy = "mae"
intercept = false

[systems.net]
data = "rows.csv"
target = "price"
columns = ["a", "b"]
hidden = 4
activation = "relu"
bias = true

[laws.wide]
kind = "Normal"
scale = {logspace = [0, 2, 5]}

[laws.narrow]
kind = "Uniform"
length = [0.5, 2]
"""
RUN = importlib.import_module("pyrometer.sweeps._sweep")


@pytest.fixture
def folder(file):
    (file.parent / "sweep.toml").write_text(CONFIG)
    return file.parent


def same(one, other):
    left, right = parquet.read_table(one), parquet.read_table(other)
    assert left.schema.equals(right.schema, check_metadata=True)
    for name in left.column_names:
        np.testing.assert_array_equal(left[name].to_pylist(), right[name].to_pylist())


def test_it_is_the_sweep_of_the_library(run, folder, rows):
    result = run("sweep", folder / "sweep.toml", "--threads", 1)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{folder / 'out.parquet'}: 42 rows\n"
    X, y = rows
    squares = pm.LinearRegression(pm.datasets.standardize(X, names=("a", "b", "c")), y, penalty=pm.L2(0.1))
    absolute = pm.LinearRegression(X[:, :2], y, energy="mae", intercept=False)
    net = pm.Network(X[:, :2], y, hidden=4, activation="relu", bias=True)
    expected = pm.sweep(
        {"squares": squares, "absolute": absolute, "net": net},
        {"wide": pm.Normal(np.logspace(0, 2, 5)[:, None]), "narrow": pm.Uniform([[0.5], [2.0]])},
        method=("exact", "monte-carlo"),
        samples=5000,
        rng=3,
    )
    read = parquet.read_table(folder / "out.parquet")
    for name in expected.names:
        np.testing.assert_array_equal(read[name].to_pylist(), expected[name])
    about = json.loads(read.schema.metadata[b"pyrometer"])["metadata"]
    assert about["complete"] is True
    assert about["configuration"]["systems"]["net"]["hidden"] == 4
    assert len(about["sha256"]["rows.csv"]) == 64
    assert sorted(os.listdir(folder)) == ["out.parquet", "rows.csv", "sweep.toml"]


def test_data_are_files_folders_or_patterns(run, folder):
    assert run("sweep", folder / "sweep.toml").exit_code == 0
    whole = parquet.read_table(folder / "out.parquet")
    header, *lines = (folder / "rows.csv").read_text().splitlines()
    (folder / "days").mkdir()
    for name, part in (("a", lines[:20]), ("b", lines[20:])):
        (folder / "days" / f"{name}.csv").write_text("\n".join([header, *part]) + "\n")
    for data in ("days", "days/*.csv"):
        (folder / "sweep.toml").write_text(CONFIG.replace('"rows.csv"', f'"{data}"'))
        result = run("sweep", folder / "sweep.toml")
        assert result.exit_code == 0, result.stderr
        read = parquet.read_table(folder / "out.parquet")
        for name in whole.column_names:
            np.testing.assert_array_equal(read[name].to_pylist(), whole[name].to_pylist())
        about = json.loads(read.schema.metadata[b"pyrometer"])["metadata"]
        assert sorted(about["sha256"]) == ["days/a.csv", "days/b.csv"]


def test_data_that_cannot_be_read_again_are_refused(run, folder):
    os.mkfifo(folder / "pipe.csv")
    for data in ("pipe.csv", "/dev/stdin"):
        (folder / "sweep.toml").write_text(CONFIG.replace('"rows.csv"', f'"{data}"'))
        result = run("sweep", folder / "sweep.toml")
        assert result.exit_code == 2
        assert "data must be files, which a sweep that continues reads again, got a pipe" in result.stderr


def test_labels_may_be_dates(run, folder):
    lines = [f"{k},2020-01-0{1 + (k * k) % 7 % 2}" for k in range(20)]
    (folder / "rows.csv").write_text("\n".join(["a,when", *lines]) + "\n")
    days = 'data = "rows.csv"\ntarget = "when"\nenergy = "ce"\nlabels = [2020-01-01, 2020-01-02]'
    law = 'kind = "Normal"\nscale = 3'
    (folder / "sweep.toml").write_text(f'output = "out.parquet"\n[systems.days]\n{days}\n[laws.wide]\n{law}\n')
    result = run("sweep", folder / "sweep.toml")
    assert result.exit_code == 0, result.stderr
    about = json.loads(parquet.read_schema(folder / "out.parquet").metadata[b"pyrometer"])["metadata"]
    assert about["configuration"]["systems"]["days"]["labels"] == ["2020-01-01", "2020-01-02"]


def test_scales_beyond_the_doubles_are_refused_in_one_line(run, folder):
    (folder / "sweep.toml").write_text(CONFIG.replace("[0, 2, 5]", "[0, 400, 3]"))
    result = run("sweep", folder / "sweep.toml")
    assert one_line(result).endswith("laws.wide: scale must be finite and > 0, got inf at index (2, 0).\n")


def test_a_byte_order_mark_is_no_part_of_a_configuration(run, folder):
    (folder / "sweep.toml").write_text(CONFIG, encoding="utf-8-sig")
    assert run("sweep", folder / "sweep.toml").exit_code == 0


def test_networks_with_labels_and_activations_of_layers(run, folder):
    rows = [f"{k % 7},{k % 5},{'abc'[k % 3]}" for k in range(30)]
    (folder / "labels.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
    (folder / "labels.toml").write_text(
        'output = "out.csv"\n[systems.net]\ndata = "labels.csv"\ntarget = "kind"\nhidden = [4, 3]\nenergy = "ce"\n'
        'activation = ["relu", "tanh"]\noutputs = 4\n[laws.one]\nkind = "Normal"\nscale = [1, 2]\n'
    )
    result = run("sweep", folder / "labels.toml")
    assert (result.exit_code, result.stdout) == (0, "")
    X = np.array([[k % 7, k % 5] for k in range(30)], float)
    net = pm.Network(
        X, ["abc"[k % 3] for k in range(30)], hidden=(4, 3), outputs=4, activation=["relu", "tanh"], energy="ce"
    )
    made = (folder / "out.csv").read_text().splitlines()
    place = made[0].split(",").index("energy")
    expected = pm.mean_energy(net, pm.Normal([[1.0], [2.0]])).value
    np.testing.assert_allclose([float(line.split(",")[place]) for line in made[1:]], expected, rtol=1e-12)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_other_forms(run, folder, form):
    (folder / "sweep.toml").write_text(CONFIG.replace("out.parquet", f"out.{form}"))
    assert run("sweep", folder / "sweep.toml").exit_code == 0
    if form == "csv":
        assert csv.read_csv(folder / "out.csv").num_rows == 42
    else:
        assert len(json.loads((folder / "out.json").read_text())["rows"]) == 42


def examples():
    help_text = "\n".join(
        re.findall(r"^    \x08\n(.*?)\n\n", command.callback.__doc__ + "\n\n", re.DOTALL | re.MULTILINE)
    )
    yield "help", textwrap.dedent(help_text)
    yield from (
        ("page", text) for text in re.findall(r"^```toml\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    )


@pytest.mark.parametrize(("place", "text"), list(examples()))
def test_the_examples_run(run, folder, place, text):
    (folder / "example.toml").write_text(text)
    result = run("sweep", folder / "example.toml")
    assert result.exit_code == 0, result.stderr
    assert parquet.read_table(folder / "sweep.parquet").num_rows >= 50


def test_there_are_two_examples():
    assert [place for place, _ in examples()] == ["help", "page"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("samples =", "sample =", "sweep.toml: unknown key 'sample'; did you mean 'samples'?"),
        ("standardize =", "standardise =", "systems.squares: unknown key 'standardise'; did you mean 'standardize'?"),
        ("length =", "lenth =", "laws.narrow: unknown key 'lenth'; did you mean 'length'?"),
        ("logspace", "linspace", "laws.wide: unknown key 'linspace'; did you mean 'logspace'?"),
        ("[0, 2, 5]", "[0, 2]", "logspace must be [FIRST, LAST, COUNT]"),
        ("hidden = 4\n", "hidden = 4\nenergy = 'mae'\n", "systems.net: energy must be one of 'mse', 'ce', got 'mae'"),
        ("hidden = 4", "hidden = [0]", "systems.net: hidden[0] must be at least 1"),
        ("l2 = 0.1", "l2 = -0.1", "systems.squares: lam must be finite and >= 0"),
        ("l2 = 0.1", "l1 = 1\nl2 = 1", "l1 and l2 exclude each other"),
        ('energy = "mae"', 'energy = "mea"', "systems.absolute: energy must be one of"),
        ('energy = "mae"', 'energy = "mae"\nl1 = 1.0', "l1 and l2 are for energy = 'mse'"),
        ('kind = "Normal"', 'kind = "Gaussian"', "laws.wide: kind must be one of 'Normal'"),
        ("length = [0.5, 2]", "length = [0.5, -2]", "laws.narrow: length must be finite and > 0"),
        ("length = [0.5, 2]", "", "laws.narrow: length must be a number, a list or"),
        ("length = [0.5, 2]", "length = 'a'", "laws.narrow: length must be numeric"),
        ("length = [0.5, 2]", "length = [[1, 2], [1, 2]]", "law 'narrow' must fit system 'squares'"),
        ('["exact", "monte-carlo"]', '["exakt"]', "method must be one of"),
        ("samples = 5000", "samples = 1", "samples must be at least 2"),
        ("seed = 3", "seed = -3", "sweep.toml: seed must be at least 0, got -3"),
        ("seed = 3", "seed = 'x'", "sweep.toml: seed must be a whole number, got 'x'"),
        ("out.parquet", "out.xls", "output must end in .csv, .json, .parquet, got 'out.xls'"),
        ('output = "out.parquet"', "", "output must be a string, got None"),
        ("out.parquet", "none/out.parquet", "No such file or directory"),
        ("out.parquet", "rows.csv", "sweep.toml: output must be another file than the data, which it would replace"),
        ('target = "price"\nstand', 'target = "prize"\nstand', "did you mean 'price'?"),
        ('target = "price"\nstand', "stand", "systems.squares: target must be a string, got None"),
        ('drop = ["c"]', 'drop = "c"', "systems.absolute: drop must be a list of names"),
        ("standardize = true", "standardize = 1", "systems.squares: standardize must be True or False"),
        ("[laws.wide]", "[laws.wide", "must be TOML"),
        ("[laws.", "[law.", "unknown key 'law'; did you mean 'laws'?"),
    ],
)
def test_mistakes(run, folder, old, new, message):
    assert old in CONFIG
    (folder / "sweep.toml").write_text(CONFIG.replace(old, new))
    result = run("sweep", folder / "sweep.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert sorted(os.listdir(folder)) == ["rows.csv", "sweep.toml"]


def stop_after(monkeypatch, count, error):
    """Let the parts be small, and the sweep fail at one of them."""
    calls = itertools.count()

    def work(*arguments):
        if next(calls) == count:
            raise error
        return _plan.run(*arguments)

    monkeypatch.setattr(_plan, "_NANOSECONDS", 1.0)
    monkeypatch.setattr(RUN, "run", work)
    return calls


def test_a_stopped_run_goes_on_and_repeats_nothing(run, folder, monkeypatch):
    calls = stop_after(monkeypatch, 1 << 30, None)
    run("sweep", folder / "sweep.toml")
    parts = next(calls)
    os.rename(folder / "out.parquet", folder / "undisturbed")
    stop_after(monkeypatch, 5, KeyboardInterrupt)
    result = run("sweep", folder / "sweep.toml")
    assert result.exit_code == 130
    assert "run the same command again to continue from here" in result.stderr
    assert not (folder / "out.parquet").exists()
    stop_after(monkeypatch, 2, ValueError("broken"))
    result = run("sweep", folder / "sweep.toml")
    assert result.exit_code == 2
    assert "broken" in result.stderr
    calls = stop_after(monkeypatch, 1 << 30, None)
    assert run("sweep", folder / "sweep.toml").exit_code == 0
    assert next(calls) == parts - 5 - 2
    same(folder / "out.parquet", folder / "undisturbed")
    assert not (folder / "out.parquet.parts").exists()


@pytest.mark.parametrize("changed", ["sweep.toml", "rows.csv"])
def test_parts_of_another_sweep_are_refused(run, folder, monkeypatch, changed):
    with monkeypatch.context() as patch:
        stop_after(patch, 3, KeyboardInterrupt)
        run("sweep", folder / "sweep.toml")
    text = (folder / changed).read_text()
    (folder / changed).write_text(
        text.replace("seed = 3", "seed = 4") if changed == "sweep.toml" else text + "1,2,3,4\n"
    )
    result = run("sweep", folder / "sweep.toml")
    assert result.exit_code == 2
    assert "remove the folder to start again" in result.stderr
    assert not (folder / "out.parquet").exists()


def test_a_damaged_part_is_computed_again(run, folder, monkeypatch):
    run("sweep", folder / "sweep.toml")
    os.rename(folder / "out.parquet", folder / "undisturbed")
    stop_after(monkeypatch, 5, KeyboardInterrupt)
    run("sweep", folder / "sweep.toml")
    for part in (folder / "out.parquet.parts").glob("*.npz"):
        part.write_bytes(part.read_bytes()[:-100])
    stop_after(monkeypatch, 1 << 30, None)
    assert run("sweep", folder / "sweep.toml").exit_code == 0
    same(folder / "out.parquet", folder / "undisturbed")


# The program with parts that are small and written at once; `before` runs before each, with their number so far.
PROGRAM = """
import importlib, itertools, resource, sys, time
from pyrometer.sweeps import _plan
from pyrometer.cli import _checkpoint, main
_plan._NANOSECONDS, _checkpoint._SECONDS = 1.0, -1.0
run, number = _plan.run, itertools.count()
def told(*arguments):
    before(next(number))
    return run(*arguments)
def before(done):
    {before}
importlib.import_module("pyrometer.sweeps._sweep").run = told
main(["sweep", sys.argv[1]])
"""


def start(folder, before="pass", env=None):
    program = [sys.executable, "-c", PROGRAM.format(before=before), str(folder / "sweep.toml")]
    return subprocess.Popen(program, stderr=subprocess.PIPE, text=True, env=env)


def test_a_killed_run_goes_on(folder):
    assert start(folder).communicate()[1].endswith("42 rows\n")
    os.rename(folder / "out.parquet", folder / "undisturbed")
    process = start(folder, before="if done == 3: time.sleep(300)")
    parts = folder / "out.parquet.parts"
    while len(list(parts.glob("*.npz"))) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "out.parquet").exists()
    assert start(folder).communicate()[1].endswith("42 rows\n")
    same(folder / "out.parquet", folder / "undisturbed")
    assert not parts.exists()


def test_a_full_disk_keeps_what_is_finished(folder):
    """The parts fit, the table does not."""
    # Its coverage, which is a larger file, is not measured.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    process = start(folder, before="resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))", env=env)
    _, stderr = process.communicate()
    assert process.returncode == 2
    assert stderr.count("\n") == 1
    assert "out.parquet" in stderr
    assert "File too large" in stderr
    assert not (folder / "out.parquet").exists()
    assert len(list((folder / "out.parquet.parts").glob("*.npz"))) > 3
    process = start(folder, before="sys.exit('nothing should be left to do')")
    assert process.communicate()[1].endswith("42 rows\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(run, folder):
    folder.chmod(0o500)
    result = run("sweep", folder / "sweep.toml")
    folder.chmod(0o700)
    assert result.exit_code == 2
    assert "Permission denied" in result.stderr


LAYERS = """
output = "out.parquet"
seed = 1
samples = 50
[systems.net]
data = "rows.csv"
target = "price"
hidden = [4]
activation = "tanh"
bias = true
[laws.keras]
kind = "Layers"
weights = {kind = "GlorotNormal", gain = [1.0, 2.0], truncated = true}
[laws.each]
kind = "Layers"
weights = [{kind = "Orthogonal", gain = 1.4}, {kind = "Constant", value = 0.0}]
biases = {kind = "TruncatedNormal", scale = 0.1, bound = 3.0}
"""


def test_laws_of_layers(run, file, rows):
    (file.parent / "sweep.toml").write_text(LAYERS)
    result = run("sweep", file.parent / "sweep.toml")
    assert result.exit_code == 0, result.stderr
    X, y = rows
    laws = {
        "keras": pm.Layers(pm.GlorotNormal([1.0, 2.0], truncated=True)),
        "each": pm.Layers([pm.Orthogonal(1.4), pm.Constant(0.0)], pm.TruncatedNormal(0.1, 3.0)),
    }
    network = pm.Network(X, y, hidden=(4,), bias=True)
    table = pm.sweep({"net": network}, laws, samples=50, rng=1)
    found = parquet.read_table(file.parent / "out.parquet")
    assert found["energy"].to_pylist() == table["energy"].tolist()
    assert found["verdict"].to_pylist() == table["verdict"].tolist() == ["ok", "ok", "undefined"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'weights = {kind = "GlorotNormal", gain = [1.0, 2.0], truncated = true}',
            "",
            "laws.keras: weights must be a law",
        ),
        ('{kind = "Constant", value = 0.0}', "0.0", "laws.each: weights[1] must be a law {kind = ...}"),
        ("bound = 3.0", "bond = 3.0", "laws.each: biases: unknown key 'bond'; did you mean 'bound'?"),
        ("truncated = true", "truncated = 1", "laws.keras: weights: truncated must be True or False"),
        (
            'kind = "TruncatedNormal", scale = 0.1, bound = 3.0',
            'kind = "Orthogonal", gain = 1',
            "biases must be laws of b",
        ),
        ("value = 0.0", "value = 0.5", "law must have constant weights of 0 only"),
        ("biases = {", "bias = {", "laws.each: unknown key 'bias'; did you mean 'biases'?"),
    ],
)
def test_mistakes_in_laws_of_layers(run, file, old, new, message):
    assert old in LAYERS
    (file.parent / "sweep.toml").write_text(LAYERS.replace(old, new))
    result = run("sweep", file.parent / "sweep.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
