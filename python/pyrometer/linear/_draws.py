"""Draws of the parameters of linear systems, and means over them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyrometer import _core
from pyrometer.laws import Spread
from pyrometer.linear._closed_form import Array

__all__ = ["draw_parameters", "mean_and_error", "sampled_slope"]

_STEP = 1e-4


def draw_parameters(law: Spread, draws: int, key: tuple[int, int], first: int = 0) -> Array:
    """Parameters of draws from the `first` on, shape batch + (draws, n): those that the core's samplers draw."""
    unit = _core.standard_numbers(key, first, draws, law.bounds)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(unit.T * law.scales[..., None, :])


def mean_and_error(draws: Array) -> tuple[Array, Array]:
    """Mean over the last axis and its standard error; squares are taken in units of a power of two, for their range."""
    exponents = np.frexp(np.abs(draws).max(axis=-1))[1]
    scaled = np.ldexp(draws, -exponents[..., None])
    error = scaled.std(axis=-1, ddof=1) / np.sqrt(draws.shape[-1])
    return np.ldexp(scaled.mean(axis=-1), exponents), np.ldexp(error, exponents)


def sampled_slope(law: Spread, energies: Callable[[Spread], Array]) -> tuple[Array, Array]:
    """Return the derivative of mean energies along a common factor of the scales, and its standard error.

    By differences draw by draw; `energies` are those of the same draws under a law, with the draws on the last axis.
    """
    ends = []
    for factor in (1.0 + _STEP, 1.0 - _STEP):
        with np.errstate(over="ignore"):  # energies of what overflows are refused
            scales = np.where(law.random, factor * law.scales, law.scales)
        ends.append(energies(Spread(scales, law.runs)))
    return mean_and_error((ends[0] - ends[1]) / (2.0 * _STEP))
