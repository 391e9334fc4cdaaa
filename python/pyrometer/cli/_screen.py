"""Tables for a terminal: columns that do not fit are left out and named, long text is wrapped."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pyrometer.base import plain, printable
from pyrometer.results import plain_text

if TYPE_CHECKING:
    from pyrometer.results import Table

__all__ = ["width_of", "written"]

_COLOURS = {"ok": "green", "near-pole": "yellow", "negative-entropy": "yellow", "undefined": "red", "changed": "yellow"}
# Columns of the dictionary of terms.
_TERMS = {"topic", "thermodynamics", "machine learning", "symbol", "equations"}
# Below this width the symbol of a term is printed below its explanation.
_WIDE = 110
# Characters of a line without a limit.
_WIDEST = 100_000
# Maximal number of characters of a value.
_LONGEST = 200


def written(tables: Sequence[Table], provenance: Mapping[str, Any], *, terminal: bool, wide: bool = False) -> str:
    """Return tables and their provenance as text of the width of the terminal, in colour where it has colours.

    With `wide`, rows have all columns, however long they become.
    """
    colour = terminal and sys.stdout.isatty()
    screen = Console(
        file=io.StringIO(),
        width=_WIDEST if wide else width_of(terminal),
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=colour,
        color_system="auto" if colour else None,
    )
    sentences = width_of(terminal)
    with screen.capture() as capture:
        for table in tables:
            screen.print(Text(printable(table.title), style="bold"))
            if len(table) == 1:
                _record(screen, table)
            elif set(table.names) >= _TERMS:
                _terms(screen, table)
            else:
                _columns(screen, table, None if wide else screen.width)
            if "legend" in table.metadata:
                screen.print(Text(table.metadata["legend"], style="dim"), width=sentences)
            screen.print()
        about = ", ".join(f"{name} {_short(value)}" for name, value in provenance.items())
        screen.print(Text(about, style="dim"), width=sentences)
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def width_of(terminal: bool) -> int:
    """Return the width of the terminal in characters; for a file the value of COLUMNS, by default 120."""
    width = 120
    if terminal:
        width = shutil.get_terminal_size().columns
    else:
        with contextlib.suppress(ValueError):
            width = int(os.environ.get("COLUMNS", "")) or width
    return min(max(width, 40), 1000)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else plain(str(value), _LONGEST)


def _grid(*, header: bool = True) -> Grid:
    return Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), show_header=header)


def _columns(screen: Console, table: Table, width: int | None) -> None:
    """Print the columns that fit into the width, those that name a row and then the others in order."""
    keys = plain_text.row_names(table.columns)
    cells = {name: plain_text.cells(array, name) for name, array in table.columns.items()}
    cells |= {name: plain_text.abbreviated(cells[name], width) for name in keys}
    heads = {name: [plain(name), plain(table.units.get(name, ""))] for name in table.names}
    numeric = {name for name in table.names if table[name].dtype.kind in "fiu" or plain_text.are_numbers(cells[name])}
    cells |= {name: plain_text.aligned(cells[name]) for name in numeric}
    widths = {name: plain_text.columns_width([*heads[name], *cells[name]]) for name in table.names}
    shown, left_out = plain_text.fitting(plain_text.by_importance(table.columns), widths, width)
    grid = _grid()
    for name in (name for name in table.names if name in shown):
        title, unit = (head.rjust(widths[name]) if name in numeric else head for head in heads[name])
        head = Text.assemble(title, *([("\n" + unit, "dim")] if unit.strip() else []))
        fits = width is None or widths[name] < width // 2
        grid.add_column(head, no_wrap=fits, overflow="fold")
        cells[name] = [f"{cell:>{widths[name]}}" if name in numeric else cell for cell in cells[name]]
    for row in zip(*(cells[name] for name in table.names if name in shown), strict=True):
        grid.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    screen.print(grid)
    if left_out:
        names = ", ".join(map(plain, left_out))
        screen.print(Text(f"not shown: {names} (--wide, or --fields NAME,...)", style="dim"))


def _record(screen: Console, table: Table) -> None:
    """Print a single row, one line for each column."""
    grid = _grid(header=False)
    for justify in ("left", "right", "left"):
        grid.add_column(justify=justify)
    for name, array in table.columns.items():
        (cell,) = plain_text.cells(array, name)
        unit = Text(plain(table.units.get(name, "")), style="dim")
        grid.add_row(plain(name), Text(cell, style=_COLOURS.get(cell, "bold")), unit)
    screen.print(grid)


def _terms(screen: Console, table: Table) -> None:
    """Print the dictionary of terms by topic."""
    wide = screen.width >= _WIDE
    grid = _grid()
    grid.add_column("thermodynamics", overflow="fold", ratio=24)
    grid.add_column("machine learning" if wide else "machine learning; symbol", overflow="fold", ratio=42)
    if wide:
        grid.add_column("symbol", overflow="fold", ratio=38)
    grid.add_column("equations", overflow="fold", ratio=14)
    grid.expand = True
    topic = None
    for row in table:
        if row["topic"] != topic:
            topic = row["topic"]
            grid.add_section()
        meaning, symbol = row["machine learning"], row["symbol"]
        middle = [meaning, symbol] if wide else [Text.assemble(meaning, "\n", (symbol, "cyan"))]
        grid.add_row(row["thermodynamics"], *middle, row["equations"])
    screen.print(grid)
