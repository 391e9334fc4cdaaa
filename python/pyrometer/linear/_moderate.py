"""Cross entropies that stay undecided: moderate parameters in place of huge ones of higher energy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.linear._closed_form import Array
from pyrometer.linear._decimals import RowMinima, RowSystems
from pyrometer.linear._minima import relative_gaps

__all__ = ["moderated"]

_Rows = npt.NDArray[Any]

_FEW = 0.1  # gap relative to the value of minima without a certain digit
_DEPENDENT = 1e-8  # singular values of standardised columns, relative to the largest, of directions that are left out
_MOST = 2e6  # products of the rows with the parameters: about a second
_UNIT = float(np.finfo(float).eps)
_SPLITTER = 2.0**27 + 1.0  # of doubles into two halves, whose products are exact


def moderated(systems: RowSystems, solved: RowMinima) -> RowMinima:
    """Return the minima, with parameters of less energy where that of huge ones is not near the infimum.

    Where columns are dependent but for their rounding, parameters of 1e16 may separate rows by that rounding. The
    minimum over the directions in which columns are certainly independent, of parameters that are at most about 1e8
    times smaller, often has less energy. Energies of both are those of exact logits. Values of infima that are not
    attained stay, unless the energy is less.
    """
    solve, X, y, intercept, error, weights = systems
    value, parameters, gap, attained, _ = solved
    n = X.shape[2] + intercept
    classes = parameters.shape[1] // n
    for k in np.flatnonzero(relative_gaps(value, gap, attained) > _FEW):
        independent = None if X[k].size * classes > _MOST else _independent(X[k].astype(np.float64), intercept)
        if independent is None:
            continue
        columns, back = independent
        one, own = slice(k, k + 1), None if weights is None else weights[k]
        bounds = np.empty((1, classes * len(back)))
        answer = solve(columns[None], y[one].astype(np.float64), bounds, None if own is None else own[None])
        with np.errstate(all="ignore"):
            theta = answer[1].reshape(classes, -1) @ back
            before, of_before = _energy(X[k], y[k], parameters[k].reshape(classes, n), own)
            energy, rounding = _energy(X[k], y[k], theta, own)
        if energy + rounding < before - of_before:
            least = max(0.0, before - of_before - gap[k])
            value[k] = energy if attained[k] else min(energy, value[k])
            parameters[k], gap[k], error[k] = theta.reshape(-1), energy + rounding - least, np.inf
    return solved


@np.errstate(all="ignore")
def _independent(X: Array, intercept: bool) -> tuple[Array, Array] | None:
    """Return orthogonal columns (m, r), and the matrix (r + 1, n) or (r, n) of their parameters to those of X.

    None where there is no such column, or standardised columns leave the range of doubles.
    """
    center = X.mean(axis=0) if intercept else np.zeros(X.shape[1])
    scale = np.sqrt(np.mean((X - center) ** 2, axis=0))
    scale[scale == 0.0] = 1.0
    standardised = (X - center) / scale
    if not np.isfinite(standardised).all() or not standardised.any():
        return None
    left, singular, right = np.linalg.svd(standardised, full_matrices=False)
    rank = np.count_nonzero(singular > _DEPENDENT * singular[0])
    size = math.sqrt(len(X))
    back = right[:rank] * (size / singular[:rank, None]) / scale
    if intercept:
        back = np.block([[back, -(back @ center)[:, None]], [np.zeros(X.shape[1]), np.ones(1)]])
    return np.ascontiguousarray(left[:, :rank] * size), back


def _energy(X: _Rows, y: _Rows, theta: Array, weights: Array | None) -> tuple[float, float]:
    """Return the energy of parameters theta (classes, n), one class for two, and a bound of its rounding error."""
    rows = np.ones((len(X), theta.shape[1]))
    rows[:, : X.shape[1]] = X
    logits = np.array([[math.fsum(terms) for terms in _products(rows, own)] for own in theta]).T
    if len(theta) == 1:
        logits = np.concatenate([0.0 * logits, logits], axis=1)
    away = logits - np.take_along_axis(logits, y.astype(np.int64)[:, None], axis=1)
    losses, sizes = np.logaddexp.reduce(away, axis=1), np.abs(logits).sum(axis=1)
    energy = float(np.average(losses, weights=weights))
    return energy, 4.0 * _UNIT * (float(np.average(sizes, weights=weights)) + len(X) * energy)


def _products(rows: Array, theta: Array) -> list[list[float]]:
    """Return products of each row with parameters, and their rounding errors: terms of an exact sum."""
    product = rows * theta
    high, of_theta = (array * _SPLITTER - (array * _SPLITTER - array) for array in (rows, theta))
    low, rest = rows - high, theta - of_theta
    errors = ((high * of_theta - product) + high * rest + low * of_theta) + low * rest
    terms: list[list[float]] = np.concatenate([product, errors], axis=1).tolist()
    return terms
