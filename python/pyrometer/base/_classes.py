"""Labels of any number of classes as numbers 0, 1, 2, ..."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base._conversion import labels_of
from pyrometer.base._described import described, require_array_like

__all__ = [
    *("MOST_CLASSES", "ClassCodes", "class_labels", "encoded", "is_label", "labels_in", "labels_of_kind"),
]

MOST_CLASSES = 1 << 20  # that the core takes


def class_labels(labels: Any) -> tuple[Any, ...]:
    """Return the labels of classes, in order; ValueError unless they are two or more, all different."""
    single = isinstance(labels, (str, bytes, dict, set, frozenset)) or not isinstance(labels, Iterable)
    if single or getattr(labels, "ndim", 1) == 0:
        raise TypeError(f"labels must be a sequence of labels, in the order of the classes, got {described(labels)}.")
    given = tuple(labels.tolist() if isinstance(labels, np.ndarray) else labels)
    for label in given:
        if not is_label(label):
            raise TypeError(f"labels must be numbers or strings, got {described(label)}.")
    if len(given) < 2:
        raise ValueError(f"labels must name at least two classes, got {described(given)}.")
    if any(_missing(label) for label in given):
        raise ValueError(f"labels must have no missing values, got {described(given)}.")
    repeated = next((label for k, label in enumerate(given) if label in given[:k]), None)
    if repeated is not None:
        raise ValueError(f"labels must be different, got {described(repeated)} more than once.")
    return given


def is_label(value: Any) -> bool:
    """Return whether a value can name a class: it compares as one value."""
    return isinstance(value, Hashable) and not isinstance(value, (tuple, frozenset)) and not callable(value)


def labels_in(y: Any, *, option: bool = True) -> tuple[Any, ...]:
    """Return the labels of a target in sorted order; ValueError unless they are two or more, and labels.

    Messages name `labels` if that is an option of the caller.
    """
    array = _values(y)
    flat = array.reshape(-1)
    _require_present(array)
    if array.dtype.kind == "f":
        odd = np.flatnonzero(~((flat == np.floor(flat)) & np.isfinite(flat)))
        if odd.size:
            rest = "or 'mae', and labels= names classes that are not whole numbers." if option else "of networks."
            raise ValueError(
                f"y must be labels, got {flat[odd[0]]} at row {_row(array, odd[0])}; real numbers are targets of "
                f"energy='mse' {rest}"
            )
    elif array.dtype.kind not in "iubOUST":
        raise TypeError(f"y must be labels: numbers, bool or strings, got {described(y)}.")
    try:
        labels = tuple(np.unique(flat).tolist() if array.dtype.kind != "O" else sorted(set(flat.tolist())))
    except TypeError:
        kinds = sorted({type(value).__name__ for value in flat.tolist()})
        raise TypeError(
            f"y must have labels that can be sorted, got {' and '.join(kinds)}; "
            + ("pass labels= in the order of the classes." if option else "write all as strings.")
        ) from None
    if len(labels) < 2:
        only = ", ".join(map(repr, labels)) or "no rows"
        rest = "; labels= names classes without rows" if option else ""
        raise ValueError(f"y must have at least two classes, got {only} only{rest}.")
    if len(labels) > MOST_CLASSES:
        raise ValueError(f"y must have at most {MOST_CLASSES} classes, got {len(labels)}.")
    return labels


def labels_of_kind(labels: tuple[Any, ...], kind: str) -> tuple[Any, ...]:
    """Return labels of an array of this kind, in the codes of NumPy; text may stand for booleans and numbers."""
    read = {"b": _boolean, "i": _number, "u": _number, "f": _number}.get(kind)
    known = [read(label) if read and isinstance(label, str) else None for label in labels]
    made = tuple(label if value is None else value for label, value in zip(labels, known, strict=True))
    return labels if len({*made}) < len(labels) else made


def _boolean(word: str) -> float | None:
    return {"false": False, "true": True}.get(word.lower(), _number(word))


def _number(word: str) -> float | None:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(word)
    return None


def encoded(y: Any, labels: tuple[Any, ...], dtype: Any) -> npt.NDArray[Any]:
    """Return the place of each label in `labels`; ValueError, with its row, for one that is not there."""
    array = _values(y)
    _require_present(array)
    labels = labels_of_kind(labels, array.dtype.kind)
    places = {label: k for k, label in enumerate(labels)}
    kind = np.asarray(labels).dtype.kind
    if array.dtype.kind in "iufb" and kind in "iufb":
        order = np.argsort(np.asarray(labels), kind="stable")
        ordered = np.asarray(labels)[order]
        at = np.minimum(np.searchsorted(ordered, array), len(labels) - 1)
        codes = np.where(ordered[at] == array, order[at], -1)
    else:
        codes = np.array([places.get(value, -1) for value in array.reshape(-1).tolist()], dtype=np.int64)
        codes = codes.reshape(array.shape)
    bad = np.flatnonzero(codes.reshape(-1) < 0)
    if bad.size:
        shown = ", ".join(map(repr, labels[:5])) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
        value = array.reshape(-1)[bad[0] : bad[0] + 1].tolist()[0]
        raise ValueError(f"y must be one of the labels {shown}, got {value!r} at row {_row(array, bad[0])}.")
    return np.ascontiguousarray(codes, dtype=dtype)


def _values(y: Any) -> npt.NDArray[Any]:
    require_array_like("y", y, categories=True)
    if np.ma.is_masked(y):
        raise ValueError("y must have no masked values; drop those rows first.")
    try:
        array = labels_of(y)
    except ValueError:  # lists of different lengths
        raise TypeError(f"y must be labels: numbers, bool or strings, got {described(y)} of lists.") from None
    if array.ndim == 0:
        raise ValueError(f"y must have one label for each row of X, got {described(y)}.")
    # NumPy writes the numbers of a list that has strings as strings.
    return np.asarray(y, dtype=object) if array.dtype.kind in "US" and isinstance(y, (list, tuple)) else array


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and value != value)


def _require_present(array: npt.NDArray[Any]) -> None:
    if array.dtype.kind == "f":
        missing = np.flatnonzero(np.isnan(array.reshape(-1)))
    elif array.dtype.kind == "O":
        missing = np.array([k for k, value in enumerate(array.reshape(-1).tolist()) if _missing(value)], dtype=int)
    else:
        return
    if missing.size:
        raise ValueError(f"y must have no missing labels, got one at row {_row(array, missing[0])}; drop those rows.")


def _row(array: npt.NDArray[Any], flat: Any) -> int:
    return int(np.unravel_index(int(flat), array.shape)[-1])


class ClassCodes:
    """Labels of a target that is read in parts, as numbers: those given, or all in the order in which they appear."""

    def __init__(self, labels: tuple[Any, ...] | None = None) -> None:
        self._open = labels is None
        self._places = {label: k for k, label in enumerate(labels or ())}

    @property
    def labels(self) -> tuple[Any, ...]:
        """The labels, each at the place that is its number."""
        return tuple(self._places)

    def of(self, values: list[Any]) -> tuple[npt.NDArray[np.float64], int | None]:
        """Return the numbers of labels, and the first place of one that is not among the labels, if any."""
        codes = np.empty(len(values))
        for k, value in enumerate(values):
            place = self._places.setdefault(value, len(self._places)) if self._open else self._places.get(value, -1)
            if place < 0:
                return codes, k
            codes[k] = place
        return codes, None
