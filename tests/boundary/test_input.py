"""Bad and odd input to every public function: the right answer or a clear error, and nothing in between."""

import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).round(3)
Y = RNG.normal(size=20).round(3)
SYSTEM = pm.LinearRegression(X, Y)
LAW = pm.Normal(2.0)


def with_value(array, value):
    changed = np.array(array, dtype=float)
    changed.flat[7] = value
    return changed


BAD_DATA = {
    "nan in X": (with_value(X, np.nan), Y, ValueError, r"X.*nan.*row 2.*column 1"),
    "inf in X": (with_value(X, np.inf), Y, ValueError, r"X.*inf.*row 2.*column 1"),
    "nan in y": (X, with_value(Y, np.nan), ValueError, r"y.*nan.*row 7"),
    "-inf in y": (X, with_value(Y, -np.inf), ValueError, r"y.*inf.*row 7"),
    "one axis": (X[:, 0], Y, ValueError, r"X must have shape \(rows, features\).*X\[:, None\]"),
    "a number": (3.0, Y, ValueError, "X must have shape"),
    "short y": (X, Y[:-1], ValueError, r"y must have one value for each row.*\(20,\).*\(19,\)"),
    "y in a column": (X, Y[:, None], ValueError, r"ravel"),
    "scalar y": (X, 1.0, ValueError, "y must have one value"),
    "no rows": (X[:0], Y[:0], ValueError, "at least one row"),
    "complex X": (X + 1j, Y, TypeError, "X must be real"),
    "complex y": (X, Y + 1j, TypeError, "y must be real"),
    "strings": (X.astype(str), Y, TypeError, "X must be numeric"),
    "string y": (X, Y.astype(str), TypeError, "y must be numeric"),
    "objects": (X.astype(object), Y, TypeError, "X must be numeric"),
    "dates": (X.astype("datetime64[s]"), Y, TypeError, "X must be numeric"),
    "ragged": ([[1.0, 2.0], [3.0]], [1.0, 2.0], ValueError, "different lengths"),
    "masked": (np.ma.masked_less(X, 0), Y, ValueError, "masked"),
    "none": (None, Y, TypeError, "X must be numeric"),
    "a word": ("data", Y, TypeError, "X must be numeric"),
    "a dict": ({"a": 1}, Y, TypeError, "X must be numeric"),
}


@pytest.mark.parametrize("case", BAD_DATA)
@pytest.mark.parametrize("function", [pm.LinearRegression, pm.Moments.of, pm.Moments.of(X, Y).update])
def test_bad_data(function, case):
    bad_x, bad_y, error, message = BAD_DATA[case]
    with pytest.raises(error, match=message):
        function(bad_x, bad_y)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def padded(array):
    return np.repeat(array, 2, axis=-1)[..., ::2]


def unaligned(array):
    raw = np.zeros(array.nbytes + 1, dtype=np.uint8)
    result = raw[1:].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


class WithArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class WithDLPack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


ODD_DATA = {
    "lists": lambda a: a.tolist(),
    "Fortran order": np.asfortranarray,
    "strided": padded,
    "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "read-only": read_only,
    "big-endian": lambda a: a.astype(">f8"),
    "unaligned": unaligned,
    "long double": lambda a: a.astype(np.longdouble),
    "matrix": lambda a: np.asmatrix(a) if a.ndim == 2 else a,
    "masked, none masked": lambda a: np.ma.masked_array(a, mask=False),
    "__array__": WithArray,
    "DLPack": WithDLPack,
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("case", ODD_DATA)
def test_odd_data_give_the_same_answer(case):
    change = ODD_DATA[case]
    system = pm.LinearRegression(change(X), change(Y))
    assert pm.temperature(system, LAW) == pm.temperature(SYSTEM, LAW)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.float16, np.float32, bool])
def test_other_numbers(dtype):
    small = (np.abs(X) * 3).astype(dtype)
    target = (np.abs(Y) * 3).astype(dtype)
    expected = pm.temperature(pm.LinearRegression(small.astype(float), target.astype(float)), LAW).value
    assert pm.temperature(pm.LinearRegression(small, target), LAW).value == pytest.approx(expected, rel=1e-12)


def test_one_row_has_no_residual():
    result = pm.temperature(pm.LinearRegression(X[:1], Y[:1]), LAW)
    assert result.minimum_energy == pytest.approx(0, abs=1e-25)
    assert result.energy == pytest.approx(4 * (X[0] @ X[0] + 1) + Y[0] ** 2, rel=1e-13)


def test_no_features_leave_the_intercept():
    system = pm.LinearRegression(X[:, :0], Y)
    assert system.parameters == 1
    assert pm.minimum_energy(system).value == pytest.approx(Y.var(), rel=1e-13)
    with pytest.raises(ValueError, match="at least one parameter"):
        pm.LinearRegression(X[:, :0], Y, intercept=False)


@pytest.mark.parametrize("law", [pm.Normal, pm.Uniform, lambda v: pm.Mixed(v, [1.0]), lambda v: pm.Mixed([1.0], v)])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0.0, ValueError, "finite and > 0, got 0.0"),
        (-1.0, ValueError, "finite and > 0, got -1.0"),
        ([1.0, np.nan], ValueError, "got nan at index 1"),
        ([[1.0], [np.inf]], ValueError, r"got inf at index \(1, 0\)"),
        ([], ValueError, "at least one value"),
        (1j, TypeError, "must be real"),
        ("wide", TypeError, "must be numeric"),
        (None, TypeError, "must be numeric"),
        ([1.0, None], TypeError, "must be numeric"),
    ],
)
def test_bad_scales(law, value, error, message):
    with pytest.raises(error, match=message):
        law(value)


