"""Squared error: a quadratic form in the parameters, for which second moments suffice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer import _core
from pyrometer.laws import Spread
from pyrometer.linear._closed_form import Array, Closed, absolute_penalty, contract, require_finite, weights
from pyrometer.linear._constants import penalties, residuals, warn_of_few_digits
from pyrometer.linear._penalties import L1, L2

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["componentwise", "energies", "exact", "is_closed", "limit", "sample", "variance"]


def exact(system: LinearSystem, parameters: Spread, threads: int, *, slope: bool) -> Closed:
    """(3.8), (3.18), (3.22) and, with penalties, (3.27), (3.28), (3.31), (3.32)."""
    del threads, slope
    quadratic = _quadratic(system, parameters)
    constants = parameters.constants
    if constants is not None:
        return _with_constants(system, parameters, constants, quadratic)
    target = system.known_moments().target_square()
    linear = absolute_penalty(system, parameters)
    ones = (1,) * len(parameters.batch_shape)
    with np.errstate(over="ignore"):
        value = quadratic.value + target.reshape(target.shape + ones) + linear
        derivative = quadratic.slope + linear
    require_finite(value)
    errors = system.known_moments().square_errors()
    error = quadratic.error if errors is None else quadratic.error + errors[..., -1].reshape(target.shape + ones)
    return Closed(value, derivative, error, quadratic.slope_error)


def _with_constants(system: LinearSystem, parameters: Spread, constants: Array, quadratic: Closed) -> Closed:
    """The energy where some parameters are constant: the targets of the others are the residuals of these."""
    residual, shape = residuals(system, constants), quadratic.value.shape
    linear = absolute_penalty(system, parameters)
    with np.errstate(over="ignore", invalid="ignore"):
        value = (
            quadratic.value + np.maximum(residual.square, 0.0).reshape(shape) + linear + penalties(system, constants)
        )
        derivative = quadratic.slope + linear
        error = quadratic.error + residual.error.reshape(shape)
    require_finite(value)
    warn_of_few_digits(value, error)
    return Closed(value, derivative, error, quadratic.slope_error)


def limit(system: LinearSystem, parameters: Spread, threads: int) -> Closed:
    """The terms that are quadratic in the scales."""
    del threads
    closed = _quadratic(system, parameters)
    require_finite(closed.value)
    return closed


def _quadratic(system: LinearSystem, parameters: Spread) -> Closed:
    """The terms that are quadratic in the scales, which may overflow."""
    moments, deviations = system.known_moments(), parameters.deviations()
    squares = moments.mean_squares()
    if isinstance(system.penalty, L2):
        squares = squares + weights(system, L2)
    errors, error = moments.square_errors(), np.zeros(squares.shape[:-1] + parameters.batch_shape)
    with np.errstate(over="ignore", invalid="ignore"):
        value = contract(squares, deviations, 2)
        if errors is not None:
            at = errors[..., :-1].any(axis=-1)  # few data sets of a stack
            error[at] = contract(errors[at, :-1], deviations, 2)
        return Closed(value, 2.0 * value, error, 2.0 * error)


def componentwise(system: LinearSystem, parameters: Spread, threads: int) -> Array:
    """The limit itself: a squared error is a sum over parameters."""
    return limit(system, parameters, threads).value


def is_closed(system: LinearSystem, parameters: Spread) -> bool:
    """Return True: there is a formula for every law."""
    del system, parameters
    return True


def sample(
    system: LinearSystem, parameters: Spread, draws: range, seed: tuple[int, int], threads: int
) -> tuple[Array, Array]:
    """Monte Carlo mean and standard error, shape (systems, laws)."""
    mean, error = _core.sample_squares(*_arguments(system, parameters, draws, seed, threads))
    return mean, error


def energies(system: LinearSystem, parameters: Spread, draws: range, seed: tuple[int, int], threads: int) -> Array:
    """Energies of draws, shape (systems, laws, draws)."""
    return _core.sample_squares_energies(*_arguments(system, parameters, draws, seed, threads))


def variance(system: LinearSystem, parameters: Spread) -> Array:
    """Closed-form variance of the energy; its formula is in the docstring of `pyrometer.energy_variance`."""
    n = parameters.parameters
    second = system.known_moments().second().reshape(-1, n + 1, n + 1)
    G, b = second[:, :n, :n].copy(), second[:, None, :n, n]
    errors = system.known_moments().second_errors().reshape(-1, n + 1, n + 1)
    of_g, of_b = errors[:, :n, :n], errors[:, None, :n, n]
    constants = parameters.constants
    if constants is not None:
        b = residuals(system, constants).products
        of_b = np.abs(constants.reshape(-1, n)) @ errors[:, :n, :n] + errors[:, n:, :n]
    diagonal = G.reshape(-1, n * n)[:, :: n + 1]
    diagonal += weights(system, L2)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # Parameters in units of powers of two, so that squares of second moments stay in range; no bit is lost.
        units = np.frexp(parameters.deviations().reshape(-1, n).max(axis=0))[1]
        parameters = Spread(np.ldexp(parameters.scales, -units), parameters.runs)
        G, of_g = (np.ldexp(array, units[:, None] + units) for array in (G, of_g))
        b, of_b = np.ldexp(b, units), np.ldexp(of_b, units)
        v = (parameters.deviations() ** 2).reshape(-1, n)
        diagonal = G.reshape(-1, n * n)[:, :: n + 1]
        linear, error = (
            4.0 * each[:, 0] @ v.T if constants is None else 4.0 * (each * v).sum(axis=-1)
            for each in (b**2, (2.0 * np.abs(b) + of_b) * of_b)
        )
        value: Array = linear + diagonal**2 @ (parameters.each("kurtosis") * v**2).T
        value += 2.0 * _forms(v, G**2)
        lasso = np.ldexp(weights(system, L1) * parameters.random, units) if isinstance(system.penalty, L1) else None
        if lasso is not None and lasso.any():
            mean_abs = parameters.mean_abs().reshape(-1, n)
            third = parameters.cubed().reshape(-1, n)
            value += (lasso**2 * (v - mean_abs**2)).sum(axis=-1)
            value += 2.0 * (diagonal * lasso) @ (third - v * mean_abs).T
        error = error + 2.0 * _forms(v, (2.0 * np.abs(G) + of_g) * of_g)
    require_finite(value, "variance")
    warn_of_few_digits(
        value, error, "Variances of energies", "products of columns, or with the targets, cancel in the mean"
    )
    return value


def _forms(v: Array, matrices: Array) -> Array:
    """Quadratic forms of the laws (laws, n) in each of the matrices, shape (matrices, laws)."""
    return np.array([((v @ matrix) * v).sum(axis=-1) for matrix in matrices])


def _arguments(
    system: LinearSystem, parameters: Spread, draws: range, seed: tuple[int, int], threads: int
) -> tuple[Any, ...]:
    """Return the arguments of the core's samplers."""
    moments = system.known_moments()
    columns = moments.mean.shape[-1]
    return (
        moments.count,
        moments.mean.reshape(-1, columns),
        moments.scatter.reshape(-1, columns, columns),
        system.intercept,
        np.ascontiguousarray(parameters.scales.reshape(-1, parameters.parameters)),
        parameters.bounds,
        float(weights(system, L1)[0]),
        float(weights(system, L2)[0]),
        system.penalised,
        seed,
        draws.start,
        len(draws),
        threads,
    )
