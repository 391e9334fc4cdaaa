"""The checked arguments of `measure`, as frameworks receive them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """The checked arguments of `measure`, but for the model."""

    inputs: Any
    y: Any
    mode: str
    method: str
    draws: int
    rtol: float | None
    laws: Mapping[str, Any] | None
    init: Callable[[Any], Any] | None
    trained: Any
    rows: int | None
    resolution: float
    seed: int
    device: Any
    progress: bool
