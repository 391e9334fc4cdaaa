"""Data whose distribution changes continuously: T(t) = (dE/dt) / (dS/dt) from a series of states (2.11), (A.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, RandomSource, described, listed, number_of, plain, validate
from pyrometer.results import Shown
from pyrometer.states import _records as records
from pyrometer.states._blocks import LEAST
from pyrometer.states._cells import places_in_cells
from pyrometer.states._data_state import DataState
from pyrometer.states._predictions import NO_LOSS

__all__ = ["Drift", "drift"]

_DETERMINED = 1e-3  # least singular value of a design: a polynomial that has fewer times in reach is not determined
_FLAT = 2.0**30  # bandwidths, in times from the first to the last, beyond which every weight of the kernel is 1
_FARTHEST = 60.0  # bandwidths, beyond which every weight of the kernel is 0
_TOGETHER = 64  # times whose polynomials are computed at once
_ERRORS = 2.0  # standard errors from 0 of a slope that is known, and of the intervals: 95.4 % of a normal distribution


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
        Its standard error, by linearisation: of use where the slope of the entropy is many standard errors from 0.
    temperature_low, temperature_high : ndarray, shape (k,)
        Ends of a confidence interval of 95 % of T(t), at each time by itself, not for all times together; -inf and inf
        where the states do not bound T, nan without standard errors and in results of 0.1.0. Not in the paper.
    verdict : ndarray of str, shape (k,)
        "ok", or "undefined" where the slope of the entropy is within twice its standard error of 0, or that is nan.
    reason : str
        Why standard errors are nan, or intervals unbounded for lack of times; "" where neither is. A state without a
        standard error makes those of all times within reach of the kernel nan.

    Notes
    -----
    The interval is Fieller's set [1]_: the T for which dE/dt - T dS/dt is within two of its standard errors of 0, with
    slopes and errors of local cubic regressions of the same bandwidth, the usual correction for bias [2]_. So the
    interval need not be centred at `temperature`; one that does not contain it says that the bandwidth is too wide.
    Slopes themselves have errors that hold at the edges, too, but a quotient with linearised errors does not: given the
    verdict "ok" its denominator is too large more often than too small.

    Of 300 series, 11 times of 200 or 800 rows or 21 of 800 or 4,000, growing noise (T = 2 E) or noise and mean
    together, the intervals held T at 95 to 98 % of the inner times and 97 to 98 % of the three at each end, where half
    of them are unbounded; of the bounded ones 95 to 97 % and 92 to 96 %. ``temperature ± 2 * temperature_error`` held
    it at 91 to 96 % and 78 to 93 % of those with the verdict "ok". Noise that rises and falls once, by a factor of 2.7,
    with a bandwidth of 0.075 of the whole: 95 % of all, where the other has 35 % at the inner times; with 0.1 the
    intervals held 79 %.

    References
    ----------
    .. [1] E. C. Fieller, "Some problems in interval estimation", J. R. Stat. Soc. B 16, 175 (1954).
    .. [2] S. Calonico, M. D. Cattaneo, M. H. Farrell, "On the effect of bias estimation on coverage accuracy in
       nonparametric inference", J. Am. Stat. Assoc. 113, 767 (2018).

    Examples
    --------
    >>> import pyrometer as pm
    >>> "temperature" in pm.Drift.__dataclass_fields__
    True
    """

    time: Array
    energy: Array
    entropy: Array
    energy_slope: Array
    entropy_slope: Array
    energy_slope_error: Array
    entropy_slope_error: Array
    temperature: Array
    temperature_error: Array
    temperature_low: Array
    temperature_high: Array
    verdict: npt.NDArray[np.str_]
    reason: str = ""

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "temperature_low" not in state:  # of 0.1.0
            unknown = np.full_like(state["temperature"], np.nan)
            state = state | {"temperature_low": unknown, "temperature_high": unknown}
        self.__dict__.update(state)


