"""How shifts, readings, drifts and mixtures are shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyrometer.base import listed, number_of, plain
from pyrometer.results import Quantity, Record, Table, verdict_sentences
from pyrometer.states._predictions import NO_LOSS

__all__ = ["DRIFT", "EVENT", "MIXTURE", "READING", "SHIFT", "clearest", "why_undefined"]

# At most this p-value rejects one model for both.
_LEVEL = 0.05
# Columns of a shift that are shown.
_SHOWN = 5


def why_undefined(result: Any) -> str:
    """Return why a shift has no temperature."""
    if result.before.loss == NO_LOSS:
        return "there is no energy without a model"
    if math.isnan(result.energy_change):
        return "the change of the energy is unknown"
    if math.isnan(result.entropy_change_error):
        return "the standard error of the entropy's change is unknown"
    return "the entropy has not changed by more than twice its standard error"


def clearest(result: Any) -> Table:
    """Return the columns of a shift whose change is clearest, without what a narrow table has no room for."""
    rows = list(result.columns)
    names = ("column", "kind", "before", "after", "category", "divergence", "p_value")
    shown = [{name: row[name] for name in names} for row in rows[:_SHOWN]]
    if not any(row["category"] for row in shown):
        shown = [{name: value for name, value in row.items() if name != "category"} for row in shown]
    alone = ""
    if result.moved and not result.shifted:
        names_of = listed(result.moved[:_SHOWN], plain)
        alone = f"The test of all columns together rejects nothing, that of single columns does: {names_of} moved; "
    legend = alone + "before and after are means, or the shares of a category; the p-value is adjusted for all columns."
    if any(row["kind"] == "dependence" for row in shown):
        legend += " (joint) is what the joint distribution adds to the columns by themselves."
    title = f"Columns, {min(_SHOWN, len(rows))} of {len(rows)}, the clearest change first"
    return Table.from_rows(title, shown, units={"divergence": "nat"} if shown else None, metadata={"legend": legend})


def _of_shift(result: Any) -> Iterator[str]:
    if result.shifted:
        names = ", ".join(result.changed) or "no quantity alone, but all of them together"
        yield (
            f"shifted: p is at most the level {result.level:g}; changed by more than twice the standard error: {names}."
            " Check the model on new rows with targets; pm.mix computes the loss of one model for old and new rows."
        )
    else:
        if result.moved:
            yield (
                f"not-shifted: p is above the level {result.level:g} for energy, entropy and divergence together, but "
                f"the test of single columns rejects: {listed(result.moved[:_SHOWN], plain)} moved."
            )
        else:
            yield (
                f"not-shifted: p is above the level {result.level:g}: these rows are no reason to retrain. A shift too "
                "small for their number is not excluded."
            )
    if not result.temperature_defined:
        yield f"T is undefined: {why_undefined(result)}."


SHIFT = Record(
    lines={
        "p_value": Quantity("p", note="energy, entropy and divergence together"),
        "energy_change": Quantity("change of E", "loss", "energy_change_error"),
        "entropy_change": Quantity("change of S", "nat", "entropy_change_error"),
        "divergence": Quantity("divergence", "nat", "divergence_error", note="of the new density from the old one"),
        "cross_entropy": Quantity("excess", "nat", "cross_entropy_error", note="of the new rows under the old density"),
        "temperature": Quantity("T", "loss/nat", "temperature_error", note="of the second kind (2.9)"),
    },
    elsewhere=frozenset({"before", "after", "level", "verdict", "temperature_defined", "columns"}),
    tables=lambda result: [clearest(result)] if len(result.columns) else [],
    heading=lambda result: (
        f"{result.verdict}: {number_of(result.before.rows, 'row')} before, {result.after.rows} after"
    ),
    sentences=_of_shift,
)


def _of_reading(reading: Any) -> Iterator[str]:
    if reading.alarm:
        which = f" Columns that have changed most clearly: {listed(reading.columns, plain)}." if reading.columns else ""
        yield f"alarm: the distribution of the data has changed.{which} `monitor.event` says since which batch."


READING = Record(
    lines={
        "energy": Quantity("E", "loss"),
        "entropy": Quantity("S", "nat"),
        "divergence": Quantity("divergence", "nat", note="from the reference"),
        "temperature": Quantity("T, first kind", "loss/nat"),
        "neighbour": Quantity("T, second kind", "loss/nat", note="from the batch before (2.9)"),
        "p_value": Quantity("p", note="this batch against the reference"),
        "pooled": Quantity("p, pooled", note="the last batches together"),
        "window": Quantity("batches", note="in that pool"),
    },
    elsewhere=frozenset({"rows", "alarm", "name", "columns"}),
    heading=lambda reading: (
        f"{plain(reading.name)}{': ' * bool(reading.name)}{'' if reading.alarm else 'no '}alarm, "
        f"{number_of(reading.rows, 'row')}"
    ),
    sentences=_of_reading,
)

EVENT = Record(
    lines={
        "batch": Quantity("batch", note="of the first alarm"),
        "window": Quantity("pool", note="batches, up to this one, that differ together"),
        "p_value": Quantity("p", note="of that test"),
        "began": Quantity("began", note="batch at which the change most probably began"),
        "earliest": Quantity("earliest", note="of 95 % of the posterior probability"),
        "latest": Quantity("latest"),
        "batches": Quantity("batches", note="since it began"),
        "rows": Quantity("rows", note="since it began"),
    },
)

DRIFT = Record(
    lines={
        "time": Quantity("time"),
        "energy": Quantity("E", "loss"),
        "energy_slope": Quantity("dE/dt", "loss/time", "energy_slope_error"),
        "entropy": Quantity("S", "nat"),
        "entropy_slope": Quantity("dS/dt", "nat/time", "entropy_slope_error"),
        "temperature": Quantity("T", "loss/nat", "temperature_error", note="(dE/dt)/(dS/dt) (2.11)"),
        "temperature_low": Quantity("from", "loss/nat", note="95 % at each time"),
        "temperature_high": Quantity("to", "loss/nat"),
        "verdict": Quantity("verdict"),
    },
    heading=lambda result: number_of(len(result.time), "time"),
    over="time",
    axes=1,
)


def _of_mixture(mixture: Any) -> Iterator[str]:
    if np.ndim(mixture.heat_a):
        return
    if mixture.test == "none":
        yield "no test of the pooling loss: see `test`. Judge the loss by its size."
    elif mixture.p_value <= _LEVEL:
        yield "p is at most 0.05: one model for both fits worse than two by more than chance. Do not simply pool them."
    else:
        yield "p is above 0.05: the rows do not show that one model for both fits worse than two."
    if "undefined" in (mixture.a.verdict, mixture.b.verdict, mixture.mixed.verdict):
        yield from verdict_sentences(mixture.mixed)
    elif not mixture.between:
        yield "the mixed temperature is not between the two: that holds in the limit of large scales only."


MIXTURE = Record(
    lines={
        "temperature_a": Quantity("T of a", "loss/nat"),
        "temperature_b": Quantity("T of b", "loss/nat"),
        "temperature_mixed": Quantity("T of both", "loss/nat"),
        "limit_a": Quantity("limit of a", "loss/nat", note="for large scales (3.51)"),
        "limit_b": Quantity("limit of b", "loss/nat"),
        "limit_mixed": Quantity("limit of both", "loss/nat"),
        "heat_a": Quantity("heat of a", "loss", note="change of E by mixing, times its share of rows"),
        "heat_b": Quantity("heat of b", "loss"),
        "pooling_loss": Quantity("pooling loss", "loss", note="excess of one model for both over two"),
        "p_value": Quantity("p", note="of that loss if one model holds"),
        "test": Quantity("test"),
        "between": Quantity("T between"),
    },
    elsewhere=frozenset({"a", "b", "mixed", "rows_a", "rows_b"}),
    heading=lambda mixture: f"{mixture.rows_a} and {number_of(mixture.rows_b, 'row')}",
    sentences=_of_mixture,
    over="heat_a",
)
