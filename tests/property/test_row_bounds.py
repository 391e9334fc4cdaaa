"""The error bound of uniform laws holds for any lengths: against the vertex formula in many digits."""

import itertools

import mpmath as mp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrometer import _core

LENGTHS = st.lists(
    st.one_of(st.floats(0.5, 2.0), st.floats(-12, 12).map(lambda e: 10.0**e), st.just(0.0), st.just(1.0)),
    min_size=1,
    max_size=6,
)


def vertices(a, y):
    """Equation (3.42)."""
    a = [mp.mpf(v) for v in a if v]
    n = len(a)
    with mp.workdps(60 + 30 * n):
        total = mp.mpf(0)
        for signs in itertools.product((1, -1), repeat=n):
            u = mp.mpf(y) + mp.fdot(signs, a) / 2
            total += mp.fprod(signs) * u**n * abs(u)
        return total / (mp.factorial(n + 1) * mp.fprod(a))


@settings(max_examples=150)
@given(LENGTHS, st.integers(0, 63), st.one_of(st.just(0.0), st.floats(-0.1, 0.1)))
def test_bound_holds(lengths, corner, aside):
    """Targets at a vertex, where the integrand has its kinks, and near it."""
    a = np.array(lengths)
    y = float(sum(v if corner >> j & 1 else -v for j, v in enumerate(lengths)) / 2 + aside * a.min())
    mean, bound, *_ = _core.uniform_rows(
        a[None, None], np.array([[y]]), False, "absolute", np.ones((1, a.size)), 0, True, 1
    )
    exact = vertices(lengths, y)
    assert abs(mean[0, 0] - exact) <= bound[0, 0]
    assert bound[0, 0] <= 1e-12 * max(float(exact), 1e-300)


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(0, 63), st.one_of(st.just(0.0), st.floats(-0.1, 0.1)), st.integers(0, 63))
def test_bound_holds_for_truncated_laws(lengths, corner, aside, which):
    """Those with a bound so small that they are uniform in every digit, which are computed along other ways."""
    a, bound = np.array(lengths), 1e-8
    y = float(sum(v if corner >> j & 1 else -v for j, v in enumerate(lengths)) / 2 + aside * a.min())
    families = np.array([bound if which >> j & 1 or j == 0 else 0.0 for j in range(a.size)])
    scale = np.where(families > 0, 0.5 / bound, 1.0)
    mean, error, *_ = _core.uniform_rows(
        a[None, None], np.array([[y]]), False, "absolute", scale[None], families, False, 1
    )
    exact = vertices(lengths, y)
    assert abs(mean[0, 0] - exact) <= error[0, 0]
    assert error[0, 0] <= 3e-12 * max(float(exact), 1e-300)


@settings(max_examples=100)
@given(LENGTHS, st.floats(-3, 3), st.integers(0, 6))
def test_scaling(lengths, exponent, normals):
    """E|cR - cy| = c E|R - y|, though it may be computed along another way."""
    a = np.array(lengths)
    scale, normals = np.ones((1, a.size)), min(normals, a.size)
    factor = 10.0**exponent
    mean, bound, *_ = _core.uniform_rows(a[None, None], np.ones((1, 1)), False, "absolute", scale, normals, False, 1)
    other, wider, *_ = _core.uniform_rows(
        a[None, None], np.full((1, 1), factor), False, "absolute", scale * factor, normals, False, 1
    )
    assert abs(mean[0, 0] * factor - other[0, 0]) <= bound[0, 0] * factor + wider[0, 0] + 1e-15 * other[0, 0]
