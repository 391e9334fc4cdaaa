"""The batch at which a change of the data began, with its posterior distribution. Not in the paper.

Rows before the change have one distribution, rows after it another; each is normal (with the residual one of its
coordinates, or beside them exponential losses), with parameters that are integrated over a conjugate prior of the
weight of one row, about the moments of all rows together. So a segment of fewer rows than columns has a finite
likelihood, and each batch a posterior probability of being the first after the change, all equally likely before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyrometer.base import Array
from pyrometer.states._permuted import varying
from pyrometer.states._row_sums import factors_of, products

__all__ = ["Beginning", "beginning", "dispersion", "dispersion_of_losses"]

_MASS = 0.95
_LEAST_VARIANCE = 1e-12  # of a coordinate in units of all rows': rounding


class Beginning(NamedTuple):
    """The most probable first index after a change, and the range of those that together have 95 %."""

    best: int
    earliest: int
    latest: int


def beginning(
    before: Array,
    batches: Array,
    groups: Sequence[Sequence[int]],
    d: int,
    squares: bool,
    joint: bool,
    time: float,
    of_losses: float = 1.0,
) -> Beginning:
    """Return where a change began among `batches`, the last of which is certainly after it.

    Parameters
    ----------
    before : ndarray, shape (w,)
        Sums of the rows that are certainly before the change, as those of a block.
    batches : ndarray, shape (k, w)
        Sums of each batch.
    groups : sequence of sequence of int
        Columns of the counts of each counted column.
    d, squares
        Number of coordinates, and whether of their products only squares are there.
    joint : bool
        Whether the residual is one of the coordinates; else the losses, in the second column, are beside them.
    time : float
        Rows that count as one, at least 1.
    of_losses : float
        As many times more for the losses, at least 1.
    """
    width = 3 + 2 * d if squares else 3 + d + d * (d + 1) // 2
    sums = np.vstack([before, batches])
    first = np.cumsum(sums, axis=0)[:-1]
    parts = np.stack([first, sums.sum(axis=0) - first])
    weight = np.zeros(parts.shape[:2]) if joint else _exponential(parts) / of_losses
    pool = sums[:, :width].sum(axis=0) / sums[:, 0].sum()
    together = [np.arange(width)] if not squares else [np.array([0, 1, 2, 3 + i, 3 + d + i]) for i in range(d)]
    for columns in together:
        weight = weight + _normal(parts[..., columns[varying(pool[columns])]])
    for group in groups:
        weight = weight + _counted(parts[..., list(group)])
    likelihood = weight.sum(axis=0) / time
    with np.errstate(under="ignore"):
        posterior = np.exp(likelihood - likelihood.max())
    posterior /= posterior.sum()
    order = np.argsort(-posterior, kind="stable")
    inside = order[: int(np.searchsorted(np.cumsum(posterior[order]), _MASS)) + 1]
    return Beginning(int(order[0]), int(inside.min()), int(inside.max()))


def dispersion(blocks: Array, d: int, squares: bool) -> float:
    """Largest variance of the squares of a coordinate, over blocks, in units of that of normal rows; at least 1.

    With heavy tails, differences of normal log likelihoods are too large by this factor.
    """
    n, at = blocks[:, :1], [3 + d + c for c, (j, k) in enumerate(products(d, d if squares else -1)) if j == k]
    size = blocks[:, at].sum(axis=0) / n.sum()
    away = blocks[:, at] / np.where(size > 0.0, size, 1.0) - n * (size > 0.0)
    spread = np.mean(np.square(away / np.sqrt(n)), axis=0) / 2.0
    return float(np.nanmax(spread, initial=1.0))


def dispersion_of_losses(blocks: Array) -> float:
    """Variance of the losses over blocks, in units of that of an exponential distribution; at least 1."""
    n, losses = blocks[:, 0], blocks[:, 1]
    mean = losses.sum() / n.sum()
    return max(1.0, float(np.mean(np.square(losses / mean - n) / n))) if mean > 0.0 else 1.0


def _normal(parts: Array) -> Array:
    """Logarithms of the marginal likelihoods (2, k) of the coordinates of parts (2, k, w), up to a constant."""
    d = round(math.sqrt(2.0 * (parts.shape[-1] - 3) + 2.25) - 1.5)
    if d == 0:
        return np.zeros(parts.shape[:2])
    n, mean, square = parts[..., 0], parts[..., 3 : 3 + d], np.zeros((*parts.shape[:2], d, d))
    j, k = factors_of(d, -1)
    square[..., j, k] = square[..., k, j] = parts[..., 3 + d :]
    size = np.sqrt(parts[..., 3 + d :].sum(axis=0)[0][j == k] / n.sum(axis=0)[0])  # before any product, for its range
    mean, square = mean / size, square / size / size[:, None]
    # Coordinates in which all rows have mean 0 and covariance 1, which is the prior.
    total, centre = n.sum(axis=0)[0], mean.sum(axis=0)[0] / n.sum(axis=0)[0]
    spread = square.sum(axis=0)[0] / total - np.outer(centre, centre)
    values, vectors = np.linalg.eigh(spread / np.sqrt(np.outer(np.diag(spread), np.diag(spread))))
    keep = values > _LEAST_VARIANCE
    whiten = vectors[:, keep] / np.sqrt(values[keep]) / np.sqrt(np.diag(spread))[:, None]
    d = int(keep.sum())
    away = (mean - n[..., None] * centre) @ whiten
    moved = np.einsum("...i,j->...ij", mean, centre)
    square = square - moved - np.swapaxes(moved, -1, -2) + n[..., None, None] * np.outer(centre, centre)
    scatter = (
        np.eye(d) + whiten.T @ square @ whiten - np.einsum("...i,...j->...ij", away, away) / (n + 1.0)[..., None, None]
    )
    degrees = d + 2.0 + n
    _, logarithm = np.linalg.slogdet(scatter)
    gammas = np.zeros_like(n)
    for i in range(d):
        gammas += _lgamma(0.5 * (degrees - i))
    return np.asarray(gammas - 0.5 * degrees * logarithm - 0.5 * d * (np.log1p(n) + n * math.log(math.pi)))


def _exponential(parts: Array) -> Array:
    """Logarithms of the marginal likelihoods (2, k) of the losses."""
    n, total = parts[..., 0], parts[..., 1]
    mean = total.sum(axis=0)[0] / n.sum(axis=0)[0]
    if not mean > 0.0:
        return np.zeros_like(n)
    return np.asarray(_lgamma(2.0 + n) - (2.0 + n) * np.log1p(total / mean))


def _counted(counts: Array) -> Array:
    """Logarithms of the marginal likelihoods (2, k) of counts (2, k, v), with the shares of one row before them."""
    shares = counts.sum(axis=0)[0]
    shares = shares[shares > 0.0] / shares.sum()
    counts = counts[..., counts.sum(axis=0)[0] > 0.0]
    return np.asarray((_lgamma(counts + shares) - _lgamma(shares)).sum(axis=-1) - _lgamma(counts.sum(axis=-1) + 1.0))


_lgamma = np.vectorize(math.lgamma, otypes=[float])
