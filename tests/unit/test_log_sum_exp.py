"""The mean of ln sum_c e^{s Z_c} against quadrature of its definition, expansions and the mean of a maximum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special

from pyrometer import _core

CLASSES = (2, 3, 10, 100, 1000)


def value(classes, s):
    return _core.log_sum_exp(classes, np.array([s], dtype=float))[0][0]


def by_quadrature(classes, s):
    """int [exp(-e^u) - G(u)^C] du, G(u) = E exp(-e^{u + s Z}), by trapezoidal sums with Gauss-Hermite means."""
    z = np.arange(-10.0, 10.0, min(0.2, 0.1 / s))
    weight = np.exp(-0.5 * z * z)
    weight /= weight.sum()
    step = 0.1
    u = np.arange(-40.0 - 12.0 * s, 6.0 + 10.0 * s, step)
    with np.errstate(over="ignore"):
        G = np.array([weight @ np.exp(-np.exp(point + s * z)) for point in u])
        return step * np.sum(np.exp(-np.exp(u)) - G**classes)


@pytest.mark.parametrize(
    ("classes", "s", "published"),
    [(2, 1.0, 0.9026619077), (3, 1.0, 1.3900016944), (10, 1.0, 2.7288638954), (10, 50.0, 76.96321952)],
)
def test_known_values(classes, s, published):
    assert value(classes, s) == pytest.approx(published, rel=1e-10)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("s", [1e-3, 0.3, 0.97, 1.03, 2.6, 9.0, 30.0])
def test_against_quadrature_of_the_definition(classes, s):
    assert value(classes, s) == pytest.approx(by_quadrature(classes, s), rel=1e-12)


def test_three_classes_against_a_product_rule():
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    z = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"))
    w = weights[:, None, None] * weights[:, None] * weights
    for s in (0.1, 0.5, 1.0):
        expected = np.sum(w * special.logsumexp(s * z, axis=0))
        assert value(3, s) == pytest.approx(expected, rel=1e-11)
        p = special.softmax(s * z, axis=0)
        slope = _core.log_sum_exp(3, np.array([s]))[1][0]
        assert slope == pytest.approx(s * s * (1.0 - np.sum(w * (p * p).sum(axis=0))), rel=1e-11)


def test_two_classes_are_the_softplus_expectation():
    s = np.geomspace(1e-6, 1e6, 200)
    got = _core.log_sum_exp(2, s)
    expected = _core.expectation("cross-entropy", np.zeros_like(s), np.sqrt(2.0) * s)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("classes", [*CLASSES, 1 << 20])
def test_limits(classes):
    m = _core.mean_maximum(classes)
    density = lambda x: x * classes * special.ndtr(x) ** (classes - 1) * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)  # noqa: E731
    assert m == pytest.approx(integrate.quad(density, -9.0, 12.0, epsabs=1e-13, limit=400)[0], rel=1e-11)
    for s in (1e6, 1e15, 1e300):
        got, slope = (a[0] for a in _core.log_sum_exp(classes, np.array([s])))
        assert got / s == pytest.approx(m, rel=1e-11)
        assert slope / s == pytest.approx(m, rel=1e-11)
    for s in (0.0, 1e-300, 1e-9, 1e-4):
        got, slope = (a[0] for a in _core.log_sum_exp(classes, np.array([s])))
        assert got == pytest.approx(np.log(classes) + 0.5 * s * s * (1.0 - 1.0 / classes), rel=4e-15)
        assert slope == pytest.approx(s * s * (1.0 - 1.0 / classes), rel=2e-8)


@pytest.mark.parametrize("classes", CLASSES)
def test_slopes_are_derivatives(classes):
    s = np.geomspace(1e-2, 1e5, 60)
    h = 1e-3
    up, down, up2, down2 = (_core.log_sum_exp(classes, s * np.exp(k * h))[0] for k in (1, -1, 2, -2))
    difference = (8.0 * (up - down) - (up2 - down2)) / (12.0 * h)
    np.testing.assert_allclose(_core.log_sum_exp(classes, s)[1], difference, rtol=1e-9, atol=1e-12 * np.log(classes))


def test_bits_do_not_depend_on_the_batch():
    s = np.geomspace(1e-3, 1e4, 37)
    for classes in (2, 7):
        together = _core.log_sum_exp(classes, s)
        for k in (0, 5, 36):
            alone = _core.log_sum_exp(classes, s[k : k + 1])
            assert alone[0][0] == together[0][k]
            assert alone[1][0] == together[1][k]


@pytest.mark.parametrize("classes", [-1, 0, 1, (1 << 20) + 1])
def test_refused_numbers_of_classes(classes):
    with pytest.raises(ValueError, match="number of classes must be between 2 and 1048576"):
        _core.log_sum_exp(classes, np.ones(1))
