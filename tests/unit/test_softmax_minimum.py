"""The lowest softmax cross entropy: certificates, separation against linear programs, other programs, extremes."""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.special import logsumexp

import pyrometer as pm
from pyrometer import _core


def solve(X, y, classes, intercept=True, weights=None, threads=1):
    """Value, parameters (C, n), gap, attained, rank."""
    X = np.ascontiguousarray(X)[None]
    weights = None if weights is None else np.ascontiguousarray(weights)[None]
    found = _core.softmax(X, np.asarray(y, dtype=X.dtype)[None], classes, intercept, threads, weights)
    return found[0][0], found[1][0].reshape(classes, -1), found[2][0], bool(found[3][0]), int(found[4][0])


def energy(X, y, theta, intercept=True):
    Z = X @ theta[:, : X.shape[1]].T + (theta[:, -1] if intercept else 0.0)
    return float(np.mean(logsumexp(Z, axis=1) - Z[np.arange(len(y)), np.asarray(y, dtype=int)]))


def rows(m=1000, p=3, classes=4, seed=0, sharp=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p))
    return X, (sharp * X @ rng.normal(size=(p, classes)) + rng.gumbel(size=(m, classes))).argmax(1)


# ---- Values and certificates.


@pytest.mark.parametrize(
    ("m", "p", "classes", "intercept"),
    [
        (60, 2, 3, True),
        (60, 2, 3, False),
        (2000, 5, 4, True),
        (9000, 3, 8, True),
        (70_000, 4, 3, True),
        (500, 0, 5, True),
    ],
)
def test_the_minimum_is_certified(m, p, classes, intercept):
    X, y = rows(m, p, classes)
    value, theta, gap, attained, rank = solve(X, y, classes, intercept)
    assert attained
    assert rank == p
    assert 0 < gap <= 1e-12 * value
    assert energy(X, y, theta, intercept) == pytest.approx(value, rel=1e-13)
    # A dual point, by the test's own arithmetic: distributions near those at theta with the sums of the labels.
    A = np.hstack([X, np.ones((m, 1))]) if intercept else X
    Z = A @ theta.T
    P = np.exp(Z - logsumexp(Z, axis=1, keepdims=True))
    G = A.T @ (P - np.eye(classes)[y])
    assert np.abs(G).max() <= 1e-8 * m
    H = np.zeros((classes * A.shape[1],) * 2)
    for c in range(classes):
        for d in range(classes):
            W = P[:, c] * ((c == d) - P[:, d])
            H[c * A.shape[1] : (c + 1) * A.shape[1], d * A.shape[1] : (d + 1) * A.shape[1]] = A.T @ (W[:, None] * A)
    step = -np.linalg.lstsq(H, G.T.ravel(), rcond=1e-12)[0].reshape(classes, -1)
    a = A @ step.T
    dual = P * (1.0 + a - (P * a).sum(1, keepdims=True))
    assert dual.min() >= 0.0
    assert np.abs(A.T @ (dual - np.eye(classes)[y])).max() <= 1e-9 * m
    entropy = -np.sum(dual * np.log(np.maximum(dual, 1e-300)), axis=1).mean()
    assert value - entropy <= 1e-11


@pytest.mark.parametrize("seed", range(4))
def test_against_general_minimisers(seed):
    X, y = rows(150, 2, 3, seed)
    value, *_ = solve(X, y, 3)

    def loss(t):
        return energy(X, y, t.reshape(3, 3))

    other = minimize(loss, np.zeros(9), method="BFGS", options={"gtol": 1e-9}).fun
    assert value <= other + 1e-14
    assert value == pytest.approx(other, rel=1e-8)


def test_groups_have_the_entropy_of_their_labels():
    counts = np.array([[3, 7, 2], [10, 2, 1], [1, 1, 4]])
    group = np.repeat(np.arange(3), counts.sum(1))
    y = np.concatenate([np.repeat([0, 1, 2], c) for c in counts])
    X = np.eye(3)[group]
    share = counts / counts.sum(1, keepdims=True)
    expected = -(counts * np.log(share)).sum() / len(y)
    for columns, intercept, rank in [(X, False, 3), (X[:, 1:], True, 2), (X, True, 2)]:
        value, theta, gap, attained, found = solve(columns, y, 3, intercept)
        assert value == pytest.approx(expected, rel=1e-15)
        assert attained
        assert gap <= 1e-12 * value
        assert found == rank
        assert energy(columns, y, theta, intercept) == pytest.approx(expected, rel=1e-14)


