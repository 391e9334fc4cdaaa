"""Mean energies by every method, with what the public functions and temperatures ask besides."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import _validate
from pyrometer.base._validate import RandomSource
from pyrometer.errors import PrecisionWarning
from pyrometer.laws._independent import Law, spread
from pyrometer.linear import _row_losses, _squared_error
from pyrometer.linear._base import require_system
from pyrometer.linear._closed_form import require_normal
from pyrometer.linear._minima import ANEW, ENOUGH_DIGITS, digits_of
from pyrometer.linear._systems import System
from pyrometer.networks import _layer_energies
from pyrometer.networks._initialisations import LayerLaw, layers
from pyrometer.networks._network import AnySystem, Network
from pyrometer.results._answers import Estimate, shaped

__all__ = [
    "Evaluated",
    "componentwise_energy",
    "evaluate",
    "formulas_of",
    "last_layer",
    "require",
    "warn_of_lost",
]

_Array: TypeAlias = npt.NDArray[np.float64]

_METHODS = ("auto", "exact", "refined", "asymptotic", "monte-carlo")
_OF_NETWORKS = ("mean-field", "corrected-mean-field")


class Evaluated(NamedTuple):
    """A mean energy, its derivative dE/dln sigma with a standard error, and the share of one draw in the error."""

    estimate: Estimate
    slope: _Array
    slope_error: _Array
    dominated: _Array


def require(system: AnySystem, law: Law | LayerLaw, method: str) -> None:
    """Raise an error if the law does not fit the system, or the system has no such method."""
    if isinstance(system, Network):
        _layer_energies.require(system, layers(law, system), method)
    else:
        _of_linear(method)
        spread(law, system.parameters)


def _of_linear(method: str) -> str:
    method = _validate.choice("method", method, (*_METHODS, *_OF_NETWORKS))
    if method in _OF_NETWORKS:
        raise ValueError(f"method={method!r} is for networks; a linear system has 'exact'.")
    return method


def evaluate(
    system: AnySystem,
    law: Law | LayerLaw,
    method: str,
    samples: int,
    rng: RandomSource,
    threads: int | None,
    *,
    slope: bool,
) -> Evaluated:
    """Mean energy, and (if `slope`) its derivative along the common logarithm of all scales, dE/dln sigma."""
    if isinstance(system, Network):
        of_layers = layers(law, system)
        found = _layer_energies.energies(system, of_layers, method, samples, rng, threads)
        nothing = np.full_like(found.energy, np.nan)
        known = (
            _layer_energies.slopes(system, of_layers, found, threads)
            if slope
            else _layer_energies.Slopes(nothing, nothing)
        )
        return last_layer(system, found, known)
    require_system(system)
    method = _of_linear(method)
    parameters, formulas, workers = spread(law, system.parameters), formulas_of(system), _validate.threads(threads)
    shape = system.shape + parameters.batch_shape
    warn_of_lost(system)
    moves = system.moves().reshape(system.shape + (1,) * len(parameters.batch_shape))
    if method == "monte-carlo":
        draws = _validate.count("samples", samples, minimum=2)
        value, error, derivative = formulas.sample(
            system, parameters, range(draws), _validate.seed(rng), workers, slope=slope
        )
        lost = system.energy == "mse" and system.second_moments.lost() is not None
        bound = formulas.exact(system, parameters, workers, slope=False).error if lost else np.zeros(shape)
        estimate = Estimate(
            value=shaped(value.reshape(shape)),
            standard_error=shaped(error.reshape(shape)),
            error_bound=shaped(bound),
            method=method,
            samples=draws,
        )
        return _linear(estimate, derivative.reshape(shape), moves)
    if method in ("auto", "exact"):
        method, closed = "exact", formulas.exact(system, parameters, workers, slope=slope)
    else:
        closed = formulas.limit(system, parameters, workers)
    estimate = Estimate(
        value=shaped(closed.value),
        standard_error=shaped(np.zeros(shape)),
        error_bound=shaped(closed.error),
        method=method,
        samples=0,
    )
    return _linear(estimate, closed.slope, moves)


def warn_of_lost(system: System) -> None:
    """Warn of mean squares of few digits, where moments have lost them in additions and subtractions."""
    errors = system.second_moments.square_errors() if system.energy == "mse" else None
    if errors is None:
        return
    moments = system.second_moments
    squares = np.concatenate([moments.mean_squares(), moments.target_square()[..., None]], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = digits_of(np.where(errors > 0.0, errors / squares, 0.0)).min()
    if digits < ENOUGH_DIGITS:
        warnings.warn(PrecisionWarning(f"Mean squares have {int(digits)} certain digits, of 16; {ANEW}"), stacklevel=4)


def _linear(estimate: Estimate, slope: _Array, moves: npt.NDArray[np.bool_]) -> Evaluated:
    """Energies of linear systems are quadratic at most: their draws have no heavy tails."""
    require_normal(np.asarray(estimate.value), moves)
    return Evaluated(estimate, slope, np.zeros_like(slope), np.zeros_like(slope))


def last_layer(network: Network, found: _layer_energies.Layered, slopes: _layer_energies.Slopes) -> Evaluated:
    """What the energies of the layers say of the network as one system."""
    last = (part[..., -1] for part in (*slopes, found.dominated))
    return Evaluated(_network_estimate(network, found), *last)


def _network_estimate(network: Network, found: _layer_energies.Layered) -> Estimate:
    """Take the last layer's energy; the targets' mean square adds to it exactly, but for limits, which drop it."""
    target = 0.0 if found.method in ("refined", "asymptotic") else network.target_square
    # No unit of a draw may be active: then the mean is 0, whatever the scale.
    sampled = found.method == "monte-carlo" and network.activation == "relu"
    require_normal(found.energy[..., -1] + target, network.moves() and not sampled)
    return Estimate(
        value=shaped(found.energy[..., -1] + target),
        standard_error=shaped(found.standard_error[..., -1]),
        error_bound=shaped(found.error_bound[..., -1]),
        method=found.method,
        samples=found.samples,
    )


def componentwise_energy(system: System, law: Law) -> _Array:
    """Sum over parameters of the one-parameter limits of the mean energy, the paper's form of the limit."""
    require_system(system)
    return np.asarray(formulas_of(system).componentwise(system, spread(law, system.parameters), 0))


def formulas_of(system: System) -> ModuleType:
    """Return the module that knows this energy; both have the same functions."""
    return _squared_error if system.energy == "mse" else _row_losses
