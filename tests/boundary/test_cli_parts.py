"""The folder of a sweep's parts: nobody else's files are touched, and whatever is damaged is computed again."""

import importlib
import io
import json
import os
import shutil

import numpy as np
import pytest

from pyrometer.sweeps import _plan

RUN = importlib.import_module("pyrometer.sweeps._sweep")
CONFIG = """
output = "out.csv"
[systems.squares]
data = "rows.csv"
target = "price"
[laws.wide]
kind = "Normal"
scale = {logspace = [0, 2, 5]}
[laws.narrow]
kind = "Uniform"
length = [0.5, 2]
"""


class Stop(KeyboardInterrupt):
    """An interrupt of these tests."""


@pytest.fixture
def sweep(run, file, monkeypatch):
    """Run a sweep of small parts, which stops before one of them; give the result and the number of those computed."""
    monkeypatch.setattr(_plan, "_NANOSECONDS", 1.0)
    (file.parent / "sweep.toml").write_text(CONFIG)

    def invoke(stop=1 << 30):
        computed = []

        def work(*arguments):
            if len(computed) == stop:
                raise Stop
            computed.append(1)
            return _plan.run(*arguments)

        monkeypatch.setattr(RUN, "run", work)
        return run("sweep", file.parent / "sweep.toml"), len(computed)

    return invoke


@pytest.fixture
def whole(sweep, file):
    """Return the output of a run that was not disturbed, the output itself and the folder of a run that was stopped."""
    output, parts = file.parent / "out.csv", file.parent / "out.csv.parts"
    result, computed = sweep()
    assert (result.exit_code, computed) == (0, 7)
    content = output.read_bytes()
    output.unlink()
    result, computed = sweep(stop=5)
    assert (result.exit_code, computed) == (130, 5)
    assert sorted(os.listdir(parts)) == ["0-0.npz", "1-4.npz", "sweep.json"]
    return content, output, parts


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.txt": "x"},
        {"thesis.txt": "x", "sweep.json": "[]"},
        {"sweep.json": '{"mine": 1}'},
        {"sweep.json": '{"format": "another", "key": "a"}'},
        {"sweep.json": "x" * 10_000},
        {"0-3.npz": "my array"},
        {"sub/0-3.npz": "my array"},
        {"sub/thesis.txt": "x", "sweep.json": ""},
    ],
)
def test_a_folder_that_is_not_a_sweep_s_is_refused(sweep, file, files):
    parts = file.parent / "out.csv.parts"
    for name, text in files.items():
        (parts / name).parent.mkdir(parents=True, exist_ok=True)
        (parts / name).write_text(text)
    before = snapshot(file.parent)
    result, computed = sweep()
    assert (result.exit_code, computed) == (2, 0)
    assert result.stderr.count("\n") == 1
    assert "out.csv.parts must" in result.stderr
    assert "move it away" in result.stderr or "remove the folder" in result.stderr
    assert snapshot(file.parent) == before


def test_links_and_other_files_in_its_place(sweep, whole, tmp_path):
    content, output, parts = whole
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(parts, elsewhere)
    before = snapshot(elsewhere)
    # The folder is a link; a part is a link; the mark is one; a part is a folder; the folder is a file.
    shutil.rmtree(parts)
    os.symlink(elsewhere, parts)
    assert sweep()[0].exit_code == 2
    os.unlink(parts)
    for name in ("1-4.npz", "sweep.json", "5-6.npz"):
        shutil.copytree(elsewhere, parts)
        if (parts / name).exists():
            (parts / name).unlink()
        os.symlink(elsewhere / "0-0.npz", parts / name)
        result, _ = sweep()
        assert (result.exit_code, f"holds '{name}', which is not a regular file" in result.stderr) == (2, True)
        shutil.rmtree(parts)
    shutil.copytree(elsewhere, parts)
    (parts / "5-6.npz").mkdir()
    assert sweep()[0].exit_code == 2
    shutil.rmtree(parts)
    parts.write_text("a file")
    assert sweep()[0].exit_code == 2
    assert parts.read_text() == "a file"
    assert snapshot(elsewhere) == before
    parts.unlink()
    assert sweep()[0].exit_code == 0
    assert output.read_bytes() == content


