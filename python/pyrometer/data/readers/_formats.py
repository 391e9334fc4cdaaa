"""Parts that are files: Parquet, Arrow IPC and CSV, each read batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyrometer.base import printable
from pyrometer.data.readers._checks import require_whole
from pyrometer.data.readers._csv import Opening, open_csv, opening

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowFile", "CsvFile", "ParquetFile", "file_part", "kind_of", "unreadable"]

_ARROW = (".arrow", ".feather", ".ipc")
_PARQUET = (".parquet", ".pq")
_COMPRESSED = {".bz2": "bz2", ".gz": "gzip", ".lz4": "lz4", ".zst": "zstd"}
# Rows of a batch, and bytes of a column that are read ahead.
BATCH = 32_768
_BUFFER = 1 << 20


def kind_of(name: str) -> str:
    """Return "csv", "parquet" or "arrow": by the suffix of a file, else by its first bytes."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in _PARQUET:
        return "parquet"
    if suffix in _ARROW:
        return "arrow"
    if os.path.isfile(name) and suffix != ".csv":
        with open(name, "rb") as file:
            magic = file.read(6)
        if magic[:4] == b"PAR1":
            return "parquet"
        if magic in (b"ARROW1", b"FEA1"):
            return "arrow"
    return "csv"


def separator(name: str) -> str:
    """Return what separates the fields of a CSV file."""
    return "\t" if ".tsv" in os.path.basename(name).lower() else ","


def file_part(name: str) -> ParquetFile | ArrowFile | CsvFile:
    """Return the part that a file is."""
    kind = kind_of(name)
    return ParquetFile(name) if kind == "parquet" else ArrowFile(name) if kind == "arrow" else CsvFile(name)


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file; columns are decoded a page at a time, however long its row groups are."""

    label: str
    once = False

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(
            _bytes_of(self.label), buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
        )

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        with self._open() as file:
            return file.schema_arrow

    def rows(self) -> int | None:
        """How many there are, if that is known before they are read."""
        with self._open() as file:
            return int(file.metadata.num_rows)

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read some columns, in their order."""
        with self._open() as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=columns, use_threads=threads):
                yield batch.select(columns)

    def extremes(self, columns: Sequence[str]) -> dict[str, set[Any]]:
        """Least and largest values of each column as far as the file says; ValueError if it says that some are missing.

        A column is not among them unless every row group knows its own.
        """
        found: dict[str, set[Any]] = {}
        with self._open() as file:
            meta = file.metadata
            if not meta.num_row_groups:
                return found
            place = {meta.schema.column(j).path: j for j in range(meta.num_columns)}
            for name in columns:
                statistics, first = [], 0
                for k in range(meta.num_row_groups if name in place else 0):
                    group = meta.row_group(k)
                    known = group.column(place[name]).statistics
                    if known is not None and known.has_null_count and known.null_count:
                        # The statistics have the number, the column has the row.
                        column = file.read_row_group(k, columns=[name]).column(0)
                        require_whole(printable(self.label), name, column, first)
                    first += group.num_rows
                    statistics.append(known)
                if statistics and all(known is not None and known.has_min_max for known in statistics):
                    found[name] = {value for known in statistics for value in (known.min, known.max)}
        return found


@dataclass(frozen=True)
class ArrowFile:
    """An Arrow IPC file, read by the record batches that were written."""

    label: str
    once = False

    def _open(self, columns: list[str] | None = None) -> Any:
        import pyarrow as pa

        if columns is None:
            return pa.ipc.open_file(_bytes_of(self.label))
        place = {name: j for j, name in enumerate(self.schema().names)}
        options = pa.ipc.IpcReadOptions(included_fields=[place[name] for name in columns])
        return pa.ipc.open_file(_bytes_of(self.label), options=options)

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        with self._open() as file:
            return file.schema

    def rows(self) -> int | None:
        """How many there are; the file does not say before its batches are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read some columns, in their order."""
        del threads
        with self._open(columns) as file:
            for k in range(file.num_record_batches):
                yield file.get_batch(k).select(columns)


@dataclass(frozen=True)
class CsvFile:
    """A CSV file with a header, read in blocks; the first block says what the columns are, integers count as floats."""

    label: str
    once = False

    def schema(self) -> pa.Schema:
        """Names and types of the columns, as far as the first block tells."""
        return self._first.types

    def rows(self) -> int | None:
        """How many there are: not known before they are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read some columns, in their order."""
        with self._bytes() as stream, open_csv(stream, self._first, columns, threads=threads) as reader:
            yield from reader

    @cached_property
    def _first(self) -> Opening:
        with self._bytes() as stream:
            return opening(stream, separator(self.label))._replace(head=b"")

    def _bytes(self) -> Any:
        return decompressed(_bytes_of(self.label), self.label)


def unreadable(label: str, error: Exception) -> Exception:
    """Return the error that says what could not be read; one of the operating system says it better itself."""
    if isinstance(error, OSError) and error.errno is not None:
        error.filename = error.filename or label
        return error
    return ValueError(f"{printable(label)} cannot be read: {printable(' '.join(str(error).split()))}")


def decompressed(stream: Any, name: str) -> Any:
    """Return the bytes of a stream, decompressed where the suffix of its name says so."""
    import pyarrow as pa

    codec = _COMPRESSED.get(os.path.splitext(name)[1].lower())
    return stream if codec is None else pa.CompressedInputStream(stream, codec)


def _bytes_of(path: str) -> Any:
    """Open a file; its name need not be UTF-8."""
    import pyarrow as pa

    try:
        return pa.OSFile(os.fsencode(path))
    except OSError as error:
        if error.errno is None:
            raise
        # Arrow's own message cannot show a name that is not UTF-8.
        raise OSError(error.errno, os.strerror(error.errno), path) from None
