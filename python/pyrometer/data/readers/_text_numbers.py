"""Numbers as they are written: with thousands separators, or with more digits than a double has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyrometer.base import DECIMAL_DIGITS, ROUNDED_SHARE, WIDE_DECIMALS, rounding_of_decimal
from pyrometer.data.readers._dialect import Dialect

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["decimals", "first_large", "first_lost", "first_word", "grouped_numbers", "integer_type", "numbers_of"]

_EXACT = 2**53
# The largest power of ten that is a double.
_EXACT_POWER = 22
# Most digits of decimals of Arrow.
_WIDEST = 76
# At least as many digits as the shortest number that a double can lose.
_MANY = r"(\d\D?){16}"


def integer_type(column: pa.Array) -> pa.DataType:
    """Return float64 for integers below 2**53, else their own type, which loses no digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    extremes = pc.min_max(column).as_py()
    small = all(abs(value or 0) < _EXACT for value in extremes.values())
    return pa.float64() if small else column.type


def first_large(values: npt.NDArray[np.float64]) -> int | None:
    """Return the index of the first finite double of at least 2**53, which may have lost digits; None if none is."""
    if not len(values) or (values.max() < _EXACT and values.min() > -_EXACT):
        return None
    sizes = np.abs(values)
    large = (sizes >= _EXACT) & (sizes < np.inf)
    return int(large.argmax()) if large.any() else None


def _pattern(dialect: Dialect) -> str:
    marks = (dialect.thousands or "", dialect.decimal)
    group, point = (re.escape(mark) if mark.isascii() else mark for mark in marks)
    return rf"^\s*[-+]?(\d{{1,3}}({group}\d{{3}})+|\d*)({point}\d*)?([eE][-+]?\d+)?\s*$"


def grouped_numbers(column: pa.Array, dialect: Dialect) -> bool:
    """Return whether a column is text, and all of it numbers with thousands separators."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return False
    matches = pc.match_substring_regex(column, _pattern(dialect))
    return bool(pc.all(matches, min_count=1).as_py())


def numbers_of(texts: pa.Array, dialect: Dialect) -> tuple[pa.Array, int]:
    """Return numbers as doubles; missing values are nulls, as where Arrow reads numbers.

    Also return the index of the first text that is no number, whose column is then returned as it is, or that has
    digits which a double cannot hold; -1 if there is none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    missing = pc.is_in(texts, value_set=pa.array(csv.ConvertOptions().null_values))
    column = pc.if_else(missing, pa.scalar(None, texts.type), texts)
    plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"^\+", "")
    if dialect.thousands is not None:
        bad = pc.index(pc.match_substring_regex(column, _pattern(dialect)), False).as_py()
        if bad >= 0:
            return texts, bad
        plain = pc.replace_substring(plain, dialect.thousands, "")
    if dialect.decimal != ".":
        plain = pc.replace_substring(pc.replace_substring(plain, ".", "x"), dialect.decimal, ".")
    try:
        numbers = pc.cast(plain, pa.float64())
    except pa.ArrowInvalid:
        return texts, first_word(plain)
    values = numbers.to_numpy(zero_copy_only=False)
    return numbers, -1 if first_large(values) is None else _first_rounded(column, values, dialect)


def _first_rounded(texts: pa.Array, values: npt.NDArray[np.float64], dialect: Dialect) -> int:
    """Return the index of the first number of 2**53 or more whose digits a double cannot hold; -1 if there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    finite = values[np.isfinite(values)]
    long = pc.fill_null(pc.match_substring_regex(texts, _MANY), False).to_numpy(zero_copy_only=False)
    suspects = np.flatnonzero(long & (np.abs(values) >= _EXACT))
    reach = Decimal(float(finite.max())) - Decimal(float(finite.min()))
    lost = first_lost(texts.take(pa.array(suspects)).to_pylist(), dialect, reach)
    return int(suspects[lost]) if lost >= 0 else -1


def first_word(column: pa.Array, mark: str = ".") -> int:
    """Return the index of the first text that Arrow does not read as a number with this decimal mark; -1 if all are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = pc.utf8_trim_whitespace(column)
    if mark != ".":
        plain = pc.replace_substring(pc.replace_substring(plain, ".", "x"), mark, ".")

    def are_numbers(texts: pa.Array) -> bool:
        try:
            pc.cast(texts, pa.float64())
        except pa.ArrowInvalid:
            return False
        return True

    if are_numbers(plain):
        return -1
    first, last = 0, len(plain) - 1
    while first < last:
        middle = (first + last) // 2
        first, last = (middle + 1, last) if are_numbers(plain[first : middle + 1]) else (first, middle)
    return first


