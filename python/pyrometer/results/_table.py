"""A frozen table: named columns with units, a title and metadata."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue, atomic_write, described, listed, nearest, validate
from pyrometer.results import _html, _plain_text, _serialise
from pyrometer.results._columns import RENAMED, Columns, Held, Repeated, checked
from pyrometer.results._formats import table_format

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Table"]

_CHUNK = 4096
# Rows that are shown at a prompt.
_SHOWN = 24


@dataclass(frozen=True, eq=False, repr=False)
class Table(ByValue):
    """Named columns of equal length, as numpy arrays.

    Parameters
    ----------
    title : str
        Title of the table.
    columns : mapping of str to array_like, shape (rows,)
        Columns of numbers, bools or strings, in order; stored as read-only arrays.
    units : mapping of str to str, optional
        Units of some of the columns.
    metadata : mapping, optional
        Provenance: anything JSON can represent, e.g. version, data set, seed.

    Raises
    ------
    ValueError
        If columns differ in length or are not one-dimensional, or a unit is given for a column that does not exist.
    TypeError
        If a column does not hold numbers, bools or strings.

    Notes
    -----
    ``len(table)`` is the number of rows, ``table["temperature"]`` a column, ``table[0]`` a row as a dict, as iteration
    yields them, and ``table[:10]`` a table of rows.

    Examples
    --------
    >>> import pyrometer as pm
    >>> table = pm.Table("Squares", {"x": [1, 2], "x squared": [1.0, 4.0]}, units={"x": "m", "x squared": "m^2"})
    >>> len(table), float(table["x squared"].sum())
    (2, 5.0)
    >>> print(table)
    Squares
    x  x squared
    m        m^2
    -  ---------
    1          1
    2          4
    """

    title: str
    columns: Columns
    units: Mapping[str, str]
    metadata: Mapping[str, Any]

    def __init__(
        self,
        title: str,
        columns: Mapping[str, npt.ArrayLike | Repeated],
        units: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(title, str):
            raise TypeError(f"title must be a string, got {described(title)}.")
        mapping = columns.held if isinstance(columns, Columns) else columns
        given = {"units": units, "metadata": metadata}
        others = {name: {} if value is None else value for name, value in given.items()}
        for argument, mappings in {"columns": mapping, **others}.items():
            if not isinstance(mappings, Mapping):
                raise TypeError(f"{argument} must be a mapping by name, such as a dict, got {described(mappings)}.")
        arrays: dict[str, Held] = {str(name): checked(str(name), values) for name, values in mapping.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns must have the same length, got {lengths}.")
        unmatched = [name for name in units or () if name not in arrays]
        if unmatched:
            raise ValueError(
                f"units must name columns of the table, got [{listed(unmatched)}]; the columns are "
                f"[{listed(list(arrays))}]."
            )
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "columns", Columns(MappingProxyType(arrays)))
        for name, value in (("units", units), ("metadata", metadata)):
            object.__setattr__(self, name, MappingProxyType(dict(value or {})))

    @classmethod
    def from_rows(
        cls,
        title: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        units: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Table:
        """Return a table of rows with the same keys, in the order of the first row."""
        rows = [
            validate.mapping(f"row {number} of rows", row, "names to values")
            for number, row in enumerate(validate.sequence("rows", rows, "mappings"))
        ]
        names = list(rows[0]) if rows else []
        for number, row in enumerate(rows):
            if set(row) != set(names):
                raise ValueError(
                    f"rows must have the same keys, got [{listed(list(row))}] in row {number} and [{listed(names)}] in "
                    "row 0."
                )
        return cls(title, {name: [row[name] for row in rows] for name in names}, units, metadata)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.held.values()), ()))

    @overload
    def __getitem__(self, name: str) -> npt.NDArray[Any]: ...

    @overload
    def __getitem__(self, name: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, name: slice) -> Table: ...

    def __getitem__(self, name: str | int | slice) -> npt.NDArray[Any] | dict[str, Any] | Table:
        if isinstance(name, slice):
            columns = {each: array[name] for each, array in self.columns.items()}
            return Table(self.title, columns, self.units, self.metadata)
        if isinstance(name, (int, np.integer)):
            return {each: array[name].item() for each, array in self.columns.items()}
        try:
            return self.columns[name if name in self.columns else RENAMED.get(name, name)]
        except (KeyError, TypeError):
            meant = nearest(str(name), self.names, fallback="")
            rest = f"{meant} The" if meant else "; the"
            raise KeyError(f"no column {name!r:.200}{rest} columns are [{listed(self.names)}]") from None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        arrays = list(self.columns.values())
        for start in range(0, len(self), _CHUNK):
            parts = [array[start : start + _CHUNK].tolist() for array in arrays]
            for row in zip(*parts, strict=True):
                yield dict(zip(self.columns, row, strict=True))

    def __reduce__(self) -> tuple[Any, ...]:
        return Table, (self.title, dict(self.columns.held), dict(self.units), dict(self.metadata))

    def __repr__(self) -> str:
        return self.to_text(width=_plain_text.width_of(), max_rows=_SHOWN)

    def __str__(self) -> str:
        return self.to_text(width=_plain_text.width_of() if _plain_text.on_terminal() else None)

    def to_text(self, *, width: int | None = None, max_rows: int = 60) -> str:
        """Return the table as plain text.

        Parameters
        ----------
        width : int, optional
            At least 20: columns that do not fit are left out, the least important first, and named below. Default: no
            limit.
        max_rows : int
            At least 2: a longer table is shown by its first and last rows.

        Returns
        -------
        str
            Lines without trailing newline; numbers with six significant digits.
        """
        if width is not None:
            width = validate.count("width", width, minimum=20)
        rows = validate.count("max_rows", max_rows, minimum=2)
        return _plain_text.text(self.title, self.columns, self.units, width, rows)

    def _repr_html_(self) -> str:
        return _html.of_table(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        _plain_text.pretty(printer, "Table(...)" if cycle else repr(self))

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists of Python values, in order; nan and infinities are None."""
        return {name: _serialise.values(array) for name, array in self.columns.items()}

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame, as `to_pandas`."""
        return self.to_pandas()

    def to_json(self) -> str:
        """Return title, columns, units, metadata and rows, one row a line, as one JSON object.

        Numbers have all their digits; nan and infinities are null.
        """
        return "".join(_serialise.json_pieces(self.title, self.columns, self.units, self.metadata))

    def to_csv(self) -> str:
        """Return the columns as CSV with a header; nan is an empty field, text is quoted where necessary."""
        return _serialise.csv_bytes(self._arrow(for_csv=True)).decode()

    def to_arrow(self) -> pa.Table:
        """Return a pyarrow Table; title, units and metadata are in its schema under the key ``pyrometer``.

        Dictionary-encoded strings, such as the verdicts of a sweep, are of dictionary type.
        """
        return self._arrow(for_csv=False)

    def _arrow(self, *, for_csv: bool) -> pa.Table:
        import json

        arrow = _framework("pyarrow", "to_arrow")
        about = {"title": self.title, "units": dict(self.units), "metadata": _serialise.finite(self.metadata)}
        fields, arrays = [], []

        def strings(words: Sequence[str]) -> pa.Array:
            return arrow.array(_serialise.encodable(words), arrow.string())

        for name, column in self.columns.held.items():
            if isinstance(column, Repeated):
                array = arrow.DictionaryArray.from_arrays(column.codes, strings(column.words))
                arrays.append(array.dictionary_decode() if for_csv else array)
            elif column.dtype.kind == "U":
                arrays.append(strings(column.tolist()))
            else:
                arrays.append(arrow.array(column, from_pandas=for_csv))
            title, *unit = _serialise.encodable([name, *([self.units[name]] if name in self.units else [])])
            fields.append(arrow.field(title, arrays[-1].type, metadata={"unit": unit[0]} if unit else None))
        schema = arrow.schema(fields, metadata={"pyrometer": _serialise.escaped(json.dumps(about, ensure_ascii=False))})
        table: pa.Table = arrow.Table.from_arrays(arrays, schema=schema)
        return table

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame; title, units and metadata are in its ``attrs``."""
        pandas = _framework("pandas", "to_pandas")
        columns = {
            name: pandas.Categorical.from_codes(column.codes, column.words)
            if isinstance(column, Repeated)
            else column.copy()
            for name, column in self.columns.held.items()
        }
        frame: pd.DataFrame = pandas.DataFrame(columns)
        frame.attrs.update(title=self.title, units=dict(self.units), metadata=dict(self.metadata))
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame."""
        polars = _framework("polars", "to_polars")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow())
        return frame

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a file in the format of its suffix.

        Parameters
        ----------
        path : str or path
            ``.parquet`` and ``.json`` keep title, units and metadata, ``.csv`` the columns only. An existing file is
            replaced atomically.

        Raises
        ------
        ValueError
            If the suffix is not one of these.
        OSError
            If the file cannot be written.
        """
        name = validate.as_path(path)
        made = table_format("path", name)
        with atomic_write(name) as file:
            made.write(self, file)


def _framework(module: str, method: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f"Table.{method}() needs {package}: pip install {package}.", name=package) from error
