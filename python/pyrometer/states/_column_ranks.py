r"""Which column of numbers has moved, by ranks, so that heavy tails do not decide (not in the paper).

A rank statistic of Lepage's kind: blocks of equally many rows, of both samples together, have Wilcoxon's scores,
:math:`r/(N + 1)` with the rank r of their mean, and Savage's scores, :math:`-\ln(1 - q/(N + 1))` with the rank q of
their mean square about the median. The statistic is the squared length of the sums of both scores over the blocks of
one sample, in units of their covariance over all permutations. Ties have the mean of their ranks.

Where rows have weights, a block counts as often as its weight says, in units of the mean: r is the weight of the blocks
below and half of that of those that tie, N is the sum of all, and the scores of one sample, less their weighted mean
over both, are summed with the weights. A permutation moves a block with its weight, so that the sum is still one of
fixed numbers over a random half of the blocks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._blocks import exchangeable
from pyrometer.states._marginals import Marginals
from pyrometer.states._resampled import dealt

__all__ = ["midranks", "rank_statistics"]

_TIED = 1e-12  # relative difference of values that are equal up to rounding
_DEPENDENT = 1e-9  # share of the variance of a score that another leaves unexplained: rounding


def rank_statistics(
    marginals: Marginals, resamples: int, seed: tuple[int, int], threads: int
) -> tuple[Array, Array, Array]:
    """Return the statistics of numbers (resamples + 1, d), and of widths (resamples + 1,), in permutations of blocks.

    The permutations are those of `dealt_shifts`; the samples themselves come first. Chi-square if the samples are of
    one distribution, of widths with one degree of freedom, of numbers with those that are returned (d,): two, or one
    where the scores depend on each other, as those of two values do.
    """
    (first, blocks_before), (second, others) = exchangeable(*marginals.pair, marginals.rows_of_pair)
    blocks = np.concatenate([first[:blocks_before], second[:others]])
    place, scale, widths = _scores(marginals, blocks, blocks_before)
    scores = np.hstack([place, scale, widths[:, None]])
    old, _ = dealt((scores[:blocks_before], blocks_before), (scores[blocks_before:], others), seed, resamples, threads)
    rows = blocks_before + others
    of_place, of_scale, of_widths = np.split(old, [marginals.d, 2 * marginals.d], axis=1)
    factor = rows * (rows - 1.0) / (blocks_before * others)
    squares = (place * place).sum(axis=0), (place * scale).sum(axis=0), (scale * scale).sum(axis=0)
    slope = _quotient(squares[1], squares[0])
    residual = squares[2] - slope * squares[1]
    residual = np.where(residual > _DEPENDENT * squares[2], residual, 0.0)
    statistic = _quotient(of_place**2, squares[0]) + _quotient((of_scale - slope * of_place) ** 2, residual)
    of_widths = factor * _quotient(of_widths[:, 0] ** 2, np.asarray((widths**2).sum()))
    return factor * statistic, of_widths, (squares[0] > 0.0).astype(np.float64) + (residual > 0.0)


def _scores(marginals: Marginals, blocks: Array, blocks_before: int) -> tuple[Array, Array, Array]:
    """Scores of blocks for the place and the scale of each number (b, d), and for the width (b,), of sum zero.

    All times the weights of blocks.
    """
    weights = blocks[:, 0] / blocks[:, 0].mean()
    share, mean, square = marginals.block_means(blocks)
    present = share > 0.0
    mean, square = (np.where(present, each, 0.0) for each in (mean, square))
    middle = np.array([_median(column[rows], weights[rows]) for column, rows in zip(mean.T, present.T, strict=True)])
    away = np.maximum(square - 2.0 * middle * mean + middle**2, 0.0)
    # Sums, some of which were moved to the centre of the first sample, have digits relative to the size of rows.
    of_rows = np.sqrt(np.maximum(square, mean**2))
    size = np.maximum(of_rows[:blocks_before].mean(axis=0), of_rows[blocks_before:].mean(axis=0))
    place, scale = _ranked(mean, present, size, weights), _ranked(away, present, size**2, weights)
    present_weight = np.where(present, weights[:, None], 0.0).sum(axis=0) + 1.0
    width = (blocks[:, 1] / blocks[:, 0])[:, None]
    everywhere = np.ones_like(width, dtype=bool)
    of_width = _ranked(width, everywhere, width.max(axis=0), weights) / (weights.sum() + 1.0)
    return (
        _centred(place / present_weight, present, weights),
        _centred(_savage(scale / present_weight, present), present, weights),
        _centred(_savage(of_width, everywhere), everywhere, weights)[:, 0],
    )


def _median(values: Array, weights: Array) -> float:
    """Median of values, each as often as its weight says; 0 of none."""
    if not len(values):
        return 0.0
    if (weights == weights[0]).all():
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    middle = np.searchsorted(below, 0.5 * below[-1] * (1.0 + np.array([-_TIED, _TIED])))
    return float(values[order][np.minimum(middle, len(values) - 1)].mean())


def _savage(quantile: Array, present: npt.NDArray[np.bool_]) -> Array:
    return -np.log1p(-np.where(present, quantile, 0.0))


def _centred(scores: Array, present: npt.NDArray[np.bool_], weights: Array) -> Array:
    """Scores less their mean, times the weights; 0 where there are none, and where all are the same up to rounding."""
    own, scores = np.where(present, weights[:, None], 0.0), np.where(present, scores, 0.0)
    mean = _quotient((own * scores).sum(axis=0), own.sum(axis=0))
    centred = np.where(present, scores - mean, 0.0)
    varies = np.abs(centred).max(axis=0) > _TIED * np.abs(scores).max(axis=0)
    return own * np.where(varies, centred, 0.0)


def _ranked(values: Array, present: npt.NDArray[np.bool_], size: Array, weights: Array) -> Array:
    """Ranks of the values that are present among themselves; the others have larger ones."""
    largest = np.where(present, np.abs(values), 0.0).max(axis=0)
    return midranks(np.where(present, values, 2.0 * largest + 1.0), size, weights)


def midranks(values: Array, size: Array, weights: Array | None = None) -> Array:
    """Ranks from 1 in each column of (b, d), with the mean rank where values tie up to rounding.

    A value counts as often as its weight (b,) says, whose mean is 1.

    Adjacent values tie if they differ by less than 1e-12 of the larger one and the column's `size` together.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ascending = np.take_along_axis(values, order, axis=0)
    tied = np.diff(ascending, axis=0) <= _TIED * (np.abs(ascending[1:]) + size)
    index = np.arange(len(values))[:, None]
    edge = np.zeros((1, values.shape[1]), dtype=bool)
    begins, ends = ~np.vstack([edge, tied]), ~np.vstack([tied, edge])
    least = np.maximum.accumulate(np.where(begins, index, 0), axis=0)
    most = np.minimum.accumulate(np.where(ends, index, len(values))[::-1], axis=0)[::-1]
    ranks = np.empty_like(values)
    heavy = np.ones(values.shape) if weights is None else weights[order]
    below = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(heavy, axis=0)])
    middle = 0.5 * (np.take_along_axis(below, least, axis=0) + np.take_along_axis(below, most + 1, axis=0))
    np.put_along_axis(ranks, order, middle + 0.5, axis=0)
    return ranks


def _quotient(over: Array, under: Array) -> Array:
    """Return a quotient, 0 where the denominator is."""
    return np.where(under > 0.0, over / np.where(under > 0.0, under, 1.0), 0.0)
