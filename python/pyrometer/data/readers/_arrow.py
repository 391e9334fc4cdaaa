"""Arrow IPC files and streams in files as parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrometer.base import printable
from pyrometer.data.readers._bytes import opened

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowFile"]

# The first bytes of a stream, and with the length 0 after them its last ones; those of a file of Feather 1.
_STREAM, _END, _FEATHER = b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\0\0\0\0", b"FEA1"


@dataclass(frozen=True)
class ArrowFile:
    """An Arrow IPC file, in the format of files or of streams, read by its record batches."""

    label: str
    once = False

    def _open(self, raw: Any, columns: list[str] | None = None) -> Any:
        """Return a reader of a file that has been opened, at its beginning."""
        import pyarrow as pa

        options = None
        if columns is not None:
            place = {name: j for j, name in enumerate(self.schema().names)}
            options = pa.ipc.IpcReadOptions(included_fields=[place[name] for name in columns])
        return (pa.ipc.open_stream if _begins(raw) == _STREAM else pa.ipc.open_file)(raw, options=options)

    def schema(self) -> pa.Schema:
        """Names and types of the columns; ValueError for a file of Feather 1."""
        with opened(self.label) as raw:
            if _begins(raw) == _FEATHER:
                raise ValueError(
                    "the content is Feather 1, a format from before Arrow IPC; write the data frame again, with "
                    "to_feather or write_ipc of a current pandas or polars."
                )
            with self._open(raw) as reader:
                return reader.schema

    def rows(self) -> int | None:
        """None: the number of rows is unknown before the batches are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order; ValueError for a stream that is cut, or has another one after it."""
        import pyarrow as pa

        del threads
        with opened(self.label) as raw, self._open(raw, columns) as reader:
            if isinstance(reader, pa.RecordBatchStreamReader):
                for batch in reader:
                    yield batch.select(columns)
                self._require_end(raw)
                return
            for k in range(reader.num_record_batches):
                yield reader.get_batch(k).select(columns)

    def _require_end(self, raw: Any) -> None:
        """Raise ValueError unless a stream, which has been read, ends with its mark, and the file with it."""
        read, size = raw.tell(), raw.size()
        if read < size:
            raise ValueError(
                f"{printable(self.label)} must have one stream of Arrow, got {size - read} bytes after its end; write "
                "streams to files of their own, and read a list of them."
            )
        raw.seek(size - len(_END))
        if raw.read() != _END:
            raise ValueError(
                f"{printable(self.label)} must end with the mark of the end of a stream of Arrow, and does not: rows "
                "may be missing; write it again, and close its writer."
            )


def _begins(raw: Any) -> bytes:
    """Return the first bytes, and go back to them."""
    first: bytes = raw.read(len(_STREAM))
    raw.seek(0)
    return first
