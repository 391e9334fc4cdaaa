"""ONNX models as modules of PyTorch, whose parameters are the tensors of numbers in the file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch

from pyrometer.base import described, listed, plain, quoted
from pyrometer.models._onnx._graph import Branch, Node, all_nodes, read, require_supported
from pyrometer.models._onnx._numbers import first_states, fixed, integer_weights, is_named, neutral, roles
from pyrometer.models._onnx._operations import OPERATIONS
from pyrometer.models._onnx._protos import Input, input_of
from pyrometer.models._onnx._recurrent import RECURRENT, Recurrent

__all__ = ["OnnxModel", "module_of"]


class OnnxModel(torch.nn.Module):
    """A graph that is computed node by node.

    Tensors of several real numbers in the file are parameters, with the modules that their names describe, and single
    ones where an operation has a parameter or that a pattern names (see `is_named`); statistics of batch normalisation,
    first states of 0, what exporters add to norms of groups, scales of sizes, other single numbers and integers are
    buffers.
    """

    def __init__(
        self, operations: Branch, inputs: list[Input], tensors: dict[str, Any], patterns: Sequence[str] = ()
    ) -> None:
        super().__init__()
        nodes, outputs = operations.nodes, list(operations.outputs)
        self.nodes, self.inputs, self.outputs = nodes, inputs, outputs
        every = list(all_nodes(nodes))
        written = neutral(every, tensors) | first_states(every, tensors)  # by exporters
        held = fixed(every, tensors) | {name for name in written if not is_named(name, patterns)}
        placed, added = roles(every, tensors)
        single = placed | added
        self.places: dict[str, tuple[Any, str]] = {}
        for name, tensor in tensors.items():
            several = tensor.numel() > 1 or (tensor.numel() == 1 and (name in single or is_named(name, patterns)))
            random = tensor.is_floating_point() and several and name not in held
            random = random and (name in placed or not _is_mask(tensor))
            self._place(name, torch.nn.Parameter(tensor) if random else tensor)
        self._recurrent: dict[str, str] = {}
        for node in every:
            if node.operation in RECURRENT:
                self._recurrent[node.name] = self._free(node.name.strip("/").replace(".", "/"))
                self.add_module(self._recurrent[node.name], Recurrent(node.operation, node.attributes))

    def _free(self, name: str) -> str:
        """Return a name that no member has."""
        while not name or hasattr(self, name):
            name += "_"
        return name

    def _place(self, name: str, tensor: Any) -> None:
        """Register a tensor in the module that its name describes, ``blocks.0.weight`` in ``blocks.0``."""
        *path, own = name.split(".")
        owner: Any = self
        for part in path:
            if not part or (hasattr(owner, part) and part not in owner._modules):
                owner, own = self, name.replace(".", "/")
                break
            if part not in owner._modules:
                owner.add_module(part, torch.nn.Module())
            owner = owner._modules[part]
        while not own or hasattr(owner, own):
            own += "_"
        if isinstance(tensor, torch.nn.Parameter):
            owner.register_parameter(own, tensor)
        else:
            owner.register_buffer(own, tensor)
        self.places[name] = (owner, own)

    def forward(self, *given: Any, **named: Any) -> Any:
        """Compute the outputs of the graph; inputs in its order, or by name."""
        held = self._taken(given, named)
        outputs = self._computed(self.nodes, self.outputs, held)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _computed(self, nodes: Sequence[Node], outputs: Sequence[str], held: dict[str, Any]) -> list[Any]:
        """Return the outputs of a graph or a branch; what is made is held."""
        for node in nodes:
            inputs = [self._value(name, held) if name else None for name in node.inputs]
            if node.branches:
                branch = _branch_of(node, inputs[0])
                made: Any = self._computed(branch.nodes, branch.outputs, dict(held))
            elif node.operation in RECURRENT:
                made = self._modules[self._recurrent[node.name]](*inputs)
            else:
                made = OPERATIONS[node.operation](node.attributes | {"training": self.training}, *inputs)
            held.update(zip(node.outputs, made if isinstance(made, (tuple, list)) else (made,), strict=False))
            for name in node.last:
                held.pop(name, None)
        return [self._value(name, held) for name in outputs]

    def switch(self, mode: str) -> None:
        """Set how dropout and batch normalisation behave: "train" or "eval"."""
        self.train(mode == "train")

    def _value(self, name: str, held: dict[str, Any]) -> Any:
        if name in held:
            return held[name]
        owner, own = self.places[name]
        return getattr(owner, own)

    def _taken(self, given: Sequence[Any], named: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs by name, after checking their number, names, types and shapes."""
        names = [one.name for one in self.inputs]
        values = dict(zip(names, given, strict=False)) | named
        if len(given) + len(named) != len(names) or set(values) != set(names):
            raise ValueError(
                f"inputs must be the {len(names)} of the model, [{listed(names)}], got "
                f"{len(given)}{f' and [{listed(list(named))}]' if named else ''}."
            )
        return {one.name: _fitting(one, values[one.name]) for one in self.inputs}


