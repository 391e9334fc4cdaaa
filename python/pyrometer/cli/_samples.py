"""Two samples of rows for a shift: arrays under a model that the first trains, or frames with columns of all kinds."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt

from pyrometer.base import ClassCodes, encoded, labels_in, listed, plain
from pyrometer.cli._data import Selection, Subject, named, numbers_in, read_columns, read_two, require_same
from pyrometer.data.readers import readable_again
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    import pyarrow as pa

    from pyrometer.states import DataState, OfColumns

__all__ = ["NO_MODEL", "Options", "Sample", "samples"]

NO_MODEL = "none"  # of --energy: the columns alone


@dataclass(frozen=True)
class Options:
    """How the rows are compared."""

    energy: str
    labels: tuple[Any, Any] | bool | ClassCodes
    prediction: str | None
    intercept: bool
    block: Any
    density: str


@dataclass(frozen=True)
class Sample:
    """A state, with the columns and residuals that it is of, for pictures."""

    state: DataState
    source: str
    columns: dict[str, Any]
    residual: npt.NDArray[np.float64] | None
    about: dict[str, Any]
    weights: npt.NDArray[Any] | None
    test: tuple[str, float] | None = None  # whether one model holds for both, of the second sample

    @property
    def drawable(self) -> dict[str, Any]:
        """The columns, and the residual where there is one."""
        return self.columns if self.residual is None else {**self.columns, "(residual)": self.residual}


def samples(before: str, after: str, selection: Selection, options: Options) -> tuple[Sample, Sample]:
    """Return two samples: of numbers if the files hold nothing else, else of columns of all kinds."""
    if options.prediction is None and options.energy != NO_MODEL:
        with readable_again():
            frames = []
            try:
                old, new = read_two(before, after, selection, options.labels)
                if _may_be_booleans(old.X) or _may_be_booleans(new.X):
                    frames = _mixed(before, after, selection, options)
                if not frames:
                    return _of_numbers(old, new, options)
            except (ValueError, TypeError, click.ClickException):
                frames = _mixed(before, after, selection, options)
                if not frames:
                    raise
    else:
        frames = [_frame(path, selection, options) for path in (before, after)]
    return _of_frames(before, after, frames, options)


def _mixed(before: str, after: str, selection: Selection, options: Options) -> list[_Frame]:
    """Return the columns of all kinds of two files; none where all are of numbers, or cannot be read."""
    try:
        frames = [_frame(path, selection, options) for path in (before, after)]
    except (ValueError, TypeError, OSError, click.ClickException):
        return []
    return frames if any(_is_mixed(frame.X) for frame in frames) else []


def _may_be_booleans(X: npt.NDArray[Any]) -> bool:
    """Whether a column has the numbers 0 and 1 alone."""
    return bool(((X == 0) | (X == 1)).all(axis=0).any())


def _of_numbers(old: Subject, new: Subject, options: Options) -> tuple[Sample, Sample]:
    from pyrometer.linear import system_of
    from pyrometer.states import as_state, predicted

    model: Any = system_of(options.energy, old.X, old.y, intercept=options.intercept, weights=old.weights)
    made, like = [], None
    for each in (old, new):
        state = as_state(
            each.source,
            (each.X, each.y),
            model,
            None,
            options.block if like is None else like.block,
            options.density,
            names=each.names,
            like=like,
            weights=each.weights,
        )
        residual = None
        if not LOSSES[options.energy].classes:
            rows = predicted(each.X, each.y, model, None)
            residual = rows.target - rows.prediction
        held = dict(zip(each.names, each.X.T, strict=True))
        made.append(Sample(state, each.source, held, residual, {}, each.weights))
        like = state
    return made[0], replace(made[1], test=_pooled(model, new.X, new.y, new.weights, options))


def _pooled(model: Any, X: Any, y: Any, weights: Any, options: Options) -> tuple[str, float] | None:
    """Return the test of one model for both samples; None where the second has no system of the kind of the first."""
    from pyrometer.linear import system_of
    from pyrometer.states import pooling_test

    labels = getattr(model, "labels", None) if LOSSES[options.energy].classes else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of minima that are not reported
        try:
            other: Any = system_of(options.energy, X, y, intercept=options.intercept, labels=labels, weights=weights)
            return pooling_test(model, other)
        except (ValueError, ArithmeticError):
            return None


@dataclass(frozen=True)
class _Frame:
    X: pa.Table
    y: Any
    prediction: npt.NDArray[np.float64] | None
    weights: npt.NDArray[np.float64] | None


def _frame(path: str, selection: Selection, options: Options) -> _Frame:
    """Read a file with columns of all kinds; the target, the prediction and the weights are no features."""
    target = None if options.energy == NO_MODEL else selection.target
    if options.energy != NO_MODEL and target is None:
        raise click.UsageError("Missing option '--target'.")
    table, apart = read_columns(
        path, selection, target=target, prediction=options.prediction, weights=selection.weights
    )
    y = None if target is None else np.asarray(table.column(target).to_pylist())
    prediction = numbers_in(path, table, "prediction", options.prediction)
    weights = numbers_in(path, table, "weights", selection.weights)
    return _Frame(table.drop_columns(apart) if apart else table, y, prediction, weights)


def _is_mixed(table: pa.Table) -> bool:
    import pyarrow as pa

    return any(
        column.null_count or not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type))
        for column in table.columns
    )


def _of_frames(before: str, after: str, frames: list[_Frame], options: Options) -> tuple[Sample, Sample]:
    from pyrometer.states import OfColumns, as_state, predicted

    names = frames[0].X.column_names
    require_same(before, after, names, frames[1].X.column_names)
    tables = [frame.X.select(names) for frame in frames]
    targets: list[Any] = [None, None]
    model: OfColumns | None = None
    about: dict[str, Any] = {"model": "none"}
    if options.energy != NO_MODEL:
        targets = _targets(frames, options)
        about = {"prediction": options.prediction}
    if options.energy != NO_MODEL and options.prediction is None:
        usable = OfColumns.usable(*tables)
        weights = frames[0].weights
        model = OfColumns.trained(
            tables[0], targets[0], options.energy, usable, intercept=options.intercept, weights=weights
        )
        about = {"model": f"of the complete columns of numbers, {listed(usable, plain)}" if usable else "a constant"}
    made, like = [], None
    for path, table, y, frame in zip((before, after), tables, targets, frames, strict=True):
        value = table if y is None else (table, y)
        given: dict[str, Any] = {"prediction": frame.prediction, "weights": frame.weights}
        loss = None if y is None else options.energy
        block = options.block if like is None else like.block
        state = as_state(named(path), value, model, loss, block, options.density, like=like, **given)
        residual = None if frame.prediction is None else np.asarray(y, dtype=np.float64) - frame.prediction
        if model is not None and not LOSSES[options.energy].classes:
            rows = predicted(table, y, model, None)
            residual = rows.target - rows.prediction
        columns = {name: table.column(name).to_pylist() for name in names}
        made.append(Sample(state, named(path), columns, residual, about, frame.weights))
        like = state
    if model is None:
        return made[0], made[1]
    test = _pooled(model.system, model.numbers(tables[1]), targets[1], frames[1].weights, options)
    return made[0], replace(made[1], test=test)


def _targets(frames: list[_Frame], options: Options) -> list[Any]:
    """Return targets as numbers: labels as 0 and 1, or as those of classes."""
    if not LOSSES[options.energy].labels and not LOSSES[options.energy].classes:
        return [frame.y for frame in frames]
    labels: Any = options.labels if isinstance(options.labels, tuple) else (0, 1)
    if LOSSES[options.energy].classes:
        labels = labels_in(frames[0].y)
    return [encoded(frame.y, labels, np.float64) for frame in frames]
