"""Files that commands read and write: names of columns, options of CSV, saved moments, formats, large files."""

import gzip
import io
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

import pyrometer as pm
from pyrometer.data.readers import _memory

from .answers import PROGRAM, one_line

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(60, 3)) * [3.0, 5.0, 1.0] + [10.0, 20.0, 0.0]
NUMBERS[:, 2] += NUMBERS[:, :2] @ [1.0, 2.0]


def put(path, names=("size, m2", "age", "price"), sep=",", decimal=".", index=False):
    frame = pd.DataFrame(NUMBERS, columns=list(names))
    frame.to_csv(path, sep=sep, decimal=decimal, index=index)
    return path


def near(values, **tolerance):
    return {
        name: pytest.approx(value, **tolerance) if isinstance(value, float) else value for name, value in values.items()
    }


def row(result):
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    return found["tables"][0]["rows"][0], found["provenance"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--columns", '"size, m2",age'), ["size, m2", "age"]),
        (("--columns", 'age, "size, m2"'), ["age", "size, m2"]),
        (("--columns", "age"), ["age"]),
        (("--drop", '"size, m2"'), ["age"]),
        (("--drop", '"size, m2",x'), ["age"]),
        (("--drop", "x", "--drop", '"size, m2"'), ["age"]),
        (("--drop", "age,x"), ["size, m2"]),
    ],
)
def test_names_of_columns_are_a_line_of_csv(run, tmp_path, options, names):
    frame = pd.DataFrame(np.c_[NUMBERS, NUMBERS[:, 0] ** 2], columns=["size, m2", "age", "price", "x"])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = run("moments", tmp_path / "rows.csv", "--target", "price", "--output", tmp_path / "out.moments", *options)
    assert result.exit_code == 0, result.stderr
    assert list(pm.Moments.load(tmp_path / "out.moments").names) == [
        *names,
        *(["x"] if "x" not in str(options) and "--drop" in options else []),
    ]


def test_a_name_with_a_comma_that_is_not_quoted(run, tmp_path):
    line = one_line(run("temperature", put(tmp_path / "a.csv"), "--target", "price", "--columns", "size, m2,age"))
    assert "has no column 'size'; did you mean 'size, m2'? On the command line, names with a comma are quoted" in line


@pytest.mark.parametrize(
    ("sep", "decimal", "options"), [(";", ",", ("--sep", ";", "--decimal", ",")), ("\t", ".", ("--sep", "tab"))]
)
@pytest.mark.parametrize("command", ["temperature", "network", "mix", "shift", "moments", "tables"])
def test_every_command_takes_the_options_of_csv(run, tmp_path, command, sep, decimal, options):
    path = put(tmp_path / "a.csv", sep=sep, decimal=decimal)
    files = {"mix": (path, path), "shift": (path, path), "tables": ("--data", path)}.get(command, (path,))
    more = {"network": ("--hidden", 2), "moments": ("--output", tmp_path / "o.moments"), "shift": ("--resamples", 99)}
    more["tables"] = ("--table", 1)
    arguments = (command, *files, "--target", "price", *more.get(command, ()))
    line = one_line(run(*arguments))
    assert line.endswith(f"({' '.join(option if option != ';' else repr(option) for option in options)}).\n")
    result = run(*arguments, *options)
    assert result.exit_code in (0, 3), result.stderr


def test_a_sweep_takes_the_options_of_csv(run, tmp_path):
    put(tmp_path / "a.csv", sep=";", decimal=",")
    text = 'output = "o.csv"\nlaws.l = {kind = "Normal", scale = 1.0}\n[systems.s]\ndata = "a.csv"\ntarget = "price"\n'
    (tmp_path / "s.toml").write_text(text + 'sep = ";"\ndecimal = ","\n')
    assert run("sweep", tmp_path / "s.toml").exit_code == 0
    (tmp_path / "s.toml").write_text(text + 'seperator = ";"\n')
    assert "unknown key 'seperator'; did you mean 'sep'" in one_line(run("sweep", tmp_path / "s.toml"))


