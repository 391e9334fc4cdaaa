"""A sweep as a map of systems and laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, listed, number_of
from pyrometer.plot._axes import axes, label
from pyrometer.results import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["sweep"]

_NEEDED = ("system", "member", "law", "batch")
# More rows or columns have no names.
_NAMED = 25


def sweep(table: Table, value: str = "temperature", *, ax: Axes | None = None) -> Axes:
    """Draw a column of a sweep as a map: a row for each system, a column for each law.

    Parameters
    ----------
    table : Table
        As of `pyrometer.sweep`, or rows of it.
    value : str
        Column of numbers.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        The common logarithm of the size of the numbers in shades, dark for small ones; "-" in the fields of negative
        ones, a cross where there is no number. Pairs with several rows, by different methods, have the first.

    Raises
    ------
    TypeError, ValueError
        If `table` is no table of a sweep, is empty, or has no such column of numbers.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> table = pm.sweep({"line": system}, {"normal": pm.Normal([[0.1], [10.0]])})
    >>> ax = pm.plot.sweep(table)
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['normal[0]', 'normal[1]']
    """
    if not isinstance(table, Table):
        raise TypeError(f"table must be a Table, got {described(table)}; use pm.sweep(systems, laws).")
    if not isinstance(value, str):
        raise TypeError(f"value must be the name of a column, got {described(value)}.")
    missing = [name for name in (*_NEEDED, value) if name not in table.names]
    if missing:
        raise ValueError(
            f"table must have the columns [{listed((*_NEEDED, value))}], got none named {missing[0]!r:.60}."
        )
    if not len(table) or table[value].dtype.kind not in "fiu":
        raise ValueError(f"table must have rows with numbers in {value!r:.60}, got {number_of(len(table), 'row')}.")
    rows, of_row = _numbered(table["system"], table["member"])
    columns, of_column = _numbered(table["law"], table["batch"])
    grid = np.full((len(rows), len(columns)), np.nan)
    # Of several rows of a pair the first remains.
    grid[of_row[::-1], of_column[::-1]] = np.asarray(table[value], dtype=np.float64)[::-1]
    ax = axes(ax)
    _draw(ax, grid, value, table.units.get(value, ""))
    for names, set_ticks, turned in ((rows, ax.set_yticks, 0), (columns, ax.set_xticks, 45)):
        if len(names) <= _NAMED:
            options: dict[str, Any] = {"rotation": turned, "ha": "right"} if turned else {}
            set_ticks(np.arange(len(names)), [label(name) for name in names], **options)
    ax.set(xlabel="law", ylabel="system")
    return ax


def _numbered(names: npt.NDArray[Any], numbers: npt.NDArray[Any]) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Return labels in the order of their first rows, and the place of the label of each row."""
    several = {name for name, number in zip(names.tolist(), numbers.tolist(), strict=True) if number}
    places: dict[tuple[Any, Any], int] = {}
    of_row = [places.setdefault(key, len(places)) for key in zip(names.tolist(), numbers.tolist(), strict=True)]
    return [f"{name}[{number}]" if name in several else str(name) for name, number in places], np.array(of_row)


def _draw(ax: Axes, grid: npt.NDArray[np.float64], value: str, unit: str) -> None:
    with np.errstate(divide="ignore"):
        size = np.log10(np.abs(grid))
    size[~np.isfinite(size)] = np.nan
    image = ax.imshow(size, aspect="auto", cmap="cividis", interpolation="nearest", origin="upper")
    figure = ax.get_figure()
    if figure is not None:
        figure.colorbar(
            image, ax=ax, label=f"common logarithm of |{label(value)}|{f' ({label(unit)})' if unit else ''}"
        )
    middle = np.nanmean(size) if np.isfinite(size).any() else 0.0
    if grid.size > 40 * 40:
        return
    marks = ["\N{MINUS SIGN} negative"] * bool((grid < 0.0).any()) + ["× undefined"] * bool(np.isnan(grid).any())
    ax.set_title(", ".join(marks), fontsize="small")
    for (row, column), number in np.ndenumerate(grid):
        if np.isfinite(number) and number >= 0.0:
            continue
        dark = np.isfinite(number) and size[row, column] < middle
        style: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "weight": "bold",
            "color": "white" if dark else "black",
        }
        ax.text(column, row, "\N{MINUS SIGN}" if number < 0.0 else "×", **style)
