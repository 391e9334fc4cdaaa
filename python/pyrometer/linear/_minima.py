"""Minima of the core as results, and the warnings of their accuracy."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import number_of
from pyrometer.errors import PrecisionWarning, SeparationWarning
from pyrometer.results import Minimum, shaped

__all__ = [
    "ANEW",
    "ENOUGH_DIGITS",
    "ROUNDED_WEIGHTS",
    "Lowest",
    "Solved",
    "digits_of",
    "negligible",
    "of_moments",
    "of_rows",
    "of_weights",
    "relative_gaps",
    "too_few",
    "unclosed",
]

_Array: TypeAlias = npt.NDArray[Any]

# Below this many digits the rows are used, and users are warned. A temperature depends on E* only through <E> - E*, and
# a QR of the rows costs many times the moments.
ENOUGH_DIGITS = 9.0

# Weights divided by their mean are rounded: so much of an energy above the minimum may be missing.
ROUNDED_WEIGHTS = float(np.finfo(float).eps)

# Ratio of a row's norm to the median norm, or of a mean to its standard deviation, that makes certificates loose.
_LARGE = 1e4

# Ratio of weights of rows above which those of the smallest make certificates loose.
_UNEQUAL = 1e6

# Ratio of singular values of standardised columns below which they are called nearly dependent.
_DEPENDENT = 1e-3

# Where labels are separated the returned parameters have at most this energy, unless rounding keeps them from it.
_SEPARATED = 1e-2

# The remedy where moments have lost digits.
ANEW = (
    "adding and subtracting moments has lost the others: compute the moments of the remaining rows directly, "
    "Moments.of(X, y) or Moments.scan."
)


class Solved(NamedTuple):
    """Minima of squared errors as the core returns them: one for each system, and weight of a path."""

    value: _Array
    parameters: _Array
    gap: _Array
    relative_error: _Array
    condition: _Array
    parameter_error: _Array
    rank: npt.NDArray[np.int64]


class Lowest(NamedTuple):
    """The infimum of one system, by passes over its rows."""

    value: float
    parameters: npt.NDArray[np.float64]
    gap: float
    attained: bool
    rank: int
    parameter_error: npt.NDArray[np.float64] | None = None
    """Bounds of the errors of the parameters; None where none are known."""


def of_moments(solved: Solved, method: _Array, shape: tuple[int, ...]) -> Minimum:
    """Gather minima from second moments."""
    value, parameters, gap, relative_error, condition, parameter_error, rank = solved
    attained = np.ones(value.shape, dtype=bool)
    parameter_error[np.isnan(parameter_error)] = np.inf
    return _gathered(shape, value, parameters, gap, attained, method, rank, condition, relative_error, parameter_error)


def of_rows(
    shape: tuple[int, ...],
    value: _Array,
    parameters: _Array,
    gap: _Array,
    attained: _Array,
    rank: _Array,
    method: str,
    parameter_error: _Array | None = None,
) -> tuple[Minimum, Warning | None]:
    """Gather minima from rows, and the warning of those that are not attained.

    parameter_error: bounds of the errors of `parameters`, of their shape; None where no bounds are known.
    """
    relative = relative_gaps(value, gap, attained)
    methods, condition = np.full(len(value), method), np.full(len(value), np.nan)
    bound = np.full(parameters.shape, np.inf) if parameter_error is None else parameter_error
    minimum = _gathered(shape, value, parameters, gap, attained, methods, rank, condition, relative, bound)
    return minimum, None if attained.all() else _separation(~attained, np.asarray(minimum.digits).reshape(-1))


def relative_gaps(value: _Array, gap: _Array, attained: _Array) -> npt.NDArray[np.float64]:
    """Return gaps relative to values, which are those of losses of rows."""
    # A minimum of 0 is exact where its gap is 0 as well, or where parameters separate all labels.
    certain = (gap == 0.0) | (~attained & (value == 0.0) & (gap < _SEPARATED))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(certain, 0.0, gap / value)


def _gathered(
    shape: tuple[int, ...],
    value: _Array,
    parameters: _Array,
    gap: _Array,
    attained: _Array,
    method: _Array,
    rank: _Array,
    condition: _Array,
    relative_error: _Array,
    parameter_error: _Array,
) -> Minimum:
    def each(array: _Array) -> Any:
        """Return one number for each system of the stack, or the number itself for a single system."""
        return shaped(_frozen(array.reshape(shape)))

    return Minimum(
        value=each(value),
        parameters=_frozen(parameters.reshape(*shape, parameters.shape[-1])),
        gap=each(gap),
        attained=each(attained),
        method=each(method),
        rank=each(rank),
        condition=each(condition),
        digits=each(digits_of(relative_error)),
        parameter_error=_frozen(parameter_error.reshape(*shape, parameter_error.shape[-1])),
    )


def digits_of(relative_error: _Array) -> npt.NDArray[np.float64]:
    """Return the number of certain decimal digits, at most 16; 0 where no error is known (nan)."""
    with np.errstate(divide="ignore"):
        return np.fmin(np.fmax(-np.log10(relative_error), 0.0), 16.0) + 0.0  # no -0.0


def _separation(open_: _Array, digits: npt.NDArray[np.float64]) -> SeparationWarning:
    systems, least = int(open_.sum()), int(digits[open_].min())
    which = "The labels can" if systems == 1 else f"The labels of {systems} systems can"
    accuracy = "correct" if least >= 9 else f"certain to {number_of(least, 'digit')}, of 16"
    return SeparationWarning(
        f"{which} be separated: the minimum energy is an infimum, whose value is {accuracy}; no finite minimiser "
        "exists, and the parameters returned are one iterate."
    )


def too_few(
    digits: npt.NDArray[np.float64], *, rows: bool, merged: bool, features: int, small: bool
) -> PrecisionWarning:
    """Return the warning of values of few digits, with a remedy; `small` is whether all fits are close."""
    if merged and not rows:
        remedy = ANEW
    elif not rows and small:
        remedy = "the fit is exact within the accuracy of second moments: pass the rows, LinearRegression(X, y)."
    elif not rows:
        remedy = "second moments determine no further digits: pass the rows, LinearRegression(X, y)."
    elif small:
        remedy = "residuals are small relative to the targets and have their rounding: pass y less the fitted values."
    elif features == 1:
        remedy = "the column's mean is large relative to its standard deviation: pass X - X.mean(axis=0)."
    else:
        remedy = "columns are nearly dependent: drop or combine them, or add a penalty pm.L2(lam)."
    return PrecisionWarning(f"{_few(digits)}; {remedy}")


def unclosed(
    digits: npt.NDArray[np.float64],
    gap: npt.NDArray[np.float64],
    X: _Array,
    intercept: bool,
    weights: _Array | None = None,
    *,
    small: bool,
) -> PrecisionWarning:
    """Return the warning of values whose certificates are loose; X are the rows of the one of fewest digits.

    `weights` are those of the rows, if they have any; `small`: whether its residuals are small relative to its targets.
    """
    return PrecisionWarning(
        f"{_few(digits)}; the certificate leaves a gap of {gap.max():.2g}. "
        + (of_weights(weights).capitalize() or _remedy(X.astype(np.float64, copy=False), intercept, small=small))
    )


def negligible(digits: npt.NDArray[np.float64], weights: _Array) -> PrecisionWarning:
    """Return the warning of values that may be of rows of negligible weights (m,)."""
    return PrecisionWarning(f"{_few(digits)}; {of_weights(weights)}")


def of_weights(weights: _Array | None) -> str:
    """Return the remedy where some weights of rows are negligible, as part of a sentence; else nothing."""
    if weights is None or weights.max() <= _UNEQUAL * weights.min():
        return ""
    ratio = weights.max() / weights.min()
    return f"weights differ by a factor of {ratio:.1g}: leave out rows of negligible weight, or give them weight 0."


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def _remedy(X: _Array, intercept: bool, *, small: bool) -> str:
    """Return why the certificate of rows X (m, p) is loose, with a remedy."""
    if not X.shape[1]:
        return "The targets differ widely in size: rescale or leave out the largest."
    size = np.abs(X)
    typical = np.array([np.median(column[column > 0.0]) if column.any() else 1.0 for column in size.T])
    size = (size / typical).max(axis=1)
    row, median = int(np.argmax(size)), np.median(size[size > 0.0]) if size.any() else 1.0
    if size[row] > _LARGE * median:
        return f"Row {row} is {size[row] / median:.1g} times as large as the median: correct it or leave it out."
    middle, spread = np.abs(X.mean(axis=0)), X.std(axis=0)
    if intercept and (middle > _LARGE * spread)[spread > 0].any():
        return "Means of columns are large relative to their standard deviations: pass X - X.mean(axis=0)."
    if small:
        return (
            "The residuals are small relative to the targets and have few digits beyond their rounding: pass y less "
            "the fitted values."
        )
    columns = (X - X.mean(axis=0) if intercept else X) / typical
    length = np.sqrt(np.mean(columns**2, axis=0))
    singular = np.linalg.svd(np.nan_to_num(columns / np.where(length > 0.0, length, 1.0)), compute_uv=False)
    if singular[-1] < _DEPENDENT * singular[0]:
        return "Columns are nearly dependent: replace one of them by its difference from the others, or drop it."
    return "Columns are independent, but rows differ widely in size: rescale or leave out the largest rows."


def _few(digits: npt.NDArray[np.float64]) -> str:
    who = "The minimum energy has" if digits.size == 1 else f"The minimum energies of {digits.size} systems have"
    return f"{who} {number_of(int(digits.min()), 'certain digit')}, of 16"


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False
    return array
