"""``pyrometer network``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyrometer.cli._data import Selection, read
from pyrometer.cli._options import (
    Positive,
    data_options,
    fail_option,
    output_options,
    plot_option,
    resolution_option,
    run_options,
    standardize_option,
)
from pyrometer.cli._output import emit, form_of, is_single, require_apart
from pyrometer.cli._program import judge
from pyrometer.networks import ACTIVATIONS

if TYPE_CHECKING:
    from pyrometer.networks import LayerLaw
    from pyrometer.results import HeatEngine, Table

__all__ = ["command"]

_SCALED = {
    "lecun-normal": "LecunNormal",
    "glorot-normal": "GlorotNormal",
    "he-normal": "HeNormal",
    "lecun-uniform": "LecunUniform",
    "glorot-uniform": "GlorotUniform",
    "he-uniform": "HeUniform",
}
_METHODS = ["auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo"]
_VERDICTS = ["near-pole", "negative-entropy", "mixed-signs", "undefined"]
_BAR = 20


class _Widths(click.ParamType):  # type: ignore[type-arg]
    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read 256,256 as two hidden layers; an empty string has none."""
        if isinstance(value, tuple):
            return value
        try:
            widths = tuple(int(word) for word in value.split(",")) if value.strip() else ()
        except ValueError:
            self.fail(f"{value!r} must be widths with commas between them, such as 256,256.", param, ctx)
        if any(width < 1 for width in widths):
            self.fail(f"{value!r} must have widths of at least 1.", param, ctx)
        return widths


@click.command("network", short_help="Print the layers of a network as a heat engine.")
@click.argument("data")
@data_options
@standardize_option(True)
@click.option("--hidden", type=_Widths(), metavar="N,N,...", required=True, help="Widths of the hidden layers.")
@click.option(
    "--activation", type=click.Choice(list(ACTIVATIONS)), default="tanh", show_default=True, help="Activation."
)
@click.option("--bias/--no-bias", default=False, show_default=True, help="Biases in every layer.")
@click.option(
    "--init",
    type=click.Choice([*_SCALED, "torch", "normal", "uniform"]),
    default="lecun-normal",
    show_default=True,
    help="Law of the layers; normal and uniform have one scale for all.",
)
@click.option("--gain", type=Positive, help="Factor on the scales of a law that has a fan.  [default: 1]")
@click.option("--scale", type=Positive, help="Standard deviation σ of --init normal.  [default: 1]")
@click.option("--length", type=Positive, help="Length of --init uniform.  [default: 1]")
@click.option(
    "--method", type=click.Choice(_METHODS), default="auto", show_default=True, help="How to compute energies."
)
@resolution_option
@click.option("--minimum", type=float, help="Trained loss, for the temperature with targets.  [default: 0]")
@run_options
@fail_option(_VERDICTS)
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
    bias: bool,
    init: str,
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
    network has one linear output, for the target. CSV holds the layers alone. Exit codes: 1 where the verdict is one of
    --fail-on, 3 where T is undefined.
    """
    require_apart({"--output": output, "--plot": plot}, [data])
    law, widths = _law(init, gain, scale, length)
    subject = read(data, Selection(target, drop, columns, csv), standardize=standardize)

    from pyrometer._version import __version__
    from pyrometer.networks import Network, heat_engine

    network = Network(subject.X, subject.y, hidden=hidden, activation=activation, bias=bias)
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
        "bias": bias,
        "law": init,
        **widths,
        "resolution": resolution,
        "method": engine.method,
    }
    if engine.method in ("monte-carlo", "scalar-chain"):
        provenance |= {"samples": samples, "seed": seed}
    made = form_of(form, output)
    tables = [_layers(network, engine, bars=made == "table")]
    if not is_single(made):
        tables.append(_engine(engine, subject.target))
    if plot is not None:
        from pyrometer.cli._plot import save_layers

        save_layers(plot, engine.layers)
    emit(tables, provenance, made, output)
    judge(engine.verdict, fail_on)


def _layers(network: Any, engine: HeatEngine, *, bars: bool) -> Table:
    """One row for each layer; the bar is its share of the energy of all."""
    from pyrometer.results import Table

    made, widths = engine.layers, network.widths
    sums = float(made.energy.sum())
    rows = []
    for layer in range(network.layers):
        share = float(made.energy[layer]) / sums if sums > 0 else 0.0
        row = {
            "layer": layer + 1,
            "widths": f"{widths[layer]}-{widths[layer + 1]}",
            "N": int(made.parameters[layer]),
            "E": float(made.energy[layer]),
            "s.e.": float(made.standard_error[layer]),
            "share": share,
            "S": float(made.entropy[layer]),
            "T": float(made.temperature[layer]),
            "gain": float(made.gain[layer - 1]) if layer else float("nan"),
            "verdict": str(made.verdict[layer]),
        }
        if bars:
            row = {**dict(list(row.items())[:3]), "bar": _bar(share), **dict(list(row.items())[3:])}
        rows.append(row)
    units = {"E": "loss", "s.e.": "loss", "S": "nat", "T": "loss/nat", "gain": "1", "share": "1", "N": "1"}
    legend = "E mean squared norm of the layer's pre-activations; gain: growth from the layer before; T = E/S."
    return Table.from_rows("Layers", rows, units=units, metadata={"legend": legend} if bars else {})


def _bar(share: float) -> str:
    """Return a bar in eighths of a character."""
    eighths = round(8 * _BAR * share)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).rstrip() or "▏"


def _engine(engine: HeatEngine, target: str) -> Table:
    from pyrometer.results import Table

    row = {
        "work efficiency": engine.work_efficiency,
        "engine": "first type" if engine.engine == 1 else "second type",
        "regime": engine.regime,
        "T": engine.temperature,
        "s.e.": engine.standard_error,
        "S": engine.entropy,
        "N": engine.parameters,
        "E": engine.total.energy,
        "E*": engine.total.minimum_energy,
        "(E - E*)/S": engine.total.value,
        "marginal": engine.total.marginal,
        "verdict": engine.verdict,
        "method": engine.method,
    }
    loss = f"({target})^2"
    units = {"work efficiency": "1", "T": "loss/nat", "s.e.": "loss/nat", "S": "nat", "N": "1"}
    units |= {"E": loss, "E*": loss, "(E - E*)/S": f"{loss}/nat", "marginal": f"{loss}/nat"}
    return Table.from_rows("Heat engine", [row], units=units)


def _law(init: str, gain: float | None, scale: float | None, length: float | None) -> tuple[LayerLaw, dict[str, float]]:
    """Return the law that the options describe, and its width by name."""
    from pyrometer import networks
    from pyrometer.laws import Normal, Uniform

    for option, value, of in (("--scale", scale, init == "normal"), ("--length", length, init == "uniform")):
        if value is not None and not of:
            raise click.UsageError(f"{option} is of --init {'normal' if option == '--scale' else 'uniform'} alone.")
    if gain is not None and init not in _SCALED:
        raise click.UsageError(f"--gain is of {', '.join(_SCALED)}; got --init {init}.")
    if init == "normal":
        return Normal(1.0 if scale is None else scale), {"scale": 1.0 if scale is None else scale}
    if init == "uniform":
        return Uniform(1.0 if length is None else length), {"length": 1.0 if length is None else length}
    if init == "torch":
        return networks.TorchLinear(), {}
    gain = 1.0 if gain is None else gain
    law: LayerLaw = getattr(networks, _SCALED[init])(gain)
    return law, {"gain": gain}
