"""Mean energies of linear systems by every method, draws of their parameters and energies, and their variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyrometer.base import RandomSource, number_of, require_normal, validate, warn_caller
from pyrometer.errors import PrecisionWarning
from pyrometer.laws import Spread, spread
from pyrometer.linear._closed_form import Array, contract
from pyrometer.linear._constants import residuals, warn_of_few_digits
from pyrometer.linear._draws import draw_parameters, sampled_slope
from pyrometer.linear._minima import ANEW, ENOUGH_DIGITS, digits_of
from pyrometer.linear._records import LINEAR
from pyrometer.linear._row_losses import column_sizes
from pyrometer.losses import LOSSES
from pyrometer.results import Estimate, shaped
from pyrometer.thermodynamics import Evaluated

if TYPE_CHECKING:
    from pyrometer.laws import Law
    from pyrometer.linear._base import LinearSystem

__all__ = ["check_method", "componentwise", "draw_energies", "draw_parameters", "mean_energies", "variances"]

_METHODS = ("auto", "exact", "refined", "asymptotic", "monte-carlo")
_REGRESSIONS = tuple(name for name, loss in LOSSES.items() if not (loss.labels or loss.classes))
_UNIT = 0.5 * float(np.finfo(np.float64).eps)
_OF_NETWORKS = ("mean-field", "corrected-mean-field")


def check_method(method: str) -> str:
    """Return the method that runs; ValueError if a linear system has none of this name."""
    method = validate.choice("method", method, (*_METHODS, *_OF_NETWORKS))
    if method in _OF_NETWORKS:
        raise ValueError(f"method={method!r} is for networks; a linear system has 'exact'.")
    return "exact" if method == "auto" else method


def mean_energies(
    system: LinearSystem, law: Spread, method: str, samples: int, rng: RandomSource, threads: int, *, slope: bool
) -> Evaluated:
    """Mean energy, and (if `slope`) its derivative along a common factor of all scales, dE/dln sigma."""
    method = system.check_method(law, method)
    formulas, shape = LINEAR[system.energy].mean, system.shape + law.batch_shape
    warn_of_lost(system)
    if method == "monte-carlo":
        draws, key = range(validate.count("samples", samples, minimum=2)), validate.seed(rng)
        if law.random.any():
            value, error = formulas.sample(system, law, draws, key, threads)
        else:  # all draws are the same: their variance is 0, and does not underflow
            value = formulas.energies(system, law, range(1), key, threads)
            error = np.zeros(value.shape)
        lost = LOSSES[system.energy].moments and system.known_moments().lost() is not None
        closed = None
        if (slope or lost) and formulas.is_closed(system, law):
            closed = formulas.exact(system, law, threads, slope=slope)
        value, of_constants = _not_below_zero(system, law, value.reshape(shape), threads)
        estimate = Estimate(
            value=shaped(value),
            standard_error=shaped(error.reshape(shape)),
            error_bound=shaped(np.maximum(closed.error if closed and lost else 0.0, of_constants)),
            method=method,
            samples=len(draws),
        )
        slopes = np.full(shape, np.nan), np.full(shape, np.nan)
        if slope and closed:
            slopes = closed.slope, closed.slope_error
        elif slope:
            slope_and_error = sampled_slope(law, lambda other: formulas.energies(system, other, draws, key, threads))
            slopes = slope_and_error[0].reshape(shape), slope_and_error[1].reshape(shape)
        return _certain(system, law, estimate, *slopes, slope=slope)
    if method != "exact" and not law.random.any():
        raise ValueError(
            f"method={method!r} is a limit of wide laws, and law must have a random parameter, got constants only; use "
            "method='exact'."
        )
    if method == "exact":
        closed = formulas.exact(system, law, threads, slope=slope)
    else:
        closed = formulas.limit(system, law, threads)
    estimate = Estimate(
        value=shaped(closed.value),
        standard_error=shaped(np.zeros(shape)),
        error_bound=shaped(closed.error),
        method=method,
        samples=0,
    )
    return _certain(system, law, estimate, closed.slope, closed.slope_error, slope=slope)


def _not_below_zero(system: LinearSystem, law: Spread, energies: Array, threads: int) -> tuple[Array, Array]:
    """Energies of draws (..., draws), or their means, that are at least 0, and bounds of their errors.

    Where constant parameters predict nearly the targets of a regression, what is left of an energy may be rounding
    errors, which can be negative. Gives a warning of those with few digits.
    """
    constants, shape = law.constants, system.shape + law.batch_shape
    if constants is None or system.energy not in _REGRESSIONS or not constants.any():
        return energies, np.zeros(energies.shape)
    energies = np.maximum(energies, 0.0)
    axes = shape + (1,) * (energies.ndim - len(shape))
    if LOSSES[system.energy].moments:
        # An error d of predictions changes a mean of squared residuals E by 2 E^1/2 d + d^2 at most.
        sizes = np.sqrt(system.known_moments().mean_squares())
        of_predictions = 8.0 * (system.parameters + 1) * _UNIT * contract(sizes, np.abs(constants))
        of_residuals = residuals(system, constants).error
        error = of_residuals.reshape(axes) + 2.0 * np.sqrt(energies) * of_predictions.reshape(axes)
    else:
        of_predictions = (system.parameters + 3) * _UNIT * contract(column_sizes(system, threads), np.abs(constants))
        error = np.broadcast_to(of_predictions.reshape(axes), energies.shape)
    warn_of_few_digits(energies, error, why="their predictions nearly equal the targets")
    return energies, error


def _certain(
    system: LinearSystem, law: Spread, estimate: Estimate, derivative: Array, error: Array, *, slope: bool
) -> Evaluated:
    """Check ranges. Energies are at most quadratic in the parameters, so that draws have no heavy tails."""

    def depends() -> npt.NDArray[np.bool_]:
        return _depends(system, law, derivative.ndim)

    # A value below its bound is not an underflow.
    require_normal(
        np.asarray(estimate.value),
        lambda: depends() & (np.asarray(estimate.error_bound) < np.finfo(float).tiny),
        remedy=LOSSES[system.energy].too_small,
    )
    if slope and LOSSES[system.energy].moments:
        require_normal(derivative / system.parameters, depends, "marginal temperature")
    return Evaluated(estimate, derivative, error, np.zeros(derivative.shape))


def _depends(system: LinearSystem, law: Spread, axes: int) -> npt.NDArray[np.bool_]:
    """Return which systems' energies depend on random parameters, with `axes` axes for broadcasting over laws."""
    depends = system.depends_on_parameters(None if law.all_random else law.random)
    return depends.reshape(system.shape + (1,) * (axes - len(system.shape)))


