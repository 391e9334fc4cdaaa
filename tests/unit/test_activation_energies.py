"""Energies behind activations with kinks: panels of Gauss and Legendre between the kinks, for any scale."""

import numpy as np
import pytest
from scipy import special

from pyrometer import _core

from .network_reference import ACTIVATIONS

KINKS = {"selu": (0.0,), "mish": (0.0,), "hardswish": (-3.0, 0.0, 3.0), "hardtanh": (-1.0, 0.0, 1.0)}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def normal_rule(scale, kinks, others=None):
    """Nodes and weights of N(0, scale^2): panels between the kinks, and finer ones about 1 and every deviation."""
    if others is None:
        others = np.concatenate([scale * np.arange(-14.0, 15.0), *np.outer((-1.0, 1.0), np.logspace(-6, 3, 60))])
    ends = np.concatenate([kinks, others])
    ends = np.unique(ends[np.abs(ends) <= 14.0 * scale])
    half, middle = 0.5 * np.diff(ends)[:, None], 0.5 * (ends[1:] + ends[:-1])[:, None]
    z, weight = (middle + half * NODES).ravel(), (half * WEIGHTS).ravel()
    return z, weight * np.exp(-0.5 * (z / scale) ** 2) / (scale * np.sqrt(2.0 * np.pi))


def chain(name, widths, scale, growth=False):
    weight = np.full((1, len(widths) - 1), scale)
    arguments = name, np.array(widths), weight, np.zeros_like(weight), np.ones(1), 1
    return (_core.network_chain_growth(*arguments) if growth else _core.network_chain(*arguments))[:2]


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.0742, 0.1, 0.2228, 0.3, 0.7, 1.0, 3.0, 10.0, 1e3, 1e6])
def test_the_second_layer(name, scale):
    """At deviations just below 1/13.5 and 3/13.5 a kink is at the end of the quadrature."""
    z, weight = normal_rule(scale, KINKS[name])
    square = ACTIVATIONS[name](z) ** 2
    mean = weight @ square
    (energy, error), (growth, _) = chain(name, [1, 5, 3], scale), chain(name, [1, 5, 3], scale, growth=True)
    assert energy[0, 1] == pytest.approx(15.0 * scale**2 * mean, rel=1e-13)
    assert error[0, 1] <= 1e-13 * energy[0, 1]
    assert growth[0, 1] == pytest.approx(2.0 + weight @ (square * ((z / scale) ** 2 - 1.0)) / mean, rel=1e-9)


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0, 4.0, 30.0])
def test_the_third_layer_after_two_units(name, scale):
    """A double sum over both units of the first layer."""
    z, weight = normal_rule(
        scale, KINKS[name], scale * np.array([-12, -6, -3, -1, -0.1, -0.01, 0.01, 0.1, 1, 3, 6, 12])
    )
    q = (ACTIVATIONS[name](z) ** 2)[:, None] + (ACTIVATIONS[name](z) ** 2)
    # E phi(sqrt(v) Z)^2 on a grid of ln v, of which its logarithm is a smooth function.
    logs = np.polynomial.chebyshev.chebpts1(200) * 24.0 - 18.0 + np.log(scale**2 * max(scale**2, 1.0))
    table = []
    for v in np.exp(logs):
        nodes, mass = normal_rule(np.sqrt(v), KINKS[name])
        table.append(np.log(mass @ ACTIVATIONS[name](nodes) ** 2 / v))
    fit = np.polynomial.Chebyshev.fit(logs, table, 199, domain=(logs.min(), logs.max()))
    v = scale**2 * q
    inside = v > np.exp(logs.min())
    value = np.where(inside, v, 0.0) * np.exp(fit(np.log(np.where(inside, v, 1.0))))
    if name == "hardtanh":  # whose transition from v to 1 is too sharp for the grid
        tail = special.erfc(np.sqrt(0.5 / v))
        value = v * (1.0 - tail - np.sqrt(2.0 / (np.pi * v)) * np.exp(-0.5 / v)) + tail
    energy, error = chain(name, [1, 2, 3, 1], scale)
    assert abs(energy[0, 2] - 3.0 * scale**2 * (weight @ value @ weight)) <= error[0, 2] + 1e-9 * energy[0, 2]
    assert error[0, 2] <= 1e-6 * energy[0, 2]


def test_extremes_of_scale():
    """Linear near 0, and like relu or constant far from it; no step where a kink comes within reach."""
    for name, near in (
        ("selu", 2.0973023), ("mish", 0.36), ("hardswish", 0.25), ("hardtanh", 1.0)
    ):  # fmt: skip
        for scale in (1e-150, 1e-100, 1e-12):
            weight = np.array([[scale, 1.0]])
            energy = _core.network_chain(name, np.array([1, 4, 1]), weight, np.zeros((1, 2)), np.ones(1), 1)[0]
            assert energy[0, 1] == pytest.approx(4.0 * near * scale**2, rel=1e-7)
        for scale in (1e12, 1e100, 1e150):
            weight = np.array([[scale, 1.0]])
            energy = _core.network_chain(name, np.array([1, 4, 1]), weight, np.zeros((1, 2)), np.ones(1), 1)[0]
            expected = {"selu": 2.0 * (1.0507009873554805 * scale) ** 2, "hardtanh": 4.0}.get(name, 2.0 * scale**2)
            assert energy[0, 1] == pytest.approx(expected, rel=1e-10), name
    for name, kink in (("hardtanh", 1.0), ("hardswish", 3.0)):
        scales = kink / 13.5 * (1.0 + np.linspace(-1e-9, 1e-9, 8))
        ratios = [chain(name, [1, 1, 1], s)[0][0, 1] / s**4 for s in scales]
        assert np.ptp(ratios) < 1e-8 * np.mean(ratios)
