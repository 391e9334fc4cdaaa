"""Validation of arguments: each is checked here, once, and returned as a C-contiguous array of an exact dtype.

Every message says what must hold, what was given, and, where it helps, what to do.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base._alignment import aligned
from pyrometer.base._classes import class_labels, encoded, is_label, labels_in
from pyrometer.base._conversion import column_of, labels_of, matrix_of, numeric, taken, target_of, values_of
from pyrometer.base._described import described, require_array_like
from pyrometer.base._exact import first_rounded
from pyrometer.base._nearest import nearest
from pyrometer.base._weights import Weights, numbers_of, replacements, weights_of

__all__ = [
    "Data",
    "RandomSource",
    "aligned",
    "as_path",
    "choice",
    "class_labels",
    "count",
    "data",
    "encoded",
    "finite",
    "flag",
    "label_pair",
    "labels_in",
    "mapping",
    "matrix",
    "numeric",
    "positive",
    "seed",
    "sequence",
    "single",
    "weights",
]

_SHOWN = 5  # classes in a message
_ONE_DIMENSION = "a single feature is X[:, None], a single row X[None, :]."
_SWAPPED = "y has columns: X is the first argument and y the second."
_NO_OTHERS: Mapping[str, str] = MappingProxyType({})
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

# In quotes: evaluated, it would load numpy.random at import.
RandomSource: TypeAlias = "int | np.integer[Any] | np.random.SeedSequence | np.random.Generator | None"


class Data(NamedTuple):
    """Checked data: X (..., m, p) and y (..., m) of one dtype, float64 or float32, and the columns' names, if any.

    y is C-contiguous, and X unless it is stored by columns: then X.swapaxes(-1, -2) is.
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any]
    names: tuple[str, ...] | None
    target: str | None
    weights: Weights | None = None


def data(X: Any, y: Any, *, labels: Any = False, weights: Any = None, by_columns: bool = False) -> Data:
    """Check features and target: numeric, real, of matching shapes, at least one row. The core checks finiteness.

    If both are float32 they stay so, everything else becomes float64. Unless `labels` is False, the target is labels, 0
    and 1 (None) or the two given, which become numbers of the dtype of X; or the result of a function that encodes the
    target. Rows of weight 0 may have any values: copies of another row take their places. With `by_columns`, X that is
    stored by columns stays so.
    """
    aligned("X", X, "y", y)
    if weights is not None:
        aligned("X", X, "weights", weights)
        aligned("y", y, "weights", weights)
        weights = numbers_of(weights)
        rows = replacements(weights)
        X, y = taken(X, rows, -2), taken(y, rows, -1)
    X_array, names = matrix_of("X", X)
    if labels is False:
        y_array, target = target_of(y)
    elif callable(labels):
        y_array, target = labels(y, np.float32 if X_array.dtype == np.float32 else np.float64), None
    else:
        y_array, target = _labels(y, labels, np.float32 if X_array.dtype == np.float32 else np.float64), None
    if X_array.ndim < 2:
        raise ValueError(
            f"X must have shape (rows, features) or (..., rows, features), got {X_array.shape}; "
            + (_SWAPPED if y_array.ndim > 1 and y_array.shape[-1] > 1 else _ONE_DIMENSION)
        )
    rows_shape = X_array.shape[:-1]
    if y_array.shape != rows_shape:
        raise ValueError(
            f"y must have one value for each row of X, shape {rows_shape}, got {y_array.shape} for X of shape "
            f"{X_array.shape}{_reshaped(X_array.shape, y_array.shape, labelled=labels is not False)}."
        )
    if 0 in rows_shape:
        raise ValueError(f"X must have at least one row, got shape {X_array.shape}.")
    dtype = _FLOAT32 if X_array.dtype == _FLOAT32 == y_array.dtype else _FLOAT64
    _require_fitting("X", X_array, -2)
    _require_fitting("y", y_array, -1)
    checked = None if weights is None else weights_of(weights, y_array.shape)
    if by_columns and not X_array.flags.c_contiguous and X_array.swapaxes(-1, -2).flags.c_contiguous:
        features = _contiguous(X_array.swapaxes(-1, -2), dtype).swapaxes(-1, -2)
    else:
        features = _contiguous(X_array, dtype)
    return Data(features, _contiguous(y_array, dtype), names, target, checked)


