"""Minimum cross entropy of rows that are not in memory: Newton's method, with a pass over the rows for each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.data import Scanned
from pyrometer.linear._class_losses import ClassLoss
from pyrometer.linear._closed_form import Array

__all__ = ["Converged", "Passes", "minimised", "most_of_two"]

_UNIT = np.finfo(float).eps / 2
# Depth of the summation tree of a chunk.
_ADDITIONS = 256
_MOST_PASSES = 40
# Smallest eigenvalue of the Hessian scaled to a unit diagonal for which steps and bounds are valid.
_LEAST_EIGENVALUE = 1e-11
# A class at this distance below a row's own may dominate the Hessian although its loss is negligible at the minimum.
_RULING = 20.0

_Rows = npt.NDArray[Any]
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Passes:
    """Passes over rows of which the classes along a direction are left out."""

    scanned: Scanned
    intercept: bool
    loss: ClassLoss
    names: npt.NDArray[np.int64] | None = None
    """The number in `loss` of each class of the rows, if it is another."""
    direction: Array | None = None
    """Parameters; classes with a positive margin along it are left out."""
    far_at: Array | None = None
    """Parameters; classes far below a row's own at them are left out as well."""

    @property
    def columns(self) -> int:
        """Number of columns, the constant one included."""
        return int(self.scanned.X.shape[1]) + self.intercept

    def blocks(self) -> Iterator[tuple[_Rows, _Rows, Array | None]]:
        """Rows, classes and weights."""
        for X, y, w in self.scanned.blocks():
            yield X, y if self.names is None else self.names[y.astype(np.int64)].astype(X.dtype), w

    def margins(self, X: _Rows, y: _Rows, theta: Array) -> tuple[Array, Array]:
        """Logits of the own class less those of each (m, C), and bounds of their rounding errors."""
        p = self.scanned.X.shape[1]
        by_class = theta.reshape(-1, self.columns)
        own = y.astype(np.int64)[:, None]
        logits = np.einsum("ij,cj->ic", X, by_class[:, :p]) + by_class[:, p:].sum(axis=1)
        sizes = np.einsum("ij,cj->ic", np.abs(X), np.abs(by_class[:, :p])) + np.abs(by_class[:, p:]).sum(axis=1)
        logits, sizes = (np.insert(part, self.loss.reference, 0.0, axis=1) for part in (logits, sizes))
        errors = 8.0 * (p + 4) * _UNIT * sizes
        return (
            np.take_along_axis(logits, own, axis=1) - logits,
            np.take_along_axis(errors, own, axis=1) + errors,
        )

    def allowed(self, X: _Rows, y: _Rows) -> _Mask | None:
        """Return which classes are in the sums of each row; None for all."""
        if self.direction is None:
            return None
        margins, errors = self.margins(X, y, self.direction)
        allowed = margins <= errors
        if self.far_at is not None:
            allowed &= self.margins(X, y, self.far_at)[0] <= _RULING
        return np.asarray(allowed)

    def loss_at(self, theta: Array) -> float:
        """Sum of the losses of all rows at parameters of the columns themselves."""
        shift, loss = np.zeros(self.scanned.X.shape[1]), 0.0
        for X, y, w in self.blocks():
            loss += self.loss.evaluate(X, y, w, self.intercept, shift, theta, self.allowed(X, y), curvature=False)[0]
        return loss

    def evaluate(self, shift: Array, theta: Array) -> Evaluation:
        """Sums over all rows at theta, whose columns are less `shift`."""
        shift, theta = np.ascontiguousarray(shift), np.ascontiguousarray(theta)
        n, k = self.columns, len(theta)
        loss, least, chunks = 0.0, np.inf, 0
        gradient, size, reach, curvature = np.zeros(k), np.zeros(k), np.zeros(n), np.zeros((k, k))
        for X, y, w in self.blocks():
            part = self.loss.evaluate(X, y, w, self.intercept, shift, theta, self.allowed(X, y), curvature=True)
            loss, least, chunks = loss + part[0], min(least, part[1]), chunks + 1
            gradient += part[2]
            size += part[3]
            np.maximum(reach, part[4], out=reach)
            curvature += part[5]
        return Evaluation(theta, loss, least, gradient, size, reach, curvature, chunks)


