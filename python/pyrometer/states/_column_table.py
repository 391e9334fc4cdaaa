"""The table of the columns of a shift: which of them have moved, and what the joint density adds (not in the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.results import Table
from pyrometer.states._columns import LABEL
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import PermutedColumns, adjusted, permuted
from pyrometer.states._predictions import NO_LOSS

if TYPE_CHECKING:
    from pyrometer.states._data_state import DataState

__all__ = ["ColumnTable"]

_Array: TypeAlias = npt.NDArray[np.float64]
_Row: TypeAlias = dict[str, Any]
_EMPTY: _Row = dict.fromkeys(
    ("before", "after", "deviation_before", "deviation_after", "missing_before", "missing_after"), np.nan
) | {"category": ""}


@dataclass(frozen=True)
class ColumnTable:
    """What the table of columns is computed from, when it is asked for: the states, and their permutations by seed.

    Attributes
    ----------
    old, new : DataState
        The states.
    divergence : float
        Of the joint density and all that contributes beside it.
    changes : ndarray, shape (resamples + 1, 3), or None
        As in `Permutations`; None without permutations.
    resamples, seed, threads, inflation
        Those of the comparison.
    """

    old: DataState
    new: DataState
    divergence: float
    changes: _Array | None
    resamples: int
    seed: tuple[int, int]
    threads: int
    inflation: float

    def __call__(self) -> Table:
        """Return a row for each column, the residual or the energy, and the joint density: the clearest first."""
        pair = Pair.of(self.old, self.new)
        found = None
        if self.changes is not None:
            seed = self.seed[0], self.seed[1] ^ 1
            found = permuted(pair.marginals, self.resamples, seed, self.threads)
        rows, statistics = self._rows(pair, found)
        own = [k for k, row in enumerate(rows) if row["kind"] != "label"]
        if len(own) > 1 and not pair.marginals.alone.any():
            joint = {"column": "(joint)", "kind": "dependence", **_EMPTY, "standard_error": np.nan}
            rows.append(joint | {"divergence": self.divergence - sum(rows[k]["divergence"] for k in own)})
            if self.changes is not None:
                statistics.append(self.changes[:, 2] - np.sum([statistics[k] for k in own], axis=0))
        if not CONDITIONALS[self.old.loss].continuous and self.old.loss != NO_LOSS:
            changed = {"column": "(energy)", "kind": "energy", **_EMPTY, "divergence": np.nan, "standard_error": np.nan}
            rows.append(changed | {"before": self.old.energy, "after": self.new.energy})
            if self.changes is not None:
                statistics.append(np.abs(self.changes[:, 0]))
        p_values, clear = np.ones(len(rows)), np.zeros(len(rows))
        if statistics:
            p_values, clear = adjusted(np.column_stack(statistics))
        order = np.lexsort([-clear, p_values])
        sorted_rows = [rows[k] | {"p_value": float(p_values[k])} for k in order]
        units = {"divergence": "nat", "standard_error": "nat"} if rows else None
        return Table.from_rows("Columns of a shift", sorted_rows, units=units)

    def _rows(self, pair: Pair, found: PermutedColumns | None) -> tuple[list[_Row], list[_Array]]:
        """Rows and statistics (resamples + 1,) of the columns of X, the residual and the label."""
        marginals = pair.marginals
        totals = [table.sum(axis=0)[None] for table in marginals.tables]
        own = marginals.parts(*totals)
        errors = pair.column_errors(self.resamples, self.seed, self.threads)
        rows, statistics = [], []
        counted = {each.place for each in marginals.counted}
        places: list[int | None] = [*pair.old.columns.places]
        for i, place in enumerate(([*places, None])[: marginals.d]):
            if place not in counted:
                rows.append(_of_numbers(pair, i, place, totals) | _divergence(own.numbers[0, i], errors[i]))
                statistics.append(None if found is None else found.parts.numbers[:, i])
        if pair.old.law == "laplace":
            row = {"column": "(residual)", "kind": "residual", **_EMPTY}
            row |= {"deviation_before": pair.old.energy, "deviation_after": pair.new.energy}
            rows.append(row | _divergence(marginals.widths(*totals)[0], errors[-1]))
            statistics.append(None if found is None else found.widths)
        for k in range(len(marginals.counted)):
            rows.append(_of_counts(pair, k, totals) | _divergence(own.counts[0, k], errors[marginals.d + k]))
            statistics.append(None if found is None else found.parts.counts[:, k])
        return rows, [each for each in statistics if each is not None]


def _divergence(value: float, error: float) -> _Row:
    return {"divergence": float(value), "standard_error": float(error)}


def _of_numbers(pair: Pair, i: int, place: int | None, totals: list[_Array]) -> _Row:
    """Return what is known of a column of numbers, or of the residual, at the coordinate `i`."""
    centre, unit = pair.old.sums.centre[i], pair.old.sums.units[2 + i]
    row = {"column": _name(pair, place), "kind": "residual" if place is None else "number", **_EMPTY}
    for when, sums in zip(("before", "after"), totals, strict=True):
        share, mean, variance = (moment[0, i] for moment in pair.marginals.moments(sums))
        with np.errstate(over="ignore"):
            row[when] = float(np.ldexp(mean, unit) + centre)
            row[f"deviation_{when}"] = float(np.ldexp(np.sqrt(variance), unit))
        row[f"missing_{when}"] = np.nan if place is None else float(1.0 - share)
    return row


def _of_counts(pair: Pair, k: int, totals: list[_Array]) -> _Row:
    """Return what is known of a column that is counted."""
    each, at = pair.marginals.counted[k], pair.marginals.slices[k]
    shares = [sums[0, at] / sums[0, at].sum() for sums in totals]
    kind = each.kind if each.kind != "value" else "discrete"
    row = {"column": _name(pair, each.place), "kind": kind, **_EMPTY}
    lost = [float(share[-1]) if None in each.values else 0.0 for share in shares]
    row |= {"missing_before": lost[0], "missing_after": lost[1]}
    most = int(np.argmax(np.abs(shares[1] - shares[0])))
    value = each.values[most]
    row |= {"before": float(shares[0][most]), "after": float(shares[1][most])}
    row["category"] = "missing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return row


def _name(pair: Pair, place: int | None) -> str:
    if place is None:
        return "(residual)"
    if place == LABEL:
        return "(label)"
    return pair.old.names[place] if pair.old.names else f"column {place}"
