"""Numbers as text: with the digits that their errors allow, and aligned at the decimal point."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import plain

__all__ = ["aligned", "are_numbers", "number", "spread", "with_error"]

# Most decimals of a number with an error, and the powers of ten between which it has no exponent.
_DECIMALS, _SMALL, _LARGE = 14, -4, 6
# Most different words of an array that are counted.
_WORDS = 6
# Numbers as they are written here; a dash is one that is not defined.
_NUMBER = re.compile(r"|-|nan|-?inf|\(?[-+]?\d+(\.\d*)?(e[-+]?\d+)?( ± [^ ]+)?")
# What ends the digits before the decimal point.
_POINT = re.compile(r"[.e±x ]|\Z")


def number(value: float, digits: int = 6) -> str:
    """Return a number with six significant digits."""
    return f"{value:.{digits}g}"


def with_error(value: float, error: float) -> str:
    """Return ``value ± error``: the error with two significant digits, the value to the same decimal.

    A value whose error is 0 has six significant digits and no error.
    """
    if error == 0.0:
        return number(value)
    if math.isnan(value):
        return "nan"
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"{number(value)} ± {'unknown' if math.isnan(error) else number(error)}"
    power = _power(max(abs(value), abs(error)))
    place = int(f"{error:.1e}".partition("e")[2]) - 1
    if power - place > _DECIMALS:
        return f"{number(value)} ± {number(error, 2)}"
    if _SMALL <= power < _LARGE:
        return " ± ".join(_to(x, 0, place) for x in (value, error))
    mantissas = " ± ".join(_to(x, power, place - power) for x in (value, error))
    return f"({mantissas})e{power:+03d}"


def _power(size: float) -> int:
    return int(f"{size:e}".partition("e")[2])


def _to(value: float, power: int, place: int) -> str:
    """Return value / 10^power, rounded to the decimal place 10^place."""
    from decimal import Decimal

    scaled = float(Decimal(value).scaleb(-power))
    return f"{round(scaled, min(-place, _DECIMALS)):.{min(max(-place, 0), _DECIMALS)}f}"


def spread(array: npt.NDArray[Any], digits: int = 6) -> str:
    """Return the range of numbers and how many are nan, or how often each word occurs."""
    if not array.size:
        return "none"
    if array.dtype.kind not in "fiu":
        array = np.where(array, "yes", "no") if array.dtype.kind == "b" else array
        counts = Counter(array.reshape(-1).tolist()).most_common()
        shown = ", ".join(f"{plain(str(word), 40)} {count}" for word, count in counts[:_WORDS])
        return shown + (f" and {len(counts) - _WORDS} more" if len(counts) > _WORDS else "")
    missing = int(np.isnan(array).sum())
    if missing == array.size:
        return "nan"
    lowest, highest = np.nanmin(array).item(), np.nanmax(array).item()
    ends = dict.fromkeys((number(lowest, digits), number(highest, digits)))
    text = " to ".join(ends)
    return text + (f", {missing} nan" if missing else "")


def aligned(texts: Sequence[str]) -> list[str]:
    """Return numbers, padded on both sides so that their decimal points are in one column."""
    points = [_point(text) for text in texts]
    before = max(points, default=0)
    after = max((len(text) - point for text, point in zip(texts, points, strict=True)), default=0)
    return [
        " " * (before - point) + text + " " * (after - len(text) + point)
        for text, point in zip(texts, points, strict=True)
    ]


def _point(text: str) -> int:
    match = _POINT.search(text)
    return match.start() if match else len(text)


def are_numbers(texts: Sequence[str]) -> bool:
    """Return whether all strings are numbers or dashes, with a number among them."""
    return any(map(str.isdigit, "".join(texts))) and all(map(_NUMBER.fullmatch, texts))
