"""Out-of-core rows after a first pass: their moments, and a subsample for starting values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import printable, validate
from pyrometer.data._accumulate import accumulated
from pyrometer.data._moments import Moments

if TYPE_CHECKING:
    from pyrometer.data.readers import Chunk, Rows

__all__ = ["Scanned", "scanned"]

# Most numbers in the subsample.
_CELLS = 1 << 22


@dataclass(frozen=True, eq=False)
class Scanned:
    """Out-of-core rows that a first pass found to be finite numbers."""

    rows: Rows
    moments: Moments
    X: npt.NDArray[Any]
    """A subsample, spread evenly over the rows; all of them if they fit its limit."""
    y: npt.NDArray[Any]
    unit: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
    """Means and standard deviations of the features, if they are to be standardised."""

    def standardised(self) -> Scanned:
        """Return the same rows with standardised features."""
        moments = self.moments
        unit = moments.mean[:-1], np.sqrt(np.diagonal(moments.scatter)[:-1] / moments.count)
        scaled = replace(self, moments=moments.standardized(), unit=unit, y=self.y.astype(np.float64))
        return replace(scaled, X=scaled._scaled(self.X))

    def _scaled(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.unit is None:
            return X
        result: npt.NDArray[Any] = np.subtract(X, self.unit[0], dtype=np.float64)
        result /= self.unit[1]
        return result

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Pass over all rows; each chunk is valid until the next. ValueError if the number of rows has changed."""
        count = 0
        with closing(self.rows.chunks()) as chunks:
            for chunk in chunks:
                count += len(chunk.y)
                yield self._scaled(chunk.X), chunk.y if self.unit is None else chunk.y.astype(np.float64)
        if count != self.moments.count:
            raise ValueError(
                f"{printable(self.rows.source)} must not change while a system uses it, got {count} rows, expected "
                f"{self.moments.count}; create the system again."
            )


class _Sample:
    """Rows k whose fractional part of k times the golden ratio is below a bound: equidistributed, without a period."""

    def __init__(self, rows: Rows) -> None:
        self.most = max(4096, _CELLS // (len(rows.names) + 1))
        self.bound = 1 << 64
        self.count = 0
        self.keys: list[npt.NDArray[np.uint64]] = []
        self.X: list[npt.NDArray[Any]] = []
        self.y: list[npt.NDArray[Any]] = []

    def add(self, chunk: Chunk) -> None:
        keys = np.arange(self.count, self.count + len(chunk.y), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self.count += len(chunk.y)
        self._keep(keys, chunk.X, chunk.y)
        while sum(map(len, self.y)) > self.most:
            self.bound //= 2
            keys, X, y = self.rows()
            self.keys, self.X, self.y = [], [], []
            self._keep(keys, X, y)

    def _keep(self, keys: npt.NDArray[np.uint64], X: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
        chosen = keys < self.bound if self.bound < 1 << 64 else slice(None)
        for kept, new in ((self.keys, keys), (self.X, X), (self.y, y)):
            kept.append(new[chosen].copy())

    def rows(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[Any], npt.NDArray[Any]]:
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
    standardize: bool = False,
    **csv: Any,
) -> Scanned:
    """Pass over all rows once: check them, accumulate their moments and take a subsample."""
    from pyrometer.data.readers import open_rows

    rows = open_rows(source, target=target, columns=columns, drop=drop, chunk_rows=chunk_rows, labels=labels, **csv)
    if rows.once:
        name = printable(rows.source)
        raise ValueError(
            f"source must allow several passes, got {name}, which can be read only once; save it to a file."
        )
    sample = _Sample(rows)
    moments = accumulated(
        rows,
        Moments._of,
        intercept=validate.flag("intercept", intercept),
        progress=validate.flag("progress", progress),
        threads=validate.threads(threads),
        observe=sample.add,
    )
    _, X, y = sample.rows()
    whole = Scanned(rows, moments, X, y)
    return whole.standardised() if validate.flag("standardize", standardize) else whole
