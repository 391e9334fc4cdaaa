"""Norms, after which only sums of squares are known, and the axes of such sums; not in the paper.

A norm over some axes gives sum y^2 = count v / (v + epsilon), whatever came before, with v the mean square of what it
normalises. Where v is far above epsilon in every draw, its law does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from pyrometer.models._pytorch._moments import Moments

__all__ = ["carried", "count_of", "normalised", "reshaped"]

# Norms count as closed if epsilon / (v + epsilon) is at most this in all groups of a draw, if v is a mean of enough
# terms not to be near 0 by chance, if the layers before it are too wide to be zero in a draw, and if what is neglected
# is at most this. The variance over groups that share their law is known from this many.
_MOST, _TERMS, _WIDTH, _NEGLECTED, _GROUPS = 1e-4, 5, 16, 1e-3, 8


def normalised(
    x: Moments, ratio: Any, count: int, axes: frozenset[int], shape: tuple[int, ...], units: int | None
) -> Moments:
    """Moments after a norm of `count` terms, with ratio = epsilon / (v + epsilon) in this draw for each group.

    The terms have `units` rows of weights of their own, or, if that is None, one that they share.
    """
    plain = bool((ratio <= _MOST).all()) and count >= _TERMS and x.width >= _WIDTH and ratio.numel() > 0
    neglected = _variation(x, ratio, count, units) * float(ratio.max()) if plain else math.inf
    if neglected > _NEGLECTED:
        return Moments(None, x.draws, x.signs, units=x.units, width=x.width)
    square = torch.full((), 1.0 - float(ratio.mean()), dtype=torch.float64, device=ratio.device)
    return Moments(square.expand(shape), x.draws, x.signs, axes, units=x.units, width=x.width, neglected=neglected)


def _variation(x: Moments, ratio: Any, count: int, units: int | None) -> float:
    """About the largest relative deviation of 1/v from its mean over draws, if ln v is normal: 3 standard deviations.

    With n terms that have weights of their own, ln v has a variance of 2/n beside that of the layers before.
    """
    if units is not None:
        variance = 2.0 / max(min(count, units), 1)
    elif ratio.numel() >= _GROUPS:
        variance = float(ratio.clamp_min(torch.finfo(ratio.dtype).tiny).log().var())
    else:
        return math.inf
    variance += x.spread
    return math.expm1(min(3.0 * math.sqrt(variance) + variance, 700.0))


_Axes: TypeAlias = frozenset[int]
_Shape: TypeAlias = tuple[int, ...]


def carried(name: str, given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes | None:
    """Return the axes of totals after an operation on places; None if its sums are not known."""
    if not axes:
        return axes
    rule = _AXES.get(name)
    return None if rule is None else rule(given, axes, shape)


def reshaped(axes: _Axes, shape: _Shape, new: _Shape) -> _Axes:
    """Return the axes of totals after a reshape: all new axes that have elements of an old one."""
    new_axes: set[int] = set()
    i = j = 0
    while i < len(shape) or j < len(new):
        old_block, new_block = [i], [j]
        if i >= len(shape) or j >= len(new):
            break  # axes of one element are left
        sizes = [shape[i], new[j]]
        i, j = i + 1, j + 1
        while sizes[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                sizes[0] *= shape[i]
                old_block.append(i)
                i += 1
            else:
                sizes[1] *= new[j]
                new_block.append(j)
                j += 1
        if axes & set(old_block):
            new_axes |= set(new_block)
    return frozenset(axis for axis in new_axes if new[axis] > 1)


def _permuted(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes:
    order = [axis % len(shape) for axis in given["dims"]]
    return frozenset(order.index(axis) for axis in axes)


def _transposed(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes:
    first, second = (given.get(name, default) % len(shape) for name, default in (("dim0", 0), ("dim1", 1)))
    swap = {first: second, second: first}
    return frozenset(swap.get(axis, axis) for axis in axes)


def _squeezed(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes:
    dims = given.get("dim", range(len(shape)))
    gone = {axis % len(shape) for axis in ([dims] if isinstance(dims, int) else dims)}
    return frozenset(axis - sum(shape[each] == 1 for each in gone if each < axis) for axis in axes)


def _unsqueezed(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes:
    place = given["dim"] % (len(shape) + 1)
    return frozenset(axis + (axis >= place) for axis in axes)


def _without(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes | None:
    place = given["dim"] % len(shape)
    return None if place in axes else frozenset(axis - (axis > place) for axis in axes)


def _within(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes | None:
    return None if given["dim"] % len(shape) in axes else axes


def _broadcast(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes:
    return frozenset(axis + len(given["size"]) - len(shape) for axis in axes)


def _padded(given: dict[str, Any], axes: _Axes, shape: _Shape) -> _Axes:
    del given, shape  # zeros add nothing to a sum
    return axes


_AXES: dict[str, Callable[[dict[str, Any], _Axes, _Shape], _Axes | None]] = {
    "permute": _permuted,
    **dict.fromkeys(("transpose", "t"), _transposed),
    "squeeze": _squeezed,
    "unsqueeze": _unsqueezed,
    **dict.fromkeys(("select", "unbind"), _without),
    **dict.fromkeys(("slice", "split", "split_with_sizes"), _within),
    "expand": _broadcast,
    "constant_pad_nd": _padded,
}


def count_of(axes: _Axes, shape: _Shape) -> int:
    """Return the number of elements along axes."""
    return math.prod(shape[axis] for axis in axes)