def _reshaped(features: tuple[int, ...], target: tuple[int, ...], *, labelled: bool) -> str:
    """Return how a target of another shape than the rows of X is made to fit; "" where that is not known."""
    if target[:-1] == features[:-1]:
        if target[-1] == 1:
            return "; use y.ravel()"
        return "; of one column for each class the labels are y.argmax(axis=-1)" if labelled else ""
    return "; use X.T, whose rows are the samples" if len(features) == 2 and target == features[1:] else ""


def weights(value: Any) -> npt.NDArray[np.float64]:
    """Return weights of rows (..., m): finite numbers >= 0, not all 0."""
    return numbers_of(value)


def matrix(name: str, value: Any, *, vector: bool = False) -> tuple[npt.NDArray[Any], tuple[str, ...] | None]:
    """Return a finite, non-empty float32 or float64 matrix and its column names; a vector becomes one column."""
    column = column_of(value) if vector else None
    array, names = matrix_of(name, value) if column is None else (values_of(name, column), None)
    given = array.shape
    if vector and array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        shape = "(rows,) or (rows, outputs)" if vector else "(rows, features)"
        raise ValueError(f"{name} must have shape {shape} with at least one of each, got {given}.")
    _require_fitting(name, array, -2)
    array = _contiguous(array, _FLOAT32 if array.dtype == _FLOAT32 else _FLOAT64)
    finite(name, array)
    return array, names


def finite(name: str, array: npt.NDArray[Any], *, columns: bool = True) -> None:
    """Raise ValueError, with its indices, for a non-finite value of X (..., m, p), or of y (..., m) without columns."""
    by_columns = not array.flags.c_contiguous
    first = _core.first_bad(array.swapaxes(-1, -2) if by_columns else array, "finite", 0)
    if first >= 0:
        first = int(np.isfinite(array).argmin()) if by_columns else first
        *stack, row, column = map(int, np.unravel_index(first, array.shape if columns else (*array.shape, 1)))
        place = f"row {row}" + (f", column {column}" if columns else "")
        system = f" of system {tuple(stack)}" if stack else ""
        raise ValueError(f"{name} must be finite, got {array.flat[first]} at {place}{system}; drop or fill it.")


