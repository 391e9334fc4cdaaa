"""The p-value of a shift: a permutation test of sums over blocks of rows, degenerate samples included.

Samples without a density (constant or dependent columns, fewer rows than columns, a single row) are compared as well:
to each sample a pseudo-row of weight 1/1024 is added, in units of the mean weight of all rows, the mean of both samples
together, and coordinates that are constant over the union are left out. Both are invariant under permutations, so the
test keeps its level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array
from pyrometer.states._blocks import exchangeable
from pyrometer.states._marginals import Marginals, Parts, some_at_once
from pyrometer.states._resampled import dealt
from pyrometer.states._row_sums import factors_of, of_coordinates

__all__ = [
    "DIVERGENCES",
    "Dealt",
    "Permutations",
    "adjusted",
    "compared",
    "permutations",
    "permuted",
    "single_values",
    "varying",
]

_PRIOR = 2.0**-10  # weight of the pseudo-row: smaller is more sensitive to constant columns, and to rounding
_FARTHEST = 1e200  # divergences of samples that are farther apart than doubles can represent
_FLAT = 1e-12  # variances below this share of the mean square are rounding
_ROUNDING = 1e-9  # of energies, of entropies in nats, and of divergences
DIVERGENCES = 1e-13  # in nats: what is below is rounding
_DEPENDENT = 1e-6  # relative variances below this are those of linear functions of the others, and of rounding
_SHARE = 1e-11  # smallest share of a coordinate's variance that those before it leave unexplained


class Permutations(NamedTuple):
    """The samples and their permutations: changes of energy, entropy and divergence, (resamples + 1, 3)."""

    p_value: float
    changes: Array


class Dealt(NamedTuple):
    """Sums over the blocks of two samples, those that are exchanged, and the sums of both in each permutation.

    Attributes
    ----------
    first, second : ndarray, shapes (b, C) and (c, C)
        The blocks of both.
    exchanged : ndarray, shape (e, C)
        Those of both that are exchanged.
    few : int
        How many of these the smaller sample has.
    old, new : ndarray, shape (resamples + 1, C)
        Sums of both; those of the samples themselves come first.
    """

    first: Array
    second: Array
    exchanged: Array
    few: int
    old: Array
    new: Array


def compared(
    samples: tuple[Array, Array],
    law: str,
    resamples: int,
    seed: tuple[int, int],
    threads: int,
    marginals: Marginals,
    *,
    inflation: float = 1.0,
    most: int | None = None,
) -> Permutations | None:
    """Compare sums over blocks about one centre with random assignments of blocks; None without blocks to exchange.

    `inflation` is the variance of the samples' own means in units of the one that permutations give them: above 1 where
    blocks are serially dependent. To this comes what weights add (`Marginals.weighting`). Of the larger sample at most
    `most` times as many blocks are exchanged as of the smaller.
    """
    (first, many), (second, others) = exchangeable(*samples, marginals.rows_of_pair)
    if min(many, others) == 0:
        return None
    if most is not None:
        many, others = min(many, most * others), min(others, most * many)
    pool = first.sum(axis=0) + second.sum(axis=0)
    pool /= pool[0]
    if law == "laplace" and pool[2] == 0.0:  # without residuals there is no width to compare
        law = "bernoulli"
    chosen = varying(pool)
    prior = _PRIOR * marginals.mean_weight * pool
    tables = [np.ascontiguousarray(np.vstack([sums, prior])[:, chosen]) for sums in (first, second)]
    changes = _core.dealt_shifts(tables[0], tables[1], many, others, law, seed, resamples, threads)
    if marginals.adds:
        parts = permuted(marginals, permutations(marginals, resamples, seed, threads, most=most), inflation)
        changes[:, 1] += parts.entropy
        changes[:, 2] += parts.divergence
    excess = inflation * marginals.weighting
    if excess > 1.0:
        # The bias of entropies is 1 to `excess` times that in permutations; what is beyond has the excess of variance.
        mean = changes[:, 1].mean()
        beyond = changes[0, 1] - np.clip(changes[0, 1], *sorted((mean, mean * excess)))
        changes[0] = changes[0, 0] / np.sqrt(excess), mean + beyond / np.sqrt(excess), changes[0, 2] / excess
    return Permutations(_p_value(changes, float(pool[1])), changes)


def permutations(
    marginals: Marginals, resamples: int, seed: tuple[int, int], threads: int, *, most: int | None = None
) -> Dealt:
    """Return the sums of the columns of two samples that have blocks to exchange."""
    (first, many), (second, others) = exchangeable(*marginals.pair, marginals.rows_of_pair)
    if most is not None:
        many, others = min(many, most * others), min(others, most * many)
    sums = dealt((first, many), (second, others), seed, resamples, threads)
    return Dealt(first, second, np.concatenate([first[:many], second[:others]]), min(many, others), *sums)


def permuted(marginals: Marginals, drawn: Dealt, inflation: float) -> Parts:
    """Return the contributions of the columns in permutations.

    Values of which all rows are in one block do not vary more than permutations show, whatever the dependence, and
    their shares are weights: with an inflation, or weights, those of a column are one value.
    """
    pool = drawn.first.sum(axis=0) + drawn.second.sum(axis=0)
    pool /= pool[0]
    prior, parts = _PRIOR * marginals.mean_weight * pool, []
    places = marginals.slices if inflation > 1.0 or marginals.rows is not None else ()
    singles = [place.start + np.flatnonzero(single_values(drawn, place)) for place in places]
    for some in some_at_once(len(drawn.old), len(pool)):
        old, new = (each[some] + prior for each in (drawn.old, drawn.new))
        for single in singles:
            for sums in (old, new) if len(single) > 1 else ():
                sums[:, single[0]] = sums[:, single].sum(axis=1)
                sums[:, single[1:]] = 0.0
        parts.append(marginals.parts(old, new, pool[None]))
    return Parts(*(_bounded(np.concatenate(each)) for each in zip(*parts, strict=True)))


def single_values(drawn: Dealt, place: slice) -> npt.NDArray[np.bool_]:
    """Values (K,) of which all rows are in one block: which sample has this block says nothing about the value."""
    blocks = sum((table[:, place] > 0.0).sum(axis=0) for table in (drawn.first, drawn.second))
    return np.asarray(blocks) <= 1


def _bounded(values: Array) -> Array:
    """Return values without infinities: those of samples that are too far apart for the range of a double."""
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=_FARTHEST, neginf=-_FARTHEST))


def adjusted(statistics: Array, freedom: Array) -> tuple[Array, Array]:
    """p-values (k,) of statistics (b, k), adjusted for all of them together, and the first row in common units.

    Each is compared with the largest of all in each permutation (max-T), the sample's own included: the family-wise
    error is that of the level whatever their dependence and whatever the units [Westfall, Young], which decide about
    power alone: a column whose tail is heavier than the units suggest hides all others. Those of chi-square with
    degrees of `freedom` (k,) are normal quantiles, by cube roots [Wilson, Hilferty]; others, with nan, are cube roots
    in units of their own deviation over permutations.
    """
    if not statistics.shape[1]:
        return np.empty(0), np.empty(0)
    size = np.abs(statistics).max(axis=0)
    size = np.where(size > 0.0, size, 1.0)
    roots = np.cbrt(statistics / size)
    deviation = roots.std(axis=0)
    varies, known = deviation > _ROUNDING, freedom > 0.0
    ninth = 2.0 / (9.0 * np.where(known, freedom, 1.0))
    unit = np.cbrt(np.where(known, freedom, 1.0) / size)
    middle = np.where(known, (1.0 - ninth) * unit, roots.mean(axis=0))
    scale = np.where(known, np.sqrt(ninth) * unit, deviation)
    away = np.where(varies, (roots - middle) / np.where(varies, scale, 1.0), 0.0)
    largest = away.max(axis=1)
    own = away[0]
    return np.mean(largest[:, None] >= own - 1e-6 * np.abs(own), axis=0), own


def varying(pool: Array) -> npt.NDArray[np.int64]:
    """Columns of sums of the coordinates that are linearly independent of those before them, in the mean row `pool`."""
    d = int(np.sqrt(2.0 * (len(pool) - 3) + 2.25) - 1.5 + 0.5)
    mean, square = pool[3 : 3 + d], np.zeros((d, d))
    square[factors_of(d, -1)] = pool[3 + d :]
    left = np.triu(square) + np.triu(square, 1).T - np.outer(mean, mean)
    varies = np.diag(left) > _FLAT * np.diag(square)
    size = np.sqrt(np.where(varies, np.diag(left), 1.0))
    left /= np.outer(size, size)
    for j in np.flatnonzero(varies):
        varies[j] = left[j, j] > _SHARE
        if varies[j]:
            left = left - np.outer(left[:, j], left[j] / left[j, j])
    return of_coordinates(varies, len(pool) - 3 - d)


def _p_value(points: Array, energy: float) -> float:
    """Share of points, the first included, whose Mahalanobis distance from their mean is at least that of the first.

    The divergence is one-sided: only its excess over its regression on the other two counts, because samples that
    agree better than chance do not differ. Permutations that are equal up to rounding must tie, so coordinates whose
    variance, or residual variance given the others, is at rounding level are left out.
    """
    largest = np.abs(points).max(axis=0)
    away = points / np.where(largest > 0.0, largest, 1.0)
    away = away - away.mean(axis=0)
    size = away.std(axis=0)
    rounding = np.array([_ROUNDING * energy, _ROUNDING, max(_ROUNDING * largest[2], DIVERGENCES)])
    away = np.where(size * largest > rounding, away / np.where(size > 0.0, size, 1.0), 0.0)
    both, above = away[:, :2], away[:, 2]
    metric = np.linalg.pinv(both.T @ both / len(both), rcond=_DEPENDENT, hermitian=True)
    lengths = np.einsum("bi,ij,bj->b", both, metric, both)
    above = above - both @ (metric @ (both.T @ above)) / len(both)
    spread = float(np.mean(np.square(above)))
    if spread > _DEPENDENT:
        lengths += np.square(np.maximum(above, 0.0)) / spread
    return float(np.mean(lengths >= lengths[0] * (1.0 - 1e-6)))
