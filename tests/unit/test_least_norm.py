"""Least squares and ridge: parameters of least norm, bounds of the parameters, and honest digits."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core

from .absolute_exactly import solve_exactly


def dependent(rng):
    """Draw rows with copied, zero, constant and combined columns, of any shape."""
    m, p = int(rng.integers(1, 30)), int(rng.integers(1, 12))
    X = rng.normal(size=(m, p)) if rng.random() < 0.5 else rng.integers(-3, 4, size=(m, p)).astype(float)
    for j in range(p):
        k, other = rng.integers(0, p, 2)
        match rng.integers(0, 12):
            case 0:
                X[:, j] = X[:, k]
            case 1:
                X[:, j] = 0.0
            case 2:
                X[:, j] = rng.normal()
            case 3:
                X[:, j] = X[:, k] - 2.0 * X[:, other]
    return X + (rng.normal(size=p) if rng.random() < 0.3 else 0.0), rng.normal(size=m) + 1.0


def shortest(X, y, intercept, counted):
    """Return the least-squares solution of least norm, by singular values; `counted`: with the intercept."""
    if not intercept:
        return np.linalg.lstsq(X, y, rcond=1e-11)[0]
    if counted:
        return np.linalg.lstsq(np.c_[X, np.ones(len(y))], y, rcond=1e-11)[0]
    varied = (X - X.mean(axis=0)) * (np.ptp(X, axis=0) > 0)
    slopes = np.linalg.lstsq(varied, y - y.mean(), rcond=1e-11)[0]
    return np.r_[slopes, y.mean() - X.mean(axis=0) @ slopes]


@pytest.mark.parametrize("seed", range(150))
def test_dependent_columns_have_the_solution_of_least_norm(seed):
    X, y = dependent(np.random.default_rng(seed))
    for intercept in (False, True):
        moments = pm.Moments.of(X, y, intercept=intercept)
        for penalty in (None, pm.L2(0.0), pm.L2(0.0, intercept=False)):
            counted = penalty is not None and penalty.intercept
            truth = shortest(X, y, intercept, counted)
            rows = _core.least_squares_rows(X[None], y[None], moments.mean[None], intercept, 0.0, counted, 1)[1][0]
            for system in (
                pm.LinearRegression(X, y, intercept=intercept, penalty=penalty),
                pm.LinearRegression.from_moments(moments, penalty=penalty),
            ):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", pm.PrecisionWarning)
                    found = pm.minimum_energy(system).parameters
                np.testing.assert_allclose(found, truth, atol=1e-7 * max(1.0, np.abs(truth).max()))
            np.testing.assert_allclose(rows, truth, atol=1e-7 * max(1.0, np.abs(truth).max()))


def collinear(seed):
    """Draw rows whose columns are copied, combined, integers, constant, sparse or binary: many, and poorly scaled."""
    rng = np.random.default_rng(seed)
    kind, m, k = (int(rng.integers(low, high)) for low, high in ((0, 8), (2, 80), (1, 25)))
    B = rng.normal(size=(m, k))
    match kind:
        case 0:
            X = np.repeat(B, 2, axis=1)
        case 1:
            X = np.c_[B, B @ rng.normal(size=(k, 3))]
        case 2:
            X = rng.integers(-2, 3, size=(m, 2 * k)).astype(float)
        case 3:
            X = np.c_[B, np.full((m, 2), [3.0, -1e3])]
        case 4:
            X = (rng.random((m, k)) < 0.1) * B
            X = np.c_[X, X[:, ::-1]]
        case 5:
            X = np.c_[np.eye(k)[rng.integers(0, k, m)], np.eye(3)[rng.integers(0, 3, m)]]
        case 6:
            B -= B.mean(axis=0)
            X = np.c_[B, B.sum(axis=1)]
        case _:
            B = B.cumsum(axis=1)
            X = np.c_[B, np.diff(B, axis=1)]
    return X[:, rng.permutation(X.shape[1])], rng.normal(size=m)


# The first ones were taken for independent within the rounding of their second moments.
@pytest.mark.parametrize("seed", [1564, 4433, 4768, 5758, 5879, 6839, 7289, 7721, *range(120)])
def test_columns_that_depend_are_dependent_in_their_moments(seed):
    X, y = collinear(seed)
    for intercept in (False, True):
        truth = shortest(X, y, intercept, False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = pm.minimum_energy(pm.LinearRegression.from_moments(pm.Moments.of(X, y, intercept=intercept)))
        np.testing.assert_allclose(found.parameters, truth, atol=1e-5 * np.abs(truth).max())
        assert found.rank == np.linalg.matrix_rank(X - X.mean(axis=0) * intercept, tol=1e-8 * np.linalg.norm(X, 2))


def exactly(X, y, intercept):
    """Return the minimum and the minimiser by refinement in extended precision.

    Means may exceed deviations by more than extended precision has digits to spare: what they contribute to the
    residuals is summed in fractions.
    """
    A = np.c_[X, np.ones(len(y))] if intercept else X
    scale = np.sqrt((A * A).sum(axis=0))
    Q, R = np.linalg.qr(A / scale)
    centre, target = A.mean(axis=0), y.mean()
    deviations, of_target = A.astype(np.longdouble) - centre, y.astype(np.longdouble) - target

    def residual(theta):
        high = theta.astype(float)
        shift = Fraction(target) - sum(
            Fraction(c) * (Fraction(h) + Fraction(low))
            for c, h, low in zip(centre, high, (theta - high).astype(float), strict=True)
        )
        rounded = float(shift)
        return (of_target - deviations @ theta) + rounded + float(shift - Fraction(rounded))

    theta = np.zeros(A.shape[1], dtype=np.longdouble)
    for _ in range(6):
        theta = theta + np.linalg.solve(R, Q.T @ residual(theta).astype(float)) / scale
    return residual(theta) @ residual(theta) / len(y), theta


def regression(rng):
    """Draw rows with units, means beyond deviations, correlated, near-collinear and binary columns."""
    p = int(rng.integers(1, 30))
    m = int(rng.integers(p + 2, 300))
    X = rng.normal(size=(m, p))
    match rng.integers(0, 5):
        case 0:
            X += rng.normal(size=p) * 10.0 ** rng.uniform(0, 6)
        case 1 if p > 1:
            X[:, 1] = X[:, 0] + 10.0 ** rng.uniform(-5, 0) * X[:, 1]
        case 2:
            X += rng.normal(size=(m, 1)) * 10.0 ** rng.uniform(-1, 2)
        case 3:
            X = rng.standard_t(2, size=(m, p))
    theta = rng.normal(size=p) / X.std(axis=0)
    y = X @ theta + 10.0 ** rng.uniform(-4, 1) * rng.normal(size=m)
    return X * 2.0 ** rng.integers(-20, 21, p), y


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="needs an extended precision")
def test_digits_and_bounds_of_parameters_are_those_there_are():
    spare, excess = [], []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        X, y = regression(rng)
        intercept = bool(rng.integers(0, 2))
        moments = pm.Moments.of(X, y)
        answer = _core.least_squares(len(y), moments.mean[None], moments.scatter[None], intercept, 0.0, False, 1)
        value, theta = exactly(X, y, intercept)
        off = float(abs(answer[0][0] - value))
        stated, true = (-np.log10(np.clip(error, 1e-16, 1.0)) for error in (answer[3][0], off / float(value)))
        if stated > 0:
            spare.append(true - stated)
        error, bound = np.abs(answer[1][0] - theta).astype(float), answer[5][0]
        excess.append(np.max(error / bound))
    assert min(spare) > -0.5
    assert 0.0 < np.median(spare) < 1.0
    assert np.mean(np.array(excess) > 1.0) == 0.0


def test_many_columns_keep_the_digits_of_their_moments():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 300))
    y = X @ rng.normal(size=300) + rng.normal(size=900)
    minimum = pm.minimum_energy(pm.LinearRegression(X, y))
    assert minimum.method == "covariance"
    assert minimum.digits > 11
    assert abs(minimum.value - float(exactly(X, y, True)[0])) <= 10.0**-minimum.digits * minimum.value


@pytest.mark.parametrize("lam", [1e-3, 0.1])
def test_bounds_of_a_lasso_hold(lam):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 8)) * 10.0 ** rng.uniform(-2, 2, 8)
        y = X[:, :3] @ (rng.normal(size=3) / X[:, :3].std(axis=0)) + rng.normal(size=60)
        system = pm.LinearRegression(X, y, penalty=pm.L1(lam, intercept=False))
        minimum = pm.minimum_energy(system)
        # The minimiser for these signs, from the rows.
        active = np.flatnonzero(minimum.parameters[:-1])
        A = np.c_[X[:, active], np.ones(60)].astype(np.longdouble)
        pull = 0.5 * lam * np.r_[np.sign(minimum.parameters[active]), 0.0]
        wanted = (A.T @ y) / 60 - pull
        truth, gram = np.zeros(len(wanted), dtype=np.longdouble), A.T @ A / 60
        for _ in range(5):
            truth += np.linalg.solve(gram.astype(float), (wanted - gram @ truth).astype(float))
        whole = np.zeros(9)
        whole[np.r_[active, 8]] = truth
        assert np.isfinite(minimum.parameter_error).all()
        assert (np.abs(minimum.parameters - whole) <= minimum.parameter_error + 1e-16 * np.abs(whole)).all()


def test_values_or_refusals_at_the_ends_of_the_doubles():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        m, p, spread = int(rng.integers(1, 12)), int(rng.integers(1, 6)), float(rng.choice([20, 150, 300]))
        X = rng.normal(size=(m, p)) * 10.0 ** rng.uniform(-spread, spread, p)
        y = rng.normal(size=m) * 10.0 ** rng.uniform(-spread, spread)
        lam = 10.0 ** rng.uniform(-spread, spread)
        for penalty in (None, pm.L2(lam), pm.L1(lam, intercept=False)):
            stack = np.stack([X, X[::-1]]), np.stack([y, -y])
            for rows in ((X, y), stack):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", pm.PrecisionWarning)
                    try:
                        system = pm.LinearRegression(*rows, penalty=penalty)
                        path = isinstance(penalty, pm.L1)
                        minimum = pm.minimum_path(system, [lam, 0.0, 1.0]) if path else pm.minimum_energy(system)
                    except ValueError:
                        continue
                assert np.isfinite(minimum.parameters).all()
                assert np.isfinite([minimum.value, minimum.gap, minimum.digits]).all()
                assert not np.isnan(minimum.parameter_error).any()


@pytest.mark.parametrize("seed", range(80))
def test_copies_in_other_units_have_the_solution_of_least_norm(seed):
    rng = np.random.default_rng(seed)
    m, p = int(rng.integers(2, 60)), int(rng.integers(1, 40))
    B = rng.normal(size=(m, p))
    X, y = np.c_[B, B * 10.0 ** rng.uniform(-6, 6, p)], rng.normal(size=m)
    for intercept in (False, True):
        truth = shortest(X, y, intercept, False)
        moments = pm.Moments.of(X, y, intercept=intercept)
        for system in (pm.LinearRegression(X, y, intercept=intercept), pm.LinearRegression.from_moments(moments)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pm.PrecisionWarning)
                found = pm.minimum_energy(system).parameters
            np.testing.assert_allclose(found, truth, atol=1e-4 * np.abs(truth).max())


def test_columns_of_very_different_sizes_have_the_solution_of_least_norm():
    """A rounding error of the fit, put right in the coefficient of a tiny column alone, was most of the norm."""
    for seed in range(300):
        rng = np.random.default_rng([16, seed])
        p = int(rng.integers(2, 6))
        X = np.round(rng.normal(size=(int(rng.integers(1, p)), p)), 2) * 2.0 ** rng.integers(-20, 20, p)
        y = X @ rng.normal(size=p)
        rows = [[Fraction(float(value)) for value in row] for row in X]
        products = [[sum(a * b for a, b in zip(row, other, strict=True)) for other in rows] for row in rows]
        shares = solve_exactly(products, [Fraction(float(value)) for value in y])
        if shares is None:
            continue
        exact = [float(sum(a * row[j] for a, row in zip(shares, rows, strict=True))) for j in range(p)]
        peer = np.abs(np.linalg.lstsq(X, y, rcond=None)[0] - exact).max()  # rows that are nearly dependent
        moments = pm.Moments.of(X, y, intercept=False)
        for system in pm.LinearRegression(X, y, intercept=False), pm.LinearRegression.from_moments(moments):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pm.PrecisionWarning)
                found = pm.minimum_energy(system)
            if found.rank == len(X):
                error = np.abs(found.parameters - exact).max()
                assert error <= 1e-8 * np.linalg.norm(exact) + 10 * peer, seed


@pytest.mark.parametrize("decades", [0, 20, 40, 100])
def test_columns_whose_lengths_differ_beyond_the_digits_of_moments(decades):
    """The rounding of a dependence, times the quotient of two lengths, must not become the energy."""
    for seed in range(40):
        rng = np.random.default_rng((seed, decades))
        p = int(rng.integers(2, 6))
        m = int(rng.integers(2, p + 1))
        X = rng.normal(size=(m, p)) * 10.0 ** (decades * rng.uniform(-0.5, 0.5, p))
        y = rng.normal(size=m)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.errors.PrecisionWarning)
            found = pm.minimum_energy(pm.LinearRegression.from_moments(pm.Moments.of(X, y)))
        assert found.value <= (2.0 + 1e-9) * y.var()
