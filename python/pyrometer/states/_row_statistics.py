"""Statistics of rows that a state has besides its sums: their memory, and the discrete entropy of their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, Coded
from pyrometer.states._conditionals import CONDITIONALS, exponents
from pyrometer.states._dependence import Dependence, memory_of
from pyrometer.states._predictions import Predicted

__all__ = ["dependence_of", "discrete_entropy", "gaussian_scores"]


def _filled(x: Array, missing: npt.NDArray[np.bool_]) -> Array:
    """Return numbers with the mean of their column where they are missing, 0 where all are."""
    zeros, count = np.where(missing, 0.0, x), np.maximum((~missing).sum(axis=0), 1)
    units = exponents(zeros)
    return np.where(missing, np.ldexp(np.ldexp(zeros, -units).sum(axis=0) / count, units), x)


def dependence_of(data: Predicted, block: int = 1) -> Dependence:
    """Return the longest memory among losses, scores, features and residuals of rows, in their order and in blocks."""
    conditional = CONDITIONALS[data.loss].measured(data)
    names = data.names or range(data.columns)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        numbers = data.x if data.missing is None else _filled(data.x, data.missing)
        away = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
        scores = np.square(np.where(np.isfinite(away), away, 0.0)).sum(axis=1)
    named: dict[str, npt.NDArray[Any]] = {
        f"the column {names[place]}": numbers[:, i] for i, place in enumerate(data.places)
    }
    named |= {f"the column {names[of.place]}": of.codes for of in data.coded if _recurs(of, block)}
    named |= {"the scores": scores, "the losses": conditional.losses, "the residuals": conditional.residual}
    series = np.column_stack(list(named.values()))
    if data.weights is not None:  # what a weighted mean sums
        share = data.weights / data.weights.mean()
        series = np.ldexp(series, -exponents(series))  # a memory has no unit
        series = share[:, None] * (series - np.average(series, axis=0, weights=share))
    return memory_of(series, list(named), block)


def _recurs(of: Coded, block: int) -> bool:
    """Whether a value is in two blocks: if none is, the order of blocks says nothing about the column."""
    blocks = np.arange(len(of.codes)) // block
    return len(np.unique(blocks * len(of.values) + of.codes)) > len(of.values)


def gaussian_scores(z: Array, alone: bool, weights: Array | None = None) -> Array:
    """Half the squared Mahalanobis distances of rows from their mean; of independent columns if they are `alone`."""
    if alone:
        return np.asarray(0.5 * (z**2 / np.average(z**2, axis=0, weights=weights)).sum(axis=1))
    covariance = z.T @ z / len(z) if weights is None else (z * (weights / weights.sum())[:, None]).T @ z
    whitening = np.linalg.inv(np.linalg.cholesky(covariance))
    return np.asarray(0.5 * np.square(z @ whitening.T).sum(axis=1))


def discrete_entropy(scores: Array, weights: Array | None = None) -> float:
    """Entropy of the densities exp(-scores), normalised over rows that are repeated as often as their weights say.

    Weights of a mean below 1 count in units of it.
    """
    excess = scores - scores.min()
    with np.errstate(under="ignore"):
        density = np.exp(-excess)
        repeated = density if weights is None else density * (weights / min(1.0, float(weights.mean())))
        total = repeated.sum()
        return float(np.log(total) + (repeated * excess).sum() / total)
