"""Builds of PyTorch models under trace, from a factory or from an instance whose layers can be drawn again."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from pyrometer.base import described, listed
from pyrometer.models._built import Built
from pyrometer.models._goodness import fits, guess
from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory
from pyrometer.models._parameters import named
from pyrometer.models._pytorch._redraw import Remainder
from pyrometer.models._pytorch._surroundings import copied, states
from pyrometer.models._pytorch._trace import Trace

__all__ = ["build", "redraw", "seeded"]

_Values: TypeAlias = npt.NDArray[Any] | None

_SINGLE = 4  # bytes of a number
_RESETS = ("reset_parameters", "_reset_parameters")


@contextmanager
def seeded(seed: int, *key: int) -> Iterator[None]:
    """Seed the generators of PyTorch, NumPy and Python by a seed and a key, and restore their states."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        try:
            # A seed of PyTorch's generator on the CPU has 32 bits.
            words = np.random.SeedSequence(seed, spawn_key=key).generate_state(3)
            _seed_pytorch(int(words[0]))
            np.random.seed(int(words[1]))  # noqa: NPY002
            random.seed(int(words[2]))
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002


def _seed_pytorch(number: int) -> None:
    """Seed as torch.manual_seed, which formats the stack of calls for each kind of device that is not there."""
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        torch.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


def build(model: Any, laws: Any, init: Callable[[Any], Any] | None, seed: int) -> Built:
    """Build a model under trace; `laws` names laws by patterns of names.

    Raises
    ------
    TypeError
        If `model` is neither a module nor a function that returns one.
    ValueError
        If parameters of an instance cannot be drawn again, or do not fit the laws of their layers.
    """
    if isinstance(model, torch.nn.Module):
        return _of_instance(model, laws, init, seed)
    second = _Second.of(_of_factory(model, laws, init, seed + 1)[0])  # its module is not kept
    return _compared(*_of_factory(model, laws, init, seed), second)


def _of_factory(model: Any, laws: Any, init: Callable[[Any], Any] | None, seed: int) -> tuple[Built, bool]:
    """Return a build, and whether it used random numbers that are not in tensors."""
    with seeded(seed), Trace() as trace:
        before = states()
        module = model()
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"model must return a torch.nn.Module, got {described(module)}.")
        if init is not None:
            init(module)
        used = trace.memory.numbers or states() != before
    return _read(module, laws, trace.memory), used


@dataclass(frozen=True)
class _Second:
    """What is kept of a second build: labels, values from outside of PyTorch, and what modules have beside tensors."""

    module: weakref.ref[Any]
    memory: Memory
    runs: dict[str, Runs]
    values: dict[str, _Values]
    rest: Remainder

    @classmethod
    def of(cls, built: Built) -> _Second:
        parameters = dict(built.module.named_parameters(remove_duplicate=False))
        outside = [name for name, runs in built.runs.items() if Kind.OUTSIDE in _kinds(built.memory, runs)]
        values = {name: values_of(parameters[name]) for name in outside}
        return cls(weakref.ref(built.module), built.memory, built.runs, values, Remainder.of(built.module))


def _read(module: Any, laws: Any, memory: Memory) -> Built:
    """Read the labels of all parameters; names of one tensor share those of its first name."""
    shapes, runs, shared, first = {}, {}, {}, dict[int, str]()
    named_laws = named(laws, [name for name, _ in module.named_parameters(remove_duplicate=False)])
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
            raise ValueError(
                f"parameter {name!r} is not initialised before the first call: call the model once in the factory, "
                "def factory(): model = MyModel(); model(inputs); return model."
            )
        shapes[name] = tuple(parameter.shape)
        if id(parameter) in first:
            shared[name] = first[id(parameter)]
            continue
        first[id(parameter)] = name
        runs[name] = memory.read(parameter)
        if name not in named_laws:
            _check_values(name, parameter, runs[name], memory)
    return Built(module, memory, shapes, runs, shared, named_laws)


def _kinds(memory: Memory, runs: Runs) -> set[Kind]:
    return {memory.labels[label].kind for label in np.unique(runs.labels).tolist()}