# ---- Other programs.


def bundled(name):
    datasets = pytest.importorskip("sklearn.datasets")
    return getattr(datasets, f"load_{name}")(return_X_y=True)


def test_statsmodels_on_bundled_data():
    sm = pytest.importorskip("statsmodels.api")
    data = sm.datasets.anes96.load()
    X, y = np.asarray(data.exog, dtype=float), np.asarray(data.endog, dtype=int)
    value, theta, _, attained, _ = solve(X, y, 7)
    fitted = sm.MNLogit(y, np.hstack([X, np.ones((len(X), 1))])).fit(method="newton", maxiter=100, disp=0)
    assert attained
    assert value == pytest.approx(-fitted.llf / len(y), rel=1e-12)
    np.testing.assert_allclose((theta[1:] - theta[0]).T, np.asarray(fitted.params), rtol=1e-6, atol=1e-8)
    spector = sm.datasets.spector.load()
    X, y = np.asarray(spector.exog, dtype=float), np.asarray(spector.endog, dtype=int)
    fitted = sm.MNLogit(y, np.hstack([X, np.ones((len(X), 1))])).fit(method="newton", maxiter=100, disp=0)
    low = pm.minimum_energy(pm.SoftmaxRegression(X, y))
    assert low.value == pytest.approx(-fitted.llf / len(y), rel=1e-12)


def test_bundled_classes_that_are_separated():
    X, y = bundled("iris")
    value, _, gap, attained, _ = solve(X, y, 3)
    two = _core.logistic(X[None, 50:], (y[50:] - 1.0)[None], True, 1)
    assert not attained
    assert value == pytest.approx(two[0][0] * 100 / 150, rel=1e-13)
    assert gap < 1e-12
    for name, classes in (("wine", 3), ("digits", 10)):
        X, y = bundled(name)
        value, theta, _, attained, rank = solve(X, y, classes)
        assert (value, attained) == (0.0, False)
        Z = X @ theta[:, :-1].T + theta[:, -1]
        own = Z[np.arange(len(y)), y].copy()
        Z[np.arange(len(y)), y] = -np.inf
        assert (own > Z.max(1)).all()
        assert rank == np.linalg.matrix_rank(X - X.mean(0))


