"""``pyrometer network``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from pyrometer.base import ClassCodes
from pyrometer.cli._data import Selection, read
from pyrometer.cli._layers import SCALED, Activations, Widths
from pyrometer.cli._options import (
    Positive,
    data_options,
    fail_option,
    law_of,
    loss_unit,
    one_of,
    output_options,
    plot_option,
    resolution_option,
    run_options,
    standardize_option,
)
from pyrometer.cli._output import emit, form_of, is_single, require_apart
from pyrometer.cli._program import judge
from pyrometer.cli._rows import row_of, units_of
from pyrometer.losses import LOSSES
from pyrometer.networks import ACTIVATIONS, NETWORK_LOSSES

if TYPE_CHECKING:
    from pyrometer.networks import LayerLaw
    from pyrometer.results import HeatEngine, Table

__all__ = ["command"]

_INDEPENDENT = ("normal", "uniform")
_TRUNCATED = ("lecun-normal", "glorot-normal", "he-normal")
_BIASES = ("zeros", "constant", "normal", "truncated-normal", "uniform", "torch")
_METHODS = ["auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo"]
_BAR = 20


@click.command("network")
@click.argument("data")
@data_options
@standardize_option(True)
@click.option("--hidden", type=Widths(), metavar="N,N,...", required=True, help="Widths of the hidden layers.")
@click.option(
    "--activation",
    type=Activations(),
    metavar="NAME[,NAME...]",
    default="tanh",
    show_default=True,
    help=f"Activation, or one for each hidden layer: {', '.join(ACTIVATIONS)}.",
)
@click.option(
    "--energy",
    type=click.Choice(list(NETWORK_LOSSES)),
    default="mse",
    show_default=True,
    help="The loss; for ce the target has labels, of any number of classes.",
)
@click.option("--bias/--no-bias", default=False, show_default=True, help="Biases in every layer.")
@click.option(
    "--init",
    default="lecun-normal",
    show_default=True,
    **one_of(
        [*SCALED, "torch", *_INDEPENDENT, "truncated-normal"],
        "Law of the layers; normal, uniform and truncated-normal have one scale for all.",
    ),
)
@click.option("--truncated", is_flag=True, help=f"Truncate {', '.join(_TRUNCATED)} at two deviations, as Keras does.")
@click.option("--bias-init", **one_of(_BIASES, "Law of the biases.  [default: that of their layer]"))
@click.option(
    "--bias-scale",
    type=float,
    help="Standard deviation of --bias-init normal (of truncated-normal before truncation), length of uniform, value "
    "of constant.  [default: 1]",
)
@click.option("--factor", type=Positive, help="Factor of the scales of an --init scaled by fan-in.  [default: 1]")
@click.option("--gain", type=Positive, hidden=True, help="Former name of --factor.")
@click.option("--scale", type=Positive, help="Standard deviation σ of --init [truncated-]normal.  [default: 1]")
@click.option("--length", type=Positive, help="Length L of --init uniform.  [default: 6 scale]")
@click.option("--method", default="auto", show_default=True, **one_of(_METHODS, "How to compute energies."))
@resolution_option
@click.option("--minimum", type=float, help="Trained loss, for the temperature with targets.  [default: 0]")
@run_options
@fail_option("network")
@output_options
@plot_option("the energies and temperatures of the layers")
def command(
    data: str,
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    standardize: bool,
    hidden: tuple[int, ...],
    activation: str,
    energy: str,
    bias: bool,
    init: str,
    truncated: bool,
    bias_init: str | None,
    bias_scale: float | None,
    factor: float | None,
    gain: float | None,
    scale: float | None,
    length: float | None,
    method: str,
    resolution: float,
    minimum: float | None,
    samples: int,
    seed: int,
    threads: int | None,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Print energy, entropy and temperature of every layer of a network on DATA, and its work efficiency.

    DATA is a CSV, Parquet or Arrow file, a folder or a quoted pattern of such files; - is CSV on standard input. The
    network has one linear output for the target, or the logits of its labels (--energy ce, not in the paper). CSV holds
    the layers alone. Exit codes: 1 where the verdict is one of --fail-on, 3 where T is undefined.
    """
    require_apart({"--output": output, "--plot": plot}, [data])
    law, widths = _law(init, gain if factor is None else factor, scale, length, truncated=truncated)
    law, of_biases = _with_biases(law, init, bias_init, bias_scale, bias=bias)
    labels = ClassCodes() if LOSSES[energy].categorical else False
    subject = read(data, Selection(target, drop, columns, csv), standardize=standardize, labels=labels)

    from pyrometer._version import __version__
    from pyrometer.networks import Network, heat_engine

    phi = activation.split(",") if "," in activation else activation
    network = Network(subject.X, subject.y, hidden=hidden, activation=phi, bias=bias, energy=energy)
    engine = heat_engine(
        network, law, method=method, resolution=resolution, minimum=minimum, samples=samples, rng=seed, threads=threads
    )
    provenance = {
        "pyrometer": __version__,
        "data": subject.source,
        "target": subject.target,
        "features": subject.features,
        "rows": network.rows,
        "widths": "-".join(map(str, network.widths)),
        "activation": activation,
        **({"energy": energy, "classes": " ".join(map(str, network.classes))} if network.classes else {}),
        "bias": bias,
        "law": init,
        **widths,
        **of_biases,
        "resolution": resolution,
        "method": engine.method,
    }
    if engine.method in ("monte-carlo", "scalar-chain"):
        provenance |= {"samples": samples, "seed": seed}
    made = form_of(form, output)
    tables = [_layers(network, engine, bars=made == "table")]
    if not is_single(made):
        tables.append(_engine(engine, loss_unit(energy, subject.target), legends=made == "table"))
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import layers

        with figure(plot, rows=3) as ax:
            layers(engine, ax=ax)
    emit(tables, provenance, made, output)
    if init == "orthogonal":
        judge(engine.verdict, fail_on, "orthogonal weights have no entropy, and the temperature is undefined")
    judge(engine.verdict, fail_on)