def _require_states(states: Any) -> None:
    if not isinstance(states, Sequence) or not all(isinstance(state, DataState) for state in states):
        raise TypeError(f"states must be a sequence of DataState, got {described(states)}.")


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
        more bias: changes on shorter times are smoothed out. The errors do not include this bias; the intervals do as
        long as cubic polynomials follow the path within two bandwidths.
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
        If times and states do not match, the entropies of states are not comparable (of other kinds of densities, or
        with a column that has a density in some and contributes by counts in others), or the kernel reaches fewer than
        three times somewhere.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng, states, time = np.random.default_rng(0), [], np.arange(8.0)
    >>> for t in time:
    ...     x = rng.normal(size=(4000, 1))
    ...     y = x[:, 0] + (1.0 + 0.2 * t) * rng.normal(size=4000)
    ...     states.append(pm.DataState(x, y, model=lambda X: X[:, 0], energy="mse"))
    >>> result = pm.drift(time, states, bandwidth=2.0, rng=0)      # noise alone: T = 2 E
    >>> bool(np.abs(result.temperature[4] - 2.0 * 1.8**2) < 4.0 * result.temperature_error[4]), str(result.verdict[4])
    (True, 'ok')
    """
    at = np.array(validate.numeric("time", time), dtype=np.float64)
    if at.ndim != 1 or len(at) < 3 or not np.isfinite(at).all() or not (at[1:] > at[:-1]).all():
        raise ValueError("time must be at least three finite, increasing numbers.")
    _require_states(states)
    if len(states) != len(at):
        raise TypeError(
            f"states must be {len(at)} DataStates, one for each time, got {number_of(len(states), 'value')}."
        )
    kinds = {(state.loss, state.features) for state in states}
    if len(kinds) > 1:
        raise ValueError(f"states must have one loss and the same features, got {sorted(kinds)}.")
    for t, state in zip(at, states, strict=True):
        if state.reason or state.loss == NO_LOSS:
            why = state.reason or "it has no model"
            raise ValueError(f"states must have an energy and an entropy, got none at time {t:g}: {why}")
        _require_comparable(states[0], state, float(at[0]), float(t))
    if not np.isfinite(at[-1] - at[0]):
        raise ValueError(f"time must span less than 1.8e308, got {at[0]:g} to {at[-1]:g}; use another unit of time.")
    width = validate.single("bandwidth", bandwidth, minimum=0.0, exclusive=True)
    width = min(width, _FLAT * (float(at[-1]) - float(at[0])))
    count = validate.count("resamples", resamples, minimum=99)
    workers = validate.threads(threads)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(validate.seed(rng))))
    values = np.array([[state.energy, state.entropy] for state in states])
    # In these units no square leaves the range of a double.
    unit, coarse = int(np.frexp(np.abs(values[:, 0]).max())[1]), int(np.frexp(width)[1])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        values[:, 0] = np.ldexp(values[:, 0], -unit)
        noise = np.array([state.covariance(count, random, workers, unit) for state in states])
        per = np.ldexp(width, -coarse)
        quadratic, cubic = (_regression(at, width, per, values, noise, degree) for degree in (2, 3))
        _require_determined(quadratic.least, at, width)
        smooth, slopes, spread = quadratic.smooth, quadratic.slopes, quadratic.spread
        errors = np.sqrt(np.diagonal(spread, axis1=1, axis2=2))
        T, T_error = np.ldexp(_quotients(slopes, spread)[:2], unit)
        defined = np.isfinite(T) & np.isfinite(T_error)
        low, high = np.ldexp(_quotients(cubic.slopes, cubic.spread)[2:], unit)
        undetermined = cubic.least < _DETERMINED
        bounded = np.isfinite(low) & np.isfinite(high) & ~undetermined
        smooth[:, 0] = np.ldexp(smooth[:, 0], unit)
        slopes, errors = (np.ldexp(each, [unit - coarse, -coarse]) for each in (slopes, errors))
    if not (np.isfinite(smooth).all() and np.isfinite(slopes).all()):
        raise ValueError("energies and slopes must be within the range of a double; use other units of y or of time.")
    beyond = "errors beyond the range of a double" * bool(np.isinf(errors).any())
    lacking = np.where(np.isnan(errors).any(axis=1), np.nan, 0.0)
    incomplete = at[np.isnan(noise).any(axis=(1, 2))]
    return Drift(
        time=at,
        energy=smooth[:, 0],
        entropy=smooth[:, 1],
        energy_slope=slopes[:, 0],
        entropy_slope=slopes[:, 1],
        energy_slope_error=np.where(np.isinf(errors[:, 0]), np.nan, errors[:, 0]),
        entropy_slope_error=np.where(np.isinf(errors[:, 1]), np.nan, errors[:, 1]),
        temperature=np.where(defined, T, np.nan),
        temperature_error=np.where(defined, T_error, np.nan),
        temperature_low=np.where(bounded, low, -np.inf) + lacking,
        temperature_high=np.where(bounded, high, np.inf) + lacking,
        verdict=np.where(defined, "ok", "undefined"),
        reason="; ".join(filter(None, [_reason(incomplete), beyond, _without_interval(at[undetermined])])),
    )


def _require_comparable(first: DataState, state: DataState, begin: float, time: float) -> None:
    """Raise ValueError unless the entropies of two states are of densities of the same columns and kind."""
    if None not in (first.names, state.names) and first.names != state.names:
        raise ValueError(
            f"states must have the same columns in one order, got {listed(first.names or (), plain)} at time {begin:g} "
            f"and {listed(state.names or (), plain)} at time {time:g}."
        )
    kinds = [each.density if isinstance(each.density, str) else "an object" for each in (first, state)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"states must have the same kind of density, got {kinds[0]} at time {begin:g} and {kinds[1]} at time "
            f"{time:g}."
        )
    if any(places_in_cells(each.columns) for each in (first, state)):
        place = min(place for each in (first, state) for place in places_in_cells(each.columns))
        raise ValueError(
            f"states must have counts of each value of a column, got column {state.named(place)} with values "
            "counted in cells by a monitor; give the rows instead of the state, or leave the column out."
        )
    with_density = [_with_density(each) for each in (first, state)]
    if apart := with_density[0] ^ with_density[1]:
        place = min(apart)
        times = (begin, time) if place in with_density[0] else (time, begin)
        raise ValueError(
            f"states must have a density in the same columns, got column {state.named(place)} with one at "
            f"time {times[0]:g}, and contributing by counts at time {times[1]:g}; make all "
            f"states like= the one at time {times[1]:g}, or leave the column out."
        )
    if first.columns.alone != state.columns.alone:
        times = (time, begin) if first.columns.alone else (begin, time)
        raise ValueError(
            f"states must have a joint density of all columns, or none, got one at time {times[0]:g}, and at time "
            f"{times[1]:g} too few blocks of rows for one; use more rows, a smaller block or fewer features."
        )


def _with_density(state: DataState) -> set[int]:
    """Return the places of the columns that have a density."""
    return {place for place, has in zip(state.columns.places, state.columns.has_density, strict=True) if has}


def _slopes(weights: Array, values: Array, noise: Array) -> tuple[Array, Array]:
    """Slopes (k, 2) of energy and entropy with these weights of the states, and their covariances (k, 2, 2)."""
    squares = (weights**2)[..., None, None]
    return weights @ values, np.where(squares > 0.0, squares * noise, 0.0).sum(axis=1)


def _quotients(slopes: Array, spread: Array) -> Array:
    """Quotients of slopes (k, 2) of covariances (k, 2, 2), their errors and ends of Fieller's intervals, (4, k).

    Fieller's set has the T for which dE - T dS is within `_ERRORS` standard errors of 0. It is an interval where dS is
    more than as many standard errors from 0; all is nan elsewhere.
    """
    variance = spread[:, 1, 1]
    divisor = np.where(np.abs(slopes[:, 1]) > _ERRORS * np.sqrt(variance), slopes[:, 1], np.nan)
    T = slopes[:, 0] / divisor
    gradient = np.stack([1.0 / divisor, -T / divisor], axis=1)
    square = np.einsum("ti,tij,tj->t", gradient, spread, gradient)
    unit = _ERRORS / divisor
    denominator = 1.0 - unit**2 * variance
    away = unit * (spread[:, 0, 1] - T * variance)
    centre, half = (
        T - unit * away / denominator,
        np.sqrt(_ERRORS**2 * square * denominator + (unit * away) ** 2) / denominator,
    )
    return np.stack([T, np.sqrt(square), centre - half, centre + half])


def _without_interval(at: Array) -> str:
    if not len(at):
        return ""
    return f"no interval of the temperature at {_times(at)}: it needs at least four time points within the bandwidth"


def _times(at: Array) -> str:
    return ", ".join(f"{t:g}" for t in at[:4]) + (", ..." if len(at) > 4 else "")


def _reason(incomplete: Array) -> str:
    if not len(incomplete):
        return ""
    return (
        f"the states at {_times(incomplete)} have fewer than {LEAST} blocks of rows, or resamples of rows without a "
        "density; use more rows, a smaller block or fewer features"
    )


class _Regression(NamedTuple):
    """Values at each time, their slopes and covariances of these, and least singular values of the designs."""

    smooth: Array
    slopes: Array
    spread: Array
    least: Array


def _regression(at: Array, width: float, per: float, values: Array, noise: Array, degree: int) -> _Regression:
    """Return local polynomials of this degree, with slopes in units of `per`."""
    k = len(at)
    result = _Regression(np.empty((k, 2)), np.empty((k, 2)), np.empty((k, 2, 2)), np.empty(k))
    for times, near in _within_reach(at, width):
        weights, result.least[times] = _local_polynomials(at[times], at[near], width, degree, at)
        result.smooth[times] = weights[0] @ values[near]
        result.slopes[times], result.spread[times] = _slopes(weights[1] / per, values[near], noise[near])
    return result


def _within_reach(at: Array, width: float) -> Iterator[tuple[slice, slice]]:
    """Yield some times at a time, and all that have a weight for any of them."""
    with np.errstate(over="ignore"):
        begins, ends = np.searchsorted(at, at - _FARTHEST * width), np.searchsorted(at, at + _FARTHEST * width, "right")
    for first in range(0, len(at), _TOGETHER):
        last = min(first + _TOGETHER, len(at))
        yield slice(first, last), slice(int(begins[first]), int(ends[last - 1]))


def _local_polynomials(times: Array, near: Array, width: float, degree: int, at: Array) -> tuple[Array, Array]:
    """Weights (degree + 1, t, k) of values in coefficients of local polynomials, and least singular values (t,).

    Of values at the times `near` (k,) in polynomials about each of some `times` (t,); `at` are all times. Distances are
    in bandwidths; singular values are those of powers of distances up to 1, where all are within one.
    """
    with np.errstate(over="ignore"):
        distance = np.clip((near[None, :] - times[:, None]) / width, -_FARTHEST, _FARTHEST)
        reach = np.minimum(np.maximum(times - at[0], at[-1] - times) / width, 1.0)
    with np.errstate(under="ignore"):
        root = np.exp(-0.25 * distance**2)
    unit = np.where(reach > 0.0, reach, 1.0)[:, None]
    powers = range(degree + 1)
    design = root[..., None] * np.stack([(distance / unit) ** power for power in powers], axis=-1)
    weights = np.linalg.pinv(design) * root[:, None, :] / np.stack([unit**power for power in powers], axis=1)
    least = np.linalg.svd(design, compute_uv=False)[:, -1] if len(near) > degree else np.zeros(len(times))
    return np.moveaxis(weights, 1, 0), least


def _require_determined(least: Array, at: Array, width: float) -> None:
    if (least < _DETERMINED).any():
        i, gap = int(np.argmin(least)), float(np.diff(at).max())
        wide = float(f"{gap:g}")
        remedy = f"widen it to about {wide:g}"
        parts = (_local_polynomials(at[times], at[near], wide, 2, at)[1] for times, near in _within_reach(at, wide))
        if width >= wide or any((least < _DETERMINED).any() for least in parts):
            remedy = f"no bandwidth does, with times that close to each other and a gap of {gap:g}: leave some out"
        raise ValueError(
            f"bandwidth must include two neighbours of every time point, got {width:g} at time {at[i]:g}; {remedy}."
        )
