"""Draws of a model in place, from the traced laws of its parameters, where nothing else is random."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pyrometer import _core
from pyrometer.laws import CONSTANT, NORMAL, UNIFORM, Family
from pyrometer.models._built import Built, with_named
from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory

__all__ = ["Redraw", "Remainder", "draw_into", "drawable"]

# Numbers that are drawn together, half a megabyte, and draws of the core that they are: faster than one.
_BLOCK, _DRAWS = 1 << 17, 128
# What modules of PyTorch keep beside attributes of their own.
_MACHINERY = {"_parameters", "_buffers", "_modules"}
_PLAIN = (int, float, str, bytes, set, frozenset, torch.Size, torch.dtype, torch.device)


@dataclass(frozen=True)
class Remainder:
    """What a model has beside its parameters: buffers, and attributes of its modules."""

    buffers: dict[str, torch.Tensor]
    attributes: dict[tuple[str, str], Any]

    @classmethod
    def of(cls, module: torch.nn.Module) -> Remainder:
        """Read the remainder of a model; buffers are copied."""
        attributes = {
            (path, name): value
            for path, part in module.named_modules()
            for name, value in vars(part).items()
            if name not in _MACHINERY and not (name.endswith("_hooks") and not value)
        }
        kinds = {(path, "class"): type(part) for path, part in module.named_modules()}
        return cls({name: buffer.clone() for name, buffer in module.named_buffers()}, attributes | kinds)

    def same(self, other: Remainder) -> bool:
        """Whether two builds of a model differ in their parameters at most."""
        return _same(self.buffers, other.buffers) and _same(self.attributes, other.attributes)

    def other_numbers(self, other: Remainder) -> bool:
        """Whether numbers that modules keep differ in two builds of a model; objects of other types are left out."""
        return any(
            _differ(value, other.attributes[key]) for key, value in self.attributes.items() if key in other.attributes
        )

    def unchanged(self, module: torch.nn.Module) -> bool:
        """Whether forward passes have left all as it was, but for values of buffers and the mode."""
        now = Remainder.of(module)
        mine, theirs = (
            {key: value for key, value in of.attributes.items() if key[1] != "training"} for of in (self, now)
        )
        before, after = ({name: (each.shape, each.dtype) for name, each in of.buffers.items()} for of in (self, now))
        return before == after and _same(mine, theirs)

    def restore(self, module: torch.nn.Module) -> None:
        """Give a model its buffers back."""
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(self.buffers[name])


def _same(one: Any, other: Any) -> bool:
    """Whether two values are known to be equal; objects that cannot be compared are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        same = (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
        return same and bool(torch.equal(one, other))
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is other or (isinstance(one, _PLAIN) and one == other)


def _differ(one: Any, other: Any) -> bool:
    """Whether two values are known to be different; tensors are compared by their labels."""
    if isinstance(one, (bool, int, float, complex, np.ndarray, np.generic)):
        mine, theirs = np.asarray(one), np.asarray(other)
        return mine.dtype != theirs.dtype or not np.array_equal(mine, theirs, equal_nan=mine.dtype.kind in "fc")
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and any(_differ(one[key], other[key]) for key in one if key in other)
    if isinstance(one, (list, tuple)):
        return isinstance(other, (list, tuple)) and (len(one) != len(other) or any(map(_differ, one, other)))
    return False


def drawable(built: Built) -> bool:
    """Whether the law of every element is traced, and can be drawn, and builds differ in parameters alone."""
    if built.memory.varies:
        return False
    used = {number for runs in with_named(built).values() for number in np.unique(runs.labels).tolist()}
    return all(_can_be_drawn(built.memory.law(built.memory.labels[number])) for number in used)


def _can_be_drawn(label: Label) -> bool:
    if label.kind is not Kind.RANDOM or label.family is None:
        return label.kind is Kind.CONSTANT
    return label.reason == "" and (label.family in (NORMAL, UNIFORM) or label.family.name == "truncated normal")


class Redraw:
    """Draws random elements of parameters anew, those of one draw once; computed constants keep their values."""

    def __init__(self, parameters: Mapping[str, torch.Tensor], runs: Mapping[str, Runs], memory: Memory) -> None:
        self._memory = memory
        labels = {name: [memory.labels[number] for number in runs[name].labels.tolist()] for name in parameters}
        uses = Counter(draw for each in labels.values() for draw in {label.draw for label in each})
        self._alone: list[tuple[torch.Tensor, Label, Family]] = []
        self._joint: list[tuple[torch.Tensor, Runs]] = []
        for name, parameter in parameters.items():
            if not labels[name]:
                continue  # a parameter without elements
            label = memory.law(labels[name][0])
            alone = len(labels[name]) == 1 and uses[label.draw] == 1
            if label.kind is Kind.RANDOM and alone and label.family is not None:
                self._alone.append((parameter, label, label.family))
            else:
                self._joint.append((parameter, runs[name]))

    def draw(self) -> None:
        """Draw all parameters."""
        drawn: dict[int, torch.Tensor] = {}
        with torch.no_grad():
            for parameter, label, family in self._alone:
                draw_into(parameter, family, label.scale)
                if label.centre:
                    parameter.add_(label.centre)
            for parameter, runs in self._joint:
                values = parameter.detach().reshape(-1).clone()
                _fill(values, runs, self._memory, drawn)
                parameter.copy_(values.reshape(parameter.shape))


def _fill(values: torch.Tensor, runs: Runs, memory: Memory, drawn: dict[int, torch.Tensor]) -> None:
    """Fill the elements of runs from draws at scale 1."""
    for start, stop, number, origin in zip(
        runs.starts.tolist(), runs.stops.tolist(), runs.labels.tolist(), runs.origins.tolist(), strict=True
    ):
        label = memory.law(memory.labels[number])
        if label.kind is Kind.CONSTANT and not math.isnan(label.centre):
            values[start:stop] = label.centre  # a forward pass may have changed it
        if label.kind is not Kind.RANDOM or label.family is None:
            continue
        if label.draw not in drawn:
            drawn[label.draw] = torch.empty(memory.sizes[label.draw], dtype=values.dtype, device=values.device)
            draw_into(drawn[label.draw], label.family, 1.0)
        part = drawn[label.draw][origin : origin + stop - start]
        scale = -label.scale if label.negative else label.scale
        values[start:stop] = scale * part.to(values) + label.centre


def draw_into(tensor: torch.Tensor, family: Family, scale: float) -> None:
    """Replace the values of a tensor by independent draws."""
    if family == CONSTANT:
        tensor.copy_(torch.tensor(scale, dtype=torch.float64))
    elif tensor.is_floating_point() and tensor.device.type == "cpu":
        _draw_by_core(tensor, family, scale)
    elif family == NORMAL:
        tensor.normal_(0.0, scale)
    elif family == UNIFORM:
        tensor.uniform_(-0.5 * scale, 0.5 * scale)
    else:
        inside = torch.special.erf(torch.tensor(_bound(family) / 2.0**0.5, dtype=torch.float64))
        uniform = torch.rand(tensor.shape, dtype=torch.float64, device=tensor.device)
        tensor.copy_(scale * 2.0**0.5 * torch.special.erfinv((2.0 * uniform - 1.0) * inside.to(tensor.device)))


def _draw_by_core(tensor: torch.Tensor, family: Family, scale: float) -> None:
    """Draw numbers by the generators of the core, in a third of PyTorch's time; their key is drawn by PyTorch."""
    key: tuple[int, int] = tuple(torch.randint(2**62, (2,)).tolist())
    single = tensor.dtype is not torch.float64
    flat = tensor.detach().view(-1) if tensor.is_contiguous() else torch.empty(tensor.numel(), dtype=tensor.dtype)
    for first in range(0, len(flat), _BLOCK):
        part = flat[first : first + _BLOCK]
        draws = _DRAWS if len(part) >= _DRAWS else 1
        place = 0, draws, first // _DRAWS, -(-len(part) // draws)
        if family == NORMAL:
            numbers = _core.normals(key, *place, single)
        elif family == UNIFORM:
            numbers = _core.uniforms(key, *place, single)
        else:
            numbers = _core.truncated_normals(key, *place, _bound(family), single)
        torch.mul(torch.from_numpy(numbers.reshape(-1)[: len(part)]), scale, out=part)
    if not tensor.is_contiguous():
        tensor.copy_(flat.reshape(tensor.shape))


def _bound(family: Family) -> float:
    if family.name != "truncated normal" or family.bound is None:
        raise ValueError(f"laws must be of a family that can be drawn in PyTorch, got {family.name!r}.")
    return family.bound
