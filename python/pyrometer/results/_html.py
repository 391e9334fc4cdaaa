"""Results and tables as HTML for notebooks: colours are those of the page, so that light and dark both are legible."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyrometer.base import number_of, plain, printable
from pyrometer.results import _numbers, _plain_text

if TYPE_CHECKING:
    from pyrometer.results._sheet import Line, Sheet
    from pyrometer.results._table import Table

__all__ = ["of_code", "of_sheet", "of_table"]

_ROWS = 24
_TABLE = "border-collapse:collapse;border:0;margin:.3em 0;color:inherit;background:transparent"
_CELL = "padding:.1em .7em .1em 0;border:0;vertical-align:baseline;color:inherit;background:transparent"
_WORDS = f"{_CELL};text-align:left"
# Spaces are kept: they align decimal points.
_NUMBER = f"{_CELL};text-align:left;white-space:pre;font-family:monospace"
_QUIET = "opacity:.7"
_RULE = "border-bottom:1px solid currentColor"


def of_sheet(sheet: Sheet, texts: Iterable[str]) -> str:
    """Return a sheet whose lines have these texts."""
    rows = [
        f'<tr style="background:transparent"><th scope="row" style="{_WORDS};font-weight:normal">{_text(line.label)}'
        f"</th>{_line(line, text)}</tr>"
        for line, text in zip(sheet.lines, texts, strict=True)
    ]
    made = [f"<strong>{_text(sheet.heading)}</strong>"]
    if rows:
        made.append(f'<table style="{_TABLE}"><tbody>{"".join(rows)}</tbody></table>')
    made += [of_table(table) for table in sheet.tables]
    made += [f'<p style="margin:.3em 0;max-width:50em">{_text(sentence)}</p>' for sentence in sheet.sentences]
    return f'<div style="color:inherit">{"".join(made)}</div>'


def _line(line: Line, text: str) -> str:
    """Return a number, its unit and its remark, or words across all three."""
    if not line.numeric:
        return f'<td colspan="3" style="{_WORDS}">{_text(text)}</td>'
    return (
        f'<td style="{_NUMBER}">{_text(text)}</td><td style="{_WORDS}">{_text(line.unit)}</td>'
        f'<td style="{_WORDS};{_QUIET}">{_text(line.note)}</td>'
    )


def of_table(table: Table) -> str:
    """Return the first and last rows of a table, with the units of its columns."""
    rows = len(table)
    head = rows if rows <= _ROWS else _ROWS // 2
    tail = 0 if rows <= _ROWS else _ROWS - head
    columns, heads = [], []
    for name in table.names:
        array = table[name]
        texts = _plain_text.cells(array[:head], name) + _plain_text.cells(array[rows - tail :], name)
        right = array.dtype.kind in "fiu" or _numbers.are_numbers(texts)
        columns.append(
            [
                f'<td style="{_NUMBER if right else _WORDS}">{_text(cell)}</td>'
                for cell in (_numbers.aligned(texts) if right else texts)
            ]
        )
        unit = f'<br><span style="{_QUIET};font-weight:normal">{_text(plain(table.units.get(name, "")))}</span>'
        heads.append(f'<th scope="col" style="{_WORDS};{_RULE}">{_text(plain(name))}{unit if table.units else ""}</th>')
    body = [f'<tr style="background:transparent">{"".join(row)}</tr>' for row in zip(*columns, strict=True)]
    if tail:
        missing = number_of(rows - head - tail, "row")
        gap = f'<td colspan="{len(columns)}" style="{_WORDS};{_QUIET}">... {missing} ...</td>'
        body.insert(head, f"<tr>{gap}</tr>")
    title = f'<caption style="text-align:left;color:inherit">{_text(table.title)}</caption>' if table.title else ""
    header = f'<thead><tr style="background:transparent">{"".join(heads)}</tr></thead>'
    rows_of = f"{title}{header}<tbody>{''.join(body)}</tbody>"
    return f'<div style="overflow-x:auto"><table style="{_TABLE}">{rows_of}</table></div>'


def of_code(text: str) -> str:
    """Return text of one line or several in the type of code."""
    return f'<pre style="color:inherit;background:transparent;white-space:pre-wrap">{_text(text, keep=chr(10))}</pre>'


def _text(text: str, keep: str = "") -> str:
    from html import escape  # for notebooks only

    return escape(printable(text, keep=keep))
