"""Data whose distribution changes continuously: T(t) = (dE/dt) / (dS/dt) from a series of states (2.11), (A.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyrometer.base import RandomSource, validate
from pyrometer.results import Shown
from pyrometer.states import _records as records
from pyrometer.states._blocks import LEAST
from pyrometer.states._data_state import DataState

__all__ = ["Drift", "drift"]

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Drift(Shown, record=records.DRIFT):
    r"""A series of states, smoothed, and its slopes.

    Attributes
    ----------
    time : ndarray, shape (k,)
        Times of the states.
    energy, entropy : ndarray, shape (k,)
        Smoothed energy and entropy at these times.
    energy_slope, entropy_slope : ndarray, shape (k,)
        Their derivatives, per unit of time.
    energy_slope_error, entropy_slope_error : ndarray, shape (k,)
        Standard errors of the slopes, from the rows of the states.
    temperature : ndarray, shape (k,)
        :math:`T(t) = \frac{dE/dt}{dS/dt}`; nan where `verdict` is "undefined".
    temperature_error : ndarray, shape (k,)
        Its standard error. ``temperature ± 2 * temperature_error`` is a band of about 95 % where the slope of the
        entropy is many standard errors from 0: it held 95 % of the true temperatures of growing noise, and of noise and
        mean together, at inner times of 800 rows each, 90 % at those of 200 rows, where a third of the verdicts was
        "undefined", and 80 % at the first and last three times.
    verdict : ndarray of str, shape (k,)
        "ok", or "undefined" where the slope of the entropy is within twice its standard error of 0, or that is nan.
    reason : str
        Why standard errors are nan; "" where none is. A state without a standard error makes those of all times within
        reach of the kernel nan.

    Examples
    --------
    >>> import pyrometer as pm
    >>> "temperature" in pm.Drift.__dataclass_fields__
    True
    """

    time: _Array
    energy: _Array
    entropy: _Array
    energy_slope: _Array
    entropy_slope: _Array
    energy_slope_error: _Array
    entropy_slope_error: _Array
    temperature: _Array
    temperature_error: _Array
    verdict: npt.NDArray[np.str_]
    reason: str = ""


def drift(
    time: npt.ArrayLike,
    states: Sequence[DataState],
    *,
    bandwidth: float,
    resamples: int = 199,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Drift:
    r"""Temperature of data whose distribution changes continuously, under a fixed model (2.11), with error bands.

    Energy and entropy are smoothed by local quadratic regression with a Gaussian kernel in time.

    Parameters
    ----------
    time : array_like, shape (k,)
        Times of the states, increasing, at least three.
    states : sequence of DataState
        One for each time, of the same model, features and loss.
    bandwidth : float
        Standard deviation of the kernel, > 0, in the unit of `time`. A wider kernel gives smaller standard errors and
        more bias: changes on shorter times are smoothed out, and the errors do not include this bias.
    resamples : int
        Number of bootstrap resamples of the blocks of each state; at least 99.
    rng : int, SeedSequence, Generator or None
        Source of randomness.
    threads : int, optional
        At least 1; changes the speed and not a bit of the result. Default: all that OpenMP offers.

    Returns
    -------
    Drift
        Smoothed series, slopes, T(t) with its errors, and verdicts.

    Raises
    ------
    TypeError, ValueError
        If times and states do not match, or the kernel reaches fewer than three times somewhere.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng, states, time = np.random.default_rng(0), [], np.arange(8.0)
    >>> for t in time:
    ...     x = rng.normal(size=(4000, 1))
    ...     y = x[:, 0] + (1.0 + 0.2 * t) * rng.normal(size=4000)
    ...     states.append(pm.DataState(x, y, model=lambda X: X[:, 0], energy="mse"))
    >>> found = pm.drift(time, states, bandwidth=2.0, rng=0)      # noise alone: T = 2 E
    >>> bool(np.abs(found.temperature[4] - 2.0 * 1.8**2) < 4.0 * found.temperature_error[4]), str(found.verdict[4])
    (True, 'ok')
    """
    at = np.asarray(validate.numeric("time", time), dtype=np.float64)
    if at.ndim != 1 or len(at) < 3 or not np.isfinite(at).all() or not (at[1:] > at[:-1]).all():
        raise ValueError("time must be at least three finite, increasing numbers.")
    if len(states) != len(at) or not all(isinstance(state, DataState) for state in states):
        raise TypeError(f"states must be {len(at)} DataStates, one for each time, got {len(states)} values.")
    kinds = {(state.loss, state.features) for state in states}
    if len(kinds) > 1:
        raise ValueError(f"states must have one loss and the same features, got {sorted(kinds)}.")
    for t, state in zip(at, states, strict=True):
        if state.reason:
            raise ValueError(f"states must have an energy and an entropy, got none at time {t:g}: {state.reason}")
    width = validate.single("bandwidth", bandwidth, minimum=0.0, exclusive=True)
    count = validate.count("resamples", resamples, minimum=99)
    workers = validate.threads(threads)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(validate.seed(rng))))
    values = np.array([[state.energy, state.entropy] for state in states])
    # In these units no square leaves the range of a double.
    unit, coarse = int(np.frexp(np.abs(values[:, 0]).max())[1]), int(np.frexp(width)[1])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        values[:, 0] = np.ldexp(values[:, 0], -unit)
        noise = np.array([state.covariance(count, random, workers, unit) for state in states])
        level, slope = _local_quadratics(at, width)
        slope = slope / np.ldexp(width, -coarse)
        smooth, slopes = level @ values, slope @ values
        weights = (slope**2)[..., None, None]
        spread = np.where(weights > 0.0, weights * noise, 0.0).sum(axis=1)
        errors = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
        known = np.abs(slopes[:, 1]) > 2.0 * errors[:, 1]
        divisor = np.where(known, slopes[:, 1], np.nan)
        T = slopes[:, 0] / divisor
        gradient = np.stack([1.0 / divisor, -T / divisor], axis=1)
        T_error = np.ldexp(np.sqrt(np.einsum("ti,tij,tj->t", gradient, spread, gradient)), unit)
        T = np.ldexp(T, unit)
        known &= np.isfinite(T) & np.isfinite(T_error)
        smooth[:, 0] = np.ldexp(smooth[:, 0], unit)
        slopes, errors = (np.ldexp(each, [unit - coarse, -coarse]) for each in (slopes, errors))
    if not (np.isfinite(smooth).all() and np.isfinite(slopes).all()):
        raise ValueError("energies and slopes must be within the range of a double; use other units of y or of time.")
    incomplete = [f"{t:g}" for t, each in zip(at, noise, strict=True) if np.isnan(each).any()]
    return Drift(
        time=at,
        energy=smooth[:, 0],
        entropy=smooth[:, 1],
        energy_slope=slopes[:, 0],
        entropy_slope=slopes[:, 1],
        energy_slope_error=np.where(np.isinf(errors[:, 0]), np.nan, errors[:, 0]),
        entropy_slope_error=np.where(np.isinf(errors[:, 1]), np.nan, errors[:, 1]),
        temperature=np.where(known, T, np.nan),
        temperature_error=np.where(known, T_error, np.nan),
        verdict=np.where(known, "ok", "undefined"),
        reason="; ".join(
            filter(None, [_reason(incomplete), "errors beyond the range of a double" * bool(np.isinf(errors).any())])
        ),
    )


def _reason(incomplete: list[str]) -> str:
    if not incomplete:
        return ""
    times = ", ".join(incomplete[:4]) + (", ..." if len(incomplete) > 4 else "")
    return (
        f"the states at {times} have fewer than {LEAST} blocks of rows, or resamples of rows without a density; "
        "use more rows, a smaller block or fewer features"
    )


def _local_quadratics(at: _Array, width: float) -> tuple[_Array, _Array]:
    """Weights of the values in levels and slopes (per `width`) of local quadratic regressions, each (k, k)."""
    if not np.isfinite(at[-1] - at[0]):
        raise ValueError(f"time must span less than 1.8e308, got {at[0]:g} to {at[-1]:g}; use another unit of time.")
    with np.errstate(over="ignore"):  # beyond 60 bandwidths the weight is 0
        distance = np.clip((at[None, :] - at[:, None]) / width, -60.0, 60.0)
    root = np.exp(-0.25 * distance**2)
    design = root[..., None] * np.stack([np.ones_like(distance), distance, distance**2], axis=-1)
    least = np.linalg.svd(design, compute_uv=False)[:, -1]
    if (least < 1e-3).any():
        i = int(np.argmin(least))
        raise ValueError(
            f"bandwidth must reach two neighbours of every time, got {width:g} at time {at[i]:g}; widen it to about "
            f"{np.diff(at).max():g}."
        )
    weights = np.linalg.pinv(design) * root[:, None, :]
    return weights[:, 0], weights[:, 1]
