"""The order in which columns of a table are chosen where not all fit: what names a row, main results, the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

__all__ = ["by_importance", "row_names"]

_KEYS = ("section", "loss", "law")
# Columns that are shown before all others, and after them.
_FIRST = ("bar", "energy_per_unit", "gain", "value", "temperature", "verdict", "change", "p_value")
_LAST = (
    *("equation", "method", "log_energy", "marginal", "parameters", "calls", "laws", "category"),
    *("deviation_before", "deviation_after", "missing_before", "missing_after"),
)


def row_names(columns: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """Return the columns that name a row: the first, and those of systems and laws."""
    names = (*list(columns)[:1], *_KEYS)
    return [name for name in columns if name in names and columns[name].dtype.kind != "f"]


def by_importance(columns: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """Return the names of columns, the most important first, and in the order of the table among equals."""
    first = {*list(columns)[:1], *row_names(columns)}
    if "temperature" not in columns and "value" not in columns:
        first.add("limit")  # what such a table is for
    return sorted(columns, key=lambda name: -1 if name in first else _rank(name, columns[name]))


def _rank(name: str, array: npt.NDArray[Any]) -> int:
    """Return how early a column is left out: the main results last, errors that are all 0 first."""
    if name in _FIRST:
        return 0
    error = name.endswith(("_error", "_bound"))
    return 3 if error and not array.any() else 2 if error or name in _LAST else 1