def _layers(network: Any, engine: HeatEngine, *, bars: bool) -> Table:
    """One row for each layer; the bar is its share of the energy of all."""
    import numpy as np

    from pyrometer.results import Table

    logarithms, widths = engine.layers.log_energy, network.widths
    highest = logarithms.max()
    shares = np.exp(logarithms - highest) if highest > -np.inf else np.zeros(len(logarithms))
    shares /= max(shares.sum(), 1.0)
    rows = []
    for number, layer in enumerate(engine.layers):
        row = {"layer": number + 1, "widths": f"{widths[number]}-{widths[number + 1]}", **row_of(layer)}
        bar = {"bar": _bar(float(shares[number]))} if bars else {}
        rows.append(dict([*row.items()][:2]) | bar | row)
    units = units_of(rows[0], "loss", errors_of="energy")
    legend = (
        "energy: mean squared norm of the layer's pre-activations; bar: its share of the energies of all layers; gain: "
        "growth of the energy to the next layer; temperature: energy/entropy."
    )
    return Table.from_rows("Layers", rows, units=units, metadata={"legend": legend} if bars else {})


def _bar(share: float) -> str:
    """Return a bar in eighths of a character."""
    eighths = round(8 * _BAR * share)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).rstrip() or "▏"


def _engine(engine: HeatEngine, loss: str, *, legends: bool) -> Table:
    from pyrometer.results import Table

    row = row_of(engine)
    total = row_of(engine.total)
    units = units_of(row, "loss", errors_of="temperature")
    units |= {f"total.{name}": unit for name, unit in units_of(total, loss).items()}
    row |= {f"total.{name}": value for name, value in total.items()}
    legend = "engine: 1, the first type; 2, the second: each layer has more than 10 times the energy of the one before."
    return Table.from_rows("Heat engine", [row], units=units, metadata={"legend": legend} if legends else {})


def _law(
    init: str, factor: float | None, scale: float | None, length: float | None, *, truncated: bool
) -> tuple[LayerLaw, dict[str, Any]]:
    """Return the law that the options describe, and its width by name."""
    from pyrometer import laws, networks

    if factor is not None and init not in SCALED:
        raise click.UsageError(f"--factor is for {', '.join(SCALED)}; got --init {init}.")
    if truncated and init not in _TRUNCATED:
        raise click.UsageError(f"--truncated is for --init {', '.join(_TRUNCATED)}; got --init {init}.")
    if init in _INDEPENDENT:
        return cast("tuple[LayerLaw, dict[str, float]]", law_of(init, scale, length, default=1.0))
    if init == "truncated-normal" and length is None:
        scale = 1.0 if scale is None else scale
        return laws.TruncatedNormal(scale), {"scale": scale}
    for option, value in (("--scale", scale), ("--length", length)):
        if value is not None:
            raise click.UsageError(f"{option} is for --init {' and '.join(_INDEPENDENT)}, got --init {init}.")
    if init == "torch":
        return networks.TorchLinear(), {}
    factor = 1.0 if factor is None else factor
    law: LayerLaw = getattr(networks, SCALED[init])(factor, **({"truncated": True} if truncated else {}))
    return law, {"factor": factor} | ({"truncated": True} if truncated else {})


def _with_biases(
    law: LayerLaw, init: str, bias_init: str | None, scale: float | None, *, bias: bool
) -> tuple[LayerLaw, dict[str, Any]]:
    """Return the law with that of the biases, and what describes it."""
    from pyrometer import laws, networks

    if bias_init is None:
        if scale is not None:
            raise click.UsageError("--bias-scale is for --bias-init, got none; add such as --bias-init normal.")
        if bias and init == "orthogonal":
            raise click.UsageError("--init orthogonal is for weights only; add --bias-init, such as --bias-init zeros.")
        return law, {}
    if not bias:
        raise click.UsageError("--bias-init is for layers with biases; add --bias.")
    if bias_init in ("zeros", "torch") and scale is not None:
        raise click.UsageError(f"--bias-scale is not for --bias-init {bias_init}, which has no scale.")
    if bias_init != "constant" and scale is not None and not scale > 0.0:
        raise click.UsageError(f"--bias-scale must be > 0 for --bias-init {bias_init}, got {scale}.")
    scale = 1.0 if scale is None else scale
    makers: dict[str, Any] = {
        "zeros": laws.Constant,
        "constant": lambda: laws.Constant(scale),
        "normal": lambda: laws.Normal(scale),
        "truncated-normal": lambda: laws.TruncatedNormal(scale),
        "uniform": lambda: laws.Uniform(scale),
        "torch": networks.TorchLinear,
    }
    scales = {} if bias_init in ("zeros", "torch") else {"bias_scale": scale}
    return networks.Layers(law, biases=makers[bias_init]()), {"bias_law": bias_init, **scales}
