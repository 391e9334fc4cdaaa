"""Tables as plain text: columns that do not fit the width go on below, beside the first ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pyrometer.table import Table

__all__ = ["cells", "columns_width", "split", "text", "text_width"]

_GAP = 2


def text(table: Table, width: int | None, max_rows: int) -> str:
    """Return `table` as lines of at most `width` characters, if any column fits."""
    rows = len(table)
    shown = np.arange(rows)
    if rows > max_rows:
        head = (max_rows + 1) // 2
        shown = np.concatenate([shown[:head], shown[rows - (max_rows - head) :]])
    written = {name: cells(array[shown], name) for name, array in table.columns.items()}
    widths = {name: columns_width([name, table.units.get(name, ""), *written[name]]) for name in table.names}
    lines = [table.title]
    for block in split(table.names[:1], table.names[1:], widths, width):
        lines += [""] if len(lines) > 1 else []
        body = _block(table, block, written, widths)
        if rows > max_rows:
            # Title lines: the names, the units if any, the rule.
            middle = len(body) - len(shown) + (max_rows + 1) // 2
            body.insert(middle, f"... {rows - max_rows} rows ...")
        lines += body
    return "\n".join(lines)


def _block(table: Table, names: Sequence[str], written: dict[str, list[str]], widths: dict[str, int]) -> list[str]:
    heads = [[*names], ["-" * widths[name] for name in names]]
    if table.units:
        heads.insert(1, [table.units.get(name, "") for name in names])
    right = [table[name].dtype.kind != "U" for name in names]
    rows = [*heads, *zip(*(written[name] for name in names), strict=True)]
    gap = " " * _GAP
    return [
        gap.join(_pad(cell, widths[name], r) for cell, name, r in zip(row, names, right, strict=True)).rstrip()
        for row in rows
    ]


def split(
    keys: Sequence[str], names: Sequence[str], widths: dict[str, int], width: int | None, *, gap: int = _GAP
) -> list[list[str]]:
    """Deal out `names` to blocks no wider than `width`, each beginning with `keys`."""
    blocks: list[list[str]] = [[*keys]]
    start = sum(widths[key] + gap for key in keys)
    used = start
    for name in names:
        if width is not None and used + widths[name] > width and len(blocks[-1]) > len(keys):
            blocks.append([*keys])
            used = start
        blocks[-1].append(name)
        used += widths[name] + gap
    return blocks


def cells(array: npt.NDArray[Any], name: str = "") -> list[str]:
    """Write a column: numbers with six significant digits, those that measure an error with three."""
    if array.dtype.kind == "f":
        digits = 3 if name in ("s.e.", "z") else 6
        return [f"{value:.{digits}g}" for value in array.tolist()]
    return [str(value) for value in array.tolist()]


def columns_width(strings: Sequence[str]) -> int:
    """Return the width of the widest string."""
    return max(map(text_width, strings), default=0)


def text_width(string: str) -> int:
    """Return the columns that a string takes on a terminal: a combining mark none, a wide character two."""
    if string.isascii():
        return len(string)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in string)


def _pad(string: str, width: int, right: bool) -> str:
    space = " " * (width - text_width(string))
    return space + string if right else string + space
