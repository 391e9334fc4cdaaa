"""Standardisation of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import number_of, quoted, replacements, validate, weights_of

__all__ = ["standardize"]

# By rounding, a constant column may have a relative standard deviation of a few eps.
_CONSTANT = 8.0 * np.finfo(np.float64).eps


def standardize(X: Any, *, names: Sequence[str] | None = None, weights: Any = None) -> npt.NDArray[np.float64]:
    r"""Return the features with mean 0 and population variance 1, :math:`(x_{ij} - \bar x_j) / s_j`.

    Parameters
    ----------
    X : array_like, shape (m, p)
        Features, finite, none constant.
    names : sequence of str, optional
        Names of the p features, for error messages.
    weights : array_like, shape (m,), optional
        Weights of the rows, finite, >= 0: means and variances are then weighted. Rows of weight 0 may hold any values.

    Returns
    -------
    ndarray, shape (m, p), float64
        A new array, in units of each feature's standard deviation (divided by m, not m - 1).

    Raises
    ------
    ValueError
        If a feature is constant or not finite.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.datasets.standardize([[1.0, 10.0], [3.0, 30.0]])
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    array = np.asarray(validate.numeric("X", X), dtype=np.float64)
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(f"X must have shape (rows, features) with at least one row, got {array.shape}.")
    if names is not None and len(names) != array.shape[1]:
        raise ValueError(
            f"names must have one name for each of the {number_of(array.shape[1], 'feature')}, got {len(names)}."
        )
    used, share = (array, None) if weights is None else _weighted(array, weights)
    size = np.abs(used).max(axis=0)
    # Scaling by a power of two is exact and keeps the squares of huge or tiny features in range.
    exponent = np.frexp(np.where(np.isfinite(size), size, 1.0))[1]
    result = np.ldexp(used, -exponent)
    with np.errstate(invalid="ignore"):
        if share is None:
            result -= result.mean(axis=0)
            result -= result.mean(axis=0)
            deviation = np.sqrt(np.einsum("ij,ij->j", result, result) / array.shape[0])
        else:
            result -= (share * result).sum(axis=0)
            result -= (share * result).sum(axis=0)
            deviation = np.sqrt((share * result**2).sum(axis=0))
    if array.shape[0] == 1 and np.isfinite(array).all():
        raise ValueError(
            "X must have at least 2 rows to be standardised, got 1; use the features as they are, on the command line "
            "with --raw."
        )
    for j in map(int, np.flatnonzero(~(deviation > _CONSTANT))):
        feature = f"feature {quoted(names[j])}" if names is not None else f"feature {j}"
        if not np.isfinite(size[j]):
            raise ValueError(f"X must be finite, got {feature} with a value that is not; drop or fill it.")
        raise ValueError(
            f"X must have no constant feature, which cannot be standardised, got {feature} = {array[0, j]:g}; drop it."
        )
    result /= deviation
    return result


def _weighted(array: npt.NDArray[np.float64], weights: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the rows, with others in the places of those of weight 0, and their shares of the total weight (m, 1)."""
    numbers = validate.weights(weights)
    checked, rows = weights_of(numbers, array.shape[:1]), replacements(numbers)
    share = checked.values / checked.values.sum()
    return (array if rows is None else array[rows]), share[:, None]
