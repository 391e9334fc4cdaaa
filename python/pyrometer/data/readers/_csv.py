"""CSV with a header, read in blocks; the types of the columns come from the first block."""

from __future__ import annotations

import io
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pyrometer.data.readers._pipes import Pipe

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CsvStream", "Opening", "open_csv", "opening"]

# Bytes in a block, and the longest header or row.
_BLOCK, _LONGEST = 1 << 20, 1 << 27


class Opening(NamedTuple):
    """The first bytes of a stream, the columns inferred from them, and the size of a block that holds a row."""

    head: bytes
    types: pa.Schema
    delimiter: str
    block: int


@dataclass(frozen=True, eq=False)
class CsvStream:
    """CSV of a stream that can be read only once, and whose first bytes have been read."""

    label: str
    pipe: Pipe
    stream: Any
    first: Opening
    once = True

    def schema(self) -> pa.Schema:
        """Names and types of the columns, inferred from the first block."""
        return self.first.types

    def rows(self) -> int | None:
        """None: the number of rows is unknown before they are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        stream = _Chained(self.first.head, self.stream)
        self.pipe.reader = weakref.ref(stream)
        reader = open_csv(stream, self.first, columns, threads=threads)
        del stream
        with reader:
            yield from reader

    def stop(self) -> None:
        """End a pending read, as at the end of the stream."""
        self.pipe.stop()

    def wait(self, seconds: float) -> None:
        """Wait until no thread is reading."""
        self.pipe.wait(seconds)


def opening(stream: Any, delimiter: str) -> Opening:
    """Read the first block of a stream, enlarged until it holds the header and a row."""
    import pyarrow as pa

    head: bytes = stream.read(_BLOCK)
    while len(lines := _first_lines(head)) < 2 and len(head) < _LONGEST and (more := stream.read(len(head))):
        head += more
    lines_only = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] if lines else head
    block = max(_BLOCK, min(4 * max(lines, default=len(head)), _LONGEST))

    def widened(kind: pa.DataType) -> pa.DataType:
        # A column of integers, or of nulls only, in the first block may have fractions in the next.
        return pa.float64() if pa.types.is_integer(kind) or pa.types.is_null(kind) else kind

    with _reader(pa.BufferReader(lines_only), delimiter, max(block, len(lines_only))) as reader:
        types = pa.schema([field.with_type(widened(field.type)) for field in reader.schema])
    return Opening(head, types, delimiter, block)


def open_csv(stream: Any, first: Opening, columns: Sequence[str], *, threads: bool) -> Any:
    """Return a reader of the selected columns, in their order, as batches."""
    selected = set(columns)
    types = {field.name: field.type for field in first.types if field.name in selected}
    return _reader(stream, first.delimiter, first.block, types, columns, threads=threads)


def _first_lines(head: bytes) -> list[int]:
    """Lengths of the first complete lines."""
    newline = b"\n" if b"\n" in head else b"\r"
    lines: list[int] = []
    start = 0
    while len(lines) < 8 and (end := head.find(newline, start) + 1):
        lines.append(end - start)
        start = end
    return lines


def _reader(
    stream: Any,
    delimiter: str,
    block: int,
    types: dict[str, pa.DataType] | None = None,
    columns: Sequence[str] = (),
    *,
    threads: bool = True,
) -> Any:
    from pyarrow import csv

    return csv.open_csv(
        stream,
        read_options=csv.ReadOptions(use_threads=threads, block_size=block),
        parse_options=csv.ParseOptions(delimiter=delimiter),
        convert_options=csv.ConvertOptions(include_columns=list(columns), column_types=types or {}),
    )


class _Chained(io.RawIOBase):
    """The bytes that have been read already, followed by the rest of the stream."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)  # type: ignore[no-any-return]
        size = len(self._head) if size < 0 else size
        piece, self._head = bytes(self._head[:size]), self._head[size:]
        return piece
