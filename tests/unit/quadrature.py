"""Brute expectation over two random parameters: product Gauss-Legendre quadrature of a plain row-by-row loss.

Knows nothing of moments or closed forms. Each half line has its own rule, because a penalty may have a kink at 0.
"""

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)


def rule(kind, scale):
    """Nodes, and weights times density, of one parameter: "normal" (standard deviation) or "uniform" (full length)."""
    reach = 14.0 * scale if kind == "normal" else scale / 2
    half = reach * (NODES + 1) / 2
    nodes = np.concatenate([-half[::-1], half])
    weights = np.concatenate([WEIGHTS[::-1], WEIGHTS]) * reach / 2
    if kind == "normal":
        return nodes, weights * np.exp(-0.5 * (nodes / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
    return nodes, weights / scale


def density_entropy(kind, scale):
    """Minus the integral of p ln p."""
    nodes, mass = rule(kind, scale)
    density = np.exp(-0.5 * (nodes / scale) ** 2) / (scale * np.sqrt(2 * np.pi)) if kind == "normal" else 1 / scale
    return -np.sum(mass * np.log(density))


def moments_of_energy(X, y, kinds, scales, penalty=lambda a, b: 0.0):
    """Mean and variance of the mean squared error (plus `penalty`) over the parameters of a two-column design."""
    (a, wa), (b, wb) = (rule(kind, scale) for kind, scale in zip(kinds, scales, strict=True))
    A, B = np.meshgrid(a, b, indexing="ij")
    energy = np.zeros_like(A)
    for (x0, x1), target in zip(X, y, strict=True):
        energy += (target - A * x0 - B * x1) ** 2 / len(y)
    energy += penalty(A, B)
    weights = wa[:, None] * wb
    mean = np.sum(weights * energy)
    return mean, np.sum(weights * (energy - mean) ** 2)
