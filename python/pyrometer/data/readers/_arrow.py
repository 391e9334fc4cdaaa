"""Arrow IPC files as parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrometer.data.readers._bytes import opened

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowFile"]


@dataclass(frozen=True)
class ArrowFile:
    """An Arrow IPC file, read by its record batches."""

    label: str
    once = False

    def _open(self, columns: list[str] | None = None) -> Any:
        import pyarrow as pa

        if columns is None:
            return pa.ipc.open_file(opened(self.label))
        place = {name: j for j, name in enumerate(self.schema().names)}
        options = pa.ipc.IpcReadOptions(included_fields=[place[name] for name in columns])
        return pa.ipc.open_file(opened(self.label), options=options)

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
