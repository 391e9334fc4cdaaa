"""How results are shown in a terminal and in a notebook, and converted to plain types and frames."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue, listed, plain, restore, validate, with_article
from pyrometer.results import _html, _numbers, _plain_text, _serialise, _sheet
from pyrometer.results._quantities import error_of, is_error, units_of
from pyrometer.results._record import PLAIN, Quantity, Record
from pyrometer.results._sheet import Line, Sheet
from pyrometer.results._table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Described", "Displayed", "OneNumber", "Shown", "described_by", "drawn"]

# Longer strings are sentences.
_WORDS = 40
# A relative error below this is stated, but does not reduce the digits of the number.
_NEGLIGIBLE = 1e-6
# Most characters of a sentence, which may come from another library.
_SENTENCE = 300
_NARROWEST = 40
# Arrays and lists of more are abbreviated.
_FEW = 6


class Displayed:
    """An object that is shown as a heading and a few aligned lines, in a terminal and in a notebook."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what describes the object as types that JSON has."""
        raise NotImplementedError

    def to_text(self, *, width: int | None = None) -> str:
        """Return the object as a few lines of text.

        Parameters
        ----------
        width : int, optional
            At least 40: no line is longer, unless a number is. Default: the width of the terminal.

        Returns
        -------
        str
            Lines without trailing newline. Numbers have the digits that their standard errors allow, at most six where
            there is none; the attributes have all digits.
        """
        columns = _plain_text.width_of() if width is None else validate.count("width", width, minimum=_NARROWEST)
        return _sheet.as_text(self._sheet(), columns)

    def _sheet(self) -> Sheet:
        raise NotImplementedError

    def __repr__(self) -> str:
        return _sheet.as_text(self._sheet(), _plain_text.width_of())

    def _repr_html_(self) -> str:
        sheet = self._sheet()
        return _html.of_sheet(sheet, _sheet.cells(sheet))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        _plain_text.pretty(printer, f"{type(self).__name__}(...)" if cycle else repr(self))


