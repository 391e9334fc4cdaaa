"""All rows of a source as columns of whatever kind: numbers, text, missing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyrometer.base import first_inexact, printable, quoted
from pyrometer.data.readers._bytes import unreadable
from pyrometer.data.readers._checks import remedy, require_once, require_present, too_long
from pyrometer.data.readers._csv import Csv
from pyrometer.data.readers._dialect import dialect_of
from pyrometer.data.readers._open import schema_of
from pyrometer.data.readers._part import Part
from pyrometer.data.readers._resolve import parts_of
from pyrometer.data.readers._text_numbers import decimals

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_frame"]


def read_frame(source: Any, *, columns: Sequence[str] | None, drop: Sequence[str], **csv: Any) -> pa.Table:
    """Return the columns of a source, in memory, without those to drop; empty text of CSV is missing.

    ValueError or OSError, with the name of the part, if it cannot be read, lacks a column that another has, or has one
    of another kind, or has numbers in another notation than the options of CSV say.
    """
    import pyarrow as pa

    name, parts = parts_of(source, dialect_of(csv))
    tables, labels = [], list[str]()
    for part in parts:
        held = schema_of(part, [*(columns or ())]).names
        try:
            require_present(printable(part.label), held, [*(columns or ()), *drop])
            wanted = [column for column in (columns or held) if column not in set(drop)]
            require_once(printable(part.label), held, wanted)
            batches = list(_batches(part, wanted))
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise unreadable(part.label, error) from error
        table = pa.Table.from_batches(batches) if batches else None
        if table is not None:
            tables.append(_with_missing(table, part) if isinstance(part, Csv) else table)
            labels.append(printable(part.label))
    if not tables or not sum(map(len, tables)):
        raise ValueError(f"{printable(name)} must have at least one row, got none.")
    try:
        return _with_doubles(_together(labels, tables))
    except pa.ArrowInvalid as error:
        raise ValueError(f"{printable(name)} must have columns of one kind in all parts: {error}.") from error


def _with_doubles(table: pa.Table) -> pa.Table:
    """Return the rows with doubles for columns of decimals that lose no digits."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            column, lost = decimals(table.column(place).combine_chunks())
            if lost is None:
                table = table.set_column(place, field.name, column)
    return table


def _together(labels: list[str], tables: list[pa.Table]) -> pa.Table:
    """Return the rows of all parts; a column without a value in one of them has the kind of the others."""
    import pyarrow as pa

    if len(tables) == 1:
        return tables[0]
    for label, table in zip(labels, tables, strict=True):
        _require_columns(labels[0], tables[0].column_names, label, table.column_names)
    names = tables[0].column_names
    return pa.table({name: _united(labels, [table.column(name) for table in tables], name) for name in names})


def _require_columns(first: str, expected: list[str], label: str, held: list[str]) -> None:
    """Raise ValueError unless a part has the columns of the first one."""
    for one, names, other, those in ((first, expected, label, held), (label, held, first, expected)):
        existing = set(those)
        lacking = next((name for name in names if name not in existing), None)
        if lacking is not None:
            raise ValueError(
                f"{one}: column {quoted(lacking)} must be in all parts or in none, and is not in {other}; select the "
                "columns to use (columns, --columns)."
            )


def _united(labels: list[str], columns: list[pa.ChunkedArray], name: str) -> pa.ChunkedArray:
    """Return one column of all parts, of the kind that its values have in common."""
    import pyarrow as pa

    empty = [column.null_count == len(column) for column in columns]
    kind = pa.null()
    for label, column, none in zip(labels, columns, empty, strict=True):
        both = [pa.schema([pa.field(name, each)]) for each in (kind, pa.null() if none else column.type)]
        try:
            kind = pa.unify_schemas(both, promote_options="permissive").field(0).type
        except pa.ArrowException as error:
            raise ValueError(
                f"{label}: column {quoted(name)} must be of one kind in all parts, got {column.type}, and {kind} in "
                f"the parts before; write it in one way{remedy([name])}"
            ) from error
    kind = columns[0].type if pa.types.is_null(kind) else kind
    chunks: list[pa.Array] = []
    for label, column, none in zip(labels, columns, empty, strict=True):
        chunks += [pa.nulls(len(column), kind)] if none else _as(kind, label, name, column).chunks
    return pa.chunked_array(chunks, kind)


def _as(kind: pa.DataType, label: str, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of another kind; ValueError for integers that doubles cannot hold."""
    import pyarrow as pa

    if kind != pa.float64() or not pa.types.is_integer(column.type):
        return column.cast(kind)
    lost = first_inexact(column.fill_null(0).to_numpy())
    if lost is not None:
        raise ValueError(too_long(label, name, str(column[lost]), lost + 1, target=False))
    return column.cast(kind, safe=False)  # Arrow's check refuses all beyond 2**53


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


def _with_missing(table: pa.Table, part: Csv) -> pa.Table:
    """Return the table with missing values in the places of empty text; ValueError for texts that look like numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for j, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = table.column(j)
            empty = pc.equal(column, "")
            column = pc.if_else(empty, pa.scalar(None, field.type), column)
            part.require_categories(field.name, column)
            table = table.set_column(j, field.name, column)
    return table