def warn_of_lost(system: LinearSystem) -> None:
    """Warn of mean squares of few digits, where additions and subtractions of moments have cancelled."""
    if not LOSSES[system.energy].moments:
        return
    worst = system.known_moments().greatest_square_error()
    digits = digits_of(np.array(worst)) if worst else ENOUGH_DIGITS
    if digits < ENOUGH_DIGITS:
        warn_caller(PrecisionWarning(f"Mean squares have {number_of(int(digits), 'certain digit')}, of 16; {ANEW}"))


def draw_energies(system: LinearSystem, law: Spread, draws: range, key: tuple[int, int], threads: int) -> Array:
    """Energies of draws, shape stack + batch + (draws,)."""
    if draws.start == 0:
        warn_of_lost(system)
    energies = LINEAR[system.energy].mean.energies(system, law, draws, key, threads)
    energies = np.reshape(energies, (*system.shape, *law.batch_shape, len(draws)))
    return _not_below_zero(system, law, energies, threads)[0]


def variances(system: LinearSystem, law: Spread) -> Array:
    """Variance of the energy, shape stack + batch; ValueError where there is no formula."""
    formula = LINEAR[system.energy].variance
    if formula is None:
        raise ValueError(
            f"energy_variance has a formula for squared error only, got energy={system.energy!r}; the standard error "
            'of mean_energy(..., method="monte-carlo") estimates it.'
        )
    warn_of_lost(system)
    variance = formula(system, law).reshape(system.shape + law.batch_shape)
    require_normal(variance, lambda: _depends(system, law, variance.ndim), "variance")
    return variance


def componentwise(system: LinearSystem, law: Law) -> Array:
    """Sum over parameters of the one-parameter limits of the mean energy, the paper's form of the limit."""
    return np.asarray(LINEAR[system.energy].mean.componentwise(system, spread(law, system.parameters), 0))
