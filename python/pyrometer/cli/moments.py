"""``pyrometer moments``."""

from __future__ import annotations

import click

from pyrometer.cli._options import column_options, read

__all__ = ["command"]


@click.command("moments", short_help="Save the second moments of a file.")
@click.argument("data")
@click.option("--target", metavar="COL", required=True, help="Column of the target.")
@column_options
@click.option("--intercept/--no-intercept", default=True, show_default=True, help="A constant feature.")
@click.option("--output", metavar="FILE", required=True, help="File of the moments.")
def command(data: str, target: str, drop: tuple[str, ...], columns: str | None, intercept: bool, output: str) -> None:
    """Save the second moments of DATA: all that squared-error temperatures need of its rows.

    DATA is a CSV, Parquet or Arrow file; - is CSV on standard input. Read the result with pyrometer.Moments.load.
    """
    from pyrometer.moments import Moments

    subject = read(data, target, drop, columns, standardize=False)
    made = Moments.of(subject.X, subject.y, intercept=intercept)
    named = Moments(
        made.count, made.mean, made.scatter, intercept=intercept, names=subject.names, target=subject.target
    )
    named.save(output)
    click.echo(f"{output}: {made.count} rows, {len(subject.names)} features, target {subject.target}", err=True)
