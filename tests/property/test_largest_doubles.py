"""Data near the ends of the range of doubles: right or refused, and no warning of NumPy."""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm
from pyrometer.base import mean_of

# Those whose squares are in the range of doubles, and all.
ROOTS = (1e-150, 1.0, 1e100, 1e150)
SIZES = (1e-305, 1.0, 1e154, 1e290, 1e307, np.finfo(float).max)


@pytest.fixture(autouse=True)
def _no_warnings_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        yield


def numbers(rng, *shape, among=SIZES):
    """Return numbers of one size, or of several."""
    sizes = rng.choice(among, size=shape) if rng.random() < 0.5 else rng.choice(among)
    return rng.uniform(-1.0, 1.0, shape).round(3) * sizes


def weights(rng, m):
    return None if rng.random() < 0.5 else 10.0 ** rng.uniform(-20, 20, m)


def mean(values, by=None):
    """Return the mean of numbers exactly."""
    by = [1] * len(values) if by is None else list(map(Fraction, by.tolist()))
    return sum(Fraction(v) * w for v, w in zip(values.tolist(), by, strict=True)) / sum(by)


@pytest.mark.parametrize("seed", range(20))
def test_means(seed):
    rng = np.random.default_rng(seed)
    values, by = numbers(rng, 7, 3), weights(rng, 7)
    for found, column in zip(mean_of(values, by), values.T, strict=True):
        error = abs(Fraction(float(found)) - mean(column, by))
        assert error <= Fraction(2.0**-48) * Fraction(float(np.abs(column).max())) + Fraction(2) ** -1074
    assert mean_of(np.full(9, SIZES[-1])) == pytest.approx(SIZES[-1], rel=1e-15)


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_absolute_error(first):
    """The energy is at most that of parameters 0."""
    found = 0
    for seed in range(first, first + 100):
        rng = np.random.default_rng(seed)
        m = int(rng.choice([1, 2, 5, 9]))
        X, y, by = numbers(rng, m, int(rng.integers(1, 4))), numbers(rng, m), weights(rng, m)
        try:
            least = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae", intercept=seed % 2 == 0, weights=by))
        except ValueError:
            continue
        found += 1
        assert Fraction(least.value) <= mean(np.abs(y), by) * Fraction(1.0 + 1e-9) + Fraction(2) ** -1070
        assert np.isfinite(least.parameters).all()
    assert found > 40


def solved(kind, rng):
    """Return energies of a problem of any size."""
    m, p = int(rng.choice([2, 5, 9])), int(rng.integers(1, 4))
    among = SIZES if rng.random() < 0.3 else ROOTS
    X, y, by, intercept = (
        numbers(rng, m, p, among=among),
        numbers(rng, m, among=among),
        weights(rng, m),
        rng.random() < 0.5,
    )
    if kind == "ce":
        return pm.minimum_energy(pm.LogisticRegression(X, y > 0, intercept=intercept, weights=by)).value
    if kind == "softmax":
        return pm.minimum_energy(pm.SoftmaxRegression(X, np.arange(m) % 3, labels=range(3), weights=by)).value
    if kind == "moments":
        own = pm.Moments.of(X, y)
        both = own + pm.Moments.of(numbers(rng, 4, p, among=ROOTS), numbers(rng, 4, among=ROOTS))
        return pm.minimum_energy(pm.LinearRegression.from_moments(both - own)).value
    if kind == "path":
        return pm.minimum_path(pm.LinearRegression(X, y, penalty=pm.L1(1.0)), rng.choice(SIZES, 3)).value
    if kind == "training":
        return pm.training_path(pm.LinearRegression(X, y), pm.Normal(rng.choice(ROOTS)), rng.choice(ROOTS, 3)).energy
    penalty = {"mse": None, "l1": pm.L1(rng.choice(SIZES)), "l2": pm.L2(rng.choice(SIZES))}[kind]
    return pm.minimum_energy(pm.LinearRegression(X, y, penalty=penalty, intercept=intercept, weights=by)).value


