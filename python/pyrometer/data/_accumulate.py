"""Moments of rows read in chunks, summed part by part so that completed parts survive an error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from pyrometer.base import bar, listed, printable, quoted, validate, warn_caller
from pyrometer.errors import ConstantColumnWarning, ScanError, ScanInterrupt

if TYPE_CHECKING:
    from pyrometer.data._moments import Moments
    from pyrometer.data.readers import Chunk, Rows

__all__ = ["accumulated"]

# With fewer columns decoding takes longer than the products, and threads of the core do not pay.
_MANY_COLUMNS = 256


def accumulated(
    rows: Rows,
    of: Callable[..., Moments],
    *,
    intercept: bool,
    progress: bool,
    threads: int,
    observe: Callable[[Chunk], None] = lambda _: None,
) -> Moments:
    """Sum the moments `of` each chunk; `observe` is called with every chunk whose numbers are finite."""
    declared = rows.constants()
    _warn_of_constants(rows.source, declared)
    whole: Moments | None = None  # of the completed parts
    part: Moments | None = None  # of the current part
    finished = count = 0
    workers = threads if len(rows.names) >= _MANY_COLUMNS else 1
    try:
        with (
            bar(progress, rows.source, "rows", rows.expected()) as advance,
            closing(rows.chunks(threads)) as chunks,
        ):
            for chunk in chunks:
                data = validate.Data(chunk.X, chunk.y, rows.names, rows.target)
                try:
                    piece = of(data, intercept=intercept, threads=workers)
                    part = piece if part is None else part + piece
                    together = part if whole is None or not chunk.last else whole + part
                except ValueError as error:
                    rows.require_finite(chunk)
                    rows.require_squares(chunk, error)
                observe(chunk)
                count += piece.count
                if chunk.last:
                    whole, part, finished = together, None, chunk.part + 1
                advance(piece.count)
    except KeyboardInterrupt as interrupt:
        raise ScanInterrupt(whole, _labels(rows, finished)) from interrupt
    except (ValueError, OSError) as error:
        kept = f"; the exception's `finished` has the moments of the {finished} parts before" if finished else ""
        raise ScanError(f"{error} ({count} rows had been read{kept}.)", whole, _labels(rows, finished)) from error
    if whole is None:
        raise ValueError(f"{printable(rows.source)} must have at least one row of data, got none.")
    zero_variance = np.flatnonzero(np.diagonal(whole.scatter) == 0)
    constants = [(*rows.names, rows.target)[j] for j in zero_variance] if whole.count > 1 else []
    _warn_of_constants(rows.source, [name for name in constants if name not in declared])
    return whole


def _labels(rows: Rows, finished: int) -> tuple[str, ...]:
    return tuple(part.label for part in rows.parts[:finished])


def _warn_of_constants(source: str, names: list[str]) -> None:
    if names:
        which = f"Column {quoted(names[0])} has" if len(names) == 1 else f"Columns {listed(names)} have"
        warn_caller(ConstantColumnWarning(f"{which} the same value in every row of {printable(source)}."))
