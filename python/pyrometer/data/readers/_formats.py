"""Files as parts: Parquet, Arrow IPC and CSV, each read batch by batch."""

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
# Rows in a batch, and bytes of a column read in advance.
BATCH = 32_768
_BUFFER = 1 << 20


def kind_of(name: str) -> str:
    """Return "csv", "parquet" or "arrow", from the suffix of a file or else from its first bytes."""
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
    """Return the delimiter of a CSV file: a tab for .tsv, else a comma."""
    return "\t" if ".tsv" in os.path.basename(name).lower() else ","


def file_part(name: str) -> ParquetFile | ArrowFile | CsvFile:
    """Return the reader of a file."""
    kind = kind_of(name)
    return ParquetFile(name) if kind == "parquet" else ArrowFile(name) if kind == "arrow" else CsvFile(name)


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file, decoded a page at a time, so that memory does not grow with its row groups."""

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
        """Number of rows, from the metadata."""
        with self._open() as file:
            return int(file.metadata.num_rows)

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        with self._open() as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=columns, use_threads=threads):
                yield batch.select(columns)

    def extremes(self, columns: Sequence[str]) -> dict[str, set[Any]]:
        """Smallest and largest values of columns for which every row group has statistics.

        ValueError if the statistics declare missing values.
        """
        extremes: dict[str, set[Any]] = {}
        with self._open() as file:
            meta = file.metadata
            if not meta.num_row_groups:
                return extremes
            place = {meta.schema.column(j).path: j for j in range(meta.num_columns)}
            for name in columns:
                statistics, first = [], 0
                for k in range(meta.num_row_groups if name in place else 0):
                    group = meta.row_group(k)
                    declared = group.column(place[name]).statistics
                    if declared is not None and declared.has_null_count and declared.null_count:
                        # The column is read to find the first row with a missing value.
                        column = file.read_row_group(k, columns=[name]).column(0)
                        require_whole(printable(self.label), name, column, first)
                    first += group.num_rows
                    statistics.append(declared)
                if statistics and all(group is not None and group.has_min_max for group in statistics):
                    extremes[name] = {value for group in statistics for value in (group.min, group.max)}
        return extremes


@dataclass(frozen=True)
class ArrowFile:
    """An Arrow IPC file, read by its record batches."""

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
        """None: the number of rows is unknown before the batches are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        del threads
        with self._open(columns) as file:
            for k in range(file.num_record_batches):
                yield file.get_batch(k).select(columns)


@dataclass(frozen=True)
class CsvFile:
    """A CSV file with a header, read in blocks; types come from the first block, with integers read as floats."""

    label: str
    once = False

    def schema(self) -> pa.Schema:
        """Names and types of the columns, inferred from the first block."""
        return self._first.types

    def rows(self) -> int | None:
        """None: the number of rows is unknown before they are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        with self._bytes() as stream, open_csv(stream, self._first, columns, threads=threads) as reader:
            yield from reader

    @cached_property
    def _first(self) -> Opening:
        with self._bytes() as stream:
            return opening(stream, separator(self.label))._replace(head=b"")

    def _bytes(self) -> Any:
        return decompressed(_bytes_of(self.label), self.label)


def unreadable(label: str, error: Exception) -> Exception:
    """Return a ValueError that names the part; an error of the operating system is returned as it is, with the name."""
    if isinstance(error, OSError) and error.errno is not None:
        error.filename = error.filename or label
        return error
    return ValueError(f"{printable(label)} cannot be read: {printable(' '.join(str(error).split()))}")


def decompressed(stream: Any, name: str) -> Any:
    """Return the bytes of a stream, decompressed according to the suffix of its name."""
    import pyarrow as pa

    codec = _COMPRESSED.get(os.path.splitext(name)[1].lower())
    return stream if codec is None else pa.CompressedInputStream(stream, codec)


def _bytes_of(path: str) -> Any:
    """Open a file, whose name may be any bytes."""
    import pyarrow as pa

    try:
        return pa.OSFile(os.fsencode(path))
    except OSError as error:
        if error.errno is None:
            raise
        # The message of Arrow cannot contain a name that is not UTF-8.
        raise OSError(error.errno, os.strerror(error.errno), path) from None
