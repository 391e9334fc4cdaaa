"""The lasso where second moments have lost the minimum: from rows, against solutions in sixty digits."""

import itertools
import warnings

import mpmath
import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core


def in_sixty_digits(X, y, lam, intercept, theta):
    """The minimum whose signs are those of theta, once these are shown to be right."""
    A = np.column_stack([X, np.ones(len(X))])
    weights = [lam] * X.shape[1] + [lam if intercept else 0.0]
    active = [j for j in range(A.shape[1]) if theta[j] != 0 or weights[j] == 0]
    signs = [int(np.sign(theta[j])) for j in active]
    with mpmath.workdps(60):
        half = [mpmath.mpf(w) / 2 for w in weights]
        full, Y, m = mpmath.matrix(A.tolist()), mpmath.matrix(y.tolist()), len(y)
        part = mpmath.matrix([[full[i, j] for j in active] for i in range(m)])
        pull = part.T * Y / m - mpmath.matrix([half[j] * s for j, s in zip(active, signs, strict=True)])
        solution = mpmath.lu_solve(part.T * part / m, pull)
        residual = Y - part * solution
        slopes = full.T * residual / m
        assert all(mpmath.sign(t) == s or weights[j] == 0 for t, s, j in zip(solution, signs, active, strict=True))
        assert all(abs(slopes[j]) <= half[j] * (1 + mpmath.mpf(10) ** -30) for j in range(A.shape[1]) if weights[j])
        length = mpmath.fsum(2 * half[j] * abs(t) for j, t in zip(active, solution, strict=True))
        return float(mpmath.fsum(r * r for r in residual) / m + length)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("degree", "lam"), [(10, 1e-3), (8, 1e-6), (5, 1e-10)])
def test_polynomials_have_the_digits_that_their_moments_lost(degree, lam, intercept):
    x = np.linspace(0.0, 10.0, 40)
    X = x[:, None] ** np.arange(1, degree + 1)
    y = X.sum(axis=1) + np.random.default_rng(1).normal(size=40)
    system = pm.LinearRegression(X, y, penalty=pm.L1(lam, intercept=intercept))
    moments = pm.LinearRegression.from_moments(system.second_moments, penalty=system.penalty)
    with pytest.warns(pm.PrecisionWarning, match="pass the rows"):
        pm.minimum_energy(moments)
    minimum = pm.minimum_energy(system)
    assert minimum.method == "orthogonal"
    assert minimum.value == pytest.approx(in_sixty_digits(X, y, lam, intercept, minimum.parameters), rel=1e-12)
    assert minimum.gap < 1e-12 * minimum.value


@pytest.mark.parametrize("mean", [1e6, 1e8, 1e9])
def test_means_far_beyond_the_deviations(mean):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) + mean
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=60)
    minimum = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L1(0.01)))
    assert minimum.value == pytest.approx(in_sixty_digits(X, y, 0.01, True, minimum.parameters), rel=1e-13)
    assert minimum.gap < 1e-10 * minimum.value


def cases():
    """Small systems of every kind: scales, duplicates, constants, means, ties, more columns than rows."""
    rng = np.random.default_rng(2)
    for kind, _ in itertools.product(range(6), range(40)):
        rows, columns = rng.integers(1, 30), rng.integers(1, 20)
        X = rng.normal(size=(rows, columns))
        if kind == 1:
            X *= np.geomspace(1e-3, 1e3, columns)
        elif kind == 2:
            X[:, rng.integers(columns)] = X[:, 0]
        elif kind == 3:
            X[:, rng.integers(columns)] = 3.0
        elif kind == 4:
            X += 100.0
        elif kind == 5:
            X = X.round()
        y = X @ rng.normal(size=columns) + rng.normal(size=rows)
        yield X, y, 10 ** rng.uniform(-4, 1), bool(rng.integers(2)), bool(rng.integers(2))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_and_moments_agree_where_both_have_the_digits(dtype):
    for X, y, lam, intercept, penalised in cases():
        X, y = X.astype(dtype), y.astype(dtype)
        moments = pm.Moments.of(X, y)
        options = (intercept, np.array([lam]), penalised)
        value, theta, gap, error, *_, rank = _core.lasso(len(y), moments.mean[None], moments.scatter[None], *options, 1)
        for start in (np.zeros_like(theta), theta):
            found = _core.lasso_rows(X[None], y[None], moments.mean[None], *options, start, 1)
            assert found[2] <= 1e-12 * found[0]
            # A relative error of infinity stands for a value of 0.
            assert abs(found[0] - value) <= np.where(value > 0, error, 0.0) * value + 1e-13 * value + gap
            assert found[-1] == rank or error > 1e-9
            residual = y - X @ found[1][0, 0, : X.shape[1]].astype(float) - (found[1][0, 0, -1] if intercept else 0.0)
            own = (
                np.mean(residual**2) + lam * np.abs(found[1][0, 0, : None if penalised or not intercept else -1]).sum()
            )
            assert own == pytest.approx(found[0][0, 0], rel=1e-9)


