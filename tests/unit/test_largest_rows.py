"""Least squares with rows of extreme size, such as fill values, in exact rational arithmetic: digits and gaps hold."""

import math
import pickle
import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .absolute_exactly import solve_exactly


def filled(seed):
    """Rows, some of which are filled with one huge value in several columns, and sometimes with another in others."""
    rng = np.random.default_rng([29, seed])
    m, p = int(rng.integers(8, 16)), int(rng.integers(2, 4))
    X = rng.normal(size=(m, p)) if seed % 4 else (rng.random((m, p)) < 0.3) * 1.0  # indicators
    for row in rng.choice(m, size=int(rng.integers(1, 4)), replace=False):
        columns = rng.choice(p, size=int(rng.integers(2, p + 1)), replace=False)
        X[row, columns] = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(3, 60)
    return X, rng.normal(size=m)


def minimum(X, y, intercept, lam):
    """The least energy (value) of exact normal equations."""
    rows = [[Fraction(v) for v in row] + [Fraction(1)] * intercept for row in X.tolist()]
    targets, n, m = [Fraction(v) for v in y.tolist()], len(rows[0]), len(rows)
    products = [[sum(row[i] * row[j] for row in rows) for j in range(n)] for i in range(n)]
    for j in range(n):
        products[j][j] += m * lam
    theta = solve_exactly(products, [sum(row[i] * t for row, t in zip(rows, targets, strict=True)) for i in range(n)])
    if theta is None:
        return None
    errors = [t - sum(a * b for a, b in zip(row, theta, strict=True)) for row, t in zip(rows, targets, strict=True)]
    return sum(e * e for e in errors) / m + lam * sum(t * t for t in theta)


@pytest.mark.parametrize("block", range(5))
def test_digits_and_gaps_of_filled_rows_hold(block):
    for seed in range(60 * block, 60 * block + 60):
        X, y = filled(seed)
        intercept, lam = bool(seed % 2), Fraction(seed % 3, 1024)
        exact = minimum(X, y, intercept, lam)
        if not exact:
            continue
        penalty = pm.L2(float(lam)) if lam else None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = pm.minimum_energy(pm.LinearRegression(X, y, intercept=intercept, penalty=penalty))
        excess = Fraction(found.value) - exact
        error = abs(float(excess / exact))
        assert found.digits <= max(0.5, 0.5 - math.log10(error)) if error else True, seed
        assert excess <= Fraction(found.gap) + Fraction(found.value) * Fraction(10.0**-found.digits), seed
        assert found.value <= (1.0 + 1e-9) * (y.var() if intercept and not lam else np.mean(y**2)), seed
        assert found.digits >= 9 or caught, seed


@pytest.mark.parametrize("energy", [{}, {"penalty": pm.L1(0.01)}])
def test_copies_of_columns_with_heavy_tails_keep_their_digits(energy):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = np.exp(8.0 * rng.normal(size=(40, 2)))
        X, y = np.c_[x, 2.0 * x[:, :1]], rng.normal(size=40)
        found = pm.minimum_energy(pm.LinearRegression(X, y, **energy))
        assert found.digits > 9, seed


def test_one_row_that_hides_a_dependence_from_moments():
    """The least eigenvalue was the rounding of the moments: 13 digits were stated of a value of which 2 were right."""
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        m = int(rng.integers(20, 60))
        X = rng.integers(0, 2, (m, 2)).astype(float)
        X[3] = 10.0 ** rng.uniform(6, 14)
        y = rng.normal(size=m)
        exact = minimum(X, y, True, Fraction(0))
        if not exact:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            of_rows = pm.minimum_energy(pm.LinearRegression(X, y))
            of_moments = pm.minimum_energy(pm.LinearRegression.from_moments(pm.Moments.of(X, y)))
        for found in (of_rows, of_moments):
            error = abs(float(Fraction(found.value) / exact - 1))
            assert found.digits <= max(0.5, 0.5 - math.log10(error)) if error else True, seed


def test_most_rows_may_be_filled():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 2))
    X[:35] = 1e20
    y = rng.normal(size=40)
    with pytest.warns(pm.PrecisionWarning, match="row 0 is"):
        found = pm.minimum_energy(pm.LinearRegression(X, y))
    assert found.value - found.gap <= np.r_[y[:35] - y[:35].mean(), 0.0].var() + 0.2


def test_rounding_errors_of_columns_are_no_kind_of_rows():
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = rng.normal(size=(100, 2))
        X = np.c_[x[:, 0] - x[:, 0].mean(), (7.0 * x[:, 0] - (7.0 * x[:, 0]).mean()) / 3.0]
        for intercept in (False, True):
            assert pm.minimum_energy(pm.LinearRegression(X, x[:, 1], intercept=intercept)).digits > 9


