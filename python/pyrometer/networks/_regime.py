"""Quantities from the energies of all layers: growth, work efficiency (5.23), type of the engine and regime.

Energies come with their natural logarithms, which are used where an energy is beyond the range of doubles.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["efficiency", "engine_type", "growth", "has_all_digits", "regime"]

_Array: TypeAlias = npt.NDArray[np.float64]

# Energies within this factor are of the same order, (5.26); beyond it one is much less than the other, (5.29).
_SAME_ORDER = 10.0


def growth(energy: _Array, log_energy: _Array, units: npt.NDArray[np.int64] | None = None) -> _Array:
    """Return the growth from each layer to the next, of energies per unit; nan where the energy of a layer is 0."""
    if units is not None:
        energy, log_energy = energy / units, log_energy - np.log(units)
    exact = has_all_digits(energy)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient, power = energy[..., 1:] / energy[..., :-1], np.exp(np.diff(log_energy))
    return np.where(
        np.isneginf(log_energy[..., :-1]), np.nan, np.where(exact[..., :-1] & exact[..., 1:], quotient, power)
    )


def has_all_digits(energy: _Array) -> npt.NDArray[np.bool_]:
    """Whether energies have all digits."""
    normal: npt.NDArray[np.bool_] = np.isfinite(energy) & (energy >= np.finfo(float).tiny)
    return normal


def efficiency(energy: _Array, log_energy: _Array) -> _Array:
    """Return the share of the last energy in their sum; nan where all are 0."""
    largest, highest = energy.max(axis=-1, keepdims=True), log_energy.max(axis=-1, keepdims=True)
    # So that sums do not overflow; from logarithms where energies do, or where all of them underflow.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        of_energies, of_logarithms = energy / largest, np.exp(log_energy - highest)
        shares = np.where(has_all_digits(largest), of_energies, of_logarithms)
        return np.where(np.isneginf(highest[..., 0]), np.nan, shares[..., -1] / shares.sum(axis=-1))


def engine_type(
    energy: _Array, log_energy: _Array, widths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the type of the engine; a single layer is of the second type."""
    # Energies that grow only because the widths do are excluded: all three ratios must grow.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [growth(energy, log_energy, units) for units in (None, widths, counts)]
    # From an energy of 0 any other grows without bound.
    begins = np.isneginf(log_energy[..., :-1]) & (log_energy[..., 1:] > -np.inf)
    ratios = [np.where(begins, np.inf, each) for each in ratios]
    return np.where((np.min(ratios, axis=0) > _SAME_ORDER).all(axis=-1), 2, 1)


def regime(energy: _Array, log_energy: _Array, widths: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Return the regime, from the energies of a unit of each layer."""
    if energy.shape[-1] == 1:
        return np.full(energy.shape[:-1], "single layer")
    with np.errstate(divide="ignore"):
        logs = np.where(has_all_digits(energy), np.log10(energy / widths), (log_energy - np.log(widths)) / np.log(10.0))
    # Falls and rises between any two layers, in orders of magnitude.
    with np.errstate(invalid="ignore"):
        rise = np.nan_to_num(logs - np.minimum.accumulate(logs, axis=-1)).max(axis=-1)
        fall = np.nan_to_num(np.maximum.accumulate(logs, axis=-1) - logs).max(axis=-1)
        change = np.nan_to_num(logs[..., -1] - logs[..., 0])
    grows, falls = rise >= 1.0, fall >= 1.0
    conditions = [~grows & ~falls, ~falls & (change >= 1.0), ~grows & (change <= -1.0)]
    return np.select(conditions, ["even", "exploding", "vanishing"], default="uneven")
