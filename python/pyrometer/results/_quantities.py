"""Units and errors of quantities by the names of their fields, for whatever is shown without a line of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["error_of", "is_error", "units_of"]

_LOSSES = ("energy", "minimum_energy", "heat", "heat_a", "heat_b", "pooling_loss", "energy_change")
_RATIOS = (
    *("value", "temperature", "marginal", "limit", "limit_a", "limit_b", "limit_mixed"),
    *("temperature_cells", "temperature_law", "neighbour"),
)
_NATS = ("entropy", "entropy_change", "divergence", "cross_entropy", "entropy_before", "entropy_after", "real")
_MORE_NATS = ("collapse", "change", "discrete_entropy", "total_entropy")
_COUNTS = ("parameters", "rows", "work_efficiency", "gain", "p_value")


def units_of(names: Iterable[str], loss: str = "loss", *, errors_of: str = "value") -> dict[str, str]:
    """Return the units of fields of which they are known, for energies in the unit `loss`.

    A ``standard_error`` and an ``error_bound`` have the unit of `errors_of`.
    """
    by_name = dict.fromkeys(_LOSSES, loss) | dict.fromkeys(_RATIOS, f"{loss}/nat")
    by_name |= dict.fromkeys((*_NATS, *_MORE_NATS), "nat") | dict.fromkeys(_COUNTS, "1")
    own = {"standard_error": errors_of, "error_bound": errors_of}
    units = {name: by_name.get(own.get(name, name.removesuffix("_error"))) for name in names}
    return {name: unit for name, unit in units.items() if unit is not None}


def error_of(name: str, fields: Mapping[str, object]) -> str:
    """Return the field with the standard error of another; "" if there is none."""
    return f"{name}_error" if f"{name}_error" in fields else ""


def is_error(name: str, fields: Mapping[str, object]) -> bool:
    """Return whether a field is the error of another, with which it is shown."""
    return name.endswith("_error") and name.removesuffix("_error") in fields
