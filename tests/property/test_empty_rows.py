"""Shares of 1 beside rows of zeros: but for rounding, these rows alone tell the columns from the constant."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import pyrometer as pm


def shares(seed):
    rng = np.random.default_rng([seed, 31])
    m, p = int(rng.integers(15, 60)), int(rng.integers(3, 6))
    counts = rng.poisson(2, (m, p)) * 1.0
    counts[counts.sum(axis=1) == 0, 0] = 1
    counts[: int(rng.integers(1, 3))] = 0
    X = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    scale = rng.choice([0, 0.5])
    y = (rng.random(m) < 1 / (1 + np.exp(-counts @ rng.normal(0, scale, p)))) * 1
    return X, y, rng.lognormal(0, 2, m) if rng.random() < 0.4 else np.ones(m)


def shares_of_classes(seed):
    rng = np.random.default_rng([seed, 53])
    classes, p, m = int(rng.integers(3, 5)), int(rng.integers(2, 4)), int(rng.integers(16, 32))
    counts = rng.poisson(2, (m, p)) * 1.0
    counts[counts.sum(axis=1) == 0, 0] = 1
    empty = int(rng.integers(1, 4))
    counts[:empty] = 0
    X = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    y = rng.integers(0, classes, m)
    y[-classes:] = np.arange(classes)
    y[:empty] *= rng.random() < 0.7
    return X, y, rng.lognormal(0, 2, m) if rng.random() < 0.4 else np.ones(m)


def reached(X, y, weights):
    """An energy that Newton's method reaches with 60 digits: a bound of the infimum of the rows as they are."""
    with mpmath.workdps(60):
        signs = 2 * y - 1
        A = [[mpmath.mpf(float(s * x)) for x in (*row, 1.0)] for row, s in zip(X, signs, strict=True)]
        w = [mpmath.mpf(float(x)) for x in weights]
        A_T, theta = mpmath.matrix(A).T, mpmath.zeros(len(A[0]), 1)

        def energy(at):
            margins = A_T.T * at
            return sum(a * mpmath.log1p(mpmath.exp(-z)) for a, z in zip(w, margins, strict=True)), margins

        for _ in range(120):
            before, margins = energy(theta)
            p = [1 / (1 + mpmath.exp(z)) for z in margins]
            slope = A_T * mpmath.matrix([a * b for a, b in zip(w, p, strict=True)])
            bent = [[a * b * (1 - b) * x for x in row] for a, b, row in zip(w, p, A, strict=True)]
            step = mpmath.lu_solve(A_T * mpmath.matrix(bent), slope)
            gain, t = (slope.T * step)[0], mpmath.mpf(1)
            while gain > 1e-20 and energy(theta + t * step)[0] > before - t * gain / 10:
                t /= 2
            theta += t * step
            if gain < 1e-40:
                break
        return float(energy(theta)[0] / sum(w))


@pytest.mark.parametrize("seed", [6, 11, 68, 75, 81, 82, 50027])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning", "ignore::pyrometer.errors.SeparationWarning")
def test_what_large_parameters_make_of_rounding_is_in_the_gap(seed):
    X, y, weights = shares(seed)
    for system in (
        pm.LogisticRegression(X, y, weights=weights),
        pm.SoftmaxRegression(X, y, weights=weights),
    ):
        minimum = pm.minimum_energy(system)
        if minimum.attained:
            assert reached(X, y, weights) >= minimum.value - minimum.gap - 1e-15


@pytest.mark.parametrize("seed", [6, 11, 68, 75, 82, 50027])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.SeparationWarning")
def test_empty_rows_of_one_label_are_separated(seed):
    """The others have the energy of the model without a column, which depends on the others."""
    X, y, weights = shares(seed)
    full = X.any(axis=1)
    others = pm.minimum_energy(pm.LogisticRegression(X[full, 1:], y[full], weights=weights[full]))
    minimum = pm.minimum_energy(pm.LogisticRegression(X, y, weights=weights))
    assert not minimum.attained
    assert minimum.digits > 12
    share = weights[full].sum() / weights.sum()
    assert abs(minimum.value - share * others.value) <= minimum.gap + share * others.gap


def reached_by_classes(X, y, weights):
    """The same for more than two classes, the logits of the last 0."""
    m, n, K = len(y), X.shape[1] + 1, int(y.max())
    with mpmath.workdps(60):
        A = mpmath.matrix(np.c_[X, np.ones(m)].tolist())
        w = [mpmath.mpf(float(x)) for x in weights]
        theta = mpmath.zeros(n, K)

        def energy(at):
            z = A * at
            exps = [[mpmath.exp(z[i, c]) for c in range(K)] for i in range(m)]
            sums = [1 + mpmath.fsum(row) for row in exps]
            own = [z[i, int(y[i])] if y[i] < K else 0 for i in range(m)]
            total = mpmath.fsum(a * (mpmath.log(s) - o) for a, s, o in zip(w, sums, own, strict=True))
            return total, [[x / s for x in row] for row, s in zip(exps, sums, strict=True)]

        for _ in range(100):
            before, p = energy(theta)
            slope, bent = mpmath.zeros(n * K, 1), mpmath.zeros(n * K)
            for a in range(K):
                part = A.T * mpmath.matrix([w[i] * (p[i][a] - int(y[i] == a)) for i in range(m)])
                for j in range(n):
                    slope[a * n + j] = part[j]
                for b in range(K):
                    of_pair = [w[i] * p[i][a] * (int(a == b) - p[i][b]) for i in range(m)]
                    block = A.T * mpmath.matrix([[of_pair[i] * A[i, j] for j in range(n)] for i in range(m)])
                    bent[a * n : (a + 1) * n, b * n : (b + 1) * n] = block
            step = mpmath.lu_solve(bent, slope)
            gain, t = (slope.T * step)[0], mpmath.mpf(1)
            move = mpmath.matrix([[step[a * n + j] for a in range(K)] for j in range(n)])
            while gain > 1e-20 and energy(theta - t * move)[0] > before - t * gain / 10:
                t /= 2
            theta -= t * move
            if gain < 1e-30:
                break
        return float(energy(theta)[0] / sum(w))


@pytest.mark.parametrize("seed", [13, 244, 310, 416, 507, 704])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")
def test_the_same_for_more_than_two_classes(seed):
    X, y, weights = shares_of_classes(seed)
    minimum = pm.minimum_energy(pm.SoftmaxRegression(X, y, weights=weights))
    assert minimum.attained
    assert reached_by_classes(X, y, weights) >= minimum.value - minimum.gap - 1e-15
