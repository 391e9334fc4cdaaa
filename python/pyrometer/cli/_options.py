"""Options that commands share, and the data that they name."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from pyrometer.base import ClassCodes
from pyrometer.cli._commands import COMMANDS
from pyrometer.cli._numbers import Number, Whole
from pyrometer.cli._output import known_output, layout_options
from pyrometer.losses import LOSSES
from pyrometer.results import TABLE_FORMATS

if TYPE_CHECKING:
    from pyrometer.laws import Normal, TruncatedNormal, Uniform

__all__ = [
    "Positive",
    "block_option",
    "level_option",
    "chunk_option",
    "column_options",
    "data_options",
    "energy_options",
    "state_model_options",
    "fail_option",
    "intercept_option",
    "labels_of",
    "law_of",
    "law_options",
    "loss_unit",
    "one_of",
    "output_options",
    "plot_option",
    "resolution_option",
    "run_options",
    "standardize_option",
    "threads_option",
    "weights_option",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

Positive = Number(min=0.0, min_open=True)


level_option = click.option(
    "--level",
    type=Number(min=0.0, max=1.0, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Level of the test.",
)
chunk_option = click.option(
    "--chunk-rows", type=Whole(min=1), help="Rows that are read at a time.  [default: a million numbers]"
)
intercept_option = click.option(
    "--intercept/--no-intercept", default=True, show_default=True, help="A constant feature."
)
resolution_option = click.option(
    "--resolution", type=Positive, default=1.0, show_default=True, help="Cell size at which parameters are discretised."
)
threads_option = click.option(
    "--threads", type=Whole(min=1, max=4096), help="Threads; results do not depend on them.  [default: all]"
)
weights_option = click.option("--weights", metavar="COL", help="Column of the weights of the rows; not a feature.")


def one_of(names: Iterable[str], text: str) -> dict[str, Any]:
    """Return what `click.option` needs to offer many names: listed in the help, since a metavar is never wrapped."""
    names = list(names)
    first, mark, rest = re.split("([.;])", text, maxsplit=1)
    return {"type": click.Choice(names), "metavar": "NAME", "help": f"{first}: {', '.join(names)}{mark}{rest}"}


class _Block(click.ParamType):  # type: ignore[type-arg]
    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read "auto" or a number of rows."""
        return value if value == "auto" else Whole(min=1).convert(value, param, ctx)


def block_option(default: Any) -> Callable[[_Function], _Function]:
    """--block, a number of rows or "auto"."""
    return click.option(
        "--block",
        type=_Block(),
        metavar="ROWS|auto",
        default=default,
        show_default=True,
        help="Consecutive rows resampled together: above 1 for series; auto: by their serial dependence.",
    )


def fail_option(command: str) -> Callable[[_Function], _Function]:
    """--fail-on, with the conditions of the command's record."""
    conditions = COMMANDS[command].conditions
    listing = "; ".join(f"{name}: {sentence}" for name, sentence in conditions.items())
    return click.option(
        "--fail-on",
        type=click.Choice(list(conditions)),
        metavar="CONDITION",
        multiple=True,
        help=f"Exit with 1 if this condition holds; may be repeated. {listing}.",
    )


def energy_options(function: _Function) -> _Function:
    """--energy and --labels."""
    return _energy_options(list(LOSSES))(function)


def state_model_options(trained_by: str) -> Callable[[_Function], _Function]:
    """--energy (also "none", for the columns alone), --labels, --intercept and --prediction: the model of states."""

    def decorate(function: _Function) -> _Function:
        help_text = f"Column of predictions, used in place of a model that {trained_by} trains; not a feature."
        function = click.option("--prediction", metavar="COL", help=help_text)(function)
        return _energy_options([*LOSSES, "none"])(intercept_option(function))

    return decorate


def _energy_options(names: list[str]) -> Callable[[_Function], _Function]:
    return _apply(
        click.option("--energy", type=click.Choice(names), default="mse", show_default=True, help="The loss."),
        click.option(
            "--labels", nargs=2, metavar="NEG POS", help="Labels of the target of --energy ce.  [default: 0 and 1]"
        ),
    )


def labels_of(energy: str, given: tuple[str, str] | None) -> tuple[Any, Any] | bool | ClassCodes:
    """Return the labels of the target as text, which may stand for numbers and booleans.

    True for 0 and 1, False for a target of numbers, and for classes what numbers their labels.
    """
    loss = LOSSES.get(energy)
    if given is None:
        return ClassCodes() if loss and loss.classes else bool(loss and loss.labels)
    if not loss or not loss.labels:
        raise click.UsageError("--labels are for --energy ce.")
    return given


def plot_option(what: str) -> Callable[[_Function], _Function]:
    """--plot."""
    return click.option("--plot", metavar="FILE", help=f"Draw {what} (png, pdf, svg).")


def standardize_option(default: bool) -> Callable[[_Function], _Function]:
    """--standardize and --raw."""
    return click.option(
        "--standardize/--raw",
        default=default,
        show_default=True,
        help="Standardise the features, or use them as they are. T depends on the choice.",
    )


