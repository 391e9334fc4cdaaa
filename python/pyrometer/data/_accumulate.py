"""Moments of rows read in chunks, summed part by part so that completed parts survive an error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from pyrometer.base import (
    Weights,
    bar,
    exponent_of,
    listed,
    number_of,
    printable,
    quoted,
    validate,
    warn_caller,
    weights_of,
)
from pyrometer.errors import ConstantColumnWarning, ScanError, ScanInterrupt

if TYPE_CHECKING:
    from pyrometer.data._moments import Moments
    from pyrometer.data.readers import Chunk, Rows

__all__ = ["accumulated"]

# With fewer columns decoding takes longer than the products, and threads of the core save no time.
_MANY_COLUMNS = 256


def accumulated(
    rows: Rows,
    of: Callable[..., Moments],
    *,
    intercept: bool,
    progress: bool,
    threads: int,
    observe: Callable[[Chunk], None] = lambda _: None,
) -> tuple[Moments, int]:
    """Sum the moments `of` each chunk; `observe` is called with every chunk whose numbers are finite.

    Returned are moments of weights divided by a power of two, and its exponent: 0 unless those of the first chunk are
    of extreme sizes.
    """
    declared = rows.constants()
    _warn_of_constants(rows.source, declared)
    completed: Moments | None = None  # of the completed parts
    part: Moments | None = None  # of the current part
    finished = count = 0
    unit = 0
    has_unit = False  # whether `unit` is known
    workers = threads if len(rows.names) >= _MANY_COLUMNS else 1
    try:
        with (
            bar(progress, rows.source, "rows", rows.expected()) as advance,
            closing(rows.chunks(threads)) as chunks,
        ):
            for chunk in chunks:
                weights = None
                if chunk.weights is not None and chunk.weights.any():
                    unit, has_unit = unit if has_unit else int(exponent_of(chunk.weights)), True
                    weights = _in_unit(rows, chunk, unit)
                data = validate.Data(chunk.X, chunk.y, rows.names, rows.target, weights)
                try:
                    if chunk.weights is None or weights is not None:
                        piece = of(data, intercept=intercept, threads=workers)
                        if weights is not None and weights.exponent:
                            piece = piece.scaled(weights.exponent)
                        part = piece if part is None else part + piece
                    together = completed + part if chunk.last and completed is not None and part is not None else part
                except ValueError as error:
                    rows.require_finite(chunk)
                    rows.require_squares(chunk, error)
                observe(chunk)
                count += len(chunk.y)
                if chunk.last:
                    completed, part, finished = completed if together is None else together, None, chunk.part + 1
                advance(len(chunk.y))
    except KeyboardInterrupt as interrupt:
        raise ScanInterrupt(_given(completed, unit), _labels(rows, finished)) from interrupt
    except (ValueError, OSError) as error:
        kept = (
            f"; the exception's `finished` has the moments of the {number_of(finished, 'part')} before"
            if finished
            else ""
        )
        raise ScanError(
            f"{error} ({number_of(count, 'row')} had been read{kept}.)",
            _given(completed, unit),
            _labels(rows, finished),
        ) from error
    if completed is None:
        got = f"{number_of(count, 'row')} of weight 0" if count else "none"
        raise ValueError(f"{printable(rows.source)} must have at least one row of data, got {got}.")
    zero_variance = np.flatnonzero(np.diagonal(completed.scatter) == 0)
    constants = [(*rows.names, rows.target)[j] for j in zero_variance] if completed.rows > 1 else []
    _warn_of_constants(rows.source, [name for name in constants if name not in declared])
    return (completed.with_rows(count) if completed.weighted else completed), unit


def _in_unit(rows: Rows, chunk: Chunk, unit: int) -> Weights:
    """Return the weights of a chunk divided by 2**unit."""
    assert chunk.weights is not None
    with np.errstate(over="ignore"):
        scaled = np.ldexp(chunk.weights, -unit)
    if not np.isfinite(scaled).all():
        raise ValueError(
            f"{printable(rows.parts[chunk.part].label)}: column {quoted(str(rows.weights))} of the weights must not "
            f"differ by more than 1e308 from that of the first rows, got {chunk.weights.max():.6g}; leave out rows of "
            "negligible weights."
        )
    return weights_of(scaled, chunk.y.shape)


def _given(completed: Moments | None, unit: int) -> Moments | None:
    """Return moments of the weights as they were given."""
    return completed.scaled(unit) if completed is not None and unit else completed


def _labels(rows: Rows, finished: int) -> tuple[str, ...]:
    return tuple(part.label for part in rows.parts[:finished])


def _warn_of_constants(source: str, names: list[str]) -> None:
    if names:
        which = f"Column {quoted(names[0])} has" if len(names) == 1 else f"Columns {listed(names)} have"
        warn_caller(ConstantColumnWarning(f"{which} the same value in every row of {printable(source)}."))
