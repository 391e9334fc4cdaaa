"""What is known of the numbers of a tensor, and labels of all its elements as runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.laws import Family

__all__ = ["FAR", "Kind", "Label", "Runs", "joined"]

FAR = 38.0
"""A normal law that is truncated this many standard deviations from its mean is normal in double precision."""

_Integers: TypeAlias = npt.NDArray[np.int64]


class Kind(Enum):
    """How a number was generated."""

    UNDRAWN = "memory that was never written"
    CONSTANT = "a constant"
    RANDOM = "an independent draw from a family of laws"
    OUTSIDE = "made outside of the framework"
    UNKNOWN = "unknown"
    """It may depend on any draw."""
    FIXED = "values of the file"
    MASK = "whether a draw is outside of bounds"
    TRIANGLE = "the triangle of a QR factorisation, or the signs of its diagonal"


@dataclass(frozen=True)
class Label:
    """What is known of a number.

    A random number is ``centre + scale u``, or ``centre - scale u`` if it is `negative`, with u of the family at scale
    1 and draws of one number independent. A constant has the value `centre`; nan if the value was computed. Bounds of a
    mask are values of u.
    """

    kind: Kind
    draw: int = -1
    family: Family | None = None
    scale: float = 0.0
    centre: float = 0.0
    reason: str = ""
    bounds: tuple[float, float] = (-np.inf, np.inf)
    negative: bool = False


@dataclass(frozen=True)
class Runs:
    """Labels of consecutive elements: run k ends before ``stops[k]``.

    Element i of a run that begins at b is number ``origins[k] + i - b`` of its draw, which distinguishes copies from
    draws of their own.
    """

    stops: _Integers
    labels: _Integers
    origins: _Integers

    @classmethod
    def whole(cls, size: int, label: int) -> Runs:
        """Return `size` elements of one label, in order; no run where there are none."""
        runs = slice(0, 1 if size else 0)
        return cls(np.array([size])[runs], np.array([label])[runs], np.array([0])[runs])

    @classmethod
    def of(cls, labels: _Integers, origins: _Integers) -> Runs:
        """Return the runs of labels and origins that are given for each element."""
        size = len(labels)
        new = np.ones(size, dtype=bool)
        new[1:] = (labels[1:] != labels[:-1]) | (origins[1:] != origins[:-1] + 1)
        starts = np.flatnonzero(new)
        return cls(np.append(starts[1:], size), labels[starts], origins[starts])

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.stops[-1]) if len(self.stops) else 0

    @property
    def starts(self) -> _Integers:
        """First element of each run."""
        return np.append(np.zeros(1, np.int64), self.stops[:-1])[: len(self.stops)]

    def elements(self) -> tuple[_Integers, _Integers]:
        """Label and origin of each element."""
        lengths = self.stops - self.starts
        labels = np.repeat(self.labels, lengths)
        return labels, np.repeat(self.origins - self.starts, lengths) + np.arange(self.size)

    def part(self, first: int, last: int) -> Runs:
        """Elements `first` to before `last`."""
        if (first, last) == (0, self.size) or first == last:
            return self if first != last else Runs(self.stops[:0], self.labels[:0], self.origins[:0])
        begin = int(np.searchsorted(self.stops, first, side="right"))
        end = int(np.searchsorted(self.stops, last, side="left")) + 1
        stops, origins = self.stops[begin:end] - first, self.origins[begin:end].copy()
        stops[-1] = last - first
        origins[0] += first - self.starts[begin]
        return Runs(stops, self.labels[begin:end], origins)

    def replaced(self, first: int, runs: Runs) -> Runs:
        """Return these elements with those from `first` on replaced."""
        last = first + runs.size
        if (first, last) == (0, self.size):
            return runs
        return joined([self.part(0, first), runs, self.part(last, self.size)])

    def relabelled(self, labels: Iterable[int]) -> Runs:
        """Return the same runs with other labels, one for each."""
        return Runs(self.stops, np.array(list(labels), dtype=np.int64), self.origins)


def joined(parts: list[Runs]) -> Runs:
    """Return runs after one another."""
    shift = np.cumsum([0] + [part.size for part in parts[:-1]])
    stops = np.concatenate([part.stops + before for part, before in zip(parts, shift, strict=True)])
    labels, origins = (np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "origins"))
    return Runs(stops, labels, origins)
