"""The lowest cross entropy where labels are separated, wholly or in part: against linear programmes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from .logistic_reference import energy, labelled, newton, separated_rows, solve, with_constant


def reference_minimum(X, y, intercept):
    """The infimum over the rows that nothing separates, by BFGS, and whether there are others."""
    left = ~separated_rows(X, y, intercept)
    if not left.any():
        return 0.0, False
    A, s = with_constant(X, intercept)[left], 2 * y[left] - 1
    result = minimize(
        lambda theta: (
            np.logaddexp(0, -s * (A @ theta)).mean(),
            -A.T @ (s / (1 + np.exp(s * (A @ theta)))) / len(s),
        ),
        np.zeros(A.shape[1]),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-9},
    )
    return result.fun * left.mean(), bool(left.all())


@pytest.mark.parametrize("seed", range(120))
def test_small_integers_separate_as_the_linear_programme_says(seed):
    rng = np.random.default_rng(seed)
    m, p, intercept = int(rng.integers(2, 25)), int(rng.integers(1, 5)), bool(rng.integers(2))
    X = rng.integers(-2, 3, (m, p)).astype(float)
    t = X @ rng.standard_normal(p) * rng.choice([0, 1, 4, 20])
    y = (rng.random(m) < 1 / (1 + np.exp(-t))).astype(float)
    expected, attained = reference_minimum(X, y, intercept)
    value, theta, gap, ours, rank, _ = solve(X, y, intercept)
    assert ours == attained
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert -1e-14 * value <= energy(X, y, theta, intercept) - value <= gap <= 1e-12
    A = with_constant(X, intercept)
    assert rank == np.linalg.matrix_rank(A) - intercept


def test_complete_separation():
    X, _ = labelled(300, 5)
    y = (X @ np.arange(1.0, 6.0) > 0.1).astype(float)
    value, theta, gap, attained, rank, _ = solve(X, y)
    assert (value, attained, rank) == (0, False, 5)
    assert np.all((2 * y - 1) * (with_constant(X) @ theta) > 30)
    assert 0 < energy(X, y, theta) <= gap < 1e-15


def test_a_thin_margin_is_seen_and_a_thin_overlap_too():
    rng = np.random.default_rng(3)
    x = np.sort(rng.random(200))
    y = (np.arange(200) >= 100).astype(float)
    for close in (1e-3, 1e-6, 1e-9):
        x[100] = x[99] * (1 + close)
        x[101:] = np.maximum(x[101:], x[100] + 0.01)
        assert solve(x[:, None], y)[3] == np.False_
        swapped = x.copy()
        swapped[[99, 100]] = swapped[[100, 99]]
        value, theta, gap, attained, *_ = solve(swapped[:, None], y)
        assert attained
        exact, _ = newton(swapped[:, None], y, theta, digits=60)
        assert abs(value - exact) <= gap
        assert gap < 1e-10 * value
        # The tie itself: the two rows in the middle are left.
        tied = x.copy()
        tied[100] = tied[99]
        value, _, gap, attained, *_ = solve(tied[:, None], y)
        assert not attained
        assert value == pytest.approx(2 * np.log(2) / 200, rel=1e-13)


def test_a_rare_feature_with_one_label_drops_out():
    X, y = labelled(5000, 4, seed=8)
    rare = (np.random.default_rng(8).random(5000) < 0.01).astype(float)
    y[rare == 1] = 1
    value, _, gap, attained, rank, _ = solve(np.column_stack([X, rare]), y)
    left = rare == 0
    assert not attained
    assert rank == 5
    assert value == pytest.approx(solve(X[left], y[left])[0] * left.mean(), rel=1e-13)
    assert gap < 1e-12


def test_separation_in_several_steps():
    # First the rows of the first feature go, which frees the second to separate its own, then the third.
    X = np.array(
        [[1, -5, 2], [1, 3, -7], [0, 1, -9], [0, 2, 4], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], dtype=float
    )
    y = np.array([1, 1, 1, 1, 1, 1, 0, 0], dtype=float)
    value, theta, gap, attained, rank, _ = solve(X, y)
    expected, _ = reference_minimum(X, y, True)
    assert not attained
    assert rank == 3
    assert value == pytest.approx(expected, rel=1e-9)
    assert value == pytest.approx((np.log(3) + 2 * np.log(1.5)) / 8, rel=1e-13)
    assert energy(X, y, theta) - value <= gap < 1e-12


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_label_only(label):
    X, _ = labelled(50, 3)
    value, theta, gap, attained, rank, _ = solve(X, np.full(50, label))
    assert (value, attained, rank) == (0, False, 3)
    assert energy(X, np.full(50, label), theta) <= gap < 1e-15
    # Without an intercept nothing separates rows on both sides of the origin.
    assert solve(X, np.full(50, label), False)[3]


def test_one_row():
    value, theta, _, attained, rank, _ = solve(np.array([[2.0, -1.0]]), np.array([1.0]))
    assert (value, attained, rank) == (0, False, 0)
    value, theta, _, attained, rank, _ = solve(np.array([[2.0, -1.0]]), np.array([0.0]), False)
    assert (value, attained, rank) == (0, False, 1)
    assert np.array([2.0, -1.0]) @ theta < -30
    assert solve(np.array([[0.0]]), np.array([0.0]), False)[:2] == (np.log(2), [0.0])


@pytest.mark.parametrize("seed", [4492, 5, 6, 7])
def test_groups_with_one_label_drop_out(seed):
    # Indicators of every group beside an intercept: one column too many, and its rounding must not be taken for data.
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 7, 104)
    y = (rng.random(104) < rng.choice([0.0, 0.5, 1.0], 7)[group]).astype(float)
    value, theta, gap, attained, rank, _ = solve(np.eye(7)[group], y)
    ones, count = np.bincount(group, y, 7), np.bincount(group, minlength=7)
    mixed = (ones > 0) & (ones < count)
    share = ones[mixed] / count[mixed]
    expected = -(count[mixed] * (share * np.log(share) + (1 - share) * np.log1p(-share))).sum() / 104
    assert attained == mixed.all()
    assert rank == 6
    assert value == pytest.approx(expected, rel=1e-13)
    assert energy(np.eye(7)[group], y, theta) - value <= gap < 1e-12


@pytest.mark.parametrize("separated", [1, 3, 10])
def test_groups_with_one_label_cost_few_evaluations(separated):
    """Measured 6 to 12, and 30 to 32 where all rows are tried first and the others twice."""
    rng = np.random.default_rng(separated)
    group = rng.integers(0, 20, 20_000)
    y = (rng.random(20_000) < rng.uniform(0.2, 0.8, 20)[group]).astype(float)
    y[group < separated] = group[group < separated] % 2
    left = group >= separated
    value, _, gap, attained, rank, evaluations = solve(np.eye(20)[group], y)
    alone = solve(np.eye(20 - separated)[group[left] - separated], y[left])
    assert (attained, rank) == (False, 19)
    assert value == pytest.approx(alone[0] * left.mean(), rel=1e-13)
    assert gap < 1e-12
    assert evaluations <= 16


@pytest.mark.parametrize("seed", range(30))
def test_most_rows_separated(seed):
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((145, 4)))
    y = (X @ rng.standard_normal(4) > 0).astype(float)
    unsure = X[:, 0] == 2
    y[unsure] = rng.integers(0, 2, unsure.sum())
    expected, attained = reference_minimum(X, y, True)
    value, theta, gap, ours, rank, _ = solve(X, y)
    assert ours == attained
    assert rank == 4
    assert value == pytest.approx(expected, rel=1e-8, abs=1e-15)
    assert energy(X, y, theta) - value <= gap < 1e-11


def test_minima_that_stay_open_are_searched_in_few_ways():
    """Nested groups and powers: 2,654 evaluations, and 5,951 where each way led to all others without a limit."""
    rng = np.random.default_rng(82)
    own = np.eye(14)[rng.integers(0, 14, 2700)]
    x = np.sort(rng.random(2700))
    X = np.column_stack([own.reshape(-1, 7, 2).sum(axis=2), own, x[:, None] ** np.arange(1, 8)])
    margin = X @ np.round(rng.normal(size=28) / 2)
    y = (margin > np.quantile(margin, 0.3)).astype(float)
    y[:2] = [0, 1]
    value, theta, gap, _, _, evaluations = solve(X, y)
    assert 0 <= energy(X, y, theta) <= value * (1 + 1e-9) <= np.log(2)
    assert gap >= value * (1 - 1e-12)
    assert evaluations <= 4000
