"""Least squares and ridge: against NumPy, statsmodels, scikit-learn and arithmetic of 60 digits."""

import gc
import warnings
import weakref

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression, Ridge

import pyrometer as pm
from pyrometer import _core
from pyrometer.linear._base import _minima

from . import exact

PENALTIES = [None, pm.L2(0.3), pm.L2(0.3, intercept=False)]


@pytest.fixture
def data():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(40, 4)) * [1, 10, 0.1, 1] + [0, 3, 0, -20]
    return X, X @ [1, -0.2, 3, 0.5] + rng.normal(size=40) + 2


def near(X, gap):
    """Make the last column the first, but for `gap`."""
    X = X.copy()
    X[:, -1] = X[:, 0] + gap * X[:, -1]
    return X


def options(system):
    penalty = system.penalty
    return {
        "intercept": system.intercept,
        "l2": penalty.lam if penalty else 0.0,
        "penalise_intercept": penalty is None or penalty.intercept,
    }


def test_agrees_with_numpy_and_statsmodels(data):
    X, y = data
    minimum = pm.minimum_energy(pm.LinearRegression(X, y))
    fit = sm.OLS(y, sm.add_constant(X)).fit()
    assert minimum.value == pytest.approx(fit.ssr / 40, rel=1e-12)
    np.testing.assert_allclose(minimum.parameters, np.roll(fit.params, -1), rtol=1e-10)
    assert minimum.condition == pytest.approx(np.linalg.cond((X - X.mean(0)) / X.std(0)), rel=0.2)
    assert (minimum.method, minimum.rank, minimum.attained) == ("covariance", 4, True)
    assert all(type(getattr(minimum, name)) is float for name in ("value", "gap", "condition", "digits"))
    raw = pm.minimum_energy(pm.LinearRegression(X, y, intercept=False))
    assert raw.value == pytest.approx(np.linalg.lstsq(X, y, rcond=None)[1][0] / 40, rel=1e-12)
    np.testing.assert_allclose(raw.parameters, LinearRegression(fit_intercept=False).fit(X, y).coef_, rtol=1e-10)


@pytest.mark.parametrize("intercept", [True, False])
def test_ridge_agrees_with_scikit_learn(data, intercept):
    X, y = data  # scikit-learn's alpha goes with the sum of squares, and its intercept is free
    minimum = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L2(0.3, intercept=False), intercept=intercept))
    fit = Ridge(alpha=0.3 * 40, fit_intercept=intercept, solver="svd").fit(X, y)
    np.testing.assert_allclose(minimum.parameters[:4], fit.coef_, rtol=1e-10)
    value = np.mean((y - fit.predict(X)) ** 2) + 0.3 * np.sum(fit.coef_**2)
    assert minimum.value == pytest.approx(value, rel=1e-12)


def test_a_penalised_intercept_is_a_column_of_ones(data):
    X, y = data
    minimum = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L2(0.3)))
    fit = Ridge(alpha=0.3 * 40, fit_intercept=False, solver="svd").fit(np.c_[X, np.ones(40)], y)
    np.testing.assert_allclose(minimum.parameters, fit.coef_, rtol=1e-10)


@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")
@pytest.mark.parametrize("rows", [True, False], ids=["rows", "moments"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda X, y: (X, y),
        lambda X, y: (X + 1e6, y + 5e6),
        lambda X, y: (X + np.array([1e8, 1e3, -1e5, 0]), y),
        lambda X, y: (X * [1e-130, 1, 1e120, 1], y),
        lambda X, y: (X, X @ [1.0, 2, 3, 4] + 1e-5 * y),
        lambda X, y: (near(X, 1e-3), y),
        lambda X, y: (near(X, 1e-5), y),
        lambda X, y: (near(X, 1e-7), y),
        lambda X, y: (near(X, 1e-9), y),
        lambda X, y: ((X[:, :1] / 10) ** np.arange(1, 10), y),
    ],
    ids=["plain", "means", "mixed means", "units", "small noise", "1e-3", "1e-5", "1e-7", "1e-9", "powers"],
)
def test_gaps_and_digits_bound_the_errors(data, change, intercept, penalty, rows):
    X, y = change(*data)
    system = pm.LinearRegression(X, y, intercept=intercept, penalty=penalty)
    if not rows:
        system = pm.LinearRegression.from_moments(system.moments, penalty=penalty)
    minimum = pm.minimum_energy(system)
    least = exact.minimum(X, y, **options(system))
    above = exact.energy(X, y, minimum.parameters, **options(system)) - least
    assert 0 <= above <= minimum.gap
    assert abs(minimum.value - least) <= 10.0**-minimum.digits * minimum.value
    assert minimum.value >= 0
    if rows:
        assert minimum.digits >= 9


