"""``pyrometer mix``."""

from __future__ import annotations

from typing import Any

import click

from pyrometer.cli._data import Selection, named, target_name, two_systems
from pyrometer.cli._options import (
    data_options,
    energy_options,
    fail_option,
    intercept_option,
    labels_of,
    law_of,
    law_options,
    level_option,
    loss_unit,
    output_options,
    plot_option,
    resolution_option,
    run_options,
    weights_option,
)
from pyrometer.cli._output import emit, form_of, is_single, require_apart
from pyrometer.cli._program import UNDECIDED, conclude, leave
from pyrometer.cli._rows import row_of, units_of

__all__ = ["command"]


@click.command("mix")
@click.argument("a")
@click.argument("b")
@data_options
@weights_option
@energy_options
@law_options
@intercept_option
@resolution_option
@run_options
@level_option
@fail_option("mix")
@output_options
@plot_option("the temperatures of the two and of both")
def command(
    a: str,
    b: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    energy: str,
    labels: tuple[str, str] | None,
    init: str,
    scale: float | None,
    length: float | None,
    bound: float | None,
    intercept: bool,
    resolution: float,
    samples: int,
    seed: int,
    threads: int | None,
    level: float,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Print the temperatures of the data in A, in B and in both, the heats, and the pooling loss with its test.

    A and B are CSV, Parquet or Arrow files with the same columns, or moments that the command moments has saved; - is
    CSV on standard input. For retraining, A is the old data and B the new: the pooling loss is the excess loss of one
    model for both. CSV is one table, the pooling in every row. Exit codes: 1 where a --fail-on condition holds, 3 where
    one cannot be decided, or where a T is undefined and no --fail-on is given.
    """
    require_apart({"--output": output, "--plot": plot}, [a, b])
    law, widths = law_of(init, scale, length, bound)
    selection, pair = Selection(target, drop, columns, csv, weights), labels_of(energy, labels)

    from pyrometer._version import __version__
    from pyrometer.results import Table
    from pyrometer.states import mix

    first, second = two_systems(a, b, selection, energy=energy, labels=pair, intercept=intercept)
    target = target_name(target, first, second)
    mixture = mix(first, second, law, resolution=resolution, samples=samples, rng=seed, threads=threads)
    undefined = "undefined" in (mixture.a.verdict, mixture.b.verdict, mixture.mixed.verdict)
    loss = loss_unit(energy, target)
    rows = [
        {"data": name, "rows": count, **row_of(part), "limit": limit, "heat": heat}
        for name, count, part, limit, heat in (
            ("a", mixture.rows_a, mixture.a, mixture.limit_a, mixture.heat_a),
            ("b", mixture.rows_b, mixture.b, mixture.limit_b, mixture.heat_b),
            ("mixed", mixture.rows_a + mixture.rows_b, mixture.mixed, mixture.limit_mixed, 0.0),
        )
    ]
    pooling = {
        "pooling_loss": mixture.pooling_loss,
        "test": mixture.test,
        "p_value": mixture.p_value,
        "between": "undefined" if undefined else "yes" if mixture.between else "no",
    }
    units, of_pooling = units_of(rows[0], loss), units_of(pooling, loss)
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
        **({"weights": weights} if weights is not None else {}),
        "features": "raw",
        "intercept": first.intercept,
        "energy": energy,
        **({"labels": " ".join(labels)} if labels else {}),
        "law": init,
        **widths,
        "resolution": resolution,
    }
    if mixture.mixed.method == "monte-carlo":
        provenance |= {"samples": samples, "seed": seed}
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import mixture as drawn

        with figure(plot) as ax:
            drawn(mixture, names=(f"a: {named(a)}", f"b: {named(b)}"), ax=ax)
    emit(tables, provenance, made, output)
    no_test = mixture.test == "none"
    held = {
        "different": None if no_test else bool(mixture.p_value < level),
        "not-between": None if undefined else not bool(mixture.between),
    }
    conclude(held, fail_on)
    if undefined and not fail_on:
        leave(UNDECIDED, "an entropy is 0 and its temperature undefined; choose another --resolution")
