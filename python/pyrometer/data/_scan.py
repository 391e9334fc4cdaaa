"""Out-of-core rows after a first pass: their moments, and a subsample for starting values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import ClassCodes, number_of, printable, validate, weights_of
from pyrometer.data._accumulate import accumulated
from pyrometer.data._moments import Moments

if TYPE_CHECKING:
    from pyrometer.data.readers import Chunk, Rows

__all__ = ["Scanned", "scanned"]

# Most numbers in the subsample.
_CELLS = 1 << 22
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio


@dataclass(frozen=True, eq=False)
class Scanned:
    """Out-of-core rows that a first pass found to be finite numbers."""

    rows: Rows
    moments: Moments
    X: npt.NDArray[Any]
    """A subsample, spread evenly over the rows; all of them if they fit its limit."""
    y: npt.NDArray[Any]
    weights: npt.NDArray[np.float64] | None = None
    """Weights of the subsample, if rows have weights: those in the source divided by ``2**exponent``."""
    exponent: int = 0
    whole: bool | None = None
    """Whether the subsample has all rows of a weight above 0; None in pickles of earlier versions."""
    unit: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
    """Means and standard deviations of the features, if they are to be standardised."""

    @property
    def complete(self) -> bool:
        """Whether the subsample has all rows."""
        return len(self.y) == self.moments.rows if self.whole is None else self.whole

    def sample_weights(self) -> npt.NDArray[np.float64] | None:
        """Weights of the subsample (1, k), divided by their mean; None if there are none."""
        w = self.weights
        return None if w is None else np.ascontiguousarray(w * (len(w) / w.sum()))[None]

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

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float64] | None]]:
        """Pass over all rows and their weights; each chunk is valid until the next.

        ValueError if the number of rows has changed.
        """
        count = 0
        with closing(self.rows.chunks()) as chunks:
            for chunk in chunks:
                count += len(chunk.y)
                weights = _weights_of(chunk, self.exponent)
                if weights is None or weights.any():
                    y = chunk.y if self.unit is None else chunk.y.astype(np.float64)
                    yield self._scaled(chunk.X), y, weights
        if count != self.moments.rows:
            raise ValueError(
                f"{printable(self.rows.source)} must not change while a system uses it, got {number_of(count, 'row')}, "
                f"expected {self.moments.rows}; create the system again."
            )


def _weights_of(chunk: Chunk, exponent: int) -> npt.NDArray[np.float64] | None:
    """Return the weights of a chunk, divided by a power of two, those of its copies shared; zeros if all are 0."""
    if chunk.weights is None or not chunk.weights.any():
        return chunk.weights
    weights = weights_of(np.ldexp(chunk.weights, -exponent), chunk.y.shape)
    return np.ldexp(weights.values, weights.exponent)


class _Sample:
    """Rows k whose fractional part of k times the golden ratio is below a bound: equidistributed, without a period."""

    def __init__(self, rows: Rows) -> None:
        self.most = max(4096, _CELLS // (len(rows.names) + 1))
        self.bound = 1 << 64
        self.count = 0
        self.keys: list[npt.NDArray[np.uint64]] = []
        self.X: list[npt.NDArray[Any]] = []
        self.y: list[npt.NDArray[Any]] = []
        self.weights: list[npt.NDArray[np.float64]] = []

    def add(self, chunk: Chunk) -> None:
        keys = np.arange(self.count, self.count + len(chunk.y), dtype=np.uint64) * _GOLDEN
        self.count += len(chunk.y)
        weights = _weights_of(chunk, 0)
        if weights is not None and not weights.any():
            return
        self._keep(keys, chunk.X, chunk.y, np.ones(len(keys)) if weights is None else weights)
        while sum(map(len, self.y)) > self.most:
            self.bound //= 2
            rows = self.rows()
            self.keys, self.X, self.y, self.weights = [], [], [], []
            self._keep(*rows)

    def _keep(
        self,
        keys: npt.NDArray[np.uint64],
        X: npt.NDArray[Any],
        y: npt.NDArray[Any],
        weights: npt.NDArray[np.float64],
    ) -> None:
        chosen = keys < self.bound if self.bound < 1 << 64 else slice(None)
        self.keys.append(keys[chosen].copy())
        self.X.append(X[chosen].copy())
        self.y.append(y[chosen].copy())
        self.weights.append(weights[chosen].copy())

    def rows(
        self,
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float64]]:
        return tuple(map(np.concatenate, (self.keys, self.X, self.y, self.weights)))  # type: ignore[return-value]


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
    labels: tuple[Any, Any] | bool | ClassCodes = False,
    standardize: bool = False,
    weights: str | None = None,
    **csv: Any,
) -> Scanned:
    """Pass over all rows once: check them, accumulate their moments and take a subsample."""
    from pyrometer.data.readers import open_rows

    options = {"drop": drop, "chunk_rows": chunk_rows, "labels": labels, "weights": weights, **csv}
    rows = open_rows(source, target=target, columns=columns, **options)
    if rows.once:
        name = printable(rows.source)
        raise ValueError(
            f"source must allow several passes, got {name}, which can be read only once; save it to a file."
        )
    sample = _Sample(rows)
    moments, unit = accumulated(
        rows,
        Moments._of,
        intercept=validate.flag("intercept", intercept),
        progress=validate.flag("progress", progress),
        threads=validate.threads(threads),
        observe=sample.add,
    )
    _, X, y, w = sample.rows()
    by_row = None if weights is None else np.ldexp(w, -unit)
    result = Scanned(rows, moments, X, y, by_row, unit, sample.bound == 1 << 64)
    return result.standardised() if validate.flag("standardize", standardize) else result
