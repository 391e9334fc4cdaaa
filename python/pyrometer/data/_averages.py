"""Mean squares of moments, and bounds of their errors."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.data import _accuracy
from pyrometer.data._accuracy import Lost
from pyrometer.data._row_sizes import hidden

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Averages"]


# Rounding error of a second moment, relative to the deviations and means of its columns.
_SECOND = 16.0 * float(np.finfo(float).eps)


class Averages:
    """Quantities derived from a count, means and a scatter; a base of `pyrometer.data.Moments`."""

    __slots__ = (
        "_errors",
        "_lost",
        "_rows",
        "_scatter_low",
        "_weight",
        "count",
        "intercept",
        "mean",
        "names",
        "scatter",
        "target",
    )

    count: int | float
    mean: Array
    scatter: Array
    intercept: bool
    names: tuple[str, ...] | None
    target: str | None
    _errors: Array
    _lost: Lost | Literal[False] | None
    _rows: int | None
    _weight: Fraction | None
    _scatter_low: Array | None

    @property
    def _accuracy(self) -> Array:
        """Error bounds, shape (..., 8, p + 1); those of a single pass are computed on first use."""
        if self._errors.shape[-2] != _accuracy.ROWS:
            self._errors = _accuracy.of_pass(self.count, self.mean, self._errors)
            self._errors.flags.writeable = False
        return self._errors

    def _exact_count(self) -> Fraction | int:
        if self._weight is None and isinstance(self.count, int):
            return self.count
        from fractions import Fraction

        return Fraction(self.count) if self._weight is None else self._weight

    def lost(self) -> Lost | None:
        """Return bounds of the errors beyond the rounding of one pass over rows; None if there are none."""
        if self._lost is False:
            find = _accuracy.lost if self._errors.shape[-2] == _accuracy.ROWS else _accuracy.lost_at_once
            self._lost = find(self.count, self.mean, self.scatter, self._errors)
        return self._lost

    def hidden(self) -> npt.NDArray[np.bool_] | None:
        """Return in which columns the rounding of the largest rows hides others, (..., p + 1); None for none."""
        if self._errors.shape[-2] != _accuracy.ROWS:
            return None
        return hidden(self.count, self.scatter, self._errors[..., -1, :])

    def merged(self) -> bool:
        """Return whether additions and subtractions of moments contributed to the errors."""
        return bool(self._accuracy[..., 4, :].any())

    @property
    def rows(self) -> int:
        """Number of rows of each data set."""
        return int(self.count) if self._rows is None else self._rows

    @property
    def weighted(self) -> bool:
        """Whether the rows had weights."""
        return self._rows is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack of data sets; ``()`` for a single one."""
        return self.mean.shape[:-1]

    @property
    def parameters(self) -> int:
        """Number of parameters n of a linear model: the features, and the intercept if there is one."""
        return int(self.mean.shape[-1]) - 1 + self.intercept

    def mean_squares(self) -> Array:
        r"""Mean squares of the features, :math:`\overline{x_j^2}`, shape (..., n); 1 for the constant feature."""
        squares: Array = self._diagonal() / self.count + self.mean**2
        if not self.intercept:
            return squares[..., :-1]
        squares[..., -1] = 1.0  # where the target was
        return squares

    def target_square(self) -> Array:
        r"""Mean square of the target, :math:`\overline{y^2}`, shape (...)."""
        square: Array = self._diagonal()[..., -1] / self.count + self.mean[..., -1] ** 2
        return square

    def _diagonal(self) -> Array:
        """Diagonal of the scatter, shape (..., p + 1); of one pass it is also stored contiguously."""
        errors = self._errors
        if errors.shape[-2] == _accuracy.ROWS:
            return np.diagonal(self.scatter, axis1=-2, axis2=-1)
        return errors[..., 2, :]

    def square_errors(self) -> Array | None:
        """Error bounds of :meth:`mean_squares` and, last, :meth:`target_square`, shape (..., n + 1); None where 0."""
        lost_squares = self._lost_squares()
        if lost_squares is None:
            return None
        at, errors = lost_squares
        result = np.zeros((*self.shape, self.parameters + 1))
        result.reshape(-1, self.parameters + 1)[at] = np.insert(errors, -1, 0.0, axis=-1) if self.intercept else errors
        return result

    def greatest_square_error(self) -> float:
        """Greatest relative error bound of :meth:`mean_squares` and :meth:`target_square` of all data sets."""
        lost_squares = self._lost_squares()
        if lost_squares is None:
            return 0.0
        at, errors = lost_squares
        mean, scatter = (array.reshape(-1, *array.shape[len(self.shape) :])[at] for array in (self.mean, self.scatter))
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            squares = np.diagonal(scatter, axis1=-2, axis2=-1) / self.count + mean**2
            return float(np.where(errors > 0.0, errors / squares, 0.0).max(initial=0.0))

    def _lost_squares(self) -> tuple[npt.NDArray[np.int64], Array] | None:
        """Which data sets of the flattened stack have lost digits, and error bounds of mean squares of theirs."""
        lost = self.lost()
        if lost is None:
            return None
        columns = self.mean.shape[-1]
        at = np.unique(np.flatnonzero((lost.mean != 0.0) | (lost.scatter != 0.0)) // columns)
        of_mean, of_scatter, mean = (array.reshape(-1, columns)[at] for array in (lost.mean, lost.scatter, self.mean))
        with np.errstate(over="ignore"):
            return at, of_scatter / self.count + of_mean * (2.0 * np.abs(mean) + of_mean)

    def second(self) -> Array:
        r"""Raw second moments of (features, constant feature if any, target), shape (..., n + 1, n + 1)."""
        features, scatter = self.mean.shape[-1] - 1, self.scatter / self.count
        mean = _with_constant(self.mean, 1.0) if self.intercept else self.mean
        moments: Array = mean[..., :, None] * mean[..., None, :]
        given = slice(features), slice(-1, None)  # the features and the target
        for rows, columns in itertools.product(given, given):
            moments[..., rows, columns] += scatter[..., rows, columns]
        return moments

    def second_errors(self) -> Array:
        """Bounds of the rounding errors of :meth:`second`, of the same shape; those of lost digits are not included."""
        mean, deviation = np.abs(self.mean), np.sqrt(self.scatter.diagonal(0, -2, -1) / self.count)
        if self.intercept:
            # A mean is a product with the constant, rounded at the size of the rows: it may be nearly 0 itself.
            mean, deviation = _with_constant(mean, 1.0), _with_constant(deviation, 1.0)
        errors: Array = mean[..., :, None] * mean[..., None, :]
        errors += deviation[..., :, None] * deviation[..., None, :]
        errors *= _SECOND
        return errors


def _with_constant(values: Array, constant: float) -> Array:
    """Return values of the features and the target with that of the constant feature between them."""
    result = np.empty((*values.shape[:-1], values.shape[-1] + 1))
    result[..., :-2], result[..., -2], result[..., -1] = values[..., :-1], constant, values[..., -1]
    return result
