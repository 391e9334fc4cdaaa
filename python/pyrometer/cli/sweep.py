"""``pyrometer sweep``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from pyrometer.base import number_of
from pyrometer.cli._options import threads_option
from pyrometer.cli._terminal import tell

if TYPE_CHECKING:
    from pyrometer.cli._checkpoint import Parts
    from pyrometer.cli._sweep_config import Config
    from pyrometer.results import Table

__all__ = ["command"]


@click.command("sweep")
@click.argument("config", type=click.Path(exists=True, dir_okay=False))
@threads_option
def command(config: str, threads: int | None) -> None:
    """Compute the temperatures of many systems under many laws, as CONFIG, a TOML file, describes them.

    \b
    # Paths are relative to CONFIG.
    output = "sweep.parquet"  # or .csv, .json
    # auto, exact, refined, asymptotic, monte-carlo, ...
    method = "auto"           # default; or a list of these
    samples = 10000           # of monte-carlo; with seed = 0
    resolution = 1.0

    \b
    [systems.squares]         # as many as you like
    # CSV, Parquet or Arrow; a folder or a pattern of files
    data = "rows.csv"
    target = "price"
    # all but the target by default; or drop = ["id"]
    columns = ["a", "b"]
    standardize = true        # default: false
    energy = "mse"            # or mae, ce
    l2 = 0.1                  # or l1; default: no penalty
    intercept = true

    \b
    [systems.net]
    data = "rows.csv"
    target = "price"
    hidden = [64, 64]         # makes it a network
    energy = "mse"            # or "ce": a target of labels
    # or ["relu", "tanh"], one for each hidden layer
    activation = "tanh"
    bias = false

    \b
    [laws.wide]
    # Uniform: length; HeNormal, GlorotUniform, ...: gain
    kind = "Normal"
    # 50 laws, from 10^0 to 10^4; or a number, or a list
    scale = {logspace = [0, 4, 50]}

    Laws of networks alone: kind = "Layers", weights = {kind = "HeNormal", gain = 1, truncated = true} or a list of such
    laws, one for each layer, biases = {kind = "Normal", scale = 0.1} likewise, by default zeros.

    Every law must fit every system. Finished parts are kept in the folder OUTPUT.parts: a run that was stopped goes on
    where it was; a second run beside it is refused. A folder of this name that is not a sweep's is refused. OUTPUT
    appears when all is done, and is whole.
    """  # noqa: D301 - the command line wants the character, not its name
    from pyrometer.cli._checkpoint import Parts
    from pyrometer.cli._sweep_config import load

    described = load(config, threads)
    with contextlib.closing(Parts(described.output, described.key, described.plan)) as parts:
        table = _computed(described, parts)
        table.save(described.output)
        if not parts.remove():
            tell(f"note: {described.output}.parts stays: it holds files that do not belong to a sweep")
    tell(f"{described.output}: {number_of(len(table), 'row')}")


def _computed(described: Config, parts: Parts) -> Table:
    """Compute the parts that are not finished, and return the table of all."""
    from pyrometer.base import bar
    from pyrometer.sweeps import Sheet, answered, warn_of_few

    plan, sheet = described.plan, Sheet(described.plan)
    with bar(True, "sweep", "rows", plan.rows) as advance:
        for part, answers in parts.finished():
            advance(sheet.fill(part, answers))
        try:
            for part, answers in answered(plan, None, parts.left()):
                parts.keep(answers)
                advance(sheet.fill(part, answers))
        except KeyboardInterrupt:
            tell("note: run the same command again to continue from here")
            raise
        finally:
            parts.flush()
    table = sheet.table(described.about)
    warn_of_few(table)
    return table
