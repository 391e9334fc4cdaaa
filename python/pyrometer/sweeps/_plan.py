"""The plan of a sweep: pairs of systems and laws, partitioned into parts of similar cost with their table rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import quoted
from pyrometer.laws import form_of, merge_batches, part_of_batch
from pyrometer.linear import numbers_of, stack_key
from pyrometer.thermodynamics import Batched, System, bind, compose, evaluate, require

__all__ = ["FIELDS", "METHODS", "Answer", "Options", "Part", "Plan", "run"]

_Array: TypeAlias = npt.NDArray[Any]

FIELDS = (
    *("energy", "energy_error", "energy_bound", "minimum_energy", "entropy"),
    *("temperature", "standard_error", "marginal"),
)
METHODS = (
    *("exact", "refined", "asymptotic", "monte-carlo"),
    *("mean-field", "corrected-mean-field", "scalar-chain"),
)

# Limits of a part: its estimated time in nanoseconds, since an interruption loses the current part, and its number of
# pairs, so that its results stay in the cache.
_NANOSECONDS, _PAIRS = 2e8, 1 << 16
# Numbers of the systems of a sequence that are copied into one stack.
_COPIED = 1 << 21


class Options(NamedTuple):
    """Options common to all pairs."""

    resolution: float
    samples: int
    rng: int | np.random.SeedSequence
    threads: int | None


class Task(NamedTuple):
    """A batch of laws and a method, as an index; `places` are the indices of the laws in the table."""

    places: slice | _Array
    law: Batched
    method: int


class Piece(NamedTuple):
    """Members `first` to before `last` of a stack, and their tasks.

    The members of a system that begins one of the plan's groups are the systems of that group.
    """

    system: int
    first: int
    last: int
    tasks: tuple[Task, ...]


Part: TypeAlias = tuple[Piece, ...]
_Batch: TypeAlias = tuple[_Array, Batched]
_Priced: TypeAlias = tuple[Piece, float]


class Answer(NamedTuple):
    """Results of a task: `FIELDS` (8, systems, laws), and codes of the verdicts (systems, laws) and of the method."""

    numbers: npt.NDArray[np.float64]
    verdicts: npt.NDArray[np.int8]
    method: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Every system under every law by every method, in the order of the table: systems, stack, laws, batch, methods."""

    systems: dict[str, System]
    laws: dict[str, Batched]
    methods: tuple[str, ...]
    options: Options

    def check(self) -> None:
        """Raise an error that names the first pair of a law and a system that do not match."""
        # One system of each kind and size is checked, under one law of each form.
        kinds = {(type(s), s.parameters) if s.separable else id(s): name for name, s in reversed(self.systems.items())}
        forms = {form_of(law): name for name, law in reversed(self.laws.items())}
        for name, law in itertools.product(reversed(kinds.values()), reversed(forms.values())):
            try:
                for method in self.methods:
                    require(self.systems[name], self.laws[law], method)
            except (TypeError, ValueError) as error:  # noqa: PERF203
                raise type(error)(f"law {quoted(law)} must fit system {quoted(name)}: {error}") from error

    @cached_property
    def batches(self) -> npt.NDArray[np.int64]:
        """Number of laws in the batch of each law."""
        return np.array([math.prod(law.batch_shape) for law in self.laws.values()], dtype=np.int64)

    @cached_property
    def stacks(self) -> npt.NDArray[np.int64]:
        """Number of systems in the stack of each system."""
        return np.array([math.prod(system.shape) for system in self.systems.values()], dtype=np.int64)

    @cached_property
    def groups(self) -> dict[int, int]:
        """Numbers of the first of consecutive systems that form one stack, with the number of these systems."""
        lengths: dict[int, int] = {}
        first, last, longest = 0, None, 1
        for number, system in enumerate(self.systems.values()):
            key = stack_key(system)
            if key is None or key != last or lengths[first] == longest:
                first, last = number, key
                longest = 1 if key is None else max(1, _COPIED // numbers_of(system))
                lengths[first] = 0
            lengths[first] += 1
        return lengths

    def size(self, system: int) -> int:
        """Number of systems of a stack or group."""
        return int(self.stacks[system]) if self.groups[system] == 1 else self.groups[system]

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        """Number of systems in the stacks before each system."""
        return np.cumsum(self.stacks) - self.stacks

    @property
    def columns(self) -> int:
        """Rows of the table for each system of a stack."""
        return int(self.batches.sum()) * len(self.methods)

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return int(self.stacks.sum()) * self.columns

    def block(self, column: _Array, system: int) -> _Array:
        """View the rows of a system, or of a group by its first, as (stack, laws, methods)."""
        start, stack = int(self._starts[system]) * self.columns, self.size(system)
        return column[start : start + stack * self.columns].reshape(stack, -1, len(self.methods))

    def parts(self) -> Iterator[Part]:
        """Yield the parts in the order of the table; they depend on the plan only."""
        pieces: list[Piece] = []
        total = 0.0
        for piece, cost in self._pieces():
            if pieces and total + cost > _NANOSECONDS:
                yield tuple(pieces)
                pieces, total = [], 0.0
            pieces.append(piece)
            total += cost
        if pieces:
            yield tuple(pieces)

    def _pieces(self) -> Iterator[_Priced]:
        """Yield pieces with their estimated cost in nanoseconds."""
        batches = [
            (np.arange(end - size, end), law)
            for law, end, size in zip(self.laws.values(), np.cumsum(self.batches), self.batches, strict=True)
        ]
        merged: list[_Batch] = []
        systems = tuple(self.systems.values())
        for number in self.groups:
            system = systems[number]
            if not system.separable:
                yield from self._as_given(number, system, batches)
                continue
            merged = merged or list(merge_batches(batches))
            yield from self._separable(number, system, merged)

    def _costs(self, system: System, batches: Sequence[_Batch]) -> list[list[float]]:
        """Estimated cost of each batch by each method."""
        samples = self.options.samples
        return [[len(places) * system.cost(law, name, samples) for name in self.methods] for places, law in batches]

    def _as_given(self, number: int, system: System, batches: Sequence[_Batch]) -> Iterator[_Priced]:
        """Yield each batch as it was given: the results of its laws may depend on the batch in their last bits."""
        for (places, law), costs in zip(batches, self._costs(system, batches), strict=True):
            for method, cost in enumerate(costs):
                yield Piece(number, 0, 1, (_task(places, law, method),)), cost

    def _separable(self, number: int, system: System, batches: Sequence[_Batch]) -> Iterator[_Priced]:
        """Split a stack; if a single system exceeds the limits, split the batches as well."""
        costs, size = self._costs(system, batches), self.size(number)
        per_system = sum(map(sum, costs))
        step = min(int(_NANOSECONDS / per_system), _PAIRS // self.columns, size)
        if step == 0:
            for member in range(size):
                for batch, costs_of_batch in zip(batches, costs, strict=True):
                    yield from _split_batch(number, member, batch, costs_of_batch)
            return
        tasks = tuple(_task(*batch, method) for batch in batches for method in range(len(self.methods)))
        for first in range(0, size, step):
            last = min(first + step, size)
            yield Piece(number, first, last, tasks), (last - first) * per_system


def _split_batch(number: int, member: int, batch: _Batch, costs: Sequence[float]) -> Iterator[_Priced]:
    """Split the laws of a batch for one system into pieces within the limits, method by method."""
    places, law = batch
    for method, cost in enumerate(costs):
        pieces = math.ceil(max(cost / _NANOSECONDS, len(places) / _PAIRS))
        for chosen in np.array_split(np.arange(len(places)), min(pieces, len(places))):
            task = _task(places[chosen], part_of_batch(law, chosen[0], chosen[-1] + 1), method)
            yield Piece(number, member, member + 1, (task,)), cost * len(chosen) / len(places)


def run(pieces: Sequence[tuple[System, tuple[tuple[Batched, str], ...]]], options: Options) -> list[Answer]:
    """Results of all tasks of a part, in order."""
    return [_answer(system, law, method, options) for system, tasks in pieces for law, method in tasks]


def _answer(system: System, law: Batched, method: str, options: Options) -> Answer:
    resolution, samples, rng, threads = options
    bound = bind(system, law)
    evaluated = evaluate(system, bound, method, samples, rng, threads, slope=True)
    energy, temperature = evaluated.estimate, compose(system, bound, evaluated, resolution, None, threads, coded=True)
    shape = (math.prod(system.shape), math.prod(law.batch_shape))
    values = (
        *(energy.value, energy.standard_error, energy.error_bound, temperature.minimum_energy, temperature.entropy),
        *(temperature.value, temperature.standard_error, temperature.marginal),
    )
    numbers = np.stack([np.reshape(value, shape) for value in values])
    verdicts = np.array(temperature.verdict, np.int8).reshape(shape)
    return Answer(numbers, verdicts, METHODS.index(temperature.method))


def _task(places: _Array, law: Batched, method: int) -> Task:
    contiguous = places[-1] - places[0] == len(places) - 1
    return Task(slice(int(places[0]), int(places[-1]) + 1) if contiguous else places, law, method)