def _is_mask(tensor: Any) -> bool:
    """Whether a tensor has infinities, as a mask that is added to scores; parameters of damaged files have NaN too."""
    return bool(torch.isinf(tensor).any()) and not bool(torch.isnan(tensor).any())


def _branch_of(node: Node, condition: Any) -> Branch:
    if len(node.branches) == 1:
        return next(iter(node.branches.values()))
    if condition.numel() != 1:
        raise ValueError(f"the condition of {quoted(node.name)} must be one number, got {tuple(condition.shape)}.")
    return node.branches[bool(condition)]


def _fitting(expected: Input, value: Any) -> Any:
    tensor = torch.as_tensor(value)
    given = tensor.shape if expected.sizes is None else expected.sizes
    sizes = "x".join("any" if size is None else str(size) for size in given) or "()"
    came = "x".join(map(str, tensor.shape)) or "()"
    matches = len(given) == tensor.ndim and all(
        size in (None, own) for size, own in zip(given, tensor.shape, strict=True)
    )
    if not matches:
        raise ValueError(f"input {quoted(expected.name)} must have the shape {sizes}, got {came}.")
    if tensor.is_floating_point() != expected.dtype.is_floating_point:
        raise ValueError(
            f"input {quoted(expected.name)} must have numbers of type {expected.dtype}, got {tensor.dtype}."
        )
    return tensor.to(expected.dtype)


def module_of(model: Any, patterns: Sequence[str] = ()) -> OnnxModel:
    """Read an ONNX model from its file, or a ModelProto, and return it as a module; patterns may name single numbers.

    Raises
    ------
    TypeError, ValueError
        If the file is not an ONNX model, or has operations that are not supported.
    """
    import onnx
    from onnx import inliner

    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        try:
            model = onnx.load(path)
        except OSError:
            raise
        except Exception as error:  # those of protobuf have no class in common
            raise ValueError(f"{plain(str(path))} is not a model of ONNX, or damaged: {error}") from None
    if not isinstance(model, onnx.ModelProto):
        raise TypeError(f"model must be an ONNX file or a ModelProto, got {described(model)}.")
    if len(model.functions):
        model = inliner.inline_local_functions(model)
    require_supported(model)
    held = {made.name for made in model.graph.initializer}
    inputs = [input_of(value) for value in model.graph.input if value.name not in held]
    operations, tensors = read(model.graph, [each.name for each in inputs])
    integers = integer_weights(all_nodes(operations.nodes), tensors)
    if integers:
        raise ValueError(
            f"weights must be real numbers, which laws describe, got integers with scales, [{listed(integers)}]; pass "
            "the model before its weights were quantised."
        )
    return OnnxModel(operations, inputs, tensors, patterns)
