"""The table of the columns of a shift: which of them have moved, and what the joint density adds (not in the paper)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.results import Table
from pyrometer.states._columns import LABEL
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import Permutations, adjusted
from pyrometer.states._predictions import NO_LOSS

__all__ = ["column_table"]

_Array: TypeAlias = npt.NDArray[np.float64]
_Row: TypeAlias = dict[str, Any]
_EMPTY: _Row = dict.fromkeys(
    ("before", "after", "deviation_before", "deviation_after", "missing_before", "missing_after"), np.nan
) | {"category": ""}


def column_table(pair: Pair, found: Permutations | None, divergence: float, errors: _Array) -> Table:
    """Return a row for each column, the residual or the energy, and the joint density: the clearest change first.

    `errors` are those of the divergences of numbers, the residual included, of counted columns, and of widths.
    """
    own = pair.marginals.parts(*(table.sum(axis=0)[None] for table in pair.marginals.tables))
    rows, statistics = [], []
    for row, observed, error, values in _columns(pair, own, found, errors):
        rows.append(row | {"divergence": observed, "standard_error": error})
        statistics.append(values)
    ours = [row["divergence"] for row in rows if row["kind"] != "label"]
    if len(ours) > 1 and not pair.marginals.alone.any():
        total = None if found is None else found.changes[:, 2]
        joint = {"column": "(joint)", "kind": "dependence", **_EMPTY}
        rows.append(joint | {"divergence": divergence - sum(ours), "standard_error": np.nan})
        parts = [values for row, values in zip(rows, statistics, strict=False) if row["kind"] != "label"]
        statistics.append(None if total is None else total - np.sum(parts, axis=0))
    if not CONDITIONALS[pair.old.loss].continuous and pair.old.loss != NO_LOSS:
        changed = {"column": "(energy)", "kind": "energy", **_EMPTY}
        changed |= {"before": pair.old.energy, "after": pair.new.energy}
        rows.append(changed | {"divergence": np.nan, "standard_error": np.nan})
        statistics.append(None if found is None else np.abs(found.changes[:, 0]))
    if found is None:
        p_values, clear = np.ones(len(rows)), np.zeros(len(rows))
    else:
        p_values, clear = adjusted(np.column_stack(statistics) if rows else np.empty((1, 0)))
    order = np.lexsort([-clear, p_values])
    sorted_rows = [rows[k] | {"p_value": float(p_values[k])} for k in order]
    return Table.from_rows(
        "Columns of a shift", sorted_rows, units={"divergence": "nat", "standard_error": "nat"} if rows else None
    )


def _columns(pair: Pair, own: Any, found: Permutations | None, errors: _Array) -> Any:
    """Rows, divergences, their errors and their permutations, for each column of X, the residual and the label."""
    marginals, columns = pair.marginals, pair.old.columns
    totals = [table.sum(axis=0)[None] for table in marginals.tables]
    moments = [marginals.moments(sums) for sums in totals]
    centre, units = pair.old.sums.centre, pair.old.sums.units[2:]
    counted = {each.place for each in marginals.counted}
    for i in range(marginals.d):
        place = columns.places[i] if i < len(columns.places) else None
        if place in counted:
            continue
        row = {"column": _name(pair, place), "kind": "residual" if place is None else "number", **_EMPTY}
        for when, (share, mean, variance) in zip(("before", "after"), moments, strict=True):
            with np.errstate(over="ignore"):
                row[when] = float(np.ldexp(mean[0, i], units[i]) + centre[i])
                row[f"deviation_{when}"] = float(np.ldexp(np.sqrt(variance[0, i]), units[i]))
            row[f"missing_{when}"] = np.nan if place is None else float(1.0 - share[0, i])
        values = None if found is None or found.parts is None else found.parts.numbers[:, i]
        yield row, float(own.numbers[0, i]), float(errors[i]), values
    if pair.old.law == "laplace":
        row = {"column": "(residual)", "kind": "residual", **_EMPTY}
        row |= {"deviation_before": pair.old.energy, "deviation_after": pair.new.energy}
        values = None if found is None else found.widths
        if found is not None and values is None:  # without residuals, or with fitted densities
            values = marginals_widths(found)
        yield row, float(marginals.widths(*totals)[0]), float(errors[-1]), values
    for k, (each, at) in enumerate(zip(marginals.counted, marginals.slices, strict=True)):
        shares = [sums[0, at] / sums[0, at].sum() for sums in totals]
        kind = each.kind if each.kind != "value" else "discrete"
        row = {"column": _name(pair, each.place), "kind": kind, **_EMPTY}
        lost = [float(share[-1]) if None in each.values else 0.0 for share in shares]
        row |= {"missing_before": lost[0], "missing_after": lost[1]}
        most = int(np.argmax(np.abs(shares[1] - shares[0])))
        value = each.values[most]
        row |= {"before": float(shares[0][most]), "after": float(shares[1][most])}
        row["category"] = "missing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        values = None if found is None or found.parts is None else found.parts.counts[:, k]
        yield row, float(own.counts[0, k]), float(errors[marginals.d + k]), values


def marginals_widths(found: Permutations) -> _Array:
    """Return zeros: widths that do not differ."""
    return np.zeros(len(found.changes))


def _name(pair: Pair, place: int | None) -> str:
    if place is None:
        return "(residual)"
    if place == LABEL:
        return "(label)"
    return pair.old.names[place] if pair.old.names else f"column {place}"
