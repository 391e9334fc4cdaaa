"""Derivatives of energies along the logarithm of all scales, by central differences. Not in the paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import Array, Tally, unreliable, warn_caller
from pyrometer.errors import SimulationWarning
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.networks._layered import Layered, Slopes, beyond_rounding

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["SLOPE_DRAWS", "by_differences", "smooth_slopes", "step"]

# Most draws for a derivative where energies are averages over sampled networks.
SLOPE_DRAWS = 1000
# Step of differences of energies without noise, in units of that of draws: (2 L h)^4 / 30 is at most 5e-11 of a slope.
_SMOOTH_STEP = 0.03
_ROUNDING = 4e-15  # of these energies, relative


def step(network: Network) -> float:
    """Step of differences in ln(scale): effects add up over layers, and the last is to change equally at any depth.

    Depth L adds a term in scale^(2L) to a cross entropy; the relative error of its difference of second order,
    (2 L step)^2 / 6, is at most 0.7 %.
    """
    return 0.01 / max(1.0, network.layers / 10.0)


def _times_growth(energy: Array, values: Array, weights: Array) -> Array:
    """The derivative of `energy` from `values` (steps, ..., L) at neighbouring scales, by differences of logarithms."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(values)
        # A fixed order of summation: the bits of a law are independent of the batch.
        growth = sum(weight * part for weight, part in zip(weights, logarithms, strict=True))
        # An energy of 0 has the derivative 0.
        return np.where(energy > 0, energy * growth, 0.0)


def smooth_slopes(
    network: Network, spread: LayerSpread, energy: Array, energies_of: Callable[[LayerSpread], Array]
) -> Slopes:
    """Slopes of energies without noise, by differences of fourth order; their errors are those of rounding."""
    h = _SMOOTH_STEP * step(network)
    moved = spread.times(np.exp(h * np.array([-2.0, -1.0, 1.0, 2.0])))
    weights = np.array([1.0, -8.0, 8.0, -1.0]) / (12.0 * h)
    value = _times_growth(energy, energies_of(moved), weights)
    return Slopes(value, beyond_rounding(value, _ROUNDING / h * energy))


def by_differences(layered: Layered, blocks: list[Array], h: float, depth: Any) -> Slopes:
    """Slopes from energies of the same draws at all scales times e^-h and e^h, blocks of shape (2, ..., draws, L).

    Errors include what the difference leaves out. With an energy that is a sum of even powers of the scales, up to the
    power 2 l of depth l, the third derivative of its logarithm is at most (2 l)^2 times the first.
    """
    down, up = np.concatenate(blocks, axis=-2)
    tally = Tally()
    # Quotients of the two are all that counts, and sums of the largest energies may leave the range of a double.
    largest = np.maximum(down, up).max(axis=-2, keepdims=True)
    unit = np.where(largest > 2.0**1000, 2.0**-64, 1.0)
    down, up = unit * down, unit * up
    means = down.mean(axis=-2), up.mean(axis=-2)
    value = _times_growth(layered.energy, np.stack(means), np.array([-0.5, 0.5]) / h)
    with np.errstate(divide="ignore", invalid="ignore"):
        # To first order: the error of the difference of logarithms, and that of the energy that multiplies it.
        deviations = (up / means[1][..., None, :] - down / means[0][..., None, :]) * (0.5 / h)
        tally.add(np.nan_to_num(deviations, posinf=1e150, neginf=-1e150))  # whose squares are finite
        error = np.hypot(layered.energy * tally.error(), value * np.nan_to_num(layered.standard_error / layered.energy))
        error = np.hypot(error, value * (2.0 * depth * h) ** 2 / 6.0)
    rejected = unreliable(value, error, np.maximum(tally.tails(), np.nan_to_num(layered.tails)))
    if rejected.any():
        warn_caller(
            SimulationWarning(
                "The marginal temperature is nan: its standard error is above a tenth of it, or its draws have heavy "
                "tails; use more samples."
            )
        )
    mask = np.where(rejected, np.nan, 1.0)
    return Slopes(value * mask, error * mask)
