"""Absolute error and cross entropy: one expectation for each row, exact for every law."""

from __future__ import annotations

import numpy as np

from pyrometer import _core
from pyrometer._formulas import Array, Closed, contract
from pyrometer.laws import Spread
from pyrometer.systems import System

__all__ = ["componentwise", "energies", "exact", "limit", "sample"]

_LOSS = {"mae": "absolute", "ce": "cross-entropy"}
# The limits of wide laws as multiples of E|theta . x|, and of its form for one normal parameter.
_OF_MEAN_ABS = {"mae": 1.0, "ce": 0.5}
_FOLDED = np.sqrt(2.0 / np.pi)


def exact(system: System, parameters: Spread, threads: int, *, slope: bool) -> Closed:
    """Folded normals and softplus expectations for normal laws; Fourier series for uniform and mixed ones."""
    return _expectation(system, parameters, _LOSS[system.energy], threads, slope=slope)


def limit(system: System, parameters: Spread, threads: int) -> Closed:
    r"""Mean of :math:`|\theta\cdot x|` (half of it for cross entropy): the true limit when every scale grows."""
    closed = _expectation(system, parameters, "norm", threads, slope=False)
    factor = _OF_MEAN_ABS[system.energy] * (_FOLDED if parameters.normals == parameters.parameters else 1.0)
    return Closed(factor * closed.value, factor * closed.value, factor * closed.error)


def componentwise(system: System, parameters: Spread, threads: int) -> Array:
    """Sum of the one-parameter limits, (3.37), (3.43), (4.7), (4.13): too large when more than one scale grows."""
    X, _ = system.stacked_rows()
    means = _core.mean_abs(X, threads)
    if system.intercept:
        means = np.concatenate([means, np.ones((len(means), 1))], axis=1)
    return _OF_MEAN_ABS[system.energy] * contract(means.reshape(*system.shape, -1), parameters.mean_abs())


def sample(
    system: System, parameters: Spread, draws: int, seed: tuple[int, int], threads: int
) -> tuple[Array, Array, Array]:
    """Monte Carlo mean, standard error and slope, shape (systems, laws)."""
    X, y = system.stacked_rows()
    return _core.sample_rows(
        X, y, system.intercept, _LOSS[system.energy], _flat(parameters), parameters.normals, seed, draws, threads
    )


def energies(system: System, parameters: Spread, draws: int, seed: tuple[int, int], threads: int) -> Array:
    """Energies of draws, shape (systems, laws, draws)."""
    X, y = system.stacked_rows()
    return _core.sample_rows_energies(
        X, y, system.intercept, _LOSS[system.energy], _flat(parameters), parameters.normals, seed, draws, threads
    )


def _expectation(system: System, parameters: Spread, loss: str, threads: int, *, slope: bool) -> Closed:
    X, y = system.stacked_rows()
    shape = system.shape + parameters.batch_shape
    scale = _flat(parameters)
    if parameters.normals == parameters.parameters:
        with np.errstate(over="ignore"):
            variance = scale**2
        value, derivative = _core.normal_rows(X, y, system.intercept, loss, variance, slope, threads)
        error = np.zeros_like(value)
    else:
        normals = parameters.normals
        value, error, derivative = _core.uniform_rows(X, y, system.intercept, loss, scale, normals, slope, threads)
    if derivative is None:
        derivative = np.full_like(value, np.nan)
    return Closed(value.reshape(shape), derivative.reshape(shape), error.reshape(shape))


def _flat(parameters: Spread) -> Array:
    return np.ascontiguousarray(parameters.scales.reshape(-1, parameters.parameters))
