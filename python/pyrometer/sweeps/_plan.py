"""The work of a sweep: pairs of systems and laws, cut into parts of alike cost that know their place in the table."""

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
from pyrometer.laws import merge_batches, part_of_batch
from pyrometer.thermodynamics import Batched, System, compose, evaluate, require

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

# A part takes about this long, which is what an interruption loses; and its answers stay in the cache.
_NANOSECONDS, _PAIRS = 2e8, 1 << 16


class Options(NamedTuple):
    """What all pairs share."""

    resolution: float
    samples: int
    rng: int | np.random.SeedSequence
    threads: int | None


class Task(NamedTuple):
    """A batch of laws and a method; `places` are those of the laws among all."""

    places: slice | _Array
    law: Batched
    method: int


class Piece(NamedTuple):
    """Members `first` to `last` of a stack, and what is asked of them."""

    system: int
    first: int
    last: int
    tasks: tuple[Task, ...]


Part: TypeAlias = tuple[Piece, ...]


class Answer(NamedTuple):
    """Of a task: `FIELDS` (8, systems, laws), verdicts (systems, laws) and the method that ran, as codes."""

    numbers: npt.NDArray[np.float64]
    verdicts: npt.NDArray[np.int8]
    method: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Every system under every law by every method; the rows of the table in that order, stacks and batches within."""

    systems: dict[str, System]
    laws: dict[str, Batched]
    methods: tuple[str, ...]
    options: Options

    def check(self) -> None:
        """Raise an error that names the first pair that does not fit."""
        alike = {(type(s), s.parameters) if s.separable else id(s): name for name, s in reversed(self.systems.items())}
        for name, law in itertools.product(reversed(alike.values()), self.laws):
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

    @property
    def columns(self) -> int:
        """Rows of the table for each system of a stack."""
        return int(self.batches.sum()) * len(self.methods)

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return int(self.stacks.sum()) * self.columns

    def block(self, column: _Array, system: int) -> _Array:
        """View the rows of a system as (stack, laws, methods)."""
        start = int(self.stacks[:system].sum()) * self.columns
        stack = int(self.stacks[system])
        return column[start : start + stack * self.columns].reshape(stack, -1, len(self.methods))

    def parts(self) -> Iterator[Part]:
        """Yield the work in the order of the table; always the same parts."""
        pieces: list[Piece] = []
        spent = 0.0
        for piece, cost in self._pieces():
            if pieces and spent + cost > _NANOSECONDS:
                yield tuple(pieces)
                pieces, spent = [], 0.0
            pieces.append(piece)
            spent += cost
        if pieces:
            yield tuple(pieces)

    def _pieces(self) -> Iterator[tuple[Piece, float]]:
        of_size: dict[int, list[tuple[_Array, Batched]]] = {}
        singles = [
            (np.arange(end - size, end), law)
            for law, end, size in zip(self.laws.values(), np.cumsum(self.batches), self.batches, strict=True)
        ]
        for number, system in enumerate(self.systems.values()):
            if not system.separable:  # laws stay as they came
                for places, law in singles:
                    for method in range(len(self.methods)):
                        cost = len(places) * system.cost(law, self.methods[method], self.options.samples)
                        yield Piece(number, 0, 1, (_task(places, law, method),)), cost
                continue
            if system.parameters not in of_size:
                of_size[system.parameters] = list(merge_batches(singles, system.parameters))
            yield from self._linear(number, system, of_size[system.parameters])

    def _linear(
        self, number: int, system: Any, groups: Sequence[tuple[_Array, Batched]]
    ) -> Iterator[tuple[Piece, float]]:
        """Cut along the stack, and along the batch where one system is too much."""
        costs = [
            [len(places) * system.cost(law, method, self.options.samples) for method in self.methods]
            for places, law in groups
        ]
        each, size = sum(map(sum, costs)), int(self.stacks[number])
        step = min(int(_NANOSECONDS / each), _PAIRS // self.columns, size)
        if step > 0:
            tasks = tuple(_task(*group, method) for group in groups for method in range(len(self.methods)))
            for first in range(0, size, step):
                last = min(first + step, size)
                yield Piece(number, first, last, tasks), (last - first) * each
            return
        for member in range(size):
            for (places, law), prices in zip(groups, costs, strict=True):
                for method, price in enumerate(prices):
                    parts = math.ceil(max(price / _NANOSECONDS, len(places) / _PAIRS))
                    for some in np.array_split(np.arange(len(places)), min(parts, len(places))):
                        few = part_of_batch(law, some[0], some[-1] + 1)
                        yield (
                            Piece(number, member, member + 1, (_task(places[some], few, method),)),
                            price * len(some) / len(places),
                        )


def run(pieces: Sequence[tuple[System, tuple[tuple[Batched, str], ...]]], options: Options) -> list[Answer]:
    """Answers of all tasks of a part, in order."""
    return [_answer(system, law, method, options) for system, tasks in pieces for law, method in tasks]


def _answer(system: System, law: Batched, method: str, options: Options) -> Answer:
    resolution, samples, rng, threads = options
    found = evaluate(system, law, method, samples, rng, threads, slope=True)
    energy, hot = found.estimate, compose(system, law, found, resolution, None, threads, coded=True)
    shape = (math.prod(system.shape), math.prod(law.batch_shape))
    values = (
        *(energy.value, energy.standard_error, energy.error_bound, hot.minimum_energy, hot.entropy),
        *(hot.value, hot.standard_error, hot.marginal),
    )
    numbers = np.stack([np.reshape(value, shape) for value in values])
    return Answer(numbers, np.array(hot.verdict, np.int8).reshape(shape), METHODS.index(hot.method))


def _task(places: _Array, law: Batched, method: int) -> Task:
    neighbours = places[-1] - places[0] == len(places) - 1
    return Task(slice(int(places[0]), int(places[-1]) + 1) if neighbours else places, law, method)
