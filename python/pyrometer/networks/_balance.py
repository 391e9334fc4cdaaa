"""Rescaling of layers whose pre-activations would overflow or underflow.

Multiplying (W_l, b_l) by a power of two and dividing W_{l+1} by it leaves the outputs unchanged where the activation is
linear: at all scales for relu, leaky_relu and identity, at small ones for activations with phi(0) = 0, and on either
side of 0 at large ones for those that are not bounded. Where a bounded one is saturated, (W_l, b_l) alone can be
multiplied.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, require_finite
from pyrometer.networks._layer_spread import LayerSpread

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["balanced", "unbalanced"]

# Binary logarithms of variances, by dtype: the limit beyond which layers are rescaled, and the target of small ones, at
# which activations are linear within rounding and squares are far from underflow.
_FAR = {np.dtype(np.float64): 400.0, np.dtype(np.float32): 110.0}
_SMALL = {np.dtype(np.float64): -130.0, np.dtype(np.float32): -60.0}
# The target of large ones, at which activations are linear or saturated within rounding for rows of any norm, if norms
# differ by less than the factor below.
_LARGE = 250.0
_ALIKE = 2.0**100
# Of binary logarithms: of E phi(z)^2 / E z^2 of any activation, in either limit, and of a sum of two numbers.
_MOST_FACTOR = 6.0


def balanced(network: Network, spread: LayerSpread, *, last: bool = True) -> tuple[LayerSpread, npt.NDArray[np.int32]]:
    """Return equivalent scales, and the exponents of two by which they multiply the pre-activations, shape (..., L).

    Without `last` the last layer is not rescaled, as its outputs are compared with targets.
    """
    key = "balanced", network, last
    if key not in spread.computed:
        spread.computed[key] = _balanced(network, spread, last=last)
    result: tuple[LayerSpread, npt.NDArray[np.int32]] = spread.computed[key]
    return result


def _balanced(network: Network, spread: LayerSpread, *, last: bool) -> tuple[LayerSpread, npt.NDArray[np.int32]]:
    shift = np.zeros(spread.weight.shape, dtype=np.int32)
    records = network.records
    if None in records:
        return spread, shift
    key = "near", network
    if key not in spread.computed:
        spread.computed[key] = _are_near(network, spread, _FAR[network.X.dtype])
    if spread.computed[key]:
        return spread, shift
    variance = _variances(network, spread)
    # The last layer has no activation, and is rescaled with those before it.
    anywhere = np.array([record is None or record.homogeneous for record in (*records, None)])
    near = np.array([record is None or record.near_zero is not None for record in (*records, None)])
    bounded = np.array([record is not None and record.limits is not None for record in (*records, None)])
    present = network.norms[network.norms > 0.0]
    alike = present.size > 0 and network.X.dtype == np.float64 and present.max() / _ALIKE < present.min()
    far = np.abs(variance) > _FAR[network.X.dtype]
    if not last:
        far[..., -1] = False
    far &= anywhere | (near & (variance < 0)) | (alike & (variance > 0))
    far &= np.isfinite(variance)
    if not far.any():
        return spread, shift
    dtype = network.X.dtype
    target = np.where(anywhere, 0.0, np.where(variance < 0, _SMALL[dtype], _LARGE))
    shift[far] = np.rint(0.5 * (target - variance))[far].astype(np.int32)
    passed = np.where(bounded & (variance > 0), 0, shift)
    before = np.concatenate([np.zeros_like(shift[..., :1]), passed[..., :-1]], axis=-1)
    with np.errstate(over="ignore"):
        weight, bias = np.ldexp(spread.weight, shift - before), np.ldexp(spread.bias, shift)
    require_finite(weight)
    require_finite(bias)
    return replace(spread, weight=weight, bias=bias), shift


def unbalanced(energy: Array, shift: npt.NDArray[np.int32]) -> Array:
    """Undo the rescaling of energies."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(energy, -2 * shift) if shift.any() else energy


def _are_near(network: Network, spread: LayerSpread, far: float) -> bool:
    """Whether every variance is within a factor 2^far of 1: a bound by the sum of the logarithms of its factors."""
    factors = [*spread.deviations] if spread.shift is None else [*spread.deviations, spread.shift]
    with np.errstate(divide="ignore"):
        weights, *others = (np.abs(np.log2(np.abs(each))) for each in factors)
    total = weights.sum(axis=-1)
    for each in others:  # none where 0
        total = total + np.where(each < np.inf, each, 0.0).sum(axis=-1)
    norm = float(network.norms.max())
    of_network = sum(map(math.log2, network.widths[1:])) + _MOST_FACTOR * network.layers
    return norm > 0.0 and 2.0 * float(total.max()) + of_network + abs(math.log2(norm)) <= far


def _variances(network: Network, spread: LayerSpread) -> Array:
    """Approximate binary logarithms of the mean variances of pre-activations, shape (..., L)."""
    deviations, shift = spread.deviations, spread.shift
    with np.errstate(divide="ignore"):
        weight, bias, square = *(2.0 * np.log2(each) for each in deviations), np.log2(network.norms.max())
        if shift is not None:
            bias = np.maximum(bias, 2.0 * np.log2(np.abs(shift)))
    variance = np.empty_like(weight)
    # Beyond the linear range the factor is only approximate, but only variances far below it matter.
    for layer, (width, record) in enumerate(zip(network.widths[1:], (*network.records, None), strict=True)):
        variance[..., layer] = np.logaddexp2(weight[..., layer] + square, bias[..., layer])
        small, large = (record and record.near_zero) or 1.0, (record and record.second_moment) or 1.0
        factor = np.log2(np.where(variance[..., layer] > 0, large, small))
        square = np.log2(float(width)) + factor + variance[..., layer]
        if record is not None and record.limits is not None:
            square = np.minimum(square, np.log2(float(width)))
    return variance