class Shown(Displayed, ByValue):
    """A frozen result that is shown as its record says."""

    _RECORD: ClassVar[Record] = PLAIN

    def __init_subclass__(cls, *, record: Record | None = None, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if record is not None:
            cls._RECORD = record

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as types that JSON has.

        Returns
        -------
        dict
            Arrays are nested lists, results in results dicts; nan and infinities are None.
        """
        return {field.name: _serialise.finite(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    def to_table(self) -> Table:
        """Return the numbers and words as a table: one row for each element of a batch, layer or time.

        Axes beyond the first two of an array are columns of their own, as the parameters of a minimum.
        """
        values = self._fields()
        over = self._over(values)
        shape = np.shape(values.get(over, 0.0))
        columns: dict[str, npt.NDArray[Any]] = {}
        if len(shape) > 1:
            places = np.indices(shape).reshape(len(shape), -1)
            columns |= {f"axis_{axis}": place for axis, place in enumerate(places)}
        for name, value in values.items():
            columns |= _columns(name, value, shape, self._names(name))
        return Table(type(self).__name__, columns, units_of(columns))

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers and words as a pandas DataFrame: one row for each element of a batch, layer or time."""
        return self.to_table().to_pandas()

    def _names(self, name: str) -> tuple[str, ...] | None:
        """Return the names of the last axis of a field that has one more than the batch."""
        del name
        return None

    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def _over(self, values: Mapping[str, Any]) -> str:
        arrays = [name for name, value in values.items() if isinstance(value, np.ndarray) and value.ndim]
        return self._RECORD.over or next(iter(arrays), "")

    def _sheet(self) -> Sheet:
        record, values = self._RECORD, self._fields()
        units = units_of(values)
        lines: list[Line] = []
        tables, sentences = list(record.tables(self)), list(record.sentences(self))
        known_tables = bool(tables)
        hidden = {
            *record.elsewhere,
            *(q.error for q in record.lines.values()),
            *(q.bound for q in record.lines.values()),
        }
        unknown = {
            name: Quantity(name, units.get(name, ""), error_of(name, values))
            for name in values
            if name not in record.lines and name not in hidden and not is_error(name, values)
        }
        for name, quantity in {**record.lines, **unknown}.items():
            value = values[name] if name in values else getattr(self, name)
            if known_tables and name in record.lines and np.ndim(value):
                continue  # it is in a table
            if isinstance(value, Table):
                tables.append(value)
            elif isinstance(value, str) and len(value) > _WORDS:
                sentences.append(f"{quantity.label}: {value}")
            else:
                lines += _line(quantity, value, values.get(quantity.error), values.get(quantity.bound))
        lines = [line for line in lines if not any(sentence.startswith(f"{line.text}:") for sentence in sentences)]
        return Sheet(self._heading(values), lines, tables, sentences)

    def _heading(self, values: Mapping[str, Any]) -> str:
        shape = np.shape(values.get(self._over(values), 0.0))
        shape = shape[: max(len(shape) - self._RECORD.axes, 0)]
        batch = f", batch of shape {shape}" if shape else ""
        said = self._RECORD.heading(self) or values.get("method", "")
        words = said if isinstance(said, str) else _numbers.spread(np.asarray(said))
        return f"{type(self).__name__}{batch}{f', {words}' if words else ''}"


class OneNumber(Shown):
    """A result that stands for one number: ``float(result)`` and ``f"{result:.3g}"`` are of it."""

    def __float__(self) -> float:
        return float(self._number())

    def __format__(self, spec: str) -> str:
        return format(self._number(), spec) if spec else str(self)

    def __round__(self, digits: int | None = None) -> float:
        return round(float(self), digits)

    def _number(self) -> float:
        name = self._RECORD.one
        value = getattr(self, name)
        if isinstance(value, np.ndarray):
            raise TypeError(
                f"{with_article(type(self).__name__)} must be a single one to be a number, got a batch of shape "
                f"{value.shape}; use .{name}, an array."
            )
        return float(value)


def described_by(heading: str, facts: Mapping[str | Quantity, Any], tables: Sequence[Table] = ()) -> Sheet:
    """Return a heading, a line for each fact (a number or words; none for None and ""), a sentence for longer words."""
    lines: list[Line] = []
    sentences: list[str] = []
    for label, value in facts.items():
        quantity = Quantity(label) if isinstance(label, str) else label
        if isinstance(value, str) and len(value) > _WORDS:
            sentences.append(f"{quantity.label}: {plain(value, _SENTENCE)}")
        else:
            lines += _line(quantity, value, None, None)
    return Sheet(heading, lines, tables, sentences)


def _columns(name: str, value: Any, shape: tuple[int, ...], names: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the columns of a field: none where it is no number, no word and no array of the batch."""
    if not isinstance(value, (bool, int, float, str, np.ndarray)):
        return {}
    array = np.asarray(value)
    if array.dtype.kind not in "fiubU":
        return {}
    if array.ndim == len(shape) + 1 and array.shape[:-1] == shape:
        each = names if names is not None and len(names) == array.shape[-1] else range(array.shape[-1])
        return {f"{name}[{key}]": array[..., k].reshape(-1) for k, key in enumerate(each)}
    try:
        return {name: np.broadcast_to(array, shape).reshape(-1)}
    except ValueError:
        return {}


def _line(quantity: Quantity, value: Any, error: Any, bound: Any) -> Iterator[Line]:
    """Yield the line of a field; none for what is empty or no quantity."""
    if value is None or (isinstance(value, (str, tuple, Mapping)) and not value):
        return
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        text, remark = _one(value, error, bound, quantity.digits)
    elif isinstance(value, np.ndarray):
        text = _numbers.spread(value, quantity.digits)
        remark = _largest(error, "standard error") or _largest(bound, "error")
    else:
        yield Line(plain(quantity.label), _words(value), numeric=False)
        return
    numeric = not isinstance(value, np.ndarray) or value.dtype.kind in "fiu"
    yield Line(plain(quantity.label), text, quantity.unit, "; ".join(filter(None, (remark, quantity.note))), numeric)


def _words(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, str):
        return plain(value, _WORDS)
    if isinstance(value, (tuple, Mapping)):
        return listed([f"{key}: {value[key]}" if isinstance(value, Mapping) else str(key) for key in value], plain)
    return value._sheet().heading if isinstance(value, Displayed) else plain(repr(value), 200)


def _one(value: Any, error: Any, bound: Any, digits: int) -> tuple[str, str]:
    """Return a number with its error, and a remark on a bound of its error."""
    if isinstance(value, (int, np.integer)):
        return str(value), ""
    if isinstance(error, (int, float)) and error != 0.0:
        return _numbers.with_error(value, error), ""
    if not isinstance(bound, (int, float)) or bound == 0.0:
        return _numbers.number(value, digits), ""
    remark = f"error at most {bound:.2g}"
    return (_numbers.number(value) if bound <= _NEGLIGIBLE * abs(value) else _numbers.with_error(value, bound)), remark


def _largest(errors: Any, what: str) -> str:
    if not isinstance(errors, np.ndarray) or not errors.size or np.isnan(errors).all():
        return ""
    largest = float(np.nanmax(errors))
    return f"{what} at most {largest:.2g}" if largest > 0.0 else ""


class Described(Displayed, ByValue):
    """A frozen description, such as a law, that is shown as the call that makes it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    def __repr__(self) -> str:
        values = {field: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        shown = [f"{field.name}={_argument(value)}" for field, value in values.items() if value is not field.default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_text(self, *, width: int | None = None) -> str:
        """Return the call that makes the law, broken into lines of at most `width` characters if one is given."""
        if width is None:
            return repr(self)
        return "\n".join(textwrap.wrap(repr(self), validate.count("width", width, minimum=_NARROWEST)))

    def _sheet(self) -> Sheet:
        return Sheet(repr(self))

    def _repr_html_(self) -> str:
        return _html.of_code(repr(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the name of the law and its arguments as types that JSON has."""
        values = {field.name: _serialise.finite(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]
        return {"law": type(self).__name__, **values}


def _argument(value: Any) -> str:
    """Return an argument; of an array with many numbers their range, of many laws the first."""
    if isinstance(value, np.ndarray):
        if value.size == 1 and value.ndim < 2:
            return _numbers.number(value.reshape(-1)[0].item())
        if value.ndim == 1 and value.size <= _FEW:
            return f"[{', '.join(map(_numbers.number, value.tolist()))}]"
        return f"<shape {value.shape}, {_numbers.spread(value)}>"
    if isinstance(value, tuple):
        more = f", ... {len(value) - _FEW} more" if len(value) > _FEW else ""
        return f"[{', '.join(map(repr, value[:_FEW]))}{more}]"
    return _numbers.number(value) if isinstance(value, float) else repr(value)


def drawn(function: str, result: Any, ax: Any) -> Any:
    """Draw a result by a function of `pyrometer.plot`, a higher layer that is imported by name when needed."""
    return getattr(importlib.import_module("pyrometer.plot"), function)(result, ax=ax)
