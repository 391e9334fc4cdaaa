"""Selection of columns, and checks that they hold finite numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import (
    ClassCodes,
    closest,
    dropping,
    first_inexact,
    labels_of_kind,
    listed,
    number_of,
    plain,
    quoted,
)
from pyrometer.data.readers._text_numbers import decimals

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "binary",
    "classes",
    "is_numeric",
    "numbers",
    "remedy",
    "require_finite",
    "require_numeric",
    "require_once",
    "require_present",
    "require_weights",
    "require_whole",
    "select",
    "too_long",
    "weights_in",
]


def select(source: str, held: list[str], target: str, columns: Sequence[str] | None, drop: Sequence[str]) -> list[str]:
    """Return the names of the features; ValueError for a requested name that is missing or duplicated."""
    require_present(source, held, (target, *(columns or ()), *drop))
    dropped = set(drop)
    features = [name for name in (held if columns is None else columns) if name not in dropped]
    if columns is not None and target in features:
        raise ValueError(f"the target {quoted(target)} must not be among the features; remove it from the columns.")
    features = [name for name in features if name != target]
    require_once(source, held, [*features, target])
    if not features:
        raise ValueError(f"{source} must have at least one feature besides the target {quoted(target)}, got none.")
    return features


def require_once(source: str, held: Iterable[str], requested: Sequence[str]) -> None:
    """Raise ValueError for a requested column that is duplicated, in the source or among those requested."""
    in_source, of_request = Counter(held), Counter(requested)
    for name in requested:
        if in_source[name] > 1:
            raise ValueError(f"{source}: column {quoted(name)} is duplicated; rename or drop it.")
        if of_request[name] > 1:
            raise ValueError(f"columns must name each feature once, got {quoted(name)} {of_request[name]} times.")


def require_present(source: str, held: Sequence[str], names: Iterable[str]) -> None:
    """Raise ValueError for a name that a source does not have."""
    existing = set(held)
    for name in names:
        if name not in existing:
            close = closest(name, held)
            hint = f"it has {listed(held)}." if close is None else f"did you mean {quoted(close)}?"
            if close is not None and "," in close:
                hint += f" On the command line, names with a comma are quoted: '\"{plain(close)}\"'."
            raise ValueError(f"{source} has no column {quoted(name)}; {hint}")


def is_numeric(kind: pa.DataType) -> bool:
    """Return whether a type is numeric; bools and decimals are."""
    import pyarrow as pa

    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def require_numeric(
    source: str,
    kinds: Mapping[str, pa.DataType],
    target: str | None = None,
    examples: Callable[[list[str]], Mapping[str, str]] | None = None,
) -> None:
    """Raise ValueError that names all columns that are not numeric, with `examples` of their values."""
    words = [name for name, kind in kinds.items() if not is_numeric(kind)]
    if not words:
        return
    shown = {} if examples is None else examples(words)
    got = {name: f"{kinds[name]!s:.80}" + (f" ({shown[name]})" if name in shown else "") for name in words}
    if len(words) == 1:
        which = f"column {quoted(words[0])} must be numeric, got {got[words[0]]}; encode it"
    else:
        every = listed(words, lambda name: f"{quoted(name)} of type {got[name]}")
        which = f"columns must be numeric, got {every}; encode them"
    if words == [target]:
        which += ", or use a model of labels (LogisticRegression, SoftmaxRegression; --energy ce, --energy softmax)"
    raise ValueError(f"{source}: {which}{remedy([name for name in words if name != target])}")


def numbers(source: str, name: str, column: pa.Array, first_row: int, *, target: bool = False) -> npt.NDArray[Any]:
    """Return a column as an array of numbers, not necessarily finite.

    ValueError for other or missing values, and for integers and decimals that doubles cannot hold.
    """
    import pyarrow as pa

    require_whole(source, name, column, first_row, target=target)
    if pa.types.is_decimal(column.type):
        column, lost = decimals(column)
        array: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    else:
        require_numeric(source, {name: column.type}, name if target else None)
        array = column.to_numpy(zero_copy_only=False)
        lost = first_inexact(array)
    if lost is not None:
        raise ValueError(too_long(source, name, str(column[lost].as_py()), first_row + lost + 1, target=target))
    return array


def too_long(source: str, name: str, value: str, row: int, *, target: bool) -> str:
    """Return the message for a number with more digits than a double holds."""
    return (
        f"{source}: column {quoted(name)} must have numbers whose digits a double can hold (integers up to 2**53), got "
        f"{value:.60} in row {row}; subtract an offset before the column is written, unless it holds weights, or round "
        f"it{_else(name, target)}"
    )


def require_whole(
    source: str, name: str, column: pa.Array | pa.ChunkedArray, first_row: int, *, target: bool = False
) -> None:
    """Raise ValueError for missing values; `first_row` is the number of the column's first row in the source."""
    if column.null_count:
        first = first_row + column.is_null().index(True).as_py()
        raise ValueError(
            f"{source}: column {quoted(name)} must have no missing values, got {column.null_count}, the first in row "
            f"{first + 1}; fill them{_else(name, target)}"
        )


