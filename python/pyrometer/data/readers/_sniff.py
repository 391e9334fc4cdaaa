"""The dialect of a CSV file from its first lines, where the one that was given does not fit."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Any

from pyrometer.data.readers._bytes import BINARY
from pyrometer.data.readers._dialect import Dialect, options_text

__all__ = ["number_options", "require_encoding", "suggestion"]

_SEPARATORS = ",;\t| "
_FIRST, _LINES, _MOST_SKIPPED = 1 << 16, 50, 20
# Decimal marks and separators of thousands in use.
_MARKS, _GROUPS = ".,", ",.' \u00a0\u202f"


def _notations() -> Iterator[tuple[re.Pattern[str], tuple[dict[str, Any], ...]]]:
    """Yield patterns of numbers, and the alternative options under which one that matches can be read."""
    sign, end = r"[-+]?", r"([eE][-+]?\d+)?"
    for mark, group in product(_MARKS, _GROUPS):
        if mark != group:
            options = ({} if mark == "." else {"decimal": mark}) | {"thousands": group}
            m, g = re.escape(mark), re.escape(group)
            yield re.compile(rf"{sign}\d{{1,3}}({g}\d{{3}})+{m}\d*{end}"), (options,)
    for group in _GROUPS:
        g = re.escape(group)
        read = [{"thousands": group} | ({} if mark == "." else {"decimal": mark}) for mark in _MARKS if mark != group]
        several = "{2,}" if group in _MARKS else "+"
        yield re.compile(rf"{sign}\d{{1,3}}({g}\d{{3}}){several}"), tuple(read)
    yield re.compile(rf"{sign}[1-9]\d{{0,2}},\d{{3}}"), ({"decimal": ","}, {"thousands": ","})
    yield re.compile(rf"{sign}\d*,\d+{end}"), ({"decimal": ","},)


_NOTATIONS = tuple(_notations())
_REMEDIES = {
    "Parquet": "write it to a file whose name ends in .parquet, and read that",
    "Arrow IPC": "write it to a file whose name ends in .arrow, and read that",
}
# Marks of byte order, by encoding: that of UTF-16 begins one of UTF-32.
_WIDE = {"utf-32": (b"\xff\xfe\0\0", b"\0\0\xfe\xff"), "utf-16": (b"\xff\xfe", b"\xfe\xff")}
# A number with a point, and what it can be where a comma is the decimal mark.
_POINT = re.compile(r"[-+]?\d*\.\d+")
_OF_POINT: tuple[dict[str, Any], ...] = ({"decimal": "."}, {"thousands": "."})


def require_encoding(head: bytes, dialect: Dialect) -> None:
    """Raise ValueError for a file of another format, or if the header is not of the encoding.

    Other lines may have text that is not read.
    """
    binary = next((name for name, starts in BINARY.items() if head.startswith(starts)), None)
    if binary is not None:
        raise ValueError(
            f"the content is {binary}, not CSV; {_REMEDIES.get(binary, 'save the rows as CSV or Parquet')}."
        )
    if dialect.encoding.lower() not in ("utf-8", "utf8"):
        return
    name = next((name for name, starts in _WIDE.items() if head.startswith(starts)), None)
    if name is None and b"\0" in head[:2]:
        wide = 32 if b"\0\0" in head[:4] else 16
        name = f"utf-{wide}-be" if head.startswith(b"\0") else f"utf-{wide}-le"
    if name is not None:
        raise ValueError(f"the file is encoded as {name[:6].upper()}; pass {options_text({'encoding': name})}.")
    header = b"".join(head[:_FIRST].splitlines()[dialect.skip : dialect.skip + 1])
    try:
        header.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the header is not UTF-8, with byte {header[error.start]:#04x} at position {error.start + 1}; pass its "
            f"encoding, such as {options_text({'encoding': 'latin-1'})}."
        ) from None


def suggestion(head: bytes, dialect: Dialect, delimiter: str, wanted: Iterable[str]) -> str | None:
    """Return the options under which the header has the columns, or at least several of them; None if there are none.

    None as well where the options that were given do as much.
    """
    text = head[:_FIRST].decode("utf-8", "replace").removeprefix("\ufeff").replace("\0", "")
    lines = text.splitlines()[:_LINES]
    names = set(wanted)
    for complete in (True, False):
        for options, remaining in _layouts(lines, dialect, delimiter):
            separator = options.get("sep", delimiter)
            rows = [row for row in csv.reader(remaining[:8], delimiter=separator) if row]
            if separator == " " and (delimiter in remaining[0] or "" in rows[0]):
                continue
            if (complete and names <= set(rows[0])) or (
                not complete and separator != " " and len(rows[0]) > 1 and _even(rows)
            ):
                cells = [cell for row in rows[1:] for cell in row]
                numbers = number_options(cells, separator, dialect) if options else ()
                return " or ".join(options_text(options | one) for one in numbers or ({},)) if options else None
    return None


def number_options(values: Iterable[str], delimiter: str, dialect: Dialect) -> tuple[dict[str, Any], ...]:
    """Return the alternative options under which numbers in another notation can be read; none if there are none."""
    agreed: list[dict[str, Any]] = [{}]
    for value in map(str.strip, values):
        if dialect.decimal == "," and _POINT.fullmatch(value):
            alternatives = _OF_POINT if value[-4:-3] == "." else _OF_POINT[:1]
        else:
            alternatives = next((options for pattern, options in _NOTATIONS if pattern.fullmatch(value)), ())
        combined = [one | other for one in agreed for other in alternatives if _agree(one, other, dialect)]
        agreed = [options for k, options in enumerate(combined) if options not in combined[:k]] or agreed
    return tuple(
        one
        for one in agreed
        if one.get("decimal") != delimiter and any(getattr(dialect, name) != value for name, value in one.items())
    )


def _agree(one: dict[str, Any], other: dict[str, Any], dialect: Dialect) -> bool:
    """Return whether two sets of options can hold together."""
    combined = one | other
    return combined == other | one and combined.get("decimal", dialect.decimal) != combined.get("thousands")


def _layouts(lines: list[str], dialect: Dialect, delimiter: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Yield options, beginning with none, and the lines from the header on that they leave."""
    first = lines[0][:1] if lines else ""
    comments = [first, None] if dialect.comment is None and first in ("#", "%") else [None]
    separators = [delimiter, *(other for other in _SEPARATORS if other != delimiter)]
    for comment, skip, separator in product(comments, range(_MOST_SKIPPED), separators):
        kept = [line for line in lines if comment is None or not line.startswith(comment)]
        remaining = list(islice(kept, dialect.skip or skip, None))
        if len(remaining) < 2 or not remaining[0].strip() or (dialect.skip and skip):
            continue
        options: dict[str, Any] = {"comment": comment} if comment else {}
        options |= {"skip": skip} if skip else {}
        yield options | ({"sep": separator} if separator != delimiter else {}), remaining


def _even(rows: list[list[str]]) -> bool:
    return len(rows) > 1 and len({len(row) for row in rows}) == 1