def test_the_message_names_the_row_and_its_advice_works():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, -1.0, 1.0] + rng.normal(size=50)
    X[7, :2] = 1e20
    with pytest.warns(pm.PrecisionWarning, match="row 7 is .* correct the row or leave it out"):
        assert pm.minimum_energy(pm.LinearRegression(X, y)).digits < 2
    kept = np.arange(50) != 7
    assert pm.minimum_energy(pm.LinearRegression(X[kept], y[kept])).digits > 14
    with pytest.warns(pm.PrecisionWarning, match="row 7"):
        path = pm.minimum_path(pm.LinearRegression(X, y, penalty=pm.L1(0.1)), [0.1, 0.01])
    assert (path.digits < 2).all()


def test_absolute_errors_are_at_most_those_of_parameters_0():
    """Rounding left a value of 1e12 times that of parameters 0, and a gap as large."""
    rng = np.random.default_rng(3)
    X = np.zeros((14, 2))
    X[:3, 0], X[3:6, 1], X[12:] = 1.0, 1.0, 1e20
    y = 2.5 * (X[:, 0] - X[:, 1]) + 0.1 * rng.normal(size=14)
    for intercept in (False, True):
        with pytest.warns(pm.PrecisionWarning, match="correct it or leave it out"):
            found = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae", intercept=intercept))
        assert found.value <= np.abs(y - (np.median(y) if intercept else 0.0)).mean()
        assert found.value - found.gap <= 0.1


