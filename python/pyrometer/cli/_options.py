"""Options that commands share, and the data that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
import numpy as np
import numpy.typing as npt

__all__ = ["Positive", "Subject", "column_options", "output_options", "read", "run_options"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

Positive = click.FloatRange(min=0.0, min_open=True)


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
            type=click.Choice(["table", "json", "csv"]),
            help="Form of the result.  [default: by the suffix of --output, else table]",
        ),
        click.option("--output", metavar="FILE", help="Write the result to FILE, whole or not at all."),
    )(function)


def run_options(function: _Function) -> _Function:
    """--samples, --seed and --threads."""
    return _apply(
        click.option(
            "--samples", type=click.IntRange(min=2), default=10_000, show_default=True, help="Monte Carlo draws."
        ),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws."),
        click.option(
            "--threads",
            type=click.IntRange(min=1, max=4096),
            help="Threads of the draws; the result is the same.  [default: all]",
        ),
    )(function)


def column_options(function: _Function) -> _Function:
    """--drop and --columns."""
    return _apply(
        click.option("--drop", metavar="COL", multiple=True, help="Column that is no feature; may be repeated."),
        click.option(
            "--columns", metavar="COL,COL,...", help="Columns of the features.  [default: all but the target]"
        ),
    )(function)


@dataclass(frozen=True)
class Subject:
    """Features, target and what to call them."""

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    names: tuple[str, ...]
    target: str
    source: str
    features: str


def read(path: str, target: str, drop: tuple[str, ...], columns: str | None, standardize: bool) -> Subject:
    """Read a file as the options say."""
    from pyrometer.datasets import standardize as in_deviations
    from pyrometer.interop import read_data

    chosen = [name.strip() for name in columns.split(",")] if columns is not None else None
    data = read_data(path, target=target, columns=chosen, drop=drop)
    X = in_deviations(data.X, names=data.names) if standardize else data.X
    y = data.y.astype(np.float64) if standardize else data.y
    return Subject(X, y, data.names, data.target, data.source, "standardised" if standardize else "raw")