def test_scikit_learn_on_overlapping_classes():
    linear = pytest.importorskip("sklearn.linear_model")
    X, y = bundled("wine")
    X = X[:, [1, 2, 4]]
    value, theta, _, attained, _ = solve(X, y, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = linear.LogisticRegression(C=1e12, tol=1e-10, max_iter=10_000, solver="newton-cg").fit(X, y)
    assert attained
    np.testing.assert_allclose(theta[:, :-1] - theta[0, :-1], fitted.coef_ - fitted.coef_[0], rtol=1e-4, atol=1e-5)
    assert value <= energy(X, y, np.column_stack([fitted.coef_, fitted.intercept_])) + 1e-15


# ---- Separation.


def separated_by_program(X, y, classes, intercept):
    """Differences d_ic and which of them are separated: a linear program finds the largest number at once."""
    A = np.hstack([X, np.ones((len(X), 1))]) if intercept else X
    m, n = A.shape
    pairs = [(i, c) for i in range(m) for c in range(classes) if c != y[i]]
    D = np.zeros((len(pairs), classes * n))
    for k, (i, c) in enumerate(pairs):
        D[k, y[i] * n : (y[i] + 1) * n] += A[i]
        D[k, c * n : (c + 1) * n] -= A[i]
    K = len(pairs)
    bounds = [(None, None)] * (classes * n) + [(0, 1)] * K
    objective = np.r_[np.zeros(classes * n), -np.ones(K)]
    found = linprog(objective, A_ub=np.hstack([-D, np.eye(K)]), b_ub=np.zeros(K), bounds=bounds, method="highs")
    return D, pairs, found.x[classes * n :] > 0.5


def infimum(D, pairs, separated, m):
    rows_of = [[k for k, (i, _) in enumerate(pairs) if i == row and not separated[k]] for row in range(m)]

    def loss(t):
        z, value, gradient = D @ t, 0.0, np.zeros(D.shape[1])
        for kept in filter(None, rows_of):
            one = np.logaddexp(0.0, logsumexp(-z[kept]))
            value += one
            gradient -= np.exp(-z[kept] - one) @ D[kept]
        return value / m, gradient / m

    return minimize(loss, np.zeros(D.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 3000}).fun


def test_many_parameters_of_probabilities_near_0():
    rng = np.random.default_rng(7)
    X, classes = rng.standard_normal((2400, 81)), 21
    y = (0.4 * X @ rng.standard_normal((81, classes)) + rng.gumbel(size=(2400, classes))).argmax(axis=1)
    minimum = pm.minimum_energy(pm.SoftmaxRegression(X, y))
    assert minimum.attained
    assert minimum.digits > 11.0
    A = np.c_[X, np.ones(2400)]
    logits = A @ minimum.parameters.reshape(classes, 82).T
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    assert minimum.value == pytest.approx(-log_p[np.arange(2400), y].mean(), rel=1e-12)
    assert np.abs((np.exp(log_p) - np.eye(classes)[y]).T @ A / 2400).max() < 1e-9


@pytest.mark.parametrize("seed", range(60))
def test_separation_against_a_linear_program(seed):
    rng = np.random.default_rng(seed)
    classes, p, m, intercept = int(rng.integers(2, 5)), int(rng.integers(1, 4)), int(rng.integers(4, 22)), seed % 2 == 0
    X = [rng.integers(-2, 3, size=(m, p)), rng.normal(size=(m, p)), rng.integers(0, 2, size=(m, p))][seed % 3] * 1.0
    if seed % 5 == 0:
        y = (X @ rng.normal(size=(p, classes)) + 0.3 * rng.gumbel(size=(m, classes))).argmax(1)
    else:
        y = rng.integers(0, classes, size=m)
    D, pairs, separated = separated_by_program(X, y, classes, intercept)
    value, theta, gap, attained, _ = solve(X, y, classes, intercept)
    assert attained == (not separated.any())
    assert value == pytest.approx(0.0 if separated.all() else infimum(D, pairs, separated, m), abs=2e-8)
    assert (value == 0.0) == separated.all()
    assert gap <= 1e-10
    assert np.isfinite(theta).all()
    assert energy(X, y, theta, intercept) - value <= gap + 1e-13 * value


def test_one_row_that_is_not_separated():
    X, _ = rows(1500, 3, 4)
    y = (X @ np.random.default_rng(1).normal(size=(3, 4))).argmax(1)
    value, _, _, attained, _ = solve(X, y, 4)
    assert (value, attained) == (0.0, False)
    y[3] = (y[3] + 1) % 4
    value, theta, gap, attained, _ = solve(X, y, 4)
    assert attained
    assert 0 < value < 0.1
    assert gap <= 1e-11 * value
    assert energy(X, y, theta) == pytest.approx(value, rel=1e-11)


def test_many_rows_of_which_a_class_is_separated():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 3))
    y = np.where(X[:, 0] > 0, 0, 1 + (X[:, 1] + rng.logistic(size=40_000) > 0))
    value, _, gap, attained, _ = solve(X, y, 3)
    rest = X[:, 0] <= 0
    two = _core.logistic(X[rest][None], (y[rest] - 1.0)[None], True, 1)
    assert not attained
    assert value == pytest.approx(two[0][0] * rest.mean(), rel=1e-12)
    assert gap <= 1e-11


def test_classes_without_rows():
    X, y = rows(400, 3, 3)
    value, *_ = solve(X, y, 3)
    low, theta, gap, attained, _ = solve(X, 2 * y, 6)
    assert not attained
    assert low == pytest.approx(value, rel=1e-14)
    assert gap <= 1e-12
    assert energy(X, 2 * y, theta) == pytest.approx(value, rel=1e-13)
    # Without an intercept no direction takes its probability away from all rows.
    low, theta, gap, attained, _ = solve(X, y, 4, intercept=False)
    assert attained
    assert energy(X, y, theta, intercept=False) == pytest.approx(low, rel=1e-13)
    assert low > solve(X, y, 3, intercept=False)[0]
    for m in (1, 5):
        assert solve(X[:m], np.full(m, 1), 3)[0::3] == (0.0, False)


# ---- Columns and scales.


