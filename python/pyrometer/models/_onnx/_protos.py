"""Tensors, attributes, constants and inputs of ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pyrometer.base import listed, quoted
from pyrometer.models._onnx._shapes import TYPES

__all__ = ["Input", "attribute_of", "constant_of", "input_of", "tensor_of"]


@dataclass(frozen=True)
class Input:
    """An input: its name, type, and sizes; None for a size that may be any, or where the file has no shape."""

    name: str
    dtype: Any
    sizes: tuple[int | None, ...] | None


def tensor_of(proto: Any) -> Any:
    """Return a tensor of the file.

    Raises
    ------
    ValueError
        If its type is not supported, or its numbers are not there.
    """
    from onnx import numpy_helper
    from onnx.checker import ValidationError

    if proto.data_type not in TYPES:
        raise ValueError(
            f"tensor {quoted(proto.name)} must have numbers of one of the types {list(map(str, TYPES.values()))}, got "
            f"type {proto.data_type} of ONNX."
        )
    try:
        array = np.asarray(numpy_helper.to_array(proto))
    except (ValueError, TypeError, ValidationError) as error:
        remedy = (
            "they are in a file of their own: pass the path of the model, or onnx.load(path)"
            if proto.external_data
            else "the file is damaged: export the model again"
        )
        raise ValueError(f"the numbers of tensor {quoted(proto.name)} cannot be read, {remedy} ({error}).") from None
    if TYPES[proto.data_type] is torch.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(array.copy())


def attribute_of(entry: Any) -> Any:
    """Return the value of an attribute, a tensor as one of PyTorch."""
    import onnx

    helper: Any = onnx.helper
    value = helper.get_attribute_value(entry)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [each.decode() for each in value]
    return tensor_of(value) if isinstance(value, onnx.TensorProto) else value


_CONSTANTS: dict[str, Callable[[Any], Any]] = {
    "value": lambda value: value,
    "value_float": lambda value: torch.tensor(value, dtype=torch.float32),
    "value_floats": lambda value: torch.tensor(value, dtype=torch.float32),
    "value_int": lambda value: torch.tensor(value, dtype=torch.int64),
    "value_ints": lambda value: torch.tensor(value, dtype=torch.int64),
}


def constant_of(node: Any) -> Any:
    """Return the tensor of a Constant."""
    for entry in node.attribute:
        if entry.name in _CONSTANTS:
            return _CONSTANTS[entry.name](attribute_of(entry))
    came = listed([entry.name for entry in node.attribute])
    raise ValueError(f"a Constant must have one of [{listed(list(_CONSTANTS))}], got [{came}].")


def input_of(value: Any) -> Input:
    """Return what an input must be."""
    kind = value.type.tensor_type
    if kind.elem_type not in TYPES:
        raise ValueError(f"input {quoted(value.name)} must be a tensor of numbers, got type {kind.elem_type} of ONNX.")
    sizes = tuple(size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim)
    return Input(value.name, TYPES[kind.elem_type], sizes if kind.HasField("shape") else None)