class Evaluation(NamedTuple):
    """Sums over rows at theta."""

    theta: Array
    loss: float
    least: float
    gradient: Array
    size: Array
    reach: Array
    curvature: Array
    chunks: int

    def reached(self, x: Array) -> float:
        """Bound of the differences between the logits of any row and two classes for parameters x."""
        return most_of_two(np.abs(x).reshape(-1, len(self.reach)) @ self.reach)

    def margin_error(self) -> float:
        """Bound of the rounding error of any margin: products, their sum, and the subtraction of the shift."""
        return (len(self.reach) + 4) * _UNIT * self.reached(self.theta)


class Converged(NamedTuple):
    """A minimum: its loss, a sum over rows, parameters of the columns themselves, and bounds."""

    loss: float
    theta: Array
    gap: float
    errors: Array
    """Of the parameters of all classes, less their mean over the classes; infinite where they are not free."""


def most_of_two(values: Array) -> float:
    """Return the largest sum of two values, those of the classes: an upper bound of their differences."""
    return float(np.sort(values)[-2:].sum())


def minimised(passes: Passes, theta: Array, free: _Mask) -> Converged | Array:
    """Minimise from `theta` by Newton steps on the `free` parameters; the last parameters without convergence.

    The certificate is that of the core (minimum/logistic/newton.hpp, minimum/softmax/descent.hpp): near the minimum a
    Newton step gives a feasible point of the dual problem, and the loss exceeds the infimum by at most g' H^-1 g,
    rounding included.
    """
    moments, intercept = passes.scanned.moments, passes.intercept
    shift = moments.mean[:-1] if intercept else np.zeros(passes.columns)
    theta = _moved(theta, shift, intercept, 1.0)
    evaluation = passes.evaluate(shift, theta)
    if evaluation.loss > np.log(passes.loss.classes) * moments.count:  # worse than theta = 0
        evaluation = passes.evaluate(shift, np.zeros_like(theta))
    for _ in range(_MOST_PASSES):
        newton = _Newton(evaluation, free)
        if not newton.sound:
            break
        certificate = newton.certified(evaluation)
        if certificate is not None:
            loss, theta, excess, rounding, radius = certificate
            parameters, m = _moved(theta, shift, intercept, -1.0), moments.count
            # Rounding the intercepts changes the margins of all rows by the same amounts.
            by_class = parameters.reshape(-1, passes.columns)
            moved = most_of_two(_UNIT * np.abs(by_class[:, -1])) if intercept else 0.0
            gap = excess + rounding + moved * np.sqrt(m * excess) / 2 + moved**2 * m / 8
            return Converged(loss, parameters, float(gap), newton.errors(by_class, shift, intercept, radius))
        candidate = _descend(passes, shift, evaluation, newton)
        if candidate is None:
            break
        evaluation = candidate
    return _moved(evaluation.theta, shift, intercept, -1.0)


