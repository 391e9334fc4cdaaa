"""Rows of two data frames or columns that belong together."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["aligned"]


def aligned(first: str, a: Any, second: str, b: Any) -> None:
    """Raise ValueError if both have an index, as pandas objects do, of equally many rows but different labels."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return
    indexes = _index(a), _index(b)
    if indexes[0] is None or indexes[1] is None or len(indexes[0]) != len(indexes[1]) or indexes[0].equals(indexes[1]):
        return
    differ = np.asarray(indexes[0] != indexes[1])
    row = int(differ.argmax())
    hint = f"{second}.loc[{first}.index]" if set(indexes[0]) == set(indexes[1]) else f"{second}.to_numpy()"
    why = "the same rows in the same order" if hint.endswith("index]") else "the rows as they are"
    labels = " and ".join(f"{np.asarray(index[row], dtype=object).item()!s:.60}" for index in indexes)
    raise ValueError(f"{first} and {second} must have the same index, got {labels} in row {row}; use {hint} for {why}.")


def _index(value: Any) -> Any:
    """Return the index of a frame or column of pandas, modin or cudf; None of anything else."""
    if not any(name in sys.modules for name in ("pandas", "modin", "cudf")):
        return None
    index = getattr(value, "index", None)
    return index if hasattr(index, "equals") and hasattr(value, "iloc") else None