def test_lost_digits_are_found_in_the_rows_or_warned_of(data):
    X, y = data
    X = near(X, 1e-6)
    system = pm.LinearRegression(X, y)
    minimum = pm.minimum_energy(system)
    assert minimum.method == "orthogonal"
    assert minimum.digits > 14
    poor = pm.LinearRegression.from_moments(system.moments)
    for _ in range(2):  # the answer is kept, and so is the warning
        with pytest.warns(pm.errors.PrecisionWarning, match=r"has \d certain digits.* pass the rows"):
            assert pm.minimum_energy(poor).method == "covariance"


def test_float32_rows(data):
    X, y = (a.astype(np.float32) for a in data)
    y = (X @ np.float32([1, 2, 3, 4]) + np.float32(1e-3) * y).astype(np.float32)
    single = pm.minimum_energy(pm.LinearRegression(X, y))
    double = pm.minimum_energy(pm.LinearRegression(X.astype(float), y.astype(float)))
    assert single.value == pytest.approx(double.value, rel=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_dependent_columns(data, intercept, penalty):
    X, y = data
    more = np.c_[X, X[:, 1], X[:, 0] + X[:, 2], np.full(40, 0.1), np.zeros(40), X[:, 3] - 2 * X[:, 1]]
    minimum = pm.minimum_energy(pm.LinearRegression(more, y, intercept=intercept, penalty=penalty))
    A = np.c_[more, np.ones(40)] if intercept else more
    ridge = np.full(A.shape[1], penalty.lam if penalty else 0.0)
    if intercept and penalty and not penalty.intercept:
        ridge[-1] = 0
    theta, *_ = np.linalg.lstsq(np.r_[A, np.diag(np.sqrt(40 * ridge))], np.r_[y, np.zeros(len(ridge))], rcond=1e-11)
    best = np.mean((y - A @ theta) ** 2) + ridge @ theta**2
    assert minimum.value == pytest.approx(best, rel=1e-11)
    assert minimum.gap < 1e-11 * minimum.value
    if penalty is None:
        assert minimum.rank == 4 + (not intercept)
        assert minimum.condition == np.inf


@pytest.mark.parametrize("how", ["moments", "rows"])
def test_the_rank_is_that_of_the_data(how):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 3)) + 1e3
    X = np.c_[X, X[:, 0] + X[:, 1], X[:, 0] - X[:, 2], np.full(200, 1 / 3), 1e9 * X[:, 1]]
    y = X[:, 1] + rng.normal(size=200)
    moments = pm.Moments.of(X, y)
    mean, scatter = moments.mean[None], moments.scatter[None]
    if how == "moments":
        value, *_, rank = _core.least_squares(200, mean, scatter, True, 0.0, True, 1)
    else:
        value, *_, rank = _core.least_squares_rows(X[None], y[None], mean, True, 0.0, True, 1)
    assert rank == [3]
    assert value[0] == pytest.approx(sm.OLS(y, sm.add_constant(X[:, :3])).fit().ssr / 200, rel=1e-8)


