"""Exact expectations against quadrature and closed forms in many digits (mpmath) and against SciPy."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, stats

from pyrometer import _core

UNIT = np.ones((1, 1))


def uniform(a, y=0.0, loss="absolute"):
    """Mean and bound for one row of lengths `a`."""
    a = np.asarray(a, float)
    mean, bound, *_ = _core.uniform_rows(
        a[None, None], np.array([[float(y)]]), False, loss, np.ones((1, a.size)), 0, False, 1
    )
    return mean[0, 0], bound[0, 0]


def vertices(a, y=0.0):
    """Equation (3.42), with digits to spare for its cancellation."""
    n = len(a)
    with mp.workdps(40 + 20 * n):
        a = [mp.mpf(float(v)) for v in a]
        total = mp.mpf(0)
        for signs in itertools.product((1, -1), repeat=n):
            u = mp.mpf(float(y)) + mp.fdot(signs, a) / 2
            total += mp.fprod(signs) * u**n * abs(u)
        return total / (mp.factorial(n + 1) * mp.fprod(a))


def polylogarithms(a):
    """E ln(1 + e^R) as a sum of Li_{n+1} over the vertices."""
    n = len(a)
    with mp.workdps(40 + 20 * n):
        a = [mp.mpf(float(v)) for v in a]
        total = mp.fsum(
            mp.fprod(signs) * mp.polylog(n + 1, -mp.exp(mp.fdot(signs, a) / 2))
            for signs in itertools.product((1, -1), repeat=n)
        )
        return -total / mp.fprod(a)


def softplus_normal(s):
    with mp.workdps(30):
        s = mp.mpf(s)
        cuts = [point for point in (mp.mpf(2) ** k / s for k in range(-2, 8)) if point < 15]
        tail = mp.quad(lambda z: mp.log1p(mp.exp(-s * z)) * mp.npdf(z), [0, *cuts, 15])
        return s / mp.sqrt(2 * mp.pi) + 2 * tail


def softplus_slope_normal(s):
    with mp.workdps(40):
        s = mp.mpf(s)
        cuts = [point for point in (mp.mpf(2) ** k / s for k in range(-2, 8)) if point < 15]
        tail = mp.quad(lambda z: z * mp.npdf(z) / (1 + mp.exp(s * z)), [0, *cuts, 15])
        return s / mp.sqrt(2 * mp.pi) - 2 * s * tail


# Around the borders of the polynomials, s = sqrt(pi) k / (8 - k), and beyond them all.
BORDERS = [float(np.sqrt(np.pi) * k / (8 - k)) * side for k in range(1, 8) for side in (0.9999, 1.0001)]


@pytest.mark.parametrize("s", [1e-8, 1e-3, 0.7, 1.0, 3.3, 32.0, 1e3, 1e8, 1e17, *BORDERS])
def test_softplus_of_a_normal_number(s):
    value, slope = _core.expectation("cross-entropy", np.zeros(1), np.array([s]))
    assert abs(value[0] / softplus_normal(s) - 1) < 4e-16
    assert abs(slope[0] / softplus_slope_normal(s) - 1) < 6e-16


@pytest.mark.parametrize("s", [1e-12, 1e-8, 1e-2, 1.0, 40.0, 1e8, 1e12])
@pytest.mark.parametrize("ratio", [0.0, 1e-9, 0.3, 0.999, 1.0, 2.5, 4.5, 6.0, 7.0001, 7.999, 8.001, 30.0])
def test_folded_normal_number(s, ratio):
    y = ratio * s
    value, slope = _core.expectation("absolute", np.array([-y]), np.array([s]))
    with mp.workdps(40):
        t = mp.mpf(y) / mp.mpf(s)
        exponential = mp.mpf(s) * mp.sqrt(2 / mp.pi) * mp.exp(-t * t / 2)
        exact = exponential + mp.mpf(y) * mp.erf(t / mp.sqrt(2))
        assert abs(value[0] / exact - 1) < 6e-16
        assert abs(slope[0] - exponential) < 2e-15 * exact


def test_expectations_at_the_ends_of_the_numbers():
    s = np.array([0.0, 5e-324, 1e-310, 1e-160, 1e160, 1.7e308])
    value, slope = _core.expectation("cross-entropy", np.zeros(s.size), s)
    np.testing.assert_allclose(value, [np.log(2)] * 4 + list(s[4:] / np.sqrt(2 * np.pi)), rtol=4e-16)
    np.testing.assert_allclose(slope, [0.0] * 3 + [1e-160**2 / 4] + list(s[4:] / np.sqrt(2 * np.pi)), rtol=6e-16)
    for y in (0.0, 1e-320, 1.0, 1e307):
        value, slope = _core.expectation("absolute", np.full(s.size, y), s)
        near = y < 1e-2 * s
        np.testing.assert_allclose(value[near], np.sqrt(2 / np.pi) * s[near], rtol=1e-4)
        np.testing.assert_allclose(slope[near], np.sqrt(2 / np.pi) * s[near], rtol=1e-4)
        far = s < 1e-2 * y
        np.testing.assert_array_equal(value[far], y)
        np.testing.assert_array_equal(slope[far], 0.0)
    assert _core.expectation("absolute", np.zeros(1), np.zeros(1))[0][0] == 0.0


@pytest.mark.parametrize("kind", ["absolute", "cross-entropy"])
def test_an_element_has_the_same_bits_in_any_batch(kind):
    rng = np.random.default_rng(0)
    s, y = 10.0 ** rng.uniform(-3, 3, 37), rng.standard_normal(37)
    value, slope = _core.expectation(kind, y, s)
    for first in range(0, 37, 3):
        for last in range(first + 1, min(first + 12, 38)):
            part = _core.expectation(kind, y[first:last].copy(), s[first:last].copy())
            np.testing.assert_array_equal(part, (value[first:last], slope[first:last]))


@pytest.mark.parametrize("s", 10.0 ** np.arange(-3, 4))
def test_against_scipy_quadrature_over_all_scales(s):
    law = stats.norm(scale=s)
    # Told where the integrands bend, the quadrature does not step over it.
    points = [p for p in (-30.0, -5.0, 0.0, 0.7, 5.0, 30.0) if abs(p) < 12 * s]
    absolute = integrate.quad(lambda r: abs(r - 0.7) * law.pdf(r), -12 * s, 12 * s, points=points, epsabs=0, limit=400)
    entropy = integrate.quad(
        lambda r: np.logaddexp(0, r) * law.pdf(r), -12 * s, 12 * s, points=points, epsabs=0, limit=400
    )
    value, _ = _core.expectation("absolute", np.full(1, 0.7), np.full(1, s))
    np.testing.assert_allclose(value[0], absolute[0], rtol=1e-8)
    value, _ = _core.expectation("cross-entropy", np.zeros(1), np.full(1, s))
    np.testing.assert_allclose(value[0], entropy[0], rtol=1e-8)
    density = 1 / (2 * s)
    points = [p for p in points if abs(p) < s]
    absolute = integrate.quad(lambda r: abs(r - 0.7) * density, -s, s, points=points, epsabs=0, limit=400)
    entropy = integrate.quad(lambda r: np.logaddexp(0, r) * density, -s, s, points=points, epsabs=0, limit=400)
    np.testing.assert_allclose(uniform([2 * s], 0.7)[0], absolute[0], rtol=1e-9)
    np.testing.assert_allclose(uniform([2 * s], 0.7, "cross-entropy")[0], entropy[0], rtol=1e-9)


ROWS = {
    "one": [3.0],
    "two": [2.0, 0.3],
    "equal": [1.0] * 5,
    "eight": [0.2, 0.9, 1.4, 0.7, 0.5, 1.1, 0.3, 0.8],
    "dominant": [1.0, 1e-5, 3e-6, 2e-5, 1e-5],
    "two dominant": [1.0, 1.0, 1e-3, 2e-3, 1e-3],
    "clusters": [1.0, 1.0, 1e-4, 1e-4, 1e-8, 1e-8],
    "geometric": 0.1 ** np.arange(7.0),
    "wild": [1e12, 1.0, 1e-12, 3e5],
    "tiny": [1e-12, 2e-12, 5e-13],
}


@pytest.mark.parametrize("name", ROWS)
def test_vertex_formula(name):
    a = np.array(ROWS[name])
    top, half = np.sort(a)[::-1], a.sum() / 2
    for y in (0.0, 0.37 * half, top[0] / 2, top[:2].sum() / 2, 0.9999999 * half, half, 1.5 * half):
        exact = vertices(a, y)
        value, bound = uniform(a, -y)
        assert abs(value - exact) <= bound <= 1e-12 * exact
        assert abs(value / exact - 1) < 3e-14


def test_a_wrong_formula_is_seen():
    """Dropping the smallest length, or a Gaussian law of the same variance, is far outside the bound."""
    a = np.array(ROWS["dominant"])
    exact = vertices(a, 0.5)
    _, bound = uniform(a, 0.5)
    assert abs(uniform(a[:-1], 0.5)[0] - exact) > 10 * bound
    a = np.array(ROWS["eight"])
    gaussian = np.linalg.norm(a) / np.sqrt(6 * np.pi)
    assert 1e-3 < abs(gaussian / vertices(a) - 1) < 0.1
    assert abs(gaussian - vertices(a)) > 1e9 * uniform(a)[1]


@pytest.mark.parametrize("length", [0.1, 1.0, 5.0, 60.0, 1e4])
@pytest.mark.parametrize("a", [[1.0], [1.0, 0.3], [0.5, 1.0, 0.7]])
def test_polylogarithms(a, length):
    a = length * np.array(a)
    exact = polylogarithms(a)
    value, bound = uniform(a, loss="cross-entropy")
    assert abs(value - exact) <= bound <= 1e-12 * exact
    assert abs(value / exact - 1) < 3e-14


def test_many_features_against_the_integral():
    """(2/pi) int (1 - cos(ty) phi(t)) / t^2 dt, where phi is a high power."""
    for n in (60, 1000):
        for y in (0.0, 4.0):
            with mp.workdps(25):
                top = mp.mpf(60) / mp.sqrt(n)

                def integrand(t, n=n, y=y):
                    return (1 - mp.cos(t * y) * mp.sinc(t / 2) ** n) / t**2

                body = mp.quad(integrand, mp.linspace(mp.mpf("1e-30"), top, 40))
                exact = 2 / mp.pi * (body + 1 / top)
            value, bound = uniform(np.ones(n), y)
            assert abs(value - exact) <= bound + 1e-15
            assert abs(value / exact - 1) < 1e-12
