"""Columns of data frames by kind: numbers, some of which may be missing, and categories."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base._conversion import frame_of, is_decimal, null_count, numeric, values_of
from pyrometer.base._described import require_dense
from pyrometer.base._like_numbers import LOOK, hide_numbers
from pyrometer.base._printable import plain, quoted

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Coded", "Mixed", "in_order", "mixed_of"]

_DATES = (dt.date, dt.time, dt.timedelta)
_MOST = 1000  # categories of a column: one with more is taken to identify rows


@dataclass(frozen=True)
class Coded:
    """A column of categories.

    Attributes
    ----------
    place : int
        Of the column among all columns.
    values : tuple
        The categories that occur, in order; None, the last one, stands for missing values.
    codes : ndarray of int, shape (m,)
        Places of the rows' values in `values`.
    """

    place: int
    values: tuple[Any, ...]
    codes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixed:
    """A data frame with columns of several kinds.

    Attributes
    ----------
    names : tuple of str
        Names of all columns.
    places : tuple of int
        Of the columns of numbers among all columns.
    numbers : ndarray, shape (m, q)
        The columns of numbers, nan where they are missing.
    coded : tuple of Coded
        The columns of categories.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    numbers: npt.NDArray[np.float64]
    coded: tuple[Coded, ...]


def mixed_of(name: str, value: Any, *, known: bool = False) -> Mixed | None:
    """Return the columns of a data frame that has categories or missing values; None for anything else.

    TypeError or ValueError, with the name of the column, for dates, nested values, numbers that are objects, infinities
    and columns of more than a thousand categories; and for texts that look like numbers, unless the columns are `known`
    from rows that have been accepted.
    """
    require_dense(name, value)
    frame = frame_of(name, value)
    if frame is None:
        return None
    columns = list(frame.iter_columns())
    numeric = [_is_number(column) for column in columns]
    if all(numeric) and not any(_has_missing(name, column) for column in columns):
        return None
    places = tuple(j for j, is_number in enumerate(numeric) if is_number)
    numbers = [_numbers(name, columns[j]) for j in places]
    stacked = np.stack(numbers, axis=1) if numbers else np.empty((len(frame), 0))
    coded = tuple(_coded(name, j, column, known=known) for j, column in enumerate(columns) if not numeric[j])
    return Mixed(tuple(map(str, frame.columns)), places, stacked, coded)


def _is_number(series: nw.Series[Any]) -> bool:
    return bool(series.dtype.is_numeric()) or is_decimal(series)


def _has_missing(name: str, series: nw.Series[Any]) -> bool:
    return bool(null_count(name, series)) or (bool(series.dtype.is_float()) and bool(np.isnan(series.to_numpy()).any()))


def _numbers(name: str, series: nw.Series[Any]) -> npt.NDArray[np.float64]:
    """Return numbers, with nan for missing ones."""
    import narwhals as nw

    missing = np.zeros(len(series), dtype=bool)
    if null_count(name, series):
        missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
    filled = series.fill_null(0) if missing.any() else series
    if is_decimal(series):
        exact = values_of(name, filled)
    elif series.dtype.is_integer():  # Arrow casts none beyond 2**53
        exact = numeric(f"{name} (column {quoted(str(series.name))})", filled.to_numpy())
    else:
        exact = filled.cast(nw.Float64).to_numpy()
    result = np.array(exact, dtype=np.float64)
    result[missing] = np.nan
    if np.isinf(result).any():
        row = int(np.argmax(np.isinf(result)))
        raise ValueError(f"{name} must be finite, got {result[row]} at row {row}, column {quoted(str(series.name))}.")
    return result


def _coded(name: str, place: int, series: nw.Series[Any], *, known: bool) -> Coded:
    """Return categories: strings, booleans or anything else that can be compared and is no date."""
    import narwhals as nw

    column = quoted(str(series.name))
    values_given = series.to_list()
    dates = [value for value in values_given if isinstance(value, _DATES) or hasattr(value, "to_timestamp")]
    if dates or series.dtype in (nw.Datetime, nw.Date, nw.Time, nw.Duration):
        kind = type(dates[0]).__name__ if dates and series.dtype == nw.Object else series.dtype
        raise TypeError(
            f"{name} must have numbers or categories, got column {column} of type {kind}; drop it, or convert it to "
            "numbers or categories, such as the weekday or the days since a date."
        )
    if isinstance(series.dtype, (nw.List, nw.Array, nw.Struct, nw.Binary)):
        raise TypeError(
            f"{name} must have numbers or categories, got column {column} of type {series.dtype}; drop it, or make "
            "columns of its parts."
        )
    missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
    given = [value for value, lacks in zip(values_given, missing, strict=True) if not lacks]
    if not isinstance(series.dtype, (nw.Categorical, nw.Enum)) and _are_numbers(given):
        raise TypeError(
            f"{name} must have numbers or categories, got column {column} of type {series.dtype} with numbers, such as "
            f"{plain(str(given[0]))}; convert it with astype(float), or to strings if they name categories."
        )
    places: dict[Any, int] = {}
    try:
        codes = [
            places.setdefault(None if lacks else value, len(places))
            for value, lacks in zip(values_given, missing, strict=True)
        ]
    except TypeError:
        raise TypeError(
            f"{name} must have numbers or categories, got column {column} with values that cannot be compared; drop it."
        ) from None
    if not (known or isinstance(series.dtype, (nw.Categorical, nw.Enum))):
        _require_names(name, column, [value for value in places if value is not None], len(given))
    if len(places) > _MOST:
        raise ValueError(
            f"{name} must have at most {_MOST} categories in a column, got {len(places)} in {column}; drop it if it "
            "names rows, or combine rare categories."
        )
    values = in_order(places)
    rank = np.empty(max(len(values), 1), dtype=np.int64)
    rank[[places[value] for value in values]] = np.arange(len(values))
    return Coded(place, values, rank[np.array(codes, dtype=np.int64)])


def _require_names(name: str, column: str, different: list[Any], rows: int) -> None:
    """Raise ValueError for texts that look like numbers, dates or times; whole numbers without a sign may be codes."""
    if not all(isinstance(value, str) for value in different) or all(map(str.isdigit, different)):
        return
    if hide_numbers(len(different), rows, different[:LOOK]):
        raise ValueError(
            f"{name} must have numbers or categories, got column {column} of texts that look like numbers or dates, "
            f"such as {quoted(different[0])}; convert it to numbers, or to the type of categories if they name some."
        )


def _are_numbers(values: list[Any]) -> bool:
    """Whether these are numbers, such as decimals, and not booleans alone."""
    return all(isinstance(value, Number) for value in values) and not all(isinstance(value, bool) for value in values)


def in_order(values: Sequence[Any] | dict[Any, int]) -> tuple[Any, ...]:
    """Return categories in an order that does not depend on that of the rows; None comes last."""
    return tuple(sorted(values, key=lambda value: (value is None, type(value).__name__, _comparable(value))))


def _comparable(value: Any) -> Any:
    return value if isinstance(value, (str, bool, int, float)) else str(value)
