"""Least absolute deviations over the rationals, and by the core."""

from fractions import Fraction
from itertools import combinations

import numpy as np

from pyrometer import _core


def minimum(X, y, intercept=True, threads=1):
    """Return value, parameters, gap and rank of one system."""
    X, y = np.ascontiguousarray(X), np.ascontiguousarray(y)
    value, parameters, gap, rank = _core.least_absolute(X[None], y[None], intercept, threads)
    return value[0], parameters[0], gap[0], rank[0]


def solve_exactly(A, b):
    """Gauss-Jordan over the rationals; None for a singular matrix."""
    n = len(b)
    rows = [[*row, value] for row, value in zip(A, b, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(n):
            if i != k:
                factor = rows[i][k]
                rows[i] = [a - factor * c for a, c in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def energy_exactly(A, b, theta):
    residuals = (value - sum(a * t for a, t in zip(row, theta, strict=True)) for row, value in zip(A, b, strict=True))
    return sum(map(abs, residuals)) / len(b)


def vertices(A, b):
    """All points that interpolate as many independent rows as there are columns, over the rationals."""
    for basis in combinations(range(len(b)), len(A[0])):
        theta = solve_exactly([A[i] for i in basis], [b[i] for i in basis])
        if theta is not None:
            yield theta


def minimum_exactly(A, b):
    """The best of all vertices, over the rationals; None if the columns are dependent."""
    return min((energy_exactly(A, b, theta) for theta in vertices(A, b)), default=None)


def rationals(X, y, intercept):
    A = [[Fraction(float(x)) for x in row] + [Fraction(1)] * intercept for row in X]
    return A, [Fraction(float(value)) for value in y]
