"""The formats of tables: the suffix of each, and how it is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pyrometer.results import _serialise

if TYPE_CHECKING:
    from pyrometer.results._table import Table

__all__ = ["TABLE_FORMATS", "TableFormat", "table_format"]


@dataclass(frozen=True)
class TableFormat:
    """A format: its name on the command line, the suffix of its files, and what writes a table."""

    name: str
    suffix: str
    write: Callable[[Table, BinaryIO], object]
    single: bool = True
    """Whether a file holds one table alone."""
    text: bool = True


def _write_csv(table: Table, file: BinaryIO) -> None:
    file.write(table.to_csv().encode())


def _write_json(table: Table, file: BinaryIO) -> None:
    for piece in _serialise.json_pieces(table.title, table.columns, table.units, table.metadata):
        file.write(piece.encode())
    file.write(b"\n")


def _write_parquet(table: Table, file: BinaryIO) -> None:
    arrow = table.to_arrow()
    from pyarrow import parquet

    parquet.write_table(arrow, file)


TABLE_FORMATS = {
    record.name: record
    for record in (
        TableFormat("csv", ".csv", _write_csv),
        TableFormat("json", ".json", _write_json, single=False),
        TableFormat("parquet", ".parquet", _write_parquet, text=False),
    )
}


def table_format(what: str, path: str) -> TableFormat:
    """Return the format of a file by its suffix; ValueError, with those that are known, for another."""
    suffix = os.path.splitext(path)[1].lower()
    for record in TABLE_FORMATS.values():
        if record.suffix == suffix:
            return record
    raise ValueError(
        f"{what} must end in {', '.join(record.suffix for record in TABLE_FORMATS.values())}, got {path!r}."
    )