def test_dependent_columns():
    X, y = rows()
    value, *_ = solve(X, y, 4)
    for extra in (X[:, :1], X @ [[1.0], [2.0], [3.0]], np.full((1000, 1), 7.0), np.zeros((1000, 1))):
        other, theta, gap, attained, rank = solve(np.hstack([X, extra]), y, 4)
        assert other == pytest.approx(value, rel=1e-13)
        assert attained
        assert rank == 3
        assert gap <= 1e-12
        assert energy(np.hstack([X, extra]), y, theta) == pytest.approx(value, rel=1e-13)
    assert solve(np.zeros((1000, 2)), y, 4, intercept=False)[0] == pytest.approx(np.log(4.0), rel=1e-15)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-8, 1e8, 1e150, 1e300])
def test_scales(scale):
    X, y = rows()
    value, theta, *_ = solve(X, y, 4)
    other, scaled, gap, attained, _ = solve(X * [scale, 1.0, 1.0], y, 4)
    assert other == pytest.approx(value, rel=1e-13)
    assert attained
    assert gap <= 1e-12
    np.testing.assert_allclose(scaled[:, 0] * scale, theta[:, 0], rtol=1e-9)


def test_large_means():
    X, y = rows()
    X = np.round(X * 2**20) / 2**20  # exact after the shift
    value, *_ = solve(X, y, 4)
    assert solve(X + 1e6, y, 4)[0] == pytest.approx(value, rel=1e-12)


def test_nearly_dependent_columns_agree_with_their_difference():
    X, y = rows()
    fine = np.round(X[:, 0] * 2**10) / 2**10 + 2.0**-40 * np.random.default_rng(1).integers(-9, 9, size=1000)
    coarse = np.round(X[:, 0] * 2**10) / 2**10
    near = solve(np.column_stack([coarse, X[:, 1], fine]), y, 4)
    apart = solve(np.column_stack([coarse, X[:, 1], (fine - coarse) * 2.0**40]), y, 4)
    assert near[0] == pytest.approx(apart[0], rel=1e-12)
    assert near[2] <= 1e-12


def test_a_row_that_is_far_larger():
    X, y = rows()
    X[0] *= 1e6
    value, theta, gap, attained, _ = solve(X, y, 4)
    assert attained
    assert gap <= 1e-9 * value
    assert energy(X, y, theta) == pytest.approx(value, rel=1e-9)
    X[0] *= 1e6
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        low = pm.minimum_energy(pm.SoftmaxRegression(X, y))
    assert low.gap <= 1e-9 * low.value or any(issubclass(w.category, pm.PrecisionWarning) for w in caught)


def exact_bounds(X, y, classes, weights=None, intercept=True):
    """Value, gap and the exact loss of the parameters."""
    w = None if weights is None else weights / weights.mean()
    value, theta, gap, attained, _ = solve(X, y, classes, intercept, w)
    with mpmath.workdps(40):
        exact = loss(X, y, theta, intercept) if w is None else weighted_loss(X, y, theta, w)
    return value, gap, float(exact), attained


def weighted_loss(X, y, theta, w):
    """The mean loss of weighted rows, with an intercept."""
    total = sum(float(wi) * loss(X[i : i + 1], y[i : i + 1], theta, True) for i, wi in enumerate(w))
    return total / float(np.sum(w))


@pytest.mark.parametrize("seed", range(16))
def test_a_row_of_any_size_hides_no_other(seed):
    """Its margin is a coordinate of its own: one row 10^3 to 10^14 times larger, of the class that it has by chance."""
    rng = np.random.default_rng([24, seed])
    m, p, classes = int(rng.integers(20, 200)), int(rng.integers(1, 5)), int(rng.integers(2, 5))
    X, y = rows(m, p, classes, seed)
    X[rng.integers(m)] *= 10.0 ** rng.uniform(3, 14)
    value, gap, exact, attained = exact_bounds(X, y, classes)
    assert attained
    assert gap <= 1e-9 * value
    assert abs(exact - value) <= gap + 1e-14 * value


