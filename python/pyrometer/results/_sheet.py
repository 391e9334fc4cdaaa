"""What is shown of a result, as text: a heading, lines of aligned numbers, tables, and sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyrometer.base import printable
from pyrometer.results import _numbers, _plain_text
from pyrometer.results._table import Table

__all__ = ["Line", "Sheet", "as_text"]

# A line is never longer than this, so that sentences can be read.
_LONGEST = 96
_ROWS = 24


class Line(NamedTuple):
    """A quantity: its label, its number or words, its unit, and a remark where there is room for it."""

    label: str
    text: str
    unit: str = ""
    note: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Sheet:
    """All that is shown of a result."""

    heading: str
    lines: Sequence[Line] = ()
    tables: Sequence[Table] = ()
    sentences: Sequence[str] = ()


def as_text(sheet: Sheet, width: int | None, rows: int = _ROWS) -> str:
    """Return lines of at most `width` characters, unless a number is wider, with at most `rows` of a table."""
    limit = _LONGEST if width is None else width
    texts = cells(sheet)
    labels, numbers = (
        _wide([line.label for line in sheet.lines]),
        _wide([text for line, text in zip(sheet.lines, texts, strict=True) if line.numeric]),
    )
    units = _wide([line.unit for line in sheet.lines])
    made = textwrap.wrap(printable(sheet.heading), min(limit, _LONGEST), subsequent_indent="  ")
    for line, text in zip(sheet.lines, texts, strict=True):
        start = f"  {line.label:<{labels}}  "
        if not line.numeric:
            made += _folded(start, line.text, limit)
            continue
        short = f"{start}{text:<{numbers}}  {line.unit:<{units}}"
        noted = f"{short}  {line.note}"
        made.append((noted if len(noted) <= limit else short).rstrip())
    for table in sheet.tables:
        body = table.to_text(width=width and width - 2, max_rows=rows).splitlines()
        made += [f"  {line}".rstrip() for line in body[not table.title :]]
    for sentence in sheet.sentences:
        made += _folded("  ", sentence, limit)
    return "\n".join(made)


def cells(sheet: Sheet) -> list[str]:
    """Return the texts of the lines; numbers are padded so that their decimal points are in one column."""
    padded = iter(_numbers.aligned([line.text for line in sheet.lines if line.numeric]))
    return [next(padded).rstrip() if line.numeric else line.text for line in sheet.lines]


def _wide(texts: Sequence[str]) -> int:
    return min(_plain_text.columns_width(texts), 40)


def _folded(start: str, text: str, width: int) -> list[str]:
    wide = max(min(width, _LONGEST), len(start) + 20)
    return textwrap.wrap(printable(text), wide, initial_indent=start, subsequent_indent=" " * len(start)) or [start]
