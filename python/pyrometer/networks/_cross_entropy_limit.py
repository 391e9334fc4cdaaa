"""The limit of the mean cross entropy of networks under wide normal laws (not in the paper).

The logits grow without bound, so that the energy tends to m E sqrt(v), where N(0, v) is the law of an output given the
layer before, and m = 1 / sqrt(2 pi) for one output, E max of C standard normal numbers for C outputs. As in the limit
of layer energies, terms of 2^-n are neglected, the probability that all n units before a layer that saturates are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pyrometer import _core
from pyrometer.base import Array
from pyrometer.networks._activations import ActivationRecord
from pyrometer.networks._layer_spread import LayerSpread

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["limit", "power"]

# ln t of the integral over t: beyond, the integrand is below 1e-20 of its largest value.
_LOGS = np.arange(-92.0, 92.0, 0.25)


def power(network: Network) -> int:
    """Return the power of the common scale that the limit is proportional to: layers since the last that saturates."""
    count = 1
    for record in reversed(network.records):
        if record is None or record.saturation is not None:
            break
        count += 1
    return count


def limit(network: Network, spread: LayerSpread) -> Array:
    """Return the limit, shape (...)."""
    weight, bias = spread.variances
    norms = np.unique(network.norms, return_counts=True)
    with np.errstate(over="ignore"):
        root = np.zeros(spread.batch_shape)
        for norm, count in zip(*norms, strict=True):
            root += count / network.rows * np.sqrt(weight[..., 0] * norm + bias[..., 0])
        for layer, record in enumerate(network.records, start=1):
            assert record is not None  # `require` raises for callable activations
            width, w, b = network.widths[layer], weight[..., layer], bias[..., layer]
            if record.limits is not None:
                # The layer is at its limits, whatever is before it: biases count beside it.
                root = _mean_root(partial(_of_limits, record), width, w, b)
            else:
                root = root * np.sqrt(w) * _mean_root(partial(_of_slopes, record), width, 1.0, 0.0)
        outputs = network.widths[-1]
        m = np.sqrt(0.5 / np.pi) if outputs == 1 else _core.mean_maximum(outputs)
        energy: Array = m * root
    return energy


def _of_limits(record: ActivationRecord, t: Array) -> Array:
    """E exp(-t phi^2) - 1, phi at one of its limits, each with probability 1 / 2."""
    assert record.limits is not None
    below, above = record.limits
    value: Array = 0.5 * (np.expm1(-t * below**2) + np.expm1(-t * above**2))
    return value


def _of_slopes(record: ActivationRecord, t: Array) -> Array:
    """E exp(-t phi(Z)^2) - 1, Z standard normal, phi(z) = slopes[0] z below 0 and slopes[1] z above."""
    below, above = (np.expm1(-0.5 * np.log1p(2.0 * t * slope**2)) for slope in record.slopes)
    value: Array = 0.5 * (below + above)
    return value


def _mean_root(transform: Callable[[Array], Array], count: int, w: Array | float, b: Array | float) -> Array:
    """E sqrt(w q + b), q a sum of `count` numbers with this Laplace transform less 1.

    The root is (1 / (2 sqrt(pi))) int_0^inf (1 - E e^{-t (w q + b)}) t^{-3/2} dt, a trapezoidal sum in ln t.
    """
    w, b = np.broadcast_arrays(np.asarray(w, dtype=float), np.asarray(b, dtype=float))
    size = w * count + b
    unit = np.where(size > 0, size, 1.0)[..., None]
    t = np.exp(_LOGS)
    with np.errstate(divide="ignore"):  # the transform is 0 for large t
        log = count * np.log1p(transform(t * (w[..., None] / unit))) - t * (b[..., None] / unit)
    total = (-np.expm1(log) * np.exp(-0.5 * _LOGS)).sum(axis=-1) * (_LOGS[1] - _LOGS[0])
    root: Array = np.sqrt(size) * total / (2.0 * np.sqrt(np.pi))
    return root
