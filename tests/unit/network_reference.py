"""Networks once more, plainly: forward passes in NumPy with SciPy's activations, and scalar chains."""

import itertools

import numpy as np
from scipy.special import erf, expit, ndtr

import pyrometer as pm

ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "relu": lambda z: np.maximum(z, 0.0),
    "identity": lambda z: z,
    "erf": erf,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(0.0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
    "selu": lambda z: 1.0507009873554804934 * np.where(z > 0, z, 1.67326324235437728 * np.expm1(np.minimum(z, 0.0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0.0, z)),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
}


def unpack(theta, widths, bias):
    """Weights (n_l, n_{l-1}) and biases of each layer from the parameters in their documented order."""
    layers, offset = [], 0
    for n, k in itertools.pairwise(widths):
        W = theta[offset : offset + n * k].reshape(k, n)
        offset += n * k
        b = theta[offset : offset + k] if bias else np.zeros(k)
        offset += k if bias else 0
        layers.append((W, b))
    assert offset == len(theta)
    return layers


def forward(X, layers, phi):
    """Pre-activations of every layer."""
    x, found = X, []
    for W, b in layers:
        found.append(x @ W.T + b)
        x = phi(found[-1])
    return found


def layer_energies(X, layers, phi):
    return np.array([np.mean(np.sum(z**2, axis=1)) for z in forward(X, layers, phi)])


def ones(*widths, activation="relu", bias=False, rows=1):
    """A network whose inputs have mean square 1."""
    return pm.Network(
        np.ones((rows, widths[0])), hidden=widths[1:-1], outputs=widths[-1], activation=activation, bias=bias
    )
