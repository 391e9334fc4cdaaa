"""How a result is shown: one record for each class; fields without a line of their own are shown by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyrometer.results._table import Table

__all__ = ["PLAIN", "Quantity", "Record"]


@dataclass(frozen=True)
class Quantity:
    """How a field is shown."""

    label: str
    unit: str = ""
    error: str = ""
    """The field of its standard error."""
    bound: str = ""
    """The field of a bound of its error."""
    note: str = ""
    digits: int = 6


def _no_sentences(_: Any) -> Iterable[str]:
    return ()


def _no_tables(_: Any) -> Iterable[Table]:
    return ()


def _no_heading(_: Any) -> str:
    return ""


@dataclass(frozen=True)
class Record:
    """What is shown of a class of results, and in what order."""

    lines: Mapping[str, Quantity] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    """Fields that are in the heading, in a table or in a sentence."""
    heading: Callable[[Any], str] = _no_heading
    """What follows the name of the class; by default the method."""
    tables: Callable[[Any], Iterable[Table]] = _no_tables
    sentences: Callable[[Any], Iterable[str]] = _no_sentences
    over: str = ""
    """The field that has the shape of all: rows of `to_table` are its elements. By default the first array."""
    axes: int = 0
    """Axes of that field that are no batch: layers, times."""
    one: str = ""
    """The field that ``float`` returns."""


PLAIN = Record()
