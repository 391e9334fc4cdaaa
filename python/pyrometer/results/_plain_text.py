"""Tables as plain text: columns that fit into the width, their numbers aligned at the decimal point."""

from __future__ import annotations

import sys
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

from pyrometer.base import number_of, plain, printable
from pyrometer.results._numbers import aligned, are_numbers
from pyrometer.results._order import by_importance, row_names

__all__ = [
    "abbreviated",
    "aligned",
    "are_numbers",
    "by_importance",
    "cells",
    "columns_width",
    "fitting",
    "on_terminal",
    "pretty",
    "row_names",
    "short_paths",
    "text",
    "text_width",
    "width_of",
]

_Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]

_GAP = 2
# Most characters of a cell, and the least that a name of a row is abbreviated to.
_LONGEST, _SHORTEST = 500, 20


def text(
    title: str,
    columns: _Columns,
    units: Mapping[str, str],
    width: int | None,
    max_rows: int,
) -> str:
    """Return a table as lines of at most `width` characters, unless its first column is wider.

    Columns that do not fit are left out, the least important first, and named below. Long names in the first are
    abbreviated. The decimal points of a column of numbers, or of strings that are numbers, are in one column.
    """
    rows = len(next(iter(columns.values()), ()))
    head = rows if rows <= max_rows else (max_rows + 1) // 2
    tail = 0 if rows <= max_rows else max_rows - head
    lines: dict[str, list[str]] = {}
    for name, array in columns.items():
        body = [*cells(array[:head], name), *cells(array[rows - tail :], name)]
        right = array.dtype.kind in "fiu" or are_numbers(body)
        body = aligned(body) if right else body if lines else abbreviated(body, width)
        heads = [plain(name), plain(units.get(name, ""))] if units else [plain(name)]
        wide = max(map(text_width, [*heads, *body]))
        lines[name] = [_pad(cell, wide, right) for cell in [*heads, "-" * wide, *body]]
    widths = {name: text_width(column[0]) for name, column in lines.items()}
    shown, left_out = fitting(by_importance(columns), widths, width)
    names = [name for name in columns if name in shown]
    left_out = [name for name in columns if name in left_out]
    if units and not any(units.get(name) for name in names):
        for column in lines.values():
            del column[1]
    made = [(_GAP * " ").join(row).rstrip() for row in zip(*(lines[name] for name in names), strict=True)]
    if tail:
        made.insert(len(made) - tail, f"... {number_of(rows - head - tail, 'row')} ...")
    if left_out:
        made += textwrap.wrap(f"not shown: {', '.join(map(plain, left_out))}", width or 80, subsequent_indent="  ")
    return "\n".join([printable(title), *made])


def fitting(names: Sequence[str], widths: Mapping[str, int], width: int | None) -> tuple[list[str], list[str]]:
    """Return the columns that fit into `width` characters, the first among them, and those that do not."""
    if width is None:
        return list(names), []
    used = -_GAP
    shown: list[str] = []
    for name in names:
        if not shown or used + _GAP + widths[name] <= width:
            shown.append(name)
            used += _GAP + widths[name]
    return shown, [name for name in names if name not in shown]


def abbreviated(names: list[str], width: int | None) -> list[str]:
    """Return names of rows; those longer than a third of `width` are abbreviated in the middle, and all still differ.

    The rest of the width is for what the table says about the rows.
    """
    most = None if width is None else max(width // 3, _SHORTEST)
    while most is not None and columns_width(names) > most:
        short = [plain(name, most) for name in names]
        if len(set(short)) == len(set(names)):
            return short
        most *= 2
    return names


def cells(array: npt.NDArray[Any], name: str = "") -> list[str]:
    """Format a column: numbers with six significant digits, errors, their bounds and z-scores with three."""
    if array.dtype.kind == "f":
        digits = 3 if name == "z" or name.endswith(("_error", "_bound")) else 6
        return [f"{value:.{digits}g}" for value in array.tolist()]
    return [plain(str(value), _LONGEST) for value in array.tolist()]


def short_paths(paths: Sequence[str], most: int) -> list[str]:
    """Return paths of modules of at most `most` characters, printable: the last parts of longer ones, after "...".

    Where two paths would become one, more characters are allowed.
    """
    short = [plain(_tail(path, most), most) for path in paths]
    if len(set(short)) < len(set(paths)) and most < max(map(len, paths)):
        return short_paths(paths, 2 * most)
    return short


def _tail(path: str, most: int) -> str:
    """Return the last parts of a path that fit, or its last characters where these would be few."""
    if len(path) <= most:
        return path
    parts = path.split(".")
    while len(parts) > 1 and len(".".join(parts)) + 3 > most:
        parts = parts[1:]
    tail = ".".join(parts)
    return f"...{tail if most // 2 < len(tail) + 3 <= most else path[3 - most :]}"


def columns_width(strings: Sequence[str]) -> int:
    """Return the width of the widest string."""
    return max(map(text_width, strings), default=0)


def text_width(string: str) -> int:
    """Return the width of a string on a terminal: 0 for a combining mark, 2 for a wide character."""
    if string.isascii():
        return len(string)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in string)


def _pad(string: str, width: int, right: bool) -> str:
    space = " " * (width - text_width(string))
    return space + string if right else string + space


def width_of() -> int:
    """Return the width of the terminal in characters, 80 where there is none."""
    import shutil  # which imports every compression

    return max(shutil.get_terminal_size().columns, 40)


def on_terminal() -> bool:
    """Whether what is printed goes to a terminal."""
    return bool(getattr(sys.stdout, "isatty", bool)())


def pretty(printer: Any, text: str) -> None:
    """Print text of one line or several by IPython's printer."""
    for number, line in enumerate(text.splitlines()):
        if number:
            printer.break_()
        printer.text(line)