def label_pair(pair: Any) -> tuple[Any, Any]:
    """Return two different labels."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(is_label, pair)) or pair[0] == pair[1]:
        raise ValueError(f"labels must be two different labels (negative, positive), got {described(pair)}.")
    return pair[0], pair[1]


def positive(name: str, value: Any, why: str) -> npt.NDArray[np.float64]:
    """Return a read-only float64 copy of finite numbers > 0, of at least one element; `why` is advice for a 0."""
    return _each(name, value, "finite and > 0", lambda array: np.isfinite(array) & (array > 0), why)


def any_finite(name: str, value: Any) -> npt.NDArray[np.float64]:
    """Return a read-only float64 copy of finite numbers, of at least one element."""
    return _each(name, value, "finite", np.isfinite)


def _each(
    name: str, value: Any, what: str, holds: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], why: str = ""
) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore"):  # of long doubles
        array = np.array(numeric(name, value), dtype=np.float64, order="C")
    if array.size == 0:
        raise ValueError(f"{name} must have at least one value, got shape {array.shape}.")
    bad = ~holds(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f" at index {where if len(where) > 1 else where[0]}" if array.ndim else ""
        end = f"; {why}" if why and array[where] == 0 else "."
        raise ValueError(f"{name} must be {what}, got {array[where]}{place}{end}")
    array.flags.writeable = False
    return array


def single(name: str, value: Any, *, minimum: float = -math.inf, exclusive: bool = False) -> float:
    """Return a finite float that is at least (or above) `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {described(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < minimum or (exclusive and number == minimum):
        bound = "" if minimum == -math.inf else f" and {'>' if exclusive else '>='} {minimum:g}"
        raise ValueError(f"{name} must be finite{bound}, got {number}.")
    return number


def count(name: str, value: Any, *, minimum: int, maximum: int = 2**62 - 1) -> int:
    """Return a whole number from `minimum` to `maximum`."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {described(value)}.") from None
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {described(number)}.")
    if number > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {described(number)}.")
    return number


def threads(value: Any) -> int:
    """Return the number of threads as the core takes it: 0, all that OpenMP offers, for None."""
    return 0 if value is None else count("threads", value, minimum=1, maximum=4096)


def choice(name: str, value: Any, allowed: tuple[str, ...], others: Mapping[str, str] = _NO_OTHERS) -> str:
    """Return one of the `allowed` words; `others` are names for them elsewhere, which the message translates."""
    if not isinstance(value, str) or value not in allowed:
        words = ", ".join(map(repr, allowed))
        given = value if isinstance(value, str) else ""
        hint = nearest(others.get(given, given), allowed, fallback="")
        raise ValueError(f"{name} must be one of {words}, got {described(value)}{hint or '.'}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return a bool; TypeError for anything else."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {described(value)}.")
    return bool(value)


def mapping(name: str, value: Any, of: str) -> Mapping[str, Any]:
    """Return a mapping whose keys are strings; `of` says what it maps, for the message."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of {of}, such as a dict, got {described(value)}.")
    other = next((key for key in value if not isinstance(key, str)), None)
    if other is not None or None in value:
        raise TypeError(f"{name} must be a mapping of {of} whose keys are strings, got the key {described(other)}.")
    return value


def sequence(name: str, value: Any, of: str) -> Sequence[Any]:
    """Return a sequence that is no string, as a list or a tuple; `of` says what it holds, for the message."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value.tolist())
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a sequence of {of}, such as a list, got {described(value)}.")
    return value if isinstance(value, (list, tuple)) else list(value)


def seed(rng: RandomSource) -> tuple[int, int]:
    """Return the 128-bit key of a source of randomness.

    An int or a SeedSequence always gives the same key; a Generator is advanced; None draws fresh entropy.
    """
    if isinstance(rng, np.random.Generator):
        words: npt.NDArray[Any] = rng.integers(0, 2**64, size=2, dtype=np.uint64)
    else:
        if rng is None or isinstance(rng, np.random.SeedSequence):
            sequence = rng if rng is not None else np.random.SeedSequence()
        elif isinstance(rng, (bool, np.bool_)) or not isinstance(rng, numbers.Integral):
            raise TypeError(
                f"rng must be an int, a numpy SeedSequence or Generator, or None, got {described(rng)}; "
                "np.random.default_rng(seed) is a Generator."
            )
        elif rng < 0:
            raise ValueError(f"rng must be a seed >= 0, got {described(int(rng))}.")
        else:
            sequence = np.random.SeedSequence(int(rng))
        words = sequence.generate_state(2, np.uint64).astype(np.uint64)
    return int(words[0]), int(words[1])


def as_path(value: Any) -> str:
    """Return a path as a string."""
    try:
        path = os.fsdecode(value)
    except TypeError:
        raise TypeError(f"path must be a string or a path, got {described(value)}.") from None
    if "\0" in path:
        raise ValueError(f"path must have no null character, got {described(path)}.")
    return path


def _contiguous(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return C-contiguous, native-endian, aligned data of `dtype`; a copy only where it must be."""
    if type(array) is np.ndarray and array.dtype == dtype:
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
    with np.errstate(over="ignore"):  # of long doubles
        return np.require(array, dtype=dtype, requirements=["C", "A"])


def _require_fitting(name: str, array: npt.NDArray[Any], rows: int) -> None:
    """Raise ValueError for long doubles that rounding to doubles would change too much; `rows` is their axis."""
    first = first_rounded(array, rows) if array.dtype.itemsize > 8 else None
    if first is not None:
        where = np.unravel_index(first, array.shape)
        place = f"row {where[rows]}" + (f", column {where[-1]}" if rows == -2 else "")
        raise ValueError(
            f"{name} must have numbers that doubles can hold, got {array.flat[first]!r:.80} at {place}, which rounding "
            "changes by more than 1e-12 of the range; subtract an offset or rescale first, or accept the rounding with "
            "astype(float)."
        )


def _labels(value: Any, pair: Any, dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
    """Return labels as 0.0 and 1.0; `data` raises for a scalar, by its shape."""
    if pair is None:
        try:
            array = target_of(value)[0]
        except TypeError as error:
            if value is None:
                raise
            words = _words(value)
            if words:
                raise TypeError(
                    f"y must be numeric, 0 or 1, or come with labels=(neg, pos), got {words[0]!r} at row 0; "
                    f"{_other_labels(words)}"
                ) from None
            raise TypeError(f"{error} Labels of another kind are passed with labels=(neg, pos).") from None
        # Rounding to float32 could turn another number into a label.
        wide = np.float64 if array.dtype.kind == "f" and array.dtype.itemsize > 4 else dtype
        numbers = np.asarray(array, dtype=wide, order="C")
        first = _core.first_bad(numbers, "label", 0)
        if first >= 0 and array.ndim:
            where = np.unravel_index(first, array.shape)
            raise ValueError(
                f"y must be 0 or 1, got {array[where]} at row {where[-1]}; {_other_labels(array.ravel().tolist())}"
            )
        return numbers.astype(dtype, copy=False)
    require_array_like("y", value, categories=True)
    if np.ma.is_masked(value):
        raise ValueError("y must have no masked values; drop those rows first.")
    array = labels_of(value)
    positive_ones = np.asarray(array == pair[1])
    invalid = ~(positive_ones | np.asarray(array == pair[0]))
    if invalid.any() and array.ndim:
        where = np.argwhere(invalid)[0]
        value = array[tuple(where)] if array.dtype.hasobject else array[tuple(where)].item()
        raise ValueError(
            f"y must be {pair[0]!r} or {pair[1]!r}, got {value!r} at row {where[-1]}; "
            f"{_other_labels(array.ravel().tolist())}"
        )
    return positive_ones.astype(dtype)


def _other_labels(values: list[Any]) -> str:
    """Return what to do with a target of these values, which are not the two labels that are expected."""
    classes = list(dict.fromkeys(value for value in values if value == value))  # without nan
    with contextlib.suppress(TypeError):  # labels of several kinds
        classes = sorted(classes)
    if len(classes) < 2:
        return "pass labels=(neg, pos) to use two others."
    if len(classes) == 2:
        return f"pass labels=({classes[0]!r}, {classes[1]!r}), the negative one first, to use its two labels."
    shown = ", ".join(map(repr, classes[:_SHOWN])) + (f" and {len(classes) - _SHOWN} more" * (len(classes) > _SHOWN))
    return (
        f"it has more than two classes ({shown}), and this model is for two: SoftmaxRegression(X, y) is for all of "
        "them. Or select the rows of two classes and pass labels=(neg, pos); real numbers are for LinearRegression."
    )


def _words(value: Any) -> list[str]:
    """Return the values of a column or list of strings; nothing for anything else."""
    array = labels_of(value)
    return [str(word) for word in array.tolist()] if array.ndim == 1 and array.size and _are_words(array) else []


def _are_words(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind in "UT" or (array.dtype.kind == "O" and all(isinstance(word, str) for word in array))
