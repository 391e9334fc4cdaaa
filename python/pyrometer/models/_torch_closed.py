"""Energies of a PyTorch model in closed form, by one pass that carries second moments; not in the paper.

The model runs once, on any draw of its parameters; what an operation does to second moments is in `RULES`. An operation
without a rule makes all that it writes unknown.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._torch_closed_rules import CONSTANTS, RULES, Call
from pyrometer.models._torch_moments import ANYTHING, Moments, constant, unknown

__all__ = ["ClosedForms"]

_Key: TypeAlias = tuple[Any, ...]


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
            found = self.tensors[key]
            return constant(tensor) if found is None else found
        others = self._random()
        return unknown(others) if others else constant(tensor)

    def overwrite(self) -> None:
        others = self._random()
        self.lost = unknown(others) if others else None
        self.tensors.clear()

    def _random(self) -> list[Moments]:
        return [each for each in (*self.tensors.values(), self.lost) if each is not None]


class ClosedForms(TorchDispatchMode):
    """Carries the second moments of all tensors that are computed within this context.

    Parameters
    ----------
    module : torch.nn.Module
        The model; its parameters have any values, but constant ones are set to their constant.
    runs : dict of str to Runs
        Labels of the elements of each parameter that is not the same tensor as an earlier one.
    labels : list of Label
        The labels by number.
    dimensions : dict of int to int
        Larger dimension of each draw of an orthogonal matrix.

    Notes
    -----
    About the time of one forward pass in double precision, and two doubles for each element of a live tensor.
    """

    def __init__(
        self, module: Any, runs: dict[str, Runs], labels: list[Label], dimensions: dict[int, int], inputs: Any
    ) -> None:
        super().__init__()
        self._held: dict[int, _Held] = {}
        draws = [label.draw for label in labels]
        self._fresh = itertools.count(max(draws, default=-1) + 1)
        self._everything = False
        self._generators = _states()
        for tensor in _tensors([inputs, list(_members(module))]):
            self._set(tensor, None)
        parameters = dict(module.named_parameters(remove_duplicate=False))
        for name, of in runs.items():
            self._set(parameters[name], _of_parameter(parameters[name], of, labels, dimensions))

    def energy(self, tensor: Any) -> float | None:
        """Return the sum of E z^2 over the elements of a tensor; None if there is no closed form."""
        found = self.moments(tensor)
        if found.square is None or self._everything or self._generators != _states():
            return None
        total = float(found.square.sum())
        return total if np.isfinite(total) else None

    def scale(self, tensor: Any, factor: float) -> None:
        """Multiply what is known of a tensor by a factor."""
        found = self.moments(tensor)
        if found.square is not None:
            self._set(tensor, replace(found, square=found.square * factor**2), written=True)

    def moments(self, tensor: Any) -> Moments:
        """Return what is known of a tensor."""
        storage = tensor.untyped_storage()
        held = self._held.get(storage._cdata)
        if held is None or held.alive.expired():
            # A number of the program; any other tensor was not made by the program that is watched.
            return constant(tensor) if tensor.ndim == 0 else Moments(None, frozenset({ANYTHING}))
        return held.of(tensor)

    def _set(self, tensor: Any, moments: Moments | None, *, written: bool = False) -> None:
        from torch.multiprocessing.reductions import StorageWeakRef

        storage = tensor.untyped_storage()
        held = self._held.get(storage._cdata)
        if held is None or held.alive.expired():
            held = self._held[storage._cdata] = _Held(StorageWeakRef(storage))
        if written:
            held.overwrite()
        held.tensors[_key(tensor)] = moments

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        call = Call(func, args, kwargs or {}, self.moments, self._fresh)
        given = list(_tensors(call.given))
        random_operation = torch.Tag.nondeterministic_seeded in func.tags
        sources = [self.moments(tensor) for tensor in given]
        fixed = not (random_operation or self._everything) and (
            call.name in CONSTANTS or not any(each.random for each in sources)
        )
        default = unknown(sources)
        if random_operation or self._everything:
            more = {next(self._fresh)} | ({ANYTHING} if self._everything else set())
            default = replace(default, draws=default.draws | more)
        found = [] if fixed else self._by_rule(call)
        expanded = any(each.independent and _repeats(tensor) for tensor, each in zip(given, sources, strict=True))
        written = list(_written(call))
        before = {tensor.untyped_storage()._cdata for tensor in given}
        out = func(*args, **(kwargs or {}))
        if call.name == "_local_scalar_dense" and any(each.random for each in sources):
            self._everything = True  # the program goes on with numbers of this draw
        results = list(_tensors(out))
        for tensor in written:
            self._set(tensor, None if fixed else default, written=True)
        for tensor, moments in itertools.zip_longest(results, found[: len(results)]):
            view = tensor.untyped_storage()._cdata in before and not written
            new = None if fixed else _checked(moments, tensor, default, lasting=view or not expanded)
            self._set(tensor, new, written=not view)
        return out

    def _by_rule(self, call: Call) -> list[Moments | None]:
        rule = RULES.get(call.name)
        if rule is None or self._everything or "out" in call.given:
            return []
        return rule(call)


def _checked(moments: Moments | None, tensor: Any, default: Moments, *, lasting: bool) -> Moments:
    """Return moments in the shape of the tensor; the default where a rule does not apply."""
    if moments is None or not tensor.is_floating_point():
        return default
    square = moments.square
    if square is not None and square.shape != tensor.shape:
        square = square.expand(tensor.shape) if square.ndim <= tensor.ndim else None
    totals = frozenset(axis for axis in moments.totals if square is not None and tensor.shape[axis] > 1)
    return replace(
        moments,
        square=square,
        draws=moments.draws | default.draws,
        totals=totals,
        independent=moments.independent and lasting,
        width=min(moments.width, default.width),
    )


def _key(tensor: Any) -> _Key:
    return (tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype)


def _repeats(tensor: Any) -> bool:
    return any(step == 0 and size > 1 for step, size in zip(tensor.stride(), tensor.shape, strict=True))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _written(call: Call) -> Iterator[torch.Tensor]:
    for argument in call.func._schema.arguments:
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from _tensors(call.given.get(argument.name))


def _members(module: Any) -> Iterator[Any]:
    """Parameters, buffers and other tensors of a model."""
    for part in module.modules():
        for value in vars(part).values():
            if not isinstance(value, torch.nn.Module):
                yield value


def _states() -> tuple[Any, ...]:
    """States of generators whose numbers the pass does not see."""
    return random.getstate(), np.random.get_state()[1].tobytes(), np.random.get_state()[2]  # type: ignore[index]  # noqa: NPY002


def _of_parameter(parameter: Any, runs: Runs, labels: list[Label], dimensions: dict[int, int]) -> Moments | None:
    """Moments of a parameter from the labels of its elements; None for a constant."""
    used = [labels[number] for number in np.unique(runs.labels).tolist()]
    drawn = [label for label in used if label.kind is Kind.RANDOM]
    if not all(_is_known(label, dimensions) for label in used):
        return Moments(None, frozenset({ANYTHING}))
    if drawn and any(np.isnan(label.centre) for label in used):
        return Moments(None, frozenset(label.draw for label in drawn))
    if not drawn:
        _fill_constants(parameter, runs, labels)
        return None if not parameter.is_meta else Moments(None)
    draws = frozenset(label.draw for label in drawn)
    symmetric = all(label.centre == 0.0 for label in used)
    squares = {number: _square(labels[number], dimensions) for number in np.unique(runs.labels).tolist()}
    if len(squares) == 1:
        square = torch.full((), next(iter(squares.values())), dtype=torch.float64).expand(parameter.shape)
    else:
        table = np.zeros(max(squares) + 1)
        table[list(squares)] = list(squares.values())
        lengths = runs.stops - runs.starts
        square = torch.from_numpy(np.repeat(table[runs.labels], lengths)).reshape(parameter.shape)
    return Moments(square, draws, draws if symmetric else None, independent=symmetric and _distinct(runs, labels))


def _is_known(label: Label, dimensions: dict[int, int]) -> bool:
    if label.kind is Kind.RANDOM:
        orthogonal = label.family is not None and label.family.name == "orthogonal"
        return label.reason != "guessed" and label.family is not None and (not orthogonal or label.draw in dimensions)
    return label.kind is Kind.CONSTANT


def _square(label: Label, dimensions: dict[int, int]) -> float:
    """E x^2 of a number with this label."""
    if label.kind is Kind.CONSTANT or label.family is None:
        return label.centre**2
    precision = float(dimensions[label.draw]) if label.draw in dimensions else label.family.precision
    return label.scale**2 / precision + label.centre**2


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


def _fill_constants(parameter: Any, runs: Runs, labels: list[Label]) -> None:
    """Set a constant parameter to the value of its law, which may be named by the user."""
    values = np.array([labels[number].centre for number in runs.labels.tolist()])
    if not np.isnan(values).any() and not parameter.is_meta:
        whole = np.repeat(values, runs.stops - runs.starts).reshape(tuple(parameter.shape))
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(whole))
