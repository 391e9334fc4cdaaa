"""``pyrometer model``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._model import inputs_of, law_option, model_of, running
from pyrometer.cli._numbers import Whole
from pyrometer.cli._options import Positive, fail_option, output_options, plot_option, resolution_option
from pyrometer.cli._output import emit, form_of, is_single, require_apart
from pyrometer.cli._program import conclude

if TYPE_CHECKING:
    from pyrometer.results import ModelLayers, Table

__all__ = ["command"]

_METHODS = ["auto", "monte-carlo"]


@click.command("model")
@click.argument("model")
@click.option(
    "--inputs",
    metavar="FILE|SHAPE",
    multiple=True,
    required=True,
    help="Inputs: .npy, .npz, a file of columns with --target, or a shape such as 32x3x28x28 of standard normal "
    "numbers, 8x128:50257 of whole numbers below 50257. Repeat it for several inputs, NAME=... for named ones.",
)
@click.option("--target", metavar="COL", help="Column of the target, where --inputs is a file of columns.")
@click.option(
    "--law",
    "laws",
    multiple=True,
    metavar="PATTERN=LAW",
    callback=law_option,
    help="Law of the parameters of a pattern of names: '*.weight=normal:0.02', uniform:LENGTH, "
    "truncated-normal:SCALE[:BOUND], constant:VALUE; the first that matches. Needed for ONNX.",
)
@click.option(
    "--mode",
    type=click.Choice(["train", "eval"]),
    default="train",
    show_default=True,
    help="How dropout and batch normalisation behave.",
)
@click.option(
    "--method", type=click.Choice(_METHODS), default="auto", show_default=True, help="How to compute energies."
)
@click.option(
    "--draws", type=Whole(min=2), default=32, show_default=True, help="Draws of the parameters, where sampled."
)
@click.option("--rtol", type=Positive, help="Relative standard error to reach by more draws.")
@click.option("--rows", type=Whole(min=1), help="Rows of the inputs.  [default: the size of their first axis]")
@resolution_option
@click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of all draws.")
@click.option("--device", metavar="NAME", help="Device of PyTorch.  [default: that of the model]")
@fail_option("model")
@output_options
@plot_option("energy per unit, temperature and gain of the layers")
def command(
    model: str,
    inputs: tuple[str, ...],
    target: str | None,
    laws: dict[str, Any],
    mode: str,
    method: str,
    draws: int,
    rtol: float | None,
    rows: int | None,
    resolution: float,
    seed: int,
    device: str | None,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Print energy, entropy and temperature of every layer of MODEL at its initialisation.

    MODEL is an ONNX file, or package.module:name, a function that builds a model of PyTorch or Keras, or a model; it is
    imported, which runs its code. Not in the paper, whose networks are fully connected. CSV holds the layers alone.
    """
    require_apart({"--output": output, "--plot": plot}, [])
    arrays, target_values = inputs_of(inputs, target, seed)
    with contextlib.redirect_stdout(sys.stderr):  # what a program prints is not the result
        subject = model_of(model)
        from pyrometer.base import library_of
        from pyrometer.models import measure

        # Only networks of scikit-learn have outputs that depend on the target.
        target_values = target_values if library_of(subject) == "scikit-learn" else None
        with running(model):
            layers = measure(
                subject,
                arrays,
                target_values,
                mode=mode,
                method=method,
                draws=draws,
                rtol=rtol,
                laws=laws or None,
                rows=rows,
                resolution=resolution,
                seed=seed,
                device=device,
            )
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import layers as drawn

        with figure(plot, rows=3) as ax:
            drawn(layers, ax=ax)
    made = form_of(form, output)
    tables = [_layers(layers, terminal=output is None) if made == "table" else _table(layers)]
    if not is_single(made):
        tables.append(_totals(layers, empty=made != "table"))
    emit(tables, _provenance(layers, model, inputs, resolution), made, output)
    regimes = {name: layers.regime == name for name in ("vanishing", "exploding")}
    conclude({**regimes, "unknown": bool(layers.entropy_unknown)}, fail_on)


def _provenance(layers: ModelLayers, model: str, inputs: Sequence[str], resolution: float) -> dict[str, Any]:
    from pyrometer._version import __version__

    about = {"pyrometer": __version__, "model": model, "inputs": " ".join(inputs), "rows": layers.rows}
    about |= {"mode": layers.mode, "resolution": resolution, "seed": layers.seed}
    return about | ({"draws": layers.draws} if layers.draws else {})


def _table(layers: ModelLayers) -> Table:
    """Return one row for each layer, without the totals."""
    from pyrometer.results import Table

    table = layers.to_table()
    return Table(table.title, dict(table.columns), dict(table.units))


def _layers(layers: ModelLayers, *, terminal: bool) -> Table:
    """Return the layers with names that are shortened to a third of the screen."""
    from pyrometer.cli._screen import width_of
    from pyrometer.results import Table, plain_text

    table = _table(layers)
    names = plain_text.short_paths(layers.name.tolist(), max(width_of(terminal) // 3, 16))
    legend = "gain: energy per unit over that of the first layer; temperature: energy/entropy."
    return Table(table.title, dict(table.columns) | {"name": names}, dict(table.units), {"legend": legend})


def _totals(layers: ModelLayers, *, empty: bool) -> Table:
    """Return the numbers of the whole model; lists of names that are empty if asked."""
    from pyrometer.results import Table

    row: dict[str, Any] = {
        "parameters": layers.total_parameters,
        "entropy": layers.total_entropy,
        "work_efficiency": layers.work_efficiency,
        "engine": layers.engine,
        "regime": layers.regime,
    }
    row |= {
        name: ", ".join(names) for name in ("unused", "entropy_unknown") if (names := getattr(layers, name)) or empty
    }
    units = {"parameters": "1", "entropy": "nat", "work_efficiency": "1"}
    return Table.from_rows("Model", [row], units=units)
