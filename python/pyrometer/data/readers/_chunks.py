"""Chunks of rows, decoded by one thread while another computes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from pyrometer.base import ClassCodes, number_of, printable, replacements
from pyrometer.data.readers._bytes import unreadable
from pyrometer.data.readers._checks import binary, classes, numbers, require_finite, weights_in
from pyrometer.data.readers._csv import Csv
from pyrometer.data.readers._parquet import ParquetFile
from pyrometer.data.readers._part import Part
from pyrometer.data.readers._resolve import Fragment, Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CELLS", "Chunk", "Rows"]

# Default numbers in a chunk: a few milliseconds of work, little memory.
CELLS = 1 << 20
# Rows that are transposed at a time, so that they stay in the cache.
_BLOCK = 4096
# Above and below these, sums of squares may overflow or underflow.
_HUGE, _TINY = 1e140, 1e-140
# Arrays of unknown length grow by this fraction of their length.
_GROWTH = 16
# Batches decoded in advance.
_AHEAD = 3
# Seconds to wait for a thread that reads a foreign stream: a blocked read cannot be interrupted.
_PATIENCE = 0.5


@dataclass(frozen=True, eq=False)
class Chunk:
    """Rows of one part: X (k, p), y (k,) and weights (k,), if there are any, valid until the next chunk is read.

    Rows of weight 0 have the values of another one, unless all weights are 0.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    part: int
    first_row: int
    last: bool
    weights: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Rows:
    """Features and a target that are read in chunks, once for each pass.

    Each part begins a new chunk; chunks have `chunk_rows` rows except the last of a part. They depend on the parts and
    on `chunk_rows` only.
    """

    source: str
    parts: tuple[Part, ...]
    names: tuple[str, ...]
    target: str
    dtype: npt.DTypeLike
    chunk_rows: int
    labels: tuple[Any, Any] | bool | ClassCodes = False
    """The two labels of the target, the negative first; True for 0 and 1; False for a numeric target; any classes."""
    weights: str | None = None
    """Column of the weights of the rows, if they have any."""

    @property
    def once(self) -> bool:
        """Whether the rows can be read only once."""
        return any(part.once for part in self.parts)

    def expected(self) -> int | None:
        """Return the number of rows, if known before they are read."""
        counts = [part.rows() for part in self.parts]
        return None if any(count is None for count in counts) else sum(count or 0 for count in counts)

    def chunks(self, threads: int = 0) -> Generator[Chunk]:
        """Pass over all rows. Use it in `contextlib.closing`, which ends its thread.

        ValueError for values that are not numbers or cannot be read, OSError from the system.
        """
        with closing(self._ahead(threads != 1)) as ahead:
            yield from self._filled(ahead)

    def whole(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float64] | None]:
        """Return X, y and weights of all rows; ValueError, with file, column and row, for a value not finite."""
        declared = self.expected()
        X, y = np.empty((declared or 0, len(self.names)), self.dtype), np.empty(declared or 0, self.dtype)
        first, weights = 0, []
        with closing(self._ahead(threads=True)) as ahead:
            for columns in filter(None, map(self._finite, ahead)):
                end = first + len(columns[0])
                if declared is None and end > len(y):
                    # Growing in place: the memory is remapped, where several pieces would be held twice.
                    for array in (X, y):
                        array.resize((end + end // _GROWTH, *array.shape[1:]), refcheck=False)
                if end <= len(y):
                    _fill(X[first:end], y[first:end], columns[: len(self.names) + 1], 0)
                weights += columns[len(self.names) + 1 :]
                first = end
        if declared is not None and first != declared:
            raise ValueError(
                f"{printable(self.source)} must have the {number_of(declared, 'row')} declared in its metadata, got "
                f"{first}."
            )
        if not first:
            raise ValueError(f"{printable(self.source)} must have at least one row of data, got none.")
        for array in (X, y):
            array.resize((first, *array.shape[1:]), refcheck=False)
        return X, y, np.concatenate(weights) if weights else None

    def _finite(self, batch: _Columns) -> list[npt.NDArray[Any]]:
        used = batch.columns[-1] > 0.0 if batch.columns and self.weights is not None else None
        for name, column in zip((*self.names, self.target), batch.columns, strict=False):
            values = column if used is None else np.where(used, column, 0.0)
            require_finite(self._label(batch.part), name, values, batch.row, target=name == self.target)
        return batch.columns

    def _ahead(self, threads: bool) -> Generator[_Columns]:
        """Yield columns batch by batch while a thread decodes the following ones."""
        ahead: queue.SimpleQueue[_Columns | BaseException | None] = queue.SimpleQueue()
        room, stopped = threading.Semaphore(_AHEAD), threading.Event()

        def decode() -> None:
            try:
                for columns in self._columns(threads):
                    room.acquire()
                    if stopped.is_set():
                        return
                    ahead.put(columns)
                ahead.put(None)
            except BaseException as error:
                ahead.put(error)

        thread = threading.Thread(target=decode, name="pyrometer-decode", daemon=True)
        thread.start()
        try:
            while (item := ahead.get()) is not None:
                room.release()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            room.release()
            self._stop(thread)
            while not ahead.empty():
                ahead.get()  # an exception holds references to its frames

    def _stop(self, thread: threading.Thread) -> None:
        """End the reading of streams and wait for the thread; the reader of another library may block it for longer."""
        streams = [part for part in self.parts if isinstance(part, Csv)]
        for stream in streams:
            stream.stop()
        foreign = any(isinstance(part, (Stream, Fragment)) for part in self.parts)
        thread.join(_PATIENCE if foreign else None)
        for stream in streams:
            stream.wait(_PATIENCE)

    def _columns(self, threads: bool) -> Iterator[_Columns]:
        """Read and convert the columns of every part, batch by batch."""
        for number, part in enumerate(self.parts):
            row, label = 0, self._label(number)
            by_row = [] if self.weights is None else [self.weights]
            every = [*self.names, self.target, *by_row]
            for batch in _reading(part, every, threads):
                columns = [numbers(label, name, batch.column(j), row) for j, name in enumerate(self.names)]
                columns.append(self._target(label, batch.column(len(self.names)), row))
                columns += [weights_in(label, name, batch.column(len(self.names) + 1), row) for name in by_row]
                if isinstance(part, Csv):
                    part.require_digits(every, columns, row)
                yield _Columns(number, row, columns)
                row += batch.num_rows
            yield _Columns(number, row, [])

    def _filled(self, ahead: Iterable[_Columns]) -> Iterator[Chunk]:
        X, y = np.empty((self.chunk_rows, len(self.names)), self.dtype), np.empty(self.chunk_rows, self.dtype)
        w = None if self.weights is None else np.empty(self.chunk_rows)
        filled = part = first = 0
        for item in ahead:
            if filled and not item.columns:
                yield _chunk(X[:filled], y[:filled], part, first, w, last=True)
                filled = 0
            start, end = 0, len(item.columns[-1]) if item.columns else 0
            while start < end:
                if filled == self.chunk_rows:
                    yield _chunk(X, y, part, first, w, last=False)
                    filled = 0
                if not filled:
                    part, first = item.part, item.row + start
                count = min(end - start, self.chunk_rows - filled)
                columns = item.columns[: len(self.names) + 1]
                _fill(X[filled : filled + count], y[filled : filled + count], columns, start)
                if w is not None:
                    w[filled : filled + count] = item.columns[-1][start : start + count]
                filled, start = filled + count, start + count

    def _label(self, part: int) -> str:
        """Name of a part in messages."""
        return printable(self.parts[part].label)

    def _target(self, label: str, column: pa.Array, row: int) -> npt.NDArray[Any]:
        if self.labels is False:
            return numbers(label, self.target, column, row, target=True)
        if isinstance(self.labels, ClassCodes):
            return classes(label, self.target, column, row, self.labels)
        return binary(label, self.target, column, row, None if self.labels is True else self.labels)

    def require_finite(self, chunk: Chunk) -> None:
        """Raise ValueError, with file, column and row, for a number that is not finite."""
        label = self._label(chunk.part)
        for j, name in enumerate(self.names):
            require_finite(label, name, chunk.X[:, j], chunk.first_row)
        require_finite(label, self.target, chunk.y, chunk.first_row, target=True)

    def require_squares(self, chunk: Chunk, error: ValueError) -> NoReturn:
        """Raise ValueError, with file, column and row, for the number whose square overflowed or underflowed."""
        label = self._label(chunk.part)
        columns = [*chunk.X.T, chunk.y]
        sizes = np.array([np.abs(column).max(initial=0.0) for column in columns], dtype=np.float64)
        under = np.where(sizes > 0.0, sizes, np.inf)
        if sizes.max() > _HUGE:
            j, requirement = int(sizes.argmax()), "a sum of squares below 1.8e308"
        elif under.min() < _TINY:
            j, requirement = int(under.argmin()), "squares above 1e-290"
        else:
            raise ValueError(f"{label}: {error}") from error
        row = int(np.abs(columns[j]).argmax())
        name = (*self.names, self.target)[j]
        raise ValueError(
            f"{label}: column {name!r} must have {requirement}, got {columns[j][row]:.6g} in row "
            f"{chunk.first_row + row + 1}; rescale it."
        ) from error

    def constants(self) -> list[str]:
        """Return names of columns that are constant according to the metadata of the files.

        ValueError if the metadata declare missing values.
        """
        columns = [*self.names, self.target]
        values: dict[str, set[Any]] = {name: set() for name in columns}
        declared = set(columns)
        for part in self.parts:
            extremes = part.extremes(columns) if isinstance(part, ParquetFile) else {}
            declared &= set(extremes)
            for name in declared:
                values[name] |= extremes[name]
        return [name for name in columns if name in declared and len(values[name]) == 1]


def _chunk(
    X: npt.NDArray[Any], y: npt.NDArray[Any], part: int, first: int, w: npt.NDArray[np.float64] | None, *, last: bool
) -> Chunk:
    """Return a chunk; copies of another row take the places of rows of weight 0."""
    w = None if w is None else w[: len(y)]
    rows = None if w is None else replacements(w)
    if rows is not None:
        X[:], y[:] = X[rows], y[rows]
    return Chunk(X, y, part, first, last, w)


class _Columns(NamedTuple):
    """Features, target and weights, if any, of one batch; none at the end of a part."""

    part: int
    row: int
    columns: list[npt.NDArray[Any]]


def _fill(X: npt.NDArray[Any], y: npt.NDArray[Any], columns: list[npt.NDArray[Any]], start: int) -> None:
    """Copy columns, from `start` on, into rows."""
    for begin in range(0, len(y), _BLOCK):
        end = min(begin + _BLOCK, len(y))
        for j, column in enumerate(columns[:-1]):
            X[begin:end, j] = column[start + begin : start + end]
        y[begin:end] = columns[-1][start + begin : start + end]


def _reading(part: Part, columns: list[str], threads: bool) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a part; errors of Arrow become a ValueError that names the part."""
    import pyarrow as pa

    try:
        yield from part.batches(columns, threads=threads)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise unreadable(part.label, error) from error
