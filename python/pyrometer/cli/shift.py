"""``pyrometer shift``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._data import Selection, read_two
from pyrometer.cli._options import (
    data_options,
    fail_option,
    intercept_option,
    labels_of,
    level_option,
    loss_unit,
    output_options,
    plot_option,
    state_energy_options,
    threads_option,
)
from pyrometer.cli._output import emit, form_of, require_apart
from pyrometer.cli._program import conclude
from pyrometer.cli._rows import row_of, units_of

if TYPE_CHECKING:
    from pyrometer.results import Table
    from pyrometer.states import Shift

__all__ = ["command"]


@click.command("shift")
@click.argument("before")
@click.argument("after")
@data_options
@state_energy_options
@intercept_option
@click.option(
    "--block",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Neighbouring rows that belong together: above 1 for series.",
)
@click.option(
    "--density",
    type=click.Choice(["gaussian", "kernel", "mixture"]),
    default="gaussian",
    show_default=True,
    help="Density of the features.",
)
@click.option("--resamples", type=click.IntRange(min=99), default=999, show_default=True, help="For errors and p.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the resampling.")
@threads_option
@level_option
@fail_option("shift")
@output_options
@plot_option("the residuals before and after")
def command(
    before: str,
    after: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    energy: str,
    labels: tuple[str, str] | None,
    intercept: bool,
    block: int,
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
    is defined. The exit code is 1 where a --fail-on condition holds, else 0, whatever the verdict.
    """
    require_apart({"--output": output, "--plot": plot}, [before, after])
    old, new = read_two(before, after, Selection(target, drop, columns, csv), labels_of(energy, labels))
    target = old.target

    from pyrometer._version import __version__
    from pyrometer.linear import system_of
    from pyrometer.states import as_state, shift

    model: Any = system_of(energy, old.X, old.y, intercept=intercept)
    states = [
        as_state(subject.source, (subject.X, subject.y), model, None, block, density, names=subject.names)
        for subject in (old, new)
    ]
    found = shift(*states, model=model, level=level, resamples=resamples, rng=seed, threads=threads)
    loss, made = loss_unit(energy, target), form_of(form, output)
    provenance = {
        "pyrometer": __version__,
        "before": old.source,
        "after": new.source,
        "rows before": found.before.rows,
        "rows after": found.after.rows,
        "target": target,
        "intercept": intercept,
        "energy": energy,
        **({"labels": " ".join(labels)} if labels else {}),
        "block": block,
        "density": density,
        "resamples": resamples,
        "seed": seed,
        **({"not computed": found.reason} if found.reason else {}),
    }
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import residuals
        from pyrometer.states import predicted

        samples = {}
        for when, subject in (("before", old), ("after", new)):
            _, y, prediction, *_ = predicted(subject.X, subject.y, model, None)
            samples[f"{when}: {subject.source}"] = y - prediction
        with figure(plot) as ax:
            residuals(samples, target=target, ax=ax)
    table = _for_the_eye(found, loss) if made == "table" else _record(found, loss)
    emit([table], provenance, made, output)
    conclude({"shifted": found.shifted, "undefined": not found.temperature_defined}, fail_on)


def _record(found: Shift, loss: str) -> Table:
    """Return a table of one row with the names of `Shift`, the verdict first."""
    from pyrometer.results import Table

    first = {name: getattr(found, name) for name in ("verdict", "level", "p_value")}
    row = first | {"changed": " ".join(found.changed)} | row_of(found)
    return Table.from_rows("Shift", [row], units=units_of(row, loss))


def _for_the_eye(found: Shift, loss: str) -> Table:
    """Return the table for a terminal: its title is the verdict of the test, its rows are the changes."""
    from pyrometer.results import Table

    quantities = {
        "energy": (found.energy_change, found.energy_change_error, loss),
        "entropy": (found.entropy_change, found.entropy_change_error, "nat"),
        "divergence": (found.divergence, found.divergence_error, "nat"),
    }
    rows = [
        {
            "quantity": name,
            "change": change,
            "standard_error": error,
            "unit": unit,
            "verdict": "unknown" if math.isnan(error) else "changed" if name in found.changed else "not changed",
        }
        for name, (change, error, unit) in quantities.items()
    ]
    if found.temperature_defined:
        legend = [f"T = energy/entropy = {found.temperature:.6g} ± {found.temperature_error:.3g} {loss}/nat"]
    elif math.isnan(found.entropy_change_error):
        legend = ["T = energy/entropy is undefined: the standard error of the entropy's change is unknown"]
    else:
        legend = ["T = energy/entropy is undefined: the entropy has not changed by more than twice its standard error"]
    if found.shifted and not found.changed:
        legend.append("no quantity has changed by more than twice its standard error alone, but together they have")
    said = "Shifted" if found.shifted else "Not shifted"
    title = f"{said} at the level {found.level:g}: p = {found.p_value:.3g}"
    return Table.from_rows(title, rows, metadata={"legend": "; ".join(legend) + "."})
