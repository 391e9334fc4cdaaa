"""Draws of the parameters of linear systems."""

from __future__ import annotations

import numpy as np

from pyrometer import _core
from pyrometer.laws import Spread
from pyrometer.linear._closed_form import Array

__all__ = ["draw_parameters"]


def draw_parameters(law: Spread, draws: int, key: tuple[int, int], first: int = 0) -> Array:
    """Parameters of draws from the `first` on, shape batch + (draws, n): those that the core's samplers draw."""
    unit = _core.standard_numbers(key, first, draws, law.bounds)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(unit.T * law.scales[..., None, :])
