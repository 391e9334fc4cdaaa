"""Moments that are copied, pickled, saved and loaded: the same bits, or a refusal."""

import copy
import json
import pickle

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.data._moments import Moments

RNG = np.random.default_rng(21)


def same(a, b):
    return (
        (a.count, a.intercept, a.names, a.target) == (b.count, b.intercept, b.names, b.target)
        and a.mean.tobytes() == b.mean.tobytes()
        and a.scatter.tobytes() == b.scatter.tobytes()
        and a.scatter.shape == b.scatter.shape
    )


MOMENTS = [
    Moments.of(RNG.normal(size=(9, 3)), RNG.normal(size=9), intercept=False),
    Moments.of(RNG.normal(size=(2, 5, 9, 1)), RNG.normal(size=(2, 5, 9))),
    Moments(4, [1.0, 2.0], [[3.0, 0.5], [0.5, 1.0]], intercept=True, names=("größe",), target="y\n"),
    Moments.of(np.empty((3, 0)), [1.0, 2.0, 4.0]),
]


@pytest.mark.parametrize("moments", MOMENTS)
def test_copies_pickles_and_files_are_the_same_bits(moments, tmp_path):
    path = tmp_path / "moments.of today"
    path.write_text("what was here before")
    moments.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["moments.of today"]
    others = [moments.copy(), copy.copy(moments), copy.deepcopy(moments), Moments.load(str(path))]
    others += [pickle.loads(pickle.dumps(moments, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for other in others:
        assert same(moments, other)
        assert not other.scatter.flags.writeable


def test_arrays_cannot_be_changed_behind_a_copy():
    moments = MOMENTS[0].copy()
    with pytest.raises(ValueError, match="read-only"):
        moments.mean[0] = 0.0


def test_damaged_files_are_refused_or_harmless(tmp_path):
    path = tmp_path / "moments"
    MOMENTS[2].save(path)
    whole = path.read_bytes()
    for end in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(pm.MomentsFileError, match="damaged file or another format"):
            Moments.load(path)
    messages = []
    for place in range(0, len(whole), 3):  # some bytes mean nothing, such as times of day
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert same(Moments.load(path), MOMENTS[2])
        except pm.MomentsFileError as error:
            messages.append(str(error))
    assert len(messages) > len(whole) / 6
    assert all(str(path) in message for message in messages)


def test_foreign_and_newer_files_are_refused(tmp_path):
    path = tmp_path / "moments"
    header = {"format": "pyrometer-moments", "version": 1, "count": 2, "intercept": True, "names": None, "target": None}

    def load(**changes):
        arrays = {"mean": np.zeros(2), "scatter": np.eye(2)}
        arrays |= {name: changes.pop(name) for name in list(changes) if name in arrays}
        with open(path, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header | changes)), **arrays)
        return Moments.load(path)

    assert load().count == 2
    for changes, message in (
        ({"version": 5}, "version 4 or older, got 5; upgrade"),
        ({"format": "something-else"}, "something-else"),
        ({"version": "1"}, "damaged file or another format"),
        ({"count": 0}, "count must be at least 1"),
        ({"scatter": np.eye(3)}, "scatter must have shape"),
        ({"scatter": np.array([[1.0, 2.0], [3.0, 4.0]])}, "symmetric"),
        ({"mean": np.array([np.nan, 0.0])}, "finite"),
        ({"names": ["a", "b"]}, "names must be 1 strings"),
        ({"more": 1}, "more"),
    ):
        with pytest.raises(pm.MomentsFileError, match=message):
            load(**changes)
    np.save(path.with_suffix(".npy"), np.eye(3))
    with pytest.raises(pm.MomentsFileError, match="another format"):
        Moments.load(path.with_suffix(".npy"))
    with pytest.raises(FileNotFoundError):
        Moments.load(tmp_path / "nothing")
    with pytest.raises(TypeError, match="path"):
        Moments.load(3.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sizes: sizes[:-1], r"smallest must have shape \(3,\), got \(2,\)"),
        (lambda sizes: -1.0 - sizes, "smallest must be mean squares, or minus those of far smaller rows, got -"),
        (lambda sizes: sizes + np.nan, "smallest must be mean squares, or minus .* got nan"),
    ],
)
def test_malformed_sizes_of_rows_that_others_hide_are_refused(change, message, tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 2))
    X[4] = 1e13
    path = tmp_path / "moments"
    saved = Moments.of(X, X[:, 0])
    saved.save(path)
    assert same(Moments.load(path), saved)
    arrays = dict(np.load(path))
    arrays["smallest"] = change(arrays["smallest"])
    with open(path, "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(pm.MomentsFileError, match=message):
        Moments.load(path)


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "moments"
    MOMENTS[0].save(path)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        MOMENTS[1].save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["moments"]
    assert same(Moments.load(path), MOMENTS[0])


@pytest.mark.parametrize("weight", ["1/0", "x", "7", "-1", "1/3", "1e999999999", f"{10**400}", 1.3])
def test_malformed_sums_of_weights_are_refused(weight, tmp_path):
    path = tmp_path / "moments"
    saved = Moments.of(np.arange(8.0).reshape(4, 2), np.arange(4.0), weights=[0.1, 0.3, 0.7, 0.2])
    saved.save(path)
    assert same(Moments.load(path), saved)
    arrays = dict(np.load(path))
    arrays["header"] = np.array(json.dumps(json.loads(str(arrays["header"])) | {"weight": weight}))
    with open(path, "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(pm.MomentsFileError, match="weight must be a fraction equal to count"):
        Moments.load(path)