@pytest.mark.parametrize(
    "law", [pm.Normal([1.0, 2.0]), pm.Uniform([1.0] * 5), pm.Mixed([1.0], [1.0]), pm.Normal(np.ones(200))]
)
@pytest.mark.parametrize(
    "function",
    [pm.mean_energy, pm.entropy, pm.temperature, pm.energy_variance, lambda s, w: pm.sample_energies(s, w, samples=3)],
)
def test_a_law_of_another_size(function, law):
    with pytest.raises(ValueError, match="4"):
        function(SYSTEM, law)


def test_batches_that_do_not_broadcast():
    with pytest.raises(ValueError, match="broadcast"):
        pm.Mixed(np.ones((2, 1)), np.ones((3, 1)))


@pytest.mark.parametrize(
    "function",
    [
        pm.mean_energy,
        pm.entropy,
        pm.temperature,
        pm.energy_variance,
        lambda s, w: pm.sample_energies(s, w, samples=3),
        lambda s, w: pm.sample_parameters(s, w, samples=3),
    ],
)
def test_what_is_not_a_system_or_a_law(function):
    with pytest.raises(TypeError, match="system must be"):
        function(X, LAW)
    with pytest.raises(TypeError, match="law must be"):
        function(SYSTEM, 2.0)
    with pytest.raises(TypeError, match="system must be"):
        pm.minimum_energy(X)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "guess"}, ValueError, "method must be one of"),
        ({"method": None}, ValueError, "method must be one of"),
        ({"method": ["exact"]}, ValueError, "method must be one of"),
        ({"samples": 1}, ValueError, "samples must be at least 2"),
        ({"samples": 2.5}, TypeError, "samples must be a whole number"),
        ({"samples": True}, TypeError, "samples must be a whole number"),
        ({"rng": -1}, ValueError, "rng must be a seed >= 0"),
        ({"rng": 1.5}, TypeError, "rng must be"),
        ({"rng": "seed"}, TypeError, "rng must be"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"threads": 1.5}, TypeError, "threads must be a whole number"),
        ({"seed": 3}, TypeError, "seed"),
    ],
)
@pytest.mark.parametrize("function", [pm.mean_energy, pm.temperature])
def test_bad_options(function, options, error, message):
    with pytest.raises(error, match=message):
        function(SYSTEM, LAW, **({"method": "monte-carlo"} | options))


@pytest.mark.parametrize("resolution", [0.0, -1.0, np.nan, np.inf])
def test_bad_resolution(resolution):
    for function in (pm.entropy, pm.temperature):
        with pytest.raises(ValueError, match="resolution"):
            function(SYSTEM, LAW, resolution=resolution)


@pytest.mark.parametrize("penalty", [pm.L1, pm.L2])
@pytest.mark.parametrize("lam", [-1.0, np.nan, np.inf])
def test_bad_penalties(penalty, lam):
    with pytest.raises(ValueError, match="lam must be finite and >= 0"):
        penalty(lam)
    with pytest.raises(TypeError, match="lam must be a real number"):
        penalty("much")
    with pytest.raises(TypeError, match="penalty must be"):
        pm.LinearRegression(X, Y, penalty=0.1)


def test_bad_descriptions():
    with pytest.raises(ValueError, match="energy must be one of"):
        pm.LinearRegression(X, Y, energy="mbe")
    with pytest.raises(TypeError, match="intercept must be True or False"):
        pm.LinearRegression(X, Y, intercept=1)
    with pytest.raises(TypeError, match="moments must be a Moments"):
        pm.LinearRegression.from_moments(X)


def test_frozen():
    for thing, field in ((SYSTEM, "energy"), (LAW, "scale"), (pm.temperature(SYSTEM, LAW), "value")):
        with pytest.raises(AttributeError):
            setattr(thing, field, None)
    with pytest.raises(ValueError, match="read-only"):
        LAW.scale[...] = 3.0


@pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")
def test_sources_of_randomness():
    def sampled(rng):
        return pm.mean_energy(SYSTEM, LAW, method="monte-carlo", samples=50, rng=rng).value

    assert sampled(7) == sampled(np.random.SeedSequence(7)) == sampled(np.int64(7))
    assert sampled(7) != sampled(8)
    assert sampled(None) != sampled(None)
    generator = np.random.default_rng(1)
    assert sampled(generator) != sampled(generator)
    assert sampled(np.random.default_rng(1)) == sampled(np.random.default_rng(1))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_data_frames_keep_their_names(library):
    module = pytest.importorskip(library)
    names = ["a", "b", "c"]
    columns = {name: X[:, j] for j, name in enumerate(names)} | {"t": Y}
    frame = module.table(columns) if library == "pyarrow" else module.DataFrame(columns)
    features = frame.select(names) if library != "pandas" else frame[names]
    system = pm.LinearRegression(features, frame["t"])
    assert system.moments.names == ("a", "b", "c")
    assert pm.temperature(system, LAW) == pm.temperature(SYSTEM, LAW)


def test_bad_frames():
    import pandas as pd
    import polars as pl

    words = pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(TypeError, match=r"column 'b' of type String"):
        pm.LinearRegression(words, [1.0, 2.0])
    gaps = pl.DataFrame({"a": [1.0, None]})
    with pytest.raises(ValueError, match=r"1 in column 'a'"):
        pm.LinearRegression(gaps, [1.0, 2.0])
    with pytest.raises(ValueError, match="single column"):
        pm.LinearRegression(pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"t": [1.0, 2.0], "u": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="use a data frame"):
        pm.LinearRegression(pd.Series([1.0, 2.0]), [1.0, 2.0])
