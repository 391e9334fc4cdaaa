"""CSV with a header: a file, or a stream that can be read only once."""

from __future__ import annotations

import os
import re
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pyrometer.base import LOOK, hide_numbers, number_of, printable, quoted
from pyrometer.data.readers._bytes import Text, decompressed, opened, unreadable
from pyrometer.data.readers._checks import remedy, require_numeric, too_long
from pyrometer.data.readers._csv_block import Opening, first_block, opening, parsed, words
from pyrometer.data.readers._dialect import Dialect, options_text
from pyrometer.data.readers._pipes import Pipe
from pyrometer.data.readers._sniff import number_options, suggestion
from pyrometer.data.readers._text_numbers import first_large, first_lost, first_word, numbers_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Csv", "CsvFile", "CsvStream"]

_MAGIC = 4
_BAD_VALUE = re.compile(r"In CSV column #(\d+): Row #(\d+): CSV conversion error to \w+: invalid value '(.*)'", re.S)
_BAD_ROW = re.compile(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)")


@dataclass(eq=False)
class Csv:
    """CSV of any stream of bytes."""

    label: str
    dialect: Dialect
    _readers: weakref.WeakSet[Text] = field(default_factory=weakref.WeakSet, init=False)
    """The objects of Python through which Arrow reads, if there are any."""

    _target: str | None = field(default=None, init=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_readers"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _readers=weakref.WeakSet())

    @property
    def delimiter(self) -> str:
        """The character between columns."""
        return self.dialect.sep or ("\t" if ".tsv" in os.path.basename(self.label).lower() else ",")

    @cached_property
    def first(self) -> Opening:
        """The columns, inferred from the first block."""
        return opening(self.head(), self.dialect, self.delimiter)

    def head(self) -> bytes:
        """Return the first block."""
        raise NotImplementedError

    def _bytes(self) -> AbstractContextManager[Any]:
        """Open the text, in UTF-8."""
        raise NotImplementedError

    def _text(self, stream: Any) -> Text:
        return Text(b"", stream, self.dialect.encoding, self.dialect.comment, self.delimiter)

    def schema(self) -> pa.Schema:
        """Names and types of the columns, inferred from the first block."""
        return self.first.types

    def rows(self) -> int | None:
        """None: the number of rows is unknown before they are read."""
        return None

    def batches(self, columns: list[str], *, threads: bool) -> Iterator[pa.RecordBatch]:
        """Read the given columns, in their order."""
        del threads
        row = 0
        for batch in self._parsed(self.first, columns):
            yield self._numbers(batch, row)
            row += batch.num_rows

    def _parsed(self, first: Opening, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read columns, of which those to be read as written are text."""
        import pyarrow as pa

        try:
            with self._bytes() as stream:
                if isinstance(stream, Text):
                    self._readers.add(stream)
                try:
                    reader = parsed(stream, first, self.dialect, self.delimiter, columns)
                finally:
                    del stream  # `wait` is for the reference of Arrow
                with reader:
                    yield from reader
        except pa.ArrowInvalid as error:
            raise self._located(error) from error

    def stop(self) -> None:
        """End a pending read, as at the end of the stream."""

    def wait(self, seconds: float) -> None:
        """Wait until no thread of Arrow reads: one that reads as the interpreter ends would end the process."""
        end = time.monotonic() + seconds
        while self._readers and time.monotonic() < end:
            time.sleep(0.001)

    def _numbers(self, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        """Return a batch with the numbers of text; ValueError for what is none, or has lost digits."""
        import pyarrow as pa

        names = batch.schema.names
        if self.first.written.isdisjoint(names):
            return batch
        columns = batch.columns
        for j, name in enumerate(names):
            if name in self.first.written:
                columns[j] = self._as_written(name, columns[j], row)
        return pa.record_batch(columns, names=names)

    def require_digits(self, names: Sequence[str], columns: Sequence[npt.NDArray[Any]], first_row: int) -> None:
        """Raise ValueError if a number of 2**53 or more has lost digits, in columns of a batch that begins there."""
        doubles = [column for column in columns if column.dtype == np.float64]
        # One test of all columns: thousands of them have few rows in a batch.
        if not doubles or first_large(np.concatenate(doubles)) is None:
            return
        for name, column in zip(names, columns, strict=True):
            large = first_large(column) if column.dtype == np.float64 and name not in self.first.written else None
            if large is not None:
                self._require_digits(name, float(column[large]), first_row + large + 1)

    def _as_written(self, name: str, texts: pa.Array, row: int) -> pa.Array:
        """Return numbers of text; ValueError for what is none, or has lost digits."""
        numbers, bad = numbers_of(texts, self.dialect)
        if bad >= 0:
            refused = self._bad_value if numbers is texts else self._too_long
            raise refused(name, texts[bad].as_py().strip(), row + bad + 1)
        return numbers

    def _require_digits(self, name: str, value: float, row: int) -> None:
        """Raise ValueError unless the numbers of a column, one of which is 2**53 or more, have kept their digits."""
        raise NotImplementedError

    def require_numbers(self, kinds: dict[str, pa.DataType], target: str) -> None:
        """Raise ValueError for columns that are not numeric, or whose first numbers have too many digits."""
        import pyarrow as pa

        label, self._target = printable(self.label), target
        require_numeric(label, kinds, target, self._first_words)
        written = [name for name, kind in kinds.items() if kind == pa.float64()]
        if not self.first.long or not written:
            return
        for name, column in words(self.first.long, self.dialect, self.delimiter, written).items():
            texts = column.to_pylist()
            bad = first_lost(texts, self.dialect)
            if bad >= 0:
                raise self._too_long(name, texts[bad].strip(), bad + 1)

    def require_categories(self, name: str, column: pa.ChunkedArray) -> None:
        """Raise ValueError for a column of many texts, or of some that hardly repeat, that look like numbers."""
        import pyarrow.compute as pc

        different = pc.unique(column.drop_null())
        if hide_numbers(len(different), len(column) - column.null_count, different[:LOOK].to_pylist()):
            row = first_word(column, self.dialect.decimal)
            if row >= 0:
                raise self._bad_value(name, column[row].as_py().strip(), row + 1)

    def _first_words(self, names: list[str]) -> dict[str, str]:
        """Return what columns have in the first row that is not a number; ValueError if other options make it one."""
        first_words = {}
        for name, column in words(self.head(), self.dialect, self.delimiter, names).items():
            row = first_word(column, self.dialect.decimal)
            if row >= 0:
                texts = [text or "" for text in column[row : row + LOOK].to_pylist()]
                options = number_options(texts, self.delimiter, self.dialect)
                if options or (row and len(names) == 1):  # a number that is not, among numbers
                    raise self._bad_value(name, texts[0], row + 1)
                first_words[name] = f"{quoted(texts[0])} in row {row + 1}"
        return first_words

    def _too_long(self, name: str, value: str, row: int) -> ValueError:
        return ValueError(too_long(printable(self.label), name, value, row, target=name == self._target))

    def _bad_value(self, name: str, value: str, row: int) -> ValueError:
        import pyarrow as pa

        options = number_options([value], self.delimiter, self.dialect)
        hint = f"if that is a number, pass {' or '.join(map(options_text, options))}" if options else "correct it"
        other = "." if options or name == self._target else remedy([name])
        label = printable(self.label)
        if first_word(pa.array([value]), self.dialect.decimal) < 0:
            return ValueError(
                f"{label}: column {quoted(name)} must be of integers throughout, as its first are above 2**53, got "
                f"{quoted(value)} in row {row}; subtract an offset before the column is written, unless it "
                f"holds weights{other}"
            )
        return ValueError(
            f"{label}: column {quoted(name)} must be numeric, got {quoted(value)} in row {row}; {hint}{other}"
        )

    def _located(self, error: Exception) -> Exception:
        """Return an error of Arrow with the column and the row; rows are counted from 1, below the header."""
        import pyarrow as pa

        before = 1 + self.dialect.skip
        if match := _BAD_VALUE.search(str(error)):
            name = self.first.types.names[int(match[1])]
            return self._bad_value(name, match[3], int(match[2]) - before)
        if match := _BAD_ROW.search(str(error)):
            return ValueError(
                f"{printable(self.label)} must have {number_of(int(match[2]), 'column')} in every row, got {match[3]} "
                f"in row {int(match[1]) - before}; correct it, or put quotes around a value that contains "
                f"{self.delimiter!r}."
            )
        if "Empty CSV" in str(error):
            return ValueError(f"{printable(self.label)} must be CSV with a header and at least one row, got less.")
        if "straddles two block boundaries" in str(error):
            return ValueError(
                f"{printable(self.label)} must have rows of less than {self.first.block} bytes, as its first ones are "
                "short, got a longer one; close a quote that is open, shorten the value, or write the rows to Parquet."
            )
        return unreadable(self.label, error) if isinstance(error, pa.ArrowException) else error

    def explained(self, error: Exception, wanted: Iterable[str]) -> Exception:
        """Return an error of the first lines with the options under which they can be read, if there are any."""
        try:
            options = suggestion(self.head(), self.dialect, self.delimiter, wanted)
        except Exception:  # there are no lines
            options = None
        if options is None:
            return self._located(error)
        return ValueError(f"{printable(self.label)} cannot be read as CSV with {self._described()}; pass {options}.")

    def _described(self) -> str:
        options = ", ".join(f"{name}={getattr(self.dialect, name)!r}" for name in self.dialect.given() if name != "sep")
        return f"sep={self.delimiter!r}" + (f", {options}" if options else "")


class CsvFile(Csv):
    """A file of CSV."""

    once = False

    @cached_property
    def _exact(self) -> set[str]:
        """Columns that have been read as they are written, and have lost no digits."""
        return set()

    def _require_digits(self, name: str, value: float, row: int) -> None:
        """Read the column once more, as it is written, unless that has been done; ValueError for a number cut short."""
        del value, row
        if name in self._exact:
            return
        first = 0
        for batch in self._parsed(self.first._replace(written=self.first.written | {name}), [name]):
            self._as_written(name, batch.column(0), first)
            first += batch.num_rows
        self._exact.add(name)

    def head(self) -> bytes:
        """Read the first block."""
        with self._bytes() as stream:
            return first_block(stream)

    @contextmanager
    def _bytes(self) -> Iterator[Any]:
        with opened(self.label) as raw:
            magic = raw.read(_MAGIC)
            raw.seek(0)
            stream = decompressed(raw, self.label, magic)
            yield stream if self.dialect.is_plain() else self._text(stream)


class CsvStream(Csv):
    """CSV of a stream that can be read only once."""

    once = True

    def __init__(self, label: str, dialect: Dialect, stream: BinaryIO, *, close: bool) -> None:
        super().__init__(label, dialect)
        self._pipe = Pipe(stream, close)

    @cached_property
    def _rest(self) -> Text:
        """The text, as far as it has not been read."""
        magic = self._pipe.read(_MAGIC)
        stream = decompressed(Text(magic, self._pipe), self.label, magic)
        return self._text(stream)

    def _require_digits(self, name: str, value: float, row: int) -> None:
        """Raise ValueError: what was written has been read, and is gone."""
        raise ValueError(
            f"{printable(self.label)}: column {quoted(name)} must have numbers below 2**53 where its first ones are, "
            f"since a stream cannot be read again to see whether digits are lost, got {value:.17g} or near it in row "
            f"{row}; write the stream to a file and read that{'.' if name == self._target else remedy([name])}"
        )

    @cached_property
    def _head(self) -> bytes:
        return first_block(self._rest)

    def head(self) -> bytes:
        """Return the first block."""
        return self._head

    @contextmanager
    def _bytes(self) -> Iterator[Any]:
        yield Text(self._head, self._rest)

    def stop(self) -> None:
        """End a pending read, as at the end of the stream."""
        self._pipe.stop()
