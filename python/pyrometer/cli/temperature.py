"""``pyrometer temperature``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._data import Selection, linear_system, named, target_name
from pyrometer.cli._numbers import Number
from pyrometer.cli._options import (
    chunk_option,
    data_options,
    energy_options,
    fail_option,
    intercept_option,
    labels_of,
    law_of,
    law_options,
    loss_unit,
    output_options,
    plot_option,
    resolution_option,
    run_options,
    standardize_option,
    weights_option,
)
from pyrometer.cli._output import emit, form_of, require_apart
from pyrometer.cli._program import judge
from pyrometer.cli._rows import row_of, units_of
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    from pyrometer.linear import Penalty

__all__ = ["command"]

_METHODS = ["auto", "exact", "refined", "asymptotic", "monte-carlo"]


@click.command("temperature")
@click.argument("data")
@data_options
@weights_option
@standardize_option(False)
@energy_options
@law_options
@click.option("--l1", type=Number(min=0.0), metavar="LAM", help="Add LAM Σ|θ| to the energy.")
@click.option("--l2", type=Number(min=0.0), metavar="LAM", help="Add LAM Σθ² to the energy.")
@intercept_option
@chunk_option
@click.option("--method", type=click.Choice(_METHODS), default="auto", show_default=True, help="How to compute T.")
@resolution_option
@run_options
@fail_option("temperature")
@output_options
@plot_option("the energies of random parameters")
def command(
    data: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    standardize: bool,
    energy: str,
    labels: tuple[str, str] | None,
    init: str,
    scale: float | None,
    length: float | None,
    bound: float | None,
    l1: float | None,
    l2: float | None,
    intercept: bool,
    chunk_rows: int | None,
    method: str,
    resolution: float,
    samples: int,
    seed: int,
    threads: int | None,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Print the temperature of a linear model of DATA, T = (mean energy - minimum energy) / entropy.

    DATA is a CSV, Parquet or Arrow file, a folder or a quoted pattern of such files, or moments that the command
    moments has saved; - is CSV on standard input. Files that are large for the memory are read in chunks. Exit codes: 1
    where the verdict is one of --fail-on, 3 where T is undefined.
    """
    require_apart({"--output": output, "--plot": plot}, [data])
    law, widths = law_of(init, scale, length, bound)
    pair = labels_of(energy, labels)
    penalty, weight = _penalty(l1, l2)

    from pyrometer._version import __version__
    from pyrometer.results import Table
    from pyrometer.thermodynamics import temperature

    if not LOSSES[energy].penalties and penalty is not None:
        raise click.UsageError("--l1 and --l2 are for --energy mse.")
    system = linear_system(
        data,
        Selection(target, drop, columns, csv, weights),
        energy=energy,
        labels=pair,
        intercept=intercept,
        penalty=penalty,
        standardize=standardize,
        chunk_rows=chunk_rows,
    )
    target = target_name(target, system)
    answer = temperature(system, law, method=method, resolution=resolution, samples=samples, rng=seed, threads=threads)
    row = row_of(answer)
    provenance = {
        "pyrometer": __version__,
        "data": named(data),
        "target": target,
        **({"weights": weights} if weights is not None else {}),
        "features": "standardised" if standardize else "raw",
        "rows": system.rows,
        "parameters": system.parameters,
        "intercept": system.intercept,
        "energy": energy,
        **({"labels": " ".join(labels)} if labels else {}),
        **weight,
        "law": init,
        **widths,
        "resolution": resolution,
    }
    if answer.method == "monte-carlo":
        provenance |= {"samples": samples, "seed": seed}
    table = Table.from_rows("Temperature", [row], units=units_of(row, loss_unit(energy, target)))
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import spectrum

        with figure(plot) as ax:
            spectrum(system, law, samples=samples, rng=seed, threads=threads, ax=ax)
    emit([table], provenance, form_of(form, output), output)
    judge(answer.verdict, fail_on)


def _penalty(l1: float | None, l2: float | None) -> tuple[Penalty | None, dict[str, float]]:
    from pyrometer.linear import L1, L2

    if l1 is not None and l2 is not None:
        raise click.UsageError("--l1 and --l2 exclude each other: a system has one penalty.")
    if l1 is not None:
        return L1(l1), {"l1": l1}
    return (L2(l2), {"l2": l2}) if l2 is not None else (None, {})
