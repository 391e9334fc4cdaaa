"""Second moments after products with weights: matrices and convolutions; not in the paper.

With W independent of x, E z_i^2 = sum_j E W_ij^2 E x_j^2 if the elements of W are uncorrelated and have zero means: the
same operation, applied to second moments. Where all weights have one variance it needs only sums over channels.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from pyrometer.models._pytorch._moments import Moments, contracted_signs, in_common, known, narrowest, together

__all__ = ["convolved", "matrix_product"]


def matrix_product(first: tuple[Moments, Any], second: tuple[Moments, Any]) -> Moments:
    """Moments of a product of matrices, or of stacks of matrices, or of vectors."""
    (a, left), (b, right) = first, second
    units = int(right.shape[-1] if b.independent or right.ndim < 2 else left.shape[-2])
    unknown = _unknown(a, b, a if b.independent else b, units)
    if not known(a, b) or in_common(a, b):
        return unknown
    # A vector on the right has its axis of sums last but one of none.
    over = (left.ndim - 1, max(right.ndim - 2, 0))
    if b.independent and not b.totals and _distinct(right, over[1]):
        axes = _left_axes(a, b, over[0])
    elif a.independent and not a.totals and _distinct(left, over[0]):
        axes = _right_axes(b, a, over[1])
    else:
        return unknown
    if axes is None:
        return unknown
    square = _product(a.square, b.square, *over)
    return replace(unknown, square=square, totals=axes)


def _unknown(first: Moments, second: Moments, x: Moments, units: int) -> Moments:
    """Moments of a product of which only draws and signs are known; x is its input, whose mean square varies."""
    narrow = narrowest((first, second)) | {"units": units}
    narrow["spread"] += 2.0 / max(x.units, 1)
    return Moments(None, together((first, second)), contracted_signs(first, second), **narrow)


def _distinct(tensor: Any, axis: int) -> bool:
    """Whether elements along an axis are different places in memory."""
    return bool(tensor.shape[axis] <= 1 or tensor.stride(axis) != 0)


def single(square: Any) -> float | None:
    """Return the value that all elements have; None if they differ."""
    if square.numel() == 0:
        return None
    if all(step == 0 or size == 1 for step, size in zip(square.stride(), square.shape, strict=True)):
        return float(square.reshape(-1)[0])
    low, high = square.aminmax()
    return float(low) if bool(low == high) else None


def _left_axes(x: Moments, weights: Moments, over: int) -> frozenset[int] | None:
    """Axes of totals of x W; the sums over x must be sums with one variance."""
    if x.totals and single(weights.square) is None:
        return None
    return x.totals - {over}


def _right_axes(x: Moments, weights: Moments, over: int) -> frozenset[int] | None:
    """Axes of totals of W x: its columns are the last axis, as those of x."""
    if x.totals and single(weights.square) is None:
        return None
    left_is_matrix = weights.square.ndim > 1
    return frozenset(axis - (0 if left_is_matrix or axis < over else 1) for axis in x.totals - {over})


def _product(a: Any, b: Any, over_left: int, over_right: int) -> Any:
    """Product of second moments; of one variance in O(elements)."""
    if a.ndim == b.ndim and a.ndim >= 2:
        shape = (*a.shape[:-1], b.shape[-1])
        if (variance := single(b)) is not None:
            return (variance * a.sum(over_left, keepdim=True)).expand(shape)
        if (variance := single(a)) is not None:
            return (variance * b.sum(over_right, keepdim=True)).expand(shape)
    return a @ b


def convolved(func: Any, given: dict[str, Any], x: Moments, weights: Moments) -> Moments:
    """Moments of a convolution, transposed or not, without its bias."""
    weight, tensor = given["weight"], given["input"]
    units = int(weight.shape[1] * given["groups"] if given["transposed"] else weight.shape[0])
    unknown = _unknown(x, weights, x, units)
    proper = weights.independent and not weights.totals and tensor.ndim == weight.ndim
    if not known(x, weights) or in_common(x, weights) or not proper:
        return unknown
    if not all(_distinct(weight, axis) for axis in range(weight.ndim)):
        return unknown
    geometry = [given[name] for name in ("stride", "padding", "dilation", "transposed", "output_padding")]
    variance, groups = single(weights.square), int(given["groups"])
    if variance is None:
        if x.totals - {0}:
            return unknown
        return replace(
            unknown, square=func(x.square, weights.square.contiguous(), None, *geometry, groups), totals=x.totals
        )
    return _with_one_variance(func, geometry, groups, variance, weight.shape, (x, unknown))


def _with_one_variance(
    func: Any, geometry: list[Any], groups: int, variance: float, shape: Any, moments: tuple[Moments, Moments]
) -> Moments:
    """Moments of a convolution whose weights all have one variance: a sum over channels, then over a box."""
    x, unknown = moments
    transposed, square = geometry[3], x.square
    rows, channels, places = square.shape[0], square.shape[1], square.shape[2:]
    if 1 in x.totals and groups > 1:
        return unknown
    box = square.new_ones((groups, 1, *shape[2:]))
    sums = square.reshape(rows, groups, channels // groups, *places).sum(2)
    spatial = frozenset(axis for axis in range(2, square.ndim) if square.shape[axis] > 1)
    if not spatial & x.totals:
        squares, axes = func(sums, box, None, *geometry, groups), x.totals & {0}
    elif spatial <= x.totals:
        times = _times(func, geometry, box[:1], places)
        if times is None:
            return unknown
        count, after = times
        dims = tuple(range(2, square.ndim))
        squares = (count / math.prod(after) * sums.sum(dims, keepdim=True)).expand(rows, groups, *after)
        axes = (x.totals & {0}) | frozenset(range(2, square.ndim))
    else:
        return unknown
    outputs = shape[1] if transposed else shape[0] // groups
    return replace(unknown, square=(variance * squares).repeat_interleave(outputs, 1), totals=axes)


def _times(func: Any, geometry: list[Any], box: Any, places: Any) -> tuple[float, tuple[int, ...]] | None:
    """Return how often a convolution counts each place, if it counts all alike, and the places of its output.

    The adjoint of a convolution is a transposed one, and the reverse.
    """
    stride, padding, dilation, transposed, _ = geometry
    out = func(box.new_ones((1, 1, *places)), box, None, *geometry, 1)
    more = [0] * len(places)
    if not transposed:
        widths = [step * (size - 1) + 1 for step, size in zip(dilation, box.shape[2:], strict=True)]
        more = [
            place - ((size - 1) * step - 2 * edge + width)
            for place, size, step, edge, width in zip(places, out.shape[2:], stride, padding, widths, strict=True)
        ]
    times = func(torch.ones_like(out), box, None, stride, padding, dilation, not transposed, more, 1)
    count = single(times)
    return None if count is None else (count, tuple(out.shape[2:]))
