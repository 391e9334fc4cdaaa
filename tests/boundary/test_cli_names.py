"""Names of columns, files, systems and labels that a terminal would obey: none of it reaches one."""

import json
import os
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

import pyrometer as pm
from pyrometer.base._printable import listed, plain, printable, quoted

# An escape sequence, C1 controls, a bidirectional override, line separators, a newline, a bell, a backspace, a tag.
HOSTILE = "e\x1b[31mr\x9b1m\u202ed\u2028l\nm\x07b\x08t\U000e0041$_{x}$[red]"
LONG = "long\x1b" * 5000


def obeyed(text):
    """Characters that a terminal, or what reads lines, would obey."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c != "\n"}


@pytest.fixture
def files(tmp_path):
    """Two Parquet files, their columns and a folder with hostile names."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "f\x1b[32m\u202eo"
    folder.mkdir()
    for name in ("one.parquet", "two.parquet"):
        y = rng.normal(size=50)
        table = pa.table({HOSTILE: y, LONG: rng.normal(size=50), "c": y > 0, "t\x1b[1mt": rng.normal(size=50)})
        parquet.write_table(table, folder / name)
    words = pa.table({HOSTILE: np.where(y > 0, "a\x1b[5m", "b"), "c": rng.normal(size=50)})
    parquet.write_table(words, folder / "words.parquet")
    return folder


def commands(folder):
    one, two, words = (str(folder / f"{name}.parquet") for name in ("one", "two", "words"))
    target = ["--target", HOSTILE]
    yield ["temperature", one, *target]
    yield ["temperature", one, *target, "--format", "json"]
    yield ["temperature", one, *target, "--format", "csv", "--chunk-rows", 7]
    yield ["temperature", one, *target, "--plot", str(folder / "plot.png"), "--samples", 20]
    yield ["temperature", words, *target, "--energy", "ce", "--labels", "b", "a\x1b[5m"]
    yield ["temperature", words, *target, "--energy", "ce"]  # other labels
    yield ["temperature", one, "--target", HOSTILE[:-1]]  # a hint
    yield ["temperature", one, *target, "--drop", LONG + "?"]
    yield ["temperature", one, *target, "--columns", "\x1b]0;title\x07"]
    yield ["temperature", words, "--target", "c"]  # a column of words
    yield ["temperature", str(folder / "no\x1bne.csv"), *target]
    yield ["temperature", one, *target, "--init", "\x1b[31m"]
    yield ["temperature", one, *target, "--\x1b[31m"]
    yield ["\x1b[31m"]
    yield ["network", one, *target, "--hidden", "3"]
    yield ["network", one, *target, "--hidden", "\x1b"]
    yield ["shift", one, two, *target, "--resamples", 99, "--plot", str(folder / "moved.svg")]
    yield ["mix", one, two, *target, "--output", str(folder / "mix.json")]
    yield ["mix", one, two, *target, "--plot", str(folder / "mixed.svg")]
    yield ["mix", one, words, *target]
    yield ["tables", "--data", one, "--target", HOSTILE, "--samples", 20]
    yield ["tables", "--data", one, "--target", HOSTILE, "--samples", 20, "--format", "json"]
    yield ["moments", one, *target, "--output", str(folder / "o\x1b.moments")]
    yield ["moments", str(folder), *target, "--output", str(folder / "none")]
    yield ["sweep", str(folder / "sweep.toml")]
    yield ["sweep", str(folder / "odd.toml")]


def test_nothing_that_a_terminal_obeys_is_printed(run, files):
    system = f'data = "one.parquet"\ntarget = {json.dumps(HOSTILE[:-12])[:-1]}\\U000E0041$_{{x}}$[red]"'
    text = f'output = "out.json"\n[systems."a\\u001Bb"]\n{system}\n[laws."l\\u001Bw"]\nkind = "Normal"\nscale = 1.0\n'
    (files / "sweep.toml").write_text(text)
    (files / "odd.toml").write_text(text.replace("scale", '"sc\\u001Bale"'))
    codes = []
    for arguments in commands(files):
        result = run(*arguments)
        codes.append(result.exit_code)
        assert result.exit_code in (0, 2, 3), (arguments, result.output, result.exception)
        assert not obeyed(result.stdout), arguments
        assert not obeyed(result.stderr), arguments
        assert result.exit_code != 2 or result.stderr.count("\n") == 1
        assert all(len(line) < 3000 for line in result.stderr.splitlines())
    assert codes.count(2) == 13
    assert (files / "plot.png").exists()
    assert (files / "moved.svg").exists()
    for name in ("out.json", "mix.json"):
        assert not obeyed((files / name).read_text())


def test_a_file_name_that_is_not_utf8(run, tmp_path):
    rng = np.random.default_rng(0)
    name = os.path.join(tmp_path, os.fsdecode(b"r\xffws"))
    table = pa.table({"a": rng.normal(size=9), "y": rng.normal(size=9)})
    for suffix, write in (
        ("csv", csv.write_csv),
        ("parquet", parquet.write_table),
        ("arrow", feather.write_feather),
    ):
        with open(f"{name}.{suffix}", "wb") as file:
            write(table, file)
        result = run("temperature", f"{name}.{suffix}", "--target", "y", "--output", f"{name}.{suffix}.json")
        assert (result.exit_code, result.stderr) == (0, "")
        assert os.path.exists(f"{name}.{suffix}.json")
        assert pm.Moments.scan(f"{name}.{suffix}", target="y").count == 9
        result = run("temperature", f"{name}.{suffix}", "--target", "y", "--format", "json")
        assert "r\\udcffws" in result.stdout
    for command, output in (("temperature", "parquet"), ("monitor", "csv"), ("monitor", "parquet"), ("report", "html")):
        files = [f"{name}.csv"] * (2 if command == "monitor" else 1)
        result = run(command, *files, "--target", "y", "--output", tmp_path / f"out.{output}")
        assert (result.exit_code, result.stderr) == (0, "")
        assert b"r\\udcffws" in (tmp_path / f"out.{output}").read_bytes()
    result = run("temperature", f"{name}.none", "--target", "y")
    assert (result.exit_code, result.stderr.endswith("r\\udcffws.none: No such file or directory\n")) == (2, True)


def test_errors_and_reprs_of_the_library(tmp_path):
    X = pa.table({HOSTILE: [1.0, 2.0, 4.0], "b": [1.0, 1.0, 2.0], "y": [1.0, 0.0, 1.0]})
    moments = pm.Moments.scan(X, target="b")
    table = pm.Table(HOSTILE, {HOSTILE: [1.0], "w": [HOSTILE]}, units={HOSTILE: HOSTILE})
    texts = [repr(moments), repr(table), str(table)]
    for source, options in (
        (X, {"target": HOSTILE + "?"}),
        (X, {"target": "y", "drop": [LONG]}),
        (X.set_column(0, HOSTILE, pa.array(["x", "y", "z"])), {"target": "y"}),
        (X.set_column(0, HOSTILE, pa.array([1.0, None, 2.0])), {"target": "y"}),
        (X.set_column(0, HOSTILE, pa.array([1.0, np.inf, 2.0])), {"target": "y"}),
    ):
        with pytest.raises(ValueError) as caught:
            pm.Moments.scan(source, **options)
        texts.append(str(caught.value))
    with pytest.raises(ValueError) as caught:
        moments.update(X.select(["b", "y"]).to_pandas(), X["y"].to_pandas())
    texts.append(str(caught.value))
    for text in texts:
        assert not obeyed(text)
        assert len(text) < 1000


def test_names_are_made_printable():
    assert printable("plain, ⟨E⟩ 語\u00a0ü") == "plain, ⟨E⟩ 語\u00a0ü"
    assert printable("a\x1bb\nc\udcff\u202e\U000e0041") == "a\\x1bb\\nc\\udcff\\u202e\\U000e0041"
    assert printable("a\nb\x85", keep="\n") == "a\nb\\x85"
    assert len(plain("x" * 100_000)) == 60
    assert len(quoted("x" * 100_000)) == 62
    assert listed([f"c{k}" for k in range(100_000)]).endswith("'c11' and 99988 more")
    every = "".join(map(chr, range(0x110000)))
    assert not obeyed(printable(every))
    assert "\n" not in printable(every)
