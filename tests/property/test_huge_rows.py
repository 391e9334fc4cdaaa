"""Least squares of rows with huge fill values, in every form of the data: no digit is stated that exact sums deny."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

import pyrometer as pm

from ..unit.absolute_exactly import solve_exactly


def rows_with_fills(seed):
    """Numbers, counts or indicators, perhaps far from 0, of which few or most rows are filled; perhaps also targets."""
    rng = np.random.default_rng([43, seed])
    m, p = int(rng.integers(12, 30)), int(rng.integers(2, 4))
    X = (
        rng.normal(size=(m, p)),
        rng.integers(0, 9, (m, p)).astype(float),
        (rng.random((m, p)) < 0.3) * 1.0,
        rng.normal(size=(m, p)) * 10.0 ** rng.integers(-1, 2) + 10.0 ** rng.integers(2, 10, p if seed % 2 else 1),
    )[seed % 4]
    y = rng.normal(size=m)
    fill = np.abs(X).max() * 10.0 ** rng.uniform(1, 16 if seed % 4 < 3 else 12)
    for row in rng.choice(m, int(rng.integers(1, 4 if rng.random() < 0.7 else m - 3)), replace=False):
        X[row, rng.choice(p, int(rng.integers(2, p + 1)), replace=False)] = fill * rng.choice([1.0, 1.0, 1.0, -1.0])
        if rng.random() < 0.1:
            y[row] = fill
    if rng.random() < 0.2:
        X, y = X.astype(np.float32), y.astype(np.float32)
    weights = rng.integers(1, 4, m).astype(float) if rng.random() < 0.2 else None
    return rng, X, y, bool(rng.random() < 0.7), weights


def least(X, y, intercept, weights):
    """The least mean square, in exact rational arithmetic; None of a fit without residuals."""
    rows = [[Fraction(float(v)) for v in row] + [Fraction(1)] * intercept for row in X]
    targets = [Fraction(float(v)) for v in y]
    w = [Fraction(float(v)) for v in (np.ones(len(y)) if weights is None else weights)]
    n = range(len(rows[0]))
    products = [[sum(v * row[i] * row[j] for v, row in zip(w, rows, strict=True)) for j in n] for i in n]
    sides = [sum(v * row[i] * t for v, row, t in zip(w, rows, targets, strict=True)) for i in n]
    theta = solve_exactly(products, sides)
    if theta is None:
        return None
    errors = [t - sum(a * b for a, b in zip(row, theta, strict=True)) for row, t in zip(rows, targets, strict=True)]
    return sum(v * e * e for v, e in zip(w, errors, strict=True)) / sum(w)


def forms_of(rng, X, y, intercept, weights):
    def system(at):
        return pm.LinearRegression(X[at], y[at], intercept=intercept, weights=None if weights is None else weights[at])

    order = rng.permutation(len(y))
    first, second, whole = system(order[: len(y) // 2]), system(order[len(y) // 2 :]), system(order)
    yield "rows", whole
    yield "moments of a system", pm.LinearRegression.from_moments(whole.second_moments)
    sums = first.second_moments + second.second_moments
    yield "sum of moments", pm.LinearRegression.from_moments(sums)
    yield "moments", pm.LinearRegression.from_moments(pm.Moments.of(X, y, intercept=intercept, weights=weights))
    columns = {f"x{j}": column for j, column in enumerate(X.T)} | {"y": y}
    if weights is not None:
        columns["w"] = weights
    table = pa.table({name: np.ascontiguousarray(column) for name, column in columns.items()})
    named = None if weights is None else "w"
    scanned = pm.LinearRegression.scan(table, target="y", intercept=intercept, chunk_rows=9, weights=named)
    yield "scan", scanned
    yield "moments of a scan", pm.LinearRegression.from_moments(scanned.second_moments)


@pytest.mark.parametrize("block", range(4))
def test_no_form_of_the_data_states_digits_that_are_not_right(block):
    for seed in range(60 * block, 60 * block + 60):
        rng, X, y, intercept, weights = rows_with_fills(seed)
        exact = least(X, y, intercept, weights)
        if not exact:
            continue
        for form, system in forms_of(rng, X, y, intercept, weights):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                found = pm.minimum_energy(system)
            excess = Fraction(float(found.value)) - exact
            error = abs(float(excess / exact))
            assert found.digits <= max(0.5, 0.6 - math.log10(error)) if error else True, (seed, form)
            certain = Fraction(float(found.value)) * Fraction(10.0 ** (0.6 - found.digits))
            assert excess <= Fraction(float(found.gap)) + certain, (seed, form)
            within_rounding = found.value + found.gap <= 1e-24 * float(np.mean(y.astype(float) ** 2))  # of the targets
            assert found.digits >= 9 or told or within_rounding, (seed, form)


@pytest.mark.parametrize("block", range(2))
def test_pooled_minima_are_right_to_9_digits_or_warned_of(block):
    for seed in range(1000 + 40 * block, 1040 + 40 * block):
        rng, X, y, intercept, weights = rows_with_fills(seed)
        exact, order, half = least(X, y, intercept, weights), rng.permutation(len(y)), len(y) // 2
        if not exact or float(exact) <= 1e-24 * np.mean(y.astype(float) ** 2):  # within the rounding of the targets
            continue
        first, second = (
            pm.LinearRegression(X[at], y[at], intercept=intercept, weights=None if weights is None else weights[at])
            for at in (order[:half], order[half:])
        )
        for a in (first, first.second_moments):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                pooled = pm.mix(a, second, pm.Normal(1.0)).mixed.minimum_energy
            warned = any(issubclass(each.category, pm.PrecisionWarning) for each in told)
            assert warned or abs(float(Fraction(float(pooled)) / exact - 1)) <= 10.0**-8.4, seed
