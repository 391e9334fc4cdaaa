"""Variance of the energy of networks whose activation is positively homogeneous, under normal laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyrometer.base import Array, number_of, require_finite
from pyrometer.laws import CONSTANT, NORMAL
from pyrometer.networks._activations import ACTIVATIONS, ActivationRecord
from pyrometer.networks._balance import balanced, unbalanced
from pyrometer.networks._layer_energies import require_norms
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.networks._losses import NETWORK_LOSSES

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["variance"]

# Rows of the Gram matrix in memory.
_ROWS = 512


def variance(network: Network, spread: LayerSpread) -> Array:
    """Return the variance of the energy over draws, shape (...); see `energy_variance` for the formulas."""
    if not NETWORK_LOSSES[network.energy].squared:
        raise ValueError(
            f"energy_variance of a network has a formula for energy='mse' only, got {network.energy!r}; the standard "
            'error of mean_energy(..., method="monte-carlo") estimates it.'
        )
    homogeneous = all(record is not None and record.homogeneous for record in network.records)
    others = {*spread.weights, *spread.biases} - {NORMAL, CONSTANT}
    if others or not homogeneous:
        raise ValueError(
            "energy_variance of a network has a formula for normal laws and 'relu', 'leaky_relu' or 'identity' only; "
            'the standard error of mean_energy(..., method="monte-carlo") estimates it.'
        )
    if spread.shift is not None and spread.shift[..., :-1].any():
        raise ValueError(
            "energy_variance of a network has no formula for constant biases of hidden layers other than 0; "
            'the standard error of mean_energy(..., method="monte-carlo") estimates it.'
        )
    if network.rows > 1 and network.layers > 2:
        raise ValueError(
            f"energy_variance of a network has a formula for one row or at most one hidden layer only, got "
            f"{number_of(network.rows, 'row')} and {number_of(network.layers - 1, 'hidden layer')}; use one row, or "
            "sample_energies."
        )
    require_norms(network)
    moved, shift = balanced(network, spread, last=network.y is None)
    weight, bias = (a.reshape(-1, network.layers) for a in moved.variances)
    _, means = moved.centred
    constants = np.zeros(len(weight)) if means is None else means.reshape(-1)
    law = _one_row if network.rows == 1 else _one_hidden
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.array([law(network, w, b, c) for w, b, c in zip(weight, bias, constants, strict=True)])
    value = unbalanced(value.reshape(spread.batch_shape), 2 * shift[..., -1])
    require_finite(value, "variance")
    return value


def _targets(network: Network, constant: float) -> Array | None:
    """Return the targets minus the mean of the outputs, (m, n_L); None if they are 0."""
    if network.y is None:
        return np.full((network.rows, network.widths[-1]), -constant) if constant else None
    return network.y.astype(np.float64, copy=False) - constant


def _records(network: Network) -> tuple[ActivationRecord, ...]:
    """Return the records of the activations phi(z) = max(z, 0) - a max(-z, 0), of slopes a and 1, and the identity."""
    return (*(record for record in network.records if record is not None), ACTIVATIONS["identity"])


def _one_row(network: Network, weight: Array, bias: Array, constant: float) -> float:
    """Propagate mean and relative variance of |x^(l)|^2; given the layer before, units are independent."""
    q, excess, n, v, of_v = network.norms[0], 0.0, 0, np.float64(0.0), 0.0
    for width, w, b, record in zip(network.widths[1:], weight, bias, _records(network), strict=True):
        second, of_unit = record.second_moment, record.fourth_moment / record.second_moment**2 - 1.0
        v = w * q + b
        of_v = (w * q / v) ** 2 * excess if v > 0.0 else 0.0
        n, q, excess = width, width * second * v, of_unit / width * (1.0 + of_v) + of_v
    y = _targets(network, constant) if constant else None
    target = network.target_square if y is None else float((y * y).sum())
    return float((2.0 * n * (1.0 + of_v) + n * n * of_v) * v * v + 4.0 * target * v)


def _one_hidden(network: Network, weight: Array, bias: Array, constant: float) -> float:
    """(1/m^2) sum_ij 2 n_L E K_ij^2 + n_L^2 Cov(K_ii, K_jj) + 4 y_i . y_j E K_ij, K the covariance of an output."""
    X = network.X.astype(np.float64, copy=False)
    y = _targets(network, constant)
    m, last = network.rows, network.widths[-1]
    total = 0.0
    for start in range(0, m, _ROWS):
        rows = slice(start, start + _ROWS)
        C = weight[0] * (X[rows] @ X.T) + bias[0]
        if network.layers == 1:
            mean, square, covariance = C, C**2, np.zeros(())
        else:
            variances = weight[0] * network.norms + bias[0]
            mean, square, covariance = _hidden_gram(network, C, variances[rows, None], variances)
            square = weight[1] ** 2 * square + 2.0 * weight[1] * bias[1] * mean + bias[1] ** 2
            mean, covariance = weight[1] * mean + bias[1], weight[1] ** 2 * covariance
        total += 2.0 * last * square.sum() + last**2 * covariance.sum()
        if y is not None:
            total += 4.0 * float(((y[rows] @ y.T) * mean).sum())
    return float(total / m**2)


def _hidden_gram(network: Network, C: Array, left: Array, right: Array) -> tuple[Array, Array, Array]:
    """E G_ij, E G_ij^2 and Cov(G_ii, G_jj) of G = sum over units of phi(u_i) phi(u_j), u normal of covariance C."""
    record, n = _records(network)[0], network.widths[1]
    a = record.slopes[0]
    size = np.sqrt(left * right)
    cosine = np.clip(np.divide(C, size, out=np.zeros_like(C), where=size > 0), -1.0, 1.0)
    same, opposite = _kernels(cosine), _kernels(-cosine)
    first = size * ((1.0 + a**2) * same[0] - 2.0 * a * opposite[0])
    second = size**2 * ((1.0 + a**4) * same[1] + 2.0 * a**2 * opposite[1])
    return n * first, n * second + n * (n - 1.0) * first**2, n * (second - record.second_moment**2 * size**2)


def _kernels(cosine: Array) -> tuple[Array, Array]:
    """E u+ v+ and E (u+ v+)^2 of standard normals of this correlation: arc-cosine kernels of order 1 and 2."""
    angle, sine = np.arccos(cosine), np.sqrt(np.maximum(0.0, 1.0 - cosine**2))
    supplement = np.pi - angle
    first = (sine + supplement * cosine) / (2.0 * np.pi)
    second = (3.0 * sine * cosine + supplement * (1.0 + 2.0 * cosine**2)) / (2.0 * np.pi)
    return first, second
