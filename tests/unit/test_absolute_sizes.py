"""Least absolute deviations to the ends of the doubles: a certified value or a refusal, and no crash."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .absolute_exactly import energy_exactly, minimum, minimum_exactly, rationals

CRASHED = [
    "X, y = [[1e-300], [2e-300], [4e-300]], [1e10, 2e10, 3e10]",
    "X, y = [[1.0], [2.0], [4.0]], [1e308, -1e308, 1e308]",
    "r = np.random.default_rng(0); X, y = r.normal(size=(200_000, 1)), 1e304 * r.normal(size=200_000)",
    "X, y = [[1e-320], [2e-320], [4e-320]], [1.0, 2.0, 3.0]",
    "X, y = np.eye(50)[:, :2] * 1e300 + 1e-300, np.r_[-1e308, np.ones(49)]",
]


@pytest.mark.parametrize("data", CRASHED)
def test_sizes_that_crashed(data):
    """In a process of its own: certificates that were not finite left parameters unset, and reading them ended it."""
    code = f"""
import numpy as np, pyrometer as pm, warnings
warnings.simplefilter("ignore")
{data}
try:
    minimum = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae"))
    assert np.isfinite([minimum.value, minimum.gap, *minimum.parameters]).all()
except ValueError as error:
    assert "within the range of a double" in str(error) and "power of ten" in str(error), error
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def drawn(rng, m):
    """Draw a column of sizes to the ends of the doubles: as a whole, within itself, or of a single row."""
    values = rng.normal(size=m) if rng.random() < 0.6 else rng.integers(-3, 4, m).astype(float)
    with np.errstate(over="ignore", under="ignore"):
        match rng.integers(4):
            case 0:
                values = values * 10.0 ** rng.uniform(-320, 307.5)
            case 1:
                values = values * 10.0 ** rng.uniform(-300, 300, m)
            case 2:
                values[rng.integers(m)] = rng.choice([1e308, -1.7e308, 1e-308, 5e-324, 1e200])
    return np.clip(values, -1.79e308, 1.79e308)


@pytest.mark.parametrize("seed", range(4))
def test_gaps_of_any_sizes_are_true_in_exact_arithmetic(seed):
    answers = 0
    for case in range(100):
        rng = np.random.default_rng([seed, case])
        m, p, intercept = int(rng.integers(1, 7)), int(rng.integers(0, 3)), bool(rng.integers(2))
        X, y = np.array([drawn(rng, m) for _ in range(p)]).reshape(p, m).T, drawn(rng, m)
        try:
            value, parameters, gap, rank = minimum(X, y, intercept)
        except ValueError:  # parameters beyond the doubles
            continue
        answers += 1
        assert np.isfinite([value, gap, *parameters]).all()
        if not 1 <= p + intercept <= m or rank < p:
            continue
        A, b = rationals(X, y, intercept)
        best = minimum_exactly(A, b)
        reached = energy_exactly(A, b, [Fraction(float(t)) for t in parameters])
        assert reached <= best + Fraction(float(gap)), (seed, case)
        assert abs(Fraction(float(value)) - best) <= Fraction(float(gap)) + best / 10**14, (seed, case)
    assert answers > 80


def test_powers_of_two_are_units():
    rng = np.random.default_rng(0)
    for _ in range(100):
        m, p = int(rng.integers(5, 40)), int(rng.integers(1, 4))
        X, y = rng.normal(size=(m, p)), rng.normal(size=m)
        of_x, of_y = rng.integers(-980, 980, p), int(rng.integers(-980, 980))
        if (np.abs(of_y - of_x) > 1000).any():
            continue
        value, parameters, _, _ = minimum(X, y)
        there, moved, _, _ = minimum(np.ldexp(X, of_x), np.ldexp(y, of_y))
        assert np.ldexp(there, -of_y) == pytest.approx(value, rel=1e-13)
        assert np.ldexp(moved[:-1], of_x - of_y) == pytest.approx(parameters[:-1], rel=1e-9)


@pytest.mark.parametrize("marker", [1e16, 1e20, 1e40, 1e300])
def test_markers_of_missing_values_hide_no_column(marker):
    """A row of which both values are the marker: beside it the columns look alike, and are not."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(9, 2)), 3)
    y = np.round(X @ [1.0, 2.0] + 0.1 * rng.normal(size=9), 3)
    X[4] = marker
    value, _, gap, rank = minimum(X, y)
    best = minimum_exactly(*rationals(X, y, True))
    assert rank == 2
    assert abs(Fraction(float(value)) - best) <= Fraction(float(gap))


def test_a_refusal_names_the_system_and_its_advice_helps():
    X, y = np.ones((2, 3, 1)), np.ones((2, 3))
    X[1, :, 0], y[1] = [1e-300, 2e-300, 4e-300], [1e10, 2e10, 3e10]
    with pytest.raises(
        ValueError, match=r"column 0; multiply that column, or divide y, by a power of ten \(system 1\)"
    ):
        pm.minimum_energy(pm.LinearRegression(X, y, energy="mae"))
    X[1] *= 1e10
    assert pm.minimum_energy(pm.LinearRegression(X, y, energy="mae")).digits.min() > 12
