"""Least squares of columns with large means, in exact rational arithmetic: values, digits and gaps hold."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .absolute_exactly import solve_exactly


def case(seed):
    """Powers of a variable with a large mean, shifted columns, or columns almost proportional to the first."""
    r = np.random.default_rng(seed)
    m, p, offset = int(r.integers(5, 14)), int(r.integers(1, 4)), 10.0 ** r.uniform(0, 9)
    if seed % 3 == 0:
        x = min(offset, 1e6) + np.arange(m) * 10.0 ** r.uniform(-2, 1)
        X = np.vander(x, p + 1, increasing=True)[:, 1:]
    elif seed % 3 == 1:
        X = r.normal(size=(m, p)) + offset * r.normal(size=p)
    else:
        x = offset + r.normal(size=m)
        X = np.stack([x] + [x * k + 10.0 ** r.uniform(-3, 0) * r.normal(size=m) for k in range(2, p + 1)], axis=1)
    y = r.normal(size=m) + r.choice([0.0, offset])
    penalty = pm.L2(10.0 ** r.uniform(-6, 2)) if seed % 5 == 0 else None
    return X, y, penalty, bool(seed % 7 == 0), bool(seed % 2)


def far(seed):
    """Without an intercept, means of up to 1e17 standard deviations: columns of which all but one look constant."""
    r = np.random.default_rng([15, seed])
    m, p = int(r.integers(3, 14)), int(r.integers(1, 5))
    Z = r.normal(size=(m, p))
    X = (Z + 10.0 ** r.uniform(r.choice([0.0, 13.0]), 17, p)) * 10.0 ** r.uniform(-5, 5, p)
    y = Z @ r.normal(size=p) * r.integers(2) + 10.0 ** r.uniform(-8, 0) * r.normal(size=m)
    return X, y + r.choice([0.0, 10.0 ** r.uniform(0, 14)]), None, False, False


@pytest.mark.parametrize("draw", [case, far])
@pytest.mark.parametrize("block", range(10))
def test_digits_and_gaps_hold(block, draw):
    for seed in range(60 * block, 60 * block + 60):
        X, y, penalty, intercept, by_rows = draw(seed)
        m = len(X)
        rows = [[Fraction(float(v)) for v in row] + [Fraction(1)] * intercept for row in X]
        target = [Fraction(float(v)) for v in y]
        n = len(rows[0])
        G = [[sum(row[i] * row[j] for row in rows) / m for j in range(n)] for i in range(n)]
        for j in range(n if penalty else 0):
            G[j][j] += Fraction(penalty.lam)
        h = [sum(row[i] * t for row, t in zip(rows, target, strict=True)) / m for i in range(n)]
        constant = sum(t * t for t in target) / m
        theta = solve_exactly(G, h)
        if theta is None:
            continue
        least = constant - sum(a * b for a, b in zip(h, theta, strict=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            if by_rows:
                system = pm.LinearRegression(X, y, intercept=intercept, penalty=penalty)
            else:
                moments = pm.Moments.of(X, y, intercept=intercept)
                system = pm.LinearRegression.from_moments(moments, penalty=penalty)
            minimum = pm.minimum_energy(system)
        if np.isinf(minimum.condition):  # dependent within rounding
            continue
        given = [Fraction(float(v)) for v in minimum.parameters]
        quadratic = sum(given[i] * G[i][j] * given[j] for i in range(n) for j in range(n))
        excess = constant - 2 * sum(a * b for a, b in zip(h, given, strict=True)) + quadratic - least
        assert float(excess) <= minimum.gap, seed
        relative = abs(Fraction(float(minimum.value)) - least) / least if least else Fraction(0)
        true = -np.log10(float(relative)) if relative else 16.0
        assert minimum.digits <= max(true, 0.0) + 0.5, seed
