"""Minimum cross entropy of rows that are not in memory: Newton's method, with a pass over the rows for each step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.data import Scanned
from pyrometer.linear._closed_form import Array

__all__ = ["lowest"]

_UNIT = np.finfo(float).eps / 2
# Depth of the summation tree of a chunk.
_ADDITIONS = 256
_MOST_PASSES = 40
# Smallest eigenvalue of the Hessian scaled to a unit diagonal for which steps and bounds are valid.
_LEAST_EIGENVALUE = 1e-7
# Rows of the least squares that find the coefficients of dependent columns.
_SAMPLE = 20_000
# Relative squared norm of a column, less its projection on those before it, below which it is dependent.
_DEPENDENT = 1e-12


class _Evaluation(NamedTuple):
    """Sums over rows at theta."""

    theta: Array
    loss: float
    least: float
    gradient: Array
    size: Array
    reach: Array
    curvature: Array
    chunks: int


def lowest(scanned: Scanned, intercept: bool) -> tuple[float, Array, float, bool, int]:
    """Return infimum, parameters, gap, whether it is attained, and rank; ValueError without convergence.

    The certificate is that of the core (minimum/logistic/newton.hpp): near the minimum a Newton step gives a feasible
    point of the dual problem, and the loss exceeds the infimum by at most g' H^-1 g, rounding included.
    """
    value, start, gap, attained, rank = _in_memory(scanned.X, scanned.y, intercept, scanned.sample_weights())
    if scanned.complete:
        return value, start, gap, attained, rank
    free, rank = independent(scanned, intercept)
    if not _are_dependent(scanned, intercept, free):
        raise _undecided(scanned)
    if not free.any():  # all columns are zero
        return float(np.log(2.0)), np.zeros(len(start)), 2.0 * _UNIT, True, rank
    if value == 0.0 and not attained:
        start, margin = _separating(scanned, intercept, start)
        if margin > 0.0:
            return 0.0, start * (40.0 / margin), float(np.log1p(np.exp(-36.0))), False, rank
    return _minimised(scanned, intercept, np.where(free, start, 0.0), free, rank)


def _minimised(
    scanned: Scanned, intercept: bool, theta: Array, free: npt.NDArray[np.bool_], rank: int
) -> tuple[float, Array, float, bool, int]:
    """Minimise from `theta` by Newton steps on the `free` parameters, each of which is a pass over the rows."""
    moments = scanned.moments
    shift = moments.mean[:-1] if intercept else np.zeros(len(theta))
    if intercept:
        theta[-1] += theta[:-1] @ shift
    here = _evaluate(scanned, intercept, shift, theta)
    if here.loss > np.log(2.0) * moments.count:  # worse than theta = 0
        here = _evaluate(scanned, intercept, shift, np.zeros_like(theta))
    for _ in range(_MOST_PASSES):
        newton = _Newton(here, free)
        if not newton.sound:
            break
        found = newton.certified(here)
        if found is not None:
            loss, theta, excess, rounding = found
            parameters, m = _unshifted(theta, shift, intercept), moments.count
            # Rounding the intercept changes every margin by the same amount.
            moved = _UNIT * abs(parameters[-1]) if intercept else 0.0
            gap = excess + rounding + moved * np.sqrt(m * excess) / 2 + moved**2 * m / 8
            return loss / m, parameters, float(gap / m), True, rank
        candidate = _descend(scanned, intercept, shift, here, newton)
        if candidate is None:
            break
        here = candidate
    raise _undecided(scanned)


def _undecided(scanned: Scanned) -> ValueError:
    return ValueError(
        f"the out-of-core Newton iteration over {scanned.rows.source} did not converge: labels may be partly separable "
        "or columns nearly dependent, which needs the rows in memory: read them, LogisticRegression(X, y), or drop "
        "some columns."
    )


def _are_dependent(scanned: Scanned, intercept: bool, free: npt.NDArray[np.bool_]) -> bool:
    """Whether the columns that are not free are linear combinations of the others, within rounding, in all rows.

    Moments in double precision cannot distinguish dependence from relative distances below 1e-8. The coefficients are
    those of least squares over the rows in memory; one pass over all rows evaluates the residuals.
    """
    if free.all():
        return True
    p = scanned.X.shape[1]
    some = np.linspace(0, len(scanned.X) - 1, min(len(scanned.X), _SAMPLE)).astype(np.int64)
    others = np.flatnonzero(free[:p])
    design = np.column_stack([scanned.X[some][:, others], np.ones((len(some), int(intercept)))]).astype(np.float64)
    length = np.sqrt(np.mean(design**2, axis=0))
    scale = np.where(length > 0.0, length, 1.0)
    left_out = np.flatnonzero(~free[:p])
    coefficients = np.linalg.lstsq(design / scale, scanned.X[some][:, left_out].astype(np.float64), rcond=None)[0]
    coefficients /= scale[:, None]

    def residuals(X: npt.NDArray[Any]) -> tuple[Array, Array]:
        rows = np.column_stack([X[:, others], np.ones((len(X), int(intercept)))])
        sizes = np.abs(X[:, left_out]) + np.abs(rows) @ np.abs(coefficients)
        return np.abs(X[:, left_out] - rows @ coefficients), sizes

    typical = np.median(residuals(scanned.X[some])[1], axis=0)
    allowed = 32.0 * (p + 2) * np.finfo(float).eps
    for X, _, _ in scanned.blocks():
        residual, sizes = residuals(X)
        if (residual > allowed * np.maximum(sizes, typical)).any():
            return False
    return True


def _in_memory(
    X: npt.NDArray[Any], y: npt.NDArray[Any], intercept: bool, weights: Array | None = None
) -> tuple[float, Array, float, bool, int]:
    value, parameters, gap, attained, rank = (
        answer[0] for answer in _core.logistic(X[None], y[None], intercept, 0, None, weights)[:5]
    )
    return float(value), parameters, float(gap), bool(attained), int(rank)


def _separating(scanned: Scanned, intercept: bool, start: Array) -> tuple[Array, float]:
    """Return parameters that separate all labels, and the smallest margin; margin 0 if no such parameters are found.

    Misclassified rows are added to the sample until there are none, or until the sample is no longer separated.
    """
    X, y, theta = scanned.X, scanned.y, start
    p = X.shape[1]
    for _ in range(_MOST_PASSES):
        least, wrong, wrong_y = np.inf, [X], [y]
        for block, labels, _ in scanned.blocks():
            margins = (2.0 * labels - 1.0) * (np.einsum("ij,j->i", block, theta[:p]) + theta[p:].sum())
            error = (p + 4) * _UNIT * (np.einsum("ij,j->i", np.abs(block), np.abs(theta[:p])) + np.abs(theta[p:]).sum())
            chosen = margins <= 8.0 * error
            least = min(least, float(margins.min()))
            wrong.append(block[chosen])
            wrong_y.append(labels[chosen])
        if not any(map(len, wrong_y[1:])):
            return theta, least
        X, y = np.concatenate(wrong), np.concatenate(wrong_y)
        if len(y) > 4 * len(scanned.y):
            break
        value, theta, _, attained, _ = _in_memory(X, y, intercept)
        if value > 0.0 or attained:
            break
    return theta, 0.0


def independent(scanned: Scanned, intercept: bool) -> tuple[npt.NDArray[np.bool_], int]:
    """Return which parameters are free, those of dependent columns being 0, and the number of independent columns."""
    moments = scanned.moments
    p = len(moments.mean) - 1
    matrix = moments.scatter[:p, :p].copy()
    if not intercept:
        matrix += moments.count * np.outer(moments.mean[:p], moments.mean[:p])
    scale = np.sqrt(np.diagonal(matrix))
    matrix /= np.outer(np.where(scale > 0, scale, 1.0), np.where(scale > 0, scale, 1.0))
    free = np.zeros(p + intercept, dtype=np.bool_)
    left = np.diagonal(matrix).copy()
    while left.max() > _DEPENDENT:
        pivot = int(np.argmax(left))
        free[pivot] = True
        column = matrix[:, pivot] / np.sqrt(left[pivot])
        matrix = matrix - np.outer(column, column)
        left = np.where(free[:p], 0.0, np.diagonal(matrix))
    rank = int(free.sum())
    free[p:] = True
    return free, rank


def _evaluate(scanned: Scanned, intercept: bool, shift: Array, theta: Array) -> _Evaluation:
    shift, theta = np.ascontiguousarray(shift), np.ascontiguousarray(theta)
    n = len(theta)
    loss, least, chunks = 0.0, np.inf, 0
    gradient, size, reach, curvature = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, n))
    for X, y, w in scanned.blocks():
        part = _core.logistic_look(X, y, intercept, shift, theta, True, 0, w)
        loss, least, chunks = loss + part[0], min(least, part[1]), chunks + 1
        gradient += part[2]
        size += part[3]
        np.maximum(reach, part[4], out=reach)
        curvature += part[5]
    return _Evaluation(theta, loss, least, gradient, size, reach, curvature, chunks)


def _margin_error(at: _Evaluation) -> float:
    """Bound of the rounding error of any margin: products, their sum, and the subtraction of the shift."""
    return (len(at.theta) + 4) * _UNIT * float(at.reach @ np.abs(at.theta))


class _Newton:
    """Newton step and its bounds, from gradient and Hessian of the free parameters."""

    def __init__(self, at: _Evaluation, free: npt.NDArray[np.bool_]) -> None:
        self.step = np.zeros_like(at.theta)
        self.scale = np.sqrt(np.diagonal(at.curvature)[free])
        self.free = free
        self.sound = bool(np.isfinite(at.loss) and (self.scale > 0).all())
        if self.sound:
            correlations = at.curvature[np.ix_(free, free)] / np.outer(self.scale, self.scale)
            values, vectors = np.linalg.eigh(correlations)
            self.eigenvalue = float(values[0])
            self.sound = self.eigenvalue >= _LEAST_EIGENVALUE
            white = (vectors.T @ (at.gradient[free] / self.scale)) / np.sqrt(np.maximum(values, _LEAST_EIGENVALUE))
            self.step[free] = -(vectors @ (white / np.sqrt(np.maximum(values, _LEAST_EIGENVALUE)))) / self.scale
            self.decrement = float(np.sqrt(white @ white))

    def _most(self, bound: Array) -> float:
        """At least (b' H^-1 b)^1/2 for every b with |b_j| <= bound_j."""
        return float(np.sqrt(np.sum((bound[self.free] / self.scale) ** 2) / self.eigenvalue))

    def certified(self, at: _Evaluation) -> tuple[float, Array, float, float] | None:
        """Return loss, parameters, a bound of the excess over the infimum, and rounding; None before convergence."""
        n, additions = len(at.theta), (_ADDITIONS + at.chunks) * _UNIT
        unit = (n + 4) * _UNIT
        # Errors of margins change the gradient, in the norm of H^-1, by at most their norm in H.
        noise = unit * float(np.abs(at.theta[self.free]) @ self.scale) + additions * self._most(at.size)
        relative_error = n * (additions + _margin_error(at)) / self.eigenvalue
        if not relative_error < 0.25:
            return None
        most = (self.decrement + noise) / np.sqrt(1.0 - relative_error)
        leverage = self._most(at.reach) / np.sqrt(1.0 - relative_error)
        reached = float(at.reach @ np.abs(self.step))
        if not 2.0 * reached + leverage * noise <= 1.0:
            return None
        settled = max(1e-9 * np.sqrt(at.loss), 4.0 * noise)
        remainder = self.decrement**2 * reached
        # The last step needs no evaluation where its bound suffices.
        follow = reached * self.decrement <= settled and remainder <= 1e-15 * at.loss
        if not (self.decrement <= settled or follow) or not (most**2 <= 1e-13 * at.loss or self.decrement <= 4 * noise):
            return None
        rounding = (additions + 8.0 * _UNIT) * at.loss + unit * float(at.size @ np.abs(at.theta))
        if not follow:
            return at.loss, at.theta, most**2, rounding
        return at.loss - self.decrement**2 / 2, at.theta + self.step, most**2, rounding + remainder


def _descend(scanned: Scanned, intercept: bool, shift: Array, here: _Evaluation, newton: _Newton) -> _Evaluation | None:
    """Return the evaluation at a lower loss along the step; None if the line search fails."""
    slope, t = newton.decrement**2, 1.0
    for _ in range(20):
        candidate = _evaluate(scanned, intercept, shift, here.theta + t * newton.step)
        if candidate.loss <= here.loss - 1e-4 * t * slope + 64.0 * _UNIT * here.loss:
            return candidate
        # Quadratic interpolation of both losses and the slope.
        rise = candidate.loss - here.loss + t * slope
        best = t * t * slope / (2.0 * rise)
        t = min(max(best, 0.1 * t), 0.5 * t) if np.isfinite(best) else 0.1 * t
    return None


def _unshifted(theta: Array, shift: Array, intercept: bool) -> Array:
    """Return the parameters of the original columns from those of the columns less `shift`."""
    theta = theta.copy()
    if intercept:
        theta[-1] -= theta[:-1] @ shift
    return theta
