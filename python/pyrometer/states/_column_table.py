"""The table of the columns of a shift: which of them have moved, and what the joint density adds (not in the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyrometer.base import Array
from pyrometer.results import Table
from pyrometer.states._column_ranks import rank_statistics
from pyrometer.states._columns import LABEL
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._count_ratios import count_ratios
from pyrometer.states._marginals import Marginals
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import DIVERGENCES, adjusted, permutations, permuted
from pyrometer.states._predictions import NO_LOSS

if TYPE_CHECKING:
    from pyrometer.states._data_state import DataState

__all__ = ["ColumnTable"]

_ROUNDING = 1e-9  # of energies
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
    changes: Array | None
    resamples: int
    seed: tuple[int, int]
    threads: int
    inflation: float

    def __call__(self) -> Table:
        """Return a row for each column, the residual or the energy, and the joint density: the clearest first."""
        pair = Pair.of(self.old, self.new)
        rows = self._rows(pair)
        own = [k for k, row in enumerate(rows) if row["kind"] != "label"]
        joint = pair.is_joint and len(own) > 1
        if joint:
            beyond = self.divergence - sum(rows[k]["divergence"] for k in own)
            rows.append({"column": "(joint)", "kind": "dependence", **_EMPTY, **_divergence(beyond, np.nan)})
        of_energy = not CONDITIONALS[self.old.loss].continuous and self.old.loss != NO_LOSS
        if of_energy:
            changed = {"before": self.old.energy, "after": self.new.energy, **_divergence(np.nan, np.nan)}
            rows.append({"column": "(energy)", "kind": "energy", **_EMPTY, **changed})
        p_values, clear = np.ones(len(rows)), np.zeros(len(rows))
        if self.changes is not None and rows:
            p_values, clear = adjusted(*self._statistics(pair, joint=joint, of_energy=of_energy))
        order = np.lexsort([-clear, p_values])
        sorted_rows = [rows[k] | {"p_value": float(p_values[k])} for k in order]
        units = {"divergence": "nat", "standard_error": "nat"} if rows else None
        return Table.from_rows("Columns of a shift", sorted_rows, units=units)

    def _statistics(self, pair: Pair, *, joint: bool, of_energy: bool) -> tuple[Array, Array]:
        """Statistics of the rows in the samples and their permutations, (resamples + 1, rows), and their freedom."""
        assert self.changes is not None
        marginals, seed, laplace = pair.marginals, (self.seed[0], self.seed[1] ^ 1), pair.old.law == "laplace"
        drawn = permutations(marginals, self.resamples, seed, self.threads)
        ratios = count_ratios(marginals, drawn)
        ranks, of_widths, freedom = rank_statistics(marginals, self.resamples, seed, self.threads)
        numbers = [i for i, _ in _numbers(pair)]
        statistics, degrees = [(ranks + ratios.missing)[:, numbers]], [(freedom + ratios.missing_freedom)[numbers]]
        if laplace:
            statistics.append(of_widths[:, None])
            degrees.append(np.ones(1))
        statistics.append(ratios.counts)
        degrees.append(ratios.freedom)
        inflation = self.inflation * marginals.weighting
        for of_columns in statistics:  # of the samples themselves, in units of permutations
            of_columns[0] /= inflation
        if joint:
            parts = permuted(marginals, drawn, self.inflation)
            labels = [each.place == LABEL for each in marginals.counted]
            own = parts.numbers[:, numbers].sum(axis=1) + parts.counts[:, np.logical_not(labels)].sum(axis=1)
            if laplace:
                own += parts.widths
            own[0] /= inflation
            beyond = self.changes[:, 2] - own
            rounding = DIVERGENCES * (1.0 + np.abs(self.changes[:, 2]))
            statistics.append(np.where(np.abs(beyond) <= rounding, 0.0, beyond)[:, None])
        if of_energy:
            rounding = _ROUNDING * np.ldexp(max(self.old.energy, self.new.energy), -pair.first.unit)
            change = np.where(np.abs(self.changes[:, :1]) <= rounding, 0.0, self.changes[:, :1])
            largest = np.abs(change).max()
            statistics.append(np.square(change / (largest if largest > 0.0 else 1.0)))
        degrees.append(np.full(joint + of_energy, np.nan))
        return np.hstack(statistics), np.concatenate(degrees)

    def _rows(self, pair: Pair) -> list[_Row]:
        """Rows of the columns of X, the residual and the label."""
        marginals = pair.apart
        totals = [table.sum(axis=0)[None] for table in marginals.tables]
        own = marginals.parts(*totals)
        known = pair.new.sums.comparable(pair.old.sums)
        described = [Marginals.of_one(each.sums, each.columns).described(each.sums) for each in (self.old, self.new)]
        errors = pair.column_errors(self.resamples, self.seed, self.threads)
        rows = [
            _of_numbers(pair, i, place, described) | _divergence(own.numbers[0, i] if known[i] else np.nan, errors[i])
            for i, place in _numbers(pair)
        ]
        if pair.old.law == "laplace":
            row = {"column": "(residual)", "kind": "residual", **_EMPTY}
            row |= {"deviation_before": pair.old.energy, "deviation_after": pair.new.energy}
            rows.append(row | _divergence(own.widths[0] if pair.is_comparable else np.nan, errors[-1]))
        return rows + [
            _of_counts(pair, k, totals) | _divergence(own.counts[0, k], errors[marginals.d + k])
            for k in range(len(marginals.counted))
        ]


def _numbers(pair: Pair) -> list[tuple[int, int | None]]:
    """Coordinates and places of the columns of numbers that are not counted, and of the residual."""
    counted = {each.place for each in pair.marginals.counted}
    places: list[int | None] = [*pair.old.columns.places, None]
    return [(i, place) for i, place in enumerate(places[: pair.marginals.d]) if place not in counted]


def _divergence(value: float, error: float) -> _Row:
    return {"divergence": float(value), "standard_error": float(error)}


def _of_numbers(pair: Pair, i: int, place: int | None, described: Sequence[tuple[Array, ...]]) -> _Row:
    """Return what is known of a column of numbers, or of the residual, at the coordinate `i`."""
    row = {"column": _name(pair, place), "kind": "residual" if place is None else "number", **_EMPTY}
    for when, (share, mean, deviation) in zip(("before", "after"), described, strict=True):
        row |= {when: float(mean[i]), f"deviation_{when}": float(deviation[i])}
        row[f"missing_{when}"] = np.nan if place is None else float(1.0 - share[i])
    return row


def _of_counts(pair: Pair, k: int, totals: list[Array]) -> _Row:
    """Return what is known of a column that is counted."""
    each, at = pair.marginals.counted[k], pair.marginals.slices[k]
    shares = [sums[0, at] / sums[0, at].sum() for sums in totals]
    kind = each.kind if each.kind != "value" else "discrete"
    row = {"column": _name(pair, each.place), "kind": kind, **_EMPTY}
    lost = [float(share[-1]) if None in each.values else 0.0 for share in shares]
    row |= {"missing_before": lost[0], "missing_after": lost[1]}
    largest = int(np.argmax(np.abs(shares[1] - shares[0])))
    value = each.values[largest]
    row |= {"before": float(shares[0][largest]), "after": float(shares[1][largest])}
    shown = f"{value:g}" if isinstance(value, float) else f"cell {value}" if each.cells else str(value)
    row["category"] = "missing" if value is None else shown
    return row


def _name(pair: Pair, place: int | None) -> str:
    if place is None:
        return "(residual)"
    if place == LABEL:
        return "(label)"
    return pair.old.names[place] if pair.old.names else f"column {place}"
