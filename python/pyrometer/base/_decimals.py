"""Decimals as doubles: which lose digits, and columns of objects of Python's `decimal`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "DECIMAL_DIGITS",
    "ROUNDED_SHARE",
    "WIDE_DECIMALS",
    "are_decimals",
    "doubles",
    "is_beyond",
    "nearest_double",
    "rounding_of_decimal",
    "written",
]

# A rounding error of more than this share of the range of a column is a loss.
ROUNDED_SHARE = Decimal("1e-12")
# Digits that a double holds, when it prints them and when it is given them.
_SHORT, DECIMAL_DIGITS = 17, 15
# Most digits in messages.
_PRINTED = 40
# A context for decimals of any number of digits.
WIDE_DECIMALS = Context(prec=1_000_000)


def rounding_of_decimal(number: Decimal) -> Decimal:
    """Return by how much the nearest double differs; 0 where the digits are those of the double, or its shortest."""
    nearest = float(number)
    if nearest == number or (len(number.as_tuple().digits) <= _SHORT and number != number.to_integral_value()):
        return Decimal(0)
    exact = Decimal(nearest)
    printed = exact.quantize(Decimal((0, (1,), int(number.as_tuple().exponent))))
    return Decimal(0) if number in (exact, printed, Decimal(repr(nearest))) else abs(number - exact)


def are_decimals(values: Iterable[Any]) -> bool:
    """Return whether all are real numbers and no bools, and some of them decimals."""
    kinds = set[Any](map(type, values))
    real = all(issubclass(kind, (Decimal, numbers.Real)) and kind is not bool for kind in kinds)
    return real and any(issubclass(kind, Decimal) for kind in kinds)


def doubles(parts: Iterable[Sequence[Any]]) -> tuple[npt.NDArray[np.float64], int]:
    """Return a column of decimals and other numbers, in parts, as the nearest doubles.

    Also return the place of one whose digits a double cannot hold, -1 if there is none: integers must be exact, and
    others may be rounded by at most 1e-12 of the range of the column. Infinities and nan stay what they are; numbers
    beyond the doubles, and of more than a million digits, are lost.
    """
    columns, first, lost, worst, place = list[npt.NDArray[np.float64]](), 0, -1, Decimal(0), -1
    for part in parts:
        values = np.array([nearest_double(value) for value in part], dtype=np.float64)
        with localcontext(WIDE_DECIMALS):
            for k, value in enumerate(part):
                error = _error(value, values[k])
                if error is None:
                    lost = first + k if lost < 0 else lost
                elif error > worst:
                    worst, place = error, first + k
        columns.append(values)
        first += len(values)
    column = np.concatenate(columns) if columns else np.empty(0)
    finite = column[np.isfinite(column)]
    if lost < 0 and worst and len(finite):
        with localcontext(WIDE_DECIMALS):
            allowed = ROUNDED_SHARE * (Decimal(float(finite.max())) - Decimal(float(finite.min())))
            lost = place if allowed and worst > allowed else -1
    return column, lost


def nearest_double(value: Any) -> float:
    """Return the nearest double; an infinite one of a number that is beyond them, nan of a signalling nan."""
    if isinstance(value, Decimal) and value.is_nan():
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_beyond(value: Any) -> bool:
    """Whether a finite number is beyond the range of doubles."""
    double = nearest_double(value)
    return math.isinf(double) and bool(value != double)


def written(value: Any) -> str:
    """Return a number for a message, of many digits in powers of ten."""
    number = Decimal(int(value)) if is_beyond(value) and not isinstance(value, Decimal) else value
    many = isinstance(number, Decimal) and len(number.as_tuple().digits) > _PRINTED
    return f"{number:.6e}" if many else str(number)


def _error(value: Any, double: float) -> Decimal | None:
    """Return by how much a number was rounded; None for an integer that was."""
    if not math.isfinite(double):
        return None if is_beyond(value) else Decimal(0)
    if isinstance(value, numbers.Integral):
        return Decimal(0) if int(double) == value else None
    if not isinstance(value, Decimal) or len(value.as_tuple().digits) <= DECIMAL_DIGITS:
        return Decimal(0)
    if len(value.as_tuple().digits) > WIDE_DECIMALS.prec:
        return None
    error = rounding_of_decimal(value)
    whole = value == value.to_integral_value() and int(value.as_tuple().exponent) <= 0
    return None if error and whole else error
