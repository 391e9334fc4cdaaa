"""Resolution of a source (paths, a dataset, a stream) into parts."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrometer.base import described, number_of, require_known_to_arrow
from pyrometer.data.readers._bytes import BATCH
from pyrometer.data.readers._csv import CsvStream
from pyrometer.data.readers._dialect import Dialect
from pyrometer.data.readers._formats import format_of
from pyrometer.data.readers._part import Part
from pyrometer.data.readers._pipes import is_pipe, opened_pipe

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Fragment", "Stream", "files_of", "parts_of"]


@dataclass(frozen=True)
class Stream:
    """An object with the Arrow stream protocol."""

    label: str
    held: Any
    once: bool

    def _open(self) -> Any:
        import pyarrow as pa

        if self.once:
            return self.held
        try:
            return pa.RecordBatchReader.from_stream(self.held)
        except pa.ArrowInvalid:
            require_known_to_arrow(self.held)
            raise

    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._open().schema

    def rows(self) -> int | None:
        """Number of rows, if known before they are read."""
        return None if self.once else len(self.held)

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        del threads
        for batch in self._open():
            yield batch.select(columns)


@dataclass(frozen=True)
class Fragment:
    """A fragment of a pyarrow Dataset, or a filtered Dataset."""

    label: str
    held: Any
    declared: Any
    once = False

    def schema(self) -> pa.Schema:
        """Names and types of the columns: those of the dataset, to which every fragment is cast."""
        return self.declared

    def rows(self) -> int | None:
        """None: counting may require reading."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order, with little readahead."""
        from pyarrow import dataset

        options: dict[str, Any] = {"batch_readahead": 4, "fragment_readahead": 1, "use_threads": threads}
        if isinstance(getattr(self.held, "format", None), dataset.ParquetFileFormat):
            options["fragment_scan_options"] = dataset.ParquetFragmentScanOptions(
                use_buffered_stream=True, pre_buffer=False
            )
        if not isinstance(self.held, dataset.Dataset):
            options["schema"] = self.declared
        for batch in self.held.to_batches(columns=columns, batch_size=BATCH, **options):
            yield batch.select(columns)


def parts_of(source: Any, dialect: Dialect) -> tuple[str, list[Part]]:
    """Return the name of a source and its parts in order; nothing is read but the first bytes of unnamed formats."""
    if isinstance(source, (str, bytes, os.PathLike)):
        name = os.fsdecode(source)
        if name == "-":
            name = "standard input"
            return name, [_stream("-", name, dialect)]
        return name, [_part(path, dialect) for path in files_of(name)]
    if isinstance(source, (list, tuple)):
        if not source or not all(isinstance(path, (str, bytes, os.PathLike)) for path in source):
            raise TypeError(f"source must be a list of at least one path, got {described(source)}.")
        return number_of(len(source), "file"), [
            _part(path, dialect) for one in source for path in files_of(os.fsdecode(one))
        ]
    if hasattr(source, "__arrow_c_stream__"):
        # Frames and tables have a length and can be read again; a reader cannot.
        import pyarrow as pa

        once = isinstance(source, pa.RecordBatchReader) or not hasattr(source, "__len__")
        return "the stream", [Stream("the stream", pa.RecordBatchReader.from_stream(source) if once else source, once)]
    parts = _fragments(source)
    if parts is None:
        raise TypeError(
            "source must be a path, a list of paths, a pyarrow Dataset or RecordBatchReader, or have "
            f"__arrow_c_stream__, got {described(source)}; {_instead(source)}."
        )
    return "the dataset", parts


def _instead(source: Any) -> str:
    return "pass source.collect()" if hasattr(source, "collect") else "arrays are for Moments.of(X, y)"


def _stream(path: str, name: str, dialect: Dialect) -> Part:
    stream, close = opened_pipe(path)
    return CsvStream(name, dialect, stream, close=close)


def _part(path: str, dialect: Dialect) -> Part:
    if is_pipe(path):
        return _stream(path, path, dialect)
    return format_of(path, text=bool(dialect.given())).part(path, dialect)


def files_of(name: str) -> list[str]:
    """Return the file of a path, or the sorted files of a folder or a glob pattern.

    Each is there once, whatever links lead to it. In a folder, links to folders are followed, and names that begin with
    "." or "_" left out.
    """
    if os.path.isdir(name):
        files = sorted(_held(name))
    elif os.path.exists(name) or not glob.has_magic(name):
        return [name]
    else:
        files = sorted(path for path in glob.glob(name, recursive=True) if not os.path.isdir(path))
    if not files:
        raise FileNotFoundError(2, "no files in this folder or matching this pattern", name)
    real = {path: os.path.realpath(path) for path in files}
    # Of the names of one file its own is kept, if it is among them, else the shortest.
    kept = {
        real[path]: path for path in sorted(files, key=lambda path: (os.path.abspath(path) == real[path], -len(path)))
    }
    return [path for path in files if kept[real[path]] is path]


def _held(root: str) -> Iterator[str]:
    """Yield the files of a folder and of those within it, each once, and those behind links last."""
    waiting, read = deque([root]), set[str]()
    while waiting:
        folder = waiting.popleft()
        if (path := os.path.realpath(folder)) in read:
            continue
        read.add(path)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "_")):
                    continue
                if not entry.is_dir():
                    yield entry.path
                elif entry.is_symlink():
                    waiting.append(entry.path)
                else:
                    waiting.appendleft(entry.path)


def _fragments(source: Any) -> list[Part] | None:
    from pyarrow import dataset

    if not isinstance(source, dataset.Dataset):
        return None
    try:
        held = list(source.get_fragments())
    except ValueError:  # a filtered dataset has no fragments
        return [Fragment("the dataset", source, source.schema)]
    return [
        Fragment(getattr(fragment, "path", "") or f"fragment {k}", fragment, source.schema)
        for k, fragment in enumerate(held)
    ]