def test_the_index_of_a_frame(run, tmp_path):
    path = put(tmp_path / "a.csv", index=True)
    line = one_line(run("temperature", path, "--target", "price"))
    assert "has a column without a name (''), such as the row numbers" in line
    assert "--drop ''" in line
    assert row(run("temperature", path, "--target", "price", "--drop", "", "--format", "json"))[0]["parameters"] == 3
    pd.DataFrame(NUMBERS, columns=["a", "b", "y"], index=np.arange(60) + 5).to_parquet(tmp_path / "a.parquet")
    program = [*PROGRAM, "temperature", tmp_path / "a.parquet", "--target", "y", "--format", "json"]
    ran = subprocess.run(program, capture_output=True, check=True, text=True)
    assert "note: Column '__index_level_0__' is the index of a data frame, and left out" in ran.stderr
    assert '"parameters": 3' in ran.stdout


def test_a_compressed_standard_input():
    program = [*PROGRAM, "temperature", "-", "--target", "y"]
    ran = subprocess.run(program, input=gzip.compress(b"a,y\n1,2\n2,3\n3,5\n"), capture_output=True, check=True)
    assert b"standard input" in ran.stdout


# ---- saved moments


@pytest.fixture
def saved(tmp_path):
    pm.Moments.of(NUMBERS[:, :2], NUMBERS[:, 2]).save(tmp_path / "unnamed")
    pm.Moments.scan(put(tmp_path / "a.csv"), target="price").save(tmp_path / "a.moments")
    return tmp_path / "a.moments"


@pytest.mark.parametrize(
    "options", [(), ("--l2", "0.1"), ("--standardize",), ("--target", "price"), ("--method", "refined")]
)
def test_temperature_of_moments(run, saved, options):
    made, about = row(run("temperature", saved, "--format", "json", *options))
    path = saved.with_name("a.csv")
    target = () if "--target" in options else ("--target", "price")
    same, expected = row(run("temperature", path, "--format", "json", *target, *options))
    assert about == expected | {"data": str(saved)}
    assert made == near(same, rel=1e-9)
    assert row(run("temperature", saved.with_name("unnamed"), "--format", "json"))[1]["target"] == "y"


def test_mixtures_of_moments(run, saved):
    rows = saved.with_name("a.csv")
    wanted = json.loads(run("mix", rows, rows, "--target", "price", "--format", "json").stdout)["tables"]
    for a, b in ((saved, rows), (rows, saved), (saved, saved)):
        made = json.loads(run("mix", a, b, "--format", "json").stdout)["tables"]
        for table, other in zip(made, wanted, strict=True):
            for one, two in zip(table["rows"], other["rows"], strict=True):
                assert one == near(two, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("temperature", "--target", "prize"), "has the target price, got --target prize"),
        (("temperature", "--energy", "mae"), "holds second moments, and --energy mae needs the rows"),
        (
            ("temperature", "--drop", "age"),
            "for which --drop has no meaning; leave it out, or give the file of the rows",
        ),
        (("temperature", "--columns", "age"), "for which --columns has no meaning"),
        (("temperature", "--chunk-rows", 3), "for which --chunk-rows has no meaning"),
        (("temperature", "--sep", ";"), "for which --sep has no meaning"),
        (("temperature", "--no-intercept"), "has moments for models with an intercept; leave --[no-]intercept out"),
        (("network", "--target", "price", "--hidden", 2), "must be a file of rows, got a file of second moments"),
        (("shift", "{path}", "--target", "price"), "must be a file of rows, got a file of second moments"),
        (("moments", "--target", "price", "--output", "x.moments"), "must be a file of rows"),
    ],
)
def test_what_moments_cannot_do(run, saved, arguments, said):
    command, *options = (str(argument).format(path=saved) for argument in arguments)
    line = one_line(run(command, saved, *options))
    assert said in line
    assert "a.moments" in line


def test_moments_in_python(saved):
    for read in (pm.interop.read_data, pm.Moments.scan, pm.LinearRegression.scan):
        with pytest.raises(ValueError, match=r"a.moments must be a file of rows.*read it with Moments.load"):
            read(saved, target="price")


