"""``pyrometer tables``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._data import Selection, Subject, read
from pyrometer.cli._numbers import Number, Whole
from pyrometer.cli._options import (
    Positive,
    column_options,
    intercept_option,
    output_options,
    run_options,
    standardize_option,
    weights_option,
)
from pyrometer.cli._output import emit, form_of, is_single, require_apart

if TYPE_CHECKING:
    from pyrometer.results import Table

__all__ = ["command"]


@click.command("tables")
@click.option("--data", metavar="FILE", help="CSV, Parquet or Arrow file; - for CSV on standard input.")
@click.option("--target", metavar="COL", help="Column of the target, with --data.")
@click.option(
    "--dataset",
    type=click.Choice(["diabetes", "breast-cancer", "wine"]),
    help="Shipped data.  [default: diabetes, breast-cancer for the logistic rows, wine for softmax]",
)
@column_options
@weights_option
@standardize_option(True)
@click.option("--scale", type=Positive, default=10.0, show_default=True, help="Standard deviation σ of normal laws.")
@click.option("--length", type=Positive, help="Length L of uniform laws.  [default: 6 scale]")
@click.option("--lam", type=Number(min=0.0), default=1.0, show_default=True, help="Weight λ of the L1 and L2 rows.")
@intercept_option
@click.option("--table", "numbers", type=Whole(1, 3), multiple=True, help="Only this table; may be repeated.  [csv: 2]")
@run_options
@output_options
def command(
    data: str | None,
    target: str | None,
    dataset: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    standardize: bool,
    scale: float,
    length: float | None,
    lam: float,
    intercept: bool,
    numbers: tuple[int, ...],
    samples: int,
    seed: int,
    threads: int | None,
    form: str | None,
    output: str | None,
) -> None:
    """Print the paper's tables with numbers.

    Table 1 is the dictionary of terms, Table 2 has the energies, entropy and temperatures of every system, Table 3 the
    limits of wide laws. CSV holds one table, the second unless --table says another.
    """
    require_apart({"--output": output}, [data] if data else [])
    form = form_of(form, output)
    chosen = sorted(set(numbers)) or ([2] if is_single(form) else [1, 2, 3])
    if is_single(form) and len(chosen) > 1:
        raise click.UsageError("--format csv holds one table, got --table more than once; use json for several.")
    subject = _subject(data, target, dataset, drop, columns, csv, weights, standardize)

    from pyrometer import tables
    from pyrometer._version import __version__

    shared: dict[str, Any] = {
        "scale": scale,
        "length": length,
        "lam": lam,
        "intercept": intercept,
        "name": subject.source if subject else None,
        "features": subject.features if subject else None,
        "standardize": standardize,
        "weights": subject.weights if subject else None,
    }
    X, y = (subject.X, subject.y) if subject else (None, None)
    draws: dict[str, Any] = {"samples": samples, "rng": seed, "threads": threads}
    makers: dict[int, Callable[[], Table]] = {
        1: tables.terminology,
        2: lambda: tables.systems(X, y, **shared, **draws),
        3: lambda: tables.asymptotics(X, y, **shared),
    }
    made = [makers[number]() for number in chosen]
    provenance: dict[str, Any] = {"pyrometer": __version__}
    for table in made:
        provenance.update(table.metadata)
    provenance.pop("legend", None)
    if chosen != [1] and subject is not None:
        provenance["target"] = subject.target
        if weights is not None:
            provenance["weights"] = weights
    emit(made, provenance, form, output)


def _subject(
    data: str | None,
    target: str | None,
    dataset: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    standardize: bool,
) -> Subject | None:
    """Return the data that the options name, None for the default of the tables."""
    if data is not None:
        if dataset is not None:
            raise click.UsageError("--data and --dataset exclude each other.")
        if target is None:
            raise click.UsageError("--data needs --target COL, the column of the target.")
        return read(data, Selection(target, drop, columns, csv, weights), standardize=standardize)
    of_files = {"--target": target, "--drop": drop, "--columns": columns, "--weights": weights}
    of_files |= {f"--{name}": csv[name] for name in csv}
    for name, value in of_files.items():
        if value:
            raise click.UsageError(f"{name} needs --data FILE; the shipped data have their own target.")
    if dataset is None:
        return None
    from pyrometer import datasets

    load = {"diabetes": datasets.diabetes, "breast-cancer": datasets.breast_cancer, "wine": datasets.wine}[dataset]
    shipped = load(standardize=standardize)
    features = "standardised" if standardize else "raw"
    return Subject(shipped.X, shipped.y, shipped.feature_names, shipped.target, shipped.name, features)
