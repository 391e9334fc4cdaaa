"""All rows of a source as columns of whatever kind: numbers, text, missing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyrometer.base import printable
from pyrometer.data.readers._bytes import unreadable
from pyrometer.data.readers._checks import require_present
from pyrometer.data.readers._csv import Csv
from pyrometer.data.readers._dialect import dialect_of
from pyrometer.data.readers._part import Part
from pyrometer.data.readers._resolve import parts_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_frame"]


def read_frame(source: Any, *, columns: Sequence[str] | None, drop: Sequence[str], **csv: Any) -> pa.Table:
    """Return the columns of a source, in memory, without those to drop; empty text of CSV is missing.

    ValueError or OSError, with the name of the part, if it cannot be read or lacks a column.
    """
    import pyarrow as pa

    name, parts = parts_of(source, dialect_of(csv))
    tables = []
    for part in parts:
        try:
            held = part.schema().names
            require_present(printable(part.label), held, [*(columns or ()), *drop])
            wanted = [column for column in (columns or held) if column not in set(drop)]
            batches = list(_batches(part, wanted))
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise unreadable(part.label, error) from error
        table = pa.Table.from_batches(batches) if batches else None
        if table is not None:
            tables.append(_with_missing(table) if isinstance(part, Csv) else table)
    if not tables or not sum(map(len, tables)):
        raise ValueError(f"{printable(name)} must have at least one row, got none.")
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowInvalid as error:
        raise ValueError(f"{printable(name)} must have columns of one kind in all parts: {error}") from error


def _batches(part: Part, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read columns, whose numbers keep their digits if they are of CSV."""
    import pyarrow as pa

    row = 0
    for batch in part.batches(columns, threads=True):
        if isinstance(part, Csv):
            numeric = [j for j, field in enumerate(batch.schema) if field.type == pa.float64()]
            arrays = [batch.column(j).to_numpy(zero_copy_only=False) for j in numeric]
            part.require_digits([columns[j] for j in numeric], arrays, row)
        yield batch
        row += batch.num_rows


def _with_missing(table: pa.Table) -> pa.Table:
    """Return the table with missing values in the places of empty text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for j, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = table.column(j)
            empty = pc.equal(column, "")
            table = table.set_column(j, field.name, pc.if_else(empty, pa.scalar(None, field.type), column))
    return table
