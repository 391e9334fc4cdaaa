"""Convolutions and pooling of ONNX as functions of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from pyrometer.models._onnx._resize import resized

__all__ = ["WINDOWS"]

_Attributes: TypeAlias = dict[str, Any]
_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
_LARGEST = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGES = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def _pads(attributes: _Attributes, x: Any, window: list[int]) -> tuple[list[int], list[int]]:
    """Return the padding before and after each axis of places."""
    axes = len(window)
    how = attributes.get("auto_pad", "NOTSET")
    if how in ("NOTSET", "VALID"):
        pads = attributes.get("pads", [0] * 2 * axes) if how == "NOTSET" else [0] * 2 * axes
        return pads[:axes], pads[axes:]
    strides, dilations = attributes.get("strides", [1] * axes), attributes.get("dilations", [1] * axes)
    before, after = [], []
    for size, step, gap, width in zip(x.shape[2:], strides, dilations, window, strict=True):
        missing = max((-(-size // step) - 1) * step + gap * (width - 1) + 1 - size, 0)
        small, large = missing // 2, missing - missing // 2
        before.append(large if how == "SAME_LOWER" else small)
        after.append(small if how == "SAME_LOWER" else large)
    return before, after


def _padded(x: Any, before: list[int], after: list[int], value: float) -> Any:
    pairs = [number for pair in zip(reversed(before), reversed(after), strict=True) for number in pair]
    return functional.pad(x, pairs, value=value)


def _convolution(attributes: _Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    window = list(weight.shape[2:])
    before, after = _pads(attributes, x, window)
    if before != after:
        x, before = _padded(x, before, after, 0.0), [0] * len(window)
    ones = [1] * len(window)
    return _CONVOLUTIONS[len(window)](
        x,
        weight,
        bias,
        attributes.get("strides", ones),
        before,
        attributes.get("dilations", ones),
        attributes.get("group", 1),
    )


def _transposed(attributes: _Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    window = list(weight.shape[2:])
    if "output_shape" in attributes or attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise ValueError("ConvTranspose must have pads, not auto_pad or output_shape")
    before, after = _pads(attributes, x, window)
    ones = [1] * len(window)
    extra = [
        added - b + a
        for added, a, b in zip(attributes.get("output_padding", [0] * len(window)), before, after, strict=True)
    ]
    if min(extra) < 0:
        raise ValueError("ConvTranspose must not cut more places at the end than at the begin")
    return _TRANSPOSED[len(window)](
        x,
        weight,
        bias,
        attributes.get("strides", ones),
        before,
        extra,
        attributes.get("group", 1),
        attributes.get("dilations", ones),
    )


def _max_pool(attributes: _Attributes, x: Any) -> Any:
    window, sizes = attributes["kernel_shape"], x.shape[2:]
    before, after = _pads(attributes, x, window)
    x = _padded(x, before, after, -torch.inf)
    ones = [1] * len(window)
    strides, dilations = attributes.get("strides", ones), attributes.get("dilations", ones)
    if not attributes.get("ceil_mode", 0):
        return _LARGEST[len(window)](x, window, strides, 0, dilations)
    x = _LARGEST[len(window)](x, window, strides, 0, dilations, ceil_mode=True)
    for axis, (size, first, step) in enumerate(zip(sizes, before, strides, strict=True), start=2):
        x = x.narrow(axis, 0, min(x.shape[axis], -(-(size + first) // step)))  # no window begins in the padding
    return x


def _average_pool(attributes: _Attributes, x: Any) -> Any:
    window = attributes["kernel_shape"]
    before, after = _pads(attributes, x, window)
    if before != after or max(attributes.get("dilations", [1])) > 1:
        raise ValueError("AveragePool must have the same padding on both sides, and no dilation")
    strides = attributes.get("strides", [1] * len(window))
    included = bool(attributes.get("count_include_pad", 0))
    return _AVERAGES[len(window)](x, window, strides, before, bool(attributes.get("ceil_mode", 0)), included)


def _over_places(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _, x: function(x, dim=tuple(range(2, x.ndim)), keepdim=True)


WINDOWS: dict[str, Callable[..., Any]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MaxPool": _max_pool,
    "Resize": resized,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _over_places(torch.mean),
    "GlobalMaxPool": _over_places(torch.amax),
}
