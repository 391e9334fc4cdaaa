"""Batches of a monitor: the rows of files, or of one file by the values of a column, and the model of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from pyrometer.base import Array, encoded, labels_in, listed, number_of, plain
from pyrometer.cli._data import Selection, named, numbers_in, read_columns
from pyrometer.cli._samples import NO_MODEL
from pyrometer.data.readers import files_of, require_present
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    import pyarrow as pa

    from pyrometer.states import OfColumns

__all__ = ["Batch", "Given", "Reader", "batches", "model_of"]

# Greater numbers of a column are named in powers of ten.
_WHOLE = 1e16


@dataclass(frozen=True)
class Batch:
    """Rows of columns of any kind, and their targets and predictions where there are such."""

    name: str
    X: pa.Table
    y: Any
    prediction: Array | None
    weights: Array | None = None


@dataclass
class Reader:
    """Reads batches with the columns, and the labels, of the reference: the first part of a file, or more."""

    selection: Selection
    energy: str
    labels: Any
    prediction: str | None
    by: str | None
    first: int = 1
    names: list[str] | None = None

    def __call__(self, path: str) -> list[Batch]:
        """Return the batches of a file, folder or pattern: one, or one for each value of the column `by`."""
        target = None if self.energy == NO_MODEL else self.selection.target
        if self.energy != NO_MODEL and target is None:
            raise click.UsageError("Missing option '--target'.")
        table, apart = read_columns(
            path, self.selection, target=target, prediction=self.prediction, by=self.by, weights=self.selection.weights
        )
        require_present(named(path), table.column_names, self.names or ())
        features = [name for name in table.column_names if name not in apart]
        odd = sorted(set(features) - set(self.names or features))
        if odd:
            raise click.ClickException(
                f"{path} must have the columns of the reference, got {listed(odd, plain)} besides; use --drop."
            )
        self.names = self.names or features
        try:
            parts = list(self._parts(path, table))
            if target is not None and len(table) and not isinstance(self.labels, tuple):
                of_reference = [value for _, part in parts[: self.first] for value in part.column(target).to_pylist()]
                self.labels = self._known(np.asarray(of_reference))
            return [self._batch(path, name, part, target) for name, part in parts]
        except (TypeError, ValueError) as error:
            raise click.ClickException(f"{path}: {error}") from error

    def _parts(self, path: str, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """Name and rows of each part, in the order in which its value appears first."""
        if self.by is None:
            yield named(path), table
            return
        values = table.column(self.by).to_pylist()
        if any(value is None or value != value for value in values):
            raise ValueError(f"column {plain(self.by)} of --by must have no missing values.")
        rows: dict[Any, list[int]] = {}
        for row, value in enumerate(values):
            rows.setdefault(value, []).append(row)
        for value, places in rows.items():
            # Columns of numbers are read as floats: 3, not 3.0, for a name that is in the file.
            whole = isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE
            yield str(int(value) if whole else value), table.take(places)

    def _batch(self, path: str, name: str, table: pa.Table, target: str | None) -> Batch:
        if not len(table):
            raise ValueError("there must be at least one row, got none.")
        y = None if target is None else self._encoded(table.column(target))
        prediction = numbers_in(path, table, "prediction", self.prediction)
        weights = numbers_in(path, table, "weights", self.selection.weights)
        return Batch(name, table.select(self.names), y, prediction, weights)

    def _known(self, y: Any) -> tuple[Any, ...] | None:
        """Return the labels of targets of the reference; None where the loss is of numbers."""
        loss = LOSSES[self.energy]
        if not loss.categorical:
            return None
        return labels_in(y) if loss.classes else (0, 1)

    def _encoded(self, column: pa.ChunkedArray) -> Any:
        """Return targets as numbers: labels as 0 and 1, or as those of classes."""
        y = np.asarray(column.to_pylist())
        return encoded(y, self.labels, np.float64) if LOSSES[self.energy].categorical else y


@dataclass
class Given:
    """The column of predictions of the batch that is being read, as a model."""

    batch: Batch

    def __call__(self, X: pa.Table) -> Array:
        """Return the predictions of its rows."""
        del X
        assert self.batch.prediction is not None
        return self.batch.prediction


def model_of(reference: Batch, energy: str, *, intercept: bool) -> OfColumns | Given | None:
    """Return the column of predictions, or the model that the reference trains on its complete numbers; None alone."""
    from pyrometer.states import OfColumns

    if energy == NO_MODEL:
        return None
    if reference.prediction is not None:
        return Given(reference)
    names = OfColumns.usable(reference.X)
    return OfColumns.trained(reference.X, reference.y, energy, names, intercept=intercept, weights=reference.weights)


def batches(read: Reader, reference: str, others: Sequence[str], first: int) -> tuple[Batch, Iterator[Batch]]:
    """Return the reference, and the batches after it as they are read."""
    if read.by is None:
        if first != 1:
            raise click.UsageError("--first counts values of the reference for --by COLUMN; give that column.")
        if not others:
            raise click.UsageError("Missing argument 'BATCH...': files to compare with REFERENCE, or --by COLUMN.")
        (old,) = read(reference)
        return old, (batch for name in others for path in files_of(name) for batch in read(path))
    import pyarrow as pa

    parts = read(reference)
    if len(parts) <= first:
        raise click.UsageError(
            f"--by {plain(read.by)}: {reference} must have more than {number_of(first, 'value')} in that column, got "
            f"{len(parts)}."
        )
    before = parts[:first]
    y = None if before[0].y is None else np.concatenate([part.y for part in before])
    prediction = None if before[0].prediction is None else np.concatenate([part.prediction for part in before])
    name = before[0].name if first == 1 else f"{before[0].name} to {before[-1].name}"
    weights = None if before[0].weights is None else np.concatenate([part.weights for part in before])
    old = Batch(name, pa.concat_tables([part.X for part in before]), y, prediction, weights)
    return old, (batch for part in (parts[first:], *map(read, others)) for batch in part)
