"""The shipped data against the copies that scikit-learn has, and standardisation against its."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.preprocessing import StandardScaler

import pyrometer as pm


def test_diabetes_has_every_digit():
    ours, theirs = pm.datasets.diabetes(standardize=False), load_diabetes(scaled=False)
    np.testing.assert_array_max_ulp(ours.X, theirs.data, 1)  # older versions of scikit-learn read numbers so
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert list(ours.feature_names) == theirs.feature_names
    assert len(ours.units) == 10
    assert not ours.standardized


def test_breast_cancer_has_every_digit():
    ours, theirs = pm.datasets.breast_cancer(standardize=False), load_breast_cancer()
    np.testing.assert_array_equal(ours.X, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert list(ours.feature_names) == list(theirs.feature_names)
    assert theirs.target_names[1] == ours.target
    assert ours.licence == "CC BY 4.0"
    assert len(ours.units) == 30


def test_wine_has_every_digit():
    ours, theirs = pm.datasets.wine(standardize=False), load_wine()
    np.testing.assert_array_equal(ours.X, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target + 1)
    assert list(ours.feature_names) == list(theirs.feature_names)
    assert ours.licence == "CC BY 4.0"
    assert len(ours.units) == 13


@pytest.mark.parametrize("load", [pm.datasets.diabetes, pm.datasets.breast_cancer, pm.datasets.wine])
def test_standardised_features_and_raw_target(load):
    ours, raw = load(standardize=True), load(standardize=False)
    np.testing.assert_allclose(ours.X, StandardScaler().fit_transform(raw.X), rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.X.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose((ours.X**2).mean(axis=0), 1, rtol=1e-14)
    np.testing.assert_array_equal(ours.y, raw.y)
    assert set(ours.units) == {"sd"}


def test_frozen():
    data = pm.datasets.diabetes(standardize=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"
    with pytest.raises(ValueError, match="read-only"):
        data.X[0, 0] = 0.0


def test_units_are_a_choice():
    with pytest.raises(TypeError, match="standardize"):
        pm.datasets.diabetes()
    with pytest.raises(TypeError, match="standardize must be True or False"):
        pm.datasets.diabetes(standardize="yes")


@pytest.mark.parametrize("load", [pm.datasets.diabetes, pm.datasets.breast_cancer, pm.datasets.wine])
def test_shown_and_handed_on(load):
    data = load(standardize=False)
    frame = data.to_frame()
    np.testing.assert_array_equal(frame[list(data.feature_names)].to_numpy(), data.X)
    np.testing.assert_array_equal(frame[data.target].to_numpy(), data.y)
    assert frame.shape[1] == data.X.shape[1] + 1
    told = json.loads(json.dumps(data.to_dict(), allow_nan=False))
    assert told["rows"] == len(data.y)
    assert told["units"] == list(data.units)
    assert {"X", "y"}.isdisjoint(told)
    shown = repr(data)
    assert f"rows      {len(data.y)}" in shown
    assert data.licence in " ".join(shown.split())
    assert "mean 0" not in shown
    assert "mean 0 and variance 1" in repr(load(standardize=True))


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1.0, 1e150, 1e300])
def test_standardize_is_free_of_the_unit(factor):
    X = np.random.default_rng(7).normal(3.0, 2.0, size=(50, 2)) * [1.0, 0.5]
    np.testing.assert_allclose(pm.datasets.standardize(X * factor), pm.datasets.standardize(X), rtol=1e-12)


def test_standardize_keeps_digits_far_from_zero():
    # Quarters beside 2^40: every deviation is exact, and so must be the result.
    X = np.array([[0.0], [0.25], [0.5], [1.0]])
    np.testing.assert_allclose(pm.datasets.standardize(X + 2.0**40), pm.datasets.standardize(X), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("X", "names", "message"),
    [
        ([[1.0, 0.1], [2.0, 0.1], [4.0, 0.1]], ["a", "b"], "no constant feature.*'b' = 0.1; drop it"),
        ([[0.0], [0.0]], None, "feature 0 = 0"),
        ([[1.0, 2.0]], None, "at least 2 rows to be standardised, got 1; use the features as they are"),
        ([[1.0], [np.nan]], None, "must be finite, got feature 0"),
        ([[1.0], [np.inf]], ["a"], "must be finite, got feature 'a'"),
        ([1.0, 2.0], None, r"shape \(rows, features\)"),
        ([[1.0], [2.0]], ["a", "b"], "one name for each of the 1 feature, got 2"),
    ],
)
def test_standardize_refuses(X, names, message):
    with pytest.raises(ValueError, match=message):
        pm.datasets.standardize(X, names=names)
