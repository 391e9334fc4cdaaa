"""Second moments of data: all that a squared-error energy ever asks of its rows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core, _validate

__all__ = ["Moments"]

_Array: TypeAlias = npt.NDArray[np.float64]


class Moments:
    """Count, means and centred second moments of the features and the target.

    Attributes
    ----------
    count : int
        Number of rows m.
    mean : ndarray, shape (..., p + 1)
        Means of the p features, then of the target.
    scatter : ndarray, shape (..., p + 1, p + 1)
        Sums over rows of products of deviations from `mean`; divided by `count` they are the population covariances.
    intercept : bool
        Whether models of these data have a constant feature. It has no column here.
    names : tuple of str or None
        Names of the features.
    target : str or None
        Name of the target.
    """

    __slots__ = ("count", "intercept", "mean", "names", "scatter", "target")

    count: int
    mean: _Array
    scatter: _Array
    intercept: bool
    names: tuple[str, ...] | None
    target: str | None

    def __init__(
        self,
        count: int,
        mean: _Array,
        scatter: _Array,
        *,
        intercept: bool,
        names: tuple[str, ...] | None = None,
        target: str | None = None,
    ) -> None:
        self.count, self.mean, self.scatter = count, mean, scatter
        self.intercept, self.names, self.target = intercept, names, target

    @classmethod
    def of(cls, X: Any, y: Any, *, intercept: bool = True, threads: int | None = None) -> Moments:
        """Accumulate the moments of rows in one pass."""
        data = _validate.data(X, y)
        return cls._of(data, intercept=_validate.flag("intercept", intercept), threads=_validate.threads(threads))

    @classmethod
    def _of(cls, data: _validate.Data, *, intercept: bool, threads: int) -> Moments:
        *stack, m, p = data.X.shape
        mean, scatter = _core.second_moments(data.X.reshape(-1, m, p), data.y.reshape(-1, m), threads)
        return cls(
            m,
            mean.reshape(*stack, p + 1),
            scatter.reshape(*stack, p + 1, p + 1),
            intercept=intercept,
            names=data.names,
            target=data.target,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack of data sets; ``()`` for a single one."""
        return self.mean.shape[:-1]

    @property
    def parameters(self) -> int:
        """Number of parameters n of a linear model: the features, and the intercept if there is one."""
        return int(self.mean.shape[-1]) - 1 + self.intercept

    def mean_squares(self) -> _Array:
        r"""Mean squares of the features, :math:`\overline{x_j^2}`, shape (..., n); 1 for the constant one."""
        squares = self._squares()[..., :-1]
        return np.concatenate([squares, np.ones((*self.shape, 1))], axis=-1) if self.intercept else squares

    def target_square(self) -> _Array:
        r"""Mean square of the target, :math:`\overline{y^2}`, shape (...)."""
        return self._squares()[..., -1]

    def _squares(self) -> _Array:
        variances = np.diagonal(self.scatter, axis1=-2, axis2=-1) / self.count
        return variances + self.mean**2

    def second(self) -> _Array:
        r"""Raw second moments of (features, constant if any, target), shape (..., n + 1, n + 1)."""
        mean, scatter = self.mean, self.scatter / self.count
        if self.intercept:
            p = mean.shape[-1] - 1
            mean = np.insert(mean, p, 1.0, axis=-1)
            scatter = np.insert(np.insert(scatter, p, 0.0, axis=-1), p, 0.0, axis=-2)
        return scatter + mean[..., :, None] * mean[..., None, :]
