"""``pyrometer moments``."""

from __future__ import annotations

from typing import Any

import click

from pyrometer.base import number_of, plain
from pyrometer.cli._data import Selection
from pyrometer.cli._options import (
    chunk_option,
    data_options,
    intercept_option,
    standardize_option,
    weights_option,
)
from pyrometer.cli._output import require_apart
from pyrometer.cli._terminal import tell

__all__ = ["command"]


@click.command("moments")
@click.argument("data")
@data_options
@weights_option
@standardize_option(False)
@intercept_option
@chunk_option
@click.option("--output", metavar="FILE", required=True, help="File of the moments.")
def command(
    data: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    standardize: bool,
    intercept: bool,
    chunk_rows: int | None,
    output: str,
) -> None:
    """Save the second moments of DATA: all that squared-error temperatures need of its rows.

    DATA is a CSV, Parquet or Arrow file, a folder or a quoted pattern of such files; - is CSV on standard input. It is
    read chunk by chunk, and may be larger than memory. Read the result with pyrometer.Moments.load.
    """
    from pyrometer.data import Moments

    require_apart({"--output": output}, [data])
    made = Moments.scan(
        data,
        intercept=intercept,
        chunk_rows=chunk_rows,
        standardize=standardize,
        progress=True,
        **Selection(target, drop, columns, csv, weights).options(),
    )
    made.save(output)
    rows = number_of(made.rows, "row") + (f" of weight {made.count:.6g}" if made.weighted else "")
    tell(f"{output}: {rows}, {number_of(made.parameters - intercept, 'feature')}, target {plain(str(target))}")