class _Newton:
    """Newton step and its bounds, from gradient and Hessian of the free parameters."""

    def __init__(self, at: Evaluation, free: _Mask) -> None:
        self.step = np.zeros_like(at.theta)
        self.scale = np.sqrt(np.diagonal(at.curvature)[free])
        self.free = free
        self.sound = bool(np.isfinite(at.loss) and (self.scale > 0).all())
        if self.sound:
            correlations = at.curvature[np.ix_(free, free)] / np.outer(self.scale, self.scale)
            values, vectors = np.linalg.eigh(correlations)
            self.eigenvalue = float(values[0])
            self.sound = self.eigenvalue >= _LEAST_EIGENVALUE
            lengths = np.sqrt(np.maximum(values, _LEAST_EIGENVALUE))
            white = (vectors.T @ (at.gradient[free] / self.scale)) / lengths
            self.step[free] = -(vectors @ (white / lengths)) / self.scale
            self.root = vectors / lengths
            self.decrement = float(np.sqrt(white @ white))

    def _most(self, bound: Array) -> float:
        """At least (b' H^-1 b)^1/2 for every b with |b_j| <= bound_j."""
        return float(np.sqrt(np.sum((bound[self.free] / self.scale) ** 2) / self.eigenvalue))

    def _leverage(self, reach: Array) -> float:
        """At least (b' H^-1 b)^1/2 for the difference b of any row's columns in two classes."""
        squares = np.zeros(len(self.free))
        squares[self.free] = (np.resize(reach, len(self.free))[self.free] / self.scale) ** 2
        return float(np.sqrt(most_of_two(squares.reshape(-1, len(reach)).sum(axis=1)) / self.eigenvalue))

    def certified(self, at: Evaluation) -> tuple[float, Array, float, float, float] | None:
        """Loss, parameters, bounds of its excess over the infimum and of rounding, and radius; None if too far.

        The minimiser is within the radius, in the metric of H.
        """
        n, additions = len(at.theta), (_ADDITIONS + at.chunks) * _UNIT
        unit = (len(at.reach) + 4) * _UNIT
        # Errors of margins change the gradient, in the norm of H^-1, by at most their norm in H.
        noise = unit * float(np.abs(at.theta[self.free]) @ self.scale) + additions * self._most(at.size)
        relative_error = n * (additions + at.margin_error()) / self.eigenvalue
        if not relative_error < 0.25:
            return None
        distance = (self.decrement + noise) / np.sqrt(1.0 - relative_error)
        leverage = self._leverage(at.reach) / np.sqrt(1.0 - relative_error)
        reached = at.reached(self.step)
        if not 2.0 * reached + leverage * noise <= 1.0:
            return None
        settled = max(1e-9 * np.sqrt(at.loss), 4.0 * noise)
        remainder = self.decrement**2 * reached
        # The last step needs no evaluation where its bound suffices.
        follow = reached * self.decrement <= settled and remainder <= 1e-15 * at.loss
        if not (self.decrement <= settled or follow) or not (
            distance**2 <= 1e-13 * at.loss or self.decrement <= 4 * noise
        ):
            return None
        rounding = (additions + 8.0 * _UNIT) * at.loss + unit * float(at.size @ np.abs(at.theta))
        # As in newton.hpp: of the decrement after the step, and of H between here and there.
        growth = np.exp(reached / 2.0 if follow else 0.0) / np.sqrt(1.0 - relative_error)
        after = ((np.expm1(reached) if follow else 1.0) * self.decrement + noise * growth) * growth
        radius = 2.0 * np.log(2.0) * after * growth if leverage * growth * after <= 0.5 else np.inf
        if not follow:
            return at.loss, at.theta, distance**2, rounding, float(radius)
        loss = at.loss - self.decrement**2 / 2
        return loss, at.theta + self.step, distance**2, rounding + remainder, float(radius)

    def errors(self, by_class: Array, shift: Array, intercept: bool, radius: float) -> Array:
        """Bounds of the errors of parameters (k, n) of the columns themselves, of all classes but one."""
        others, n = by_class.shape
        if not (self.free.all() and np.isfinite(radius)):
            return np.full((others + 1, n), np.inf)
        columns = np.eye(n)
        if intercept:
            columns[-1, :-1] = -shift
        classes = np.vstack([np.eye(others), np.zeros(others)]) - 1.0 / (others + 1)
        root = (self.root / self.scale[:, None]).reshape(others, n, -1)
        norms = np.linalg.norm(np.einsum("bc,jl,clq->bjq", classes, columns, root, optimize=True), axis=2)
        sizes = np.abs(columns) @ np.abs(by_class).max(axis=0)
        return np.asarray(radius * norms + 4.0 * (n + others + 4) * _UNIT * sizes)


def _descend(passes: Passes, shift: Array, evaluation: Evaluation, newton: _Newton) -> Evaluation | None:
    """Return the evaluation at a lower loss along the step; None if the line search fails."""
    slope, t = newton.decrement**2, 1.0
    for _ in range(20):
        candidate = passes.evaluate(shift, evaluation.theta + t * newton.step)
        if candidate.loss <= evaluation.loss - 1e-4 * t * slope + 64.0 * _UNIT * evaluation.loss:
            return candidate
        # Quadratic interpolation of both losses and the slope.
        rise = candidate.loss - evaluation.loss + t * slope
        best = t * t * slope / (2.0 * rise)
        t = min(max(best, 0.1 * t), 0.5 * t) if np.isfinite(best) else 0.1 * t
    return None


def _moved(theta: Array, shift: Array, intercept: bool, sign: float) -> Array:
    """Return the parameters of columns less `shift` from those of the columns (sign 1), or back (sign -1)."""
    theta = theta.copy()
    if intercept:
        by_class = theta.reshape(-1, len(shift) + 1)
        for one in by_class:
            one[-1] += sign * (one[:-1] @ shift)
    return theta
