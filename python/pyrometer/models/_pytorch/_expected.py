"""Expectations over the layer's own weights: sums of squared outputs, given the input.

Where weights have mean zero, are uncorrelated within each sum and independent of the input, sum sigma^2 x^2 + E b^2
replaces the square of w x + b (not in the paper). Weights are independent of the input of the first operation that uses
their random numbers, unless an earlier one used numbers of which it is not known what they were computed from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory
from pyrometer.models._pytorch._consumers import Consumer, Operands
from pyrometer.models._pytorch._operations import Given
from pyrometer.networks import ORTHOGONAL

__all__ = ["Elements", "Expectation", "Expected", "square"]

Elements: TypeAlias = list[tuple[int, int, int]]
"""A draw, its first element, and the end of the last."""


def square(tensor: torch.Tensor) -> float:
    """Return the sum of squares in double precision."""
    real = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    return float(torch.linalg.vector_norm(real, dtype=torch.float64)) ** 2


@dataclass(frozen=True)
class Expected:
    """A sum of squared outputs; whether it is an expectation; whether the outputs have mean zero given the rest."""

    value: float
    averaged: bool
    centred: bool


@dataclass(frozen=True)
class _Moments:
    """E w^2 of the elements of a weight, one number or one for each, and whether all have mean zero."""

    second: float | torch.Tensor
    centred: bool


class Expectation:
    """Second moments of weights, as long as their random numbers have not been used."""

    def __init__(self, runs: Mapping[str, Runs], memory: Memory) -> None:
        self._memory = memory
        self._runs = runs
        self._used: dict[int, list[tuple[int, int]]] = {}
        self._anything_used = False

    def mark_used(self, weights: Iterable[torch.Tensor], names: Callable[[torch.Tensor], Iterable[str]]) -> None:
        """Note that an operation has used weights, of parameters with these names: activations depend on them now."""
        for weight in weights:
            uniform = self._memory.uniform(weight)
            if uniform is not None and uniform[0].kind is Kind.RANDOM:
                self._used.setdefault(uniform[0].draw, []).append(uniform[1:])
                continue
            for name in names(weight):
                elements = self._elements_of(self._runs[name])
                self._anything_used = self._anything_used or elements is None
                for draw, first, last in elements or ():
                    self._used.setdefault(draw, []).append((first, last))

    def of_product(self, consumer: Consumer, operands: Operands, given: Given, out: torch.Tensor) -> Expected:
        """Return the sum of the squared outputs of a product with a weight."""
        weight = None if operands.weight.is_complex() or out.is_complex() else self.moments(operands.weight)
        dependent = operands.bias is not None and self.meets(self.elements(operands.weight), operands.bias)
        if weight is None or (consumer.centred and not weight.centred) or dependent:
            return Expected(square(out), averaged=False, centred=False)
        value, centred = operands.factor**2 * consumer.square(operands, given, weight.second), weight.centred
        if operands.bias is not None:
            bias = self.of_bias(operands.bias, out.numel())
            value, centred = value + operands.bias_factor**2 * bias.value, centred and bias.centred
        return Expected(value, averaged=True, centred=centred)

    def of_bias(self, bias: torch.Tensor, outputs: int) -> Expected:
        """Return what a bias adds to the sum of the squares of `outputs` outputs of mean zero."""
        moments = self.moments(bias)
        repeats = outputs / max(bias.numel(), 1)
        if moments is None:
            return Expected(repeats * square(bias), averaged=False, centred=False)
        second = moments.second
        each = float(second.sum()) if isinstance(second, torch.Tensor) else second * bias.numel()
        return Expected(repeats * each, averaged=True, centred=moments.centred)

    def elements(self, tensor: torch.Tensor) -> Elements | None:
        """Return the draws that a tensor has elements of, as spans; None if it has numbers that are unknown."""
        uniform = self._memory.uniform(tensor)
        if uniform is not None and uniform[0].kind is Kind.RANDOM:
            return [(uniform[0].draw, *uniform[1:])]
        return self._elements_of(self._memory.read(tensor)) if self._memory.holds(tensor) else []

    def meets(self, elements: Elements | None, bias: torch.Tensor) -> bool:
        """Whether a bias may depend on these elements of draws, those of a weight; activations do not here."""
        others = self.elements(bias)
        if elements is None or others is None:
            return bool(elements != [] and others != [])
        return any(
            draw == other and first < end and begin < last
            for draw, first, last in elements
            for other, begin, end in others
        )

    def moments(self, weight: torch.Tensor) -> _Moments | None:
        """Return the moments of independent numbers; None if they are not, are unknown, or have been used."""
        uniform = self._memory.uniform(weight)
        if uniform is not None and 0 not in weight.stride():
            moments = self._label_moments(*uniform, weight)
            return None if moments is None else _Moments(moments[0], centred=moments[1] == 0.0)
        runs = self._memory.read(weight)
        if not self._independent(runs):
            return None
        ends = (runs.origins + runs.stops - runs.starts).tolist()
        each = [
            self._label_moments(self._memory.labels[number], first, last, weight)
            for number, first, last in zip(runs.labels.tolist(), runs.origins.tolist(), ends, strict=True)
        ]
        if not each or any(moments is None for moments in each):
            return None
        second, centre = np.array(each, dtype=float).T
        if np.ptp(second) == 0.0:
            return _Moments(float(second[0]), centred=not centre.any())
        elements = np.repeat(second, runs.stops - runs.starts).reshape(tuple(weight.shape))
        return _Moments(torch.from_numpy(elements).to(weight.device), centred=not centre.any())

    def _label_moments(self, label: Label, first: int, last: int, weight: torch.Tensor) -> tuple[float, float] | None:
        """Return E w^2 and the mean of numbers with this label, elements `first` to before `last` of their draw."""
        label = self._memory.law(label)
        if label.kind is Kind.CONSTANT and not np.isnan(label.centre):
            return label.centre * label.centre, label.centre
        if label.kind is not Kind.RANDOM or label.family is None:
            return None
        if self._anything_used or any(begin < last and first < end for begin, end in self._used.get(label.draw, ())):
            return None
        precision = label.family.precision
        if label.family is ORTHOGONAL:
            if label.draw not in self._memory.dimensions or weight.numel() != self._memory.sizes[label.draw]:
                return None
            precision = self._memory.dimensions[label.draw]
        variance = label.scale * label.scale / precision
        return variance + label.centre * label.centre, label.centre

    def _independent(self, runs: Runs) -> bool:
        """Whether no number of a draw occurs twice."""
        draws = np.array([self._memory.labels[number].draw for number in runs.labels.tolist()])
        order = np.lexsort((runs.origins, draws))
        draws, first, lengths = draws[order], runs.origins[order], (runs.stops - runs.starts)[order]
        same = (draws[1:] == draws[:-1]) & (draws[1:] >= 0)
        return not (same & (first[1:] < first[:-1] + lengths[:-1])).any()

    def _elements_of(self, runs: Runs) -> Elements | None:
        """Return the draws that runs have elements of, the first element, and the end of the last; None as above."""
        spans = dict[int, tuple[int, int]]()
        ends = runs.origins + runs.stops - runs.starts
        for number, first, last in zip(runs.labels.tolist(), runs.origins.tolist(), ends.tolist(), strict=True):
            label = self._memory.labels[number]
            if label.kind is Kind.UNKNOWN:
                return None
            if label.kind is Kind.RANDOM:
                begin, end = spans.get(label.draw, (first, last))
                spans[label.draw] = min(begin, first), max(end, last)
        return [(draw, *span) for draw, span in spans.items()]
