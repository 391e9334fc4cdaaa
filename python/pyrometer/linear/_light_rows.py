"""Rows of small weight: whether columns are dependent in these as in the moments, and energies that may be theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import LEAST_SHARE, Array
from pyrometer.data import typical_sizes
from pyrometer.linear._minima import negligible
from pyrometer.results import Minimum, shaped

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["allow_for_raised_weights", "blocks_of", "constants_in_doubt", "dependence_in_doubt"]

_TOGETHER = 1 << 14  # numbers that are compared at a time
_SHIFT = 1e-11  # of eigenvalues, between those of dependent columns, of rounding, and of others
_CORRECTIONS = 3  # of coefficients
_ROUNDING = 128.0 * float(np.finfo(float).eps)  # of a row, relative to its terms
_CONSTANT = 16.0 * float(np.finfo(float).eps)  # deviations of constant columns, relative to their mean, at most
_VANISHING = 1e-14  # coefficients, relative to the largest, that are rounding
_RAISED = 2.0**100 * LEAST_SHARE  # energies, relative to losses of single rows, that raised weights may decide


def blocks_of(X: npt.NDArray[Any]) -> Iterator[slice]:
    """Give the rows of X (m, p) in blocks that fit the cache."""
    number = max(1, _TOGETHER // max(1, X.shape[1]))
    for first in range(0, len(X), number):
        yield slice(first, first + number)


@np.errstate(over="ignore", under="ignore")
def allow_for_raised_weights(
    system: LinearSystem, minimum: Minimum, warning: Warning | None
) -> tuple[Minimum, Warning | None]:
    """Leave no certain digits of energies so small that they may be of rows with weights raised to `LEAST_SHARE`."""
    weights = system.weights
    if weights is None:
        return minimum, warning
    raised = weights.min(axis=-1) <= LEAST_SHARE * weights.sum(axis=-1)
    if not raised.any():
        return minimum, warning
    value = np.asarray(minimum.value)
    largest = np.abs(system.stacked_rows()[1]).max(axis=-1).astype(np.float64)
    size = np.square(largest) if system.moments is not None else np.maximum(largest, 1.0)
    most = np.where(raised, _RAISED * size.reshape(raised.shape), 0.0)
    doubt = (value > 0.0) & (value <= most.reshape(raised.shape + (1,) * (value.ndim - raised.ndim)))
    if not doubt.any():
        return minimum, warning
    gap = np.where(doubt, np.maximum(minimum.gap, value), minimum.gap)
    digits = np.where(doubt, 0.0, minimum.digits)
    first = tuple(np.argwhere(doubt)[0][: raised.ndim])
    return replace(minimum, gap=shaped(gap), digits=shaped(digits)), negligible(digits[doubt], weights[first])


def dependence_in_doubt(
    system: LinearSystem,
    condition: npt.NDArray[np.float64],
    rank: npt.NDArray[np.int64],
    among: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Return which systems `among` these have dependent columns in their moments, but not in all rows in memory.

    The moments, of this rank, are those of weighted rows, and have the rounding of the heavy ones. Whether columns are
    dependent does not depend on weights: their combination is 0, within the rounding of its terms, in each row. Cost:
    of dependent columns whose weights differ, that of a pass or two.
    """
    doubt = np.zeros(len(condition), dtype=bool)
    at = np.flatnonzero(among & np.isinf(condition).reshape(len(doubt), -1).any(axis=1))
    weights = system.stacked_weights() if at.size and system.X is not None else None
    if weights is None:
        return doubt
    for k in at:
        number = system.parameters - system.intercept - int(rank[k].min())
        if weights[k].min() < weights[k].max() and number > 0:
            doubt[k] = not _dependent(system, int(k), weights[k], number)
    return doubt


