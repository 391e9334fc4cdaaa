"""``pyrometer report``."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._data import Selection, read
from pyrometer.cli._layers import SCALED, Activations, Widths
from pyrometer.cli._numbers import Whole
from pyrometer.cli._options import (
    data_options,
    energy_options,
    intercept_option,
    labels_of,
    law_of,
    law_options,
    one_of,
    standardize_option,
)
from pyrometer.cli._output import require_apart
from pyrometer.data.readers import readable_again
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    from pyrometer.results import HeatEngine
    from pyrometer.states import Shift

__all__ = ["command"]


def _page(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.lower().endswith((".html", ".htm")):
        raise click.BadParameter(f"must end in .html, got {value!r:.80}.")
    return value


@click.command("report")
@click.argument("data")
@data_options
@standardize_option(True)
@energy_options
@law_options
@intercept_option
@click.option("--hidden", type=Widths(), metavar="N,N,...", help="Add the layers of a network with these widths.")
@click.option(
    "--activation", type=Activations(), default="relu", show_default=True, help="With --hidden, as of `network`."
)
@click.option(
    "--layer-init",
    default="he-normal",
    show_default=True,
    **one_of([*SCALED, "torch"], "With --hidden, the law of the layers."),
)
@click.option("--against", metavar="OLD", help="Add the shift from the file OLD, under the model that OLD trains.")
@click.option("--title", help="Heading of the page.  [default: the name of DATA]")
@click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of draws and resamples.")
@click.option("--output", metavar="FILE", required=True, callback=_page, help="The page, an .html file.")
def command(
    data: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    standardize: bool,
    energy: str,
    labels: tuple[str, str] | None,
    init: str,
    scale: float | None,
    length: float | None,
    bound: float | None,
    intercept: bool,
    hidden: tuple[int, ...] | None,
    activation: str,
    layer_init: str,
    against: str | None,
    title: str | None,
    seed: int,
    output: str,
) -> None:
    """Write one HTML page on DATA: temperature across scales, minimum, limits, layers of a network, shift.

    DATA is a CSV, Parquet or Arrow file that fits into memory. The page opens anywhere, without a network, and prints.
    """
    require_apart({"--output": output}, [data, *([against] if against else [])])
    law, widths = law_of(init, scale, length, bound)
    pair = labels_of(energy, labels)
    selection = Selection(target, drop, columns, csv)
    with readable_again():
        subject = read(data, selection, standardize=standardize, labels=pair)
        comparison = (
            None if against is None else _shift(against, data, selection, energy, pair, intercept=intercept, seed=seed)
        )

    import pyarrow as pa

    from pyrometer import report
    from pyrometer.linear import system_of

    features = pa.table(dict(zip(subject.names, subject.X.T, strict=True)))  # with the names of the columns
    system = system_of(energy, features, subject.y, intercept=intercept)
    layers = None if hidden is None else _layers(subject, hidden, activation, layer_init, energy, seed)
    facts = {
        "data": subject.source,
        "target": subject.target,
        "rows": system.rows,
        "features": f"{subject.features}: {', '.join(subject.names)}",
        "energy": energy,
        "intercept": "yes" if intercept else "no",
        "law": " ".join([init, *(f"{name} {value:g}" for name, value in widths.items())]),
        "seed": seed,
        **({"before": against} if against else {}),
    }
    report.html(
        output,
        system,
        law,
        layers=layers,
        shift=comparison,
        title=title or subject.source,
        facts=facts,
        command=shlex.join(["pyrometer", *sys.argv[1:]]),
        rng=seed,
    )


def _layers(subject: Any, hidden: tuple[int, ...], activation: str, init: str, energy: str, seed: int) -> HeatEngine:
    from pyrometer import networks

    phi = activation.split(",") if "," in activation else activation
    loss = "ce" if LOSSES[energy].categorical else "mse"
    network = networks.Network(subject.X, subject.y, hidden=hidden, activation=phi, energy=loss)
    law = networks.TorchLinear() if init == "torch" else getattr(networks, SCALED[init])()
    return networks.heat_engine(network, law, rng=seed)


def _shift(
    before: str, after: str, selection: Selection, energy: str, labels: Any, *, intercept: bool, seed: int
) -> Shift:
    from pyrometer.cli._samples import Options, samples
    from pyrometer.states import shift

    old, new = samples(before, after, selection, Options(energy, labels, None, intercept, 1, "gaussian"))
    return shift(old.state, new.state, rng=seed)
