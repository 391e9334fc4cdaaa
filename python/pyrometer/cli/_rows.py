"""Rows of tables made of results: a column has the name of the attribute, its unit follows from the name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pyrometer.results import units_of

__all__ = ["row_of", "units_of"]


def row_of(result: Any) -> dict[str, Any]:
    """Return the numbers, words and booleans of a result by the names of its attributes.

    Without those that only identify its subject.
    """
    values = {field.name: getattr(result, field.name) for field in fields(result) if field.compare}
    return {name: value for name, value in values.items() if isinstance(value, (bool, int, float, str))}
