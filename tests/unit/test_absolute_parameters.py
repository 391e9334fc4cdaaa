"""Bounds of the errors of parameters, and gaps where columns are dependent in norm only, against exact rationals."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core

from .absolute_exactly import energy_exactly, minimum, minimum_exactly, rationals, vertices

KINDS = ["noise", "integers", "offset", "sizes", "exact", "half exact", "copies", "wild"]


def data_of(kind, m, p, rng):
    X, y = rng.standard_normal((m, p)), rng.standard_normal(m)
    match kind:
        case "integers":
            X, y = rng.integers(-3, 4, (m, p)).astype(float), rng.integers(-4, 5, m).astype(float)
        case "offset":
            X, y = X + 10.0 ** rng.uniform(0, 12, p), y + 1e6
        case "sizes":
            X, y = X * 10.0 ** rng.uniform(-200, 200, p), y * 10.0 ** rng.uniform(-100, 100)
        case "exact":
            y = X @ rng.standard_normal(p)
        case "half exact":
            y = X @ rng.standard_normal(p) + np.where(rng.random(m) < 0.6, 0, y)
        case "copies":
            X = X[rng.integers(0, m, m)]
        case "wild":
            X = X * 10.0 ** rng.uniform(-30, 30, X.shape)
    return X, y


def minimisers(A, b):
    """All vertices of least energy."""
    found = {tuple(theta): energy_exactly(A, b, theta) for theta in vertices(A, b)}
    least = min(found.values(), default=None)
    return [theta for theta, energy in found.items() if energy == least]


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_of_parameters_hold_over_the_rationals(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    unique = bounded = 0
    for _ in range(40):
        m, p, intercept = int(rng.integers(3, 8)), int(rng.integers(1, 3)), bool(rng.integers(2))
        X, y = data_of(kind, m, p, rng)
        error = np.full((1, p + intercept), np.nan)
        _, (theta,), _, _ = _core.least_absolute(X[None], y[None], intercept, 1, error)
        exact = minimisers(*rationals(X, y, intercept))
        unique += len(exact) == 1
        bounded += bool(np.isfinite(error).all())
        assert not np.isnan(error).any()
        assert len(exact) == 1 or np.isinf(error).all()
        for other in exact:
            for found, right, bound in zip(theta, other, error[0], strict=True):
                assert np.isinf(bound) or abs(Fraction(float(found)) - right) <= Fraction(float(bound))
    assert bounded >= 0.8 * unique > 0


@pytest.mark.parametrize("m", [60, 3000, 40_000])
def test_parameters_of_many_rows_are_known_to_rounding(m):
    rng = np.random.default_rng(m)
    X = rng.standard_normal((m, 3))
    minimum = pm.minimum_energy(pm.LinearRegression(X, X.sum(axis=1) + rng.standard_normal(m), energy="mae"))
    assert np.all(minimum.parameter_error <= 1e-12)


def test_no_bounds_without_a_unique_minimiser():
    x = np.arange(6.0)
    between = pm.minimum_energy(pm.LinearRegression(np.zeros((4, 0)), [0.0, 1.0, 2.0, 3.0], energy="mae"))
    dependent = pm.minimum_energy(pm.LinearRegression(np.column_stack([x, 2 * x]), x**2, energy="mae"))
    assert np.isinf(between.parameter_error).all()
    assert np.isinf(dependent.parameter_error).all()


# Of the norm of a column nothing is left but rounding, of its rows much.
@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[0.0, -1.0], [1e200, 1e200]], [2.4e90, 0.0]),
        ([[1.2e-68, -6.2e11], [0.0, 2.1e-185], [0.0, 8.3e-247]], [2.3e94] * 3),
        ([[5e-324, 5.3e131, -2.3e158], [-2.4e24, 9e179, 7.1e157], [-1.2e24, 2.5e194, -1.7e308]], [-1.4, -1.1, 0.7]),
        ([[0.0, 0.39, -2.9e-81], [0.0, -0.11, 1.5e139], [-1.8e-243, -0.89, -3.8e288]], [2.7, 0.017, -0.32]),
        ([[-8e109, -2e250, 4.5e-205], [-9e71, -3e-270, 0.0], [0.0, -6.9e-127, 1e-308]], [-4e-133, 8e190, 5e-287]),
    ],
)
def test_gaps_hold_where_columns_are_dependent_in_norm_only(X, y):
    X, y = np.array(X), np.array(y)
    value, _, gap, _ = (answer[0] for answer in _core.least_absolute(X[None], y[None], False, 1))
    assert Fraction(float(value)) - Fraction(float(gap)) <= minimum_exactly(*rationals(X, y, False))


def dependent(columns, rng):
    """Append a column that depends on the others but for its rounding."""
    a, b = columns[rng.integers(len(columns))], columns[rng.integers(len(columns))]
    with np.errstate(over="ignore", under="ignore"):
        kinds = [a + b, a * rng.normal(), a * rng.normal() + b, a - 2.0 ** rng.integers(-40, 40) * b, a / 3]
    return [*columns, np.clip(kinds[rng.integers(5)], -1e308, 1e308)]


@pytest.mark.parametrize("intercept", [False, True])
def test_gaps_hold_where_sums_of_columns_lose_one_of_them(intercept):
    """Rows of sizes 1e-300 to 1e300: what one loses by rounding is as large as all of another, and no noise there."""
    loose = 0
    for case in range(250):
        rng = np.random.default_rng([int(intercept), case])
        m, wild = int(rng.integers(4, 7)), bool(rng.integers(2))
        columns = [rng.normal(size=m) * 10.0 ** rng.uniform(-300, 300, m) for _ in range(int(rng.integers(1, 3)))]
        X = np.array(dependent(columns, rng)).T
        y = (X[:, -1] - X[:, 0]) if wild else rng.normal(size=m) * 10.0 ** rng.uniform(-300, 300)
        try:
            value, _, gap, rank = minimum(X, y, intercept)
        except ValueError:  # parameters or bounds beyond the doubles
            continue
        loose += gap > 1e-6 * value
        best = minimum_exactly(*rationals(X, y, intercept))
        if best is not None:
            assert Fraction(float(value)) - Fraction(float(gap)) <= best, (case, rank)
    assert loose < 250


def test_exact_copies_of_columns_of_any_scale_cost_no_digits():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2)) * 10.0 ** rng.uniform(-100, 100, (30, 2))
    y = rng.normal(size=30)
    for intercept in (False, True):
        value, _, gap, _ = minimum(x, y, intercept)
        again, _, more, rank = minimum(np.hstack([x, x * 2.0**40, x]), y, intercept)
        assert rank == 2
        assert again == pytest.approx(value, rel=1e-12)
        assert max(gap, more) <= 1e-9 * value


@pytest.mark.parametrize("m", [40, 3000])
def test_columns_dependent_up_to_rounding_cost_no_digits(m):
    rng = np.random.default_rng(m)
    X, binary = rng.standard_normal((m, 3)), rng.integers(0, 2, (m, 3)).astype(float)
    y = X.sum(axis=1) + rng.standard_normal(m)
    groups = np.eye(4)[rng.integers(0, 4, m)]
    celsius = (X[:, :1] * 100 - 32) / 1.8
    for Z in (
        np.hstack([X, X[:, :1] * 0.1, X @ [[0.3], [1.7], [-2.2]]]),
        np.hstack([binary, binary[:, ::-1], binary[:, :1] / 3]),
        np.hstack([groups, X, groups * 1e5]),
        np.hstack([X * 100, celsius, np.full((m, 1), 0.1)]),
        np.hstack([np.exp(3 * X), np.exp(3 * X) @ [[1.3], [0.1], [-0.7]]]),
    ):
        value, _, gap, rank = (answer[0] for answer in _core.least_absolute(Z[None], y[None], True, 1))
        assert rank < Z.shape[1]
        assert gap <= 1e-9 * value


def test_a_bound_beyond_the_range_of_a_double_is_refused():
    X = [[1.2e-105, -9.8e-88], [-7.8e-107, 6.4e48], [2.9e-106, -4.2e-226], [4.8e-106, -1.3e83], [1e308, -1.3e211]]
    X = np.column_stack([np.full(6, 1.2e235), np.array([*X, [-6.6e-106, -1.8e-239]])])
    y = np.array([4.9e47, 4.9e47, -8.2e202, 4.9e47, 5.5e202, -5.5e202])
    with pytest.raises(ValueError, match="within the range of a double"):
        _core.least_absolute(X[None], y[None], True, 1)


def test_the_advice_for_nearly_exact_fits_works():
    """One column or several independent ones: nothing is dependent, and y less the fitted values has its digits."""
    warned = 0
    for seed in range(60):
        r = np.random.default_rng(seed)
        m, p = int(r.integers(7, 30)), int(r.integers(1, 4))
        X = r.normal(size=(m, p))
        y = X @ r.normal(size=p) + 10.0 ** r.uniform(-11.0, -6.0) * r.normal(size=m)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            minimum = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae"))
        if not caught:
            continue
        warned += 1
        assert "pass y less the fitted values" in str(caught[0].message)
        rest = y - np.column_stack([X, np.ones(m)]) @ minimum.parameters
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert pm.minimum_energy(pm.LinearRegression(X, rest, energy="mae")).digits >= 9
    assert warned > 30


def test_the_gap_is_that_of_the_value_too():
    """The value is that of the intercept before it is rounded; residuals are the rounding of the targets here."""
    x = [-1.3576535268233929e99, -3.8614601037362491e23, 1.1169747276651322e96, 8.5445899373983009e-05]
    X = np.array([*x, 2.7522725136068828e-08, -4.4008687342354047e-99, -5.3926114096770207e-14])[:, None]
    y = [-6.3192435307020006e49, -2.4901376343906445e49, 1.7211382617771644e50, 1.1341347196886088e50]
    y = np.array([*y, 2.1746283229348471e49, 9.6929371753146319e49, -8.2301801808817025e49])
    w = np.array([0.0, 0.0, 5.017498220384730e-12, 0.0, 5.964786728139576e-85, 3.641423937390739e07, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        found = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae", weights=w))
    slope, intercept = (Fraction(t) for t in found.parameters.tolist())
    exact = sum(
        Fraction(c) * abs(Fraction(b) - slope * Fraction(a[0]) - intercept)
        for a, b, c in zip(X.tolist(), y.tolist(), w.tolist(), strict=True)
    ) / sum(Fraction(c) for c in w.tolist())
    assert Fraction(found.value) - exact <= Fraction(found.gap)
