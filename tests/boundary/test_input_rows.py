"""Bad input to absolute error and logistic systems: the same refusals as of squared error, and those of labels."""

import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).round(3)
Y = RNG.normal(size=20).round(3)
LABELS = (Y > 0).astype(float)
SYSTEMS = {"mae": pm.LinearRegression(X, Y, energy="mae"), "ce": pm.LogisticRegression(X, LABELS)}


def absolute(X, y):
    return pm.LinearRegression(X, y, energy="mae")


def put(array, place, value):
    changed = np.array(array, dtype=float)
    changed[place] = value
    return changed


BAD_X = {
    "nan": (put(X, (2, 1), np.nan), ValueError, "X must be finite, got nan at row 2, column 1"),
    "inf": (put(X, (19, 0), np.inf), ValueError, "X must be finite, got inf at row 19, column 0"),
    "float32": (
        put(X, (0, 2), -np.inf).astype(np.float32),
        ValueError,
        "X must be finite, got -inf at row 0, column 2",
    ),
    "stack": (np.stack([X, put(X, (5, 1), np.nan)]), ValueError, r"nan at row 5, column 1 of system \(1,\)"),
    "one axis": (X[:, 0], ValueError, r"X must have shape \(rows, features\).*X\[:, None\]"),
    "a number": (3.0, ValueError, "X must have shape"),
    "no rows": (X[:0], ValueError, "at least one row"),
    "other rows": (X[:-1], ValueError, r"y must have one value for each row.*\(19,\).*\(20,\)"),
    "complex": (X + 1j, TypeError, "X must be real"),
    "words": (X.astype(str), TypeError, "X must be numeric"),
    "objects": (X.astype(object), TypeError, "X must be numeric"),
    "none": (None, TypeError, "X must be numeric"),
    "ragged": ([[1.0, 2.0], [3.0]], ValueError, "different lengths"),
    "masked": (np.ma.masked_less(X, 0), ValueError, "masked"),
}


@pytest.mark.parametrize("make", [absolute, pm.LogisticRegression])
@pytest.mark.parametrize("case", BAD_X)
def test_bad_features(make, case):
    bad, error, message = BAD_X[case]
    y = LABELS if make is pm.LogisticRegression else Y
    if case == "a number":
        y = 4
    if case in ("no rows", "stack"):
        y = np.broadcast_to(y, (2, 20)) if case == "stack" else y[:0]
    with pytest.raises(error, match=message):
        make(bad, y)


BAD_Y = {
    "nan": (put(Y, 7, np.nan), ValueError, "y must be finite, got nan at row 7"),
    "inf": (put(Y, 0, np.inf), ValueError, "y must be finite, got inf at row 0"),
    "short": (Y[:-1], ValueError, r"y must have one value for each row.*\(20,\).*\(19,\)"),
    "column": (Y[:, None], ValueError, "ravel"),
    "scalar": (1.0, ValueError, "y must have one value"),
    "complex": (Y + 1j, TypeError, "y must be real"),
    "words": (Y.astype(str), TypeError, "y must be numeric"),
    "none": (None, TypeError, "y must be numeric"),
}


@pytest.mark.parametrize("case", BAD_Y)
def test_bad_targets(case):
    bad, error, message = BAD_Y[case]
    with pytest.raises(error, match=message):
        absolute(X, bad)