def test_the_target_is_needed_of_rows(run, saved):
    for command in ("temperature", "network", "moments"):
        more = {"network": ("--hidden", 2), "moments": ("--output", "x")}.get(command, ())
        assert "Missing option '--target'" in one_line(run(command, saved.with_name("a.csv"), *more))


# ---- output


@pytest.mark.parametrize("command", ["temperature", "network", "mix", "shift"])
def test_formats_of_output(run, tmp_path, command):
    path = put(tmp_path / "a.csv")
    files = {"mix": (path, path), "shift": (path, path)}.get(command, (path,))
    more = {"network": ("--hidden", 2), "shift": ("--resamples", 99)}.get(command, ())
    arguments = (command, *files, "--target", "price", *more)
    for name in ("r.xlsx", "r.csv.gz", "r.html"):
        line = one_line(run(*arguments, "--output", tmp_path / name))
        assert "--output must end in .csv, .json, .parquet, got " in line
        assert not (tmp_path / name).exists()
    for name in ("r.parquet", "r.csv"):
        assert run(*arguments, "--output", tmp_path / name).exit_code in (0, 3)
    table = parquet.read_table(tmp_path / "r.parquet")
    assert table.column_names == list(pd.read_csv(tmp_path / "r.csv").columns)
    assert b"pyrometer" in table.schema.metadata
    assert "needs --output FILE, because it is not text" in one_line(run(*arguments, "--format", "parquet"))
    assert run(*arguments, "--format", "csv", "--output", tmp_path / "r.dat").exit_code in (0, 3)
    assert (tmp_path / "r.dat").read_bytes() == (tmp_path / "r.csv").read_bytes()


# ---- files that are large


def test_files_that_are_large_are_read_in_chunks(run, tmp_path, monkeypatch):
    path = put(tmp_path / "a.csv")
    arguments = ("temperature", path, "--target", "price", "--format", "json")
    held, about = row(run(*arguments))
    monkeypatch.setattr(_memory, "memory", lambda: 4.0 * path.stat().st_size - 1)
    result = run(*arguments)
    assert "note: " in result.stderr
    assert "a.csv is large for the memory of this machine, and read in chunks" in result.stderr
    made, same = row(result)
    assert about == same
    assert made == near(held, rel=1e-9)
    monkeypatch.setattr(_memory, "memory", lambda: 4.0 * path.stat().st_size)
    assert "large" not in run(*arguments).stderr


def test_large_files_are_mixed_in_chunks(run, tmp_path, monkeypatch):
    a = put(tmp_path / "a.csv")
    pd.read_csv(a).iloc[::2, [1, 0, 2]].to_csv(tmp_path / "b.csv", index=False)
    arguments = ("mix", a, tmp_path / "b.csv", "--target", "price", "--format", "csv")
    held = pd.read_csv(io.StringIO(run(*arguments).stdout))
    monkeypatch.setattr(_memory, "memory", lambda: 1.0)
    made = run(*arguments)
    assert "b.csv is large for the memory" in made.stderr
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(made.stdout)), held, rtol=1e-8, atol=1e-8)
    pd.read_csv(a).assign(x=1.5).to_csv(tmp_path / "b.csv", index=False)
    assert "must have the same columns, got x in one only" in one_line(run(*arguments))


def test_what_counts_for_memory(tmp_path, monkeypatch):
    assert 2**20 < _memory.memory() < 2**60
    put(tmp_path / "a.csv")
    pd.DataFrame(NUMBERS).rename(columns=str).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    sizes = {name: (tmp_path / name).stat().st_size for name in ("a.csv", "a.parquet", "a.csv.gz")}
    for name, factor in (("a.csv", 1), ("a.parquet", 4), ("a.csv.gz", 4)):
        for memory, expected in ((4 * factor * sizes[name], False), (4 * factor * sizes[name] - 1, True)):
            monkeypatch.setattr(_memory, "memory", lambda memory=memory: float(memory))
            assert _memory.exceeds_memory(str(tmp_path / name)) is expected
    assert not _memory.exceeds_memory("-")
