"""Variances of energies of rows whose products cancel in their means: exact, or with a warning."""

import warnings
from fractions import Fraction

import numpy as np

import pyrometer as pm


def exact_variance(X, y, scales):
    """Var E of a normal law, 4 b' D b + 2 tr (D G)^2, in exact arithmetic."""
    rows = [[*map(Fraction, row), Fraction(1)] for row in X.tolist()]
    targets, v = [Fraction(t) for t in y.tolist()], [Fraction(s) ** 2 for s in scales.tolist()]
    m, n = len(rows), len(v)
    b = [sum(row[j] * t for row, t in zip(rows, targets, strict=True)) / m for j in range(n)]
    G = [[sum(row[j] * row[k] for row in rows) / m for k in range(n)] for j in range(n)]
    return 4 * sum(b[j] ** 2 * v[j] for j in range(n)) + 2 * sum(
        v[j] * v[k] * G[j][k] ** 2 for j in range(n) for k in range(n)
    )


def test_variances_are_exact_or_warned_of():
    warned = 0
    for seed in range(120):
        r = np.random.default_rng(seed)
        m, p = int(r.integers(2, 6)), int(r.integers(1, 4))
        X, y, scales = r.normal(size=(m, p)), r.normal(size=m), 10.0 ** r.uniform(-6, 1, size=p + 1)
        if r.random() < 0.7:  # far targets where columns are 0, and the reverse
            y[0] *= 10.0 ** r.uniform(0, 40)
            X[0, r.random(p) < 0.5] = 0.0
            X[-1, 0] *= 10.0 ** r.uniform(0, 40)
            y[-1] *= r.random() < 0.5
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = pm.energy_variance(pm.LinearRegression(X, y), pm.Normal(scales))
        truth = exact_variance(X, y, scales)
        warned += len(caught)
        assert {each.category for each in caught} <= {pm.PrecisionWarning}
        assert caught or abs(Fraction(found) - truth) <= truth / 10**9, seed
    assert 0 < warned < 100