def values_of(parameter: Any) -> _Values:
    """Return the values of a parameter, at least as float32; None if it has none."""
    if parameter.is_meta:
        return None
    values = parameter.detach().cpu()
    return np.asarray((values.float() if values.element_size() < 4 else values).numpy())


def _check_values(name: str, parameter: Any, runs: Runs, memory: Memory) -> None:
    """Refuse a parameter whose values are not those of its label: written past the trace, as through numpy()."""
    label = memory.law(memory.labels[int(runs.labels[0])]) if len(runs.labels) == 1 else None
    if label is None or label.kind is not Kind.RANDOM or label.family is None:
        return
    values = values_of(parameter)
    rough = parameter.element_size() < _SINGLE
    if values is not None and not fits(values, label.family, label.scale, label.centre, rough=rough):
        raise ValueError(
            f"parameter {name!r} does not have the values that were drawn for it: they were replaced outside of "
            f"PyTorch; name its law, laws={{{name!r}: pm.Normal(...)}}."
        )


def _compared(built: Built, used: bool, second: _Second) -> Built:
    """Decide on numbers from outside of PyTorch by a second build: a constant is one value, in both builds."""
    memory, runs = built.memory, dict(built.runs)
    unknown = memory.number(Label(Kind.UNKNOWN, reason="numbers from outside of PyTorch"))
    parameters, seen = dict(built.module.named_parameters(remove_duplicate=False)), False
    for name in [name for name in runs if name not in built.named]:
        again = second.runs.get(name)
        if again is not None and again.size == runs[name].size:
            differ = _different(runs[name], memory, again, second.memory)
            seen |= bool(differ.any())
            runs[name] = runs[name].relabelled(np.where(differ, unknown, runs[name].labels).tolist())
        if Kind.OUTSIDE not in _kinds(memory, runs[name]):
            continue
        if built.module is second.module():
            raise ValueError(
                "model must build a new module at each call, got the same one twice; pass a function that calls the "
                "constructor, lambda: MyModel()."
            )
        runs[name], seen = _of_outside(runs[name], memory, values_of(parameters[name]), second.values.get(name)), True
    rest = Remainder.of(built.module)
    # Random numbers that are in no parameter may be in any object that the model has.
    memory.varies = rest.other_numbers(second.rest) or (used and not (seen and rest.same(second.rest)))
    return replace(built, runs=runs)


def _different(mine: Runs, memory: Memory, theirs: Runs, others: Memory) -> npt.NDArray[np.bool_]:
    """Return of which runs the law differs in a second build, whose scale or constant is a number drawn outside."""
    ends = np.searchsorted(theirs.stops, mine.stops - 1, side="right")
    begins = np.searchsorted(theirs.stops, mine.starts, side="right")
    return np.array(
        [
            any(
                _other_scale(memory.law(memory.labels[label]), others.law(others.labels[again]))
                for again in theirs.labels[begin : end + 1].tolist()
            )
            for label, begin, end in zip(mine.labels.tolist(), begins.tolist(), ends.tolist(), strict=True)
        ],
        dtype=bool,
    )


def _other_scale(mine: Label, theirs: Label) -> bool:
    if not {mine.kind, theirs.kind} <= {Kind.CONSTANT, Kind.RANDOM}:
        return False
    numbers = np.array([(each.scale, each.centre) for each in (mine, theirs)])
    same = (mine.kind, mine.family) == (theirs.kind, theirs.family)
    return not (same and np.array_equal(numbers[0], numbers[1], equal_nan=True))


def _of_outside(runs: Runs, memory: Memory, mine: _Values, again: _Values) -> Runs:
    """Return labels of numbers that were made outside of PyTorch, from their values in two builds."""
    labels, origins = runs.elements()
    which = np.array([memory.labels[label].kind is Kind.OUTSIDE for label in labels.tolist()])
    label = Label(Kind.UNKNOWN, reason="numbers from outside of PyTorch")
    if mine is not None and again is not None and again.size == mine.size:
        values, repeated = mine.reshape(-1)[which], again.reshape(-1)[which]
        if np.array_equal(values, repeated):
            if np.ptp(values) == 0.0:
                label = Label(Kind.CONSTANT, centre=float(values[0]))
            else:
                label = Label(Kind.UNKNOWN, reason="numbers from outside of PyTorch, equal in two builds")
        else:
            label = guess(values, memory.draw(len(labels))) or label
    labels[which] = memory.number(label)
    return Runs.of(labels, origins)