@pytest.mark.parametrize("seed", [*range(1, 8), 33, 69, 82])
def test_rare_values_that_nearly_separate(seed):
    """Columns of a few rows each, some of them at logits of hundreds: what is left of others' classes is negligible."""
    rng = np.random.default_rng([1, seed])
    m, p, classes, rare = (int(rng.integers(*between)) for between in ((50, 2500), (1, 5), (3, 5), (1, 6)))
    X, sharp = rng.normal(size=(m, p)), 10.0 ** rng.uniform(-0.5, 2.2)
    y = (sharp * X @ rng.normal(size=(p, classes)) + rng.gumbel(size=(m, classes))).argmax(1)
    D = np.zeros((m, rare))
    for j in range(rare):
        some = rng.choice(m, int(rng.integers(1, 5)), replace=False)
        D[some, j] = 1.0
        if rng.random() < 0.5:
            y[some] = rng.integers(0, classes, len(some))
    X = np.c_[X, D]
    value, theta, gap, _, _ = solve(X, y, classes)
    assert gap <= 1e-9 * value
    assert abs(energy(X, y, theta) - value) <= gap + 1e-12 * value


@pytest.mark.parametrize("seed", [2, 4, 6, 8, 196, 324, 326])
def test_weights_of_any_ratio(seed):
    """Rows of weights down to 1e-18 decide where a few others are separated."""
    rng = np.random.default_rng([3, seed])
    m, p, classes = (int(rng.integers(*between)) for between in ((20, 2500), (1, 5), (2, 5)))
    X = rng.normal(size=(m, p))
    y = (X @ rng.normal(size=(p, classes)) + rng.gumbel(size=(m, classes))).argmax(1)
    w = np.where(rng.random(m) < 0.1, 1.0, 10.0 ** -rng.uniform(5, 18))
    if seed < 100:
        X, y, w = X[:150], y[:150], w[:150]
        w[0] = 1.0
    value, gap, exact, _ = exact_bounds(X, y, classes, w)
    assert gap <= 1e-9 * value
    assert abs(exact - value) <= gap + 1e-13 * value
    if classes == 2:
        found = pm.minimum_energy(pm.LogisticRegression(X, y, weights=w))
        assert found.value == pytest.approx(value, rel=1e-9)
        assert found.gap <= 1e-9 * found.value


def test_rare_values_of_rows_far_from_the_others():
    """Rows with a column to themselves dominate the Hessian; the certificate is that without them."""
    rng = np.random.default_rng(569)
    X, y = rows(2000, 3, 3, seed=1, sharp=30.0)
    rare = rng.choice(2000, 3, replace=False)
    y[rare] = [0, 1, 2]
    with_rare = np.column_stack([X, np.isin(np.arange(2000), rare)])
    value, theta, gap, attained, _ = solve(with_rare, y, 3)
    assert attained
    assert gap <= 1e-6 * value
    assert energy(with_rare, y, theta) <= value + gap
    # The column may only lower the minimum, and by no more than the losses of its rows.
    without = solve(X, y, 3)[0]
    others = np.setdiff1d(np.arange(2000), rare)
    least = solve(X[others], y[others], 3)[0] * len(others) / 2000
    assert least - gap <= value <= without + gap


