"""Options that commands share, and the data that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np
import numpy.typing as npt

from pyrometer.base import listed as listed_names
from pyrometer.base import plain
from pyrometer.cli._output import known_output
from pyrometer.losses import LOSSES
from pyrometer.results import TABLE_FORMATS

if TYPE_CHECKING:
    from pyrometer.laws import Law
    from pyrometer.linear import Penalty, System

__all__ = [
    "Positive",
    "Subject",
    "alpha_option",
    "chunk_option",
    "column_options",
    "data_options",
    "energy_options",
    "fail_option",
    "intercept_option",
    "labels_of",
    "law_of",
    "law_options",
    "listed",
    "loss_unit",
    "output_options",
    "plot_option",
    "read",
    "read_two",
    "resolution_option",
    "run_options",
    "scanned_system",
    "standardize_option",
    "threads_option",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

Positive = click.FloatRange(min=0.0, min_open=True)


alpha_option = click.option(
    "--alpha",
    type=click.FloatRange(min=0.0, max=1.0, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Level of the test.",
)
chunk_option = click.option(
    "--chunk-rows", type=click.IntRange(min=1), help="Rows that are read at a time.  [default: a million numbers]"
)
intercept_option = click.option(
    "--intercept/--no-intercept", default=True, show_default=True, help="A constant feature."
)
resolution_option = click.option(
    "--resolution", type=Positive, default=1.0, show_default=True, help="Size of a cell of a parameter's values."
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1, max=4096), help="Threads; the result is the same.  [default: all]"
)


def fail_option(conditions: list[str], when: str = "at this verdict") -> Callable[[_Function], _Function]:
    """--fail-on."""
    return click.option(
        "--fail-on", type=click.Choice(conditions), multiple=True, help=f"Exit with 1 {when}; may be repeated."
    )


def energy_options(function: _Function) -> _Function:
    """--energy and --labels."""
    return _apply(
        click.option("--energy", type=click.Choice(list(LOSSES)), default="mse", show_default=True, help="The loss."),
        click.option(
            "--labels", nargs=2, metavar="NEG POS", help="Labels of the target of --energy ce.  [default: 0 and 1]"
        ),
    )(function)


def labels_of(energy: str, given: tuple[str, str] | None) -> tuple[Any, Any] | bool:
    """Return the labels of the target, numbers where they are such; True for 0 and 1, False for a target of numbers."""
    if given is None:
        return LOSSES[energy].labels
    if not LOSSES[energy].labels:
        raise click.UsageError("--labels are for --energy ce.")
    return _label(given[0]), _label(given[1])


def _label(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def plot_option(what: str) -> Callable[[_Function], _Function]:
    """--plot."""
    return click.option("--plot", metavar="FILE", help=f"Draw {what} (png, pdf, svg).")


def standardize_option(default: bool) -> Callable[[_Function], _Function]:
    """--standardize and --raw."""
    return click.option(
        "--standardize/--raw",
        default=default,
        show_default=True,
        help="Features in units of their standard deviations, or as they are. T depends on it.",
    )


def _apply(*decorators: Callable[[Any], Any]) -> Callable[[_Function], _Function]:
    def apply(function: _Function) -> _Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def output_options(function: _Function) -> _Function:
    """--format and --output."""
    return _apply(
        click.option(
            "--format",
            "form",
            is_eager=True,
            type=click.Choice(["table", *TABLE_FORMATS]),
            help="Form of the result.  [default: by the suffix of --output, else table]",
        ),
        click.option(
            "--output",
            metavar="FILE",
            callback=known_output,
            help="Write the result to FILE (.csv, .json, .parquet; .txt for text), whole or not at all.",
        ),
    )(function)


def run_options(function: _Function) -> _Function:
    """--samples, --seed and --threads."""
    return _apply(
        click.option(
            "--samples", type=click.IntRange(min=2), default=10_000, show_default=True, help="Monte Carlo draws."
        ),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws."),
        threads_option,
    )(function)


def data_options(function: _Function) -> _Function:
    """--target, --drop and --columns."""
    target = click.option("--target", metavar="COL", required=True, help="Column of the target.")
    return _apply(target, column_options)(function)


def column_options(function: _Function) -> _Function:
    """--drop and --columns."""
    return _apply(
        click.option("--drop", metavar="COL", multiple=True, help="Column that is no feature; may be repeated."),
        click.option(
            "--columns", metavar="COL,COL,...", help="Columns of the features.  [default: all but the target]"
        ),
    )(function)


def law_options(function: _Function) -> _Function:
    """--init, --scale and --length."""
    return _apply(
        click.option(
            "--init",
            type=click.Choice(["normal", "uniform"]),
            default="normal",
            show_default=True,
            help="Law of parameters.",
        ),
        click.option("--scale", type=Positive, help="Standard deviation σ of the normal law.  [default: 10]"),
        click.option("--length", type=Positive, help="Length L of the uniform law's interval.  [default: 6 scale]"),
    )(function)


def law_of(init: str, scale: float | None, length: float | None) -> tuple[Law, dict[str, float]]:
    """Return the law that the options describe, and its width by name."""
    from pyrometer.laws import Normal, Uniform
    from pyrometer.tables import SIGMAS_PER_LENGTH

    if init == "normal":
        if length is not None:
            raise click.UsageError("--length is of --init uniform; a normal law has --scale.")
        scale = 10.0 if scale is None else scale
        return Normal(scale), {"scale": scale}
    if length is not None and scale is not None:
        raise click.UsageError("--length and --scale exclude each other: a uniform law is as long as 6 scale.")
    length = SIGMAS_PER_LENGTH * (10.0 if scale is None else scale) if length is None else length
    return Uniform(length), {"length": length}


def scanned_system(
    path: str,
    target: str,
    drop: tuple[str, ...],
    columns: str | None,
    chunk_rows: int,
    energy: str,
    labels: tuple[Any, Any] | bool,
    intercept: bool,
    penalty: Penalty | None,
) -> System:
    """Describe the linear system of rows that stay in their file."""
    from pyrometer.linear import LinearRegression, LogisticRegression

    options: dict[str, Any] = {"target": target, "columns": listed(columns), "drop": drop, "intercept": intercept}
    options |= {"chunk_rows": chunk_rows, "progress": True}
    if LOSSES[energy].labels:
        return LogisticRegression.scan(path, labels=None if isinstance(labels, bool) else labels, **options)
    return LinearRegression.scan(path, energy=energy, penalty=penalty, **options)


def loss_unit(energy: str, target: str) -> str:
    """Return the unit of a loss of a target."""
    return LOSSES[energy].unit.format(target=target)


@dataclass(frozen=True)
class Subject:
    """Features, target and what to call them."""

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    names: tuple[str, ...]
    target: str
    source: str
    features: str


def listed(columns: str | list[str] | None) -> list[str] | None:
    """Return the names that --columns gives."""
    return [name.strip() for name in columns.split(",")] if isinstance(columns, str) else columns


def read(
    path: str,
    target: str,
    drop: tuple[str, ...],
    columns: str | list[str] | None,
    standardize: bool,
    labels: tuple[Any, Any] | bool = False,
) -> Subject:
    """Read a file as the options say."""
    from pyrometer.datasets import standardize as in_deviations
    from pyrometer.interop import read_data

    data = read_data(path, target=target, columns=listed(columns), drop=drop, labels=labels)
    X = in_deviations(data.X, names=data.names) if standardize else data.X
    y = data.y.astype(np.float64) if standardize else data.y
    return Subject(X, y, data.names, data.target, data.source, "standardised" if standardize else "raw")


def read_two(
    first: str,
    second: str,
    target: str,
    drop: tuple[str, ...],
    columns: str | None,
    labels: tuple[Any, Any] | bool,
) -> tuple[Subject, Subject]:
    """Read two files with the same columns, in the order of the first."""
    a, b = (read(path, target, drop, columns, False, labels) for path in (first, second))
    odd = sorted(set(a.names) ^ set(b.names))
    if odd:
        raise click.ClickException(
            f"{first} and {second} must have the same columns, got {listed_names(odd, plain)} in one only; use --drop."
        )
    place = {name: j for j, name in enumerate(b.names)}
    return a, replace(b, X=b.X[:, [place[name] for name in a.names]], names=a.names)
