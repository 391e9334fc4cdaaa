"""Certificates of minima whose rows have weights tens of powers of ten apart, against exact rational arithmetic."""

import itertools
import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

CASES = 300


def _fractions(array):
    return [[Fraction(float(x)) for x in row] for row in np.atleast_2d(array)]


def _solution(matrix, target):
    """Solve consistent equations by elimination; unknowns that they leave free are 0."""
    size = len(target)
    rows = [[*row, right] for row, right in zip(matrix, target, strict=True)]
    pivots = []
    for j in range(size):
        k = next((i for i in range(len(pivots), size) if rows[i][j]), None)
        if k is None:
            continue
        own = len(pivots)
        rows[own], rows[k] = rows[k], rows[own]
        for i in range(size):
            if i != own and rows[i][j]:
                share = rows[i][j] / rows[own][j]
                rows[i] = [a - share * b for a, b in zip(rows[i], rows[own], strict=True)]
        pivots.append(j)
    solution = [Fraction(0)] * size
    for i, j in enumerate(pivots):
        solution[j] = rows[i][size] / rows[i][j]
    return solution


class _Exact:
    """The energy of a linear model with penalties, and its minimum."""

    def __init__(self, X, y, weights, *, intercept, l1, l2):
        self.A = [row + [Fraction(1)] * intercept for row in _fractions(X)]
        self.b, (w,) = _fractions(y)[0], _fractions(weights)
        self.w, self.n = [each / sum(w) for each in w], X.shape[1] + intercept
        penalised = [Fraction(1)] * X.shape[1] + [Fraction(0)] * intercept
        self.l1, self.l2 = ([Fraction(lam) * each for each in penalised] for lam in (l1, l2))

    def energy(self, theta):
        residuals = [
            b - sum(a * t for a, t in zip(row, theta, strict=True)) for row, b in zip(self.A, self.b, strict=True)
        ]
        penalties = (q * t * t + v * abs(t) for q, v, t in zip(self.l2, self.l1, theta, strict=True))
        return sum(w * r * r for w, r in zip(self.w, residuals, strict=True)) + sum(penalties)

    def minimum(self):
        """The least energy of the stationary points of all signs of the parameters; a penalised one may be 0."""
        rows = range(len(self.b))
        each = [(-1, 0, 1) if v else (2,) for v in self.l1]
        found = []
        for signs in itertools.product(*each):
            on = [j for j in range(self.n) if signs[j]]
            gram = [
                [sum(self.w[i] * self.A[i][j] * self.A[i][k] for i in rows) + self.l2[j] * (j == k) for k in on]
                for j in on
            ]
            right = [sum(self.w[i] * self.A[i][j] * self.b[i] for i in rows) - self.l1[j] * signs[j] / 2 for j in on]
            theta = [Fraction(0)] * self.n
            for j, t in zip(on, _solution(gram, right), strict=True):
                theta[j] = t
            found.append(self.energy(theta))
        return min(found)


def _check(system, exact, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        minimum = pm.minimum_energy(system)
    least, value = exact.minimum(), Fraction(minimum.value)
    above = exact.energy([Fraction(float(t)) for t in minimum.parameters]) - least
    assert 0 <= above <= Fraction(minimum.gap), seed
    # Half a digit is left for what is estimated.
    assert abs(value - least) <= value * Fraction(3.2 * 10.0**-minimum.digits), seed


@pytest.mark.parametrize("penalty", [None, pm.L1, pm.L2])
def test_a_gap_holds_whatever_the_weights(penalty):
    for seed in range(CASES if penalty is None else CASES // 3):
        rng = np.random.default_rng(seed)
        m, p, intercept = int(rng.integers(2, 7)), 2 if penalty is pm.L1 else 3, bool(rng.random() < 0.7)
        X, y, weights = rng.normal(size=(m, p)), rng.normal(size=m), 10.0 ** rng.uniform(-60.0, 60.0, m)
        lam = 10.0 ** rng.uniform(-40.0, 2.0)
        options = {"intercept": intercept, "penalty": penalty and penalty(lam, intercept=False)}
        exact = _Exact(X, y, weights, intercept=intercept, l1=lam * (penalty is pm.L1), l2=lam * (penalty is pm.L2))
        _check(pm.LinearRegression(X, y, weights=weights, **options), exact, seed)


def test_columns_that_vary_in_rows_of_negligible_weight_alone_are_warned_of():
    system = pm.LinearRegression([[0.1], [0.3], [0.4]], [0.7, 0.2, 0.9], weights=[1e-20, 1e-20, 1e20])
    with pytest.warns(pm.PrecisionWarning, match="0 certain digits.*; weights differ by a factor of 1e.40: leave out"):
        minimum = pm.minimum_energy(system)
    assert minimum.gap >= minimum.value > 0.0