def _apply(*decorators: Callable[[Any], Any]) -> Callable[[_Function], _Function]:
    def apply(function: _Function) -> _Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def output_options(function: _Function) -> _Function:
    """--format, --output, --fields and --wide."""
    return _apply(
        layout_options,
        click.option(
            "--format",
            "form",
            is_eager=True,
            type=click.Choice(["table", *TABLE_FORMATS]),
            help="Format of the result.  [default: by the suffix of --output, else table]",
        ),
        click.option(
            "--output",
            metavar="FILE",
            callback=known_output,
            help="Write the result to FILE (.csv, .json, .parquet; .txt for text), atomically.",
        ),
    )(function)


def run_options(function: _Function) -> _Function:
    """--samples, --seed and --threads."""
    return _apply(
        click.option("--samples", type=Whole(min=2), default=10_000, show_default=True, help="Monte Carlo draws."),
        click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of the draws."),
        threads_option,
    )(function)


def data_options(function: _Function) -> _Function:
    """--target, --drop and --columns."""
    text = "Column of the target. For a file of moments, the target of the rows they were computed from."
    target = click.option("--target", metavar="COL", help=text)
    return _apply(target, column_options)(function)


def column_options(function: _Function) -> _Function:
    """--drop and --columns, as lists of names, and the options of CSV, which a command receives as `csv`."""

    @functools.wraps(function)
    def gathered(**given: Any) -> Any:
        csv = {name: given.pop(name) for name in _CSV}
        given["drop"] = tuple(name for names in given["drop"] for name in names)
        return function(csv={name: value for name, value in csv.items() if value is not None}, **given)

    return _apply(
        click.option(
            "--drop",
            type=_Names(),
            metavar="COL,...",
            multiple=True,
            help="Columns not used as features; may be repeated.",
        ),
        click.option(
            "--columns",
            type=_Names(),
            metavar="COL,...",
            help="Columns of the features; quote a name with a comma: '\"a, b\",c'.  [default: all but the target]",
        ),
        *_CSV.values(),
    )(cast("_Function", gathered))


class _Names(click.ParamType):  # type: ignore[type-arg]
    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Read names with commas between them, as a line of CSV."""
        del param, ctx
        if isinstance(value, list):
            return value
        return next(csv.reader([value], skipinitialspace=True), []) if "," in value or '"' in value else [value]


_CSV = {
    "sep": click.option("--sep", metavar="CHAR", help="CSV: separator of columns.  [default: a comma; a tab for .tsv]"),
    "decimal": click.option("--decimal", metavar="CHAR", help="CSV: decimal mark.  [default: .]"),
    "thousands": click.option("--thousands", metavar="CHAR", help="CSV: separator of thousands.  [default: none]"),
    "encoding": click.option("--encoding", metavar="NAME", help="CSV: encoding of the text.  [default: utf-8]"),
    "comment": click.option("--comment", metavar="TEXT", help="CSV: text with which comments begin.  [default: none]"),
    "skip": click.option("--skip", type=Whole(min=0), help="CSV: lines before the header.  [default: 0]"),
}


def law_options(function: _Function) -> _Function:
    """--init, --scale, --length and --bound."""
    return _apply(
        click.option(
            "--init",
            type=click.Choice(["normal", "uniform", "truncated-normal"]),
            default="normal",
            show_default=True,
            help="Law of parameters.",
        ),
        click.option(
            "--scale",
            type=Positive,
            help="Standard deviation σ of a normal law, untruncated.  [default: 10]",
        ),
        click.option("--length", type=Positive, help="Length L of the uniform law's interval.  [default: 6 scale]"),
        click.option("--bound", type=Positive, help="Bound of --init truncated-normal, in scales.  [default: 2]"),
    )(function)


def law_of(
    init: str, scale: float | None, length: float | None, bound: float | None = None, *, default: float = 10.0
) -> tuple[Normal | Uniform | TruncatedNormal, dict[str, float]]:
    """Return the law that the options describe, by `default` of this scale, and its width by name."""
    from pyrometer import laws
    from pyrometer.tables import SIGMAS_PER_LENGTH

    if length is not None and init != "uniform":
        raise click.UsageError(f"--length is for --init uniform; a {init.replace('-', ' ')} law has --scale.")
    if bound is not None and init != "truncated-normal":
        raise click.UsageError(f"--bound is for --init truncated-normal, got --init {init}.")
    if length is not None and scale is not None:
        raise click.UsageError("--length and --scale exclude each other: the length of a uniform law is 6 scale.")
    scale = default if scale is None else scale
    makers: dict[str, tuple[type[Normal | Uniform | TruncatedNormal], dict[str, float]]] = {
        "normal": (laws.Normal, {"scale": scale}),
        "truncated-normal": (laws.TruncatedNormal, {"scale": scale, "bound": 2.0 if bound is None else bound}),
        "uniform": (laws.Uniform, {"length": SIGMAS_PER_LENGTH * scale if length is None else length}),
    }
    law, widths = makers[init]
    return law(**widths), widths


def loss_unit(energy: str, target: str) -> str:
    """Return the unit of a loss of a target."""
    return LOSSES[energy].unit.format(target=target) if energy in LOSSES else ""
