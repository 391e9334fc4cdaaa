"""The lowest cross entropy: many digits, exact separation, symmetries, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import xlogy

from pyrometer import _core

from .logistic_reference import energy, labelled, newton, solve, with_constant

EPS = np.finfo(float).eps


def gradient(X, y, theta, intercept=True):
    A = with_constant(X, intercept)
    return A.T @ (1 / (1 + np.exp(-A @ theta)) - y) / len(y)


# ---- Values.


@pytest.mark.parametrize(
    ("m", "p", "scale", "intercept"),
    [(40, 1, 1.0, True), (60, 3, 2.0, True), (60, 3, 2.0, False), (120, 5, 6.0, True), (30, 4, 0.0, False)],
)
def test_against_forty_digits(m, p, scale, intercept):
    X, y = labelled(m, p, seed=m + p, scale=scale)
    value, theta, gap, attained, rank, _ = solve(X, y, intercept)
    exact, best = newton(X, y, theta, intercept)
    assert attained
    assert rank == p
    assert abs(value - exact) <= 8 * EPS * exact
    np.testing.assert_allclose(theta, np.array([float(b) for b in best]), rtol=1e-8, atol=1e-10)
    assert 0 <= energy(X, y, theta, intercept) - exact <= gap <= 1e-12 * value


@pytest.mark.parametrize(("m", "p"), [(500, 2), (3000, 12), (9000, 40), (30000, 5)])
def test_the_gradient_vanishes(m, p):
    X, y = labelled(m, p, seed=p)
    value, theta, gap, attained, *_ = solve(X, y)
    assert attained
    assert np.linalg.norm(gradient(X, y, theta)) < 1e-9
    assert gap <= 1e-12 * value
    z = (2 * y - 1) * (with_constant(X) @ theta)
    assert value == pytest.approx(np.logaddexp(0, -z).mean(), rel=1e-14)


def test_groups_have_the_entropy_of_their_labels():
    counts = np.array([[3, 7], [10, 2], [1, 1]])
    group = np.repeat(np.arange(3), counts.sum(1))
    y = np.concatenate([np.repeat([0.0, 1.0], c) for c in counts])
    X = np.eye(3)[group]
    share = counts / counts.sum(1, keepdims=True)
    expected = -xlogy(counts, share).sum() / len(y)
    for columns, intercept in [(X, False), (X[:, 1:], True), (X, True)]:
        value, theta, gap, attained, rank, _ = solve(columns, y, intercept)
        assert value == pytest.approx(expected, rel=4 * EPS)
        assert attained
        assert gap < 1e-12
        assert rank == (2 if intercept else 3)
        t = with_constant(columns, intercept) @ theta
        np.testing.assert_allclose(1 / (1 + np.exp(-t)), share[group, 1], rtol=1e-12)


def test_without_features():
    y = np.repeat([0.0, 1.0], [7, 3])
    X = np.empty((10, 0))
    value, theta, gap, attained, rank, _ = solve(X, y)
    assert value == pytest.approx(-0.3 * np.log(0.3) - 0.7 * np.log(0.7), rel=2 * EPS)
    assert theta == pytest.approx([np.log(3 / 7)], rel=2 * EPS)
    assert (gap <= 1e-15, attained, rank) == (True, True, 0)
    assert solve(X, y, False)[0] == pytest.approx(np.log(2), rel=EPS)
    value, theta, gap, attained, *_ = solve(X, np.ones(10))
    assert (value, attained) == (0, False)
    assert np.log1p(np.exp(-theta[0])) <= gap < 1e-16


# ---- The certificate.


def test_the_gap_is_not_generous():
    # Parameters that are off by 1e-5 are out of the gap by far: the bound says something.
    X, y = labelled(80, 3, seed=5)
    value, theta, gap, *_ = solve(X, y)
    exact, _ = newton(X, y, theta)
    for j in range(4):
        moved = theta + 1e-5 * (np.arange(4) == j)
        assert energy(X, y, moved) - exact > 10 * gap
    assert gap > abs(value - exact)


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_a_dual_point_confirms_the_value(scale):
    # Labels moved by one Newton step reproduce the moments: their entropy is a lower bound, and owes the core nothing.
    X, y = labelled(400, 4, seed=9, scale=scale)
    value, theta, gap, *_ = solve(X, y)
    A = with_constant(X)
    s = 1 / (1 + np.exp(-A @ theta))
    s -= (s * (1 - s))[:, None] * A @ np.linalg.solve((A.T * (s * (1 - s))) @ A, A.T @ (s - y))
    assert np.all((s > 0) & (s < 1))
    assert np.abs(A.T @ (s - y)).max() < 1e-12
    lower = -(xlogy(s, s) + xlogy(1 - s, 1 - s)).mean()
    assert value - gap - 1e-14 <= lower <= value + 1e-14


# ---- Columns.


def test_scales_and_offsets_of_columns_do_not_matter():
    X, y = labelled(400, 4, seed=2)
    value, theta, *_ = solve(X, y)
    scale = np.array([1e-6, 1e6, 2.0**-400, 2.0**400])
    scaled = solve(X * scale, y)
    assert scaled[0] == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(scaled[1][:4] * scale, theta[:4], rtol=1e-10)
    offset = X + np.array([1e9, -1e6, 1e3, 0])
    value, theta, *_ = solve(offset - offset[0], y)
    far = solve(offset, y)
    assert far[0] == pytest.approx(value, rel=1e-13)
    assert far[2] < 1e-12
    np.testing.assert_allclose(far[1][:4], theta[:4], rtol=1e-8)


def test_large_means_without_an_intercept():
    X, y = labelled(150, 2, seed=4)
    X = X + 1e7
    value, theta, gap, attained, rank, _ = solve(X, y, False)
    exact, _ = newton(X, y, theta, False, digits=60)
    assert rank == 2
    assert attained
    assert abs(value - exact) <= 1e-13
    assert energy(X, y, theta, False) - exact <= gap < 1e-11


def test_nearly_equal_columns_are_distinguished():
    X, y = labelled(100, 3, seed=6)
    near = np.column_stack([X, X[:, 0] + 1e-10 * np.random.default_rng(6).standard_normal(100)])
    value, theta, gap, _, rank, _ = solve(near, y)
    exact, _ = newton(near, y, theta, digits=70)
    assert rank == 4
    assert value < solve(X, y)[0] - 1e-6
    assert abs(value - exact) <= gap < 1e-9


def test_dependent_columns_change_nothing():
    X, y = labelled(300, 3, seed=7)
    value, *_ = solve(X, y)
    wide = np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.full(300, 7.0), X[:, 2], np.zeros(300), 1e8 * X[:, 1] + 3])
    found, theta, gap, attained, rank, _ = solve(wide, y)
    assert found == pytest.approx(value, rel=1e-14)
    assert (attained, rank) == (True, 3)
    assert abs(float(energy(wide, y, theta)) - value) <= gap < 1e-12


def test_more_columns_than_rows_separate():
    X, y = labelled(20, 60, seed=1)
    value, theta, gap, attained, rank, _ = solve(X, y)
    assert (value, attained, rank) == (0, False, 19)
    assert energy(X, y, theta) <= gap < 1e-15
    # Twice the same rows with both labels: nothing can be learnt.
    both = solve(np.vstack([X, X]), np.concatenate([y, 1 - y]))
    assert both[0] == pytest.approx(np.log(2), rel=1e-14)
    assert both[3]


# ---- Symmetries.


def test_labels_and_signs():
    X, y = labelled(500, 6, seed=11)
    value, theta, *_ = solve(X, y)
    flipped = solve(X, 1 - y)
    mirrored = solve(-X, 1 - y)
    for other in (flipped, mirrored):
        assert other[0] == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(flipped[1], -theta, rtol=1e-9)
    np.testing.assert_allclose(mirrored[1], np.append(theta[:6], -theta[6]), rtol=1e-9)


def test_order_and_repetition_of_rows():
    X, y = labelled(700, 4, seed=12)
    value, theta, *_ = solve(X, y)
    order = np.random.default_rng(0).permutation(700)
    for rows in (order, np.repeat(np.arange(700), 3), np.tile(order, 20)):
        found = solve(X[rows], y[rows])
        assert found[0] == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(found[1], theta, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_stacks_equal_loops_for_any_number_of_threads(dtype):
    rng = np.random.default_rng(13)
    X = rng.standard_normal((40, 90, 3)).astype(dtype)
    y = (rng.random((40, 90)) < 0.4).astype(dtype)
    y[7] = X[7, :, 0] > 0
    y[8] = 1
    stacked = _core.logistic(X, y, True, 1)
    for threads in (2, 5):
        for a, b in zip(stacked, _core.logistic(X, y, True, threads), strict=True):
            np.testing.assert_array_equal(a, b)
    for s in range(40):
        for a, b in zip(stacked, solve(X[s], y[s]), strict=True):
            np.testing.assert_array_equal(a[s], b)
    np.testing.assert_array_equal(stacked[3], [s not in (7, 8) for s in range(40)])


@pytest.mark.parametrize(("m", "p"), [(40_000, 7), (20_000, 50)])
def test_threads_do_not_change_a_bit(m, p):
    X, y = labelled(m, p, seed=14)
    one = solve(X, y, threads=1)
    for threads in (2, 3, 7):
        for a, b in zip(one, solve(X, y, threads=threads), strict=True):
            np.testing.assert_array_equal(a, b)


def test_floats_are_the_doubles_that_they_are():
    X, y = labelled(6000, 5, seed=15)
    X = X.astype(np.float32)
    single, double = solve(X, y), solve(X.astype(float), y)
    for a, b in zip(single, double, strict=True):
        np.testing.assert_array_equal(a, b)


def test_sorted_and_lopsided_rows():
    X, y = labelled(60_000, 6, seed=16, intercept=-5.0)
    order = np.argsort(X[:, 0])
    plain, by_feature = solve(X, y), solve(X[order], y[order])
    by_label = solve(X[np.argsort(y, kind="stable")], np.sort(y))
    assert plain[3]
    for other in (by_feature, by_label):
        assert other[0] == pytest.approx(plain[0], rel=1e-13)
        np.testing.assert_allclose(other[1], plain[1], rtol=1e-8)


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_outliers(size):
    X, y = labelled(3000, 3, seed=17)
    X[5] = [1e4, -1e5, 1e3]
    X[900] *= size
    value, theta, gap, attained, *_ = solve(X, y)
    assert attained
    assert gap < 1e-12
    assert float(energy(X, y, theta)) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("size", [1e9, 1e12])
def test_where_the_bound_does_not_close_it_says_so(size):
    # One row a thousand million times larger than the others, on the right side of their fit: it costs nothing, and the
    # gap must cover what is lost, whatever that is.
    X, y = labelled(300, 3, seed=17)
    others, theta, *_ = solve(np.delete(X, 90, axis=0), np.delete(y, 90))
    X[90] *= size * np.sign((2 * y[90] - 1) * (X[90] @ theta[:3]))
    value, theta, gap, attained, *_ = solve(X, y)
    lowest = others * 299 / 300
    assert attained
    assert -1e-14 < float(energy(X, y, theta)) - lowest <= gap
    assert value - lowest <= gap


# ---- Bad input.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("m", [30, 30_000])
def test_cells_that_are_not_finite_are_named(bad, m):
    X, y = labelled(m, 4)
    X[12, 3] = bad
    with pytest.raises(ValueError, match=rf"^X must be finite, got {bad} at row 12, column 3; drop or fill it$"):
        solve(X, y)
    with pytest.raises(ValueError, match=rf"got {bad} at system 1, row 12, column 3"):
        _core.logistic(np.stack([np.ones_like(X), X]), np.stack([y, y]), True, 1)


@pytest.mark.parametrize(("bad", "said"), [(2.0, "2"), (-1.0, "-1"), (0.5, "0.5"), (np.nan, "nan")])
def test_labels_are_zero_or_one(bad, said):
    X, y = labelled(30, 2)
    y[5] = bad
    with pytest.raises(ValueError, match=f"^y must be 0 or 1, got {said} at row 5$"):
        solve(X, y)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_squares_that_do_not_fit_are_named(size):
    X, y = labelled(30, 2)
    X[:, 1] *= size
    with pytest.raises(ValueError, match=r"column 1; rescale it"):
        solve(X, y)


def test_shapes():
    with pytest.raises(ValueError, match=r"y \(s, m\)"):
        _core.logistic(np.ones((1, 3, 2)), np.ones((1, 4)), True, 1)
    with pytest.raises(ValueError, match="at least one row"):
        _core.logistic(np.ones((1, 0, 2)), np.ones((1, 0)), True, 1)
    with pytest.raises(TypeError):
        _core.logistic(np.ones((1, 3, 2)), np.ones((1, 3), dtype=np.float32), True, 1)
    assert _core.logistic(np.ones((0, 3, 2)), np.ones((0, 3)), True, 1)[1].shape == (0, 3)
