"""Chains of single units, whose distribution is not smoothed by a sum, against nested quadrature."""

import numpy as np
import pytest
from scipy import special

import pyrometer as pm

SELU, BELOW = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS = {
    "erf": special.erf,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "identity": lambda z: z,
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "silu": lambda z: z * special.expit(z),
    "gelu": lambda z: z * special.ndtr(z),
    "elu": lambda z: np.where(z > 0.0, z, np.expm1(np.minimum(z, 0.0))),
    "selu": lambda z: SELU * np.where(z > 0.0, z, BELOW * np.expm1(np.minimum(z, 0.0))),
}
DECADES = 10.0 ** (np.arange(-30, 19) / 3.0)
ENDS = np.concatenate([[0.0], DECADES, -DECADES, DECADES - 3.0, -3.0 - DECADES, np.arange(-30.0, 6.0, 0.5)])
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(12)


def normal(mean, deviation):
    """Gauss rules between ends that are geometric about the zeros of activations."""
    ends = (np.append(ENDS, mean) - mean) / deviation
    ends = np.unique(np.concatenate([np.linspace(-10.0, 10.0, 41), ends[np.abs(ends) < 10.0]]))
    middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * np.diff(ends)
    x = (middle[:, None] + half[:, None] * POINTS).ravel()
    weight = (half[:, None] * WEIGHTS).ravel() * np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
    kept = weight > 1e-24
    return mean + deviation * x[kept], weight[kept]


def mean_square(name, mean, deviation):
    z, weight = normal(mean, deviation)
    return float(weight @ ACTIVATIONS[name](z) ** 2)


def chain(names, norm, width, scales, constants):
    """E_3 / 3 of a single unit, then `width` units, then three outputs."""
    z, weight = normal(constants[0], scales[0] * norm)
    deviations = scales[1] * np.abs(ACTIVATIONS[names[0]](z))
    at_rest = float(ACTIVATIONS[names[1]](np.array(constants[1]))) ** 2
    squares = [mean_square(names[1], constants[1], each) if each > 1e-12 else at_rest for each in deviations]
    return scales[2] ** 2 * width * float(weight @ squares) + constants[2] ** 2


@pytest.mark.parametrize(
    ("names", "norm", "width", "scales", "constants"),
    [
        (("erf", "selu"), 5.4515, 31, (5.50015, 1.40227, 70.1245), (0.0697705, 0.0241161, -0.00341997)),
        (("erf", "elu"), 2.337, 31, (1.399, 2.345, 2.517), (-0.00886, -0.22434, 0.00134)),
        (("gelu", "relu"), 1.171, 31, (2.59, 2.544, 17.44), (-0.17685, -0.02284, -0.04578)),
        (("hardswish", "elu"), 3.0, 5, (2.0, 1.0, 1.0), (-0.5, 0.01, 0.0)),
        (("silu", "selu"), 3.0, 1, (3.0, 2.0, 1.0), (0.0, 0.02, 0.1)),
    ],
)
def test_error_bound_holds_above_a_single_unit(names, norm, width, scales, constants):
    network = pm.Network([[norm]], hidden=(1, width), outputs=3, activation=list(names), bias=True)
    law = pm.Layers([pm.Normal(each) for each in scales], biases=[pm.Constant(each) for each in constants])
    layers = pm.heat_engine(network, law, method="exact").layers
    assert abs(layers.energy[2] / 3.0 - chain(names, norm, width, scales, constants)) <= (
        layers.error_bound[2] / 3.0 + 2e-14 * layers.energy[2]
    )
