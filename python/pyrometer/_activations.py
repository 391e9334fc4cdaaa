"""Networks whose activation is a Python function: sampled here, with the parameters that the core would draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer._formulas import Array
from pyrometer.architecture import Network
from pyrometer.initialisations import LayerSpread

__all__ = ["energies", "errors", "parameters"]

# Standardised parameters in memory at once: 32 MB.
_BLOCK = 1 << 22


def numbers(network: Network) -> int:
    """How many random numbers a draw has: layer by layer weights, then biases, which keep theirs if there are none."""
    return sum((n + 1) * k for n, k in zip(network.widths[:-1], network.widths[1:], strict=True))


def parameters(network: Network, spread: LayerSpread, key: tuple[int, int], draws: int) -> Array:
    """Return the parameters of draws, shape (..., draws, N), in the order of their numbers."""
    standardised = _core.uniforms if spread.uniform else _core.normals
    unit = standardised(key, 0, draws, 0, numbers(network), network.X.dtype == np.float32)
    scales, kept = [], []
    for layer, (n, k) in enumerate(zip(network.widths[:-1], network.widths[1:], strict=True)):
        scales += [np.repeat(spread.weight[..., layer, None], n * k, axis=-1)]
        scales += [np.repeat(spread.bias[..., layer, None], k * network.bias, axis=-1)]
        kept += [np.ones(n * k, dtype=bool), np.full(k, network.bias)]
    theta = unit[np.concatenate(kept)].T.astype(np.float64) * np.concatenate(scales, axis=-1)[..., None, :]
    return np.ascontiguousarray(theta)


def energies(
    network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int, *, averaged: bool
) -> Array:
    """Energies of layers, shape (laws, draws, L); each averaged over the layer's own weights if asked for."""
    weight, bias = _variances(spread)
    result = np.empty((len(weight), draws, network.layers))
    for law, draw, layer, before, after in _forward(network, spread, key, first, draws, last=not averaged):
        if averaged:
            square = np.einsum("ij,ij->", before, before, dtype=np.float64) / network.rows
            result[law, draw, layer] = network.widths[layer + 1] * (weight[law, layer] * square + bias[law, layer])
        else:
            assert after is not None
            result[law, draw, layer] = np.einsum("ij,ij->", after, after, dtype=np.float64) / network.rows
    return result


def errors(network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int) -> Array:
    """Mean squared error of draws, shape (laws, draws)."""
    result = np.empty((len(spread.flat()[0]), draws))
    for law, draw, layer, _, after in _forward(network, spread, key, first, draws, last=True):
        if layer == network.layers - 1:
            assert after is not None
            off = after if network.y is None else after - network.y
            result[law, draw] = np.einsum("ij,ij->", off, off, dtype=np.float64) / network.rows
    return result


def _forward(network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int, *, last: bool) -> Any:
    """Yield (law, draw, layer, its inputs, its pre-activations); those of the last layer if asked for."""
    weights, biases = spread.flat()
    standardised = _core.uniforms if spread.uniform else _core.normals
    count = numbers(network)
    block = max(1, _BLOCK // count)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        unit = standardised(key, first + start, size, 0, count, network.X.dtype == np.float32)
        for draw in range(size):
            for law in range(len(weights)):
                x, offset = network.X, 0
                for layer, (n, k) in enumerate(zip(network.widths[:-1], network.widths[1:], strict=True)):
                    if layer == network.layers - 1 and not last:
                        yield law, start + draw, layer, x, None
                        break
                    W = unit[offset : offset + n * k, draw].reshape(k, n) * x.dtype.type(weights[law, layer])
                    offset += n * k
                    z = x @ W.T
                    if network.bias:
                        z += unit[offset : offset + k, draw] * x.dtype.type(biases[law, layer])
                    offset += k
                    yield law, start + draw, layer, x, z
                    if layer < network.layers - 1:
                        x = _apply(network.activation, z)


def _apply(activation: Any, z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    result = np.asarray(activation(z))
    if result.shape != z.shape or result.dtype.kind not in "fiub":
        raise ValueError(
            f"activation must return an array of real numbers of its argument's shape {z.shape}, got {result.dtype} of "
            f"shape {result.shape}."
        )
    if not np.isfinite(result).all():
        raise ValueError("activation must return finite numbers, got some that are not; its arguments were finite.")
    return result.astype(z.dtype, copy=False)


def _variances(spread: LayerSpread) -> tuple[Array, Array]:
    weight, bias = spread.variances()
    layers = weight.shape[-1]
    return weight.reshape(-1, layers), bias.reshape(-1, layers)
