"""Resize of ONNX: interpolation along each axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pyrometer.base import listed

__all__ = ["resized"]


def _half(i: Any, before: int, after: int, scale: float) -> Any:
    del before, after
    return (i + 0.5) / scale - 0.5


def _half_but_one(i: Any, before: int, after: int, scale: float) -> Any:
    return _half(i, before, after, scale) if after > 1 else 0.0 * i


def _corners(i: Any, before: int, after: int, scale: float) -> Any:
    del scale
    return i * (before - 1) / (after - 1) if after > 1 else 0.0 * i


def _asymmetric(i: Any, before: int, after: int, scale: float) -> Any:
    del before, after
    return i / scale


# The place in the input of place i in the output: from sizes before and after, and the scale.
_PLACES: dict[str, Callable[[Any, int, int, float], Any]] = {
    "half_pixel": _half,
    "pytorch_half_pixel": _half_but_one,
    "align_corners": _corners,
    "asymmetric": _asymmetric,
}
_ROUNDED: dict[str, Callable[[Any], Any]] = {
    "round_prefer_floor": lambda x: torch.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: torch.floor(x + 0.5),
    "floor": torch.floor,
    "ceil": torch.ceil,
}


def _linear(distance: Any, _: float) -> Any:
    return (1.0 - distance).clamp_min(0.0)


def _cubic(d: Any, a: float) -> Any:
    near = ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    far = ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    return torch.where(d <= 1.0, near, torch.where(d < 2.0, far, torch.zeros_like(d)))


_KERNELS: dict[str, tuple[int, Callable[[Any, float], Any]]] = {"linear": (1, _linear), "cubic": (2, _cubic)}
"""By mode: half of the width, and the weight at a distance."""


def resized(attributes: dict[str, Any], x: Any, roi: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    """Return a tensor whose axes have other sizes."""
    del roi
    how, mode = attributes.get("coordinate_transformation_mode", "half_pixel"), attributes.get("mode", "nearest")
    rounding = attributes.get("nearest_mode", "round_prefer_floor")
    for name, value, supported in (
        ("coordinate_transformation_mode", how, _PLACES),
        ("mode", mode, {"nearest": None, **_KERNELS}),
        ("nearest_mode", rounding, _ROUNDED),
        ("keep_aspect_ratio_policy", attributes.get("keep_aspect_ratio_policy", "stretch"), {"stretch": None}),
    ):
        if value not in supported:
            raise ValueError(f"Resize must have a {name} of [{listed(list(supported))}], got {value!r}")
    if attributes.get("antialias", 0) or attributes.get("exclude_outside", 0):
        raise ValueError("Resize must have neither antialias nor exclude_outside")
    axes = [axis % x.ndim for axis in attributes.get("axes", range(x.ndim))]
    factors, after = _sizes([x.shape[axis] for axis in axes], scales, sizes)
    for axis, factor, size in zip(axes, factors, after, strict=True):
        if (factor, size) == (1.0, x.shape[axis]):
            continue
        places = _PLACES[how](torch.arange(size, dtype=torch.float64, device=x.device), x.shape[axis], size, factor)
        if mode == "nearest":
            index = _ROUNDED[rounding](places).clamp(0, x.shape[axis] - 1).to(torch.int64)
            x = x.index_select(axis, index)
        else:
            weights = _weights(places, x.shape[axis], mode, attributes.get("cubic_coeff_a", -0.75))
            x = torch.matmul(x.transpose(axis, -1), weights.to(x.dtype)).transpose(axis, -1)
    return x


def _sizes(before: list[int], scales: Any, sizes: Any) -> tuple[list[float], list[int]]:
    """Return scales and sizes of axes, of which one is given."""
    if scales is not None and scales.numel():
        factors = [float(each) for each in scales.tolist()]
        return factors, (scales * scales.new_tensor(before)).to(torch.int64).tolist()  # rounded to 32 bits
    after = [int(each) for each in sizes.tolist()]
    return [new / size for new, size in zip(after, before, strict=True)], after


def _weights(places: Any, size: int, mode: str, coefficient: float) -> Any:
    """Return the matrix of an interpolation, shape (before, after); places beyond the borders count for those there."""
    half, kernel = _KERNELS[mode]
    first = torch.floor(places) - (half - 1)
    weights = places.new_zeros((size, len(places)))
    for step in range(2 * half):
        near = first + step
        index = near.clamp(0, size - 1).to(torch.int64)
        weights.scatter_add_(0, index.unsqueeze(0), kernel((places - near).abs(), coefficient).unsqueeze(0))
    return weights
