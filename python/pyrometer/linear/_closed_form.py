"""Common parts of the formulas of all losses: results with slope and error, penalties, sums over parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyrometer.base import Array, cached_slices, require_finite, require_normal
from pyrometer.laws import Spread
from pyrometer.linear._penalties import L1, L2

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["Array", "Closed", "absolute_penalty", "contract", "require_finite", "require_normal", "weights"]


# Products computed at once: 1 MB, which fits into the cache.
_PRODUCTS = 1 << 17

# The most terms that NumPy adds one after the other.
_FEW = 7


class Closed(NamedTuple):
    """A mean energy from a formula, each field of the shape of the stack followed by the batch of laws.

    ``slope`` is the derivative along the common logarithm of all scales, dE/dln sigma; ``error`` and ``slope_error``
    bound the truncation errors of series in value and slope, 0 where there is rounding only.
    """

    value: Array
    slope: Array
    error: Array
    slope_error: Array


def contract(stack: Array, batch: Array, power: int = 1) -> Array:
    """Sum over parameters of the product of (stack..., n) and (batch..., n) to a power, shape stack + batch.

    Factors of the power are multiplied one at a time, so that no intermediate product leaves the range of a double
    unless the result does. Each pair has the same bits whatever the batch, unlike in a matrix product.
    """
    n = stack.shape[-1]
    rows, right = stack.reshape(-1, 1, n), batch.reshape(-1, n)
    sums = np.empty((len(rows), len(right)))
    with np.errstate(over="ignore", invalid="ignore"):  # `require_finite` checks the result
        for across in cached_slices(len(right), n, _PRODUCTS):
            columns = right[across]
            for down in cached_slices(len(rows), columns.size, _PRODUCTS):
                terms = rows[down] * columns
                for _ in range(power - 1):
                    terms *= columns
                _sum(terms, sums[down, across])
    return sums.reshape(stack.shape[:-1] + batch.shape[:-1])


def _sum(terms: Array, out: Array) -> None:
    """Sum over the last axis, with the bits of `np.sum`, which takes 20 ns for every few terms."""
    if not 1 <= terms.shape[-1] <= _FEW:
        np.sum(terms, axis=-1, out=out)
        return
    out[...] = terms[..., 0]
    for k in range(1, terms.shape[-1]):
        out += terms[..., k]


def weights(system: LinearSystem, kind: type[L1 | L2]) -> Array:
    """Weight of each parameter in a penalty of this kind, shape (n,)."""
    result = np.zeros(system.parameters)
    if isinstance(system.penalty, kind):
        result[: system.penalised] = system.penalty.lam
    return result


def absolute_penalty(system: LinearSystem, parameters: Spread) -> Array:
    """Mean energy of an L1 penalty of the random parameters, linear in the scales."""
    weight = weights(system, L1) * parameters.random if isinstance(system.penalty, L1) else np.zeros(0)
    if not weight.any():
        return np.zeros(system.shape + parameters.batch_shape)
    return contract(np.broadcast_to(weight, (*system.shape, parameters.parameters)), parameters.mean_abs())