@pytest.mark.parametrize(("m", "p", "classes"), [(400, 3, 4), (9000, 2, 3), (900, 30, 10)])
def test_bounds_of_parameters(m, p, classes):
    """Against Newton's method with gradients in extended precision, whose minimiser has the sum 0 over the classes."""
    X, y = rows(m, p, classes, sharp=0.3)
    X += 3.0
    found = pm.minimum_energy(pm.SoftmaxRegression(X, y))
    theta, error = (a.reshape(classes, -1) for a in (found.parameters, found.parameter_error))
    A = np.hstack([X, np.ones((m, 1))]).astype(np.longdouble)
    exact = theta.astype(np.longdouble)
    for _ in range(4):
        Z = A @ exact.T
        P = np.exp(Z - Z.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        G = (A.T @ (P - np.eye(classes)[y])).T
        W, D = P.astype(float), A.astype(float)
        blocks = [[(D.T * (W[:, c] * ((c == d) - W[:, d]))) @ D for d in range(classes)] for c in range(classes)]
        exact -= np.linalg.lstsq(np.block(blocks), G.ravel().astype(float), rcond=1e-11)[0].reshape(classes, -1)
    exact -= exact.mean(axis=0)
    assert (np.abs(theta - exact) <= error).all()
    assert (error <= 1e-4 * np.abs(theta).max()).all()


def test_parameters_without_bounds():
    X, y = rows(200, 2, 3)
    for columns, labels in ((np.column_stack([X, X[:, 0]]), y), (X, np.where(y == 1, 0, y)), (X * 0.0, y)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert np.isinf(
                pm.minimum_energy(pm.SoftmaxRegression(columns, labels, labels=range(3))).parameter_error
            ).all()


def test_weights_of_rows():
    X, y = rows(300)
    w = np.random.default_rng(0).integers(1, 4, size=300).astype(float)
    weighted = solve(X, y, 4, weights=w / w.mean())
    repeated = solve(np.repeat(X, w.astype(int), axis=0), np.repeat(y, w.astype(int)), 4)
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("m", [900, 30_000])
def test_threads_and_stacks_have_the_same_bits(m):
    X, y = rows(m, 5, 4)
    one, more = solve(X, y, 4), solve(X, y, 4, threads=3)
    assert one[0] == more[0]
    np.testing.assert_array_equal(one[1], more[1])
    stacked = _core.softmax(np.stack([X, X[::-1]]), np.stack([y, y[::-1]]).astype(float), 4, True, 2)
    assert stacked[0][0] == one[0]
    np.testing.assert_array_equal(stacked[1][0].reshape(4, -1), one[1])
    assert stacked[0][1] == pytest.approx(one[0], rel=1e-13)


def test_preconditions_of_the_core():
    X, y = rows(20, 2, 3)
    with pytest.raises(ValueError, match="classes must be at least 2"):
        solve(X, y, 1)
    with pytest.raises(ValueError, match=r"y must be a class 0 .. 1, got 2"):
        solve(X, y * 0 + 2, 2)
    with pytest.raises(ValueError, match=r"y must be a class 0 .. 2, got 0.5 at row 3"):
        solve(X, np.where(np.arange(20) == 3, 0.5, y), 3)
    with pytest.raises(ValueError, match="X must be finite"):
        solve(np.where(X[4, 1] == X, np.nan, X), y, 3)


def loss(X, y, theta, intercept):
    """The mean loss, in 40 digits."""
    with mpmath.workdps(40):
        total = mpmath.mpf(0)
        for row, label in zip(np.column_stack([X] + [np.ones(len(X))] * intercept), y, strict=True):
            logits = [mpmath.fdot(row.tolist(), t) for t in theta.tolist()]
            total += mpmath.log(mpmath.fsum(mpmath.exp(z - logits[label]) for z in logits))
        return total / len(X)


@pytest.mark.parametrize("block", range(4))
def test_rows_that_a_near_dependence_separates(block):
    """Columns z and z + 2^-k d of integers: (c, -1) has products 0 or 2^-k. The gap is that of the parameters."""
    checked = 0
    for seed in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng([22, seed])
        k, p, m = (int(rng.integers(*between)) for between in ((20, 44), (1, 4), (12, 30)))
        intercept = seed % 2 == 1
        X = rng.integers(-3, 4, (m, p)).astype(float)
        z = X @ rng.integers(-2, 3, p) + intercept * rng.integers(-1, 2)
        d = np.where(z == 0, rng.choice([-1, 1], m), 0)
        y = np.where(z == 0, d > 0, rng.integers(0, 3, m)).astype(int)
        near, rest = np.c_[X, z + 2.0**-k * d], z != 0
        if rest.all() or len(set(y[rest])) < 3:
            continue
        value, theta, gap, attained, rank = solve(near, y, 3, intercept)
        least = solve(X[rest], y[rest], 3, intercept)[0] * rest.mean()
        if rank < p + 1:  # dependent within rounding
            continue
        checked += 1
        assert not attained, seed
        assert value == pytest.approx(least, rel=1e-9, abs=1e-12), seed
        assert loss(near, y, theta, intercept) - least <= gap + 1e-13, seed
    assert checked > 5


def test_gaps_are_those_of_rounded_parameters():
    for seed in range(30):
        rng = np.random.default_rng([23, seed])
        m, intercept = int(rng.integers(5, 10)), seed % 2 == 1
        X = rng.normal(size=(m, 2))
        X[:, 1] = 2 * X[:, 0] + 10.0 ** rng.uniform(-12.5, -9) * X[:, 1]
        X, y = np.tile(X, (4, 1)), np.concatenate([rng.integers(0, 3, m), np.repeat([0, 1, 2], m)])
        simple = np.c_[X[:, 0], (X[:, 1] - 2 * X[:, 0]) * 2.0**34]  # exactly
        _, theta, gap, _, rank = solve(X, y, 3, intercept)
        least, _, known, _, _ = solve(simple, y, 3, intercept)
        if rank == 2 and known < 1e-12:
            assert loss(X, y, theta, intercept) - least <= gap + known, seed


@pytest.mark.parametrize("block", range(2))
def test_the_gap_of_separated_classes_covers_the_losses_of_all_rows(block):
    """Rows at the same distance from every other class, in one class each or several: exact losses, in 40 digits."""
    for seed in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng([33, seed])
        classes, copies = int(rng.integers(2, 6)), int(rng.integers(1, 8))
        y = np.repeat(np.arange(classes), copies)
        X = np.eye(classes)[y] * rng.uniform(0.1, 10)
        if rng.random() < 0.5:
            X = X + 0.1 * rng.normal(size=X.shape)
        intercept, weights = seed % 2 == 1, rng.uniform(0.2, 3, len(y)) if seed % 3 == 0 else None
        value, theta, gap, attained, _ = solve(X, y, classes, intercept, weights)
        with mpmath.workdps(40):
            each = [loss(X[i : i + 1], y[i : i + 1], theta, intercept) for i in range(len(y))]
            exact = mpmath.fdot(each, [1.0] * len(y) if weights is None else weights) / len(y)
        assert value == 0
        assert not attained
        assert exact <= gap, seed


def nearly_dependent(seed):
    """Rows of a column and itself times 1 + 1e-12 to 1e-7 noise, of others, and labels that these may separate."""
    rng = np.random.default_rng([31, seed])
    m, p, classes = int(rng.integers(6, 30)), int(rng.integers(1, 3)), int(rng.integers(2, 5))
    X = rng.normal(size=(m, p)) * 10 ** rng.uniform(-1, 2) + rng.choice([0, 20.0])
    X = np.c_[X, X[:, 0] * (1 + 10 ** rng.uniform(-12, -7) * rng.normal(size=m))]
    if rng.random() < 0.4:
        X = np.round(X, 3) if rng.random() < 0.3 else np.c_[X, rng.integers(0, 2, m)]
    y = rng.integers(0, classes, m)
    if rng.random() < 0.7:
        t = X[:, -1] - X[:, 0] if rng.random() < 0.5 else X[:, 0]
        moved = rng.random(m) < 0.5
        y[moved] = np.where(t[moved] > np.median(t), 0, np.minimum(y[moved] + 1, classes - 1))
    return X, y, classes, bool(rng.integers(2)), p


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 5, 60, 65, 169, 200, 240, 337, 408, 432, 527, 541])
def test_a_near_dependence_leaves_no_separation_undecided(seed):
    """The difference of the two columns, exact in doubles, decides in a linear program."""
    X, y, classes, intercept, p = nearly_dependent(seed)
    value, theta, gap, attained, rank = solve(X, y, classes, intercept)
    apart = X.copy()
    apart[:, p] -= apart[:, 0]
    assert rank == X.shape[1]
    _, _, separated = separated_by_program(apart / np.abs(apart).max(axis=0), y, classes, intercept)
    assert attained == (not separated.any())
    assert (value == 0) == separated.all()
    assert gap <= 1e-2 * value or value == 0  # the rounding of large parameters is in the gap
    assert loss(X, y, theta, intercept) - value <= gap + 1e-13


def test_a_basis_is_searched_once_where_the_minimum_stays_open():
    """Groups, their sums and bumps: 2,716 evaluations, and 18,341 where each dependent column led to the same one."""
    rng = np.random.default_rng(10)
    own = np.eye(12)[rng.integers(0, 12, 300)]
    x = np.sort(rng.random(300))
    bumps = np.exp(-((9 * (x[:, None] - np.linspace(0, 1, 9))) ** 2) * 0.09)
    X = np.column_stack([own.reshape(-1, 4, 3).sum(axis=2), own, bumps])
    margin = X @ np.round(rng.normal(size=25) / 2)
    y = np.where(x > 0.9, 2.0, np.where(margin > np.quantile(margin, 0.3), 1.0, 0.0))
    y[rng.integers(0, 300, 30)] = 0
    y[:3] = [0, 1, 2]
    value, _, gap, _, rank, evaluations = (found[0] for found in _core.softmax(X[None], y[None], 3, True, 1)[:6])
    assert 0 < value < 0.186
    assert gap < value
    assert rank == 20
    assert evaluations <= 6000
