"""Columns as JSON and CSV."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import plain

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["csv_bytes", "encodable", "escaped", "finite", "json_pieces", "values"]

_CHUNK = 4096
# Most characters of the name of an object that JSON has no type for.
_NAME = 200


def json_pieces(
    title: str, columns: Mapping[str, npt.NDArray[Any]], units: Mapping[str, str], metadata: Mapping[str, Any]
) -> Iterator[str]:
    """Yield one JSON object in pieces, one row a line, so that a long table never exists as Python objects."""
    import json

    about = {"title": title, "columns": list(columns), "units": dict(units), "metadata": finite(metadata)}
    yield escaped(json.dumps(about, ensure_ascii=False, allow_nan=False)[:-1]) + ', "rows": ['
    separator = "\n"
    arrays = list(columns.values())
    for start in range(0, len(next(iter(arrays), ())), _CHUNK):
        parts = [values(array[start : start + _CHUNK]) for array in arrays]
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*parts, strict=True))
        yield escaped(separator + ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows))
        separator = ",\n"
    yield "\n]}"


def escaped(text: str) -> str:
    r"""Return JSON with unprintable characters, except newlines, as ``\u`` escapes."""
    if text.replace("\n", "").isprintable():
        return text
    import json

    def escape(character: str) -> str:
        if character.isprintable() or character == "\n":
            return character
        return json.dumps(character)[1:-1] if ord(character) > 0xFF else f"\\u{ord(character):04x}"

    return "".join(map(escape, text))


def encodable(words: Sequence[str]) -> list[str]:
    r"""Return strings with lone surrogates, as in file names that are not UTF-8, as Python escapes."""
    return [word.encode("utf-8", "backslashreplace").decode() for word in words]


def csv_bytes(table: pa.Table) -> bytes:
    """Return an Arrow table as CSV: all digits, nulls as empty fields, quotes where necessary."""
    import csv

    from pyarrow.csv import WriteOptions, write_csv

    head = io.StringIO(newline="")
    csv.writer(head, lineterminator="\n").writerow(table.column_names)
    body = io.BytesIO()
    body.write(head.getvalue().encode())
    # The header of pyarrow is always quoted.
    write_csv(table, body, WriteOptions(include_header=False, quoting_style="needed"))
    return body.getvalue()


def finite(value: Any) -> Any:
    """Return `value` as types that JSON has, with None for nan and infinities; objects as their dicts or names."""
    if hasattr(value, "to_dict") and not isinstance(value, type):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return plain(str(getattr(value, "__name__", value)), _NAME)


def values(array: npt.NDArray[Any]) -> list[Any]:
    """Return a column as a list of built-in types, with None for nan and infinities."""
    values: list[Any] = array.tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return [value if math.isfinite(value) else None for value in values]
    return values
