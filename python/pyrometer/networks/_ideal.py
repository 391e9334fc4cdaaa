"""Ideal pre-activations z* of a network, after training, and what they add to the energies of layers (5.12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array, mean_squares_about, number_of, require_finite, validate
from pyrometer.networks._activations import Activation
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.networks._layered import Layered
from pyrometer.networks._network import Network

__all__ = ["against"]

# Bound of the relative rounding error of an energy that has the square of a constant in it.
_ROUNDING = 64.0 * float(np.finfo(float).eps)

_REMEDY = (
    "pass one entry for each layer, an array of pre-activations (rows, width) or a pair (W, b) of trained weights "
    "(width, width before) and biases (width,) or None; or all trained parameters in one array, numbered as "
    "pm.sample_parameters numbers them"
)


def against(network: Network, spread: LayerSpread, layered: Layered, ideal: Any) -> tuple[Array, Array]:
    """Return the energies of the layers against z*, shape (..., L), and bounds of their errors.

    Given their inputs, pre-activations have mean c, 0 or the constant biases, so that <|z - z*|^2> =
    <|z|^2> - |c|^2 + |z* - c|^2. The difference is computed without c where that is possible: in the first layer,
    where it is not sampled, and in the last.
    """
    pre_activations, shift = _pre_activations(network, ideal), spread.shift
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.array([np.einsum("ij,ij->", z, z) / network.rows for z in pre_activations])
    if not np.isfinite(squares).all():
        layer = int(np.argmin(np.isfinite(squares)))
        raise ValueError(f"ideal must have finite mean squares, got {squares[layer]} in layer {layer + 1}.")
    if shift is None:
        return np.asarray(layered.energy + squares), layered.error_bound
    about = np.stack([mean_squares_about(z, shift[..., layer]) for layer, z in enumerate(pre_activations)], axis=-1)
    of_constants = np.array(network.widths[1:]) * shift**2
    require_finite(about)
    require_finite(of_constants)
    varying = np.maximum(layered.energy - of_constants, 0.0)
    bound = layered.error_bound + np.where(of_constants > 0.0, _ROUNDING * (layered.energy + of_constants), 0.0)
    if layered.method != "monte-carlo":
        weight, bias = (each[..., 0] for each in spread.variances)
        varying[..., 0] = network.widths[1] * (weight * network.norms.mean() + bias)
        bound[..., 0] = 0.0
    if layered.centred is not None:
        varying[..., -1], bound[..., -1] = layered.centred, layered.error_bound[..., -1]
    return varying + about, bound


def _pre_activations(network: Network, ideal: Any) -> list[Array]:
    """Return z* of every layer, (m, n_l)."""
    if not isinstance(ideal, (list, tuple)):
        return _forward(network, _unpacked(network, ideal))
    if len(ideal) != network.layers:
        raise ValueError(
            f"ideal must have an entry for each of {number_of(network.layers, 'layer')}, got {len(ideal)}; {_REMEDY}."
        )
    kinds = {isinstance(entry, tuple) and len(entry) == 2 for entry in ideal}
    if kinds == {True}:
        return _forward(network, [_layer(network, k, *entry) for k, entry in enumerate(ideal)])
    if kinds != {False}:
        raise ValueError(f"ideal must have entries of one kind, got arrays and pairs; {_REMEDY}.")
    arrays = [_numbers(f"ideal[{k}]", entry) for k, entry in enumerate(ideal)]
    for k, (z, width) in enumerate(zip(arrays, network.widths[1:], strict=True)):
        if z.shape != (network.rows, width):
            raise ValueError(f"ideal[{k}] must have shape {(network.rows, width)}, got {z.shape}; {_REMEDY}.")
    return arrays


def _unpacked(network: Network, ideal: Any) -> list[tuple[Array, Array | None]]:
    """Return weights and biases of the layers from parameters in one array (N,)."""
    theta = _numbers("ideal", ideal)
    if theta.shape != (network.parameters,):
        raise ValueError(f"ideal must have shape ({network.parameters},) as one array, got {theta.shape}; {_REMEDY}.")
    weights: list[tuple[Array, Array | None]] = []
    first = 0
    for n, k in zip(network.widths[:-1], network.widths[1:], strict=True):
        end = first + n * k
        weights.append((theta[first:end].reshape(k, n), theta[end : end + k] if network.bias else None))
        first = end + k * network.bias
    return weights


def _layer(network: Network, k: int, weight: Any, bias: Any) -> tuple[Array, Array | None]:
    W = _numbers(f"ideal[{k}] weights", weight)
    shape = (network.widths[k + 1], network.widths[k])
    if W.shape != shape:
        hint = "; transpose it" if W.shape == shape[::-1] else ""
        raise ValueError(f"ideal[{k}] must have weights of shape {shape}, got {W.shape}{hint}.")
    if bias is None:
        return W, None
    b = _numbers(f"ideal[{k}] biases", bias)
    if b.shape != shape[:1]:
        raise ValueError(f"ideal[{k}] must have biases of shape {shape[:1]}, got {b.shape}.")
    return W, b


def _forward(network: Network, weights: Sequence[tuple[Array, Array | None]]) -> list[Array]:
    """Return the pre-activations of trained weights."""
    x, pre_activations = network.X.astype(np.float64), []
    with np.errstate(over="ignore", invalid="ignore"):  # `mean_squares` checks the result
        for k, (W, b) in enumerate(weights):
            z = x @ W.T if b is None else x @ W.T + b
            pre_activations.append(z)
            if k < network.layers - 1:
                x = _activated(network.activations[k], z)
    return pre_activations


def _activated(activation: Activation, z: Array) -> Array:
    if isinstance(activation, str):
        return _core.activate(activation, np.ascontiguousarray(z))
    return np.asarray(activation(z.copy()), dtype=np.float64)


def _numbers(name: str, value: Any) -> npt.NDArray[np.float64]:
    array = np.asarray(validate.numeric(name, value), dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite.")
    return array
