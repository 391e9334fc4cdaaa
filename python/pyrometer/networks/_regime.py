"""Quantities from the energies of all layers: growth, work efficiency (5.23), type of the engine and regime.

Energies come with their natural logarithms, which are used where an energy is beyond the range of doubles.
"""

from __future__ import annotations

from sys import float_info

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array

__all__ = ["efficiency", "engine_type", "growth", "has_all_digits", "regime"]


# Energies within this factor are of the same order, (5.26); beyond it one is much less than the other, (5.29).
_SAME_ORDER = 10.0
_REGIMES = np.array(["even", "exploding", "vanishing", "uneven"])


def growth(energy: Array, log_energy: Array, units: npt.NDArray[np.int64] | None = None) -> Array:
    """Return the growth from each layer to the next, of energies per unit; nan where the energy of a layer is 0."""
    if units is not None:
        energy, log_energy = energy / units, log_energy - np.log(units)
    exact = has_all_digits(energy)
    if exact.all():
        with np.errstate(over="ignore"):
            return np.asarray(energy[..., 1:] / energy[..., :-1])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient, power = energy[..., 1:] / energy[..., :-1], np.exp(np.diff(log_energy))
    return np.where(
        np.isneginf(log_energy[..., :-1]), np.nan, np.where(exact[..., :-1] & exact[..., 1:], quotient, power)
    )


def has_all_digits(energy: Array) -> npt.NDArray[np.bool_]:
    """Whether energies have all digits."""
    normal: npt.NDArray[np.bool_] = (energy < np.inf) & (energy >= float_info.min)
    return normal


def efficiency(energy: Array, log_energy: Array) -> Array:
    """Return the share of the last energy in their sum; nan where all are 0."""
    largest = energy.max(axis=-1, keepdims=True)
    exact = has_all_digits(largest) & has_all_digits(energy[..., -1:])
    if exact.all():
        shares = energy / largest
        return np.asarray(shares[..., -1] / shares.sum(axis=-1))
    highest = log_energy.max(axis=-1, keepdims=True)
    # So that sums do not overflow; from logarithms where energies do, or where the last one underflows.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        of_energies, of_logarithms = energy / largest, np.exp(log_energy - highest)
        shares = np.where(exact, of_energies, of_logarithms)
        return np.where(np.isneginf(highest[..., 0]), np.nan, shares[..., -1] / shares.sum(axis=-1))


def engine_type(
    energy: Array, log_energy: Array, widths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the type of the engine; a single layer is of the second type."""
    # Energies that grow only because the widths do are excluded: all three ratios must grow.
    units = np.array([np.ones(len(widths)), widths, counts]).reshape(3, *(1,) * (energy.ndim - 1), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = growth(energy, log_energy, units)
    # From an energy of 0 any other grows without bound.
    begins = np.isneginf(log_energy[..., :-1]) & (log_energy[..., 1:] > -np.inf)
    ratios = np.where(begins, np.inf, ratios)
    return np.where((ratios > _SAME_ORDER).all(axis=(0, -1)), 2, 1)


def regime(energy: Array, log_energy: Array, widths: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Return the regime, from the energies of a unit of each layer."""
    if energy.shape[-1] == 1:
        return np.full(energy.shape[:-1], "single layer")
    exact = has_all_digits(energy)
    with np.errstate(divide="ignore"):
        logs = np.log10(energy / widths)
        if not exact.all():
            logs = np.where(exact, logs, (log_energy - np.log(widths)) / np.log(10.0))
    number = np.asarray if np.isfinite(logs).all() else np.nan_to_num
    # Falls and rises between any two layers, in orders of magnitude.
    with np.errstate(invalid="ignore"):
        rise = number(logs - np.minimum.accumulate(logs, axis=-1)).max(axis=-1)
        fall = number(np.maximum.accumulate(logs, axis=-1) - logs).max(axis=-1)
        change = number(logs[..., -1] - logs[..., 0])
    grows, falls = rise >= 1.0, fall >= 1.0
    moves = np.where(~falls & (change >= 1.0), 1, np.where(~grows & (change <= -1.0), 2, 3))
    return np.asarray(_REGIMES[np.where(grows | falls, moves, 0)])
