"""Squared errors of laws with constant parameters c: those of the targets y - c x, from second moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyrometer.base import broadcast, warn_caller
from pyrometer.errors import PrecisionWarning
from pyrometer.linear._closed_form import Array, weights
from pyrometer.linear._minima import ENOUGH_DIGITS
from pyrometer.linear._penalties import L1, L2

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["Residuals", "penalties", "residuals", "warn_of_few_digits"]

_UNIT = 0.5 * float(np.finfo(float).eps)


class Residuals(NamedTuple):
    """Mean squares of y - c x and bounds of their errors, (systems, laws), and mean products with the columns."""

    square: Array
    error: Array
    products: Array
    """(systems, laws, n)."""


def residuals(system: LinearSystem, constants: Array) -> Residuals:
    """Moments of the residuals of constant parameters, (..., n) with 0 for random ones.

    They are quadratic forms of the scatter about the means, so that large means cost no digits; what rounding can
    change, and what the moments have lost, is in the error.
    """
    moments, n = system.known_moments(), system.parameters
    columns = moments.mean.shape[-1]
    mean, scatter = moments.mean.reshape(-1, columns), moments.scatter.reshape(-1, columns, columns) / moments.count
    deviation = np.sqrt(scatter.diagonal(0, -2, -1))
    lost = moments.lost()
    values = constants.reshape(-1, n)
    same = bool((values == values[:1]).all())
    parts = []
    with np.errstate(over="ignore", invalid="ignore"):
        for c in values[:1] if same else values:
            t, nonzero = np.full(columns, -1.0), bool(c.any())
            t[:-1] = c[: columns - 1]
            shift = float(c[columns - 1 :].sum())  # of the intercept
            covariance = (scatter * t).sum(axis=-1)
            average = (mean * t).sum(axis=-1) + shift
            of_scatter = (np.abs(t) * deviation).sum(axis=-1) ** 2
            of_mean = (columns + 3) * _UNIT * (np.abs(mean * t).sum(axis=-1) + abs(shift)) * nonzero
            error = 8.0 * (columns + 1) * _UNIT * of_scatter * nonzero
            error = error + of_mean * (2.0 * np.abs(average) + of_mean)
            if lost is not None:
                of_mean = (np.abs(t) * lost.mean.reshape(-1, columns)).sum(axis=-1)
                of_scatter = (np.abs(t) * np.sqrt(lost.scatter.reshape(-1, columns))).sum(axis=-1) ** 2
                error = error + of_scatter / moments.count + of_mean * (2.0 * np.abs(average) + of_mean)
            products = covariance[:, :-1] + mean[:, :-1] * average[:, None]
            if system.intercept:
                products = np.concatenate([products, average[:, None]], axis=-1)
            parts.append(Residuals((covariance * t).sum(axis=-1) + average**2, error, -products))
    if len(parts) == 1:
        stacked = [array[:, None] for array in parts[0]]
    else:
        stacked = [np.stack(arrays, axis=1) for arrays in zip(*parts, strict=True)]
    shapes = ((len(mean), len(values)), (len(mean), len(values)), (len(mean), len(values), n))
    return Residuals(*(broadcast(a, shape) for a, shape in zip(stacked, shapes, strict=True)))


def penalties(system: LinearSystem, constants: Array) -> Array:
    """Penalties of constant parameters, shape of the batch of laws."""
    with np.errstate(over="ignore"):
        each = weights(system, L1) * np.abs(constants) + weights(system, L2) * constants**2
    return np.asarray(each.sum(axis=-1))


def warn_of_few_digits(
    value: Array,
    error: Array,
    what: str = "Energies of constant parameters",
    why: str = "their predictions nearly equal the targets; `error_bound` bounds the errors",
) -> None:
    """Warn where the error of an energy leaves fewer than 9 digits."""
    with np.errstate(invalid="ignore"):
        inaccurate = error > 10.0**-ENOUGH_DIGITS * np.abs(value)
    if inaccurate.any():
        warn_caller(PrecisionWarning(f"{what} have fewer than {ENOUGH_DIGITS:g} certain digits: {why}."))
