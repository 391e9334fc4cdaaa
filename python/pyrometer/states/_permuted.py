"""The p-value of a shift: a permutation test of sums over blocks of rows, whatever the rows are.

Samples without a density (constant or dependent columns, fewer rows than columns, a single row) are compared as well:
each sample is fitted with a thousandth of a row besides its own, the mean row of both samples together, and coordinates
that do not vary among all rows are left out. Neither depends on which rows are whose, so the test keeps its level.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.states._blocks import exchangeable
from pyrometer.states._row_sums import pairs

__all__ = ["permuted"]

_Array: TypeAlias = npt.NDArray[np.float64]
_PRIOR = 2.0**-10  # the less it is, the more a constant column shows, and the more rounding does
_FLAT = 1e-12  # a variance that is less, as a share of the mean square, is rounding
_ROUNDING = 1e-9  # of energies, of entropies in nats, and of divergences
_DEPENDENT = 1e-6  # a variance that is less, as a share of one, is that of a number given by others and of rounding
_SHARE = 1e-11  # of a coordinate's variance, beyond those before it


def permuted(old: _Array, new: _Array, law: str, resamples: int, seed: tuple[int, int], threads: int) -> float:
    """p-value of two samples' sums over blocks, about one centre: among those with blocks dealt to them at random.

    It is 1 where there are no blocks of equally many rows to exchange.
    """
    (first, many), (second, others) = exchangeable(old, new)
    if min(many, others) == 0:
        return 1.0
    pool = first.sum(axis=0) + second.sum(axis=0)
    pool /= pool[0]
    if law == "laplace" and pool[2] == 0.0:  # without residuals there is no width to compare
        law = "bernoulli"
    chosen = _varying(pool)
    first, second = (np.vstack([sums, _PRIOR * pool])[:, chosen] for sums in (first, second))
    first, second = np.ascontiguousarray(first), np.ascontiguousarray(second)
    changes = _core.dealt_shifts(first, second, many, others, law, seed, resamples, threads)
    return _p_value(changes, float(pool[1]))


def _varying(pool: _Array) -> npt.NDArray[np.int64]:
    """Columns of sums that belong to coordinates which vary, each beyond those before it, in the mean row `pool`."""
    d = int(np.sqrt(2.0 * (len(pool) - 3) + 2.25) - 1.5 + 0.5)
    products = pairs(d)
    mean, square = pool[3 : 3 + d], np.zeros((d, d))
    square[tuple(np.array(products, dtype=int).reshape(-1, 2).T)] = pool[3 + d :]
    left = np.triu(square) + np.triu(square, 1).T - np.outer(mean, mean)
    varies = np.diag(left) > _FLAT * np.diag(square)
    size = np.sqrt(np.where(varies, np.diag(left), 1.0))
    left /= np.outer(size, size)
    for j in np.flatnonzero(varies):
        varies[j] = left[j, j] > _SHARE
        if varies[j]:
            left = left - np.outer(left[:, j], left[j] / left[j, j])
    return np.array(
        [
            0,
            1,
            2,
            *(3 + np.flatnonzero(varies)),
            *(3 + d + c for c, (j, k) in enumerate(products) if varies[j] and varies[k]),
        ],
        dtype=np.int64,
    )


def _p_value(points: _Array, energy: float) -> float:
    """Share of points, the first among them, that are as far from their centre as the first, in their own metric.

    Of the divergence only what lies above its centre counts, given the others: samples that agree too well do not
    differ. So one point's length never falls as its divergence rises. Deals that are the same but for rounding must
    tie, so what varies by no more than rounding might, by itself or beside what it depends on, does not count.
    """
    largest = np.abs(points).max(axis=0)
    away = points / np.where(largest > 0.0, largest, 1.0)
    away = away - away.mean(axis=0)
    size = away.std(axis=0)
    rounding = np.array([_ROUNDING * energy, _ROUNDING, _ROUNDING * largest[2]])
    away = np.where(size * largest > rounding, away / np.where(size > 0.0, size, 1.0), 0.0)
    both, above = away[:, :2], away[:, 2]
    metric = np.linalg.pinv(both.T @ both / len(both), rcond=_DEPENDENT, hermitian=True)
    lengths = np.einsum("bi,ij,bj->b", both, metric, both)
    above = above - both @ (metric @ (both.T @ above)) / len(both)
    spread = float(np.mean(np.square(above)))
    if spread > _DEPENDENT:
        lengths += np.square(np.maximum(above, 0.0)) / spread
    return float(np.mean(lengths >= lengths[0] * (1.0 - 1e-6)))
