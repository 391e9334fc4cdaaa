"""Whether texts are numbers, dates or times in a notation that is not read, or the names of categories."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["LOOK", "are_like_numbers", "hide_numbers"]

# Values from which the notation of a column is inferred.
LOOK = 1000
# Fewer different texts may be categories, even if they hardly repeat in a few rows; more are too many for numbers.
_FEW, _MANY = 12, 50

# Texts that may differ from the others: marks of missing values, titles, totals; a share of all for more of them, and
# at most a quarter.
_MARKS, _SHARE = 3, 0.1
# Most different units and currencies; suffixes of codes are more.
_AFFIXES = 6

_GROUP = r"[.,'’_ \u00a0\u202f\u2009]"
_NUMBER = (
    rf"(?=[.,]?\d)(?!0\d)(?:\d{{1,3}}(?:{_GROUP}\d{{3}})+|\d*)(?P<part>[.,]\d*)?"
    r"(?P<power>[eEdD][-+\u2212]?\d+|\s?[×x*]\s?10\^?[-+\u2212]?\d+)?"
)
_CODES = "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|TRY|USD"
_CURRENCY = rf"(?:(?:{_CODES}|[A-Z]{{0,3}}[$€£¥₹₽₩₺]|R\$|Rs\.?|kr\.?)\s?)"
_SIGN = r"(?:[<>≤≥~≈±]=?\s?)?[-+\u2212]?"
_UNIT = r"[^\s\d.,;:'\"()\[\]{}<>=+_#@&|\\-]{1,12}(?:\^?-?\d)?"
_MEASURED = re.compile(
    rf"(?P<open>\()?\s?{_SIGN}(?P<before>{_CURRENCY}|[A-Z]\s?(?=\+))?[-+\u2212]?{_NUMBER}(?:\s?±\s?[\d.,]+)?"
    rf"(?P<after>\s?{_UNIT}|-)?\s?(?(open)\))"
)
_DAY, _MONTH, _CLOCK = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"\d{1,3}:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?"
_WORD = (
    r"(?i:(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?)"
)
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)"
_DATE = "|".join(
    (
        rf"\d{{4}}(?P<mark>[-/.]){_MONTH}(?P=mark){_DAY}",
        rf"(?:{_DAY}(?P<of>[-/.]){_MONTH}|{_MONTH}(?P<to>[-/]){_DAY})(?:(?P=of)|(?P=to))\d{{4}}",
        r"\d\d(?P<two>[-/.])\d\d(?P=two)\d\d",
        rf"(?:{_DAY}/{_MONTH}|{_MONTH}/{_DAY})/\d\d",
        rf"{_DAY}[-/\s]?{_WORD}(?:[-/,\s]{{0,2}}(?:\d\d)?\d\d)?",
        rf"{_WORD}[-/\s]{_DAY}(?:,?\s\d{{4}})?",
        rf"{_WORD}[-/\s,]{{1,2}}'?(?:\d\d)?\d\d",
        rf"\d{{4}}[-/\s]?{_WORD}(?:[-/\s]{_DAY})?",
        r"\d{4}(?:[-/]|\s?M)(?:0[1-9]|1[0-2])",
        rf"{_MONTH}/(?:\d\d)?\d\d",
    )
)
_OTHERS = re.compile(
    "|".join(
        (
            r"0[xX][0-9a-fA-F]+",
            rf"(?:{_CLOCK}[,\s]+)?{_WEEKDAY}?(?:{_DATE})(?:[T,\s]+{_CLOCK}\s?(?:[AaPp][Mm]|Z|[-+]\d\d:?\d\d)?)?",
            rf"-?(?:\d+\s?d(?:ays?)?,?\s)?{_CLOCK}(?:\s?[AaPp][Mm])?",
            r"-?P(?=.)(?:\d+[YMWD])*(?:T(?:\d+(?:[.,]\d+)?[HMS])+)?",
            r"(?:\d+(?:\.\d+)?\s?(?:d|h|m|s|ms|days?|hours?|hrs?|min|minutes?|sec|seconds?),?\s?){2,}",
            r"-?\d{1,3}°\s?\d{1,2}['’′]\s?(?:\d{1,2}(?:\.\d+)?[\"”″])?\s?[NSEWO]?",
        )
    )
)


def hide_numbers(different: int, rows: int, first: Sequence[str]) -> bool:
    """Return whether a column of many texts, or of some that hardly repeat, has numbers in the place of names.

    `different` is the number of different texts in so many rows, and `first` has `LOOK` of them at most.
    """
    if different < _FEW or (2 * different <= rows and different <= _MANY):
        return False
    return are_like_numbers(first)


def are_like_numbers(texts: Sequence[str]) -> bool:
    """Return whether different texts are numbers with units, in another notation, dates or times, but for few of them.

    Names and codes are not: of letters before the digits, of digits in other groups than thousands, of leading zeros,
    of ranges, of many different suffixes, or of whole numbers with one of several letters.
    """
    plain, others = [text.strip() for text in texts], min(max(_MARKS, _SHARE * len(texts)), len(texts) / 4)
    measured = [match for match in map(_MEASURED.fullmatch, plain) if match is not None]
    if len(plain) - len(measured) <= others:
        affixes = {(match["before"], match["after"]) for match in measured}
        if len(affixes) <= _AFFIXES and not _are_codes(measured):
            return True
    return sum(_OTHERS.fullmatch(text) is None for text in plain) <= others


def _are_codes(measured: Sequence[re.Match[str]]) -> bool:
    """Whether these are whole numbers with one of several letters, or of several words in capitals."""
    after = {match["after"] or "" for match in measured}
    letters = len(after) > 1 and all(each.isalpha() and (len(each) == 1 or _is_word(each)) for each in after)
    return letters and not any(match["part"] or match["power"] for match in measured)


def _is_word(text: str) -> bool:
    return len(text) > 3 and text.isupper()
