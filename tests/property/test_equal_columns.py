"""Least squares of time stamps that occur twice, exactly or nearly: bounds against exact rational arithmetic."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from ..unit.absolute_exactly import solve_exactly


def stamps(seed):
    """Time stamps in ns, an equal column or one that differs by units of rounding, another column; and targets."""
    rng = np.random.default_rng([47, seed])
    m = int(rng.integers(5, 25))
    x = 1.7e18 + 256.0 * np.floor(rng.uniform(0, 10.0 ** rng.integers(5, 8), m))
    twin = x if seed % 2 else x + 256.0 * rng.integers(0, 2, m)
    X = np.column_stack([x, twin, np.round(rng.uniform(0, 60, m))])[:, rng.permutation(3)]
    if rng.random() < 0.3:
        X = np.column_stack([X, x])
    return rng, X, np.round(10.0 ** rng.integers(0, 10) + rng.normal(size=m))


def exactly(X, y, weights):
    """The exact mean products of the columns, the constant and the target; and the energy of parameters."""
    rows = [[*map(Fraction, map(float, row)), Fraction(1), Fraction(float(t))] for row, t in zip(X, y, strict=True)]
    n = range(X.shape[1] + 2)
    products = [[sum(row[i] * row[j] for row in rows) / len(rows) for j in n] for i in n]

    def energy(theta):
        t = [*map(Fraction, theta), Fraction(-1)]
        squares = sum(t[i] * t[j] * products[i][j] for i in n for j in n)
        return squares + sum(w * v * v for w, v in zip(weights, t, strict=False))

    return products, energy


@pytest.mark.parametrize("seed", range(60))
def test_the_gap_of_a_ridge_bounds_the_exact_distance_from_the_minimum(seed):
    rng, X, y = stamps(seed)
    with_intercept, strength = bool(rng.random() < 0.6), float(10.0 ** rng.integers(-6, 3))
    weights = [Fraction(strength)] * X.shape[1] + [Fraction(strength) * with_intercept]
    products, energy = exactly(X, y, weights)
    n = range(len(weights))
    solution = solve_exactly(
        [[products[i][j] + weights[i] * (i == j) for j in n] for i in n], [products[i][-1] for i in n]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        found = pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L2(strength, intercept=with_intercept)))
    least, own = energy(solution), energy(found.parameters.tolist())
    assert own - least <= Fraction(found.gap)
    assert abs(Fraction(found.value) - least) <= Fraction(found.value) * Fraction(2.0 * 10.0**-found.digits)
    for value, error, exact in zip(found.parameters, found.parameter_error, solution, strict=True):
        assert np.isinf(error) or abs(Fraction(float(value)) - exact) <= Fraction(float(error)) * Fraction(1.000001)


@pytest.mark.parametrize("strength", [0.0, 1e-3, 10.0])
def test_an_equal_column_costs_no_digits(strength):
    for seed in range(1, 41, 2):
        _, X, y = stamps(seed)
        at = np.unique(X, axis=1, return_index=True)[1]
        penalty = pm.L2(strength) if strength else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = pm.minimum_energy(pm.LinearRegression(X, y, penalty=penalty))
            alone = pm.minimum_energy(pm.LinearRegression(X[:, at], y, penalty=penalty))
        # The penalty of stamps is below rounding, alone or shared.
        assert found.value == pytest.approx(alone.value, rel=10.0 ** (0.5 - min(found.digits, alone.digits)))
        assert found.digits > 4.0 or alone.digits < 6.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("intercept", [True, False])
def test_columns_of_zeros_leave_the_digits(intercept: bool, dtype: type) -> None:
    # Of a good fit the rows are needed: a column without a length made its gap the whole energy.
    for seed in range(25):
        random = np.random.default_rng([5, seed])
        rows, zeros = int(random.integers(8, 60)), int(random.integers(1, 4))
        X = random.normal(size=(rows, 3)).astype(dtype)
        y = (X @ [1.0, 2.0, 3.0] + 10.0 ** random.uniform(-6, -3) * random.normal(size=rows)).astype(dtype)
        weights = random.random(rows) if seed % 2 else None
        penalty = pm.L2(0.0) if seed % 3 == 0 else None
        wide = np.insert(X, random.integers(0, 4, zeros), 0.0, axis=1)
        alone, beside = (
            pm.minimum_energy(pm.LinearRegression(x, y, intercept=intercept, weights=weights, penalty=penalty))
            for x in (X, wide)
        )
        assert beside.rank == alone.rank
        assert beside.digits > 14.0
        assert beside.value == pytest.approx(alone.value, rel=10.0**-14.0)
        np.testing.assert_array_equal(beside.parameters[: wide.shape[1]][~wide.any(axis=0)], 0.0)
