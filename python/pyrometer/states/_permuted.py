"""The p-value of a shift: a permutation test of sums over blocks of rows, degenerate samples included.

Samples without a density (constant or dependent columns, fewer rows than columns, a single row) are compared as well:
to each sample a pseudo-row of weight 1/1024 is added, the mean of both samples together, and coordinates that are
constant over the union are left out. Both are invariant under permutations, so the test keeps its level.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.states._blocks import coarse, exchangeable
from pyrometer.states._row_sums import pairs

__all__ = ["permuted", "sequential", "varying"]

_Array: TypeAlias = npt.NDArray[np.float64]
_PRIOR = 2.0**-10  # weight of the pseudo-row: smaller is more sensitive to constant columns, and to rounding
_FLAT = 1e-12  # variances below this share of the mean square are rounding
_ROUNDING = 1e-9  # of energies, of entropies in nats, and of divergences
_DEPENDENT = 1e-6  # relative variances below this are those of linear functions of the others, and of rounding
_STAGES = ((39, 0.2), (319, 0.04))  # permutations, and the p-value above which they are enough
_MANY = 8  # blocks of the larger sample that change hands for each of the smaller
_SHARE = 1e-11  # smallest share of a coordinate's variance that those before it leave unexplained


def permuted(
    old: _Array,
    new: _Array,
    law: str,
    resamples: int,
    seed: tuple[int, int],
    threads: int,
    inflation: float = 1.0,
) -> float:
    """p-value of two samples' sums over blocks about one centre, by random assignment of blocks to the samples.

    It is 1 where there are no blocks of equally many rows to exchange. `inflation` is the variance of the samples' own
    means in units of the one that permutations give them: above 1 where blocks are serially dependent.
    """
    if not (len(old) and len(new)):
        return 1.0
    return _Deal.of(old, new, law, *exchangeable(old, new)).p_value(resamples, seed, threads, inflation)


def sequential(
    old: _Array,
    new: _Array,
    law: str,
    resamples: int,
    seed: tuple[int, int],
    threads: int,
    inflation: float = 1.0,
) -> float:
    """p-value as `permuted` gives it, at about a tenth of its cost where samples do not differ.

    Blocks are first united as long as there are enough of one size. Then a p-value of few permutations is the result if
    it is well above every level of interest, else one of more permutations is. The probability of a result of at most
    alpha is at most alpha: up to the threshold of a stage only the later ones give it, each with at most that
    probability; above it, it is that of the stage.
    """
    if not (len(old) and len(new)):
        return 1.0
    (first, many), (second, others) = exchangeable(*coarse(old, new))
    few = _MANY * max(min(many, others), 1)
    deal = _Deal.of(old, new, law, (first, min(many, few)), (second, min(others, few)))
    for count, enough in _STAGES:
        if count >= resamples:
            break
        p_value = deal.p_value(count, seed, threads, inflation)
        if p_value > enough:
            return p_value
    return deal.p_value(resamples, seed, threads, inflation)


class _Deal(NamedTuple):
    """Two samples' sums over blocks, of which the first `many` and `others` may change hands."""

    first: _Array
    many: int
    second: _Array
    others: int
    law: str
    energy: float

    @classmethod
    def of(cls, old: _Array, new: _Array, law: str, ours: tuple[_Array, int], theirs: tuple[_Array, int]) -> _Deal:
        """Leave out coordinates that do not vary, and give each sample its share of the mean row of both."""
        (first, many), (second, others) = ours, theirs
        if min(many, others) == 0:
            return cls(first, 0, second, 0, law, 0.0)
        pool = first.sum(axis=0) + second.sum(axis=0)
        pool /= pool[0]
        if law == "laplace" and pool[2] == 0.0:  # without residuals there is no width to compare
            law = "bernoulli"
        chosen = varying(pool)
        first, second = (np.vstack([sums, _PRIOR * pool])[:, chosen] for sums in (first, second))
        return cls(np.ascontiguousarray(first), many, np.ascontiguousarray(second), others, law, float(pool[1]))

    def p_value(self, resamples: int, seed: tuple[int, int], threads: int, inflation: float) -> float:
        """p-value of so many permutations; 1 where none is possible."""
        if min(self.many, self.others) == 0:
            return 1.0
        changes = _core.dealt_shifts(
            self.first, self.second, self.many, self.others, self.law, seed, resamples, threads
        )
        changes[0] /= np.array([np.sqrt(inflation), np.sqrt(inflation), inflation])
        return _p_value(changes, self.energy)


def varying(pool: _Array) -> npt.NDArray[np.int64]:
    """Columns of sums of the coordinates that are linearly independent of those before them, in the mean row `pool`."""
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
    """Share of points, the first included, whose Mahalanobis distance from their mean is at least that of the first.

    The divergence is one-sided: only its excess over its regression on the other two counts, because samples that
    agree better than chance do not differ. Permutations that are equal up to rounding must tie, so coordinates whose
    variance, or residual variance given the others, is at rounding level are left out.
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
