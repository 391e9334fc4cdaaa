"""Exact layer energies of networks against Fourier and Laplace representations, brute force and sampled chains."""

import numpy as np
import pytest
from scipy.special import erf, expit, ndtr

from pyrometer import _core

ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
    "erf": erf,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
}


def chain(activation, widths, scale, bias, norms, threads=1):
    """Energies (L,), errors (L,) and trust of one law."""
    layers = len(widths) - 1
    weight = np.ascontiguousarray(np.broadcast_to(np.asarray(scale, float), (1, layers)))
    offset = np.ascontiguousarray(np.broadcast_to(np.asarray(bias, float), (1, layers)))
    energy, error, trusted = _core.network_chain(
        activation, np.array(widths), weight, offset, np.asarray(norms, float), threads
    )
    return energy[0], error[0], trusted[0]


# An independent way to the third layer's energy, at any width and scale. sech^2 is a mixture of cosines, so
#
#     E tanh^2(sqrt(v) Z) = 1 - int_0^inf w / sinh(pi w / 2) exp(-w^2 v / 2) dw
#
# and with v = s^2 q + b^2, q a sum of n independent t, E exp(-w^2 s^2 q / 2) = (E exp(-w^2 s^2 t / 2))^n.

FREQUENCY = np.exp(np.linspace(np.log(1e-13), np.log(30), 1200))
DENSITY = np.log(FREQUENCY[1] / FREQUENCY[0]) * FREQUENCY**2 / np.sinh(np.pi * FREQUENCY / 2)
TERMS = {"tanh": (1.0, FREQUENCY, DENSITY), "sigmoid": (0.5, FREQUENCY / 2, DENSITY / 4)}  # top, frequency, weight


def normal_grid(deviation, points=3000):
    """Trapezoid in asinh z: nodes and weights of N(0, deviation^2), fine near 0."""
    unit = 1e-3 * min(deviation, 1.0)
    end = np.arcsinh(14 * deviation / unit)
    u, step = np.linspace(-end, end, points, retstep=True)
    z = unit * np.sinh(u)
    return z, step * unit * np.cosh(u) * np.exp(-0.5 * (z / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))


def laplace(activation, rate, variance):
    """E exp(-rate t), t = phi(z)^2."""
    z, p = normal_grid(np.sqrt(variance))
    return np.exp(-np.outer(rate, ACTIVATIONS[activation](z) ** 2)) @ p


def third_energy(activation, widths, scale, bias, norm):
    """<|z_3|^2> by the representation above, and the absolute error that its cancellation makes."""
    top, frequency, density = TERMS[activation]
    first = laplace(activation, 0.5 * (scale * frequency) ** 2, scale**2 * norm + bias**2)
    square = top - density @ (np.exp(-0.5 * (bias * frequency) ** 2) * first ** widths[1])
    unit = widths[3] * scale**2 * widths[2]
    return unit * square + widths[3] * bias**2, unit * (3e-13 + 1e-15 * widths[1])


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("width", [1, 2, 5, 16, 63, 64, 300])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_the_third_layer_is_a_laplace_transform_to_the_power_of_the_width(activation, width, scale, bias):
    """Narrow and saturated networks too: an all-off state of probability 2^-n is seen."""
    widths = [3, width, 5, 2]
    energy, error, trusted = chain(activation, widths, scale, bias, [3.3])
    expected, noise = third_energy(activation, widths, scale, bias, 3.3)
    assert abs(energy[2] - expected) <= error[2] + noise
    assert trusted
    assert error[2] <= 1e-9 * energy[2]
