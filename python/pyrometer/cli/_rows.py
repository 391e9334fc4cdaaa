"""Rows of tables made of results: a column has the name of the attribute, its unit follows from the name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

__all__ = ["row_of", "units_of"]

_LOSSES = ("energy", "minimum_energy", "heat", "pooling_loss", "energy_change")
_RATIOS = ("value", "temperature", "marginal", "limit")
_NATS = ("entropy", "entropy_change", "divergence", "cross_entropy")
_COUNTS = ("parameters", "rows", "work_efficiency", "gain", "p_value")


def row_of(result: Any) -> dict[str, Any]:
    """Return the numbers, words and truth values of a result by the names of its attributes."""
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    return {name: value for name, value in values.items() if isinstance(value, (bool, int, float, str))}


def units_of(row: Mapping[str, Any], loss: str, *, errors_of: str = "value") -> dict[str, str]:
    """Return the units of the columns of a row, for energies in the unit `loss`.

    A ``standard_error`` and an ``error_bound`` have the unit of `errors_of`.
    """
    by_name = dict.fromkeys(_LOSSES, loss) | dict.fromkeys(_RATIOS, f"{loss}/nat")
    by_name |= dict.fromkeys(_NATS, "nat") | dict.fromkeys(_COUNTS, "1")
    own = {"standard_error": errors_of, "error_bound": errors_of}
    units = {name: by_name.get(own.get(name, name.removesuffix("_error"))) for name in row}
    return {name: unit for name, unit in units.items() if unit is not None}