def test_a_path_and_a_stack_have_the_bits_of_their_points():
    rng = np.random.default_rng(3)
    x = rng.uniform(0.0, 10.0, size=(3, 50))
    X = x[..., None] ** np.arange(1, 10)
    X[1] = rng.normal(size=(50, 9))  # nothing is lost in this one
    y = X.sum(axis=-1) + rng.normal(size=(3, 50))
    weights = np.array([1e-3, 10.0, 0.0, 0.1])
    stack = pm.LinearRegression(X, y, penalty=pm.L1(0.1))
    path, whole = pm.minimum_path(stack, weights), pm.minimum_energy(stack, threads=2)
    assert path.method.tolist()[1] == ["coordinate-descent", "coordinate-descent", "covariance", "coordinate-descent"]
    assert set(path.method[[0, 2]].ravel()) == {"orthogonal"}
    assert (path.gap <= 1e-12 * path.value).all()
    np.testing.assert_allclose(path.value[:, 3], whole.value, rtol=1e-12)
    for k in range(3):
        alone = pm.minimum_energy(pm.LinearRegression(X[k], y[k], penalty=pm.L1(0.1)), threads=1)
        assert (alone.value, alone.gap, alone.method) == (whole.value[k], whole.gap[k], whole.method[k])
        plain = pm.minimum_energy(pm.LinearRegression(X[k], y[k]))
        assert path.value[k, 2] == plain.value


def test_wrong_arguments_are_refused():
    X, y, mean, start = np.ones((2, 4, 3)), np.ones((2, 4)), np.ones((2, 4)), np.zeros((2, 1, 4))

    def run(X=X, y=y, l1=0.5, start=start):
        return _core.lasso_rows(X, y, mean, True, np.array([l1]), True, start, 1)

    assert run()[0].shape == (2, 1)
    for words, wrong in {
        "l1 must be finite": {"l1": 0.0},
        "start must have shape": {"start": start[:1]},
        "y must|X must have shape": {"y": y[:1]},
        "nan or infinity in system 1": {"X": np.where(np.arange(2)[:, None, None] == 1, np.nan, X)},
    }.items():
        with pytest.raises(ValueError, match=words):
            run(**wrong)


def test_squares_that_overflow_are_refused():
    X, y = np.full((1, 4, 1), 1e200), np.arange(4.0)[None]
    X[0, 0] = -1e200
    with pytest.raises(ValueError, match="squares that do not overflow"):
        _core.lasso_rows(X, y, np.zeros((1, 2)), False, np.array([1.0]), True, np.zeros((1, 1, 1)), 1)


@pytest.mark.parametrize("seed", range(120))
def test_bounds_of_parameters_hold(seed):
    rng = np.random.default_rng(seed)
    m, p = int(rng.integers(5, 40)), int(rng.integers(1, 7))
    X = rng.normal(size=(m, p)) * 10.0 ** rng.uniform(-3, 3, p)
    if seed % 3 == 1:
        X += rng.normal(size=p) * 10.0 ** rng.uniform(0, 6)
    if seed % 3 == 2 and p > 1:
        X[:, 1] = X[:, 0] + 10.0 ** rng.uniform(-9, -1) * X[:, 1]
    y = X[:, 0] / X[:, 0].std() + rng.normal(size=m)
    intercept = bool(rng.integers(2))
    penalised = intercept and bool(rng.integers(2))
    lam = 10.0 ** rng.uniform(-4, 0.5) * np.abs(X).mean()
    mean, start = pm.Moments.of(X, y).mean[None], np.zeros((1, 1, p + intercept))
    found = _core.lasso_rows(X[None], y[None], mean, intercept, np.array([lam]), penalised, start, 1)
    theta, bound = found[1][0, 0], found[5][0, 0]
    if np.isinf(bound).any():
        return  # near-collinear columns, or a pull that the penalty just holds
    A = np.c_[X, np.ones((m, int(intercept)))]
    pull = lam * np.sign(theta)
    active = theta != 0
    if intercept and not penalised:
        active[p], pull[p] = True, 0.0
    with mpmath.workdps(60):  # the linear equations of these signs
        part, truth = mpmath.matrix(A[:, active].tolist()), [mpmath.mpf(0)] * len(theta)
        if active.any():
            half = mpmath.matrix([m * mpmath.mpf(float(w)) / 2 for w in pull[active]])
            solution = mpmath.lu_solve(part.T * part, part.T * mpmath.matrix(y.tolist()) - half)
            for j, value in zip(np.flatnonzero(active), solution, strict=True):
                truth[j] = value
        assert all(abs(mpmath.mpf(t) - v) <= b for t, v, b in zip(theta, truth, bound, strict=True))


