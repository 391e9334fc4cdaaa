"""Operations of ONNX that move, choose and make numbers, as functions of PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn import functional

from pyrometer.base import listed

__all__ = ["SHAPES", "TYPES"]

_Attributes: TypeAlias = dict[str, Any]

TYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}
"""Types of elements by their numbers in ONNX."""


def _reshape(attributes: _Attributes, x: Any, shape: Any) -> Any:
    sizes = shape.tolist()
    if not attributes.get("allowzero", 0):
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return x.reshape(sizes)


def _transpose(attributes: _Attributes, x: Any) -> Any:
    return x.permute(attributes.get("perm", list(reversed(range(x.ndim)))))


def _flatten(attributes: _Attributes, x: Any) -> Any:
    axis = attributes.get("axis", 1)
    first = x.shape[:axis].numel()
    return x.reshape(first, x.numel() // max(first, 1))


def _squeeze(_: _Attributes, x: Any, axes: Any = None) -> Any:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes.reshape(-1).tolist()))


def _unsqueeze(_: _Attributes, x: Any, axes: Any) -> Any:
    dimensions = x.ndim + axes.numel()
    for axis in sorted(axis % dimensions for axis in axes.reshape(-1).tolist()):
        x = x.unsqueeze(axis)
    return x


def _concat(attributes: _Attributes, *parts: Any) -> Any:
    return torch.cat(parts, attributes["axis"])


def _slice(_: _Attributes, x: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Any:
    names = range(len(starts)) if axes is None else axes.tolist()
    widths = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, name, step in zip(starts.tolist(), ends.tolist(), names, widths, strict=True):
        axis = name % x.ndim
        if step > 0:
            x = x[(*[slice(None)] * axis, slice(start, end, step))]
        else:  # which slices of PyTorch do not have
            size = x.shape[axis]
            first, last = (place + size if place < 0 else place for place in (start, end))
            places = list(range(min(max(first, 0), size - 1), min(max(last, -1), size), step))
            x = x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))
    return x


def _split(attributes: _Attributes, x: Any, sizes: Any = None) -> Any:
    axis = attributes.get("axis", 0)
    if sizes is not None:
        return x.split(sizes.tolist(), axis)
    parts: Any = attributes.get("num_outputs", attributes["outputs"])
    size = -(-x.shape[axis] // parts)
    if parts > 1 and x.shape[axis] <= size * (parts - 1):
        raise ValueError(f"Split must be into at most {-(-x.shape[axis] // max(size, 1))} parts of {size}, got {parts}")
    return x.split(size, axis)


def _gather(attributes: _Attributes, x: Any, places: Any) -> Any:
    axis = attributes.get("axis", 0) % x.ndim
    places = torch.where(places < 0, places + x.shape[axis], places).to(torch.int64)
    if axis == 0 and x.ndim == 2 and x.is_floating_point():
        return functional.embedding(places, x)
    chosen = x.index_select(axis, places.reshape(-1))
    return chosen.reshape((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


def _gather_elements(attributes: _Attributes, x: Any, places: Any) -> Any:
    axis = attributes.get("axis", 0)
    return torch.gather(x, axis, torch.where(places < 0, places + x.shape[axis], places))


def _expand(_: _Attributes, x: Any, shape: Any) -> Any:
    return x.expand(np.broadcast_shapes(x.shape, tuple(shape.tolist())))


def _tile(_: _Attributes, x: Any, repeats: Any) -> Any:
    return x.repeat(repeats.tolist())


def _shape(attributes: _Attributes, x: Any) -> Any:
    return torch.tensor(x.shape[attributes.get("start", 0) : attributes.get("end")], dtype=torch.int64, device=x.device)


def _filled(attributes: _Attributes, shape: Any) -> Any:
    value = attributes.get("value", torch.zeros(1))
    return torch.full(shape.tolist(), value.item(), dtype=value.dtype, device=shape.device)


def _range(_: _Attributes, start: Any, limit: Any, delta: Any) -> Any:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype, device=start.device)


def _cast(attributes: _Attributes, x: Any) -> Any:
    if attributes["to"] not in TYPES:
        raise ValueError(f"Cast must be to one of {list(map(str, TYPES.values()))}, got type {attributes['to']}")
    return x.to(TYPES[attributes["to"]])


def _triangle(attributes: _Attributes, x: Any, diagonal: Any = None) -> Any:
    k = 0 if diagonal is None else int(diagonal)
    return torch.triu(x, k) if attributes.get("upper", 1) else torch.tril(x, k)


def _from_depth(attributes: _Attributes, x: Any) -> Any:
    """Return channels as blocks of pixels: those of a block are apart in depth ("DCR"), or together ("CRD")."""
    size = attributes["blocksize"]
    if attributes.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, size)
    rows, depth, height, width = x.shape
    pieces = x.reshape(rows, size, size, depth // size**2, height, width).permute(0, 3, 4, 1, 5, 2)
    return pieces.reshape(rows, depth // size**2, height * size, width * size)


def _to_depth(attributes: _Attributes, x: Any) -> Any:
    """Return blocks of pixels as channels: those of a block are apart in depth ("DCR"), or together ("CRD")."""
    size = attributes["blocksize"]
    if attributes.get("mode", "DCR") == "CRD":
        return functional.pixel_unshuffle(x, size)
    rows, depth, height, width = x.shape
    pieces = x.reshape(rows, depth, height // size, size, width // size, size).permute(0, 3, 5, 1, 2, 4)
    return pieces.reshape(rows, depth * size**2, height // size, width // size)


def _pad(attributes: _Attributes, x: Any, pads: Any, value: Any = None, axes: Any = None) -> Any:
    which = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in axes.tolist()]
    numbers = pads.tolist()
    each = {axis: (numbers[k], numbers[k + len(which)]) for k, axis in enumerate(which)}
    how = attributes.get("mode", "constant")
    if how == "constant":
        flat = itertools.chain.from_iterable(each.get(axis, (0, 0)) for axis in reversed(range(x.ndim)))
        return functional.pad(x, list(flat), value=0.0 if value is None else float(value))
    if how not in _BEYOND:
        raise ValueError(f"Pad must have a mode of [{listed(['constant', *_BEYOND])}], got {how!r}")
    for axis, (before, after) in each.items():
        size = x.shape[axis]
        x = x.index_select(axis, _BEYOND[how](torch.arange(-before, size + after, device=x.device), size))
    return x


def _reflected(place: Any, size: int) -> Any:
    period = max(2 * size - 2, 1)
    return torch.minimum(place % period, -place % period)


# The places in an axis of a size that have the numbers of places beyond it.
_BEYOND: dict[str, Callable[[Any, int], Any]] = {
    "reflect": _reflected,
    "edge": lambda place, size: place.clamp(0, size - 1),
    "wrap": lambda place, size: place % size,
}


def _cumulative(attributes: _Attributes, x: Any, axis: Any) -> Any:
    if attributes.get("exclusive", 0) or attributes.get("reverse", 0):
        raise ValueError("CumSum must be neither exclusive nor in reverse")
    return torch.cumsum(x, int(axis), dtype=x.dtype)


SHAPES: dict[str, Callable[..., Any]] = {
    "Identity": lambda _, x: x,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Cast": _cast,
    "CastLike": lambda _, x, like: x.to(like.dtype),
    "Shape": _shape,
    "Size": lambda _, x: torch.tensor(x.numel(), dtype=torch.int64, device=x.device),
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Expand": _expand,
    "Tile": _tile,
    "Trilu": _triangle,
    "Pad": _pad,
    "CumSum": _cumulative,
    "DepthToSpace": _from_depth,
    "SpaceToDepth": _to_depth,
}
