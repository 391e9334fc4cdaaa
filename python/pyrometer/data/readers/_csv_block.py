"""The first block of CSV: the types of its columns, and a reader of the rest with these types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pyrometer.data.readers._dialect import Dialect
from pyrometer.data.readers._sniff import require_encoding
from pyrometer.data.readers._text_numbers import first_large, grouped_numbers, integer_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Opening", "first_block", "opening", "parsed", "words"]

# Bytes in a block, and the longest header or row.
_BLOCK, _LONGEST = 1 << 20, 1 << 27
# Long numbers are looked for in so many bytes.
_SAMPLED_BYTES = 1 << 16
_DIGITS = bytes(48 if 48 <= byte < 58 or byte in b".," else 32 for byte in range(256))
_MANY_DIGITS = b"0" * 17
# Lines that a value within quotes may have: more are taken to be a quote without its other one.
_MOST_LINES = 1000


class Opening(NamedTuple):
    """The columns of CSV, inferred from its first block, and the size of a block that holds a row."""

    types: pa.Schema
    written: frozenset[str]
    """Columns of numbers that are read as text: with thousands separators, or decimals above 2**53."""
    block: int
    long: bytes
    """The first lines, if there are numbers of many digits among them."""


def first_block(stream: Any) -> bytes:
    """Read the first block of a stream, enlarged until it holds the header and a row; a last line is ended."""
    head: bytes = stream.read(_BLOCK)
    while len(_first_lines(head)) < 2 and len(head) < _LONGEST and (more := stream.read(len(head))):
        head += more
    beyond: bytes = stream.read(1)
    breaks = [mark for mark in (b"\n", b"\r") if mark in head]
    if beyond or not breaks or head.endswith((b"\n", b"\r")):
        return head + beyond
    return head + breaks[0]


def opening(head: bytes, dialect: Dialect, delimiter: str) -> Opening:
    """Infer the types of the columns from the first block."""
    import pyarrow as pa

    require_encoding(head, dialect)
    lines = _first_lines(head)
    whole_lines = _whole_lines(head, dialect, delimiter) if lines else head
    block = max(_BLOCK, min(4 * max(lines, default=len(head)), _LONGEST))
    with _reader(pa.BufferReader(whole_lines), dialect, delimiter, max(block, len(whole_lines))) as reader:
        names, columns = reader.schema.names, _first_batch(reader)
    types, written = [], set[str]()
    for name, column in zip(names, columns, strict=True):
        kind = column.type
        if pa.types.is_integer(kind):
            # An integer column may have fractions further down, unless it needs all the digits of an integer.
            kind = integer_type(column)
        elif pa.types.is_null(kind):
            kind = pa.float64()
        if dialect.thousands is not None and (kind == pa.float64() or grouped_numbers(column, dialect)):
            kind, written = pa.float64(), written | {name}
        elif column.type == pa.float64() and first_large(column.to_numpy(zero_copy_only=False)) is not None:
            written |= {name}
        types.append(pa.field(name, kind))
    sample = head[:_SAMPLED_BYTES] if _MANY_DIGITS in head[:_SAMPLED_BYTES].translate(_DIGITS) else b""
    if sample:
        types = [_unsigned(field, sample, dialect, delimiter) for field in types]
    written.intersection_update(field.name for field in types if field.type == pa.float64())
    return Opening(pa.schema(types), frozenset(written), block, sample)


def _unsigned(field: pa.Field, sample: bytes, dialect: Dialect, delimiter: str) -> pa.Field:
    """Return a column as uint64, if Arrow has inferred floats because of integers beyond int64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if field.type != pa.float64():
        return field
    texts = words(sample, dialect, delimiter, [field.name])[field.name]
    try:
        whole = pc.cast(texts, pa.uint64())
    except pa.ArrowInvalid:
        return field
    return field.with_type(pa.uint64()) if (pc.max(whole).as_py() or 0) >= 2**63 else field


def words(head: bytes, dialect: Dialect, delimiter: str, names: Sequence[str]) -> dict[str, Any]:
    """Return columns of the first block as they are written, missing values as nulls."""
    import pyarrow as pa

    text = (_whole_lines(head, dialect, delimiter) or head).decode("utf-8", "replace").encode()
    types = dict.fromkeys(names, pa.string())
    block = len(text) + 1
    with _reader(pa.BufferReader(text), dialect, delimiter, block, types, names, nulls=True) as reader:
        return dict(zip(names, _first_batch(reader), strict=True))


def _first_batch(reader: Any) -> list[Any]:
    import pyarrow as pa

    try:
        return list(reader.read_next_batch().columns)
    except StopIteration:
        return [pa.nulls(0, field.type) for field in reader.schema]


def parsed(stream: Any, first: Opening, dialect: Dialect, delimiter: str, columns: Sequence[str]) -> Any:
    """Return a reader of the selected columns, in their order, as batches; numbers to be read as written are text."""
    import pyarrow as pa

    selected = set(columns)
    types = {
        field.name: pa.string() if field.name in first.written else field.type
        for field in first.types
        if field.name in selected
    }
    return _reader(stream, dialect, delimiter, first.block, types, columns)


def _whole_lines(head: bytes, dialect: Dialect, delimiter: str) -> bytes:
    """Return the lines that are complete: up to the last line break that is not within quotes.

    Quotes are around a value where it begins with one; others, and those before the header, are characters.
    """
    last = end = _line_break(head, len(head))
    before = re.compile(rb"(?:[^\r\n]*(?:\r\n?|\n)){%d}" % dialect.skip).match(head)
    quoted = re.compile(rb'"(?<![^\r\n%s]")[^"]*(?:""[^"]*)*("|\Z)' % re.escape(delimiter.encode()))
    for value in reversed(list(quoted.finditer(head, before.end() if before else 0))):
        # The other half of an escaped quote may follow one at the end.
        if value.end() <= end and value.end() < len(head):
            break
        if len(value[0].splitlines()) > _MOST_LINES:
            return head[:last]
        end = min(end, _line_break(head, value.start()))
    return head[:end]


def _line_break(head: bytes, end: int) -> int:
    """Return the place after the last line break before `end`; 0 if there is none."""
    return max(head.rfind(b"\n", 0, end), head.rfind(b"\r", 0, end)) + 1


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
    dialect: Dialect,
    delimiter: str,
    block: int,
    types: dict[str, pa.DataType] | None = None,
    columns: Sequence[str] = (),
    *,
    nulls: bool = False,
) -> Any:
    from pyarrow import csv

    return csv.open_csv(
        stream,
        # A reader in blocks has one thread anyway; without threads its errors have the row.
        read_options=csv.ReadOptions(use_threads=False, block_size=block, skip_rows=dialect.skip),
        # Or a block would be cut at a line break within quotes, and what follows it taken for rows.
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            include_columns=list(columns),
            column_types=types or {},
            decimal_point=dialect.decimal,
            strings_can_be_null=nulls,
        ),
    )