def test_bounds_of_parameters_are_known_where_signs_are():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6))
    y = X[:, 0] - X[:, 1] + rng.normal(size=200)
    mean, start = pm.Moments.of(X, y).mean[None], np.zeros((1, 1, 7))
    bound = _core.lasso_rows(X[None], y[None], mean, True, np.array([0.1]), False, start, 1)[5]
    assert (bound < 1e-14).all()


@pytest.mark.parametrize("intercept", [True, False])
def test_small_weights_of_more_columns_than_rows(intercept):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(12, 60))
    y = X[:, :5].sum(axis=1) + rng.normal(size=12)
    for lam in (1e-2, 1e-4, 1e-6):
        system = pm.LinearRegression(X, y, penalty=pm.L1(lam, intercept=intercept))
        minimum = pm.minimum_energy(system)
        assert minimum.method == "coordinate-descent"
        assert np.count_nonzero(minimum.parameters) <= 13
        truth = in_sixty_digits(X, y, lam, intercept, minimum.parameters)
        assert abs(minimum.value - truth) <= 10.0 ** (0.5 - minimum.digits) * truth
        assert minimum.gap < 1e-12 * truth
        path = pm.minimum_path(system, [lam, 1.0])
        assert path.value[0] == pytest.approx(minimum.value, rel=1e-10)


@pytest.mark.parametrize("factor", [1e6, 1e7, 1e8])
@pytest.mark.parametrize("with_target", [True, False])
def test_a_row_of_another_unit(factor, with_target):
    """Moments that cannot tell the energy are not searched to the end, and say so; the rows are."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(60, 20))
    y = X[:, :4].sum(axis=1) + rng.normal(size=60)
    X[7] *= factor
    y[7] *= factor if with_target else 1.0
    system = pm.LinearRegression(X, y, penalty=pm.L1(1e-3, intercept=False))
    minimum = pm.minimum_energy(system)
    truth = in_sixty_digits(X, y, 1e-3, False, minimum.parameters)
    assert abs(minimum.value - truth) <= 10.0 ** (0.5 - minimum.digits) * truth
    moments = system.second_moments
    ended = _core.lasso(
        60, moments.mean[None], moments.scatter[None], True, np.array([1e-3]), False, 1, rows_follow=True
    )
    assert ended[3][0, 0] > 1e-9
    assert minimum.method == "orthogonal"


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-100])
@pytest.mark.parametrize("largest", [1e290, 1e305, 1.7e308])
def test_huge_weights_leave_no_parameters(largest, unit):
    rng = np.random.default_rng(0)
    X = np.column_stack([unit * rng.normal(size=(20, 2)), np.zeros(20)])
    y = 2.0 * X[:, 0] / unit
    system = pm.LinearRegression(X, y, penalty=pm.L1(1.0, intercept=False))
    path = pm.minimum_path(system, [largest, 1e-12 * unit])  # from rows, because of the second
    assert path.method[0] == "orthogonal"
    assert not path.parameters[0, :2].any()
    assert path.value[0] == pytest.approx(y.var(), rel=1e-14)
    assert path.gap[0] <= 1e-14 * y.var()


def test_columns_that_vary_in_rows_of_small_weight_only():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, weights = np.column_stack([rng.normal(size=40), np.full(40, 1e7)]), np.full(40, 1e7)
        weights[:8], step = 1.0, rng.integers(-9, 10, 8) * 2.0**-20
        X[:8, 1] += step
        y = X[:, 0] + 0.01 * rng.normal(size=40)
        y[:8] += 2.0**25 * step  # a parameter that explains the rows of small weight
        lam = 1e-12 * rng.random()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            minimum = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L1(lam, intercept=False), weights=weights))
        residual = y - X[:, 0] - 2.0**25 * (X[:, 1] - 1e7)
        assert minimum.value - minimum.gap <= np.average(residual**2, weights=weights) + lam * (1.0 + 2.0**25)
        assert minimum.digits < 9


def test_columns_that_are_others_plus_whole_numbers_are_like_multiples():
    rng = np.random.default_rng(1)
    Z, y, weights = rng.normal(size=(700, 150)), rng.normal(size=700), 0.1 * 10.0 ** -np.arange(5.0)
    found = []
    for others in (Z[:, :0], 0.5 * Z, Z + rng.integers(1, 9, 150)):
        X = np.ascontiguousarray(np.column_stack([Z, others]))
        moments = pm.Moments.of(X, y)
        mean, options = moments.mean[None], (True, weights, False)
        start = _core.lasso(len(y), mean, moments.scatter[None], *options, 1)[1]
        value, _, gap, *_ = _core.lasso_rows(X[None], y[None], mean, *options, start, 1)
        assert (gap <= 1e-12 * value).all()
        found.append(value)
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-12)
