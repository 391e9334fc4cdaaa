"""A model as its framework has built it: the labels of its parameters by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyrometer.base import listed
from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory
from pyrometer.models._parameters import Counter, Drawn, text

__all__ = ["Built", "parameter_rows", "with_named"]


@dataclass(frozen=True)
class Built:
    """A model, the labels of its parameters by name, those that are copies by value or one tensor, and laws by name."""

    module: Any
    memory: Memory
    shapes: dict[str, tuple[int, ...]]
    runs: dict[str, Runs]
    shared: dict[str, str]
    named: dict[str, Any]


def with_named(built: Built) -> dict[str, Runs]:
    """Return the labels of parameters with the laws that the user names.

    Raises
    ------
    ValueError
        If parameters are not drawn.
    """
    memory, runs = built.memory, dict(built.runs)
    for name, law in built.named.items():
        ((family, scale),) = law.segments
        own, size = built.shared.get(name, name), math.prod(built.shapes[name])
        if family.random:
            label = Label(Kind.RANDOM, memory.draw(size), family, float(scale.reshape(())))
        else:
            label = Label(Kind.CONSTANT, centre=float(scale.reshape(())))
        runs[own] = Runs.whole(size, memory.number(label))
    # Copies have the numbers of what they are copies of.
    runs |= {name: runs[first] for name, first in built.shared.items() if name in runs}
    undrawn = memory.number(Label(Kind.UNDRAWN))
    missing = [name for name, of in runs.items() if undrawn in of.labels]
    if missing:
        raise ValueError(
            f"parameters [{listed(missing)}] are not drawn. trunc_normal_ and orthogonal_ do nothing on the meta "
            f'device: build on the CPU, or name their laws, laws={{"{missing[0]}": pm.Normal(0.02)}}.'
        )
    return runs


def parameter_rows(built: Built, runs: dict[str, Runs] | None = None) -> list[dict[str, Any]]:
    """Return a row for each parameter: its law, and what it adds to N and S that no earlier one has."""
    memory, rows = built.memory, []
    runs = with_named(built) if runs is None else runs
    labels = [memory.law(label) for label in memory.labels]
    counter = Counter(memory.sizes)
    for name, shape in built.shapes.items():
        same = built.shared.get(name, "")
        parts, copied = counter.laws(name, runs[same or name], labels)
        if same:
            parts = [Drawn(part.label, part.size, 0) for part in parts]
        rows.append(_row(name, shape, parts, same or copied))
    return rows


def _row(name: str, shape: tuple[int, ...], parts: list[Drawn], shared: str) -> dict[str, Any]:
    random = [part for part in parts if part.label.kind is not Kind.CONSTANT]
    scales = {part.label.scale for part in parts if part.label.kind is Kind.RANDOM}
    return {
        "name": name,
        "shape": "x".join(map(str, shape)) or "()",
        "law": text(parts),
        "scale": scales.pop() if len(scales) == 1 else np.nan,
        "parameters": sum(part.new for part in random),
        "entropy": float(sum(part.entropy for part in parts)),
        "shared_with": shared,
    }