def parts_of(X, y, intercept, weights, rng):
    """The moments of the rows: at once, by parts, row by row, with others that are subtracted again, and saved."""

    def of(at):
        chosen = None if weights is None else weights[at]
        return pm.Moments.of(X[at], y[at], intercept=intercept, weights=chosen)

    order = rng.permutation(len(y))
    first, second, others = of(order[: len(y) // 3]), of(order[len(y) // 3 :]), of(order[:5])
    rows = of(order[:1])
    for i in order[1:]:
        rows.update(X[i : i + 1], y[i : i + 1], weights=None if weights is None else weights[i : i + 1])
    return of(order), first + second, rows, (second + others + first) - others, pickle.loads(pickle.dumps(rows))


def test_moments_alone_state_no_more_digits_than_are_right():
    """Of two columns with the same fill value in a row, 14 digits were stated and 1.5 right."""
    for seed in range(80):
        rng = np.random.default_rng([31, seed])
        m, p = int(rng.integers(12, 30)), int(rng.integers(2, 4))
        X = rng.normal(size=(m, p)) if seed % 3 else rng.integers(0, 2, (m, p)).astype(float)
        for row in rng.choice(m, size=int(rng.integers(1, 4)), replace=False):
            X[row, rng.choice(p, size=int(rng.integers(2, p + 1)), replace=False)] = 10.0 ** rng.integers(2, 17)
        y, intercept = rng.normal(size=m), bool(seed % 4)
        weights = rng.integers(1, 4, m).astype(float) if seed % 5 == 1 else None
        if seed % 7 == 2:
            X, y = X.astype(np.float32), y.astype(np.float32)
        repeated = slice(None) if weights is None else np.repeat(np.arange(m), weights.astype(int))
        exact = minimum(X[repeated], y[repeated], intercept, Fraction(0))
        if not exact:
            continue
        for moments in parts_of(X, y, intercept, weights, rng):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = pm.minimum_energy(pm.LinearRegression.from_moments(moments))
            excess = Fraction(found.value) - exact
            error = abs(float(excess / exact))
            assert found.digits <= max(0.5, 0.7 - math.log10(error)) if error else True, seed
            assert excess <= Fraction(found.gap) + Fraction(found.value) * Fraction(10.0 ** (0.7 - found.digits)), seed
            assert found.digits >= 9 or caught, seed


def test_moments_of_ordinary_dependent_columns_keep_their_digits():
    for seed in range(80):
        rng = np.random.default_rng([37, seed])
        m = int(rng.integers(20, 60))
        x = rng.normal(size=(m, 2)) * 10.0 ** rng.integers(-1, 2, 2) + 10.0 ** rng.integers(-3, 3)
        dummies = np.eye(3)[rng.integers(0, 3, m)]
        X = (np.c_[x, x[:, :1]], np.c_[x, x.sum(axis=1)], np.c_[x, dummies], np.c_[dummies, rng.normal(size=m)])[
            seed % 4
        ]
        if seed % 4 == 3:
            X[5, 3] = 10.0 ** rng.integers(3, 17)  # in a column that is independent of the others
        y = rng.normal(size=m)
        for moments in parts_of(X, y, True, None, rng):
            found = pm.minimum_energy(pm.LinearRegression.from_moments(moments))
            assert found.digits > 9, seed
            assert found.rank == X.shape[1] - 1, seed


def test_what_large_rows_hide_is_saved(tmp_path):
    X = np.random.default_rng(2).integers(0, 2, (40, 2)).astype(float)
    X[3] = 1e13
    y = np.arange(40.0) % 7
    pm.Moments.of(X, y).save(tmp_path / "hidden")
    loaded = pm.Moments.load(tmp_path / "hidden")
    with pytest.warns(pm.PrecisionWarning, match="some rows are far larger than the others"):
        assert pm.minimum_energy(pm.LinearRegression.from_moments(loaded)).digits == 0.0


def test_a_sum_with_a_filled_column_states_what_the_order_of_columns_changes():
    """The minimum was stated to 13 digits, and changed in the 9th with the order of the columns."""
    for seed in range(40):
        rng = np.random.default_rng([41, seed])
        X, y = rng.normal(size=(26, 3)), rng.normal(size=26)
        X[rng.choice(26, 3, replace=False), 1] = 10.0 ** rng.uniform(9, 16)
        X[:, 2] = X[:, 0] + X[:, 1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = [
                pm.minimum_energy(pm.LinearRegression(X[:, order], y, intercept=bool(seed % 2)))
                for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1])
            ]
        values = [one.value for one in found]
        spread = max(values) - min(values)
        for one in found:
            assert one.value - one.gap <= min(values) * (1.0 + 1e-15), seed
            assert spread <= one.value * 10.0 ** (0.5 - one.digits), seed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gap_includes_the_rounding_of_sums_of_huge_terms(dtype):
    X, y = np.array([[0, 1, 2], [0, 1, 2], [1e30, 2, 1e30]], dtype=dtype), np.array([0.5, 0.5, 0.84218776], dtype=dtype)
    with pytest.warns(pm.PrecisionWarning):
        found = pm.minimum_energy(pm.LinearRegression(X, y, intercept=False))
    errors = [
        Fraction(t) - sum(Fraction(a) * Fraction(b) for a, b in zip(row, found.parameters.tolist(), strict=True))
        for row, t in zip(X.tolist(), y.tolist(), strict=True)
    ]
    assert sum(e * e for e in errors) / 3 <= Fraction(found.gap)  # the infimum is 0


def test_repeated_rows_state_the_same():
    """Rows are compared in blocks: many thousands of copies of a few have the minimum, gap and digits of these."""
    for seed in range(40):
        X, y = filled(seed)
        X[:, -1] = X[:, 0]
        options = {"intercept": bool(seed % 2), "weights": np.ones(len(y)) if seed % 3 else None}
        repeats = 1 + 6000 // len(y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            once = pm.minimum_energy(pm.LinearRegression(X, y, **options))
            options["weights"] = None if options["weights"] is None else np.ones(len(y) * repeats)
            often = pm.minimum_energy(pm.LinearRegression(np.tile(X, (repeats, 1)), np.tile(y, repeats), **options))
        uncertain = max(once.gap, often.gap) + 1e-9 * once.value
        assert abs(often.value - once.value) <= uncertain, seed
        assert min(often.digits, 9.0) <= min(once.digits, 9.0) + 1.0, seed


@pytest.mark.parametrize("tail", [1.0, 4.0])
def test_dependent_columns_take_no_memory_that_grows_with_their_numbers(tail):
    rng = np.random.default_rng(3)
    X = np.abs(rng.normal(size=(100_000, 10)).astype(np.float32)) ** np.float32(tail) + np.float32(1.0)
    X[:, 9] = X[:, 0]
    y = rng.normal(size=len(X)).astype(np.float32)
    tracemalloc.start()
    found = pm.minimum_energy(pm.LinearRegression(X, y))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.digits > 9
    assert found.rank == 9
    assert peak < X.nbytes / 2


@pytest.mark.parametrize("penalty", [None, pm.L1(1e-3)])
@pytest.mark.parametrize("most", [300.0, 400.0, 600.0])
def test_squares_that_underflow_in_the_small_rows_alone(most, penalty):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        m = int(rng.integers(28, 200))
        x, y = rng.uniform(size=m), rng.normal(size=m)
        X = np.exp(-x[:, None] * np.linspace(0.0, most, int(rng.integers(20, 50))))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = pm.minimum_energy(pm.LinearRegression(X, y, penalty=penalty))
        slopes, intercept = found.parameters[:-1], found.parameters[-1]
        energy = np.mean((y - X @ slopes - intercept) ** 2)
        energy += 0.0 if penalty is None else penalty.lam * np.abs(found.parameters).sum()
        assert found.value == pytest.approx(energy, rel=1e-3)
        assert found.value <= y.var() * (1 + 1e-9) + (penalty.lam * abs(y.mean()) if penalty else 0.0)
        assert found.digits < 1.0 or found.gap < found.value