BAD_LABELS = {
    "nan": (put(LABELS, 7, np.nan), {}, ValueError, "y must be 0 or 1, got nan at row 7"),
    "two": (
        put(LABELS, 3, 2),
        {},
        ValueError,
        r"y must be 0 or 1, got 2.* at row 3; it has more than two classes \(0\.0, 1\.0, 2\.0\)",
    ),
    "minus one": (2 * LABELS - 1, {}, ValueError, "y must be 0 or 1, got -1"),
    "nearly": (put(LABELS, 0, 1e-300), {}, ValueError, "y must be 0 or 1, got 1e-300 at row 0"),
    "probabilities": (np.full(20, 0.5), {}, ValueError, "y must be 0 or 1, got 0.5 at row 0"),
    "short": (LABELS[:-1], {}, ValueError, r"y must have one value for each row.*\(20,\).*\(19,\)"),
    "column": (LABELS[:, None], {}, ValueError, "ravel"),
    "a number": (4, {}, ValueError, "y must have one value"),
    "a word": ("c", {"labels": ("a", "b")}, ValueError, "y must have one value"),
    "complex": (LABELS + 0j, {}, TypeError, "y must be real"),
    "words": (np.where(LABELS, "a", "b"), {}, TypeError, r"y must be numeric.*labels=\(neg, pos\)"),
    "none": (None, {}, TypeError, "y must be numeric"),
    "other words": (np.where(LABELS, "a", "b"), {"labels": ("a", "c")}, ValueError, "y must be 'a' or 'c', got 'b'"),
    "masked": (np.ma.masked_equal(LABELS, 0), {"labels": (0, 1)}, ValueError, "y must have no masked values"),
    "one label": (LABELS, {"labels": (0,)}, ValueError, r"two different labels.*got \(0,\)"),
    "no pair": (LABELS, {"labels": 3}, ValueError, "two different labels.*got 3"),
    "same twice": (LABELS, {"labels": (1, 1)}, ValueError, "two different labels"),
    "penalty": (LABELS, {"penalty": pm.L1(1.0)}, TypeError, "penalty"),
    "intercept": (LABELS, {"intercept": 1}, TypeError, "intercept must be True or False, got 1"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_labels(case):
    bad, options, error, message = BAD_LABELS[case]
    with pytest.raises(error, match=message):
        pm.LogisticRegression(X, bad, **options)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
@pytest.mark.parametrize("law", [pm.Normal([1.0, 2.0]), pm.Uniform([1.0] * 5), pm.Mixed([1.0], [1.0])])
@pytest.mark.parametrize("method", ["exact", "refined", "asymptotic", "monte-carlo"])
def test_a_law_of_another_size(system, law, method):
    for function in (pm.mean_energy, pm.temperature):
        with pytest.raises(ValueError, match="4"):
            function(system, law, method=method)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_what_needs_second_moments(system):
    with pytest.raises(ValueError, match="formula for squared error only.*monte-carlo"):
        pm.energy_variance(system, pm.Normal(1.0))
    with pytest.raises(TypeError, match="penalty"):
        pm.minimum_path(system, [1.0])
    with pytest.raises(TypeError, match="law must be"):
        pm.temperature(system, 2.0)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only(label):
    system = pm.LogisticRegression(X, np.full(20, label))
    with pytest.warns(pm.SeparationWarning, match="no finite minimiser exists"):
        minimum = pm.minimum_energy(system)
    assert (minimum.value, minimum.attained) == (0.0, False)
    assert minimum.gap < 1e-12


def test_a_constant_target():
    minimum = pm.minimum_energy(absolute(X, np.full(20, 3.0)))
    assert minimum.value == 0
    np.testing.assert_array_equal(minimum.parameters, [0, 0, 0, 3])


def test_sizes_at_the_ends_of_the_doubles():
    minimum = pm.minimum_energy(absolute(X, Y))
    tiny = pm.minimum_energy(absolute(X * [1.0, 1e-310, 1.0], Y * 1e-9))
    assert tiny.value == pytest.approx(1e-9 * minimum.value, rel=1e-4)  # 1e-310 has five digits
    assert tiny.parameters[1] == pytest.approx(1e301 * minimum.parameters[1], rel=1e-3)
    with pytest.raises(ValueError, match=r"within the range of a double, got about 10\^309.*column 1; multiply that"):
        pm.minimum_energy(absolute(X * [1.0, 1e-310, 1.0], Y))
    large = pm.minimum_energy(absolute(X, np.where(LABELS, 1.7e308, -1.7e308)))
    assert large.value == pytest.approx(1.7e308 * pm.minimum_energy(absolute(X, np.where(LABELS, 1.0, -1.0))).value)
    # A column of zeros is none of these.
    assert pm.minimum_energy(absolute(X * [1.0, 0.0, 1.0], Y)).rank == 2
