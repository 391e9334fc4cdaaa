"""Temperatures: energy per nat of entropy, with a verdict."""

from __future__ import annotations

from sys import float_info
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import RandomSource, broadcast, cached_slices, described, number_of, validate, warn, warn_caller
from pyrometer.errors import PrecisionWarning
from pyrometer.laws import NORMAL_ENTROPY
from pyrometer.results import Temperature, shaped
from pyrometer.thermodynamics._methods import bind, evaluate
from pyrometer.thermodynamics._minimum import minimum_or_none
from pyrometer.thermodynamics._system import Batched, Evaluated, Single, System

__all__ = ["temperature"]

VERDICTS = ("ok", "near-pole", "negative-entropy", "undefined")
_VERDICTS = np.array(VERDICTS)
_CODES = np.arange(4, dtype=np.int8)
_NEAR_POLE = 0.1
# Relative errors: of a number of 9 certain digits, of the rounding of an energy; the relative difference of two
# energies below which it may have fewer.
_CERTAIN, _ROUNDING, _FEW_DIGITS = 1e-9, 2.0 * float_info.epsilon, 1e-3
# By how much a given minimum may be above the energy: relative, as a loss in single precision; in standard errors.
_ABOVE, _ERRORS = 1e-6, 5.0


@overload
def temperature(
    system: System,
    law: Single,
    *,
    method: str = ...,
    resolution: float = ...,
    minimum: npt.ArrayLike | None = ...,
    samples: int = ...,
    rng: RandomSource = ...,
    threads: int | None = ...,
) -> Temperature[float, str]: ...
@overload
def temperature(
    system: System,
    law: Batched,
    *,
    method: str = ...,
    resolution: float = ...,
    minimum: npt.ArrayLike | None = ...,
    samples: int = ...,
    rng: RandomSource = ...,
    threads: int | None = ...,
) -> Temperature: ...
def temperature(
    system: System,
    law: Batched,
    *,
    method: str = "auto",
    resolution: float = 1.0,
    minimum: npt.ArrayLike | None = None,
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Temperature:
    r"""Temperature of a system under a law of its initial parameters (2.7).

    .. math:: T = \frac{\Delta E}{\Delta S} = \frac{\langle E\rangle - E^*}{S}

    The hot state has random parameters, energy :math:`\langle E\rangle` and entropy S; the cold one is trained, has the
    minimum energy :math:`E^*` and entropy 0. This is (3.5), (3.10), (3.15), (3.19) and (3.24), for every law and
    penalty.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        Model, data and energy. T depends on the units of the features (:math:`x \to cx` shifts S by ln c): standardise
        them, or report the units.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent, Constant, or a law of layers
        Law of the parameters; a batch of laws gives arrays.
    method : {"auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo"}
        "exact" uses the closed form of the mean energy, "monte-carlo" its estimate from draws. "refined" uses the
        leading term of the energy for wide laws, without :math:`E^*`, and the full entropy; "asymptotic" also only the
        leading term of the entropy, as the paper's limits (3.11), (3.20), (3.25), (3.29), (3.30), (3.33), (3.34) do:
        its relative error is 62 % at a scale of 10 and 8 % at 1e8. For networks the limits are (5.6), (5.8), (5.11),
        (5.34), (5.40) and (E.2). "auto" is "exact" where it exists; see `mean_energy`, also for the two mean fields of
        networks.
    resolution : float
        Cell size :math:`\varepsilon > 0` at which parameters are discretised (2.28): S becomes
        :math:`S - n\ln\varepsilon`.
    minimum : float or array_like, optional
        Energy of the trained state, shape () or that of the system's stack, at most the mean energy. Default:
        `minimum_energy` of the system, computed once for all laws; 0 for a network, whose trained loss must be given.
    samples, rng, threads
        Draws, source of randomness and threads of "monte-carlo", as in `mean_energy`.

    Returns
    -------
    Temperature
        ``value`` in units of the loss per nat, with its standard error, its three ingredients, the marginal temperature
        and a verdict.

    Raises
    ------
    ValueError
        If an option is out of range, the law does not match the system, the energy overflows or underflows (below
        2.2e-308), or a given minimum is above the mean energy, by more than 1e-6 of it and 5 standard errors; the
        limits, which leave the targets out, are not compared.

    Warns
    -----
    PrecisionWarning
        If the minimum energy has fewer than 9 correct digits, or its difference from the mean energy has, as under a
        narrow law where the features explain nothing of the target.
    SimulationWarning
        If the standard error is above 10 % of the temperature, or the draws have heavy tails, as in `mean_energy`;
        likewise for the marginal temperature, which is then nan.

    See Also
    --------
    heat_engine : temperatures of the layers of a network.

    Notes
    -----
    Nothing is clipped: where the entropy is negative, as for most common initialisations, so is T, and the verdict is
    "negative-entropy". The standard error is that of the Monte Carlo energy, conditional on the data.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> hot = pm.temperature(system, pm.Normal(10.0))
    >>> round(hot.value, 4), hot.verdict
    (108.1066, 'ok')
    >>> cold = pm.temperature(system, pm.Normal(0.1))
    >>> round(cold.value, 4), cold.verdict
    (-2.6724, 'negative-entropy')
    """
    size = validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    bound = bind(system, law)
    evaluated = evaluate(system, bound, method, samples, rng, threads, slope=True)
    return compose(system, bound, evaluated, size, minimum, threads)


def compose(
    system: System,
    bound: Any,
    evaluated: Evaluated,
    resolution: float,
    minimum: npt.ArrayLike | None,
    threads: int | None,
    *,
    coded: bool = False,
) -> Temperature:
    """Combine a mean energy and its derivative with the entropy and the minimum into a temperature.

    `bound` is the law as `bind` returns it. With `coded`, for sweeps, verdicts are indices into `VERDICTS`, and no
    SimulationWarning is given.
    """
    energy, slope, slope_error, tails = evaluated
    limit = energy.method in ("refined", "asymptotic")
    E = np.asarray(energy.value)
    parts = system.entropy_parts(bound, resolution, leading=energy.method == "asymptotic")
    count = system.random_parameters(bound)
    S, undefined = total(parts, count, parts.shape[:-1])  # of the laws, whatever the number of systems
    ground, of_ground = (np.zeros(()),) * 2 if minimum is None and limit else _ground(system, minimum, threads)
    ground, of_ground = (broadcast(a.reshape(a.shape + (1,) * (E.ndim - a.ndim)), E.shape) for a in (ground, of_ground))
    if minimum is not None and not limit:
        _require_below(E, ground, _ERRORS * np.asarray(energy.standard_error) + energy.error_bound)
    difference = E - ground
    divisor = np.where(undefined, np.nan, S)
    with np.errstate(over="ignore"):
        # Parameters that are not random, or without an entropy, have no marginal temperature.
        number = np.where(np.isnan(S) | (count == 0), np.nan, count)
        value, per_parameter = difference / divisor, slope / number
    if not coded:
        warn("temperature", difference, np.asarray(energy.standard_error), tails)
    if not limit:
        _warn_of_cancelled(E, difference, (energy.error_bound, of_ground), undefined)
    if np.isinf(value).any() or np.isinf(per_parameter).any():
        raise ValueError(
            "the temperature and the marginal temperature must be below 1.8e308, got an overflow; use a smaller scale "
            "or rescale the features."
        )
    codes = verdict_codes(S, undefined, count)
    verdicts: npt.NDArray[Any] = broadcast(codes if coded else np.asarray(_VERDICTS[codes], _VERDICTS.dtype), E.shape)
    return Temperature(
        value=shaped(value),
        standard_error=shaped(np.asarray(energy.standard_error) / np.abs(divisor)),
        energy=energy.value,
        minimum_energy=shaped(ground),
        entropy=shaped(broadcast(S, E.shape)),
        parameters=count,
        marginal=shaped(per_parameter),
        marginal_error=shaped(slope_error / number),
        verdict=shaped(verdicts),
        method=energy.method,
    )


def total(
    parts: npt.NDArray[np.float64], parameters: int, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Sum of the entropies of the parts, and whether it is 0 within rounding or nan, which leaves T undefined."""
    S = parts.sum(axis=-1)
    return broadcast(S, shape), broadcast(without_temperature(S, _sum_of_magnitudes(parts), parameters), shape)


def without_temperature(S: npt.NDArray[np.float64], magnitudes: npt.NDArray[np.float64], parameters: Any) -> Any:
    """Whether an entropy is 0 within rounding, or nan; `magnitudes` is the sum of the magnitudes of its terms."""
    return ~(np.abs(S) > 4.0 * float_info.epsilon * (magnitudes + NORMAL_ENTROPY * parameters))


def _sum_of_magnitudes(parts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum of the absolute values of the parts, of as many laws at a time as fit into the cache."""
    if parts.ndim != 2:
        return np.asarray(np.abs(parts).sum(axis=-1))
    sums = np.empty(len(parts))
    for laws in cached_slices(*parts.shape):
        np.abs(parts[laws]).sum(axis=-1, out=sums[laws])
    return sums


def _warn_of_cancelled(
    E: npt.NDArray[np.float64],
    difference: npt.NDArray[np.float64],
    errors: tuple[npt.ArrayLike, npt.NDArray[np.float64]],
    undefined: npt.NDArray[np.bool_],
) -> None:
    """Give a PrecisionWarning where `difference`, E - E*, has few digits of two energies with more, of these errors."""
    lost = difference < _FEW_DIGITS * E  # few digits of the energies are known to be wrong by more than their errors
    if not lost.any():
        return
    difference = np.abs(difference)
    error = np.asarray(errors[0]) + errors[1] + _ROUNDING * E
    lost &= (difference < _FEW_DIGITS * E) & ~undefined & (error > _CERTAIN * difference) & (error <= _CERTAIN * E)
    if lost.any():
        with np.errstate(divide="ignore"):
            digits = max(0, int(-np.log10(np.max(np.where(lost, np.minimum(error / difference, 1.0), 0.0)))))
        warn_caller(
            PrecisionWarning(
                f"The temperature has {number_of(digits, 'certain digit')}, of 16: the mean energy and the minimum "
                "energy differ by little more than their rounding errors, because the law is narrow and the energy at "
                "its centre nearly "
                "the least; use a wider law, or the marginal temperature."
            )
        )


def _ground(
    system: System, minimum: npt.ArrayLike | None, threads: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Energy of the trained state and a bound of its error, of the shape of the stack or ().

    0 where it is neither given nor computed.
    """
    if minimum is None:
        computed = minimum_or_none(system, threads)
        if computed is None:
            return np.zeros(()), np.zeros(())
        value = np.asarray(computed.value)
        return value, np.maximum(computed.gap, value * 10.0 ** -np.asarray(computed.digits))
    energies = np.asarray(validate.numeric("minimum", minimum), dtype=np.float64)
    if energies.shape not in ((), system.shape) or not np.isfinite(energies).all():
        raise ValueError(
            f"minimum must be finite, one value or one for each system {system.shape}, got {described(minimum)}."
        )
    return energies, np.zeros(energies.shape)


def _require_below(E: npt.NDArray[np.float64], ground: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> None:
    """Raise ValueError for a given minimum above the mean energy, beyond its error."""
    above = ground > E + np.maximum(error, _ABOVE * np.abs(E))
    if above.any():
        first = int(above.argmax())
        raise ValueError(
            f"minimum must be at most the mean energy, {E.flat[first]:.6g}, an average of energies that are not below "
            f"the minimum, got {ground.flat[first]:.6g}; pass the trained loss of this system, on the same rows."
        )


def verdict(S: npt.NDArray[Any], undefined: npt.NDArray[np.bool_], parameters: Any) -> npt.NDArray[np.str_]:
    """Return the verdict on the temperature of each entropy."""
    return np.asarray(_VERDICTS[verdict_codes(S, undefined, parameters)])


def verdict_codes(S: npt.NDArray[Any], undefined: npt.NDArray[np.bool_], parameters: Any) -> npt.NDArray[np.int8]:
    """Return the verdicts as indices into `VERDICTS`."""
    ok, near_pole, negative, none = _CODES
    codes = np.where(S < 0, negative, ok)
    codes = np.where(np.abs(S) < _NEAR_POLE * parameters, near_pole, codes)
    return np.where(undefined, none, codes)
