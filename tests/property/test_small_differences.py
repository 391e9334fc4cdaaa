"""Columns that are dependent within rounding in all rows but some, where differences well above it decide."""

import math
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.SeparationWarning", "ignore::pyrometer.PrecisionWarning")


def clipped(seed):
    """Probabilities of a confident classifier, some of them clipped; all but the first, and the excess of their sum."""
    rng = np.random.default_rng([1, seed])
    m, classes = int(rng.choice([40, 80, 200])), int(rng.integers(2, 4))
    P = np.exp(rng.normal(size=(m, classes)) * 40.0)
    P /= P.sum(axis=1, keepdims=True)
    rows, least = rng.random(m) < 0.5, 10.0 ** -rng.integers(10, 12)
    P[rows] = P[rows].clip(least)
    y = rng.random(m) < 0.5
    y[rows] = True
    return P, np.column_stack([P[:, 1:], [math.fsum([*row, -1.0]) for row in P]]), y


def filled(seed):
    """Three columns, two of them equal but where the third is filled; and the difference of the two for one of them."""
    rng = np.random.default_rng([2, seed])
    m = int(rng.choice([20, 40, 80]))
    rows, a = np.arange(m) < rng.integers(2, m // 2), rng.normal(size=m) * 10
    b = a + np.where(rows, rng.choice([1e-6, 1e-3, 0.1]) * rng.normal(size=m), 0.0)
    fill = rng.choice([1e15, 1e20, 1e25]) * np.exp(rng.normal(size=m) * rng.integers(0, 2))
    c = np.where(rows, fill, rng.normal(size=m))
    return np.column_stack([a, c, b]), np.column_stack([a, c, b - a]), rng.random(m) < 0.5


def rare(seed):
    """A share that is tiny but in some rows, and its complement, with errors in these; and the excess of their sum."""
    rng = np.random.default_rng([3, seed])
    m = int(rng.choice([40, 80, 200]))
    rows, tiny = np.arange(m) < rng.integers(2, m // 2), 10.0 ** -rng.integers(8, 16) * np.exp(rng.normal(size=m))
    share = np.where(rows, rng.uniform(0.1, 1.0, m), tiny)
    other = 1.0 - share + np.where(rows, 10.0 ** -rng.integers(11, 13) * rng.normal(size=m), 0.0)
    excess = [math.fsum([*pair, -1.0]) for pair in zip(share, other, strict=True)]
    return np.column_stack([share, other]), np.column_stack([share, excess]), rng.random(m) < 0.5


@pytest.mark.parametrize(("table", "least"), [(clipped, 240), (filled, 290), (rare, 290)])
def test_differences_above_rounding_count(table, least):
    """They were taken for rounding, with 12 digits of another value."""
    certain = 0
    for seed in range(300):
        X, plain, y = table(seed)
        if y.all() or not y.any():
            continue
        found, other = (pm.minimum_energy(pm.LogisticRegression(columns, y)) for columns in (X, plain))
        if min(found.digits, other.digits) <= 0.0:
            continue
        certain += 1
        rounding = 1e-15 * abs(other.parameters[-2]) * abs(X[:, 0]).max()  # of the two terms of the difference
        assert abs(found.value - other.value) <= found.gap + other.gap + rounding, seed
    assert certain >= least, certain


def bumps(seed):
    """Three shares of 1 beside a column that they nearly separate with, and rows of one label whose sum is another."""
    rng = np.random.default_rng([4, seed])
    m = int(rng.choice([20, 30, 50]))
    x = rng.normal(size=m)
    P = np.exp(-((x[:, None] - rng.normal(size=3)) ** 2) * rng.choice([0.1, 1.0]))
    P /= P.sum(axis=1, keepdims=True)
    rows = np.arange(m) < rng.integers(1, 6)
    P[rows] *= 1 + 10.0 ** rng.integers(-15, -11) * np.exp(rng.normal(size=(m, 1)))[rows]
    y = rng.random(m) < 1 / (1 + np.exp(-3 * x))
    y[rows] = True
    return np.column_stack([P, x]), y


def loss(X, y, parameters):
    """Mean cross entropy, with exact logits."""
    *theta, intercept = [Fraction(float(value)) for value in parameters]
    logits = [float(sum(map(Fraction.__mul__, map(Fraction, row), theta)) + intercept) for row in X.tolist()]
    return math.fsum(np.logaddexp(0.0, np.where(y, -1.0, 1.0) * logits)) / len(y)


def test_the_gap_counts_what_is_taken_for_rounding():
    """Other parameters of the same size have losses within the gap, which was up to 3,000 times too small."""
    certain = 0
    for seed in range(200):
        X, y = bumps(seed)
        found = pm.minimum_energy(pm.LogisticRegression(X, y))
        if found.digits <= 0.0:
            continue
        certain += 1
        theta = np.asarray(found.parameters)
        for move in (-theta[0], -theta[1], -theta[2], theta[4]):
            other = loss(X, y, theta + move * np.array([1.0, 1.0, 1.0, 0.0, -1.0]))
            assert other >= found.value - found.gap - 1e-15, seed
    assert certain >= 190, certain
