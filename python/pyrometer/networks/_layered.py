"""Energies of layers with their errors, and the choice between quadratures and draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pyrometer.base import Array, Tally, require_finite, warn_caller
from pyrometer.errors import SimulationWarning

__all__ = ["Layered", "Slopes", "beyond_rounding", "deterministic", "grown", "settled"]

# Largest error of a quadrature, relative, that is better than the standard error of draws.
_MOST_BOUND = 0.1
# Errors, relative, that do not count; standard errors that no difference exceeds by chance.
_EXACT, _APART = 1e-9, 6.0
_ROUNDED = 1e-9  # relative bounds of energies below this are those of rounding


class Layered(NamedTuple):
    """Energies of layers, shape (..., L), with their errors and the method used.

    ``tails`` is the skewness of the draws over the largest that is reliable; nan where nothing was drawn.
    ``centred`` is the energy of the last layer about its mean, shape (...), if that is not 0. ``logarithm`` is ln E,
    shape (..., L), also where E itself is not a double; ``scaled`` are energies and standard errors of rescaled layers,
    which are (see `balanced`).
    """

    energy: Array
    standard_error: Array
    error_bound: Array
    method: str
    samples: int
    tails: Array
    centred: Array | None = None
    logarithm: Array | None = None
    scaled: tuple[Array, Array] | None = None


class Slopes(NamedTuple):
    """Derivatives of energies with respect to the logarithm of all scales, shape (..., L), with standard errors."""

    value: Array
    standard_error: Array


def deterministic(energy: Array, method: str, error_bound: Array | None = None) -> Layered:
    """Energies without a standard error."""
    require_finite(energy)
    zero, undefined = np.zeros(energy.shape), np.full(energy.shape, np.nan)
    return Layered(energy, zero, zero if error_bound is None else error_bound, method, 0, undefined)


def beyond_rounding(value: Array, error: Array) -> Array:
    """Errors that are not rounding, above 1e-9 of the value; the others as 0."""
    return np.where(error > _ROUNDED * np.abs(value), error, 0.0)


def grown(layered: Layered, growth: Array, error: Array) -> Slopes:
    """Slopes from the derivatives of the logarithms of energies, and errors of slopes in units of energies."""
    above = layered.energy > 0
    value = np.where(above, layered.energy * growth, 0.0)
    own = layered.standard_error * np.abs(growth) + beyond_rounding(value, layered.energy * error)
    return Slopes(value, np.where(above, own, 0.0))


def settled(energy: Array, error: Array, undecided: np.ndarray, tally: Tally, draws: int) -> Layered:
    """Energies by quadrature with their errors, and for the `undecided` laws those of draws where these are better.

    That is where the error of the quadrature is above two standard errors; draws that are all equal, as those in which
    no unit is active, have no standard error. The two are then compared: the quadrature
    includes heavy tails, which most samples miss. A standard error is raised to their difference where both errors do
    not explain it, with a SimulationWarning.
    """
    energy, error, standard_error, tails = (
        energy.copy(),
        error.copy(),
        np.zeros_like(energy),
        np.full_like(energy, np.nan),
    )
    mean, spread = tally.mean(), tally.error()
    exact, bound = energy[undecided], error[undecided]
    better = (bound <= np.maximum(2.0 * spread, _EXACT * exact)) | (spread == 0.0)
    kept = (better & (bound <= _MOST_BOUND * exact)).all(axis=-1)
    apart = np.where(np.isfinite(bound), np.abs(mean - exact), 0.0)
    hidden = (apart > bound + _APART * spread + _EXACT * exact) & ~kept[..., None]
    if hidden.any():
        warn_caller(
            SimulationWarning(
                "The energy of a layer is dominated by draws of the scalar chain that most samples miss: its "
                "quadrature differs from their mean by more than both errors. The standard error was raised to the "
                "difference; use more samples."
            )
        )
    spread = np.where(hidden, np.maximum(spread, apart), spread)
    rows = np.flatnonzero(undecided)[~kept]
    for values, drawn in (
        (energy, mean),
        (standard_error, spread),
        (error, np.zeros_like(mean)),
        (tails, tally.tails()),
    ):
        values.reshape(-1, values.shape[-1])[rows] = drawn[~kept]
    if not rows.size:
        return deterministic(energy, "exact", error)
    return Layered(energy, standard_error, error, "scalar-chain", draws, tails)
