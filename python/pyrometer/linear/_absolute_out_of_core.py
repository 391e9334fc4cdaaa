"""Least absolute deviations of rows that are not in memory: a few passes over them, and exact solutions in memory.

Rows whose residual is far from zero keep its sign while the parameters change a little, and then their sum acts as one
row (Portnoy and Koenker, Statistical Science 12 (1997) 279). The rows near zero and these sums are a problem that fits
into memory. Its minimum is a lower bound whatever the signs are, since |sum r| <= sum |r|; the pass that evaluates the
energy at its minimiser gives an upper bound, and collects the rows for the next iteration if the two differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pyrometer import _core
from pyrometer.data import Scanned
from pyrometer.linear._closed_form import Array
from pyrometer.linear._independence import independent

__all__ = ["lowest"]

_UNIT = np.finfo(float).eps / 2
# Largest number of values of the problem in memory, and its smallest number of rows.
_CELLS = 1 << 24
_FEWEST = 1 << 14
_MOST_PASSES = 24
# Sums are over rows that agree in the sign and bin of their residual and in the signs of a few columns: many small sums
# represent their rows for larger changes of the parameters than two large ones.
_DISTANCES = 64
_SIGNS = 6
# Shares of a step from the best parameters so far: one pass evaluates the energy at all of them.
_SHARES = 0.5 ** np.arange(10)


def lowest(scanned: Scanned, intercept: bool) -> tuple[float, Array, float, bool, int]:
    """Return minimum, parameters, gap, True, and rank, as the core does; the gap includes the rounding of passes."""
    value, start, gap, rank = (
        answer[0]
        for answer in _core.least_absolute(
            scanned.X[None], scanned.y[None], intercept, 0, None, scanned.sample_weights()
        )
    )
    if scanned.complete:
        return float(value), start, float(gap), True, int(rank)
    scale = _Scale(scanned, intercept)
    theta = scale.inside(start)
    limit = max(_FEWEST, _CELLS // (len(theta) + 1))
    best, best_theta, floor, rounding = np.inf, theta, 0.0, 0.0
    for _ in range(_MOST_PASSES):
        split = _pass(scanned, scale, theta, best_theta - theta, limit)
        rounding = max(rounding, split.rounding)
        if split.energies[0] < best:
            best, best_theta = float(split.energies[0]), theta
            theta, bound = split.solve()
            floor = max(floor, bound)
        else:  # the step was too long: sums represent their rows near the parameters of the pass only
            nearer = split.energies[1:]
            share = _SHARES[1:][int(np.argmin(nearer))] if nearer.min() < best else 0.5 * _SHARES[-1]
            theta = best_theta + share * (theta - best_theta)
        if best - floor <= 2.0 * rounding:
            break
    parameters = scale.outside(best_theta)
    gap = max(best - floor, 0.0) + rounding + scale.rounding(parameters)
    # Moments take columns for dependent that rows tell apart; those of the subsample are some of them.
    return best, parameters, float(gap), True, max(int(rank), independent(scanned, intercept)[1])


class _Scale:
    """Standardised columns, and a constant one if there is an intercept."""

    def __init__(self, scanned: Scanned, intercept: bool) -> None:
        moments = scanned.moments
        variance = np.diagonal(moments.scatter)[:-1] / moments.count
        self.intercept = intercept
        self.shift = moments.mean[:-1] if intercept else np.zeros(len(variance))
        square = variance if intercept else variance + moments.mean[:-1] ** 2
        self.unit = np.where(square > 0, np.sqrt(square), 1.0)
        self._room = np.ones((0, len(variance) + intercept + 1))

    def rows(self, X: Array, y: Array) -> Array:
        """Rows (d, y), valid until the next call."""
        p = X.shape[1]
        if len(X) > len(self._room):
            self._room = np.ones((len(X), self._room.shape[1]))
        rows = self._room[: len(X)]
        np.subtract(X, self.shift, out=rows[:, :p])
        rows[:, :p] /= self.unit
        rows[:, -1] = y
        return rows

    def inside(self, parameters: Array) -> Array:
        p = len(self.shift)
        theta = parameters.copy()
        theta[p:] += parameters[:p] @ self.shift
        theta[:p] *= self.unit
        return theta

    def outside(self, theta: Array) -> Array:
        p = len(self.shift)
        parameters = theta.copy()
        parameters[:p] /= self.unit
        parameters[p:] -= parameters[:p] @ self.shift
        return parameters

    def rounding(self, parameters: Array) -> float:
        """Bound of the change of any residual by the rounding of parameters, apart from that of the deviations."""
        p = len(self.shift)
        return float(_UNIT * (np.abs(parameters[:p]) @ np.abs(self.shift) + np.abs(parameters[p:]).sum()))


@dataclass
class _Split:
    """Rows (d, y) near zero, sums of those above and below, and the energies along the step to these parameters."""

    energies: Array
    rounding: float
    near: Array
    sums: Array
    count: float
    """Rows, or the sum of their weights."""

    def solve(self) -> tuple[Array, float]:
        """Return the minimiser of the problem in memory, and a lower bound of the minimum of all rows."""
        rows = np.concatenate([self.near, self.sums])
        X, y = np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])
        value, theta, gap, _ = (answer[0] for answer in _core.least_absolute(X[None], y[None], False, 0))
        return theta, float((value - gap) * len(rows) / self.count) - self.rounding


def _pass(scanned: Scanned, scale: _Scale, theta: Array, back: Array, limit: int) -> _Split:
    """Evaluate the energy at theta and along `back`; split the rows, about `limit` of which are near zero."""
    n, total = len(theta), scanned.moments.count
    levels = np.linspace(min(0.5, 0.5 * limit / scanned.moments.rows), 1.0, _DISTANCES)
    edges = np.quantile(_closeness(scale.rows(scanned.X, scanned.y), theta)[1], levels)
    near: list[Array] = []
    energies: list[Array] = []
    # The product with a weight is rounded, and so is each weight where a row of weight 0 shares it.
    sums, size, held = np.zeros((_DISTANCES << (_SIGNS + 1), n + 1)), 0.0, 0
    additions = n + 8 + 2 * (scanned.weights is not None)
    for X, y, weights in scanned.blocks():
        rows = scale.rows(X, y)
        residual, closeness = _closeness(rows, theta)
        if weights is not None:  # a row times its weight has the weighted residual
            rows = rows * weights[:, None]
            residual *= weights
            y = y * weights
        rise = np.einsum("ij,j->i", rows[:, :-1], back)
        energies.append(np.array([np.abs(residual - (1.0 - share) * rise).sum() for share in _SHARES]))
        size += float(np.abs(y).sum())
        far = closeness > edges[0] if held < 2 * limit else np.ones(len(y), dtype=np.bool_)
        near.append(rows[~far])
        held += len(near[-1])
        additions += 1 + _accumulate(rows[far], residual[far], closeness[far], edges, sums)
    # Columns have a mean square of 1, hence a mean size of 1 at most.
    rounding = additions * _UNIT * float(size / total + np.abs(theta).sum())
    sums = sums[sums.any(axis=1)]
    totals = np.array([math.fsum(column) for column in np.stack(energies).T.tolist()])
    return _Split(totals / total, rounding, np.concatenate(near), sums, total)


def _closeness(rows: Array, theta: Array) -> tuple[Array, Array]:
    """Return residuals, and the change of the parameters, in norm, that each needs to change its sign."""
    D = rows[:, :-1]
    residual = rows[:, -1] - np.einsum("ij,j->i", D, theta)
    return residual, np.abs(residual) / np.sqrt(np.einsum("ij,ij->i", D, D) + _UNIT)


def _accumulate(rows: Array, residual: Array, closeness: Array, edges: Array, sums: Array) -> int:
    """Add rows to the sums of their bins; return the largest number of additions of one sum."""
    kind = np.searchsorted(edges[1:-1], closeness)
    for column in (residual, *rows[:, :_SIGNS].T):
        kind = 2 * kind + (column > 0)
    for _ in range(_SIGNS - rows[:, :_SIGNS].shape[1]):
        kind = 2 * kind
    for j in range(rows.shape[1]):
        sums[:, j] += np.bincount(kind, weights=rows[:, j], minlength=len(sums))
    return int(np.bincount(kind).max(initial=0))
