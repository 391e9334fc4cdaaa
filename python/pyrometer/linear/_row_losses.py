"""Absolute error and cross entropy: one expectation for each row, exact for every family of laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.laws import Spread
from pyrometer.linear._closed_form import Array, Closed, contract
from pyrometer.linear._constants import warn_of_few_digits
from pyrometer.linear._draws import mean_and_error

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["ABSOLUTE", "CROSS_ENTROPY", "column_sizes", "over_rows"]

Rows: TypeAlias = npt.NDArray[Any]

# E|z| of a standard normal z.
_FOLDED = np.sqrt(2.0 / np.pi)


@dataclass(frozen=True)
class RowLoss:
    """Mean energies of a loss of the rows: its name in the core, and the ratio of its limit to E|theta . x|."""

    core_name: str
    of_mean_abs: float

    def exact(self, system: LinearSystem, parameters: Spread, threads: int, *, slope: bool) -> Closed:
        """Folded normals and softplus expectations for normal laws; Fourier series for others."""
        closed = _expectation(system, parameters, self.core_name, threads, slope=slope)
        if parameters.constants is None:
            return closed
        # What constant parameters predict may cancel all but rounding errors, which can be negative.
        closed = closed._replace(value=np.maximum(closed.value, 0.0))
        warn_of_few_digits(closed.value, closed.error)
        return closed

    def limit(self, system: LinearSystem, parameters: Spread, threads: int) -> Closed:
        r"""Mean of :math:`|\theta\cdot x|` (half of it for cross entropy): the true limit when every scale grows."""
        closed = _expectation(system, parameters, "norm", threads, slope=False)
        factor = self.of_mean_abs * (_FOLDED if parameters.all_normal else 1.0)
        value, error = factor * closed.value, factor * closed.error
        return Closed(value, value, error, error)

    def componentwise(self, system: LinearSystem, parameters: Spread, threads: int) -> Array:
        """Sum of the one-parameter limits, (3.37), (3.43), (4.7), (4.13): too large when more than one scale grows."""
        return self.of_mean_abs * contract(column_sizes(system, threads), parameters.random * parameters.mean_abs())

    def is_closed(self, system: LinearSystem, parameters: Spread) -> bool:
        """Return True: there is a formula for every law."""
        del system, parameters
        return True

    def sample(
        self,
        system: LinearSystem,
        parameters: Spread,
        draws: range,
        seed: tuple[int, int],
        threads: int,
    ) -> tuple[Array, Array]:
        """Monte Carlo mean and standard error, shape (systems, laws)."""
        if system.scanned is None:
            X, y = system.stacked_rows()
            loss, scales, families = self.core_name, _flat(parameters), parameters.bounds
            mean, error, _ = _core.sample_rows(
                X,
                y,
                system.intercept,
                loss,
                scales,
                families,
                seed,
                draws.start,
                len(draws),
                threads,
                system.stacked_weights(),
            )
        else:
            # Blocks share their draws: the standard error is that of the sum, draw by draw.
            mean, error = mean_and_error(self.energies(system, parameters, draws, seed, threads))
        return mean, error

    def energies(
        self, system: LinearSystem, parameters: Spread, draws: range, seed: tuple[int, int], threads: int
    ) -> Array:
        """Energies of draws, shape (systems, laws, draws)."""
        loss, scales, families = self.core_name, _flat(parameters), parameters.bounds

        def drawn(X: Rows, y: Rows, w: Array | None) -> tuple[Array]:
            energies = _core.sample_rows_energies(
                X, y, system.intercept, loss, scales, families, seed, draws.start, len(draws), threads, w
            )
            return (energies,)

        return over_rows(system, drawn)[0]


ABSOLUTE = RowLoss("absolute", 1.0)
CROSS_ENTROPY = RowLoss("cross-entropy", 0.5)


def _expectation(system: LinearSystem, parameters: Spread, loss: str, threads: int, *, slope: bool) -> Closed:
    shape = system.shape + parameters.batch_shape
    scale, families = _flat(parameters), parameters.bounds
    if parameters.all_normal:

        def expected(X: Rows, y: Rows, w: Array | None) -> tuple[Array | None, ...]:
            value, derivative = _core.normal_rows(X, y, system.intercept, loss, scale, slope, threads, w)
            return value, np.zeros_like(value), derivative, None if derivative is None else np.zeros_like(value)

    else:

        def expected(X: Rows, y: Rows, w: Array | None) -> tuple[Array | None, ...]:
            return _core.uniform_rows(X, y, system.intercept, loss, scale, families, slope, threads, w)

    value, error, derivative, slope_error = over_rows(
        system,
        lambda X, y, w: tuple(np.full((len(X), len(scale)), np.nan) if a is None else a for a in expected(X, y, w)),
        by_columns=parameters.all_normal,
    )
    return Closed(*(part.reshape(shape) for part in (value, derivative, error, slope_error)))


def column_sizes(system: LinearSystem, threads: int) -> Array:
    """Return the mean absolute values of the columns, the constant feature included, shape stack + (n,)."""
    (means,) = over_rows(system, lambda X, _, w: (_core.mean_abs(X if w is None else X * w[..., None], threads),))
    if system.intercept:
        means = np.concatenate([means, np.ones((len(means), 1))], axis=1)
    return means.reshape(*system.shape, -1)


def over_rows(
    system: LinearSystem,
    mean: Callable[[Rows, Rows, Array | None], tuple[Array, ...]],
    *,
    by_columns: bool = False,
) -> tuple[Array, ...]:
    """Return means over all rows, of means over blocks of rows: the bits of the core where there is one block.

    `by_columns`: whether `mean` takes X that is stored so.
    """
    total: tuple[Array, ...] | None = None
    for X, y, w, share in system.blocks(by_columns=by_columns):
        part = tuple(share * array for array in mean(X, y, w)) if share != 1.0 else mean(X, y, w)
        total = part if total is None else tuple(a + b for a, b in zip(total, part, strict=True))
    assert total is not None
    return total


def _flat(parameters: Spread) -> Array:
    return np.ascontiguousarray(parameters.scales.reshape(-1, parameters.parameters))
