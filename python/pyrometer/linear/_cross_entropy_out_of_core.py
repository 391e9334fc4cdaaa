"""Minimum cross entropy of rows that are not in memory, of two classes or more, with or without separated classes.

A minimum over some of the rows, in memory, is the start of Newton's method over all of them. Where some rows are
separated, so may all be: rows on the wrong side of the direction that separates them are added to those in memory until
there are none, or none are separated any more. The infimum is then the minimum without the separated classes of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.data import Scanned
from pyrometer.linear._class_losses import BINARY, InMemory, Softmax
from pyrometer.linear._closed_form import Array
from pyrometer.linear._independence import are_dependent, independent, pivots
from pyrometer.linear._minima import Lowest
from pyrometer.linear._newton_out_of_core import Converged, Passes, minimised, most_of_two

__all__ = ["binary", "of_classes"]

_UNIT = np.finfo(float).eps / 2
# Rows of the least squares that find the coefficients of dependent columns.
_SAMPLE = 20_000
# Rounds of adding rows to those in memory, and the most rows relative to those at first.
_MOST_ROUNDS = 40
_MOST_ROWS = 4
# Logit of a separated row: e^-40 is below the rounding of any loss.
_FAR = 40.0
# Numbers of a part of a block whose differences between classes are taken.
_CELLS = 1 << 22

_Rows = npt.NDArray[Any]


class _Held(NamedTuple):
    """Rows in memory."""

    X: _Rows
    y: _Rows
    w: Array | None

    def with_rows(self, X: _Rows, y: _Rows, w: Array | None) -> _Held:
        weights = None if self.w is None or w is None else np.concatenate([self.w, w])
        return _Held(np.concatenate([self.X, X]), np.concatenate([self.y, y]), weights)


def _held(scanned: Scanned) -> _Held:
    return _Held(scanned.X, scanned.y, scanned.weights)


def binary(scanned: Scanned, intercept: bool) -> Lowest:
    """The infimum of the cross entropy of two classes, whose parameters are those of class 1."""
    lowest = _lowest(Passes(scanned, intercept, BINARY), _held(scanned))
    error = lowest.parameter_error
    return lowest._replace(parameter_error=None if error is None else 2.0 * error[: len(lowest.parameters)])


def of_classes(scanned: Scanned, intercept: bool, classes: int) -> Lowest:
    """The infimum of the softmax cross entropy, with parameters of all classes, of sum 0 over those that have rows."""
    if classes == 2:
        lowest = _lowest(Passes(scanned, intercept, BINARY), _held(scanned))
        return lowest._replace(parameters=np.concatenate([-0.5 * lowest.parameters, 0.5 * lowest.parameters]))
    held, present = _with_all_classes(scanned, classes)
    if not intercept:
        present[:] = True
    kept, n = int(present.sum()), scanned.X.shape[1] + intercept
    names = np.cumsum(present) - 1
    loss = Softmax(kept)
    if kept == 1:
        lowest = Lowest(0.0, np.zeros(0), 0.0, False, n - intercept)
    else:
        held = held._replace(y=names[held.y.astype(np.int64)].astype(held.X.dtype))
        lowest = _lowest(Passes(scanned, intercept, loss, None if present.all() else names), held)
    full = np.zeros((classes, n))
    full[np.flatnonzero(present)[:-1]] = lowest.parameters.reshape(kept - 1, n)
    full[present] -= full[present].mean(axis=0)
    if kept == classes:
        return lowest._replace(parameters=full.reshape(-1))
    # The largest logit of a row is not negative, as their sum is 0.
    full[~present, -1] = -_FAR - np.log(classes)
    gap = lowest.gap + float(np.exp(-_FAR))
    return Lowest(lowest.value, full.reshape(-1), gap, False, lowest.rank)


def _with_all_classes(scanned: Scanned, classes: int) -> tuple[_Held, npt.NDArray[np.bool_]]:
    """The rows in memory, with some of each class that has any, and which classes have."""
    held, counts = _held(scanned), np.bincount(scanned.y.astype(np.int64), minlength=classes)
    if counts.all():
        return held, counts > 0
    for X, y, w in scanned.blocks():
        new = counts[y.astype(np.int64)] == 0
        counts += np.bincount(y[new].astype(np.int64), minlength=classes)
        held = held.with_rows(X[new], y[new], None if w is None else w[new])
    return held, counts > 0


def _lowest(passes: Passes, held: _Held) -> Lowest:
    """Return the infimum over all rows, from those in memory; ValueError if it cannot be decided."""
    scanned, intercept = passes.scanned, passes.intercept
    free, rank = independent(scanned, intercept)
    if not are_dependent(free, _design(passes, held.X[_subsample(held, _SAMPLE)]), lambda: _designs(passes)):
        raise _undecided(passes)
    free = np.tile(free, passes.loss.classes - 1)
    if not free.any():  # all columns are zero
        return Lowest(float(np.log(passes.loss.classes)), np.zeros(len(free)), 4.0 * _UNIT, True, rank)
    most, extremes = _MOST_ROWS * len(held.y), False
    for _ in range(_MOST_ROUNDS):
        _, start, attained, direction = _in_memory(passes, held)
        if attained or not direction.any():
            result = minimised(passes, np.where(free, start, 0.0), free)
            if isinstance(result, Converged):
                m = scanned.moments.count
                return Lowest(result.loss / m, result.theta, result.gap / m, True, rank, result.errors.reshape(-1))
            if extremes or not attained:
                break
            held, extremes = _with_extremes(passes, held), True
            continue
        along = replace(passes, direction=direction)
        enlarged, least = _with_wrong(along, held)
        if len(enlarged.y) == len(held.y):
            if not np.isfinite(least):  # no margin exceeds its rounding error
                break
            return _without_separated(along, held, free, np.zeros(len(free)), rank, least)
        held = enlarged
        if len(held.y) > most:
            break
    raise _undecided(passes)


def _undecided(passes: Passes) -> ValueError:
    return ValueError(
        f"the out-of-core Newton iteration over {passes.scanned.rows.source} did not converge: columns may be nearly "
        "dependent in all rows or in those that are not separated, which needs the rows in memory: read them and "
        "describe the system by X and y, or drop some columns."
    )


def _in_memory(passes: Passes, held: _Held) -> InMemory:
    w = None if held.w is None else np.ascontiguousarray(held.w * (len(held.w) / held.w.sum()))
    return passes.loss.in_memory(held.X, held.y, passes.intercept, w)


def _subsample(held: _Held, most: int) -> npt.NDArray[np.int64]:
    """Rows spread evenly, and the last, which were added to the others."""
    count = len(held.y)
    if count <= most:
        return np.arange(count)
    return np.union1d(np.linspace(0, count - 1, most // 2).astype(np.int64), np.arange(count - most // 2, count))


def _design(passes: Passes, X: _Rows) -> Array:
    return np.column_stack([X, np.ones((len(X), int(passes.intercept)))]).astype(np.float64)


def _designs(passes: Passes) -> Iterator[Array]:
    return (_design(passes, X) for X, _, _ in passes.blocks())


# ---- Rows that are added to those in memory.


def _with_wrong(passes: Passes, held: _Held) -> tuple[_Held, float]:
    """Add rows with a negative margin along the direction; return the smallest margin of those that are separated."""
    assert passes.direction is not None
    most, count, least = max(1024, len(held.y) // 4), passes.scanned.moments.rows, np.inf
    for X, y, w in passes.blocks():
        margins, errors = passes.margins(X, y, passes.direction)
        least = min(least, float(margins[margins > errors].min(initial=np.inf)))
        worst = (margins + errors).min(axis=1)
        chosen = np.argsort(worst, kind="stable")[: 8 + most * len(y) // count]
        chosen = np.sort(chosen[worst[chosen] < 0.0])
        held = held.with_rows(X[chosen], y[chosen], None if w is None else w[chosen])
    return held, least


def _with_extremes(passes: Passes, held: _Held) -> _Held:
    """Add the rows of the largest and the smallest value of each column in each block: those of rare values."""
    for X, y, w in passes.blocks():
        chosen = np.unique(np.concatenate([X.argmin(axis=0), X.argmax(axis=0)]))
        held = held.with_rows(X[chosen], y[chosen], None if w is None else w[chosen])
    return held


# ---- The minimum without the separated classes of rows.


def _without_separated(
    passes: Passes, held: _Held, columns: npt.NDArray[np.bool_], start: Array, rank: int, least: float
) -> Lowest:
    """The infimum where `passes` leave out classes of rows, whose margins along the direction are at least `least`.

    Where Newton's method does not converge, classes far below their rows' own are left out as well: the minimum without
    them is a lower bound, and all losses at its minimiser are an upper bound.
    """
    k = len(columns)
    at_zero = passes.evaluate(np.zeros(passes.scanned.X.shape[1]), np.zeros(k))
    free = columns & pivots(np.where(np.outer(columns, columns), at_zero.curvature, 0.0))
    minimum = Converged(at_zero.loss, start, 0.0, np.empty(0))
    if free.any():
        chosen = _subsample(held, max(2, 4 * _CELLS // (passes.loss.classes * k)))
        rows = np.concatenate(list(_differences(passes, held.X[chosen], held.y[chosen])))
        if not are_dependent(free, rows, lambda: _all_differences(passes)):
            raise _undecided(passes)
        converged = minimised(passes, start, free)
        if not isinstance(converged, Converged):
            if passes.far_at is not None:
                raise _undecided(passes)
            return _without_separated(replace(passes, far_at=converged), held, columns, converged, rank, least)
        minimum = converged
    return _far_along(passes, minimum, at_zero.reach, rank, least)


def _far_along(passes: Passes, minimum: Converged, reach: Array, rank: int, least: float) -> Lowest:
    """Move parameters along the direction until the separated classes have no loss; all rows give an upper bound."""
    assert passes.direction is not None
    m = passes.scanned.moments.count
    at_minimum = most_of_two(np.abs(minimum.theta).reshape(-1, len(reach)) @ reach)
    with np.errstate(over="ignore", invalid="ignore"):
        theta = minimum.theta + (_FAR + at_minimum) / least * passes.direction
    above = replace(passes, direction=None, far_at=None).loss_at(theta) - minimum.loss
    if not np.isfinite(above):
        raise _undecided(passes)
    gap = minimum.gap + max(above, 0.0) + max(300.0 * float(_UNIT) * minimum.loss, m * float(np.exp(-_FAR)))
    return Lowest(minimum.loss / m, theta, gap / m, False, rank)


def _differences(passes: Passes, X: _Rows, y: _Rows) -> Iterator[Array]:
    """Rows of the differences of parameters that the margins of classes are products with, but of those left out."""
    classes, others = passes.loss.classes, passes.loss.classes - 1
    step = max(1, _CELLS // (others * others * passes.columns))
    one = np.insert(np.eye(others), passes.loss.reference, 0.0, axis=0)
    for first in range(0, len(X), step):
        rows, own = X[first : first + step], y[first : first + step].astype(np.int64)
        allowed = passes.allowed(rows, y[first : first + step])
        pairs = np.ones((len(rows), classes), dtype=np.bool_) if allowed is None else allowed.copy()
        pairs[np.arange(len(rows)), own] = False
        row, other = np.nonzero(pairs)
        signs = one[own[row]] - one[other]
        yield (signs[:, :, None] * _design(passes, rows)[row][:, None, :]).reshape(len(row), -1)


def _all_differences(passes: Passes) -> Iterator[Array]:
    for X, y, _ in passes.blocks():
        yield from _differences(passes, X, y)
