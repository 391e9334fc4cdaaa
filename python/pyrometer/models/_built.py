"""A model as its framework has built it: the labels of its parameters by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyrometer.models._labels import Runs
from pyrometer.models._memory import Memory

__all__ = ["Built"]


@dataclass(frozen=True)
class Built:
    """A model, the labels of its parameters by name, those that are copies by value or one tensor, and laws by name."""

    module: Any
    memory: Memory
    shapes: dict[str, tuple[int, ...]]
    runs: dict[str, Runs]
    shared: dict[str, str]
    named: dict[str, Any]