@pytest.mark.parametrize("kind", ["mse", "l1", "l2", "ce", "softmax", "moments", "path", "training"])
def test_solvers(kind):
    found = 0
    for seed in range(80):
        try:
            energy = solved(kind, np.random.default_rng([seed, len(kind)]))
        except ValueError:
            continue
        assert np.isfinite(energy).all()
        found += 1
    assert found > 5


@pytest.mark.parametrize("kind", ["LADRegressor", "OLSRegressor", "LogisticClassifier", "SoftmaxClassifier"])
def test_predictions_of_estimators(kind):
    """Those within the doubles are right, whatever their terms; the others are refused."""
    found, refused, classifier = 0, 0, "Classifier" in kind
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, labels = rng.normal(size=(9, 2)), np.arange(9) % (3 if kind == "SoftmaxClassifier" else 2)
        y = rng.permutation(labels) if classifier else 1e10 * rng.normal(size=9)
        model = getattr(pm.estimators, kind)().fit(X, y)
        rows = rng.choice([-1.0, 1.0], (1, 2)) * rng.choice([1e290, 1e300, 1.7e308], (1, 2))
        constants, slopes = np.ravel(model.intercept_).tolist(), np.atleast_2d(model.coef_).tolist()
        exact = [
            Fraction(b) + sum(Fraction(v) * Fraction(c) for v, c in zip(rows[0].tolist(), row, strict=True))
            for b, row in zip(constants, slopes, strict=True)
        ]
        try:
            values = np.ravel((model.decision_function if classifier else model.predict)(rows))
        except ValueError as error:
            assert "X must have predictions below 1.8e308, got an overflow at row 0" in str(error)  # noqa: PT017
            assert max(map(abs, exact)) > Fraction(1.7e308)
            refused += 1
            continue
        terms = Fraction(np.abs(model.coef_).max()) * Fraction(np.abs(rows).max())
        for value, true in zip(values.tolist(), exact, strict=True):
            assert abs(Fraction(value) - true) <= terms * Fraction(2.0**-48)
        if classifier:
            assert np.isfinite(model.predict_proba(rows)).all()
        found += 1
    assert found > 5
    assert refused > 2


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_shifts_of_columns_with_missing_numbers(first):
    """The number in the place of missing ones, the mean of the others, is finite."""
    for seed in range(first, first + 20):
        rng = np.random.default_rng(seed)
        frames = [
            pd.DataFrame({"a": np.where(rng.random(30) < 0.3, np.nan, numbers(rng, 30)), "b": rng.normal(size=30)})
            for _ in range(2)
        ]
        by = tuple(rng.exponential(size=30) for _ in range(2)) if seed % 2 else None
        try:
            result = pm.shift(*frames, weights=by, block=1 + seed % 3, resamples=99, rng=0)
        except ValueError as error:
            assert "within 80 powers of ten" in str(error)  # noqa: PT017
        else:
            assert 0.0 < result.p_value <= 1.0


def test_pictures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    for size in (5e-324, 1e-320, 1e-300, 1.0, 1e279):
        pm.plot.residuals({"a": [size, -size, 0.0], "b": [size, size]}).figure.canvas.draw()
    with pytest.raises(ValueError, match=r"residuals must be below 1e280 in size, got 1e\+300"):
        pm.plot.residuals({"a": [1e300, -1e300]})
    system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], energy="mae")
    huge = pm.LinearRegression([[1e288], [2e288]], [1.0, 2.0], energy="mae")
    ax = pm.plot.temperature(huge, pm.Normal(1.0), factors=[1.0, 2.0, 4.0])
    ax.figure.canvas.draw()
    assert "3 beyond 1e±280 not drawn" in [text.get_text() for text in ax.texts]
    for scale in (1e-270, 1e270):
        pm.plot.temperature(system, pm.Normal(scale)).figure.canvas.draw()
    for scale in (1e-300, 1e306):
        with pytest.raises(ValueError, match="law and factors must give scales from 1e-280 to 1e280, got"):
            pm.plot.temperature(system, pm.Normal(scale))
