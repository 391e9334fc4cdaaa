"""Rows of a source: its parts, and the columns that they must have."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import ClassCodes, described, dropping, listed, printable, quoted, validate, warn_caller
from pyrometer.data.readers._bytes import unreadable
from pyrometer.data.readers._checks import require_numeric, require_present, require_weights, select
from pyrometer.data.readers._chunks import CELLS, Rows
from pyrometer.data.readers._csv import Csv
from pyrometer.data.readers._dialect import dialect_of
from pyrometer.data.readers._part import Part
from pyrometer.data.readers._resolve import parts_of
from pyrometer.errors import IndexColumnWarning

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["open_rows", "schema_of"]

# Names that pandas gives to columns without a name, and with which those of an index begin.
_UNNAMED = re.compile(r"(Unnamed: \d+[._\w]*)?")
_INDEX = "__index_level_"


def open_rows(
    source: Any,
    *,
    target: str,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    chunk_rows: int | None = None,
    labels: tuple[Any, Any] | bool | ClassCodes = False,
    weights: str | None = None,
    **csv: Any,
) -> Rows:
    """Check the names and types of every part, and return the rows to read; ValueError names the part and column."""
    if chunk_rows is not None:
        chunk_rows = validate.count("chunk_rows", chunk_rows, minimum=1)
    if not isinstance(target, str):
        raise TypeError(f"target must be the name of a column, got {described(target)}.")
    columns, drop = _names("columns", columns), _names("drop", drop) or []
    by_row = _weights_column(weights, target, columns)
    dialect = dialect_of(csv)
    name, parts = parts_of(source, dialect)
    if dialect.given() and not any(isinstance(part, Csv) for part in parts):
        raise ValueError(f"{', '.join(dialect.given())} is for CSV, and {printable(name)} is not; leave it out.")
    wanted = [target, *(columns or ()), *drop, *by_row]
    features: list[str] = []
    single = True
    for part in parts:
        schema = schema_of(part, wanted)
        try:
            if not features:
                index = _index(schema, wanted)
                features = select(printable(part.label), schema.names, target, columns, [*drop, *index, *by_row])
                if columns is None:
                    _warn_of_index(index)
                    _require_named(printable(part.label), features)
            ignored = None if columns is not None else [*drop, *_index(schema, wanted)]
            _require_columns(part, parts[0], schema, [*features, *by_row], target, ignored)
        except ValueError as error:
            raise _explained(part, error, wanted, schema) from error
        place = {column: j for j, column in enumerate(schema.names)}
        kinds = {column: schema.field(place[column]).type for column in (*features, *by_row, target)}
        require_weights(printable(part.label), {column: kinds[column] for column in by_row})
        if labels is not False:
            _require_text(part, target, kinds.pop(target))
        if isinstance(part, Csv):
            part.require_numbers(kinds, target)
        else:
            require_numeric(printable(part.label), kinds, target)
        single &= all(str(kind) == "float" for column, kind in kinds.items() if column not in by_row)
    rows = chunk_rows or max(1024, CELLS // (len(features) + 1))
    dtype = np.dtype(np.float32 if single else np.float64)
    return Rows(name, tuple(parts), tuple(features), target, dtype, rows, labels, weights)


def _weights_column(weights: Any, target: str, columns: list[str] | None) -> list[str]:
    """Return the name of the column of the weights, if there is one, as a list."""
    if weights is None:
        return []
    if not isinstance(weights, str):
        raise TypeError(
            f"weights must be the name of a column, got {described(weights)}; arrays are for rows in memory, "
            "Moments.of(X, y, weights=...) or LinearRegression(X, y, weights=...)."
        )
    if weights == target or weights in (columns or ()):
        other = "the target" if weights == target else "among the features"
        raise ValueError(f"the column of the weights, {quoted(weights)}, must not be {other}; name another one.")
    return [weights]


def _names(argument: str, names: Any) -> list[str] | None:
    """Return names of columns, or one name, as a list."""
    if names is None:
        return None
    try:
        listed = [names] if isinstance(names, str) else list(names)
    except TypeError:
        raise TypeError(f"{argument} must be names of columns, got {described(names)}.") from None
    for name in listed:
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be names of columns, got {described(name)}.")
    return listed


def schema_of(part: Part, wanted: list[str]) -> pa.Schema:
    """Return the columns of a part; ValueError or OSError, with its name, if they cannot be read."""
    import pyarrow as pa

    try:
        return part.schema()
    except pa.ArrowInvalid as error:
        raise (part.explained(error, wanted) if isinstance(part, Csv) else unreadable(part.label, error)) from error
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise unreadable(part.label, error) from error
    except ValueError as error:
        raise ValueError(f"{printable(part.label)}: {error}") from error


def _explained(part: Part, error: ValueError, wanted: list[str], schema: pa.Schema) -> Exception:
    """Return an error about missing columns of CSV, with the options under which it has them, if there are any."""
    if not isinstance(part, Csv) or set(wanted) <= set(schema.names):
        return error
    return part.explained(error, wanted)


def _index(schema: pa.Schema, wanted: list[str]) -> list[str]:
    """Return the columns that are the index of a data frame, unless they are wanted by name."""
    about = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    index = {name for name in about.get("index_columns", ()) if isinstance(name, str)}.difference(wanted)
    index |= {name for name in schema.names if name.startswith(_INDEX)}.difference(wanted)
    return [name for name in schema.names if name in index] if index else []


def _warn_of_index(names: list[str]) -> None:
    if names:
        which = f"Column {quoted(names[0])} is" if len(names) == 1 else f"Columns {listed(names)} are"
        warn_caller(
            IndexColumnWarning(
                f"{which} the index of a data frame, and left out of the features; to use it, name all features "
                f"(columns, --columns); to leave it out without this warning, drop it ({dropping(*names)})."
            )
        )


def _require_named(label: str, features: list[str]) -> None:
    """Raise ValueError for a column without a name, which cannot be meant as a feature."""
    unnamed = [name for name in features if _UNNAMED.fullmatch(name)]
    if unnamed:
        raise ValueError(
            f"{label} has a column without a name ({listed(unnamed)}), such as the row numbers that data frames write; "
            f"leave it out (drop={unnamed!r}, {dropping(*unnamed).partition(', ')[2]}) or give it a name."
        )


def _require_columns(
    part: Part, first: Part, schema: pa.Schema, features: list[str], target: str, drop: list[str] | None
) -> None:
    """Raise ValueError unless a part has the columns, once, and no others unless `drop` is None."""
    label, held = printable(part.label), schema.names
    require_present(label, held, (*features, target))
    if drop is not None:
        expected = {*features, target, *drop}
        extra = next((name for name in held if name not in expected), None)
        if extra is not None:
            raise ValueError(
                f"{label}: column {quoted(extra)} must be in all parts or in none, and is not in "
                f"{printable(first.label)}; select the columns to use (columns, --columns)."
            )
    occurrences = Counter(held)
    for column in (*features, target):
        if occurrences[column] > 1:
            raise ValueError(f"{label}: column {quoted(column)} is duplicated; rename or drop it.")


def _require_text(part: Part, target: str, kind: pa.DataType) -> None:
    import pyarrow as pa

    if isinstance(part, Csv) and pa.types.is_binary(kind):
        raise ValueError(
            f"{printable(part.label)}: column {quoted(target)} is not UTF-8; pass its encoding, such as "
            "encoding='latin-1' (--encoding latin-1)."
        )
