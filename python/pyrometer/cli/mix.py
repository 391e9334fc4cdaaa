"""``pyrometer mix``."""

from __future__ import annotations

from typing import Any

import click

from pyrometer.cli._data import Selection, named, target_name, two_systems
from pyrometer.cli._options import (
    alpha_option,
    data_options,
    energy_options,
    fail_option,
    intercept_option,
    labels_of,
    law_of,
    law_options,
    loss_unit,
    output_options,
    resolution_option,
)
from pyrometer.cli._output import emit, form_of, is_single, require_apart
from pyrometer.cli._program import CONDITION, UNDECIDED, leave

__all__ = ["command"]


@click.command("mix", short_help="Put two files together: heat, pooling loss and its test.")
@click.argument("a")
@click.argument("b")
@data_options
@energy_options
@law_options
@intercept_option
@resolution_option
@alpha_option
@fail_option(["different", "not-between"], "if one model does not hold for both (at --alpha), or if T is not between")
@output_options
def command(
    a: str,
    b: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    energy: str,
    labels: tuple[str, str] | None,
    init: str,
    scale: float | None,
    length: float | None,
    intercept: bool,
    resolution: float,
    alpha: float,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
) -> None:
    """Print the temperatures of the data in A, in B and in both, the heat between them, and what pooling them costs.

    A and B are CSV, Parquet or Arrow files with the same columns, or moments that the command moments has saved; - is
    CSV on standard input. For retraining, A is the old data and B the new: the pooling loss is what one model for both
    gives away. CSV is one table, the pooling in every row. Exit codes: 1 where a --fail-on condition holds, 3 where one
    cannot be decided, or where a T is undefined and nobody asked.
    """
    require_apart({"--output": output}, [a, b])
    law, widths = law_of(init, scale, length)
    selection, pair = Selection(target, drop, columns, csv), labels_of(energy, labels)

    from pyrometer._version import __version__
    from pyrometer.results import Table
    from pyrometer.states import mix

    first, second = two_systems(a, b, selection, energy=energy, labels=pair, intercept=intercept)
    target = target_name(target, first, second)
    mixture = mix(first, second, law, resolution=resolution)
    undefined = "undefined" in (mixture.a.verdict, mixture.b.verdict, mixture.mixed.verdict)
    loss = loss_unit(energy, target)
    rows = [
        {
            "data": name,
            "rows": count,
            "E": part.energy,
            "E*": part.minimum_energy,
            "S": part.entropy,
            "T": part.value,
            "T limit": limit,
            "heat": heat,
            "verdict": part.verdict,
        }
        for name, count, part, limit, heat in (
            ("a", mixture.rows_a, mixture.a, mixture.limit_a, mixture.heat_a),
            ("b", mixture.rows_b, mixture.b, mixture.limit_b, mixture.heat_b),
            ("both", mixture.rows_a + mixture.rows_b, mixture.mixed, mixture.limit_mixed, 0.0),
        )
    ]
    units = {"rows": "1", "S": "nat"} | dict.fromkeys(("E", "E*", "heat"), loss)
    units |= dict.fromkeys(("T", "T limit"), f"{loss}/nat")
    pooling = {
        "pooling loss": mixture.pooling_loss,
        "test": mixture.test,
        "p": mixture.p_value,
        "between": "undefined" if undefined else "yes" if mixture.between else "no",
    }
    of_pooling = {"pooling loss": loss, "p": "1"}
    made = form_of(form, output)
    if is_single(made):
        tables = [Table.from_rows("Mixture", [row | pooling for row in rows], units=units | of_pooling)]
    else:
        tables = [
            Table.from_rows("Temperatures", rows, units=units),
            Table.from_rows("Pooling", [pooling], units=of_pooling),
        ]
    provenance = {
        "pyrometer": __version__,
        "a": named(a),
        "b": named(b),
        "target": target,
        "features": "raw",
        "intercept": first.intercept,
        "energy": energy,
        **({"labels": " ".join(labels)} if labels else {}),
        "law": init,
        **widths,
        "resolution": resolution,
    }
    emit(tables, provenance, made, output)
    different = mixture.test != "none" and mixture.p_value < alpha
    not_between = not undefined and not mixture.between
    if ("different" in fail_on and different) or ("not-between" in fail_on and not_between):
        leave(CONDITION, "a condition that --fail-on names holds")
    if "different" in fail_on and mixture.test == "none":
        leave(UNDECIDED, "--fail-on different cannot be decided: this loss or these rows have no test")
    if undefined and set(fail_on) != {"different"}:
        leave(UNDECIDED, "an entropy is 0, its temperature undefined; --resolution chooses another cell")