def test_more_columns_than_rows():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(6, 9)), rng.normal(size=6)
    minimum = pm.minimum_energy(pm.LinearRegression(X, y))
    assert minimum.rank == 5
    assert 0 <= minimum.value < 1e-28
    np.testing.assert_allclose(X @ minimum.parameters[:-1] + minimum.parameters[-1], y, atol=1e-13)
    ridge = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L2(0.1, intercept=False)))
    fit = Ridge(alpha=0.6, solver="svd").fit(X, y)
    np.testing.assert_allclose(ridge.parameters[:-1], fit.coef_, rtol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_corners(intercept):
    def least(X, y, **more):
        return pm.minimum_energy(pm.LinearRegression(X, y, intercept=intercept, **more))

    one = least([[2.0, 3.0]], [5.0])
    assert 0 <= one.value <= 1e-30
    if intercept:
        none = least(np.zeros((3, 0)), [1.0, 2.0, 6.0])
        assert none.value == pytest.approx(14 / 3, rel=1e-14)
        assert none.parameters == pytest.approx([3.0])
        assert (none.rank, none.condition) == (0, 1.0)
    zeros = least(np.zeros((3, 2)), [1.0, 2.0, 6.0])
    assert zeros.value == pytest.approx(14 / 3 if intercept else 41 / 3, rel=1e-14)
    assert zeros.rank == 0
    flat = least([[1.0], [2.0], [4.0]], [0.1, 0.1, 0.1])
    assert flat.value < 1e-33 if intercept else flat.value == pytest.approx(0.01 - 0.7**2 / 3 / 21, rel=1e-12)
    silent = least([[1.0], [2.0], [4.0]], [0.0, 0.0, 0.0])
    assert (silent.value, silent.gap, silent.digits) == (0.0, 0.0, 16.0)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_a_stack_is_a_loop(penalty):
    rng = np.random.default_rng(11)
    X, y = rng.normal(size=(2, 3, 30, 4)), rng.normal(size=(2, 3, 30))
    X[0, 1] = near(X[0, 1], 1e-7)  # this one goes to the rows
    X[1, 2, :, 3] = X[1, 2, :, 0]
    stack = pm.minimum_energy(pm.LinearRegression(X, y, penalty=penalty))
    assert stack.parameters.shape == (2, 3, 5)
    assert stack.value.shape == stack.method.shape == stack.attained.shape == (2, 3)
    for where in np.ndindex(2, 3):
        alone = pm.minimum_energy(pm.LinearRegression(X[where], y[where], penalty=penalty))
        for name in ("value", "gap", "method", "rank", "condition", "digits", "attained"):
            assert getattr(stack, name)[where] == getattr(alone, name), name
        np.testing.assert_array_equal(stack.parameters[where], alone.parameters)
    assert (stack.method == "orthogonal").sum() == (penalty is None)


@pytest.mark.parametrize("p", [3, 70])
def test_threads_change_no_bit(p):
    rng = np.random.default_rng(p)
    X, y = rng.normal(size=(3, 3000, p)), rng.normal(size=(3, 3000))
    moments = pm.Moments.of(X, y)
    results = [
        _core.least_squares(3000, moments.mean, moments.scatter, True, 0.1, True, threads)
        + _core.least_squares_rows(X, y, moments.mean, True, 0.0, True, threads)
        for threads in (1, 2, 3)
    ]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_many_columns_are_factored_in_blocks():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(2, 1500, 600)), rng.normal(size=(2, 1500))
    moments = pm.Moments.of(X, y)

    def solved(threads, systems=slice(None)):
        mean, scatter = moments.mean[systems].copy(), moments.scatter[systems].copy()
        return _core.least_squares(1500, mean, scatter, True, 0.0, True, threads)

    alone = solved(1, slice(1))
    for other in (solved(2, slice(1)), solved(3, slice(1)), [part[:1] for part in solved(2)]):
        for a, b in zip(alone, other, strict=True):
            np.testing.assert_array_equal(a, b)
    A = np.column_stack([X[0], np.ones(1500)])
    theta = np.linalg.lstsq(A, y[0], rcond=None)[0]
    np.testing.assert_allclose(alone[1][0], theta, atol=1e-13)
    np.testing.assert_allclose(alone[0][0], ((y[0] - A @ theta) ** 2).mean(), rtol=1e-13)


@pytest.mark.parametrize("l2", [0.0, 0.2])
@pytest.mark.parametrize("intercept", [True, False])
def test_many_rows_in_many_chunks(intercept, l2):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50_000, 6)) + 10
    y = X @ np.arange(6.0) + rng.normal(size=50_000)
    moments = pm.Moments.of(X, y, intercept=intercept)
    value, theta, gap, *_ = _core.least_squares_rows(X[None], y[None], moments.mean[None], intercept, l2, True, 0)
    A = np.c_[X, np.ones(50_000)] if intercept else X
    A = np.r_[A, np.sqrt(50_000 * l2) * np.eye(A.shape[1])]
    best, square, *_ = np.linalg.lstsq(A, np.r_[y, np.zeros(A.shape[1])], rcond=None)
    assert value[0] == pytest.approx(square[0] / 50_000, rel=1e-12)
    np.testing.assert_allclose(theta[0], best, rtol=1e-9)
    assert gap[0] < 1e-24


def test_the_result_is_cached_and_released(data):
    system = pm.LinearRegression(*data)
    first = pm.minimum_energy(system)
    assert pm.minimum_energy(system) is first
    assert not first.parameters.flags.writeable
    reference = weakref.ref(system)
    before = len(_minima)
    del system
    gc.collect()
    assert reference() is None
    assert len(_minima) < before