def first_lost(texts: Iterable[str | None], dialect: Dialect, reach: Decimal | None = None) -> int:
    """Return the index of the first number whose digits a double cannot hold; -1 if there is none.

    Integers must be exact. Other numbers may be rounded, by at most 1e-12 of the range of the column, which is `reach`,
    or by default that of these texts.
    """
    errors: list[tuple[int, Decimal]] = []
    numbers: list[Decimal] = []
    with localcontext(WIDE_DECIMALS):
        for k, text in enumerate(texts):
            number = _decimal(text, dialect)
            if number is None:
                continue
            numbers.append(number)
            error = rounding_of_decimal(number)
            if error and number == number.to_integral_value() and "e" not in (text or "").lower():
                return k
            errors += [(k, error)] if error else []
        if reach is None:
            reach = max(numbers) - min(numbers) if errors else Decimal(0)
        allowed = ROUNDED_SHARE * reach
        return next((k for k, error in errors if allowed and error > allowed), -1)


def _decimal(text: str | None, dialect: Dialect) -> Decimal | None:
    """Return a number as it is written; None for what is none, or out of the range of a double."""
    plain = (text or "").strip()
    if dialect.thousands is not None:
        plain = plain.replace(dialect.thousands, "")
    try:
        number = Decimal(plain.replace(dialect.decimal, "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and math.isfinite(float(number)) else None


def decimals(column: pa.Array) -> tuple[pa.Array, int | None]:
    """Return a column of decimals as doubles, and the index of the first whose digits a double cannot hold.

    Where one is lost the column is returned as it is. The rule is that of `first_lost`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    digits, scale = column.type.precision, column.type.scale
    if column.type.bit_width < 128:  # Arrow has no functions of these
        column = column.cast(pa.decimal128(digits, scale))
    if digits <= DECIMAL_DIGITS:
        return _nearest(column), None
    extremes = pc.min_max(column).as_py()
    most = max((abs(value) for value in extremes.values() if value is not None), default=Decimal(0))
    if most.scaleb(scale, WIDE_DECIMALS) <= _EXACT:
        return _nearest(column), None
    rounded = column.cast(pa.string()).cast(pa.float64())
    wide = pa.decimal256(min(_WIDEST, digits + 2), scale)
    error = pc.abs(pc.subtract(column.cast(wide), rounded.cast(wide)))
    allowed = ROUNDED_SHARE * (extremes["max"] - extremes["min"]) if scale > 0 else Decimal(0)
    constant = scale > 0 and not allowed
    if constant or pc.max(error).as_py() <= allowed:
        return rounded, None
    return column, next(k for k, value in enumerate(error.to_pylist()) if value > allowed)


def _nearest(column: pa.Array) -> pa.Array:
    """Return the doubles nearest to decimals of at most 2**53 units of the last place; a cast of Arrow misses some."""
    import pyarrow as pa

    scale = column.type.scale
    if not len(column) or not 0 <= scale <= _EXACT_POWER:
        return column.cast(pa.string()).cast(pa.float64())
    whole = column.cast(pa.decimal128(38, scale))
    words = np.frombuffer(whole.buffers()[1], np.int64)[2 * whole.offset :: 2][: len(whole)]
    missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    return pa.array(words / 10.0**scale, mask=missing)