@np.errstate(over="ignore")
def constants_in_doubt(system: LinearSystem) -> npt.NDArray[np.bool_]:
    """Return which systems have columns that are constant in their moments, but not in all rows in memory."""
    moments, weights = system.known_moments(), None if system.X is None else system.stacked_weights()
    columns = moments.mean.shape[-1]
    mean = np.abs(moments.mean.reshape(-1, columns)[:, :-1])
    doubt = np.zeros(len(mean), dtype=bool)
    if weights is None:
        return doubt
    squares = np.diagonal(moments.scatter, axis1=-2, axis2=-1).reshape(-1, columns)[:, :-1] / moments.count
    X = system.stacked_rows()[0]
    for k, j in np.argwhere(np.sqrt(squares) <= _CONSTANT * mean):
        doubt[k] |= np.ptp(X[k, weights[k] > 0.0, j].astype(np.float64)) > 2.0 * _CONSTANT * mean[k, j]
    return doubt


@np.errstate(all="ignore")
def _dependent(system: LinearSystem, k: int, weights: Array, number: int) -> bool:
    """Return whether so many combinations of columns of system k are 0 in each row, but for rounding."""
    X, moments = system.stacked_rows()[0][k], system.known_moments()
    m, p = X.shape
    if p - number + system.intercept >= m:  # few rows
        return True
    mean = moments.mean.reshape(-1, p + 1)[k, :p]
    products = moments.scatter.reshape(-1, p + 1, p + 1)[k, :p, :p] / moments.count
    if not system.intercept:
        products, mean = products + np.outer(mean, mean), np.zeros(p)
    length = np.sqrt(np.diagonal(products))
    length = np.where(length > 0.0, length, 1.0)
    products = products / length / length[:, None]
    if not np.isfinite(products).all():
        return False
    left = _left_out(products, number)
    own = np.delete(np.arange(p), left)
    combination, slope, scales = np.zeros((p, number)), products[:, left], np.zeros(p)
    combination[left, np.arange(number)] = 1.0
    for _ in range(_CORRECTIONS):
        try:
            combination[own] -= np.linalg.solve(products[np.ix_(own, own)], slope[own])
        except np.linalg.LinAlgError:
            return False
        combination[np.abs(combination) <= _VANISHING * np.abs(combination).max(axis=0)] = 0.0
        of_columns = combination / length[:, None]
        constant = -mean @ of_columns
        if _vanishes(X, of_columns, constant, scales):
            return True
        scales = typical_sizes(X)[1]
        if _vanishes(X, of_columns, constant, scales):
            return True
        slope = np.zeros((p, number))
        for at in blocks_of(X):
            rows = X[at].astype(np.float64, copy=False)
            rest = (rows @ of_columns + constant) * weights[at, None]
            slope += rows.T @ rest - np.outer(mean, rest.sum(axis=0))
        slope /= m * length[:, None]
        if not np.isfinite(slope).all():
            return False
    return False


def _vanishes(X: npt.NDArray[Any], of_columns: Array, constant: Array, scales: Array) -> bool:
    """Return whether combinations (p, n) of columns with constants are 0 but for the rounding of typical terms."""
    size = np.abs(of_columns)
    typical = scales @ size + np.abs(constant)
    for at in blocks_of(X):
        rows = X[at].astype(np.float64, copy=False)
        if not (np.abs(rows @ of_columns + constant) <= _ROUNDING * (np.abs(rows) @ size + typical)).all():
            return False
    return True


def _left_out(products: Array, number: int) -> npt.NDArray[np.intp]:
    """Return so many columns that are dependent on the others, of which these are the scaled products."""
    p = len(products)
    start = np.random.default_rng(0).standard_normal((p, number))
    basis = np.linalg.qr(np.linalg.solve(products + _SHIFT * np.eye(p), start))[0]
    left: list[int] = []
    for _ in range(number):
        squares = np.square(basis).sum(axis=1)
        squares[left] = 0.0
        left.append(int(squares.argmax()))
        row = basis[left[-1]]
        basis = basis - np.outer(basis @ row, row / (row @ row))
    return np.array(left)