def require_finite(source: str, name: str, array: npt.NDArray[Any], first_row: int, *, target: bool = False) -> None:
    """Raise ValueError for a number that is not finite."""
    if not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        row = int(np.argmax(bad))
        raise ValueError(
            f"{source}: column {quoted(name)} must be finite, got "
            f"{number_of(int(bad.sum()), 'value that is', 'values that are')} not, the first {array[row]} in row "
            f"{first_row + row + 1}; fill them{_else(name, target)}"
        )


def require_weights(source: str, kinds: Mapping[str, pa.DataType]) -> None:
    """Raise ValueError for columns of weights that are not numeric, or have booleans."""
    import pyarrow as pa

    for name, kind in kinds.items():
        if pa.types.is_boolean(kind):
            raise ValueError(
                f"{source}: column {quoted(name)} of the weights must have numbers, got booleans; write them as 0 and "
                "1, or select rows before."
            )
        if not (is_numeric(kind) or pa.types.is_null(kind)):
            raise ValueError(
                f"{source}: column {quoted(name)} of the weights must have numbers, got {kind!s:.80}; name another one."
            )


def weights_in(source: str, name: str, column: pa.Array, first_row: int) -> npt.NDArray[np.float64]:
    """Return a column of weights; ValueError for others than finite numbers >= 0."""
    weights = np.asarray(numbers(source, name, column, first_row, target=True), dtype=np.float64)
    bad = ~(np.isfinite(weights) & (weights >= 0.0))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"{source}: column {quoted(name)} of the weights must be finite and >= 0, got {weights[row]} in row "
            f"{first_row + row + 1}; a weight of 0 leaves a row out."
        )
    return weights


_TWO = "pass its two labels (labels=(neg, pos), --labels NEG POS)"
_MORE = (
    "it has more than two values: SoftmaxRegression (--energy softmax) is for labels of any number, LinearRegression "
    "(--energy mse) for real numbers"
)


def binary(
    source: str, name: str, column: pa.Array, first_row: int, labels: tuple[Any, Any] | None
) -> npt.NDArray[np.float64]:
    """Return a column of two labels (0 and 1 unless `labels` names them, the negative first) as 0.0 and 1.0."""
    import pyarrow as pa

    require_whole(source, name, column, first_row, target=True)
    array = column.to_numpy(zero_copy_only=False)
    kind = "f" if pa.types.is_decimal(column.type) else array.dtype.kind
    negative, positive = labels_of_kind((0, 1) if labels is None else labels, kind)
    ones = np.asarray(array == positive)
    invalid = ~(ones | np.asarray(array == negative))
    if invalid.any():
        row = int(np.argmax(invalid))
        several = len(column.unique()) > 2
        raise ValueError(
            f"{source}: column {quoted(name)} must be {_value(negative)} or {_value(positive)}, got "
            f"{_value(column[row].as_py())} in row {first_row + row + 1}; {_MORE if several else _TWO}."
        )
    return ones.astype(np.float64)


def classes(source: str, name: str, column: pa.Array, first_row: int, codes: ClassCodes) -> npt.NDArray[np.float64]:
    """Return a column of labels as their numbers."""
    require_whole(source, name, column, first_row, target=True)
    values = column.to_pylist()
    numbers_of_labels, odd = codes.of(values)
    if odd is not None:
        shown = ", ".join(_value(label) for label in codes.labels[:5])
        raise ValueError(
            f"{source}: column {quoted(name)} must be one of the labels {shown}{', ...' * (len(codes.labels) > 5)}, "
            f"got {_value(values[odd])} in row {first_row + odd + 1}."
        )
    for value in values[:1]:
        earlier = next((label for label in codes.labels if isinstance(label, str) != isinstance(value, str)), None)
        if earlier is not None:
            raise ValueError(
                f"{source}: column {quoted(name)} must have labels of one kind in all files, text or numbers, got "
                f"{_value(value)} in row {first_row + 1}, and {_value(earlier)} before; write all as text, such as "
                "'class 1'."
            )
    return numbers_of_labels


def _value(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else f"{value!r:.80}"


def _else(name: str, target: bool) -> str:
    return "." if target else remedy([name])


def remedy(names: Sequence[str]) -> str:
    """Return what else can be done about features that cannot be used."""
    if not names:
        return "."
    them = "it" if len(names) == 1 else "them"
    return f"; leave {them} out ({dropping(*names)}) or select the columns to use (columns, --columns)."
