"""Sampling of networks with a callable activation, with the same parameters as the core draws."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array
from pyrometer.laws import CONSTANT, NORMAL, UNIFORM
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.networks._orthogonal import ORTHOGONAL

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["cross_entropies", "energies", "errors", "parameters"]

# Most standardised parameters in memory: 32 MB.
_BLOCK = 1 << 22


def numbers(network: Network) -> int:
    """Random numbers in a draw: weights, then biases, layer by layer; unused biases have numbers as well."""
    return sum((n + 1) * k for n, k in zip(network.widths[:-1], network.widths[1:], strict=True))


def standardised(network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int) -> Any:
    """Return the numbers of draws in units of their scales, shape (numbers, draws), as the core draws them."""
    single = network.X.dtype == np.float32
    parts, offset = [], 0
    for (n, k), *families in zip(itertools.pairwise(network.widths), *spread.families[:2], strict=True):
        for family, count in zip(families, (n * k, k), strict=True):
            if family == ORTHOGONAL.bound:
                matrices = _core.orthogonal(key, first, draws, offset, k, n, single)
                parts.append(matrices.reshape(draws, -1).T.astype(network.X.dtype))
            else:
                odd = offset % 2
                parts.append(_numbers(family, key, first, draws, offset - odd, count + odd, single)[odd:])
            offset += count
    return np.concatenate(parts)


def _numbers(
    family: float, key: tuple[int, int], first: int, draws: int, parameter: int, count: int, single: bool
) -> npt.NDArray[Any]:
    """Return numbers of one family from an even number on, shape (count, draws); see `Family.bound`."""
    if family == CONSTANT.bound:
        return np.ones((count, draws), dtype=np.float32 if single else np.float64)
    if family == UNIFORM.bound:
        return _core.uniforms(key, first, draws, parameter, count, single)
    if family == NORMAL.bound:
        return _core.normals(key, first, draws, parameter, count, single)
    return _core.truncated_normals(key, first, draws, parameter, count, family, single)


def parameters(network: Network, spread: LayerSpread, key: tuple[int, int], draws: int) -> Array:
    """Return the parameters of draws, shape (..., draws, N)."""
    unit = standardised(network, spread, key, 0, draws)
    scales, kept = [], []
    for layer, (n, k) in enumerate(zip(network.widths[:-1], network.widths[1:], strict=True)):
        scales += [np.repeat(spread.weight[..., layer, None], n * k, axis=-1)]
        scales += [np.repeat(spread.bias[..., layer, None], k * network.bias, axis=-1)]
        kept += [np.ones(n * k, dtype=bool), np.full(k, network.bias)]
    with np.errstate(over="ignore"):
        theta = unit[np.concatenate(kept)].T.astype(np.float64) * np.concatenate(scales, axis=-1)[..., None, :]
    return np.ascontiguousarray(theta)


def energies(
    network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int, *, averaged: bool
) -> Array:
    """Energies of layers, shape (laws, draws, L); with `averaged` each is averaged over the layer's own weights."""
    weight, bias = _variances(spread)
    result = np.empty((len(weight), draws, network.layers))
    for law, draw, layer, before, after in _forward(network, spread, key, first, draws, last=not averaged):
        if averaged:
            square = _square(before) / network.rows
            with np.errstate(over="ignore"):
                energy = network.widths[layer + 1] * (weight[law, layer] * square + bias[law, layer])
            result[law, draw, layer] = energy
        else:
            assert after is not None
            result[law, draw, layer] = _square(after) / network.rows
    return result


def errors(network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int) -> Array:
    """Mean squared error of draws, shape (laws, draws)."""
    result = np.empty((len(spread.flat()[0]), draws))
    for law, draw, layer, _, after in _forward(network, spread, key, first, draws, last=True):
        if layer == network.layers - 1:
            assert after is not None
            error = after if network.y is None else after - network.y
            result[law, draw] = _square(error) / network.rows
    return result


def cross_entropies(
    network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int, labels: Array | None
) -> Array:
    """Mean cross entropy of draws, shape (laws, draws); without labels the mean over all labels."""
    result = np.empty((len(spread.flat()[0]), draws))
    for law, draw, layer, _, after in _forward(network, spread, key, first, draws, last=True):
        if layer == network.layers - 1:
            z = np.asarray(after, dtype=np.float64)
            if z.shape[1] == 1:  # of labels 0 and 1: two logits
                z = np.concatenate([np.zeros_like(z), z], axis=1)
            of_labels = z.mean(axis=1) if labels is None else z[np.arange(len(z)), labels]
            most = z.max(axis=1)
            result[law, draw] = np.mean(np.log(np.exp(z - most[:, None]).sum(axis=1)) + (most - of_labels))
    return result


def _forward(network: Network, spread: LayerSpread, key: tuple[int, int], first: int, draws: int, *, last: bool) -> Any:
    """Yield (law, draw, layer, its inputs, its pre-activations); without `last` those of the last layer are None."""
    weights, biases = spread.flat()
    count = numbers(network)
    block = max(1, _BLOCK // count)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        unit = standardised(network, spread, key, first + start, size)
        for draw in range(size):
            for law in range(len(weights)):
                x, offset = network.X, 0
                for layer, (n, k) in enumerate(zip(network.widths[:-1], network.widths[1:], strict=True)):
                    if layer == network.layers - 1 and not last:
                        yield law, start + draw, layer, x, None
                        break
                    numbers_of_layer = unit[offset : offset + (n + 1) * k, draw]
                    offset += (n + 1) * k
                    z = _affine(x, numbers_of_layer, weights[law, layer], biases[law, layer], layer)
                    yield law, start + draw, layer, x, z
                    if layer < network.layers - 1:
                        x = _apply(network.activations[layer], z)


def _affine(x: npt.NDArray[Any], numbers: npt.NDArray[Any], weight: float, bias: float, layer: int) -> npt.NDArray[Any]:
    """Pre-activations of a layer, given the standardised numbers of its weights and then its biases."""
    n, kind = x.shape[1], x.dtype.type
    k = len(numbers) // (n + 1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        z: npt.NDArray[Any] = x @ (numbers[: n * k].reshape(k, n) * kind(weight)).T + numbers[n * k :] * kind(bias)
    if not np.isfinite(z).all():
        raise ValueError(
            f"energies must be finite, got an overflow in layer {layer + 1}; use a smaller scale"
            + (" or float64 data." if kind is np.float32 else ".")
        )
    return z


def _square(values: npt.NDArray[Any]) -> float:
    """Sum of squares in double precision; inf if it overflows, which the caller checks."""
    with np.errstate(over="ignore"):
        return float(np.einsum("ij,ij->", values, values, dtype=np.float64))


def _apply(activation: Any, z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if isinstance(activation, str):
        return _core.activate(activation, np.ascontiguousarray(z, dtype=np.float64)).astype(z.dtype, copy=False)
    result = np.asarray(activation(z))
    if result.shape != z.shape or result.dtype.kind not in "fiub":
        raise ValueError(
            f"activation must return an array of real numbers of its argument's shape {z.shape}, got {result.dtype} of "
            f"shape {result.shape}."
        )
    if not np.isfinite(result).all():
        raise ValueError("activation must return finite numbers for finite arguments, got some that are not.")
    return result.astype(z.dtype, copy=False)


def _variances(spread: LayerSpread) -> tuple[Array, Array]:
    """Mean squares of the weights and of the biases, shape (laws, L)."""
    weight, bias = spread.mean_squares
    layers = weight.shape[-1]
    return weight.reshape(-1, layers), bias.reshape(-1, layers)
