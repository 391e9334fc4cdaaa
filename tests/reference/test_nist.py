"""Certified minima: the linear problems of NIST's Statistical Reference Datasets, and those data solved at 60 digits.

The certified sums of squares belong to the decimal data; every one is computed again here, from the decimal strings,
before anything is compared with it. Powers of decimal data are rounded before we see them, which alone moves Filip's
minimum by 5e-10 of its value: what the arithmetic does is therefore judged by the minimum of the rounded columns.
"""

from pathlib import Path

import mpmath
import numpy as np
import pytest

import pyrometer as pm

DATA = Path(__file__).parent / "data"
DEGREE = {"filip": 10, "norris": 1, "pontius": 2, "noint1": 1, "noint2": 1} | {f"wampler{k}": 5 for k in range(1, 6)}
EXACT = {"wampler1", "wampler2"}


class Problem:
    """One dataset: decimal strings, the columns as doubles, and both minima."""

    def __init__(self, name):
        lines = (DATA / f"{name}.csv").read_text().splitlines()
        comments = [line for line in lines if line.startswith("#")]
        certified = next(line for line in comments if "certified" in line)
        rows = [line.split(",") for line in lines[len(comments) + 1 :]]
        self.certified = certified.split(":")[1].strip()
        self.intercept = not name.startswith("noint")
        degree = DEGREE.get(name)
        with mpmath.workdps(60):
            decimal = [[mpmath.mpf(cell) for cell in row] for row in rows]
            columns = [[r[1] ** k for k in range(1, degree + 1)] if degree else r[1:] for r in decimal]
            self.y = np.array([float(row[0]) for row in rows])
            x = np.array([[float(cell) for cell in row[1:]] for row in rows])
            self.X = x ** np.arange(1, degree + 1) if degree else x
            self.decimal = self.squares(columns, [r[0] for r in decimal])
            self.rounded = self.squares(self.X.tolist(), self.y.tolist()) / len(rows)

    def squares(self, X, y):
        ones = [mpmath.mpf(1)] if self.intercept else []
        A = mpmath.matrix([[mpmath.mpf(v) for v in row] + ones for row in X])
        b = mpmath.matrix([mpmath.mpf(v) for v in y])
        r = b - A * mpmath.lu_solve(A.T * A, A.T * b)
        return mpmath.fdot(r, r)


@pytest.fixture(scope="module", params=sorted(path.stem for path in DATA.glob("*.csv")))
def problem(request):
    return request.param, Problem(request.param)


def test_the_certified_value_belongs_to_the_data(problem):
    name, p = problem
    with mpmath.workdps(60):
        if name in EXACT:
            assert p.decimal < mpmath.mpf(10) ** -70
        else:
            assert abs(p.decimal / mpmath.mpf(p.certified) - 1) < 1e-14


def test_rows_reach_the_certified_minimum(problem):
    name, p = problem
    minimum = pm.minimum_energy(pm.LinearRegression(p.X, p.y, intercept=p.intercept))
    scale = np.mean(p.y**2)
    assert minimum.rank == p.X.shape[1]
    if name in EXACT:
        assert 0 <= minimum.value < 1e-28 * scale
        assert minimum.gap < 1e-28 * scale
        return
    certified = float(p.certified) / len(p.y)
    assert minimum.value == pytest.approx(certified, rel=1e-9)
    with mpmath.workdps(60):
        error = float(abs(mpmath.mpf(minimum.value) / p.rounded - 1))
    assert error <= 10.0 ** (-minimum.digits), "the digits are promised"
    assert minimum.digits >= 9
    if minimum.method != "covariance":
        assert error < 1e-14


def test_coefficients_have_all_the_digits_that_a_double_has(problem):
    name, p = problem
    A = np.c_[p.X, np.ones(len(p.y))] if p.intercept else p.X
    with mpmath.workdps(60):
        M, b = mpmath.matrix(A.tolist()), mpmath.matrix(p.y.tolist())
        truth = np.array([float(t) for t in mpmath.lu_solve(M.T * M, M.T * b)])
    found = pm.minimum_energy(pm.LinearRegression(p.X, p.y, intercept=p.intercept)).parameters
    np.testing.assert_allclose(found, truth, rtol=1e-13 if name == "filip" else 1e-15)
