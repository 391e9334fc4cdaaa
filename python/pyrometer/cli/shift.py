"""``pyrometer shift``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._data import Selection
from pyrometer.cli._numbers import Whole
from pyrometer.cli._options import (
    block_option,
    data_options,
    fail_option,
    labels_of,
    level_option,
    loss_unit,
    output_options,
    plot_option,
    state_model_options,
    threads_option,
    weights_option,
)
from pyrometer.cli._output import emit, form_of, is_single, require_apart
from pyrometer.cli._program import conclude
from pyrometer.cli._rows import row_of, units_of
from pyrometer.cli._samples import NO_MODEL, Options, samples

if TYPE_CHECKING:
    from pyrometer.results import Table
    from pyrometer.states import Shift

__all__ = ["command"]


@click.command("shift")
@click.argument("before")
@click.argument("after")
@data_options
@weights_option
@state_model_options("BEFORE")
@block_option(1)
@click.option(
    "--density",
    type=click.Choice(["gaussian", "kernel", "mixture"]),
    default="gaussian",
    show_default=True,
    help="Density of the features.",
)
@click.option("--resamples", type=Whole(min=99), default=999, show_default=True, help="For errors and p.")
@click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of the resampling.")
@threads_option
@level_option
@fail_option("shift")
@output_options
@plot_option("the columns that have changed most, before and after")
def command(
    before: str,
    after: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    energy: str,
    labels: tuple[str, str] | None,
    intercept: bool,
    prediction: str | None,
    block: Any,
    density: str,
    resamples: int,
    seed: int,
    threads: int | None,
    level: float,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Test whether the data of BEFORE and AFTER differ under the model that BEFORE trains, and print what has changed.

    BEFORE and AFTER are CSV, Parquet or Arrow files with the same columns; - is CSV on standard input. The first line
    has the verdict of the test, then come the changes of energy, entropy and divergence, and their temperature where it
    is defined, and the five columns whose change is clearest. Columns may hold numbers or categories, with missing
    values; the model is one of the numbers that are complete. With --energy none the columns are compared alone. The
    exit code is 1 where a --fail-on condition holds, else 0, whatever the verdict.
    """
    require_apart({"--output": output, "--plot": plot}, [before, after])
    options = Options(energy, labels_of(energy, labels), prediction, intercept, block, density)
    old, new = samples(before, after, Selection(target, drop, columns, csv, weights), options)

    from pyrometer._version import __version__
    from pyrometer.states import clearest, retraining, shift

    # The states are made: the model is that of their rows.
    result = shift(old.state, new.state, level=level, resamples=resamples, rng=seed, threads=threads)
    loss, made = loss_unit(energy, target or ""), form_of(form, output)
    provenance = {
        "pyrometer": __version__,
        "before": old.source,
        "after": new.source,
        "rows before": result.before.rows,
        "rows after": result.after.rows,
        **({"target": target} if energy != NO_MODEL else {}),
        **({"weights": weights} if weights is not None else {}),
        **({"intercept": intercept} if energy != NO_MODEL and prediction is None else {}),
        "energy": energy,
        **({"labels": " ".join(labels)} if labels else {}),
        "block": result.before.block,
        "density": density,
        "resamples": resamples,
        "seed": seed,
        **old.about,
        **({"not computed": result.reason} if result.reason else {}),
        **({"note": result.note} if result.note else {}),
    }
    retrain = "" if new.test is None else retraining(result.p_value, new.test[1], new.test[0], level)
    if retrain and made != "table":
        provenance["retrain"] = retrain
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import columns as draw
        from pyrometer.plot import drawn

        both = {f"before: {old.source}": old, f"after: {new.source}": new}
        held = {name: each.drawable for name, each in both.items()}
        heavy = {name: each.weights for name, each in both.items() if each.weights is not None}
        if rows := len(drawn(result.columns, held)):
            with figure(plot, rows, shared=False) as ax:
                draw(result.columns, held, weights=heavy, ax=ax)
    if made == "table":
        tables = [_for_terminal(result, loss, retrain), clearest(result)]
    else:
        tables = [_record(result, loss)] if is_single(made) else [_record(result, loss), result.columns]
    emit([table for table in tables if len(table)], provenance, made, output)
    conclude({"shifted": result.shifted, "undefined": not result.temperature_defined}, fail_on)


def _record(result: Shift, loss: str) -> Table:
    """Return a table of one row with the names of `Shift`, the verdict first."""
    from pyrometer.results import Table

    first = {name: getattr(result, name) for name in ("verdict", "level", "p_value")}
    row = first | {"changed": " ".join(result.changed)} | row_of(result)
    return Table.from_rows("Shift", [row], units=units_of(row, loss))


def _for_terminal(result: Shift, loss: str, retrain: str) -> Table:
    """Return the table for a terminal: its title is the verdict of the test, its rows are the changes."""
    from pyrometer.results import Table
    from pyrometer.states import why_undefined

    quantities = {
        "energy": (result.energy_change, result.energy_change_error, loss),
        "entropy": (result.entropy_change, result.entropy_change_error, "nat"),
        "divergence": (result.divergence, result.divergence_error, "nat"),
    }
    alone = not loss  # no model, and no energy
    rows = [
        {
            "quantity": name,
            "change": change,
            "standard_error": error,
            "unit": unit,
            "verdict": "unknown" if math.isnan(error) else "changed" if name in result.changed else "not changed",
        }
        for name, (change, error, unit) in quantities.items()
        if not (alone and name == "energy")
    ]
    if alone:
        legend = ["the columns alone are compared: there is no energy, and no temperature"]
    elif result.temperature_defined:
        legend = [f"T = energy/entropy = {result.temperature:.6g} ± {result.temperature_error:.3g} {loss}/nat"]
    else:
        legend = [f"T = energy/entropy is undefined: {why_undefined(result)}"]
    if result.shifted and not result.changed:
        legend.append("no quantity has changed by more than twice its standard error alone, but together they have")
    said = "Shifted" if result.shifted else "Not shifted"
    title = f"{said} at the level {result.level:g}: p = {result.p_value:.3g}"
    return Table.from_rows(
        title, rows, metadata={"legend": "; ".join(legend) + "." + f" Retrain? {retrain}" * bool(retrain)}
    )
