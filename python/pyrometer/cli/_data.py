"""Data of the files that commands name: rows, or their second moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
from click.core import ParameterSource

from pyrometer.base import ClassCodes, listed, plain, quoted
from pyrometer.cli._terminal import tell
from pyrometer.data.readers import exceeds_memory, holds_moments, is_numeric, open_rows, read_frame, require_present
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    import pyarrow as pa

    from pyrometer.data import Moments
    from pyrometer.linear import Penalty, System

__all__ = [
    "Selection",
    "Subject",
    "linear_system",
    "named",
    "numbers_in",
    "read",
    "read_columns",
    "read_two",
    "require_same",
    "target_name",
    "two_systems",
]


class Selection(NamedTuple):
    """What is read of a file: its target and features, and how its text is read."""

    target: str | None
    drop: Sequence[str] = ()
    columns: Sequence[str] | None = None
    csv: Mapping[str, Any] = {}
    weights: str | None = None

    def options(self) -> dict[str, Any]:
        """Return keyword arguments of the functions that read files."""
        if self.target is None:
            raise click.UsageError("Missing option '--target'.")
        named = {"target": self.target, "drop": self.drop, "columns": self.columns, "weights": self.weights}
        return {**named, **self.csv}


@dataclass(frozen=True)
class Subject:
    """Features, target and what to call them."""

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    names: tuple[str, ...]
    target: str
    source: str
    features: str
    weights: npt.NDArray[Any] | None = None


def named(path: str) -> str:
    """Return what a file is called in the provenance."""
    return "standard input" if path == "-" else path


def read(
    path: str, selection: Selection, *, standardize: bool = False, labels: tuple[Any, Any] | bool | ClassCodes = False
) -> Subject:
    """Read a file as the options say."""
    from pyrometer.interop import read_data

    data = read_data(path, labels=labels, standardize=standardize, **selection.options())
    features = "standardised" if standardize else "raw"
    y = data.y
    if isinstance(labels, ClassCodes):
        names = np.empty(len(labels.labels), dtype=object)
        names[:] = labels.labels
        y = names[y.astype(np.int64)]
    return Subject(data.X, y, data.names, data.target, data.source, features, data.weights)


def read_columns(path: str, selection: Selection, **apart: str | None) -> tuple[pa.Table, list[str]]:
    """Read columns of all kinds; return the names of those of the options `apart` too, which are no features."""
    for option, name in apart.items():
        if name is not None and name in (selection.columns or ()):
            raise click.UsageError(f"--columns names features, and {quoted(name)} is that of --{option}; remove it.")
    if selection.weights is not None and selection.weights == apart["target"]:
        raise click.UsageError(f"the column of --weights, {quoted(selection.weights)}, must not be the target.")
    others = list(dict.fromkeys(name for name in apart.values() if name is not None))
    columns = None if selection.columns is None else [*selection.columns, *others]
    table = read_frame(path, columns=columns, drop=selection.drop, **selection.csv)
    require_present(named(path), table.column_names, others)
    return table, others


def numbers_in(path: str, table: pa.Table, option: str, name: str | None) -> npt.NDArray[np.float64] | None:
    """Return the column that an option names, which must be numeric; None if it names none."""
    if name is None:
        return None
    kind = table.schema.field(name).type
    if not (is_numeric(kind) or str(kind) == "null"):
        raise click.ClickException(
            f"{named(path)}: column {quoted(name)} of --{option} must have numbers, got {kind!s:.80}; name another one."
        )
    return np.asarray(table.column(name), dtype=np.float64)


def _sorted(labels: Any) -> tuple[Any, ...] | None:
    """Return the labels of classes that have been read, in order."""
    return tuple(sorted(labels.labels)) if isinstance(labels, ClassCodes) else None


def read_two(
    first: str, second: str, selection: Selection, labels: tuple[Any, Any] | bool | ClassCodes
) -> tuple[Subject, Subject]:
    """Read two files with the same columns, in the order of the first."""
    a, b = (read(path, selection, labels=labels) for path in (first, second))
    require_same(first, second, a.names, b.names)
    place = {name: j for j, name in enumerate(b.names)}
    return a, replace(b, X=b.X[:, [place[name] for name in a.names]], names=a.names)


def require_same(first: str, second: str, a: Sequence[str], b: Sequence[str]) -> None:
    odd = sorted(set(a) ^ set(b))
    if odd:
        raise click.ClickException(
            f"{first} and {second} must have the same columns, got {listed(odd, plain)} in one only; use --drop."
        )


def linear_system(
    path: str,
    selection: Selection,
    *,
    energy: str,
    labels: tuple[Any, Any] | bool | ClassCodes = False,
    intercept: bool = True,
    penalty: Penalty | None = None,
    standardize: bool = False,
    chunk_rows: int | None = None,
) -> System:
    """Describe the linear system of a file: from moments, from rows in memory, or from rows read in chunks."""
    from pyrometer.linear import SYSTEMS, LinearRegression, system_of

    if holds_moments(path):
        moments = _moments(path, selection, energy, intercept, chunk_rows)
        return LinearRegression.from_moments(moments.standardized() if standardize else moments, penalty=penalty)
    if chunk_rows is None and not exceeds_memory(path):
        subject = read(path, selection, standardize=standardize, labels=labels)
        return system_of(
            energy,
            subject.X,
            subject.y,
            intercept=intercept,
            penalty=penalty,
            weights=subject.weights,
            labels=_sorted(labels),
        )
    if LOSSES[energy].classes:
        raise click.UsageError(
            f"--energy {energy} needs the rows of {plain(path)} in memory; leave --chunk-rows out, or use fewer rows."
        )
    if chunk_rows is None:
        tell(f"note: {plain(path)} is large for the memory of this machine, and read in chunks (--chunk-rows)")
    options: dict[str, Any] = {"intercept": intercept, "chunk_rows": chunk_rows, "progress": True}
    options |= {"standardize": standardize, **selection.options()}
    if LOSSES[energy].labels:
        options |= {"labels": None if isinstance(labels, (bool, ClassCodes)) else labels}
    else:
        options |= {"energy": energy, "penalty": penalty}
    return SYSTEMS[energy].scan(path, **options)


def two_systems(
    first: str,
    second: str,
    selection: Selection,
    *,
    energy: str,
    labels: tuple[Any, Any] | bool | ClassCodes = False,
    intercept: bool = True,
) -> tuple[System, System]:
    """Describe the linear systems of two files with the same columns, of which each has rows or moments."""
    from pyrometer.linear import system_of

    scanned = [holds_moments(path) or (LOSSES[energy].moments and exceeds_memory(path)) for path in (first, second)]
    if not any(scanned):
        a, b = read_two(first, second, selection, labels)
        first_system, second_system = (
            system_of(energy, part.X, part.y, intercept=intercept, weights=part.weights, labels=_sorted(labels))
            for part in (a, b)
        )
        return first_system, second_system
    if not holds_moments(first) and not holds_moments(second):
        names = [open_rows(path, labels=labels, **selection.options()).names for path in (first, second)]
        require_same(first, second, *names)
    made: dict[str, System] = {}
    # Moments first: they determine the columns, and their order.
    for path in sorted(dict.fromkeys((first, second)), key=holds_moments, reverse=True):
        earlier = next(iter(made.values()), None)
        chosen = selection
        if earlier is not None and not holds_moments(path):
            chosen = selection._replace(columns=earlier.names, target=target_name(selection.target, earlier))
        made[path] = linear_system(path, chosen, energy=energy, labels=labels, intercept=intercept)
    return made[first], made[second]


def target_name(given: str | None, *systems: System) -> str:
    """Return the name of the target: the one that was given, else that of the moments of a system."""
    of_moments = (system.moments.target for system in systems if system.moments is not None)
    return given or next(filter(None, of_moments), "y")


def _moments(path: str, selection: Selection, energy: str, intercept: bool, chunk_rows: int | None) -> Moments:
    """Load moments; UsageError for options that they cannot follow."""
    from pyrometer.data import Moments

    options: dict[str, Any] = {"drop": selection.drop, "columns": selection.columns, "weights": selection.weights}
    options |= {"chunk-rows": chunk_rows, **selection.csv}
    for option, value in options.items():
        if value:
            raise click.UsageError(
                f"{path} holds second moments, for which --{option} has no meaning; leave it out, or give the file of "
                "the rows."
            )
    if not LOSSES[energy].moments:
        raise click.UsageError(f"{path} holds second moments, and --energy {energy} needs the rows; give their file.")
    moments = Moments.load(path)
    if None not in (selection.target, moments.target) and selection.target != moments.target:
        raise click.UsageError(f"{path} has the target {plain(str(moments.target))}, got --target {selection.target}.")
    explicit = click.get_current_context().get_parameter_source("intercept") is ParameterSource.COMMANDLINE
    if explicit and moments.intercept != intercept:
        have = "an intercept" if moments.intercept else "no intercept"
        raise click.UsageError(f"{path} has moments for models with {have}; leave --[no-]intercept out.")
    return moments
