"""Parameters of a model: what is random, how often it is used, and its entropy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from pyrometer.base import described, listed, nearest, validate
from pyrometer.laws import Family
from pyrometer.models._labels import Kind, Label, Runs

__all__ = ["Counter", "Drawn", "named", "text"]


@dataclass(frozen=True)
class Drawn:
    """One law of a parameter: how many of its elements have it, and how many of them no earlier parameter has."""

    label: Label
    size: int
    new: int

    @property
    def entropy(self) -> float:
        """Entropy of the new elements in nats; 0 for constants, nan if their law is not known or has no density."""
        if self.label.kind is Kind.CONSTANT or self.new == 0:
            return 0.0
        if self.label.kind is not Kind.RANDOM or self.label.family is None:
            return float("nan")
        return self.new * (self.label.family.entropy + float(np.log(self.label.scale)))


@dataclass
class Counter:
    """Counts random numbers once, in whichever parameters they are."""

    sizes: list[int]
    _whole: set[int] = field(default_factory=set)
    _seen: dict[int, np.ndarray[Any, np.dtype[np.bool_]]] = field(default_factory=dict)
    _first: dict[int, str] = field(default_factory=dict)

    def laws(self, name: str, runs: Runs, labels: list[Label]) -> tuple[list[Drawn], str]:
        """Return the laws of a parameter, and the name of an earlier parameter that has the same random numbers."""
        shared, parts = "", []
        for number in dict.fromkeys(runs.labels.tolist()):
            which = runs.labels == number
            lengths = (runs.stops - runs.starts)[which]
            size, label = int(lengths.sum()), labels[number]
            new = size
            if label.kind is Kind.RANDOM:
                first = self._first.setdefault(label.draw, name)
                new = self._count(label.draw, runs.origins[which], lengths, size)
                if new < size and first != name:  # numbers of its own may occur twice
                    shared = shared or first
            parts.append(Drawn(label, size, new))
        return parts, shared

    def _count(self, draw: int, origins: Any, lengths: Any, size: int) -> int:
        """Return how many of these elements of a draw are met for the first time."""
        if draw in self._whole:
            return 0
        if draw not in self._seen and size == self.sizes[draw] and len(lengths) == 1:
            self._whole.add(draw)
            return size
        if draw not in self._seen:
            self._seen[draw] = np.zeros(self.sizes[draw], dtype=bool)
        seen = self._seen[draw]
        before = int(seen.sum())
        for origin, length in zip(origins.tolist(), lengths.tolist(), strict=True):
            seen[origin : origin + length] = True
        return int(seen.sum()) - before


def text(parts: list[Drawn]) -> str:
    """Return the laws of a parameter as text."""
    each: dict[str, int] = {}
    for part in parts:
        law = _law(part.label)
        each[law] = each.get(law, 0) + part.size
    if len(each) == 1:
        return next(iter(each))
    return "; ".join(f"{law} ({size})" for law, size in each.items())


def _law(label: Label) -> str:
    if label.kind is Kind.CONSTANT:
        return "Constant(computed)" if np.isnan(label.centre) else f"Constant({label.centre:.6g})"
    if label.kind is not Kind.RANDOM or label.family is None:
        return f"unknown: {label.reason or label.kind.value}"
    moved = f" + {label.centre:.6g}" if label.centre else ""
    guessed = ", guessed" if label.reason == "guessed" else ""
    return f"{_name(label.family)}({_arguments(label)}){moved}{guessed}"


def _name(family: Family) -> str:
    return "".join(word.capitalize() for word in family.name.split())


def _arguments(label: Label) -> str:
    bound = label.family.bound if label.family is not None else None
    truncated = bound is not None and 0.0 < bound < np.inf
    return f"{label.scale:.6g}" + (f", bound={bound:.6g}" if truncated else "")


def named(laws: Mapping[str, Any] | None, names: list[str]) -> dict[str, Any]:
    """Return the law that a user names for each parameter, by patterns; the first that matches."""
    if laws is None:
        return {}
    given: dict[str, Any] = {}
    for pattern, law in validate.mapping("laws", laws, "patterns of names to laws").items():
        segments = getattr(law, "segments", None)
        if isinstance(law, type) or segments is None or len(segments) != 1 or segments[0][1].size != 1:
            raise TypeError(
                f"laws[{pattern!r}] must be a law of one scale such as pm.Normal(0.02) or pm.Constant(0.0), got "
                f"{described(law)}."
            )
        matching = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
        if not matching:
            raise ValueError(
                f"laws[{pattern!r}] matches no parameter of [{listed(names)}]{nearest(pattern, names, fallback='')}."
            )
        for name in matching:
            given.setdefault(name, law)
    return given
