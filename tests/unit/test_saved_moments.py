"""Files of moments whose every field has been changed: each loads to the same moments, or is refused by name."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import pickle
import struct
import warnings
import zipfile

import numpy as np
import pytest

import pyrometer as pm

DATA = pathlib.Path(__file__).parent / "data"


def parts(rng):
    a = pm.Moments.of(rng.normal(size=(30, 2)), rng.normal(size=30))
    return a, pm.Moments.of(rng.normal(size=(9, 2)) + 1e3, rng.normal(size=9))


@pytest.fixture
def saved(tmp_path):
    """Moments with every field, and the fields of their file."""
    a, b = parts(np.random.default_rng(5))
    both = a + b
    named = pm.Moments(both.count, both.mean, both.scatter, intercept=True, names=("a", "b"), target="y")
    moments = both - b + named
    path = tmp_path / "whole.moments"
    moments.save(path)
    with np.load(path, allow_pickle=False) as archive:
        fields = {name: archive[name] for name in archive.files}
    return moments, json.loads(str(fields.pop("header"))), fields


def same(a, b):
    states = a._state(), b._state()
    return (all(np.array_equal(one, other) for one, other in zip(*states, strict=True)) and a.lost() is None) or (
        np.array_equal(a._accuracy, b._accuracy)
    )


def written(path, header, fields, **options):
    (np.savez_compressed if options.get("compressed") else np.savez)(
        path, header=np.array(json.dumps(header)), **fields
    )
    return pm.Moments.load(path)


WRONG = [
    None, True, False, 0, -1, 1.5, float("nan"), float("inf"), 2**53 + 1, 2**70, 10**400, "", "1", "ab", [], {}, [1],
    ["a"], ["a", 1], ["a", "b", "c"], [["a"], ["b"]], {"a": 1}, [None, None],
]  # fmt: skip


@pytest.mark.parametrize("field", ["format", "version", "count", "intercept", "names", "target"])
def test_every_field_of_the_header_is_checked(saved, tmp_path, field):
    moments, header, fields = saved
    path = tmp_path / "changed.npz"
    for wrong in WRONG:
        if wrong == header[field] and type(wrong) is type(header[field]):
            continue
        try:
            loaded = written(path, header | {field: wrong}, fields)
        except pm.MomentsFileError as error:
            message = str(error)
        else:  # what may be so
            assert (field, wrong) in [("intercept", False), ("names", None), ("target", None), ("target", "")] or (
                field == "target" and isinstance(wrong, str)
            )
            assert np.array_equal(loaded.scatter, moments.scatter)
            continue
        assert str(path) in message
        assert field in message
    with pytest.raises(pm.MomentsFileError, match=field):
        written(path, {name: value for name, value in header.items() if name != field}, fields)


def changes(array, rng):
    """Arrays that are not this one, most of them in one number."""
    yield from (
        array[..., :-1],
        array[None],
        array.ravel()[:1],
        np.zeros(0),
        np.float64(1.0),
        np.zeros((0, *array.shape)),
    )
    yield from (array.astype(kind) for kind in (np.float32, np.int64, np.complex128, bool, "U8", "S8", "M8[s]"))
    yield np.array([array, None], dtype=object)
    yield np.array([(1.0, 2)], dtype=[("x", float), ("y", int)])
    yield np.full_like(array, np.nan)
    for value in (np.nan, np.inf, -np.inf, 1e308, -1e308, -1.0):
        one = array.copy()
        one[tuple(rng.integers(size) for size in array.shape)] = value
        yield one
    yield -array if (array > 0).any() else array - 1.0
    yield rng.normal(size=array.shape)


@pytest.mark.parametrize("field", ["mean", "scatter", "accuracy", "scatter_low"])
def test_every_array_is_checked(saved, tmp_path, field):
    moments, header, fields = saved
    path = tmp_path / "changed.npz"
    rng = np.random.default_rng(6)
    refused = 0
    for wrong in changes(fields[field], rng):
        try:
            loaded = written(path, header, fields | {field: wrong})
        except pm.MomentsFileError as error:  # noqa: PERF203
            refused += str(path) in str(error)
        else:  # another mean, greater errors or other roundings are possible
            assert np.array_equal(loaded.scatter, wrong if field == "scatter" else moments.scatter)
            system = pm.LinearRegression.from_moments(loaded)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pm.PrecisionWarning)
                assert np.isfinite(pm.mean_energy(system, pm.Normal(1.0)).value)
                assert 0.0 <= pm.minimum_energy(system).digits <= 16.0
    assert refused >= 12
    for rest in ({name: array for name, array in fields.items() if name != field}, fields | {f"{field}2": np.zeros(2)}):
        if field != "scatter_low" or "scatter_low2" in rest:
            with pytest.raises(pm.MomentsFileError, match=field):
                written(path, header, rest)


def test_a_scatter_must_be_positive_semi_definite(tmp_path):
    rng = np.random.default_rng(7)
    path = tmp_path / "changed.npz"
    header = {"format": "pyrometer-moments", "version": 1, "count": 9, "intercept": True, "names": None, "target": None}
    for _ in range(200):
        p = int(rng.integers(2, 9))
        Q, _ = np.linalg.qr(rng.normal(size=(p, p)))
        eigenvalues = 10.0 ** rng.uniform(-3, 3, p)
        rank = rng.integers(1, p + 1)
        eigenvalues[rank:] = 0.0
        scale = 10.0 ** rng.uniform(-50, 50, p)

        def symmetric(values, Q=Q, scale=scale):
            S = (Q * values) @ Q.T * scale[:, None] * scale
            return (S + S.T) / 2

        fields = {"mean": rng.normal(size=p) * scale, "scatter": symmetric(eigenvalues)}
        assert np.array_equal(written(path, header, fields).scatter, fields["scatter"])
        eigenvalues[rng.integers(p)] = -1e-3 * eigenvalues.max()
        fields["scatter"] = symmetric(eigenvalues)
        with pytest.raises(pm.MomentsFileError, match=r"scatter must (be positive semi-definite|have a diagonal >= 0)"):
            written(path, header, fields)
        with pytest.raises(ValueError, match="scatter must"):
            pm.Moments(9, fields["mean"], fields["scatter"], intercept=True)
    for scatter in ([[0.0, 1.0], [1.0, 2.0]], [[-1e-300, 0.0], [0.0, 1.0]], [[1.0, 1.1], [1.1, 1.0]]):
        with pytest.raises(ValueError, match="scatter must"):
            pm.Moments(9, [0.0, 0.0], scatter, intercept=True)


def test_a_slightly_indefinite_scatter_has_few_digits():
    moments = pm.Moments(9, [0.0, 0.0, 0.0], [[1, 1 + 1e-9, 0], [1 + 1e-9, 1, 0.0], [0, 0, 1]], intercept=True)
    with pytest.warns(pm.PrecisionWarning):
        assert pm.minimum_energy(pm.LinearRegression.from_moments(moments)).digits < 9


def test_what_subtraction_left_can_be_saved(tmp_path):
    rng = np.random.default_rng(8)
    for seed in range(30):
        X = rng.normal(size=(12, 3))
        X[:, 2] = X[:, 0] + X[:, 1]
        spike = np.full((1, 3), 10.0 ** rng.uniform(0, 14))
        whole = pm.Moments.of(np.r_[X, spike], np.ones(13) * (seed % 2) + np.arange(13))
        left = whole - pm.Moments.of(spike, [12.0 + seed % 2])
        left.save(tmp_path / "left")
        assert np.array_equal(pm.Moments.load(tmp_path / "left").scatter, left.scatter)


def test_random_and_cut_files_are_refused(saved, tmp_path):
    moments, _, _ = saved
    path = tmp_path / "m"
    moments.save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(9)
    for end in range(0, len(whole), 101):
        path.write_bytes(whole[:end])
        with pytest.raises(pm.MomentsFileError, match="damaged file or another format"):
            pm.Moments.load(path)
    for size in (0, 1, 22, 100, 4096):
        path.write_bytes(rng.bytes(size))
        with pytest.raises(pm.MomentsFileError):
            pm.Moments.load(path)
    for _ in range(200):
        changed = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            changed[rng.integers(len(changed))] = rng.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(pm.MomentsFileError):
            assert same(pm.Moments.load(path), moments)


def test_a_compressed_member_says_its_size_before_it_is_read(saved, tmp_path):
    moments, header, fields = saved
    path = tmp_path / "compressed.npz"
    assert same(written(path, header, fields, compressed=True), moments)

    def bomb(declared, shape):
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in {"header": np.array(json.dumps(header)), **fields}.items():
                content = io.BytesIO()
                np.save(content, array)
                archive.writestr(f"{name}.npy", content.getvalue())
            archive.writestr("more.npy", head.getvalue() + bytes(declared))
        with pytest.raises(pm.MomentsFileError, match="more must"):
            pm.Moments.load(path)

    bomb(1 << 25, (1 << 22,))  # as its shape says, and a thousandth of it in the file
    bomb(1 << 10, (1 << 40,))  # a shape of terabytes
    bomb(1 << 10, (1 << 5,))


def test_a_header_that_is_no_object_is_refused(saved, tmp_path):
    _, header, fields = saved
    path = tmp_path / "m.npz"
    for text in ("", "[]", "1", "nul", '{"format": 1}', "[" * 100_000, "é", json.dumps(header)[:-1]):
        np.savez(path, header=np.array(text), **fields)
        with pytest.raises(pm.MomentsFileError, match="damaged file or another format"):
            pm.Moments.load(path)
    for array in (np.zeros(3), np.array(["{}", "{}"]), np.array(b"{}")):
        np.savez(path, header=array, **fields)
        with pytest.raises(pm.MomentsFileError, match="header"):
            pm.Moments.load(path)
    np.savez(path, **fields)
    with pytest.raises(pm.MomentsFileError, match="header"):
        pm.Moments.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", struct.pack("<6sBBH", b"\x93NUMPY", 1, 0, 0))
    with pytest.raises(pm.MomentsFileError):
        pm.Moments.load(path)


def test_files_and_pickles_of_version_0_1_0_load():
    rng = np.random.default_rng(7)
    X, y = rng.integers(-9, 9, size=(40, 2)).astype(float), rng.integers(-9, 9, size=40).astype(float)
    whole = pm.Moments.of(X, y)
    for moments in (
        pm.Moments.load(DATA / "moments-0.1.0.npz"),
        pickle.loads((DATA / "moments-0.1.0.pickle").read_bytes()),
    ):
        assert (moments.count, moments.names, moments.target, moments.intercept) == (40, ("größe", "b"), "price", True)
        np.testing.assert_allclose(moments.mean, whole.mean, rtol=1e-14)  # levels differ in last digits
        np.testing.assert_allclose(moments.scatter, whole.scatter, rtol=1e-14)
        assert moments.lost() is None
        assert (moments + whole - whole).count == 40
        found = pm.minimum_energy(pm.LinearRegression.from_moments(moments))
        assert found.value == pytest.approx(pm.minimum_energy(pm.LinearRegression(X, y)).value, rel=1e-13)
    stack = pm.Moments.load(DATA / "moments-stack-0.1.0.npz")
    np.testing.assert_allclose(stack.scatter[1], pm.Moments.of(2 * X, y).scatter, rtol=1e-14)


def test_every_difference_of_moments_loads_again(tmp_path):
    """Where high parts cancel, low ones may be larger: 2 of these sums were no pairs of doubles in order."""

    def of_rows(rng, m):
        X = np.round(rng.normal(size=(m, 2)), int(rng.integers(0, 3)))
        X[rng.random((m, 2)) < 0.2] *= 10.0 ** rng.integers(5, 23)
        return pm.Moments.of(X, np.round(rng.normal(size=m), 1))

    for seed in range(10_000, 13_200):
        rng = np.random.default_rng(seed)
        a, b = of_rows(rng, 10), of_rows(rng, 13)
        moments = (a + b) - a
        high, low = moments.scatter[np.triu_indices(3)], moments._scatter_low
        if not (high + low == high).all() or seed % 100 == 0:
            moments.save(tmp_path / "difference.moments")
            assert pm.Moments.load(tmp_path / "difference.moments").scatter.tolist() == moments.scatter.tolist()
