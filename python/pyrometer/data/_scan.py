"""Rows that stay where they are, looked at once: their moments, and a sample of them to start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import printable, validate
from pyrometer.data._accumulate import accumulated
from pyrometer.data._moments import Moments

if TYPE_CHECKING:
    from pyrometer.data.readers import Chunk, Rows

__all__ = ["Scanned", "scanned"]

# Numbers of a sample.
_CELLS = 1 << 22


@dataclass(frozen=True, eq=False)
class Scanned:
    """Rows of which a first pass has seen that they are finite numbers."""

    rows: Rows
    moments: Moments
    X: npt.NDArray[Any]
    """A sample, spread evenly over the rows; all of them if they are few."""
    y: npt.NDArray[Any]

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Pass over all rows, in chunks that are valid one at a time; ValueError if their number has changed."""
        count = 0
        with closing(self.rows.chunks()) as chunks:
            for chunk in chunks:
                count += len(chunk.y)
                yield chunk.X, chunk.y
        if count != self.moments.count:
            raise ValueError(
                f"{printable(self.rows.source)} must stay as it is while a system uses it, got {count} rows for "
                f"{self.moments.count}; describe the system again."
            )


class _Sample:
    """Rows whose number times the golden ratio has a small fraction: they lie evenly, and share no period."""

    def __init__(self, rows: Rows) -> None:
        self.most = max(4096, _CELLS // (len(rows.names) + 1))
        self.below = 1 << 64
        self.seen = 0
        self.keys: list[npt.NDArray[np.uint64]] = []
        self.X: list[npt.NDArray[Any]] = []
        self.y: list[npt.NDArray[Any]] = []

    def see(self, chunk: Chunk) -> None:
        keys = np.arange(self.seen, self.seen + len(chunk.y), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self.seen += len(chunk.y)
        self._add(keys, chunk.X, chunk.y)
        while sum(map(len, self.y)) > self.most:
            self.below //= 2
            keys, X, y = self.whole()
            self.keys, self.X, self.y = [], [], []
            self._add(keys, X, y)

    def _add(self, keys: npt.NDArray[np.uint64], X: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
        chosen = keys < self.below if self.below < 1 << 64 else slice(None)
        for held, new in ((self.keys, keys), (self.X, X), (self.y, y)):
            held.append(new[chosen].copy())

    def whole(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[Any], npt.NDArray[Any]]:
        return np.concatenate(self.keys), np.concatenate(self.X), np.concatenate(self.y)


def scanned(
    source: Any,
    *,
    target: str,
    columns: Sequence[str] | None,
    drop: Sequence[str],
    chunk_rows: int | None,
    intercept: bool,
    progress: bool,
    threads: int | None,
    labels: tuple[Any, Any] | bool = False,
) -> Scanned:
    """Look at all rows once."""
    from pyrometer.data.readers import open_rows

    rows = open_rows(source, target=target, columns=columns, drop=drop, chunk_rows=chunk_rows, labels=labels)
    if rows.once:
        name = printable(rows.source)
        raise ValueError(f"source must be one that can be read again, got {name}, which is used up by reading.")
    sample = _Sample(rows)
    moments = accumulated(
        rows,
        Moments._of,
        intercept=validate.flag("intercept", intercept),
        progress=validate.flag("progress", progress),
        threads=validate.threads(threads),
        witness=sample.see,
    )
    _, X, y = sample.whole()
    return Scanned(rows, moments, X, y)
