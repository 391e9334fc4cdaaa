"""Which columns of rows that are not in memory are linearly independent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from pyrometer.data import Scanned
from pyrometer.linear._closed_form import Array

__all__ = ["are_dependent", "independent", "pivots"]

# Relative squared norm of a column, less its projection on those before it, below which it is dependent.
_DEPENDENT = 1e-12

_Mask = npt.NDArray[np.bool_]


def pivots(matrix: Array) -> _Mask:
    """Return which columns have pivots above rounding, in the Cholesky decomposition of a matrix with pivoting."""
    scale = np.sqrt(np.diagonal(matrix))
    matrix = matrix / np.outer(np.where(scale > 0, scale, 1.0), np.where(scale > 0, scale, 1.0))
    free = np.zeros(len(matrix), dtype=np.bool_)
    residual = np.diagonal(matrix).copy()
    while residual.max(initial=0.0) > _DEPENDENT:
        pivot = int(np.argmax(residual))
        free[pivot] = True
        column = matrix[:, pivot] / np.sqrt(residual[pivot])
        matrix = matrix - np.outer(column, column)
        residual = np.where(free, 0.0, np.diagonal(matrix))
    return free


def independent(scanned: Scanned, intercept: bool) -> tuple[_Mask, int]:
    """Return which parameters are free, those of dependent columns being 0, and the number of independent columns."""
    moments = scanned.moments
    p = len(moments.mean) - 1
    matrix = moments.scatter[:p, :p].copy()
    if not intercept:
        matrix += moments.count * np.outer(moments.mean[:p], moments.mean[:p])
    free = pivots(matrix)
    return np.concatenate([free, np.ones(int(intercept), dtype=np.bool_)]), int(free.sum())


def are_dependent(free: _Mask, sample: Array, blocks: Callable[[], Iterable[Array]]) -> bool:
    """Whether the columns that are not free are linear combinations of the others, within rounding, in all rows.

    Moments in double precision cannot distinguish dependence from relative distances below 1e-8. The coefficients are
    those of least squares over the rows of `sample`; one pass over the rows of `blocks` evaluates the residuals.
    """
    if free.all():
        return True
    design, left_out = sample[:, free], sample[:, ~free]
    length = np.sqrt(np.mean(design**2, axis=0)) if len(design) else np.zeros(design.shape[1])
    scale = np.where(length > 0.0, length, 1.0)
    coefficients = np.linalg.lstsq(design / scale, left_out, rcond=None)[0]
    rounding = 32.0 * (len(free) + 2) * np.finfo(float).eps
    # Rows whose column is 0 must not be compared with the rounding errors of coefficients that are 0.
    coefficients[np.abs(coefficients) <= rounding * np.abs(coefficients).max(axis=0, initial=0.0)] = 0.0
    coefficients /= scale[:, None]

    def residuals(rows: Array) -> tuple[Array, Array]:
        sizes = np.abs(rows[:, ~free]) + np.abs(rows[:, free]) @ np.abs(coefficients)
        return np.abs(rows[:, ~free] - rows[:, free] @ coefficients), sizes

    sizes = residuals(sample)[1]
    typical = np.array([np.median(size[size > 0.0]) if size.any() else 0.0 for size in sizes.T])
    for rows in blocks():
        residual, sizes = residuals(rows)
        if (residual > rounding * np.maximum(sizes, typical)).any():
            return False
    return True
