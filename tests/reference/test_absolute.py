"""Least absolute deviations against SciPy's HiGHS and published data sets."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pyrometer import _core


def minimum(X, y, intercept=True):
    X, y = np.ascontiguousarray(X, dtype=float), np.ascontiguousarray(y, dtype=float)
    value, parameters, gap, rank = _core.least_absolute(X[None], y[None], intercept, 1)
    return value[0], parameters[0], gap[0], rank[0]


def highs(X, y, intercept=True):
    """Minimum by linear programming, as its dual: max d . y / m over |d_i| <= 1 with sum d_i x_i = 0."""
    m = len(y)
    A = np.column_stack([X, np.ones(m)]) if intercept else np.asarray(X)
    found = linprog(-y / m, A_eq=A.T, b_eq=np.zeros(A.shape[1]), bounds=(-1, 1), method="highs")
    assert found.status == 0
    return -found.fun


def data_of(kind, m, p, rng):
    X = rng.standard_normal((m, p))
    y = X @ rng.standard_normal(p) + rng.standard_normal(m)
    match kind:
        case "heavy tails":
            X = rng.standard_t(2, (m, p))
            y = X.sum(axis=1) + rng.standard_cauchy(m)
        case "integers":
            X, y = rng.integers(-3, 4, (m, p)).astype(float), rng.integers(-3, 4, m).astype(float)
        case "binary":
            X, y = rng.integers(0, 2, (m, p)).astype(float), rng.integers(0, 2, m).astype(float)
        case "copies":
            rows = rng.integers(0, (m + 3) // 4, m)
            X, y = X[rows], y[rows]
        case "dependent":
            X[:, -1] = X[:, 0] if p > 1 else 2.0
        case "correlated":
            X = X @ (rng.standard_normal((p, p)) + 5)
        case "scales":
            X = X * 10.0 ** rng.integers(-3, 4, p)
        case "censored":
            y = np.maximum(y - 1, 0)
        case "trend":
            X = X + np.linspace(0, 10, m)[:, None]
            y = X.sum(axis=1) + np.linspace(0.1, 5, m) * rng.standard_normal(m)
        case "rare":
            X[:, 0] = rng.random(m) < 20 / m
        case "sorted":
            order = np.argsort(y)
            X, y = X[order], y[order]
    return X, y


KINDS = [
    *("normal", "heavy tails", "integers", "binary", "copies", "dependent", "correlated", "scales", "censored"),
    *("trend", "rare", "sorted"),
]


@settings(max_examples=200)
@given(st.sampled_from(KINDS), st.integers(1, 60), st.integers(1, 12), st.booleans(), st.integers(0, 2**32))
def test_small(kind, m, p, intercept, seed):
    X, y = data_of(kind, m, p, np.random.default_rng(seed))
    value, _, gap, _ = minimum(X, y, intercept)
    size = np.abs(y).mean()
    assert value == pytest.approx(highs(X, y, intercept), rel=1e-7, abs=1e-9 * size)
    assert gap <= 1e-8 * value + 1e-12 * size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "p"), [(3_000, 7), (20_000, 3)])
def test_large(kind, m, p):
    X, y = data_of(kind, m, p, np.random.default_rng(m))
    value, parameters, gap, _ = minimum(X, y)
    assert value == pytest.approx(highs(X, y), rel=1e-8)
    assert gap <= 1e-8 * value
    assert np.abs(y - X @ parameters[:-1] - parameters[-1]).mean() == pytest.approx(value, rel=1e-11)


def test_stackloss():
    """Brownlee's plant, the classic of least absolute deviations: the deviations sum to 42.0812."""
    data = sm.datasets.stackloss.load_pandas()
    value, parameters, gap, _ = minimum(data.exog.to_numpy(), data.endog.to_numpy())
    assert 21 * value == pytest.approx(42.08116, abs=1e-5)
    assert value == pytest.approx(highs(data.exog.to_numpy(), data.endog.to_numpy()), rel=1e-10)
    # As printed by the reference manuals of R's quantreg and of SAS.
    assert parameters == pytest.approx([0.83188406, 0.57391304, -0.06086957, -39.68985507], abs=1e-7)
    assert gap <= 1e-13 * value


def test_engel():
    """Engel's food expenditure on income, 235 households; the slope of the median is 0.56018."""
    data = sm.datasets.engel.load_pandas().data
    value, parameters, gap, _ = minimum(data[["income"]].to_numpy(), data["foodexp"].to_numpy())
    assert value == pytest.approx(highs(data[["income"]].to_numpy(), data["foodexp"].to_numpy()), rel=1e-10)
    assert parameters == pytest.approx([0.5601806, 81.4822474], abs=1e-6)
    assert gap <= 1e-12 * value
