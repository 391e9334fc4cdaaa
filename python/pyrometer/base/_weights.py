"""Weights of rows: checked, with a total that is the same in every data set of a stack, and without zeros."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base._arrays import Array
from pyrometer.base._conversion import column_of, numeric, values_of
from pyrometer.base._described import described

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["LEAST_SHARE", "Weights", "exponent_of", "numbers_of", "replacements", "total_of", "weights_of"]


# Weights with a greatest one in this range of powers of two are left as they are: their sums have squares in the range
# of doubles. Others are multiplied by a power of two, since only their ratios matter.
_EXPONENT = 64
# Weights below this share of the greatest are raised to it.
LEAST_SHARE = 2.0**-900
_FEW = 1 << 8  # weights that are summed exactly
_BLOCK = 1 << 14  # weights that are summed at a time


@dataclass(frozen=True)
class Weights:
    """Positive weights (..., m), whose total is the same in all data sets of the stack.

    The weights given are these times ``2**exponent``; in a stack whose totals differed, these times other factors.
    """

    values: Array
    total: int | float
    """Of one data set; an int where all weights are whole numbers."""
    exact: Fraction
    """The total to about 100 bits."""
    exponent: int
    equal: bool
    """Whether the totals of the weights given were equal, to rounding."""


def weights_of(numbers: Array, shape: tuple[int, ...]) -> Weights:
    """Return the weights of rows of this shape, from `numbers_of`; ValueError if they are of another shape."""
    if numbers.shape not in (shape, shape[-1:]):
        either = f"{shape[-1:]} or {shape}" if len(shape) > 1 else f"{shape}"
        hint = "; use weights.ravel()." if numbers.shape == (*shape, 1) else "."
        raise ValueError(f"weights must have one value for each row, shape {either}, got {numbers.shape}{hint}")
    weights = numbers.view() if numbers.shape == shape else np.ascontiguousarray(np.broadcast_to(numbers, shape))
    exponents = exponent_of(weights)
    weights = np.ldexp(weights, -exponents[..., None]) if exponents.any() else weights
    least = LEAST_SHARE * weights.max(axis=-1, keepdims=True)
    least_of_all = weights.min()
    if least_of_all < least.max():
        weights = np.where(numbers > 0.0, np.maximum(weights, least), 0.0)
    equal = True
    if weights.ndim > 1:
        totals = weights.sum(axis=-1)
        first = totals.flat[0]
        equal = bool((exponents == exponents.flat[0]).all() and (np.abs(totals - first) <= 1e-12 * first).all())
        if (totals != first).any():
            weights = weights * (first / totals)[..., None]
    first_set = weights if weights.ndim == 1 else weights.reshape(-1, weights.shape[-1])[0]
    exact = total_of(first_set)
    integral = exact.denominator == 1 and exact <= 2**53 and bool((first_set == np.floor(first_set)).all())
    values = weights if least_of_all > 0.0 else _shared(weights)
    values.flags.writeable = False
    return Weights(values, int(exact) if integral else float(exact), exact, int(exponents.flat[0]), equal)


def exponent_of(weights: Array) -> npt.NDArray[np.int32]:
    """Return the binary exponents (...) of the greatest weights; 0 for those that need no scaling."""
    exponents = np.frexp(weights.max(axis=-1))[1]
    return np.where(np.abs(exponents) > _EXPONENT, exponents, 0).astype(np.int32)


def total_of(weights: Array) -> Fraction:
    """Return the sum of weights (m,) to about 100 bits: as sums of their leading bits, which are exact in any order."""
    from fractions import Fraction

    if len(weights) <= _FEW:
        parts: list[float] = []
        numbers = weights.tolist()
        while part := math.fsum(numbers):
            parts.append(part)
            numbers.append(-part)
        return sum(map(Fraction, parts[1:]), Fraction(parts[0]))
    total, units, greatest = Fraction(0), [], float(weights.max())
    for _ in range(2):
        units.append(math.ldexp(1.0, math.frexp(greatest * len(weights))[1] + 1))
        leading_sum = greatest = 0.0
        for rest in _rests(weights, units[:-1]):
            leading = rest + units[-1]
            leading -= units[-1]
            leading_sum += float(leading.sum())
            rest -= leading
            greatest = max(greatest, float(rest.max()), -float(rest.min()))
        total += Fraction(leading_sum)
        if not greatest:
            return total
    return total + Fraction(sum(float(rest.sum()) for rest in _rests(weights, units)))


def _rests(weights: Array, units: list[float]) -> Iterator[Array]:
    """Give what is left of weights (m,) without their leading bits, multiples of each unit's last bit, in blocks."""
    for first in range(0, len(weights), _BLOCK):
        rest = weights[first : first + _BLOCK].copy()
        for unit in units:
            rest -= (rest + unit) - unit
        yield rest


def numbers_of(value: Any) -> Array:
    """Return weights (..., m) as a copy of finite numbers >= 0, not all 0; TypeError or ValueError if they are not."""
    if isinstance(value, str):
        raise TypeError(
            f"weights must be numbers, one for each row, got {described(value)}; pass the column itself, such as "
            "frame[name] (names are for scan)."
        )
    column = column_of(value)
    array = numeric("weights", value) if column is None else values_of("weights", column)
    if array.dtype.kind == "b":
        raise TypeError(
            "weights must be numbers, got booleans; select rows with X[mask] and y[mask], or pass mask.astype(float)."
        )
    if array.ndim == 0 or 0 in array.shape:
        raise ValueError(f"weights must have one value for each row, got shape {array.shape}.")
    with np.errstate(over="ignore"):  # of long doubles
        weights = np.array(array, dtype=np.float64, order="C")
    greatest = weights.max(axis=-1)
    if not (weights.min() >= 0.0 and greatest.max() < np.inf):  # nan, too
        bad = ~(np.isfinite(weights) & (weights >= 0.0))
        raise ValueError(
            f"weights must be finite and >= 0, got {weights[bad][0]}{_place(bad)}; a weight of 0 leaves a row out."
        )
    if greatest.min() == 0.0:
        empty = greatest == 0.0
        system = f" of system {tuple(map(int, np.argwhere(empty)[0]))}" if weights.ndim > 1 else ""
        raise ValueError(f"weights must have a positive sum, got zeros only{system}; leave these data out.")
    return weights


def replacements(weights: Array) -> npt.NDArray[np.intp] | None:
    """Return for each row (..., m) the one that takes its place; None where no weight is 0.

    The place of a row of weight 0 is taken by a copy of the row of the greatest weight, which shares its weight.
    """
    if weights.min() > 0.0:
        return None
    greatest = weights.argmax(axis=-1)[..., None]
    return np.where(weights == 0.0, greatest, np.arange(weights.shape[-1]))


def _place(bad: npt.NDArray[np.bool_]) -> str:
    *stack, row = map(int, np.argwhere(bad)[0])
    return f" at row {row}" + (f" of system {tuple(stack)}" if stack else "")


def _shared(weights: Array) -> Array:
    """Return the weights of the rows and of the copies that take the places of those of weight 0."""
    zero = weights == 0.0
    greatest = weights.argmax(axis=-1)[..., None]
    share = np.take_along_axis(weights, greatest, axis=-1) / (1.0 + zero.sum(axis=-1, keepdims=True))
    return np.where(zero | (np.arange(weights.shape[-1]) == greatest), share, weights)
