"""Columns of a table: arrays, and dictionary-encoded strings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, quoted

__all__ = ["RENAMED", "Columns", "Held", "Repeated", "checked"]

RENAMED = {
    "E": "energy",
    "E*": "minimum_energy",
    "S": "entropy",
    "T exact": "temperature",
    "s.e.": "standard_error",
    "T refined": "refined",
    "T asymptotic": "asymptotic",
    "T Monte Carlo": "monte_carlo",
    "T limit": "limit",
    "T componentwise": "componentwise",
    "true limit": "true_limit",
    "limit / exact": "limit_to_exact",
    "refined / exact": "refined_to_exact",
}
"""Columns of the paper's tables by the names of 0.1.0, by which they can still be looked up."""


@dataclass(frozen=True, eq=False)
class Repeated:
    """A dictionary-encoded column of strings: row i holds ``words[codes[i]]``."""

    codes: npt.NDArray[Any]
    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def array(self) -> npt.NDArray[np.str_]:
        """Return the strings, read-only."""
        strings: npt.NDArray[np.str_] = np.array(self.words, dtype=np.str_)[self.codes]
        strings.flags.writeable = False
        return strings


Held: TypeAlias = "npt.NDArray[Any] | Repeated"


class Columns(Mapping[str, "npt.NDArray[Any]"]):
    """Columns as arrays by name, in order; dictionary-encoded strings are decoded on each access."""

    def __init__(self, held: Mapping[str, Held]) -> None:
        self.held = held

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        column = self.held[name]
        return column.array() if isinstance(column, Repeated) else column

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)


def checked(name: str, values: Any) -> Held:
    """Return a read-only one-dimensional array of numbers, bools or strings, or dictionary-encoded strings."""
    if isinstance(values, Repeated):
        codes = np.array(values.codes)
        if codes.ndim != 1 or codes.dtype.kind not in "iu" or not values.words or _outside(codes, len(values.words)):
            raise ValueError(
                f"column {quoted(name)} must have codes below {len(values.words)}, got {described(values.codes)}."
            )
        codes.flags.writeable = False
        return Repeated(codes, tuple(values.words))
    array = np.array(values)
    if array.dtype.kind == "U" and not isinstance(values, np.ndarray) and not all(isinstance(v, str) for v in values):
        raise TypeError(f"column {quoted(name)} must not mix strings with other values, got {list(values)[:5]}.")
    if array.ndim != 1:
        raise ValueError(f"column {quoted(name)} must be one-dimensional, got shape {array.shape}.")
    if array.dtype.kind not in "fiubU":
        raise TypeError(f"column {quoted(name)} must be numbers, bools or strings, got an array of {array.dtype}.")
    if array.dtype.kind == "f" and array.itemsize > 8:
        array = array.astype(np.float64)  # long doubles, which Arrow does not have
    array = array.astype(array.dtype.newbyteorder("="), copy=False)  # nor numbers of another byte order
    array.flags.writeable = False
    return array


def _outside(codes: npt.NDArray[Any], words: int) -> bool:
    return bool(len(codes)) and not 0 <= codes.min() <= codes.max() < words
