"""What holds for the moments of any data."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pyrometer.data._moments import Moments


@st.composite
def data(draw, least=1):
    m, p = draw(st.integers(least, 40)), draw(st.integers(0, 12))
    middle = draw(st.sampled_from([0.0, 1.0, 1e8]))
    values = st.floats(-1e3, 1e3).map(lambda v: v if abs(v) > 1e-100 else 0.0)
    Z = draw(arrays(np.float64, (m, p + 1), elements=values)) + middle
    return Z[:, :-1], Z[:, -1]


def close(a, b, X, y, taken_from=1):
    """Whether two moments agree up to the rounding of these data.

    What is left of a larger set has the errors of its means times the quotient of the counts.
    """
    tolerance, magnified = 1e-12, max(1.0, taken_from / b.count)
    Z = np.column_stack([X, y])
    spread = np.ptp(Z, axis=0)
    ulp = magnified * np.finfo(float).eps * np.abs(Z).max(axis=0)  # what a mean may be off by
    error = np.abs(a.scatter - b.scatter)
    allowed = tolerance * np.outer(spread, spread) + 8 * (
        np.outer(spread, ulp) + np.outer(ulp, spread) + np.outer(ulp, ulp)
    )
    return (
        a.count == b.count
        and (np.abs(a.mean - b.mean) <= 8 * ulp + tolerance * spread).all()
        and (error <= max(len(Z), taken_from) * allowed).all()
    )


@given(data(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows, random):
    X, y = rows
    order = list(range(len(y)))
    random.shuffle(order)
    assert close(Moments.of(X[order], y[order]), Moments.of(X, y), X, y)


@given(data())
def test_rows_twice_are_moments_twice(rows):
    X, y = rows
    once = Moments.of(X, y)
    twice = Moments.of(np.concatenate([X, X]), np.concatenate([y, y]))
    assert close(twice, once + once, X, y)


@given(data(least=2), st.data())
def test_any_split_adds_up_and_comes_apart(rows, more):
    X, y = rows
    cuts = sorted(more.draw(st.sets(st.integers(1, len(y) - 1), max_size=4)))
    parts = [Moments.of(a, b) for a, b in zip(np.split(X, cuts), np.split(y, cuts), strict=True)]
    whole, total = Moments.of(X, y), parts[0]
    for part in parts[1:]:
        total = total + part
    assert close(total, whole, X, y)
    if len(parts) > 1:
        left = Moments.of(X[cuts[0] :], y[cuts[0] :])
        assert close(total - parts[0], left, X, y, taken_from=len(y))


@given(data())
def test_scatter_is_symmetric_and_positive(rows):
    moments = Moments.of(*rows)
    assert np.array_equal(moments.scatter, moments.scatter.T)
    assert (np.diag(moments.scatter) >= 0).all()
    deviation = np.sqrt(np.diag(moments.scatter))
    assert (np.abs(moments.scatter) <= np.outer(deviation, deviation) * (1 + 1e-9)).all()


@given(data(), st.integers(1, 7))
@settings(max_examples=30)
def test_threads_change_nothing(rows, threads):
    X, y = np.tile(rows[0], (60, 1)), np.tile(rows[1], 60)
    one, many = Moments.of(X, y, threads=1), Moments.of(X, y, threads=threads)
    assert one.mean.tobytes() == many.mean.tobytes()
    assert one.scatter.tobytes() == many.scatter.tobytes()


@pytest.mark.parametrize("way", ["of", "update", "sum", "difference"])
def test_raw_second_moments_are_within_their_bounds(way):
    """Also where a mean, which is a product with the constant feature, nearly cancels; truth in rational numbers."""
    for seed in range(150):
        rng = np.random.default_rng([seed, *way.encode()])
        A, B, C = (rng.normal(size=(rng.integers(1, 9), 2)) for _ in range(3))
        moments, rows = Moments.of(A[:, :1], A[:, 1]), [A]
        if way == "update":
            moments, rows = moments.update(B[:, :1], B[:, 1]), [A, B]
        elif way != "of":
            moments, rows = moments + Moments.of(B[:, :1], B[:, 1]), [A, B]
        if way == "difference":
            moments, rows = moments.update(C[:, :1], C[:, 1]) - Moments.of(B[:, :1], B[:, 1]), [A, C]
        raw = [[Fraction(x), Fraction(1), Fraction(y)] for x, y in np.concatenate(rows).tolist()]
        value, bound = moments.second(), moments.second_errors()
        for i, j in np.ndindex(3, 3):
            truth = sum(row[i] * row[j] for row in raw) / len(raw)
            error = abs(Fraction(float(value[i, j])) - truth)
            assert error <= Fraction(float(bound[i, j])) + abs(truth) * Fraction(1, 2**53)
