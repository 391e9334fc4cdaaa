"""What must hold of every minimum energy, whatever the data."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")

penalties = st.sampled_from(
    [None, pm.L2(0.1), pm.L2(0.1, intercept=False), pm.L1(0.1), pm.L1(0.1, intercept=False), pm.L1(3.0)]
)


@st.composite
def problems(draw):
    """Draw rows with ties, dependent and constant columns, shifts and units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    m, p = draw(st.integers(1, 25)), draw(st.integers(1, 6))
    X = rng.normal(size=(m, p))
    if draw(st.booleans()):
        X = X.round()
    for _ in range(draw(st.integers(0, 2))):
        a, b = rng.integers(p, size=2)
        X[:, a] = draw(st.sampled_from([X[:, b], X[:, b] - X[:, a], np.full(m, 2.5), np.zeros(m)]))
    X = X * draw(st.sampled_from([1.0, 1e-3, 1e3])) + draw(st.sampled_from([0.0, 1.0, 1e4]))
    y = X @ rng.normal(size=p) + draw(st.sampled_from([0.1, 1.0, 10.0])) * rng.normal(size=m)
    return X, y


def minimum(X, y, penalty, intercept):
    return pm.minimum_energy(pm.LinearRegression(X, y, penalty=penalty, intercept=intercept))


def energy(X, y, theta, penalty, intercept):
    residuals = y - X @ theta[: X.shape[1]] - (theta[-1] if intercept else 0)
    penalised = theta if not intercept or penalty is None or penalty.intercept else theta[:-1]
    power = np.abs if isinstance(penalty, pm.L1) else np.square
    return np.mean(residuals**2) + (penalty.lam * np.sum(power(penalised)) if penalty else 0.0)


def same(a, b, y):
    assert a == pytest.approx(b, rel=1e-7, abs=1e-9 * np.mean(y**2))


@settings(max_examples=80)
@given(problems(), penalties, st.booleans(), st.integers(0, 2**32))
def test_no_parameters_are_below(problem, penalty, intercept, seed):
    X, y = problem
    best = minimum(X, y, penalty, intercept)
    rounding = 1e-9 * np.mean(y**2)
    assert best.value >= 0
    assert energy(X, y, best.parameters, penalty, intercept) <= best.value + best.gap + rounding
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1.0, 1e3):
        theta = best.parameters + size * rng.normal(size=best.parameters.shape)
        assert energy(X, y, theta, penalty, intercept) >= best.value * (1 - 10.0**-best.digits) - rounding


@settings(max_examples=60)
@given(problems(), penalties, st.booleans(), st.integers(0, 2**32))
def test_order_and_repetition_do_not_matter(problem, penalty, intercept, seed):
    X, y = problem
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(y)), rng.permutation(X.shape[1])
    best = minimum(X, y, penalty, intercept)
    same(minimum(X[rows][:, columns], y[rows], penalty, intercept).value, best.value, y)
    same(minimum(np.r_[X, X, X], np.r_[y, y, y], penalty, intercept).value, best.value, y)


@settings(max_examples=60)
@given(problems(), penalties, st.booleans(), st.sampled_from([-1.0, 0.01, 7.0]))
def test_units_of_the_target(problem, penalty, intercept, unit):
    X, y = problem
    scaled = type(penalty)(penalty.lam * abs(unit), penalty.intercept) if isinstance(penalty, pm.L1) else penalty
    best, other = minimum(X, y, penalty, intercept), minimum(X, unit * y, scaled, intercept)
    same(other.value, unit**2 * best.value, unit * y)


@settings(max_examples=60)
@given(problems(), penalties, st.booleans(), st.integers(0, 2**32))
def test_a_column_more_never_hurts(problem, penalty, intercept, seed):
    X, y = problem
    more = np.c_[X, np.random.default_rng(seed).normal(size=len(y))]
    best = minimum(X, y, penalty, intercept)
    assert minimum(more, y, penalty, intercept).value <= best.value * (1 + 1e-9) + 1e-9 * np.mean(y**2)


@settings(max_examples=60)
@given(problems(), st.booleans())
def test_penalties_order_the_minima(problem, intercept):
    X, y = problem
    rounding = 1e-9 * np.mean(y**2)
    for kind in (pm.L1, pm.L2):
        values = [minimum(X, y, kind(lam), intercept).value for lam in (0.0, 0.01, 1.0, 100.0)]
        assert all(a <= b + rounding for a, b in zip(values, [*values[1:], np.mean(y**2)], strict=True))


def test_few_digits_are_explained():
    """One huge target made residuals of ordinary size look like rounding: 0 digits were stated without a word."""
    for seed in range(400):
        rng = np.random.default_rng([17, seed])
        m, p = int(rng.integers(6, 40)), int(rng.integers(1, 4))
        X, row, huge = rng.normal(size=(m, p)), int(rng.integers(m)), 10.0 ** rng.uniform(3, 18)
        y = X @ rng.normal(size=p) + 10.0 ** -rng.integers(0, 13) * rng.normal(size=m)
        y[row] = huge
        if seed % 3:
            X[row, : seed % 3] = huge
        else:
            X[:, 0] = np.arange(m) == row  # a column for this row
        if p > 1 and seed % 2:
            X[:, -1] = 2.0 * X[:, 0]
        penalty = (None, pm.L2(1e-6, intercept=False), pm.L1(1e-6))[seed % 5 % 3]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = pm.minimum_energy(pm.LinearRegression(X, y, intercept=bool(seed % 7 % 2), penalty=penalty))
        exact = found.value + found.gap <= (1e-14 * np.median(np.abs(y))) ** 2
        said = any(issubclass(one.category, pm.PrecisionWarning) for one in caught)
        assert said or exact or found.digits >= 6, seed


def test_exact_fits_give_no_warning():
    for seed in range(60):
        rng = np.random.default_rng([18, seed])
        X = rng.normal(size=(int(rng.integers(6, 40)), 3))
        y = X @ rng.integers(-3, 4, 3).astype(float) + 2.0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pm.minimum_energy(pm.LinearRegression(X, y))
