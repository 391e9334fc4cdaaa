"""Graphs of ONNX files: their operations in order, the tensors that they hold, and the names of what they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyrometer.base import listed, quoted
from pyrometer.models._onnx._operations import OPERATIONS
from pyrometer.models._onnx._protos import attribute_of, constant_of, tensor_of
from pyrometer.models._onnx._recurrent import RECURRENT

__all__ = ["Branch", "Node", "all_nodes", "read", "require_supported"]

_OLDEST = 13  # before, axes of reductions and of Softmax mean something else
_STANDARD = ("", "ai.onnx")
_SEVERAL = ("Split", "If")


@dataclass(frozen=True)
class Node:
    """An operation, its name, attributes, names of inputs and outputs, and of values that are not needed after it."""

    operation: str
    name: str
    """That no other operation of the model has, in its branches neither."""
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


def all_nodes(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield operations, and those of their branches."""
    for node in nodes:
        yield node
        for branch in node.branches.values():
            yield from all_nodes(branch.nodes)


def require_supported(model: Any) -> None:
    """Refuse models of old versions, and operations that are not supported.

    Raises
    ------
    ValueError
        If the model has some.
    """
    versions = [entry.version for entry in model.opset_import if entry.domain in _STANDARD]
    if not versions or min(versions) < _OLDEST:
        raise ValueError(
            f"the model must have operations of version {_OLDEST} or later, got {versions or 'none'}; convert it, "
            "onnx.version_converter.convert_version(model, 17)."
        )
    names = set(_operations(model.graph))
    kept = sorted(names & {f"{each.domain}.{each.name}" for each in model.functions})
    if kept:
        raise ValueError(
            f"the functions of the model, [{listed(kept)}], must have operations of its own version, {versions[0]}; "
            "export the model without functions."
        )
    unknown = sorted(names - set(OPERATIONS) - set(RECURRENT) - {"Constant", "If"})
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


def read(graph: Any, inputs: Sequence[str]) -> tuple[Branch, dict[str, Any]]:
    """Return the operations of a graph with inputs of these names, and the tensors of the file by name.

    Raises
    ------
    ValueError
        If the file is damaged, or has what is not supported.
    """
    reader = _Reader()
    return reader.branch(graph, {"", *inputs}), reader.tensors


class _Reader:
    """What a graph and its branches have in common: tensors, and names of operations."""

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self._names = set[str]()

    def branch(self, graph: Any, before: set[str]) -> Branch:
        """Read a graph or a branch, which may use what was made before it."""
        for proto in graph.initializer:
            self._add(proto.name, tensor_of(proto))
        _require_dense(graph)
        outputs = tuple(value.name for value in graph.output)
        last: dict[str, int] = {}
        for place, node in enumerate(graph.node):
            last |= dict.fromkeys(_taken_by(node), place)
        nodes, made = list[Node](), {*before, *(proto.name for proto in graph.initializer)}
        for place, node in enumerate(graph.node):
            if node.op_type == "Constant":
                self._add(node.output[0], constant_of(node))
                made.add(node.output[0])
                continue
            _require_made(node.input, made, f"operation {node.op_type}")
            _require_single(node, {*last, *outputs})
            attributes = {entry.name: attribute_of(entry) for entry in node.attribute} | {"outputs": len(node.output)}
            branches = self._branches(node, attributes, made) if node.op_type == "If" else {}
            made |= set(node.output)
            done = tuple(name for name in _taken_by(node) if last[name] == place and name not in (*outputs, *before))
            name = self._free(node.name or f"{node.op_type}_{place}")
            nodes.append(Node(_name(node), name, attributes, tuple(node.input), tuple(node.output), done, branches))
        _require_made(outputs, made, "the model")
        return Branch(nodes, outputs)

    def _branches(self, node: Any, attributes: dict[str, Any], made: set[str]) -> dict[bool, Branch]:
        """Read the branches of an If; of a constant condition the one that is taken."""
        condition = self.tensors.get(node.input[0])
        graphs = {True: attributes.pop("then_branch"), False: attributes.pop("else_branch")}
        taken = (True, False) if condition is None or condition.numel() != 1 else (bool(condition),)
        return {each: self.branch(graphs[each], made) for each in taken}

    def _add(self, name: str, tensor: Any) -> None:
        if name in self.tensors:
            raise ValueError(f"tensors must have names of their own, got two named {quoted(name)}, as in two branches.")
        self.tensors[name] = tensor

    def _free(self, name: str) -> str:
        """Return the name of an operation, longer if another one has it: names need not differ."""
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name


def _taken_by(node: Any) -> list[str]:
    """Return the names that an operation uses, in its branches too."""
    inner = [entry.g for entry in node.attribute if entry.HasField("g")]
    within = [name for graph in inner for each in graph.node for name in _taken_by(each)]
    return [*node.input, *within, *(value.name for graph in inner for value in graph.output)]


def _require_dense(graph: Any) -> None:
    names = [each.values.name for each in graph.sparse_initializer]
    if names:
        raise ValueError(f"tensors of the model must be dense, got sparse ones, [{listed(names)}]; write their zeros.")


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
