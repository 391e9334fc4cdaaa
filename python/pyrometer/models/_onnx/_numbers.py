"""Which real numbers of an ONNX file are parameters: biases of one output are, epsilons and first states are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch

__all__ = ["first_states", "fixed", "integer_weights", "is_named", "neutral", "roles"]

_PRODUCTS = ("Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul")
_RECURRENT = ("RNN", "LSTM", "GRU")
_SUMS = ("Add", "Sub", "Sum")
_SCALES = ("Div", "Mul")
_SMALL = (torch.int8, torch.uint8, torch.int16)
_VIEWS = ("Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
_PARTS = ("Gather", "Slice", "Split")

# Inputs that are parameters, by operation. Not of InstanceNormalization: exporters write a GroupNorm of one group as
# one with a scale of 1 and a bias of 0 of their own, and its parameters as products and sums after it.
_PLACES = {
    **dict.fromkeys(_PRODUCTS, slice(0, None)),
    **dict.fromkeys(_RECURRENT, slice(1, 4)),
    **dict.fromkeys(("BatchNormalization", "GroupNormalization", "LayerNormalization"), slice(1, 3)),
    **dict.fromkeys(("RMSNormalization", "PRelu"), slice(1, 2)),
}
# Inputs that are none, by operation: statistics and scales of sizes, and first states.
_FIXED = {"BatchNormalization": slice(3, None), "Resize": slice(1, None)}
_STATES = dict.fromkeys(_RECURRENT, slice(5, 7))


def roles(nodes: Iterable[Any], tensors: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the tensors of the file that stand where an operation has a parameter, themselves or as a view.

    Weights and biases of products, convolutions, recurrent layers and norms, slopes of PRelu; and, as second set, of
    sums the first tensor with an axis that is added to a product, whose bias it is: constants of programs have no axis.
    """
    origin, products = {name: name for name in tensors}, set[str]()
    parameters, biases = set[str](), set[str]()
    for node in nodes:
        taken = [origin.get(name, name) for name in node.inputs]
        parameters.update(taken[_PLACES.get(node.operation, slice(0))])
        if node.operation in _SUMS and not products.isdisjoint(taken):
            biases.update(name for name in taken if name in tensors and tensors[name].ndim)
        if node.operation in _VIEWS and taken:
            origin[node.outputs[0]] = taken[0]
        elif _continues(node.operation, taken, products, tensors):
            products.add(node.outputs[0])
    return parameters & set(tensors), biases


def integer_weights(nodes: Iterable[Any], tensors: dict[str, Any]) -> list[str]:
    """Return the matrices of small integers that products multiply by, and the tables of such that rows are taken from.

    As they are, shifted and scaled, as where weights are quantised and the operations are not. Masks, of 0 and 1, are
    none.
    """
    origin = {
        name: name
        for name, tensor in tensors.items()
        if tensor.dtype in _SMALL and tensor.ndim > 1 and tensor.numel() and (tensor.min() < 0 or tensor.max() > 1)
    }
    found = dict[str, None]()
    for node in nodes:
        taken = [origin[name] for name in node.inputs if name in origin]
        if node.operation in (*_PRODUCTS, "Gather"):
            found.update(dict.fromkeys(taken))
        elif taken and node.operation in (*_VIEWS, *_SCALES, *_SUMS):
            origin[node.outputs[0]] = taken[0]
    return list(found)


def neutral(nodes: Iterable[Any], tensors: dict[str, Any]) -> set[str]:
    """Return the scales of 1 and offsets of 0 that exporters add to a norm of reshaped inputs, part of a GroupNorm."""
    reshaped, found = set[str](), set[str]()
    for node in nodes:
        if node.operation == "Reshape":
            reshaped.add(node.outputs[0])
        elif node.operation == "InstanceNormalization" and node.inputs[0] in reshaped:
            _, scale, offset = node.inputs
            if all(name in tensors and (tensors[name] == value).all() for name, value in ((scale, 1), (offset, 0))):
                found |= {scale, offset}
    return found


def fixed(nodes: Sequence[Any], tensors: dict[str, Any]) -> set[str]:
    """Return the tensors of the file with statistics of batch normalisation, or scales of sizes."""
    return _standing(nodes, tensors, _FIXED)[0]


def first_states(nodes: Sequence[Any], tensors: dict[str, Any]) -> set[str]:
    """Return the tensors of zeros that are first states of recurrent layers, and nothing else.

    Exporters write the states that PyTorch and Keras start from as tensors, as large as the batch, for all layers.
    """
    states, others = _standing(nodes, tensors, _STATES)
    return {name for name in states - others if not bool(tensors[name].any())}


def _standing(nodes: Iterable[Any], tensors: dict[str, Any], places: dict[str, slice]) -> tuple[set[str], set[str]]:
    """Return the tensors of the file at these inputs of operations, and at others: themselves, as views or in parts."""
    origins, here, others = {name: {name} for name in tensors}, set[str](), set[str]()
    for node in nodes:
        taken = [origins.get(name, set[str]()) for name in node.inputs]
        moved = len(taken) if node.operation == "Concat" else int(node.operation in (*_VIEWS, *_PARTS))
        for name in node.outputs if moved else ():
            origins[name] = set[str]().union(*taken[:moved])
        chosen = places.get(node.operation, slice(moved))
        here.update(*(taken[chosen] if node.operation in places else ()))
        del taken[chosen]
        others.update(*taken)
    return here, others


def _continues(operation: str, taken: Sequence[str], products: set[str], tensors: dict[str, Any]) -> bool:
    """Whether an output is a product to which no tensor of the file has been added."""
    if operation in _PRODUCTS:
        return True
    if products.isdisjoint(taken):
        return False
    if operation in _SUMS:
        return not any(name in tensors for name in taken)
    return operation in _SCALES and all(
        name in products or (name in tensors and tensors[name].numel() == 1) for name in taken
    )


def is_named(name: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern that does not end in a wildcard names a tensor: ``*.gain``, but neither ``*`` nor ``gain*``."""
    names = (name, name.replace(".", "/"))
    return any(each == pattern for pattern in patterns for each in names) or any(
        fnmatchcase(each, pattern) for pattern in patterns if pattern[-1:] not in "*?]" for each in names
    )
