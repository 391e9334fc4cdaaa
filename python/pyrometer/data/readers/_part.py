"""The protocol of a part of a source, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Part"]


class Part(Protocol):
    """A piece of a source: one file, one fragment of a dataset, one stream."""

    @property
    def label(self) -> str:
        """Name in error messages."""
        ...

    @property
    def once(self) -> bool:
        """Whether it can be read only once."""
        ...

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        ...

    def rows(self) -> int | None:
        """Number of rows, if known before they are read."""
        ...

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        ...
