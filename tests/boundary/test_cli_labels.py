"""The two labels of --energy ce: numbers or words, and what has others by file, column and row."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import pyrometer as pm

from .answers import one_line, only

POSITIVE = np.arange(80) % 3 == 1


@pytest.fixture
def labelled(rows, tmp_path):
    """Write the rows with a column of labels."""

    def write(negative, positive):
        X, _ = rows
        path = tmp_path / "labelled.csv"
        labels = np.where(POSITIVE, positive, negative)
        lines = [",".join([*map(repr, x.tolist()), str(label)]) for x, label in zip(X, labels, strict=True)]
        path.write_text("\n".join(["a,b,c,kind", *lines]) + "\n")
        return path

    return write


CHUNKS = pytest.mark.parametrize("chunks", [[], ["--chunk-rows", 30]], ids=["in memory", "scanned"])


@CHUNKS
@pytest.mark.parametrize(
    "pair",
    [
        (0, 1),
        (2, 1),
        (-0.5, 7),
        ("benign", "malignant"),
        ("FALSE", "TRUE"),
        ("true", "false"),
        ("0", "yes"),
        ("?", "1"),
    ],
)
def test_labels(run, labelled, rows, pair, chunks):
    X, _ = rows
    options = ["--target", "kind", "--energy", "ce", *([] if pair == (0, 1) else ["--labels", *pair]), *chunks]
    row = only(run("temperature", labelled(*pair), *options, "--format", "json"))
    expected = pm.temperature(pm.LogisticRegression(X, POSITIVE), pm.Normal(10.0))
    assert row["value"] == pytest.approx(expected.value, rel=1e-9)
    assert row["minimum_energy"] == pytest.approx(expected.minimum_energy, rel=1e-9)


@CHUNKS
@pytest.mark.parametrize(
    ("pair", "options", "message"),
    [
        ((0, 2), [], "must be 0 or 1, got 2.0 in row 2"),
        (("no", "yes"), [], "must be 0 or 1, got 'no' in row 1"),
        (("no", "yes"), ["--labels", "no", "maybe"], "must be 'no' or 'maybe', got 'yes' in row 2"),
    ],
)
def test_other_labels_are_named(run, labelled, pair, options, message, chunks):
    path = labelled(*pair)
    line = one_line(run("temperature", path, "--target", "kind", "--energy", "ce", *options, *chunks))
    assert f"{path}: column 'kind' {message}; pass its two labels (" in line
    assert "--labels NEG POS" in line


@pytest.mark.parametrize("words", [("False", "True"), ("TRUE", "FALSE"), ("0", "yes")])
def test_labels_beside_categories_are_those_of_the_file(run, rows, tmp_path, words):
    """A file of text has booleans, and a number among words is a word."""
    X, _ = rows
    made = []
    for labels in (("no", "maybe"), words):
        path = tmp_path / f"{labels[0]}.csv"
        lines = [
            ",".join([*map(repr, x.tolist()), "ab"[k % 5 == 0], labels[POSITIVE[k].astype(int)]])
            for k, x in enumerate(X)
        ]
        path.write_text("\n".join(["a,b,c,town,kind", *lines]) + "\n")
        options = ("--target", "kind", "--energy", "ce", "--labels", *labels, "--format", "json")
        for command in ("shift", "monitor"):
            result = run(command, path, path, *options)
            assert result.exit_code == 0, result.stderr
            made.append(json.loads(result.stdout)["tables"][0]["rows"][0] | {"name": ""})
    assert made[2:] == made[:2]


KINDS = {
    "text of digits": (pa.array(np.where(POSITIVE, "1", "0")), [("0", "1")]),
    "text of digits with zeros": (pa.array(np.where(POSITIVE, "007", "08")), [("08", "007")]),
    "text": (pa.array(np.where(POSITIVE, "nan", "1e3")), [("1e3", "nan")]),
    "booleans": (pa.array(POSITIVE), [("false", "True"), ("0", "1"), ("0.0", "1.0")]),
    "integers": (pa.array(np.where(POSITIVE, 1, 2)), [("2", "1"), ("2.0", "1.")]),
    "large integers": (pa.array(np.where(POSITIVE, 2**53 + 1, 2**53)), [(str(2**53), str(2**53 + 1))]),
    "numbers": (pa.array(np.where(POSITIVE, 0.5, -1.5)), [("-1.5", ".50"), ("-15e-1", "0.5")]),
    "decimals": (pa.array(np.where(POSITIVE, 1, 2)).cast(pa.decimal128(22, 2)), [("2", "1"), ("2.00", "1.0")]),
}


@pytest.mark.parametrize(("column", "words"), [(column, words) for column, pairs in KINDS.values() for words in pairs])
def test_words_stand_for_labels_of_every_kind(run, rows, tmp_path, column, words):
    X, _ = rows
    columns = {name: X[:, j] for j, name in enumerate("abc")} | {"kind": column}
    parquet.write_table(pa.table(columns), tmp_path / "rows.parquet")
    parquet.write_table(pa.table(columns | {"town": ["a", "b"] * 40}), tmp_path / "mixed.parquet")
    options = ("--target", "kind", "--energy", "ce", "--labels", *words)
    for path in (tmp_path / "rows.parquet", tmp_path / "mixed.parquet"):
        rest = () if path.name == "rows.parquet" else ("--drop", "town")
        for more in ((), ("--chunk-rows", 30)):
            row = only(run("temperature", path, *options, *rest, *more, "--format", "json"))
            expected = pm.minimum_energy(pm.LogisticRegression(X, POSITIVE)).value
            assert row["minimum_energy"] == pytest.approx(expected, rel=1e-9)
        result = run("monitor", path, path, *options, "--block", 1, "--format", "json")
        assert result.exit_code == 0, result.stderr
        (row,) = json.loads(result.stdout)["tables"][0]["rows"]
        assert row["energy"] == pytest.approx(expected, rel=1e-9)


@pytest.fixture
def parts(rows, tmp_path):
    """Write the rows of label 1 and then all, with words for the others, as two files of a folder."""
    X, _ = rows
    (tmp_path / "parts").mkdir()
    for name, taken in (("0.csv", POSITIVE), ("1.csv", np.full(80, True))):
        words = np.where(POSITIVE, "1", "x")[taken]
        lines = [",".join([*map(repr, x.tolist()), word]) for x, word in zip(X[taken], words, strict=True)]
        (tmp_path / "parts" / name).write_text("\n".join(["a,b,c,kind", *lines]) + "\n")
    return tmp_path / "parts"


@CHUNKS
def test_files_with_the_one_label_that_is_a_number(run, rows, parts, chunks):
    X, _ = rows
    options = ("--target", "kind", "--energy", "ce", "--labels", "1", "x", "--format", "json")
    system = pm.LogisticRegression(np.concatenate([X[POSITIVE], X]), np.r_[POSITIVE[POSITIVE], POSITIVE])
    expected = pytest.approx(pm.minimum_energy(system).value, rel=1e-9)
    assert only(run("temperature", parts, *options, *chunks))["minimum_energy"] == expected
    for command in ("shift", "monitor"):
        result = run(
            command, parts / "1.csv", parts / "0.csv", *options, *(["--block", 1] if command == "monitor" else [])
        )
        assert result.exit_code == 0, result.stderr


def test_classes_that_are_words_and_numbers(run, parts):
    options = ("--target", "kind", "--energy", "softmax")
    line = one_line(run("temperature", parts, *options))
    assert "1.csv: column 'kind' must have labels of one kind in all files, text or numbers, got 'x' in row 1" in line
    line = one_line(run("mix", parts / "1.csv", parts / "0.csv", *options))
    assert "0.csv: column 'kind' must have labels of one kind in all files, text or numbers, got 1.0 in row 1" in line


def test_words_of_a_model_stand_for_numbers(rows):
    X, _ = rows
    words = np.where(POSITIVE, "0", "1")
    model = pm.LogisticRegression(X, words, labels=("1", "0"))
    energies = [pm.DataState(X, y, model=model).energy for y in (words, words.astype(int))]
    assert energies[0] == energies[1]


def test_labels_of_two_files(run, labelled, rows):
    X, _ = rows
    path = labelled("no", "yes")
    options = ("--target", "kind", "--energy", "ce", "--labels", "no", "yes", "--format", "json")
    result = run("mix", path, path, *options)
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    expected = pm.temperature(pm.LogisticRegression(X, POSITIVE), pm.Normal(10.0)).value
    assert made["tables"][0]["rows"][2]["value"] == pytest.approx(expected, rel=1e-9)
    assert made["provenance"]["labels"] == "no yes"
    result = run("shift", path, path, *options, "--resamples", 99)
    assert json.loads(result.stdout)["tables"][0]["rows"][0]["energy_change"] == 0


def test_labels_of_a_sweep(run, labelled, rows, tmp_path):
    X, _ = rows
    labelled("no", "yes")
    config = tmp_path / "sweep.toml"
    system = 'data = "labelled.csv"\ntarget = "kind"\n'
    text = 'output = "out.json"\n[laws.wide]\nkind = "Normal"\nscale = 10\n[systems.kinds]\n' + system
    config.write_text(text + 'energy = "ce"\nlabels = ["no", "yes"]\n')
    result = run("sweep", config)
    assert result.exit_code == 0, result.stderr
    expected = pm.temperature(pm.LogisticRegression(X, POSITIVE), pm.Normal(10.0)).value
    (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert row["temperature"] == pytest.approx(expected, rel=1e-9)
    for more, message in (
        ('energy = "ce"\n', "column 'kind' must be 0 or 1, got 'no' in row"),
        ('energy = "ce"\nlabels = ["no"]\n', "two different labels"),
        ('labels = ["no", "yes"]\n', "labels are for energy = 'ce', got 'mse'"),
    ):
        config.write_text(text + more)
        line = one_line(run("sweep", config))
        assert message in line
        assert "systems.kinds" in line


def test_labels_of_another_loss(run, file):
    assert "--labels are for --energy ce" in one_line(run("temperature", file, "--target", "c", "--labels", 0, 1))
    same = run("temperature", file, "--target", "c", "--energy", "ce", "--labels", 1, 1)
    assert "two different labels" in one_line(same)
    same = run("temperature", file, "--target", "c", "--energy", "ce", "--labels", 1, "1.0")
    assert "must be '1' or '1.0', got" in one_line(same)
