"""Cross entropies that rounding leaves undecided, of decimals as they were written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.linear._closed_form import Array
from pyrometer.linear._minima import ENOUGH_DIGITS, relative_gaps

__all__ = ["RowMinima", "RowSystems", "decided"]

_Rows: TypeAlias = npt.NDArray[Any]
# Value, parameters, gap, whether the minimum is attained, and rank: of each system.
RowMinima: TypeAlias = tuple[Array, Array, Array, npt.NDArray[np.bool_], npt.NDArray[np.int64]]

_MOST_PLACES = 9
_NEAR = 4.0  # distance of doubles from decimals, in units in the last place of the column's largest value
_APART = 1 / 16  # limit of that distance, in units of the last decimal place
_ROUNDED = float(np.finfo(float).eps)


class RowSystems(NamedTuple):
    """Systems of rows, and how their cross entropies are minimised."""

    solve: Callable[[_Rows, _Rows, Array, Array | None], RowMinima]
    """Of X, y, bounds of errors of parameters, which it writes, and weights of mean 1."""
    X: _Rows
    """Shape (s, m, p)."""
    y: _Rows
    intercept: bool
    error: Array
    weights: Array | None


def decided(systems: RowSystems) -> RowMinima:
    """Return minima; those of too few digits with decimals as they were written.

    Rows that tie in a combination of columns as decimals do so as doubles or not, by their rounding. The energies are
    those of the whole numbers 10^d x and parameters divided by 10^d, but for this rounding: what it can change of the
    energy of the parameters is a part of the gap. What is better certified is returned. Cost: nothing where enough
    digits are certain, else a copy of the system's rows and a second solution, if any of its columns are decimals.
    """
    solve, X, y, intercept, error, weights = systems
    solved = solve(X, y, error, weights)
    for k in np.flatnonzero(solved[2] > solved[0] * 10.0**-ENOUGH_DIGITS):
        one, own = slice(k, k + 1), None if weights is None else weights[k]
        before = relative_gaps(*(array[one] for array in (solved[0], *solved[2:4])))[0]
        if before == 0.0:
            continue
        powers = np.array([_power_of_ten(column) for column in X[k].T])
        whole = _whole(X[k], powers)
        if (whole == X[k]).all():
            continue
        bounds = np.empty_like(error[one])
        again = solve(whole[None], y[one].astype(np.float64), bounds, None if own is None else own[None])
        value, parameters, gap, attained, _ = again
        with np.errstate(over="ignore", invalid="ignore"):
            for array in (parameters, bounds):
                array.reshape(-1, X.shape[2] + intercept)[:, : X.shape[2]] *= np.where(powers > 0.0, powers, 1.0)
            bounds += _ROUNDED * np.abs(parameters)
            gap += _most_changed(X[k], whole, powers, parameters.reshape(-1, X.shape[2] + intercept), own)
        if relative_gaps(value, gap, attained)[0] < before:
            for old, new in zip((*solved, error), (*again, bounds), strict=True):
                old[k] = new[0]
    return solved


def _power_of_ten(column: _Rows) -> float:
    """Return the least power of ten that makes values k / 10^d, within rounding, whole numbers; 0 where none does."""
    x = np.abs(column)
    with np.errstate(over="ignore"):  # of the largest numbers
        unit, x = float(np.spacing(x.max())), x.astype(np.float64)
    for power in 10.0 ** np.arange(_MOST_PLACES + 1):
        if _NEAR * unit * power > _APART:
            break
        whole = np.rint(x * power)
        if (np.abs(x - whole / power) <= _NEAR * unit).all() and whole[x > 0.0].all():
            return float(power)
    return 0.0


def _whole(X: _Rows, powers: Array) -> Array:
    """Return columns of decimals as whole numbers, and the others as they are."""
    whole = X.astype(np.float64)
    for j in np.flatnonzero(powers):
        whole[:, j] = np.rint(whole[:, j] * powers[j])
    return whole


def _most_changed(X: _Rows, whole: Array, powers: Array, theta: Array, weights: Array | None) -> float:
    """Return what the energy of parameters theta (classes, n) changes by, at most, from decimals to their doubles.

    A loss changes by at most the largest change of a difference of logits. The rounding of decimals and of the
    parameters is half a unit in the last place each.
    """
    most = np.zeros(len(X))
    for j in np.flatnonzero(powers):
        x = X[:, j].astype(np.float64)
        most += np.abs(theta[:, j]).sum() * (np.abs(x - whole[:, j] / powers[j]) + _ROUNDED * np.abs(x))
    return float(np.average(most, weights=weights))
