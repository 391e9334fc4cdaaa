"""ONNX models as modules of PyTorch, whose parameters are the tensors of numbers in the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from pyrometer.base import described, listed, plain, quoted
from pyrometer.models._onnx._numbers import first_states, is_named, neutral, roles
from pyrometer.models._onnx._operations import OPERATIONS
from pyrometer.models._onnx._recurrent import RECURRENT, Recurrent
from pyrometer.models._onnx._shapes import TYPES

__all__ = ["OnnxModel", "module_of"]

_OLDEST = 13  # before, axes of reductions and of Softmax mean something else
_STANDARD = ("", "ai.onnx")
_SEVERAL = ("Split", "If")
_FIXED = {"BatchNormalization": 3, "Resize": 1}  # the first input that is no parameter


@dataclass(frozen=True)
class Node:
    """An operation, its name, attributes, names of inputs and outputs, and of values that are not needed after it."""

    operation: str
    name: str
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last: tuple[str, ...]
    branches: Mapping[bool, Branch] = field(default_factory=dict)
    """Of an If: the branch for each condition; one alone where that is constant."""


@dataclass(frozen=True)
class Branch:
    """The operations of a branch, which may use all that was made before it, and the names of what it makes."""

    nodes: list[Node]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Input:
    """An input: its name, type, and sizes; None for a size that may be any."""

    name: str
    dtype: Any
    sizes: tuple[int | None, ...]


class OnnxModel(torch.nn.Module):
    """A graph that is computed node by node.

    Tensors of several real numbers in the file are parameters, with the modules that their names describe, and single
    ones where an operation has a parameter or that a pattern names (see `is_named`); statistics of batch normalisation,
    first states of 0, what exporters add to norms of groups, scales of sizes, other single numbers and integers are
    buffers.
    """

    def __init__(
        self, read: Branch, inputs: list[Input], tensors: dict[str, Any], patterns: Sequence[str] = ()
    ) -> None:
        super().__init__()
        nodes, outputs = read.nodes, list(read.outputs)
        self.nodes, self.inputs, self.outputs = nodes, inputs, outputs
        fixed = {
            name for node in _all_nodes(nodes) for name in node.inputs[_FIXED.get(node.operation, len(node.inputs)) :]
        }
        written = neutral(_all_nodes(nodes), tensors) | first_states(_all_nodes(nodes), tensors)  # by exporters
        fixed |= {name for name in written if not is_named(name, patterns)}
        single = roles(_all_nodes(nodes), tensors)
        self.places: dict[str, tuple[Any, str]] = {}
        for name, tensor in tensors.items():
            several = tensor.numel() > 1 or (tensor.numel() == 1 and (name in single or is_named(name, patterns)))
            random = tensor.is_floating_point() and several and name not in fixed
            random = random and bool(torch.isfinite(tensor).all())  # a mask has infinities
            self._place(name, torch.nn.Parameter(tensor) if random else tensor)
        self._recurrent: dict[str, str] = {}
        for node in _all_nodes(nodes):
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


def _all_nodes(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield operations, and those of their branches."""
    for node in nodes:
        yield node
        for branch in node.branches.values():
            yield from _all_nodes(branch.nodes)


def _branch_of(node: Node, condition: Any) -> Branch:
    if len(node.branches) == 1:
        return next(iter(node.branches.values()))
    if condition.numel() != 1:
        raise ValueError(f"the condition of {quoted(node.name)} must be one number, got {tuple(condition.shape)}.")
    return node.branches[bool(condition)]


