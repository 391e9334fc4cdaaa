"""Least absolute deviations of rows that are mostly copies, against the best vertex over the rationals."""

from fractions import Fraction

import numpy as np
import pytest

from pyrometer import _core

from .absolute_exactly import rationals, vertices

M = 17_000  # more than are solved as they are
KINDS = ["binary", "thirds", "normal", "skewed", "dependent", "exact", "wild", "zeros", "single precision"]


def distinct_of(kind, rng):
    """Return a few rows, and how often each is there."""
    p, rows = int(rng.integers(0, 3)), int(rng.integers(4, 9))
    X, y = rng.integers(0, 2, (rows, p)).astype(float), rng.integers(0, 3, rows).astype(float)
    counts = rng.multinomial(M, np.full(rows, 1 / rows))
    match kind:
        case "thirds":
            X, y = X / 3 + rng.integers(0, 3, p), y / 7
        case "normal":
            X, y = rng.normal(size=(rows, p)), rng.normal(size=rows)
        case "skewed":
            X, y = rng.normal(size=(rows, p)), rng.normal(size=rows)
            counts = np.r_[np.arange(1, rows), M - rows * (rows - 1) // 2]
        case "dependent":
            X = np.repeat(X, 2, axis=1)
        case "exact":
            y = X.sum(axis=1) - 0.1
        case "wild":
            X, y = rng.normal(size=(rows, p)) * 10.0 ** rng.uniform(-200, 200, p), y * 1e-100
        case "zeros":
            X = X * rng.choice([1.0, -1.0], X.shape)
        case "single precision":
            X, y = X.astype(np.float32) / 3, y.astype(np.float32)
    return X, y, counts


def weighed(A, b, counts, theta):
    residuals = (value - sum(a * t for a, t in zip(row, theta, strict=True)) for row, value in zip(A, b, strict=True))
    return sum(int(count) * abs(r) for count, r in zip(counts, residuals, strict=True)) / sum(map(int, counts))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_one_row_of_their_weight(kind):
    for case in range(8):
        rng = np.random.default_rng([KINDS.index(kind), case])
        X, y, counts = distinct_of(kind, rng)
        intercept = X.shape[1] == 0 or bool(rng.integers(2))
        A, b = rationals(X, y, intercept)
        independent = X.shape[1] // 2 if kind == "dependent" else X.shape[1]
        free = [[*row[: 2 * independent : 2], *row[X.shape[1] :]] for row in A] if kind == "dependent" else A
        energies = {tuple(theta): weighed(free, b, counts, theta) for theta in vertices(free, b)}
        if not energies:
            continue
        best = min(energies.values())
        order = rng.permutation(np.repeat(np.arange(len(y)), counts))
        error = np.full((1, X.shape[1] + intercept), np.nan)
        answers = [_core.least_absolute(X[order][None], y[order][None], intercept, n, error) for n in (1, 3)]
        for one, other in zip(*answers, strict=True):
            np.testing.assert_array_equal(one, other)
        value, theta, gap, rank = (answer[0] for answer in answers[0])
        assert rank == independent
        assert gap <= 1e-9 * value + 1e-13 * np.abs(y).mean() + 1e-300
        assert Fraction(float(value)) - Fraction(float(gap)) <= best
        reached = weighed(A, b, counts, [Fraction(float(t)) for t in theta])
        assert best <= reached <= best + Fraction(float(gap))
        assert abs(Fraction(float(value)) - best) <= Fraction(float(gap)) + best / 10**14
        for right in (theta for theta, energy in energies.items() if energy == best):
            for j, bound in enumerate(error[0]):
                assert np.isinf(bound) or abs(Fraction(float(theta[j])) - right[j]) <= Fraction(float(bound))


@pytest.mark.parametrize("kind", ["binary", "integers", "categories"])
@pytest.mark.parametrize(("m", "p"), [(20_000, 2), (60_000, 8)])
def test_a_few_rows_of_their_own_and_many_copies(kind, m, p):
    """The same as each row moved by less than matters, which no two have in common."""
    rng = np.random.default_rng(m + p)
    X = rng.integers(0, 2, (m, p)).astype(float) if kind == "binary" else rng.integers(-2, 3, (m, p)).astype(float)
    if kind == "categories":
        X = np.eye(p)[rng.integers(0, p, m)]
    y = np.round(X @ rng.normal(size=p) + rng.normal(size=m))
    X[:50], y[:50] = rng.normal(size=(50, p)), 100 * rng.normal(size=50)
    moved = y + 1e-5 * rng.uniform(-1, 1, m)
    value, _, gap, rank = (answer[0] for answer in _core.least_absolute(X[None], y[None], True, 1))
    other, _, more, same = (answer[0] for answer in _core.least_absolute(X[None], moved[None], True, 1))
    assert rank == same
    assert value == pytest.approx(other, abs=1e-5)
    assert max(gap, more) <= 1e-9 * value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_among_copies_are_named(value):
    rng = np.random.default_rng(0)
    for row in rng.integers(0, 40_000, 20):
        X, y = rng.integers(0, 2, (40_000, 2)).astype(float), rng.integers(0, 2, 40_000).astype(float)
        X[row, 1] = value
        with pytest.raises(ValueError, match=rf"X must be finite, got {value} at row {row}, column 1"):
            _core.least_absolute(X[None], y[None], True, 1)