def test_a_foreign_file_stays_and_so_does_the_folder(sweep, whole):
    content, output, parts = whole
    (parts / "thesis.txt").write_text("x")
    (parts / "sub").mkdir()
    (parts / ".1-4.npz.0123456789abcdef").write_text("what a killed run left")
    result, computed = sweep()
    assert (result.exit_code, computed) == (0, 2)
    assert "out.csv.parts stays" in result.stderr
    assert sorted(os.listdir(parts)) == ["sub", "thesis.txt"]
    assert output.read_bytes() == content


def test_an_empty_folder_is_used(sweep, whole):
    content, output, parts = whole
    shutil.rmtree(parts)
    parts.mkdir()
    assert sweep()[0].exit_code == 0
    assert output.read_bytes() == content
    assert not parts.exists()


@pytest.mark.parametrize("mark", ["", "[]", "null", "garbage", "[" * 4000, "\xff", "1", '"key"'])
def test_a_damaged_mark_is_written_again(sweep, whole, mark):
    content, output, parts = whole
    (parts / "sweep.json").write_text(mark, encoding="latin-1")
    result, computed = sweep()
    assert (result.exit_code, computed) == (0, 2)  # the parts say themselves which sweep they are of
    assert output.read_bytes() == content
    assert not parts.exists()


def damages(path):
    with np.load(path) as file:
        good = dict(file)

    def saved(**changed):
        file = io.BytesIO()
        np.savez(file, **{name: array for name, array in (good | changed).items() if array is not None})
        return file.getvalue()

    original = path.read_bytes()
    yield from (b"", b"[]", b"\x00", b"\x80\x05N.", b"PK\x05\x06" + bytes(18), original[:-1], original[:300])
    yield original.replace(b"float", b"flaot") + b"x"
    yield from (saved(**{name: None}) for name in good)
    for name, array in good.items():
        yield saved(**{name: array[..., None]})
        yield saved(**{name: array.astype("S3")})
        yield saved(**{name: np.array(7)})
    yield saved(key=np.array("another"))
    yield saved(numbers=good["numbers"][:, :-1])
    yield saved(numbers=good["numbers"].astype(np.float32))
    yield saved(numbers=good["numbers"].astype(complex))
    yield saved(verdicts=good["verdicts"] + np.int8(100))
    yield saved(methods=good["methods"] - np.int8(1))
    rng = np.random.default_rng(2)
    for place in rng.integers(0, len(original), 40):
        flipped = bytearray(original)
        flipped[place] ^= 1 << rng.integers(8)
        yield bytes(flipped)


def test_damaged_parts_are_computed_again(sweep, whole):
    content, output, parts = whole
    good = snapshot(parts)
    for damaged in damages(parts / "1-4.npz"):
        parts.mkdir(exist_ok=True)
        for name, held in good.items():
            (parts / name).write_bytes(held)
        (parts / "1-4.npz").write_bytes(damaged)
        result, computed = sweep()
        assert (result.exit_code, result.stderr.count("\n")) == (0, 1), result.stderr
        assert computed in (2, 6)  # 2 where the bytes do not matter
        assert output.read_bytes() == content
        assert not parts.exists()


def test_parts_beyond_the_plan_are_left_out(sweep, whole):
    content, output, parts = whole
    for name in ("5-7.npz", "6-2.npz", "7-7.npz", "999999999999999999-999999999999999999.npz", "05-06.npz"):
        shutil.copy(parts / "1-4.npz", parts / name)
    result, computed = sweep()
    assert (result.exit_code, computed) == (0, 2)
    assert output.read_bytes() == content
    assert not parts.exists()


@pytest.mark.parametrize("moved", [shutil.copy, shutil.move])
def test_parts_under_the_name_of_others_are_computed_again(sweep, whole, moved):
    content, output, parts = whole
    moved(parts / "1-4.npz", parts / "2-5.npz")
    result, computed = sweep()
    assert (result.exit_code, computed) == (0, 2 if moved is shutil.copy else 6)
    assert output.read_bytes() == content


def test_parts_know_their_sweep(whole):
    _, _, parts = whole
    key = json.loads((parts / "sweep.json").read_text())["key"]
    with np.load(parts / "0-0.npz") as file:
        assert str(file["key"]) == key
