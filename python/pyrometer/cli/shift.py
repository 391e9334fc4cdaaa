"""``pyrometer shift``."""

from __future__ import annotations

from typing import Any

import click

from pyrometer.cli._data import Selection, read_two
from pyrometer.cli._options import (
    alpha_option,
    data_options,
    energy_options,
    fail_option,
    intercept_option,
    labels_of,
    loss_unit,
    output_options,
    plot_option,
    threads_option,
)
from pyrometer.cli._output import emit, form_of, require_apart
from pyrometer.cli._program import CONDITION, UNDECIDED, leave

__all__ = ["command"]


@click.command("shift", short_help="Compare two files under the model of the first.")
@click.argument("before")
@click.argument("after")
@data_options
@energy_options
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
@alpha_option
@fail_option(["shifted", "undefined"], "if the data have moved (at --alpha), or where T is undefined")
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
    alpha: float,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Print what moved between BEFORE and AFTER under the model that BEFORE trains: energy, entropy, divergence, T.

    BEFORE and AFTER are CSV, Parquet or Arrow files with the same columns; - is CSV on standard input. Exit codes: 1
    where a --fail-on condition holds, 3 where T is undefined and nobody asked.
    """
    require_apart({"--output": output, "--plot": plot}, [before, after])
    old, new = read_two(before, after, Selection(target, drop, columns, csv), labels_of(energy, labels))
    target = old.target

    from pyrometer._version import __version__
    from pyrometer.linear import system_of
    from pyrometer.results import Table
    from pyrometer.states import as_state, shift

    model = system_of(energy, old.X, old.y, intercept=intercept)
    states = [
        as_state(subject.source, (subject.X, subject.y), model, None, block, density, names=subject.names)
        for subject in (old, new)
    ]
    found = shift(*states, model=model, resamples=resamples, rng=seed, threads=threads)
    loss = loss_unit(energy, target)
    row = {
        "dE": found.energy_change,
        "s.e. dE": found.energy_change_error,
        "dS": found.entropy_change,
        "s.e. dS": found.entropy_change_error,
        "KL": found.divergence,
        "s.e. KL": found.divergence_error,
        "T": found.temperature,
        "s.e. T": found.temperature_error,
        "p": found.p_value,
        "verdict": found.verdict,
    }
    units = dict.fromkeys(("dE", "s.e. dE"), loss) | dict.fromkeys(("T", "s.e. T"), f"{loss}/nat") | {"p": "1"}
    units |= dict.fromkeys(("dS", "s.e. dS", "KL", "s.e. KL"), "nat")
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
        from pyrometer.cli._plot import save_residuals
        from pyrometer.states import predicted

        residuals = {}
        for when, subject in (("before", old), ("after", new)):
            _, y, prediction, *_ = predicted(subject.X, subject.y, model, None)
            residuals[f"{when}: {subject.source}"] = y - prediction
        save_residuals(plot, residuals, target)
    emit([Table.from_rows("Shift", [row], units=units)], provenance, form_of(form, output), output)
    shifted = found.p_value <= alpha
    if ("shifted" in fail_on and shifted) or ("undefined" in fail_on and found.verdict == "undefined"):
        leave(CONDITION, "a condition that --fail-on names holds")
    if not fail_on and found.verdict == "undefined":
        leave(UNDECIDED, "the entropy has not changed beyond its noise, the temperature is undefined")
