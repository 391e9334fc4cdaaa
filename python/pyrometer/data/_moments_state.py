"""The fields of moments, and their validation: given by a user, or read from a file."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, Members, plain, require_fields, validate
from pyrometer.data import _accuracy
from pyrometer.data._row_sizes import hidden

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["HEADER", "MOST_ROWS", "State", "described", "loaded", "rescaled", "sound"]


_GREATEST_MEAN = 1e154
# Counts up to this are exact as doubles.
MOST_ROWS = 1 << 53
# Sums of weights between this and its reciprocal leave room for squares.
_LEAST_COUNT = 1e-100


class State(NamedTuple):
    """The fields of moments; `accuracy` and `scatter_low` are as in their files.

    `total` is the number of rows, or the sum of their weights; then `rows` is their number, and `weight` that sum,
    more accurately, unless it is a whole number.
    """

    total: int | float
    mean: Array
    scatter: Array
    intercept: bool
    names: tuple[str, ...] | None
    target: str | None
    accuracy: Array | None = None
    scatter_low: Array | None = None
    rows: int | None = None
    weight: Fraction | None = None


HEADER = ("count", "intercept", "names", "target")


def described(
    count: float,
    mean: npt.ArrayLike,
    scatter: npt.ArrayLike,
    intercept: bool,
    names: Sequence[str] | None,
    target: str | None,
    rows: int | None = None,
) -> State:
    """Validate each field."""
    if rows is None:
        count = validate.count("count", count, minimum=1)
        if count > MOST_ROWS:
            raise ValueError(f"count must be at most 2**53, got {count}; the sum of weights is given with rows=.")
    else:
        rows = validate.count("rows", rows, minimum=1, maximum=MOST_ROWS)
        if not isinstance(count, int) or isinstance(count, bool):
            count = validate.single("count", count, minimum=0.0, exclusive=True)
        elif not 1 <= count <= MOST_ROWS:
            raise ValueError(f"count must be a float, or a whole number from 1 to 2**53, got {count}.")
        if not _LEAST_COUNT <= count <= 1.0 / _LEAST_COUNT:
            raise ValueError(f"count must be from {_LEAST_COUNT:g} to {1.0 / _LEAST_COUNT:g}, got {count:g}.")
    mean_array, scatter_array = _described_arrays(mean, scatter)
    if names is not None:
        names, features = tuple(validate.sequence("names", names, "strings")), mean_array.shape[-1] - 1
        if len(names) != features or not all(isinstance(name, str) for name in names):
            raise ValueError(f"names must be {features} strings, one for each feature, got {plain(repr(names))}.")
    if target is not None and not isinstance(target, str):
        raise TypeError(f"target must be a string or None, got {plain(repr(target))}.")
    return State(count, mean_array, scatter_array, validate.flag("intercept", intercept), names, target, rows=rows)


def _described_arrays(mean: npt.ArrayLike, scatter: npt.ArrayLike) -> tuple[Array, Array]:
    """Return mean and scatter, of shapes that fit, finite, the scatter symmetric with a diagonal >= 0."""
    mean_array = np.array(validate.numeric("mean", mean), dtype=np.float64, order="C")
    scatter_array = np.array(validate.numeric("scatter", scatter), dtype=np.float64, order="C")
    if mean_array.ndim < 1 or mean_array.shape[-1] < 1:
        raise ValueError(f"mean must have shape (..., features + 1), got {mean_array.shape}; the last is the target's.")
    columns = mean_array.shape[-1]
    if scatter_array.shape != (*mean_array.shape, columns):
        raise ValueError(
            f"scatter must have shape {(*mean_array.shape, columns)} for a mean of shape {mean_array.shape}, "
            f"got {scatter_array.shape}."
        )
    for name, array in (("mean", mean_array), ("scatter", scatter_array)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, got nan or inf.")
    if np.abs(mean_array).max(initial=0.0) > _GREATEST_MEAN:
        raise ValueError(f"mean must have finite squares, got {mean_array.flat[np.abs(mean_array).argmax()]:.6g}.")
    if not np.array_equal(scatter_array, np.swapaxes(scatter_array, -1, -2)):
        raise ValueError(
            "scatter must be symmetric, got different triangles; use (scatter + scatter.swapaxes(-1, -2)) / 2."
        )
    least = np.diagonal(scatter_array, axis1=-2, axis2=-1).min(initial=0.0)
    if least < 0.0:
        raise ValueError(f"scatter must have a diagonal >= 0, got {least:.6g}.")
    return mean_array, scatter_array


def sound(state: State) -> State:
    """Return the state with its accuracy, by default that of one pass; ValueError if the scatter is indefinite."""
    moments = (state.total, state.mean, state.scatter)
    accuracy = _accuracy.of_doubles(*moments, state.rows) if state.accuracy is None else state.accuracy
    share = _accuracy.shift_of(*moments, accuracy)
    if share:
        accuracy = accuracy.copy()
        squares = np.diagonal(state.scatter, axis1=-2, axis2=-1)
        accuracy[..., 4, :] = np.maximum(accuracy[..., 4, :], share * squares)
    return state._replace(accuracy=accuracy)


def rescaled(state: State, exponent: int) -> State:
    """Return the state, which has its accuracy, of 2**exponent times the weights; ValueError beyond their range."""
    from fractions import Fraction

    assert state.accuracy is not None
    weight = (Fraction(state.total) if state.weight is None else state.weight) * Fraction(2) ** exponent
    count = _size_of(weight)
    if not _LEAST_COUNT <= count <= 1.0 / _LEAST_COUNT:
        raise ValueError(
            f"weights must have a sum from {_LEAST_COUNT:g} to {1.0 / _LEAST_COUNT:g}, because moments add up, got "
            f"{count:.6g}; divide all weights by one number."
        )
    accuracy = state.accuracy.copy()
    accuracy[..., 1:5, :] = np.ldexp(accuracy[..., 1:5, :], exponent)
    low = None if state.scatter_low is None else np.ldexp(state.scatter_low, exponent)
    scatter = np.ldexp(state.scatter, exponent)
    if not (np.isfinite(scatter).all() and np.isfinite(accuracy).all()):
        raise ValueError("weights must keep sums of squares in the range of a double, got an overflow; divide them.")
    return state._replace(total=count, scatter=scatter, accuracy=accuracy, scatter_low=low, weight=weight)


def _size_of(weight: Fraction) -> float:
    """Return the nearest double, or infinity beyond them."""
    return float(weight) if weight < 2**1023 else math.inf


def _weight_in(header: dict[str, Any]) -> Fraction | None:
    """Return the exact sum of weights, removed from the header of a file; None of a count that is a whole number."""
    from fractions import Fraction

    text = header.pop("weight", None)
    if text is None:
        return None
    # Of at most 2000 digits: doubles have 1100, and what "1e999999999" stands for fills the memory.
    written = isinstance(text, str) and re.fullmatch(r"\d{1,2000}(/0*[1-9]\d{0,2000})?", text, re.ASCII)
    weight = Fraction(text) if written else None
    if weight is None or _size_of(weight) != header["count"]:
        raise ValueError(f"weight must be a fraction equal to count, got {text!r:.80}")
    return None if isinstance(header["count"], int) else weight


def loaded(header: dict[str, Any], arrays: Members) -> State:
    """Return the moments of a file; ValueError names an invalid field."""
    needed = ("mean", "scatter") if arrays.version == 1 else ("mean", "scatter", "accuracy")
    of_weights = ("rows", "weight")
    needed_header = (*HEADER, *of_weights) if arrays.version == 3 else HEADER
    require_fields("the header", header, needed_header, of_weights if arrays.version > 3 and "rows" in header else ())
    kept = () if arrays.version == 1 else ("scatter_low", "smallest")
    require_fields("the file", arrays, needed, kept[: 1 if arrays.version < 4 else 2])
    for name, array in arrays.items():
        if array.dtype.kind != "f" or array.dtype.itemsize != 8:
            raise ValueError(f"{name} must be of dtype float64, got {array.dtype}")
    if not (header["names"] is None or isinstance(header["names"], list)):
        raise ValueError(f"names must be a list or null, got {header['names']!r}")
    weight = _weight_in(header)
    state = described(mean=arrays["mean"], scatter=arrays["scatter"], **header)._replace(weight=weight)
    accuracy, low, smallest = (
        np.array(arrays[name], dtype=np.float64, order="C") if name in arrays else None
        for name in ("accuracy", "scatter_low", "smallest")
    )
    if smallest is not None:
        _require_sizes(smallest, state.total, state.scatter)
    if accuracy is not None:
        _accuracy.require_sound(state.mean, state.scatter, accuracy, low)
        accuracy = _accuracy.with_sizes(state.total, state.scatter, accuracy, smallest)
    return sound(state._replace(accuracy=accuracy, scatter_low=low))


def _require_sizes(smallest: Array, count: float, scatter: Array) -> None:
    """Raise ValueError for mean squares of the smallest rows that are malformed."""
    if smallest.shape != scatter.shape[:-1]:
        raise ValueError(f"smallest must have shape {scatter.shape[:-1]}, got {smallest.shape}.")
    small = hidden(count, scatter, np.abs(smallest))
    bad = smallest[~((smallest >= 0.0) | (False if small is None else small))]
    if bad.size:
        raise ValueError(f"smallest must be mean squares, or minus those of far smaller rows, got {bad[0]:g}.")
