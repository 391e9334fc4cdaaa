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


def _certified(system, exact, seed):
    """The minimum, whose gap is checked, and the exact one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        minimum = pm.minimum_energy(system)
    least = exact.minimum()
    above = exact.energy([Fraction(float(t)) for t in minimum.parameters]) - least
    assert 0 <= above <= Fraction(minimum.gap), seed
    return minimum, least


def _check(system, exact, seed):
    minimum, least = _certified(system, exact, seed)
    value = Fraction(minimum.value)
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


def test_a_gap_holds_of_moments_alone(tmp_path):
    """Moments did not say that heavy rows hide the others, of weights: 2 gaps in 100 were too small."""
    for seed in range(CASES):
        rng = np.random.default_rng([4, seed])
        m, p, intercept = int(rng.choice([6, 10])), int(rng.integers(2, 5)), bool(rng.random() < 0.7)
        X, y, weights = rng.normal(size=(m, p)).round(1), rng.normal(size=m), 10.0 ** rng.uniform(-15.0, 15.0, m)
        exact = _Exact(X, y, weights, intercept=intercept, l1=0.0, l2=0.0)
        moments = pm.Moments.of(X, y, intercept=intercept, weights=weights)
        if seed % 3 == 1:
            moments.save(tmp_path / "moments")
            moments = pm.Moments.load(tmp_path / "moments")
        elif seed % 3 == 2:
            half = m // 2
            moments = pm.Moments.of(X[:half], y[:half], intercept=intercept, weights=weights[:half])
            moments.update(X[half:], y[half:], weights=weights[half:])
        minimum, least = _certified(pm.LinearRegression.from_moments(moments), exact, seed)
        certain = minimum.digits > 0.0
        assert not certain or abs(Fraction(minimum.value) - least) <= minimum.value * 3.2 * 10.0**-minimum.digits, seed


def test_columns_that_depend_on_others_in_all_rows_keep_their_digits_whatever_the_weights():
    rng = np.random.default_rng(5)
    groups, y, weights = rng.integers(0, 3, 200), rng.normal(size=200), 10.0 ** rng.uniform(-8.0, 8.0, 200)
    moments = pm.Moments.of(np.eye(3)[groups], y, weights=weights)
    assert pm.minimum_energy(pm.LinearRegression.from_moments(moments)).digits > 9.0


def nearly_dependent(seed):
    """Rows of different weights, with a column that is another one, or a sum of them, but for 1e3 to 1e8 roundings."""
    rng = np.random.default_rng([5, seed])
    m, p, kind = int(rng.choice([6, 8, 14])), int(rng.integers(1, 4)), seed % 5
    X = (np.arange(m) % p == np.arange(p)[:, None]).T * 1.0 if seed % 7 == 1 else rng.normal(size=(m, p))
    X += np.round(10.0 ** rng.uniform(0.0, 4.0)) * (seed % 3 == 0)
    column = X.sum(axis=1) if seed % 4 == 0 else X[:, 0]
    difference = 10.0 ** rng.uniform(-12.0, -8.0) * np.abs(X).max() * rng.choice([-1.0, 1.0], m) * rng.uniform(1, 2, m)
    weights = (
        10.0 ** rng.uniform(-2.0, 2.0, m),
        np.exp(2.0 * rng.normal(size=m)),
        rng.integers(1, 10 ** int(rng.integers(1, 6)), m).astype(float),
        (1e-3 + np.abs(rng.normal(size=m))) ** -2.0,
        np.where(rng.random(m) < 0.3, 10.0 ** rng.uniform(3.0, 9.0), 1.0),
    )[kind]
    y = rng.normal(size=m) + difference / np.abs(difference).max() * (seed % 2)
    return np.c_[X, column + difference], y, weights


@pytest.mark.parametrize("at_zero", [False, True])
def test_a_gap_holds_where_heavy_rows_hide_that_columns_differ(at_zero):
    """Columns that differ by thousands of roundings were called dependent: 14 digits were stated, and one was right."""
    for seed in range(CASES):
        X, y, weights = nearly_dependent(seed)
        intercept = bool(seed % 3)
        exact = _Exact(X, y, weights, intercept=intercept, l1=0.0, l2=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            if at_zero:
                system = pm.LinearRegression(X, y, intercept=intercept, weights=weights, penalty=pm.L1(1.0))
                path = pm.minimum_path(system, [0.1, 0.0])
                theta, gap = path.parameters[1], path.gap[1]
            else:
                minimum = pm.minimum_energy(pm.LinearRegression(X, y, intercept=intercept, weights=weights))
                theta, gap = minimum.parameters, minimum.gap
        above = exact.energy([Fraction(float(t)) for t in theta]) - exact.minimum()
        assert 0 <= above <= Fraction(float(gap)), seed


def test_columns_that_are_dependent_in_all_rows_are_so_whatever_the_weights():
    for seed in range(40):
        rng = np.random.default_rng([6, seed])
        m, p = int(rng.integers(50, 400)), int(rng.integers(2, 6))
        x, groups = rng.normal(size=(m, p)) * 10.0 ** rng.integers(-3, 4, p), np.eye(4)[rng.integers(0, 4, m)]
        X = (np.c_[groups, x], np.c_[x, x @ rng.normal(size=p)], np.c_[x + 50.0, 1.8 * x[:, 0] + 122.0])[seed % 3]
        X = np.tile(X.astype(np.float32), (2, 1, 1)) if seed % 6 == 0 else X
        weights = 10.0 ** rng.uniform(0.0, float(rng.choice([1.0, 4.0, 12.0])), X.shape[:-1])
        found = pm.minimum_energy(
            pm.LinearRegression(X, rng.normal(size=X.shape[:-1]).astype(X.dtype), weights=weights)
        )
        assert np.all(np.asarray(found.digits) > 9.0), seed
        assert np.all(np.asarray(found.rank) == X.shape[-1] - 1), seed


@pytest.mark.parametrize("energy", ["mse", "mae"])
def test_energies_of_negligible_rows(energy):
    """Weights below 2^-900 of the greatest are raised: 1.2e-271 had 14 digits, also where exact sums are 1e-400."""
    tried = 0
    for seed in range(1500):
        rng = np.random.default_rng([seed, 900])
        m = int(rng.integers(2, 6))
        weights = 10.0 ** rng.uniform(-320, 300, m)
        y = rng.integers(0, 3, m) * 10.0 ** rng.integers(0, 6)
        try:
            system = pm.LinearRegression(np.ones((m, 1)), y, energy=energy, weights=weights, intercept=False)
        except ValueError:  # second moments underflow
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            minimum = pm.minimum_energy(system)
        tried += 1
        w, t = [Fraction(v) for v in weights], [Fraction(v) for v in y]
        if energy == "mse":
            centre = sum(a * b for a, b in zip(w, t, strict=True)) / sum(w)
            least = sum(a * (b - centre) ** 2 for a, b in zip(w, t, strict=True)) / sum(w)
        else:
            least = min(sum(a * abs(b - c) for a, b in zip(w, t, strict=True)) for c in t) / sum(w)
        error = abs(Fraction(minimum.value) - least)
        assert error <= Fraction(minimum.gap) + Fraction(minimum.value) / 10**14
        assert minimum.digits < 0.5 or error <= least * Fraction(10.0 ** (0.5 - minimum.digits))
    assert tried > 1000


@pytest.mark.parametrize("energy", ["mse", "mae"])
def test_negligible_rows_of_a_stack(energy):
    """Of two systems only the one whose heavy row is fitted exactly, and whose light row is not, has no digits."""
    weights, y = [[1.0, 1e-280, 1e-280], [1.0, 1.0, 2.0]], [[0.0, 1.0, 3.0], [0.0, 1.0, 3.0]]
    stack = pm.LinearRegression(np.ones((2, 3, 1)), y, energy=energy, weights=weights, intercept=False)
    with pytest.warns(pm.PrecisionWarning, match="The minimum energy has 0 certain digits, .*give them weight 0"):
        found = pm.minimum_energy(stack)
    assert found.digits[0] == 0.0
    assert found.gap[0] >= found.value[0] > 0.0
    assert found.digits[1] > 13.0


def test_negligible_rows_of_a_path():
    system = pm.LinearRegression(
        np.ones((3, 1)), [0.0, 1.0, 3.0], penalty=pm.L1(1.0), weights=[1.0, 1e-280, 1e-280], intercept=False
    )
    with pytest.warns(pm.PrecisionWarning, match="systems have 0 certain digits"):
        path = pm.minimum_path(system, [1.0, 0.0])
    assert path.digits.tolist() == [0.0, 0.0]
    assert (path.gap >= path.value).all()