def test_what_is_no_system():
    with pytest.raises(
        TypeError,
        match="system must be a LinearRegression, a LogisticRegression or a SoftmaxRegression, got \\[1, 2\\]; use pm",
    ):
        pm.minimum_energy([1, 2])


def lasso(count, mean, scatter, intercept, weight, *options):
    return _core.lasso(count, mean, scatter, intercept, np.array([weight]), *options)


@pytest.mark.parametrize("kernel", [_core.least_squares, lasso])
def test_moments_that_are_none(kernel):
    mean, scatter = np.zeros((1, 2)), np.eye(2)[None].copy()
    with pytest.raises(ValueError, match="moments must be finite"):
        kernel(3, np.full((1, 2), np.nan), scatter, True, 0.1, True, 1)
    with pytest.raises(ValueError, match="variances must not be negative, got -1"):
        kernel(1, mean, -scatter, True, 0.1, True, 1)
    with pytest.raises(ValueError, match="scatter"):
        kernel(1, mean, scatter[:, :1].copy(), True, 0.1, True, 1)
    with pytest.raises(ValueError, match="must be finite and >= 0, got -1"):
        kernel(1, mean, scatter, True, -1.0, True, 1)
    with pytest.raises(TypeError):
        kernel(1, mean.astype(np.float32), scatter, True, 0.1, True, 1)


def test_rows_that_are_none():
    X, y, mean = np.ones((1, 3, 1)), np.ones((1, 3)), np.ones((1, 2))
    with pytest.raises(ValueError, match="rows must be finite"):
        _core.least_squares_rows(X * np.inf, y, mean, True, 0.0, True, 1)
    with pytest.raises(ValueError, match="X must have shape"):
        _core.least_squares_rows(X, y[:, :2].copy(), mean, True, 0.0, True, 1)
    with pytest.raises(TypeError):
        _core.least_squares_rows(X, y.astype(np.float32), mean, True, 0.0, True, 1)


def test_the_gap_holds_for_a_small_penalty_on_columns_far_from_0():
    """Columns that seem dependent beside their means are not, under a penalty: the certificate counts them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5, 7)), rng.normal(size=5)
    X[:, -1] += 1e12
    system = pm.LinearRegression(X, y, penalty=pm.L2(3e-10, intercept=False))
    with pytest.warns(pm.errors.PrecisionWarning, match=r"has \d certain digits"):
        minimum = pm.minimum_energy(system)
    least = exact.minimum(X, y, **options(system))
    above = exact.energy(X, y, minimum.parameters, **options(system)) - least
    assert 0 < above <= minimum.gap
    assert minimum.value - least <= 10.0**-minimum.digits * minimum.value


@pytest.mark.parametrize("seed", range(40))
def test_one_column_is_never_called_nearly_dependent(seed):
    """Where digits are few, the fit is close: the advice says so, and following it gives them."""
    rng = np.random.default_rng(seed)
    m, mean, intercept = int(rng.integers(3, 30)), rng.choice([0.0, 1e3, 1e6]), bool(rng.integers(2))
    X = rng.normal(size=(m, 1)) * 10.0 ** rng.uniform(-3, 3) + mean
    y = 2.0 * X[:, 0] + rng.choice([0.0, 1e6]) * intercept
    y *= 1.0 + rng.choice([0.0, 1e-15, 1e-12, 1e-9, 1e-6]) * rng.normal(size=m)
    for make in (lambda X, y: pm.LinearRegression(X, y, intercept=intercept), from_moments(intercept)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            minimum = pm.minimum_energy(make(X, y))
        assert not any("dependent" in str(warning.message) for warning in caught)
        for warning in caught:
            if "pass y less the fitted values" in str(warning.message):
                fitted = X[:, 0] * minimum.parameters[0] + (minimum.parameters[-1] if intercept else 0.0)
                assert pm.minimum_energy(make(X, y - fitted)).digits > minimum.digits
            elif "pass X - X.mean(axis=0)" in str(warning.message):
                assert pm.minimum_energy(make(X - X.mean(axis=0), y)).digits >= minimum.digits
            else:
                assert "pass the rows, LinearRegression(X, y)" in str(warning.message)


def from_moments(intercept):
    return lambda X, y: pm.LinearRegression.from_moments(pm.Moments.of(X, y, intercept=intercept))
