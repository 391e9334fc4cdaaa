"""Energies of a PyTorch model in closed form, by one pass that carries second moments; not in the paper.

The model runs once, on any draw of its parameters; what an operation does to second moments is in `RULES`. An operation
without a rule makes all that it writes unknown.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef

from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory
from pyrometer.models._pytorch._closed_rules import CONSTANTS, RULES, Call
from pyrometer.models._pytorch._moments import ANYTHING, Moments, constant, scaled, unknown
from pyrometer.models._pytorch._operations import signature
from pyrometer.models._pytorch._pass import Drawn, all_tensors
from pyrometer.models._pytorch._surroundings import states

__all__ = ["ClosedForms", "Pending", "random_members"]

_Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Pending:
    """What is known of an operation before it runs; `default` is None for constants."""

    moments: list[Moments | None]
    default: Moments | None
    written: list[torch.Tensor]
    storages: set[int]
    repeated: bool


@dataclass
class _Held:
    """What is known of the tensors of one storage."""

    alive: Any
    tensors: dict[_Key, Moments | None] = field(default_factory=dict)
    """By offset, shape and strides; None for a constant."""
    lost: Moments | None = None
    """What was overwritten, at least in part; None if it was constant."""

    def of(self, tensor: Any) -> Moments:
        key = _key(tensor)
        if key in self.tensors:
            moments = self.tensors[key]
            return constant(tensor) if moments is None else moments
        others = self._random()
        return unknown(others) if others else constant(tensor)

    def overwrite(self) -> None:
        others = self._random()
        self.lost = unknown(others) if others else None
        self.tensors.clear()

    def _random(self) -> list[Moments]:
        return [each for each in (*self.tensors.values(), self.lost) if each is not None]


class ClosedForms:
    """Carries the second moments of all tensors that a program computes.

    Each operation is announced by `before` and, once it has run, by `after`.

    Parameters
    ----------
    drawn : Drawn
        The model and the labels of its parameters; constant ones have the values of their law.
    inputs : object
        Tensors on which it runs.

    Notes
    -----
    About the time of one forward pass in double precision, and a double for each element of a live tensor.
    """

    def __init__(self, drawn: Drawn, inputs: Any) -> None:
        self._held: dict[int, _Held] = {}
        memory = drawn.memory
        labels = [memory.law(label) for label in memory.labels]
        self._fresh = itertools.count(len(memory.sizes))
        self._everything = False
        self._generators: tuple[Any, ...] | None = None
        for tensor in all_tensors([inputs, list(_members(drawn.module))]):
            self._set(tensor, None)
        for name, tensor in drawn.parameters.items():
            self._set(tensor, _of_parameter(tensor, drawn.runs[name], labels, memory.dimensions))

    def energy(self, tensor: Any) -> float | None:
        """Return the sum of E z^2 over the elements of a tensor; None if there is no closed form."""
        if self._generators != states():
            self._everything = True  # the program uses numbers of Python or NumPy
        moments = self.moments(tensor)
        if moments.square is None or self._everything:
            return None
        total = float(moments.square.sum())
        return total if np.isfinite(total) else None

    def neglected(self, tensor: Any) -> float:
        """Return the size of the relative error of the closed form, from norms."""
        return self.moments(tensor).neglected

    def scale(self, tensor: Any, factor: float) -> None:
        """Multiply what is known of a tensor, and of its views, by a factor."""
        held = self._held.get(tensor.untyped_storage()._cdata)
        if held is None or held.alive.expired():
            return
        if tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes():
            for key, moments in held.tensors.items():
                held.tensors[key] = None if moments is None else scaled(moments, factor)
        elif self.moments(tensor).square is not None:
            self._set(tensor, scaled(self.moments(tensor), factor), written=True)

    def moments(self, tensor: Any) -> Moments:
        """Return what is known of a tensor."""
        storage = tensor.untyped_storage()
        held = self._held.get(storage._cdata)
        if held is None or held.alive.expired():
            # A number of the program; any other tensor may have numbers of a draw that PyTorch has not seen, as through
            # numpy() or tolist().
            return constant(tensor) if tensor.ndim == 0 else Moments(None, frozenset({ANYTHING}))
        return held.of(tensor)

    def _set(self, tensor: Any, moments: Moments | None, *, written: bool = False) -> None:
        storage = tensor.untyped_storage()
        held = self._held.get(storage._cdata)
        if held is None or held.alive.expired():
            held = self._held[storage._cdata] = _Held(StorageWeakRef(storage))
        if written:
            held.overwrite()
        held.tensors[_key(tensor)] = moments

    def before(self, func: Any, args: Any, kwargs: Any) -> Pending:
        """Note the arguments of an operation."""
        self._generators = self._generators or states()
        call = Call(func, args, kwargs, self.moments, self._fresh)
        tensors = list(all_tensors(call.given))
        drawing = torch.Tag.nondeterministic_seeded in func.tags
        sources = [self.moments(tensor) for tensor in tensors]
        depends = any(each.random for each in sources)
        fixed = not (drawing or self._everything) and (call.name in CONSTANTS or not depends)
        default = unknown([] if call.draws else sources)
        if drawing or self._everything:
            draws = {next(self._fresh)} | ({ANYTHING} if self._everything else set())
            default = replace(default, draws=default.draws | draws)
        if call.name == "_local_scalar_dense" and depends:
            self._everything = True  # the program goes on with numbers of this draw
        return Pending(
            moments=[] if fixed else self._by_rule(call),
            default=None if fixed else default,
            written=list(_written(call)),
            storages={tensor.untyped_storage()._cdata for tensor in tensors},
            repeated=any(each.independent and _repeats(tensor) for tensor, each in zip(tensors, sources, strict=True)),
        )

    def after(self, pending: Pending, out: Any) -> None:
        """Note the results of an operation."""
        for tensor in pending.written:
            self._set(tensor, pending.default, written=True)
        results = list(all_tensors(out))
        for tensor, moments in itertools.zip_longest(results, pending.moments[: len(results)]):
            view = tensor.untyped_storage()._cdata in pending.storages and not pending.written
            lasting = view or not pending.repeated
            new = None if pending.default is None else _checked(moments, tensor, pending.default, lasting=lasting)
            self._set(tensor, new, written=not view)

    def _by_rule(self, call: Call) -> list[Moments | None]:
        rule = RULES.get(call.name)
        if rule is None or self._everything or "out" in call.given:
            return []
        try:
            return rule(call)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
            return []  # an overload or arguments that the rule does not expect


def _checked(moments: Moments | None, tensor: Any, default: Moments, *, lasting: bool) -> Moments:
    """Return moments in the shape of the tensor; the default where a rule does not apply."""
    if moments is None or not tensor.is_floating_point():
        return default
    square = None if moments.square is None else moments.square.to(tensor.device)
    if square is not None and square.shape != tensor.shape:
        square = square.expand(tensor.shape) if square.ndim <= tensor.ndim else None
    totals = frozenset(axis for axis in moments.totals if square is not None and tensor.shape[axis] > 1)
    return replace(
        moments,
        square=square,
        draws=moments.draws | default.draws,
        totals=totals,
        independent=moments.independent and lasting,
        units=min(moments.units, tensor.numel()),
        width=min(moments.width, default.width),
    )


def _key(tensor: Any) -> _Key:
    return (tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype)


def _repeats(tensor: Any) -> bool:
    return any(step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True))


def _written(call: Call) -> Iterator[torch.Tensor]:
    for name in signature(call.func).written:
        yield from all_tensors(call.given.get(name))


def _members(module: Any) -> Iterator[Any]:
    """Parameters, buffers and other tensors of a model."""
    for part in module.modules():
        for value in vars(part).values():
            if not isinstance(value, torch.nn.Module):
                yield value


def random_members(module: Any, memory: Memory) -> bool:
    """Whether more than the parameters was drawn when a model was built, as random features are."""
    parameters = {id(parameter) for parameter in module.parameters()}
    return memory.varies or any(
        memory.holds(tensor) and bool(memory.kinds(tensor) & {Kind.RANDOM, Kind.UNKNOWN})
        for tensor in all_tensors(list(_members(module)))
        if id(tensor) not in parameters
    )


def _of_parameter(parameter: Any, runs: Runs, labels: list[Label], dimensions: dict[int, int]) -> Moments | None:
    """Moments of a parameter from the labels of its elements; None for a constant."""
    used = [labels[number] for number in np.unique(runs.labels).tolist()]
    drawn = [label for label in used if label.kind is Kind.RANDOM]
    if not all(_is_known(label, dimensions) for label in used):
        return Moments(None, frozenset({ANYTHING}))
    if drawn and any(np.isnan(label.centre) for label in used):
        return Moments(None, frozenset(label.draw for label in drawn))
    if not drawn:
        return None
    draws = frozenset(label.draw for label in drawn)
    symmetric = all(label.centre == 0.0 for label in used)
    squares = {number: _square(labels[number], dimensions) for number in np.unique(runs.labels).tolist()}
    if len(squares) == 1:
        square = torch.full((), next(iter(squares.values())), dtype=torch.float64, device=parameter.device)
        square = square.expand(parameter.shape)
    else:
        table = np.zeros(max(squares) + 1)
        table[list(squares)] = list(squares.values())
        lengths = runs.stops - runs.starts
        square = torch.from_numpy(np.repeat(table[runs.labels], lengths)).to(parameter.device).reshape(parameter.shape)
    return Moments(square, draws, draws if symmetric else None, independent=symmetric and _distinct(runs, labels))


def _is_known(label: Label, dimensions: dict[int, int]) -> bool:
    if label.kind is Kind.RANDOM:
        orthogonal = label.family is not None and label.family.name == "orthogonal"
        return label.reason != "guessed" and label.family is not None and (not orthogonal or label.draw in dimensions)
    return label.kind is Kind.CONSTANT


def _square(label: Label, dimensions: dict[int, int]) -> float:
    """E x^2 of a number with this label."""
    if label.kind is Kind.CONSTANT or label.family is None:
        return label.centre * label.centre
    precision = float(dimensions[label.draw]) if label.draw in dimensions else label.family.precision
    return label.scale * label.scale / precision + label.centre * label.centre


def _distinct(runs: Runs, labels: list[Label]) -> bool:
    """Whether no random number is in a parameter twice."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for number, origin, length in zip(
        runs.labels.tolist(), runs.origins.tolist(), (runs.stops - runs.starts).tolist(), strict=True
    ):
        if labels[number].kind is Kind.RANDOM:
            spans.setdefault(labels[number].draw, []).append((origin, origin + length))
    return all(
        last <= first for each in map(sorted, spans.values()) for (_, last), (first, _) in itertools.pairwise(each)
    )
