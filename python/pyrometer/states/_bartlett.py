"""By how much the mean of a likelihood ratio exceeds that of its limit (Bartlett), for classes and a linear model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array

__all__ = ["inflation"]

# Up to this rank the cubes of all directions are summed; above, those of so many random ones.
_DIRECTIONS = 16
# Up to so many rows, and so many times the rank, all are used; of more, as many that are random.
_ROWS, _RANKS = 4_000, 100
# Most numbers of one block of deviations, and of the sums of cubes that are accumulated at once.
_BLOCK, _CUBES = 2**20, 2**22
# Least eigenvalue of the information, relative to the greatest, of columns of equal size, whose digits are not lost.
_SMALLEST = 1e-11


def inflation(parts: list[npt.NDArray[Any]], theta: Array, ranks: tuple[int, int, int], *, intercept: bool) -> float:
    r"""Return the mean of a likelihood ratio for one model of two data sets, relative to its limit for many rows.

    It is :math:`1 + (\epsilon_A + \epsilon_B - \epsilon_{AB})/k` with a relative error O(1/m^2) (Lawley, 1956).

    Parameters
    ----------
    parts : list of two (m, p) float arrays
        The rows of both.
    theta : (C, n) float array
        Parameters of each class that fit all rows.
    ranks : tuple of three int
        Independent parameters of A, of B, and of both together.
    intercept : bool
        Whether the rows lack a last column of ones.

    Returns
    -------
    float
        Above 0; inf where it has no digits. Time O(m C r^2) for rank r and at most max(4,000, 100 r) rows of each; 64
        MB of memory beside those rows.

    """
    a, b, both = (
        _of_rows(pieces, theta, rank, intercept)
        for pieces, rank in zip((parts[:1], parts[1:], parts), ranks, strict=True)
    )
    excess = (a + b - both) / (ranks[0] + ranks[1] - ranks[2])
    return 1.0 + excess if np.isfinite(excess) and excess > -1.0 else np.inf


def _of_rows(parts: list[npt.NDArray[Any]], theta: Array, rank: int, intercept: bool) -> float:
    """Return the expansion for the rows of these parts, or from some of them as their share of all."""
    total = sum(map(len, parts))
    most = min(total, max(_ROWS, _RANKS * rank))
    if most < total:
        chosen = np.random.default_rng(0).choice(total, most, replace=False)
        parts = [
            parts[0][chosen[chosen < len(parts[0])]],
            *(X[chosen[chosen >= total - len(X)] - total] for X in parts[1:]),
        ]
    rows = np.concatenate(parts).astype(np.float64)
    odds = rows @ theta[:, : rows.shape[1]].T + (theta[:, -1] if intercept else 0.0)
    with np.errstate(under="ignore"):
        shares = np.exp(odds - odds.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    if intercept:
        rows -= rows.mean(axis=0)
    size = np.abs(rows).max(axis=0, initial=0.0)
    rows /= np.where(size > 0.0, size, 1.0)
    if intercept:
        rows = np.column_stack([rows, np.ones(most)])
    return float(expansion(rows, shares, rank) * most / total)


def expansion(X: Array, shares: Array, rank: int) -> float:
    r"""Return half the mean of the log likelihood ratio for the true parameters, less its limit :math:`k`, times 2.

    With :math:`d_{ic}` the deviation of the statistic of class c from its mean in row i, in coordinates in which the
    information :math:`\sum_{ic} p_{ic} d_{ic} d_{ic}^T` is 1, it is

    .. math:: -\tfrac14\sum_i \kappa_4(i) + \tfrac16\Big\|\sum_{ic} p_{ic}\, d_{ic}^{\otimes 3}\Big\|^2
        + \tfrac14\Big\|\sum_{ic} p_{ic} |d_{ic}|^2 d_{ic}\Big\|^2,\quad
        \kappa_4 = \sum_c p_c |d_c|^4 - \Big(\sum_c p_c|d_c|^2\Big)^2 - 2 \sum_{cc'} p_c p_{c'} (d_c\cdot d_{c'})^2 .

    The norm of the tensor is the sum over all directions of a basis, or an estimate from some of them.
    """
    q = X.shape[1] * (shares.shape[1] - 1)
    information = np.zeros((q, q))
    for deviations, p in _blocks(X, shares):
        flat = (deviations * np.sqrt(p)[..., None]).reshape(-1, q)
        information += flat.T @ flat
    sizes = np.sqrt(np.diag(information))
    scale = np.divide(1.0, sizes, out=np.zeros(q), where=sizes > 0.0)
    values, vectors = np.linalg.eigh(information * scale * scale[:, None])
    if values[-rank] <= _SMALLEST * values[-1]:
        return np.inf
    whitening = scale[:, None] * vectors[:, -rank:] / np.sqrt(values[-rank:])
    directions = _directions(rank)
    fourth, drift, cubes = 0.0, np.zeros(rank, dtype=np.float64), np.zeros((directions.shape[1], rank, rank))
    for deviations, p in _blocks(X, shares):
        d = deviations @ whitening
        products = d @ d.swapaxes(1, 2)
        squares = np.diagonal(products, axis1=1, axis2=2)
        pairs = (p[:, None, :] * p[:, :, None] * products**2).sum()
        fourth += float((p * squares**2).sum() - ((p * squares).sum(axis=1) ** 2).sum() - 2.0 * pairs)
        flat, weights = d.reshape(-1, rank), p.ravel()
        drift += (weights * squares.ravel()) @ flat
        for cube, along in zip(cubes, (flat @ directions).T, strict=True):
            cube += (flat * (weights * along)[:, None]).T @ flat
    cubed = float((cubes**2).sum()) * rank / directions.shape[1]
    return float(cubed / 6.0 + drift @ drift / 4.0 - fourth / 4.0)


def _blocks(X: Array, shares: Array) -> Iterator[tuple[Array, Array]]:
    """Yield deviations (b, C, n (C - 1)) of the statistics of the classes from their means, and shares (b, C)."""
    classes = shares.shape[1]
    step = max(1, _BLOCK // (classes * (classes - 1) * X.shape[1]))
    for first in range(0, len(X), step):
        p, x = shares[first : first + step], X[first : first + step]
        choice = np.eye(classes)[:, 1:] - p[:, None, 1:]
        yield (choice[..., None] * x[:, None, None, :]).reshape(len(x), classes, -1), p


def _directions(rank: int) -> Array:
    """Return orthonormal directions (rank, some): all of them, or some that are random, always the same."""
    if rank <= _DIRECTIONS:
        return np.eye(rank)
    some = max(1, min(_DIRECTIONS, _CUBES // rank**2))
    return np.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(rank, some)))[0])