def _of_instance(model: Any, laws: Any, init: Callable[[Any], Any] | None, seed: int) -> Built:
    """Draw an instance again, layer by layer, and compare its values with the laws of its layers."""
    remedy = (
        "pass a function that builds it, model=lambda: MyModel(), the function that initialised it, init=..., or the "
        'laws by name, laws={"*.weight": pm.Normal(0.02)}'
    )
    module = copied(model)
    with seeded(seed), Trace() as trace:
        redraw(module, init)
    built = _read(module, laws, trace.memory)
    unnamed = [name for name in built.runs if name not in built.named]
    missing = [name for name in unnamed if _kinds(trace.memory, built.runs[name]) & {Kind.OUTSIDE, Kind.UNDRAWN}]
    if missing:
        raise ValueError(
            f"parameters [{listed(missing)}] of the instance are not drawn by reset_parameters() of a layer, which "
            f"leaves their law unknown; {remedy}."
        )
    parameters = dict(model.named_parameters())
    bare = [name for name in unnamed if parameters[name].is_meta]
    if bare:
        raise ValueError(f"parameters [{listed(bare)}] have no values (meta device) to compare with; {remedy}.")
    differ = [name for name in unnamed if not _as_labelled(parameters[name], built.runs[name], trace.memory)]
    if differ:
        raise ValueError(
            f"parameters [{listed(differ)}] do not have values of their layer's default law: the model was initialised "
            f"otherwise, or trained; {remedy}."
        )
    return replace(built, shared=built.shared | _copies(parameters, built))


def redraw(module: Any, init: Callable[[Any], Any] | None) -> None:
    """Draw the parameters of a module again, layer by layer; buffers that are not random keep their values."""
    for part in reversed(list(module.modules())):
        for name in _RESETS:
            if callable(getattr(part, name, None)):
                _reset(part, getattr(part, name))
    if init is not None:
        init(module)


def _reset(part: torch.nn.Module, reset: Callable[[], Any]) -> None:
    """Draw a module again, but for buffers that this sets to the same values each time, as running statistics."""
    before = _buffers(part)
    reset()
    once = _buffers(part)
    if all(name in once and torch.equal(value, once[name]) for name, value in before.items()):
        return
    reset()
    with torch.no_grad():
        for name, buffer in _buffers(part, copies=False).items():
            if name in before and name in once and torch.equal(once[name], buffer):
                buffer.copy_(before[name])


def _buffers(part: torch.nn.Module, *, copies: bool = True) -> dict[str, torch.Tensor]:
    """Return the buffers of a module that have values."""
    return {
        name: buffer.clone() if copies else buffer
        for name, buffer in part.named_buffers()
        if not (torch.nn.parameter.is_lazy(buffer) or buffer.is_meta)
    }


def _as_labelled(parameter: Any, runs: Runs, memory: Memory) -> bool:
    """Whether the values of a parameter fit its labels."""
    values = values_of(parameter)
    assert values is not None
    labels, rough = runs.elements()[0], parameter.element_size() < _SINGLE
    tolerance = 1e-2 if rough else 1e-6
    for number in np.unique(labels).tolist():
        label, part = memory.law(memory.labels[number]), values.reshape(-1)[labels == number]
        computed = label.kind is Kind.CONSTANT and np.isnan(label.centre)
        if (
            label.kind is Kind.CONSTANT
            and not computed
            and not np.allclose(part, label.centre, rtol=tolerance, atol=0.0)
        ):
            return False
        if label.family is not None and not fits(part, label.family, label.scale, label.centre, rough=rough):
            return False
    return True


def _copies(given: dict[str, Any], built: Built) -> dict[str, str]:
    """Return random parameters whose values are equal to those of an earlier one: copies, drawn once."""
    shared, first = {}, dict[bytes, str]()
    for name, runs in built.runs.items():
        if name in built.named or Kind.RANDOM not in _kinds(built.memory, runs):
            continue
        values = values_of(given[name])
        assert values is not None
        key = repr(values.shape).encode() + np.ascontiguousarray(values).tobytes()
        if key in first:
            shared[name] = first[key]
        first.setdefault(key, name)
    return shared
