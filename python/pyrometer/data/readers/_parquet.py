"""Parquet files as parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrometer.base import printable
from pyrometer.data.readers._bytes import BATCH, opened
from pyrometer.data.readers._checks import require_whole

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetFile"]

# Bytes of a column read in advance.
_BUFFER = 1 << 20


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file, decoded a page at a time, so that memory does not grow with its row groups."""

    label: str
    once = False

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(
            opened(self.label), buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
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
        """Smallest and largest values of columns, the target last, for which every row group has statistics.

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
                        require_whole(printable(self.label), name, column, first, target=name == columns[-1])
                    first += group.num_rows
                    statistics.append(declared)
                if statistics and all(group is not None and group.has_min_max for group in statistics):
                    extremes[name] = {value for group in statistics for value in (group.min, group.max)}
        return extremes
