"""Labels of an ONNX model's parameters: the laws that the user names, since a file has values alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyrometer.base import listed
from pyrometer.models._built import Built
from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory
from pyrometer.models._onnx._module import module_of
from pyrometer.models._parameters import named

__all__ = ["build"]

_INITIAL = (0.0, 0.25, 1.0)  # biases, slopes of PRelu, scales of norms


def build(model: Any, laws: Mapping[str, Any] | None, init: Any, seed: int) -> Built:
    """Return the module of an ONNX model and the labels of its parameters.

    Tensors that no pattern names are constants where all of their values are equal, single numbers where they have the
    value of an initialisation; the laws of others are unknown.

    Raises
    ------
    ValueError
        If the file is not a supported model, no laws are named, or `init` is given.
    """
    del seed
    if init is not None:
        raise ValueError("init is for models of PyTorch; name the laws of an ONNX model, laws={...}. Leave it out.")
    module = module_of(model, [str(each) for each in laws] if isinstance(laws, Mapping) else ())
    parameters = dict(module.named_parameters())
    if not laws:
        example = next((name for name, tensor in parameters.items() if tensor.ndim > 1), "*")
        raise ValueError(
            f"laws must name the laws of the parameters [{listed(list(parameters))}], because an ONNX file has values "
            f'alone: laws={{"{example}": pm.Normal(0.02)}}.'
        )
    memory = Memory()
    shapes = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    named_laws = named(laws, list(shapes))
    runs = {
        name: Runs.whole(math.prod(shapes[name]), memory.number(_label(tensor))) for name, tensor in parameters.items()
    }
    return Built(module, memory, shapes, runs, {}, named_laws)


def _label(tensor: Any) -> Label:
    values = np.asarray(tensor.detach().double().numpy())
    if np.ptp(values) == 0.0 and (values.size > 1 or values.item() in _INITIAL):
        return Label(Kind.CONSTANT, centre=float(values.flat[0]))
    return Label(Kind.FIXED)
