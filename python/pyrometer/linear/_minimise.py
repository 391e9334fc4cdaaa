"""Minima of squared error: from second moments, and from rows where the moments have too few digits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array
from pyrometer.errors import PrecisionWarning
from pyrometer.linear._largest_rows import allow_for_largest_rows
from pyrometer.linear._light_rows import constants_in_doubt, dependence_in_doubt
from pyrometer.linear._minima import ENOUGH_DIGITS, ROUNDED_WEIGHTS, Solved, digits_of, of_moments, too_few
from pyrometer.linear._penalties import L1, L2
from pyrometer.linear._target_unit import TargetUnit
from pyrometer.results import Minimum

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["lowest", "path"]

# dtype of names of methods.
_NAMES = "U18"

# Ratio of root mean squares of residuals to a typical target below which a fit is exact, and its energy is rounding.
_ROUNDING = 1e-14
_SAMPLED = 1 << 12  # targets of which a typical one is found
# Below this share of the squares of the targets, residuals have lost digits to the rounding of the targets.
_CLOSE_FIT = 1e-10

# Condition numbers: above the first, parameters from moments are refined by a pass over the rows; below the second,
# that pass needs no QR of the rows, because the Cholesky factor of the moments is an accurate preconditioner.
_SKEW, _NEAR = 100.0, 1e5
# Above this, the least eigenvalue of scaled covariances is within some ten times the rounding of the largest.
_UNDECIDED = 5e6

Methods: TypeAlias = npt.NDArray[np.str_]


def lowest(system: LinearSystem, threads: int) -> tuple[Minimum, Warning | None]:
    """Return the minimum of a squared error, and a warning if there is one."""
    solved, method = _solved(system, threads)
    complaint = _warning(system, solved, method)
    complaint = _of_largest_rows(system, solved, method, [system.penalty], threads) or complaint
    return of_moments(solved, method, system.shape), complaint


def _solved(system: LinearSystem, threads: int) -> tuple[Solved, Methods]:
    penalty = system.penalty
    if not isinstance(penalty, L1):
        return _squares(system, penalty, threads)
    solved, method = _lasso(system, penalty, np.array([penalty.lam]), threads)
    return Solved(*(array[:, 0] for array in solved)), method[:, 0]


def path(
    system: LinearSystem, penalty: L1, weights: npt.NDArray[np.float64], threads: int
) -> tuple[Minimum, Warning | None]:
    """The same for each weight of a lasso."""
    solved, method = _lasso(system, penalty, weights, threads)
    penalties = [dataclasses.replace(penalty, lam=lam) for lam in weights.tolist()]
    complaint = _warning(system, solved, method)
    complaint = _of_largest_rows(system, solved, method, penalties, threads) or complaint
    return of_moments(solved, method, (*system.shape, len(weights))), complaint


def _flat_moments(system: LinearSystem) -> tuple[float, Array, Array, tuple[Array, Array] | None]:
    """Row count or total weight, means (systems, p + 1), scatter (systems, p + 1, p + 1) and bounds of their errors.

    The last is None if nothing was lost beyond the rounding of one pass over rows, else (mean_error, scatter_error),
    both (systems, p + 1): errors of means are at most mean_error, those of scatter_jk at most
    sqrt(scatter_error_j scatter_error_k).
    """
    moments = system.known_moments()
    columns = moments.mean.shape[-1]
    mean = np.ascontiguousarray(moments.mean.reshape(math.prod(system.shape), columns))
    scatter = np.ascontiguousarray(moments.scatter.reshape(len(mean), columns, columns))
    lost = moments.lost()
    return moments.count, mean, scatter, lost and (lost.mean.reshape(-1, columns), lost.scatter.reshape(-1, columns))


def _squares(system: LinearSystem, penalty: L2 | None, threads: int) -> tuple[Solved, Methods]:
    """Least squares from second moments, and from rows where the moments have too few digits."""
    count, mean, scatter, lost = _flat_moments(system)
    # Without a penalty the intercept is free, and does not count in the norm of dependent parameters.
    options = (system.intercept, penalty.lam if penalty else 0.0, penalty is not None and penalty.intercept, threads)
    unit = TargetUnit.of(system)
    means, scatters = unit.moments(mean, scatter)
    solved = unit.restored(_core.least_squares(count, means, scatters, *options, unit.lost(lost)))
    if unit.exponent and not _finite(solved.gap):  # a bound far above the energy, which is less in the unit of the data
        unit, means, scatters = TargetUnit(0), mean, scatter
        solved = Solved(*_core.least_squares(count, mean, scatter, *options, lost))
    _allow_for_weights(system, solved)
    _allow_for_moments(system, solved, mean, scatter, lost)
    method = np.full(len(mean), "covariance", dtype=_NAMES)
    inaccurate = _inaccurate(system, solved)
    inaccurate |= dependence_in_doubt(system, solved.condition, solved.rank, ~inaccurate)
    uncertain = inaccurate | (solved.condition > _SKEW) | (solved.relative_error > 0.1 * 10.0**-ENOUGH_DIGITS)
    if not uncertain.any():
        return solved, method
    can_refine = _can_refine(system, solved, mean, scatter, lost)
    for name, chosen in (("refined", can_refine & uncertain), ("orthogonal", inaccurate & ~can_refine)):
        at = np.flatnonzero(chosen)
        if at.size:
            X, y = _rows_of(system, at)
            factored = scatters[at] if name == "refined" else None
            if factored is not None and system.weighted:  # of weights of mean 1
                factored = factored * (system.rows / count)
            by_row = _weights_of(system, at)
            from_rows = _core.least_squares_rows(X, unit.less(y), means[at], *options, factored, by_row)
            _replace(solved, at, unit.restored(from_rows))
            if system.weighted:
                solved.gap[at] += ROUNDED_WEIGHTS * solved.value[at]
            method[at] = name
    _reset_diverged(system, solved)
    return solved, method


@np.errstate(over="ignore")  # of bounds: to inf
def _allow_for_weights(system: LinearSystem, solved: Solved) -> None:
    """Double the bounds of weighted rows: their products are rounded with the square roots of weights as well."""
    if system.weighted:
        for bound in (solved.gap, solved.relative_error, solved.parameter_error):
            bound *= 2.0


def _allow_for_moments(
    system: LinearSystem, solved: Solved, mean: Array, scatter: Array, lost: tuple[Array, Array] | None
) -> None:
    """Make bounds those of moments that are rounded and had lost digits, and conditions of dependent columns inf."""
    _allow_for_dependence(solved)
    _add_lost(system, solved, mean, scatter, lost)
    solved.condition[solved.condition < 0.0] = np.inf


@np.errstate(over="ignore")
def _allow_for_dependence(solved: Solved) -> None:
    """Leave no certain digits where the least eigenvalue of the scaled covariances may be a rounding error.

    The bounds are of first order in the rounding of the covariances, which must be small relative to that eigenvalue.
    """
    poor = np.isfinite(solved.condition) & (solved.condition > _NEAR)
    if not poor.any():
        return
    solved.relative_error[poor] *= 10.0  # terms of higher order are not in the bounds
    undecided = poor & (solved.condition > _UNDECIDED)
    if undecided.any():
        np.copyto(solved.gap, solved.value, where=undecided & (solved.gap < solved.value))
        np.copyto(solved.relative_error, np.maximum(solved.relative_error, 1.0), where=undecided)
        solved.parameter_error[undecided] = np.inf


def _can_refine(
    system: LinearSystem, solved: Solved, mean: Array, scatter: Array, lost: tuple[Array, Array] | None
) -> npt.NDArray[np.bool_]:
    """Return which systems have rows, and moments accurate enough for iterative refinement with residuals of rows."""
    condition, l2 = solved.condition, system.penalty
    if system.X is None or not system.intercept or (isinstance(l2, L2) and l2.lam > 0 and l2.intercept):
        return np.zeros(len(condition), dtype=bool)
    count, squares = system.known_moments().count, np.diagonal(scatter, axis1=-2, axis2=-1)[:, :-1]
    with np.errstate(all="ignore"):
        # The square of a mean's error is added to the mean squares of the deviations.
        error = count * (np.finfo(float).eps * mean[:, :-1]) ** 2
        share = ((error if lost is None else error + lost[1][:, :-1]) / squares).sum(axis=-1)
        return np.asarray((condition < _NEAR) & (share * condition**2 < 1e-3))


def _lasso(system: LinearSystem, penalty: L1, weights: npt.NDArray[np.float64], threads: int) -> tuple[Solved, Methods]:
    """A lasso for each weight, shape (systems, weights), likewise."""
    count, mean, scatter, lost = _flat_moments(system)
    unit = TargetUnit.of(system)
    options = (system.intercept, unit.weights(weights), penalty.intercept, threads)
    means, scatters = unit.moments(mean, scatter)
    solved = unit.restored(_core.lasso(count, means, scatters, *options, unit.lost(lost), system.X is not None))
    _allow_for_weights(system, solved)
    _reset_diverged(system, solved)
    _allow_for_moments(system, solved, mean, scatter, lost)
    method = np.empty(solved.value.shape, dtype=_NAMES)
    method[:] = np.where(weights > 0, "coordinate-descent", "covariance")
    positive, poor = weights > 0, _inaccurate(system, solved) | constants_in_doubt(system)
    if not positive.all():
        poor |= dependence_in_doubt(system, solved.condition[:, ~positive], solved.rank[:, ~positive], ~poor)
    inaccurate = np.flatnonzero(poor)
    if inaccurate.size:
        X, y = _rows_of(system, inaccurate)
        by_row = _weights_of(system, inaccurate)
        at, unpenalised_at = np.ix_(inaccurate, positive), np.ix_(inaccurate, ~positive)
        if positive.any():
            start = np.nan_to_num(np.ascontiguousarray(solved.parameters[at]), posinf=0.0, neginf=0.0)
            of_lasso = (system.intercept, options[1][positive], penalty.intercept, unit.less(start), threads)
            from_rows = _core.lasso_rows(X, unit.less(y), means[inaccurate], *of_lasso, by_row)
            _replace(solved, at, unit.restored(from_rows))
            method[at] = "orthogonal"
            if system.weighted:
                solved.gap[at] += ROUNDED_WEIGHTS * solved.value[at]
        if not positive.all():
            unpenalised, of_unpenalised = _squares(_without_penalty(system), None, threads)
            _replace(solved, unpenalised_at, tuple(array[inaccurate, None] for array in unpenalised))
            method[unpenalised_at] = of_unpenalised[inaccurate, None]
    return solved, method


def _without_penalty(system: LinearSystem) -> LinearSystem:
    """Return the system without its penalty; the data are shared."""
    part = copy(system)
    object.__setattr__(part, "penalty", None)
    return part


@np.errstate(over="ignore")
def _reset_diverged(system: LinearSystem, solved: Solved) -> None:
    """Replace diverged parameters by 0, where the energy is lower: columns may be equal up to rounding."""
    moments, penalty = system.known_moments(), system.penalty
    free = system.intercept and (penalty is None or not penalty.intercept)
    least = moments.scatter[..., -1, -1] / moments.count if free else moments.target_square()
    rounding = 1e-12 * moments.target_square()  # of energies from moments
    energy, most = (
        each.reshape(-1, *[1] * (solved.value.ndim - 1)) for each in (least, least * (1.0 + 1e-9) + rounding)
    )
    diverged = ~(solved.value <= most)
    if diverged.any():
        value, theta, gap, relative, condition, error, rank = solved
        energy, mean = np.broadcast_to(energy, value.shape), moments.mean[..., -1].reshape(energy.shape)
        theta[diverged] = 0.0
        if free:
            theta[..., -1] = np.where(diverged, mean, theta[..., -1])
        value[diverged] = gap[diverged] = energy[diverged]
        relative[diverged] = condition[diverged] = error[diverged] = np.inf
        rank[diverged] = 0


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # what overflows is lost altogether
def _add_lost(
    system: LinearSystem, solved: Solved, mean: Array, scatter: Array, lost: tuple[Array, Array] | None
) -> None:
    """Make gap and relative error those of moments that had lost digits: bounds, whatever the signs of the errors.

    With t = (theta, -1) the energy changes by t' dS t / m at theta, and by the square of the gradient's change over the
    least eigenvalue as the minimiser moves. A column whose variance may be all error could explain anything. Without a
    free intercept the squares of the means mu are part of the curvature: their changes d move the gradient by
    mu (d.t) + d (mu.t + d.t).
    """
    if lost is None:
        return
    at = np.unique(np.flatnonzero((lost[0] != 0.0) | (lost[1] != 0.0)) // mean.shape[-1])
    value, theta, gap, relative, condition = (array[at] for array in solved[:5])
    count, p = system.known_moments().count, mean.shape[-1] - 1

    def each(array: Array) -> Array:
        chosen: Array = array[at].reshape(-1, *[1] * (value.ndim - 1), p + 1)
        return chosen

    size, mean = np.abs(theta[..., :p]), each(mean)
    of_mean, share = each(lost[0]), np.sqrt(each(lost[1]) / count)
    variance = each(np.diagonal(scatter, axis1=-2, axis2=-1))[..., :p] / count
    first = ((size * share[..., :p]).sum(axis=-1) + share[..., p]) ** 2
    shift = (size * of_mean[..., :p]).sum(axis=-1) + of_mean[..., p]
    free = system.intercept and (system.penalty is None or not system.penalty.intercept)
    mean_residual = (
        0.0 if free else mean[..., p] - (theta[..., :p] * mean[..., :p]).sum(axis=-1) - theta[..., p:].sum(axis=-1)
    )
    first = first + 2.0 * np.abs(mean_residual) * shift + shift**2
    first = np.where(np.isnan(first), np.inf, first)
    scale = variance + (system.penalty.lam if isinstance(system.penalty, L2) else 0.0)
    columns, of_means = (
        np.where(part[..., :p] > 0.0, part[..., :p] ** 2 / scale, 0.0).sum(axis=-1)
        for part in (share, np.zeros_like(of_mean) if free else of_mean)
    )
    # Of the independent columns, where others depend on them, as these do without errors.
    least = np.where(np.isfinite(condition), condition**-2.0, 4.0 * np.finfo(float).eps * (8.0 + np.sqrt(p)))
    rest_of_least = least - columns - of_means
    turned = 3.0 * (0.0 if free else shift**2 + (np.abs(mean_residual) + shift) ** 2 * of_means / rest_of_least)
    error = np.where(rest_of_least > 0.0, first + first * columns / rest_of_least + turned, np.inf)
    solved.relative_error[at] = np.maximum(relative, np.where(error > 0.0, error / value, 0.0))
    wider = np.maximum(gap, np.minimum(error, value + first))
    solved.gap[at] = wider
    # Bounds of parameters are those of the gap, in units of true eigenvalues.
    solved.parameter_error[at] *= np.where(wider > gap, np.sqrt(wider / gap), 1.0)[..., None]


def _of_largest_rows(
    system: LinearSystem, solved: Solved, method: Methods, penalties: Sequence[L1 | L2 | None], threads: int
) -> PrecisionWarning | None:
    return allow_for_largest_rows(
        system,
        solved,
        method,
        penalties,
        lambda part: lowest(part, threads)[0],
        lambda part: _solved(part, threads)[0],
    )


def _inaccurate(system: LinearSystem, solved: Solved) -> npt.NDArray[np.bool_]:
    """Return which systems have rows, and too few digits from their moments."""
    if system.X is None or system.y is None:
        return np.zeros(len(solved.value), dtype=bool)
    lost = ~(solved.relative_error <= 10.0**-ENOUGH_DIGITS)  # nan, too
    return np.asarray(lost.reshape(len(lost), -1).any(axis=1))


def _rows_of(system: LinearSystem, at: npt.NDArray[np.intp]) -> tuple[Any, Any]:
    """Return the rows of some systems, without a copy if these are all."""
    X, y = system.stacked_rows()
    return (X, y) if at.size == len(X) else (X[at], y[at])


def _weights_of(system: LinearSystem, at: npt.NDArray[np.intp]) -> Array | None:
    """Return the weights of the rows of some systems, of mean 1; None if there are none."""
    weights = system.stacked_weights()
    return None if weights is None else weights[at]


def _replace(solved: Solved, at: Any, others: tuple[npt.NDArray[Any], ...]) -> None:
    for array, other in zip(solved, others, strict=True):
        array[at] = other


@np.errstate(over="ignore", invalid="ignore")
def _finite(*arrays: Array) -> bool:
    # A sum is faster, but may itself leave the range of a double.
    return all(math.isfinite(array.sum()) or np.isfinite(array).all() for array in arrays)


def _exact(system: LinearSystem, most: Array, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which systems `among` these, with energies of at most `most`, are fitted within the rounding of targets.

    Of typical ones, the median of those other than 0: residuals of the others are not rounding where one is huge.
    """
    result = np.zeros_like(among)
    at = np.flatnonzero(among.reshape(len(among), -1).any(axis=1))
    if at.size and system.y is not None:
        y = system.stacked_rows()[1]
        sizes = np.sort(np.abs(y[at, :: y.shape[1] // _SAMPLED + 1].astype(np.float64)), axis=1)
        zeros = np.count_nonzero(sizes == 0.0, axis=1)
        middle = np.minimum(zeros + (sizes.shape[1] - zeros) // 2, sizes.shape[1] - 1)
        typical = np.take_along_axis(sizes, middle[:, None], axis=1).reshape(-1, *[1] * (most.ndim - 1))
        result[at] = among[at] & (np.sqrt(most[at]) <= _ROUNDING * typical)
    return result


def _warning(system: LinearSystem, solved: Solved, method: Methods) -> PrecisionWarning | None:
    """Return the warning of values of few digits, if there are any."""
    value, gap, relative = solved.value, solved.gap, solved.relative_error
    if not _finite(value, solved.parameters, gap):
        raise ValueError(
            "data must have a minimum in the range of a double, with its parameters and its gap, got one beyond it; "
            "rescale columns and targets of extreme sizes."
        )
    inaccurate = ~(relative <= 10.0**-ENOUGH_DIGITS)  # nan, too
    if not inaccurate.any():
        return None
    squares = system.known_moments().target_square().reshape(-1, *[1] * (value.ndim - 1))
    lost = inaccurate & ~_exact(system, value + gap, inaccurate & (method != "covariance"))
    if not lost.any():
        return None
    return too_few(
        digits_of(relative[lost]),
        rows=system.X is not None,
        merged=system.known_moments().merged(),
        features=system.parameters - system.intercept,
        small=bool((value + gap <= _CLOSE_FIT * squares)[lost].all()),
    )