def _fitting(expected: Input, value: Any) -> Any:
    tensor = torch.as_tensor(value)
    free = [size is None for size in expected.sizes]
    sizes = "x".join("any" if size is None else str(size) for size in expected.sizes) or "()"
    came = "x".join(map(str, tensor.shape)) or "()"
    matches = len(free) == tensor.ndim and all(
        size in (None, own) for size, own in zip(expected.sizes, tensor.shape, strict=True)
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
    _check_versions(model)
    return _module(model.graph, patterns)


def _check_versions(model: Any) -> None:
    versions = [entry.version for entry in model.opset_import if entry.domain in _STANDARD]
    if not versions or min(versions) < _OLDEST:
        raise ValueError(
            f"the model must have operations of version {_OLDEST} or later, got {versions or 'none'}; convert it, "
            "onnx.version_converter.convert_version(model, 17)."
        )
    unknown = sorted(set(_operations(model.graph)) - set(OPERATIONS) - set(RECURRENT) - {"Constant", "If"})
    if unknown:
        raise ValueError(
            f"the model has operations that are not supported, [{listed(unknown)}]; export it without them, or pass "
            "the model of PyTorch, Keras or scikit-learn instead."
        )


def _name(node: Any) -> str:
    return str(node.op_type if node.domain in _STANDARD else f"{node.domain}.{node.op_type}")


def _operations(graph: Any) -> Iterator[str]:
    """Yield the names of operations, with those of branches."""
    for node in graph.node:
        yield _name(node)
        for entry in node.attribute:
            if entry.HasField("g"):
                yield from _operations(entry.g)


def _module(graph: Any, patterns: Sequence[str]) -> OnnxModel:
    tensors: dict[str, Any] = {}
    own = {made.name for made in graph.initializer}
    inputs = [_input(value) for value in graph.input if value.name not in own]
    read = _branch(graph, tensors, {"", *(value.name for value in inputs)})
    return OnnxModel(read, inputs, tensors, patterns)


def _branch(graph: Any, tensors: dict[str, Any], before: set[str]) -> Branch:
    """Read a graph or a branch, which may use what was made before it; its tensors are added to those of the model."""
    for proto in graph.initializer:
        _add(tensors, proto.name, _tensor(proto))
    outputs = tuple(value.name for value in graph.output)
    last: dict[str, int] = {}
    for place, node in enumerate(graph.node):
        last |= dict.fromkeys(_taken_by(node), place)
    nodes, made = list[Node](), {*before, *(proto.name for proto in graph.initializer)}
    for place, node in enumerate(graph.node):
        attributes = {entry.name: _attribute(entry) for entry in node.attribute} | {"outputs": len(node.output)}
        if node.op_type == "Constant":
            _add(tensors, node.output[0], _constant(attributes))
            made.add(node.output[0])
            continue
        _require_made(node.input, made, f"operation {node.op_type}")
        _require_single(node, {*last, *outputs})
        branches = _branches(node, attributes, tensors, made) if node.op_type == "If" else {}
        made |= set(node.output)
        done = tuple(name for name in _taken_by(node) if last[name] == place and name not in (*outputs, *before))
        name = node.name or f"{node.op_type}_{place}"
        nodes.append(Node(_name(node), name, attributes, tuple(node.input), tuple(node.output), done, branches))
    _require_made(outputs, made, "the model")
    return Branch(nodes, outputs)


def _branches(node: Any, attributes: dict[str, Any], tensors: dict[str, Any], made: set[str]) -> dict[bool, Branch]:
    """Read the branches of an If; of a constant condition the one that is taken."""
    condition = tensors.get(node.input[0])
    graphs = {True: attributes.pop("then_branch"), False: attributes.pop("else_branch")}
    taken = (True, False) if condition is None or condition.numel() != 1 else (bool(condition),)
    return {each: _branch(graphs[each], tensors, made) for each in taken}


def _taken_by(node: Any) -> list[str]:
    """Return the names that an operation uses, in its branches too."""
    inner = [entry.g for entry in node.attribute if entry.HasField("g")]
    within = [name for graph in inner for each in graph.node for name in _taken_by(each)]
    return [*node.input, *within, *(value.name for graph in inner for value in graph.output)]


def _add(tensors: dict[str, Any], name: str, tensor: Any) -> None:
    if name in tensors:
        raise ValueError(f"tensors must have names of their own, got two named {quoted(name)}, as in two branches.")
    tensors[name] = tensor


def _require_made(names: Sequence[str], made: set[str], taker: str) -> None:
    missing = [name for name in names if name not in made]
    if missing:
        raise ValueError(f"the file is damaged: nothing makes [{listed(missing)}] for {taker}; export the model again.")


def _require_single(node: Any, used: set[str]) -> None:
    """Refuse the mask of a dropout, the places of maxima, the statistics of a norm, unless they are left unused."""
    others = [name for name in node.output[1:] if name in used]
    if others and _name(node) not in (*_SEVERAL, *RECURRENT):
        raise ValueError(
            f"operation {node.op_type} is supported with its first output alone, but [{listed(others)}] of it are "
            "used; export the model without them, or pass the model of PyTorch, Keras or scikit-learn instead."
        )


def _tensor(proto: Any) -> Any:
    from onnx import numpy_helper

    if proto.data_type not in TYPES:
        raise ValueError(
            f"tensor {quoted(proto.name)} must have numbers of one of the types {list(map(str, TYPES.values()))}, got "
            f"type {proto.data_type} of ONNX."
        )
    array = np.asarray(numpy_helper.to_array(proto))
    if TYPES[proto.data_type] is torch.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(array.copy())


def _attribute(entry: Any) -> Any:
    import onnx

    helper: Any = onnx.helper
    value = helper.get_attribute_value(entry)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [each.decode() for each in value]
    return _tensor(value) if isinstance(value, onnx.TensorProto) else value


_CONSTANTS: dict[str, Callable[[Any], Any]] = {
    "value": lambda value: value,
    "value_float": lambda value: torch.tensor(value, dtype=torch.float32),
    "value_floats": lambda value: torch.tensor(value, dtype=torch.float32),
    "value_int": lambda value: torch.tensor(value, dtype=torch.int64),
    "value_ints": lambda value: torch.tensor(value, dtype=torch.int64),
}


def _constant(attributes: dict[str, Any]) -> Any:
    for name, convert in _CONSTANTS.items():
        if name in attributes:
            return convert(attributes[name])
    raise ValueError(f"a Constant must have one of [{listed(list(_CONSTANTS))}], got [{listed(list(attributes))}].")


def _input(value: Any) -> Input:
    kind = value.type.tensor_type
    if kind.elem_type not in TYPES:
        raise ValueError(f"input {quoted(value.name)} must be a tensor of numbers, got type {kind.elem_type} of ONNX.")
    sizes = tuple(size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim)
    return Input(value.name, TYPES[kind.elem_type], sizes)
