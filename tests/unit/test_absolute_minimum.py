"""Least absolute deviations: exact answers, certificates in exact arithmetic, symmetries, threads, stacks, refusals."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pyrometer as pm
from pyrometer import _core

from .absolute_exactly import energy_exactly, minimum, minimum_exactly, rationals


def problem(m, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, p))
    return X, X @ rng.standard_normal(p) + rng.standard_normal(m) + 1


@settings(max_examples=150)
@given(st.data())
def test_the_gap_is_true_in_exact_arithmetic(data):
    m, p, intercept = data.draw(st.integers(1, 8)), data.draw(st.integers(0, 3)), data.draw(st.booleans())
    assume(1 <= p + intercept <= m)
    cells = st.integers(-3, 3)
    scale = data.draw(st.sampled_from([1, 8, 2**20]))  # exact: a third of three would be dependent up to rounding
    X = np.array(data.draw(st.lists(cells, min_size=m * p, max_size=m * p)), float).reshape(m, p) / scale
    y = np.array(data.draw(st.lists(cells, min_size=m, max_size=m)), float) / 3
    A, b = rationals(X, y, intercept)
    best = minimum_exactly(A, b)
    assume(best is not None)
    value, parameters, gap, rank = minimum(X, y, intercept)
    assert rank == p
    reached = energy_exactly(A, b, [Fraction(float(t)) for t in parameters])
    assert best <= reached <= best + Fraction(float(gap))
    assert abs(Fraction(float(value)) - best) <= Fraction(float(gap)) + Fraction(1, 10**15)
    # An exact fit is known to the rounding of what is added up for a residual.
    terms = np.abs(X) @ np.abs(parameters[:p]) + abs(parameters[p:].sum()) + np.abs(y)
    assert gap <= 1e-8 * value + 1e-14 * terms.max(initial=1e-9)


def test_a_wrong_answer_would_be_noticed():
    X, y = problem(7, 2)
    _, parameters, gap, _ = minimum(X, y)
    A, b = rationals(X, y, True)
    best = minimum_exactly(A, b)
    wrong = [Fraction(float(t)) for t in parameters + np.array([1e-9, 0, 0])]
    assert energy_exactly(A, b, wrong) > best + Fraction(float(gap))


@pytest.mark.parametrize("m", [1, 2, 5, 8, 1001, 40_000])
def test_without_features_it_is_the_median(m):
    y = np.random.default_rng(m).standard_normal(m)
    value, parameters, gap, rank = minimum(np.empty((m, 0)), y)
    assert value == pytest.approx(np.abs(y - np.median(y)).mean(), rel=1e-13)
    assert np.abs(y - parameters[0]).mean() == pytest.approx(value, rel=1e-13)
    assert gap <= 1e-12
    assert rank == 0


def test_without_parameters_it_is_the_mean_absolute_value():
    y = np.array([1.0, -2.0, 6.0])
    value, parameters, gap, rank = minimum(np.empty((3, 0)), y, intercept=False)
    assert (value, parameters.shape, rank) == (3.0, (0,), 0)
    assert gap <= 1e-14


@pytest.mark.parametrize("constant", [0.0, 3.25, 1e9 + 1 / 3])
@pytest.mark.parametrize("m", [1, 10, 30_000])
def test_constant_target(constant, m):
    X, _ = problem(m, 2)
    value, parameters, gap, _ = minimum(X, np.full(m, constant))
    assert value == 0
    assert parameters == pytest.approx([0, 0, constant], abs=1e-12)
    assert gap <= 1e-15 * max(constant, 1)


@pytest.mark.parametrize("shape", [(5, 9), (30, 40), (1, 3), (6, 6)])
@pytest.mark.parametrize("intercept", [True, False])
def test_more_columns_than_rows_fit_exactly(shape, intercept):
    X, y = problem(*shape)
    value, parameters, gap, rank = minimum(X, y, intercept)
    assert value <= 1e-13
    assert gap <= 1e-12
    assert rank == min(shape[1], shape[0] - intercept)
    assert X @ parameters[: shape[1]] + (parameters[-1] if intercept else 0) == pytest.approx(y, abs=1e-11)


@pytest.mark.parametrize("m", [40, 30_000])
def test_dependent_and_constant_columns_change_nothing(m):
    X, y = problem(m, 3)
    value, _, gap, _ = minimum(X, y)
    doubled = np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.full(m, 7.0), X[:, 2], np.zeros(m)])
    again, parameters, more, rank = minimum(doubled, y)
    assert rank == 3
    assert again == pytest.approx(value, rel=1e-12)
    assert np.count_nonzero(parameters) == 4
    assert max(gap, more) <= 1e-11 * value
    assert np.abs(y - doubled @ parameters[:-1] - parameters[-1]).mean() == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("offset", [1e10, 1e11, 1e12, 1e13, 1e14])
@pytest.mark.parametrize("m", [7, 40, 2000])
def test_columns_that_are_almost_dependent_are_not_taken_for_it(m, offset):
    rng = np.random.default_rng(m)
    a, y = rng.integers(-4, 5, m).astype(float), rng.integers(-9, 9, m).astype(float)
    value, _, gap, _ = minimum(np.column_stack([np.ones(m), a]), y, intercept=False)
    assert gap <= 1e-12 * value
    # Integers, and so exact: the same minimum, with parameters as large as the offset.
    far, _, more, rank = minimum(np.column_stack([np.full(m, 3.0), offset + a]), y, intercept=False)
    assert rank == 2
    assert value - 1e-12 <= far <= value + more + 1e-12


def test_a_column_that_lives_on_few_rows_is_found():
    X, y = problem(50_000, 3)
    X[:, 1] = 0
    X[[17, 123, 40_000], 1] = 1
    value, parameters, gap, rank = minimum(X, y)
    assert rank == 3
    assert gap <= 1e-9 * value
    rest = np.median((y - X[:, [0, 2]] @ parameters[[0, 2]] - parameters[-1])[[17, 123, 40_000]])
    assert parameters[1] == pytest.approx(rest, abs=1e-12)


@pytest.mark.parametrize("m", [7, 300, 25_000])
def test_equivariance(m):
    X, y = problem(m, 3)
    value, theta, gap, _ = minimum(X, y)
    c = np.array([0.5, -2.0, 3.0])
    other, parameters, more, _ = minimum(X, -3 * y + 5 + X @ c)
    assert other == pytest.approx(3 * value, rel=1e-12)
    assert parameters == pytest.approx(np.append(-3 * theta[:-1] + c, 5 - 3 * theta[-1]), abs=1e-9)
    assert max(gap, more) <= 1e-11 * value


@pytest.mark.parametrize("m", [7, 300, 25_000])
def test_units_and_offsets_of_columns(m):
    X, y = problem(m, 3)
    value = minimum(X, y)[0]
    units = X * [1e-150, 1.0, 1e120]
    assert minimum(units, y)[0] == pytest.approx(value, rel=1e-12)
    value_at, _, gap, _ = minimum(X + np.array([1e6, 0, -1e3]), y)
    assert value_at == pytest.approx(value, rel=1e-8)
    assert gap <= 1e-8 * value
    offset = np.round(X * 2**12) / 2**12  # exactly representable beside 1e9
    plain, shifted = minimum(offset, y), minimum(offset + np.array([1e9, 0, 0]), y)
    assert shifted[0] == pytest.approx(plain[0], rel=1e-12)
    assert shifted[2] <= 1e-6 * value


@pytest.mark.parametrize("m", [6, 200, 20_000])
def test_order_and_copies_of_rows(m):
    X, y = problem(m, 4)
    value = minimum(X, y)[0]
    order = np.random.default_rng(5).permutation(m)
    assert minimum(X[order], y[order])[0] == pytest.approx(value, rel=1e-12)
    copies, _, gap, _ = minimum(np.repeat(X, 3, axis=0), np.repeat(y, 3))
    assert copies == pytest.approx(value, rel=1e-12)
    assert gap <= 1e-9 * value


def test_outliers_do_not_move_it():
    X, y = problem(50_000, 4)
    far = y > np.quantile(y, 0.95)
    outlying = np.where(far, 1e12, y)
    exact = X @ [1.0, 2.0, 3.0, 4.0] + 5
    parameters = minimum(X, np.where(far, 1e12, exact))[1]
    assert parameters == pytest.approx([1, 2, 3, 4, 5], abs=1e-9)
    value, _, gap, _ = minimum(X, outlying)
    assert gap <= 1e-9 * value


@pytest.mark.parametrize(("m", "p"), [(3, 1), (200, 8), (70_000, 6)])
def test_threads_change_no_bit(m, p):
    X, y = problem(m, p)
    answers = [minimum(X, y, threads=threads) for threads in (1, 2, 3, 7, 0)]
    for answer in answers[1:]:
        for here, there in zip(answers[0], answer, strict=True):
            np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize(("systems", "m", "p"), [(50, 20, 3), (9, 200, 8), (3, 20_000, 2), (0, 4, 2)])
def test_stacks_are_loops(systems, m, p):
    data = [problem(m, p, seed) for seed in range(systems)]
    X = np.array([x for x, _ in data]).reshape(systems, m, p)
    y = np.array([target for _, target in data]).reshape(systems, m)
    stacked = _core.least_absolute(X, y, True, 2)
    for s in range(systems):
        for here, there in zip(minimum(X[s], y[s]), stacked, strict=True):
            np.testing.assert_array_equal(here, there[s])


def test_single_precision_is_widened():
    X, y = (array.astype(np.float32) for array in problem(20_000, 3))
    wide = minimum(X.astype(np.float64), y.astype(np.float64))
    for here, there in zip(minimum(X, y), wide, strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("m", [20, 60_000])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named(m, value):
    X, y = problem(m, 4)
    X[12, 3] = value
    with pytest.raises(ValueError, match=rf"X must be finite, got {value} at row 12, column 3"):
        minimum(X, y)
    X[12, 3] = 0
    y[m - 3] = value
    with pytest.raises(ValueError, match=rf"y must be finite, got {value} at row {m - 3}"):
        minimum(X, y)
    stacked = np.array([problem(m, 4)[0], X]), np.array([problem(m, 4)[1], y])
    with pytest.raises(ValueError, match=rf"y must be finite, got {value} at system 1, row {m - 3}"):
        _core.least_absolute(*stacked, True, 2)


def test_no_row_is_refused():
    X, y = problem(20, 2)
    with pytest.raises(ValueError, match="at least one row"):
        minimum(X[:0], y[:0])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["ties", "correlated", "powers", "groups", "far"])
def test_a_certificate_for_small_and_difficult_data(kind, seed):
    """The gap closes, but for what rounding the parameters changes; sums of equal weights meet at the same row."""
    rng = np.random.default_rng(seed)
    for _ in range(40):
        m, p, intercept = int(rng.integers(3, 120)), int(rng.integers(1, 14)), bool(rng.integers(2))
        X = rng.standard_normal((m, p))
        y = X.sum(axis=1) + rng.standard_normal(m)
        match kind:
            case "ties":
                X, y = np.repeat(np.round(X[:, :2]), 2, axis=1), np.round(y)
            case "correlated":
                X = X[:, :1] + 10.0 ** -rng.integers(2, 9) * X
            case "powers":
                X = np.vander(np.linspace(0, 1, m), p + 1)[:, :-1]
            case "groups":
                X = np.eye(p)[rng.integers(0, p, m)]
            case "far":
                X[rng.random((m, p)) < 0.05] *= 1e6
        value, parameters, gap, _ = minimum(X, y, intercept)
        A = np.column_stack([X, np.ones(m)]) if intercept else X
        rounding = np.finfo(float).eps * np.mean(np.abs(y) + np.abs(A) @ np.abs(parameters))
        assert gap <= 1e-10 * value + 8 * rounding


def test_weights_that_add_up_to_the_crossing():
    """Of these integers, steps of equal weight reach the minimum of an edge exactly, in any order of summing."""
    rng = np.random.default_rng(1461)
    rng.integers(3, 120), rng.integers(1, 14), rng.integers(2)
    X = rng.standard_normal((115, 2))
    y = np.round(X.sum(axis=1) + rng.standard_normal(115))
    value, _, gap, _ = minimum(np.round(X), y, intercept=False)
    assert value == pytest.approx(96 / 115, rel=1e-14)
    assert gap <= 1e-14


def test_a_certificate_that_is_loose_is_warned_of_and_an_exact_fit_is_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    y = X.sum(axis=1) + rng.normal(size=50)
    with pytest.warns(pm.PrecisionWarning, match="0 certain digits.*a gap of"):
        pm.minimum_energy(pm.LinearRegression(X, 1e-322 * y, energy="mae"))  # numbers of a few bits
    exact = pm.minimum_energy(pm.LinearRegression(X, X @ [0.1, 0.3] + 0.7, energy="mae"))
    assert exact.value < 1e-15


@pytest.mark.parametrize("kind", ["effects", "shares", "totals"])
def test_columns_that_depend_on_many_others(kind):
    """Rounding errors of an elimination grow with the columns: full sets of dummies, shares of a whole, totals."""
    rng = np.random.default_rng(3)
    if kind == "effects":
        X = np.column_stack(
            [np.repeat(np.eye(200), 5, axis=0), np.tile(np.eye(5), (200, 1)), rng.normal(size=(1000, 2))]
        )
        fewer = np.delete(X, [0, 200], axis=1)
    else:
        parts = rng.exponential(size=(600, 150))
        X = (
            parts / parts.sum(axis=1, keepdims=True)
            if kind == "shares"
            else np.column_stack([parts, parts.sum(axis=1)])
        )
        fewer = X[:, 1:]
    y = rng.normal(size=len(X))
    minimum, truth = (pm.minimum_energy(pm.LinearRegression(part, y, energy="mae")) for part in (X, fewer))
    assert minimum.rank == truth.rank == fewer.shape[1]
    assert minimum.digits > 11
    assert minimum.gap < 1e-11
    assert minimum.value == pytest.approx(truth.value, rel=1e-11)
