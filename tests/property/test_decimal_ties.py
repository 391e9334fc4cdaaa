"""Cross entropies of rows that tie as decimals, and as doubles only by chance: decimals are taken as written."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

import pyrometer as pm
from pyrometer.linear import _decimals

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.SeparationWarning", "ignore::pyrometer.PrecisionWarning")


def table(seed, classes):
    """Whole numbers K / 10^places, of which a combination separates all rows but those that tie in it."""
    rng = np.random.default_rng([17, seed, classes])
    m, p = int(rng.choice([60, 100])), int(rng.integers(2, 5))
    places = np.append(rng.integers(1, 3, p - 1), 1)
    K = rng.integers(0, rng.choice([20, 60, 200], p), (m, p))
    units, signs = 10 ** (2 - places), np.append(rng.choice([-2, -1, 1, 2], p - 1), 1)
    sums = (K * units) @ signs
    middle = 10 * int(np.median(sums) // 10)
    tied = (rng.random(m) < 0.4) & ((middle - sums) % 10 == 0)
    K[tied, -1] += (middle - sums[tied]) // 10
    sums = (K * units) @ signs
    y = np.where(sums > middle, classes - 1, np.where(sums < middle, 0, rng.integers(0, classes, m)))
    kind = rng.choice(["", "none", "whole", "real"])
    weights = {"whole": rng.integers(1, 6, m) * 1.0, "real": 10 ** rng.uniform(-1, 1, m)}.get(kind)
    X = K / 10.0**places
    if kind == "none":  # the constant feature is a column
        K, X, places = (np.c_[K, np.full(m, 1)], np.c_[X, np.ones(m)], np.append(places, 0))
    return X.astype(rng.choice([np.float64, np.float64, np.float32])), K, places, y, weights, sums == middle


def infimum(A, y, w, classes):
    """The least mean of losses, by Newton's method in twice the number of parameters that are needed."""
    A = np.c_[A, np.ones(len(A))]
    A = A / np.maximum(np.abs(A).max(axis=0), 1.0)
    w, hot, theta = w / w.sum(), np.eye(classes)[y], np.zeros((classes, A.shape[1]))

    def energy(theta):
        Z = A @ theta.T
        return w @ (np.logaddexp.reduce(Z, axis=1) - (hot * Z).sum(axis=1))

    for _ in range(60):
        Z = A @ theta.T
        P = np.exp(Z - Z.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        gradient = ((P - hot) * w[:, None]).T @ A
        S = P[:, :, None] * (np.eye(classes) - P[:, None, :]) * w[:, None, None]
        H = np.einsum("icd,ij,ik->cjdk", S, A, A).reshape(theta.size, -1)
        step = np.linalg.lstsq(H, gradient.ravel(), rcond=1e-11)[0].reshape(theta.shape)
        share = 1.0
        while share > 1e-6 and energy(theta - share * step) > energy(theta):
            share /= 2
        theta = theta - share * step
    return energy(theta), (gradient * step).sum()


def overlap(A, y, classes):
    """Whether no direction has any row on the side of its class without one on the other side."""
    A = np.c_[A, np.ones(len(A))] / np.append(np.abs(A).max(axis=0), 1.0).clip(1.0)
    apart = np.eye(classes)[None] - np.eye(classes)[y][:, None]
    G = (apart[..., None] * A[:, None, None]).reshape(len(A) * classes, -1)
    return linprog(G.sum(axis=0), A_ub=G, b_ub=np.zeros(len(G)), bounds=(-1, 1)).fun > -1e-9


def energy(X, y, parameters, intercept, weights):
    """The mean loss, from exact logits."""
    theta = parameters.reshape(-1, len(X[0]) + intercept)
    theta = theta if len(theta) > 1 else np.concatenate([0 * theta, theta])
    exact, losses = [[Fraction(t) for t in row] for row in theta.tolist()], []
    for row, own in zip(X, y, strict=True):
        row = [Fraction(v) for v in row] + [Fraction(1)] * intercept
        z = [sum(a * b for a, b in zip(t, row, strict=True)) for t in exact]
        losses.append(np.logaddexp.reduce([float(max(each - z[own], -(10**6))) for each in z]))
    return np.average(losses, weights=weights)


def system(X, y, classes, intercept, weights):
    if classes == 2:
        return pm.LogisticRegression(X, y, intercept=intercept, weights=weights)
    return pm.SoftmaxRegression(X, y, intercept=intercept, weights=weights, labels=range(classes))


def minimum(X, y, classes, weights, **options):
    if classes == 2:
        return pm.minimum_energy(pm.LogisticRegression(X, y, weights=weights, **options), threads=1)
    return pm.minimum_energy(pm.SoftmaxRegression(X, y, weights=weights, labels=range(classes), **options), threads=1)


@pytest.mark.parametrize("classes", [2, 3])
def test_rows_that_tie_as_decimals_are_not_separated(classes, monkeypatch):
    """Values were up to several percent off, with a gap as large, where rounding left them undecided."""
    count = 0
    for seed in range(140):
        X, K, places, y, weights, tied = table(seed, classes)
        intercept = not (K[:, -1] == 1).all()
        columns = K[tied][:, : K.shape[1] - (not intercept)]
        with monkeypatch.context() as unread:
            unread.setattr(_decimals, "_power_of_ten", lambda column: 0.0)
            before = minimum(X, y, classes, weights, intercept=intercept)
        if not tied.any() or not overlap(columns, y[tied], classes):
            continue
        w = np.ones(len(y)) if weights is None else weights
        face, left = infimum(columns, y[tied], w[tied], classes)
        least = face * w[tied].sum() / w.sum()
        assert left < 1e-15
        if before.digits >= 9.0 and (before.attained or abs(before.value - least) > 1e-6 * least):
            continue  # the doubles do not tie
        found = minimum(X, y, classes, weights, intercept=intercept)
        if X.dtype == np.float32 and found.digits == before.digits:
            continue  # it has some digits as it is, and rounding of 1e-8 leaves fewer of decimals
        count += 1
        assert not found.attained
        assert found.digits > (8.0 if X.dtype == np.float64 else 2.0), seed
        assert abs(found.value - least) <= found.gap + 1e-14 * least, seed
        written = [[Fraction(int(k), 10 ** int(d)) for k, d in zip(row, places, strict=True)] for row in K]
        for rows in (X.tolist(), written):
            assert energy(rows, y, found.parameters, intercept, weights) - least <= found.gap + 1e-15, seed
    assert count >= 20, count


def guess(parameters, value, gap):
    """A solver whose answer of whole numbers is the one given, and of others is undecided."""

    def solve(X, y, error, weights):
        whole = (np.rint(X) == X).all(axis=(1, 2))
        error[:] = np.where(whole, 1e-12, np.inf)[:, None]
        theta = np.where(whole[:, None], parameters, 0.0)
        seen.append((X.copy(), weights))
        return np.where(whole, value, 1.0), theta, np.where(whole, gap, 1.0), ~whole, 2 * whole

    seen = []
    return solve, seen


def test_only_the_undecided_system_of_a_stack_is_solved_again_in_units_of_its_parameters():
    X = np.array([[[1.0, 2.0], [3.0, 5.0], [2.0, 2.0]], [[0.1, 0.25], [0.3, -0.75], [0.7, 1.0]]])
    weights, error = np.array([[1.0, 1.0, 1.0], [0.5, 1.5, 1.0]]), np.empty((2, 6))
    solve, seen = guess([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.5, 1e-14)
    value, theta, gap, attained, rank = _decimals.decided(
        _decimals.RowSystems(solve, X, np.zeros((2, 3)), True, error, weights)
    )
    assert [len(rows) for rows, _ in seen] == [2, 1]
    assert (seen[1][0] == [[[1.0, 25.0], [3.0, -75.0], [7.0, 100.0]]]).all()
    assert (seen[1][1] == weights[1:]).all()
    assert (value == 0.5).all()
    assert (theta[1] == [10.0, 200.0, 3.0, 40.0, 500.0, 6.0]).all()
    assert (error[1] >= 1e-12 * np.array([10.0, 100.0, 1.0, 10.0, 100.0, 1.0])).all()
    assert gap[0] == 1e-14 < gap[1] < 1e-12
    assert not attained.any()
    assert (rank == 2).all()


@pytest.mark.parametrize("column", [[0.1, 0.2, 1 / 3], [0.1, 0.3, 1e-17], [0.5, 1e13, 0.25], [1.0, 2.0, 3.0]])
def test_columns_that_are_no_decimals_are_left_as_they_are(column):
    X, error = np.array(column).reshape(1, 3, 1) * np.array([1.0, np.pi]), np.empty((1, 3))
    solve, seen = guess([1.0, 1.0, 1.0], 0.5, 1e-14)
    assert _decimals.decided(_decimals.RowSystems(solve, X, np.zeros((1, 3)), True, error, None))[0][0] == 1.0
    assert len(seen) == 1


def test_parameters_whose_energy_depends_on_the_rounding_of_decimals_are_refused():
    X, error = np.array([[[0.1], [0.3], [0.7]]]), np.empty((1, 2))
    for size, kept in ((1e4, True), (1e16, False), (1e308, False)):
        solve, _ = guess([size, 1.0], 0.5, 1e-14)
        value, theta, gap, _, _ = _decimals.decided(_decimals.RowSystems(solve, X, np.zeros((1, 3)), True, error, None))
        assert (value[0] == 0.5) == kept
        assert (theta[0, 0] == 10.0 * size) == kept
        assert gap[0] > 1e-17 * size or not kept
