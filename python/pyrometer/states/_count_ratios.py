r"""Which counted column has moved, by likelihood ratios of its shares (not in the paper).

The statistic is :math:`G^2 = 2 \sum O \ln(O/E)`, over the values of both samples, in units of its mean over all
permutations of the blocks. For rows without weights it is chi-square with one degree of freedom less than values if
these are frequent, and :math:`\exp(-G^2/2)` is also the order of the probability of the largest differences that a few
rows of a rare value can have. The divergence of shares does not have this property: where a sample lacks a rare value
it depends on the smoothing, and is large in a permutation out of a few.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pyrometer.base import Array
from pyrometer.states._marginals import Marginals
from pyrometer.states._permuted import Dealt

__all__ = ["CountRatios", "count_ratios"]

_ZERO = 1e-9  # ratios below this are rounding


class CountRatios(NamedTuple):
    """Ratios of the shares of missing numbers (r, d), of counted columns (r, k), and their degrees of freedom."""

    missing: Array
    missing_freedom: Array
    counts: Array
    freedom: Array


def count_ratios(marginals: Marginals, drawn: Dealt) -> CountRatios:
    """Return the ratios in permutations of blocks, the samples themselves first; 0 where nothing can differ.

    Flops: some ten for each value of each column in each permutation. Memory: a few times the sums of one column.
    """
    missing, missing_freedom = np.zeros((len(drawn.old), marginals.d)), np.zeros(marginals.d)
    for i, (column, _) in marginals.missing.items():
        shares = np.array([[1.0, 0.0], [-1.0, 1.0]])
        missing[:, i], missing_freedom[i] = _ratio(drawn, [0, column], shares)
    counts, freedom = np.zeros((len(drawn.old), len(marginals.counted))), np.zeros(len(marginals.counted))
    for k, place in enumerate(marginals.slices):
        columns = list(range(place.start, place.stop))
        counts[:, k], freedom[k] = _ratio(drawn, columns, _grouped(drawn, columns))
    return CountRatios(missing, missing_freedom, counts, freedom)


def _grouped(drawn: Dealt, columns: list[int]) -> Array:
    """Return the values (K, K') to be counted together: those of which all rows are in one block.

    Which sample has this block says nothing about the value.
    """
    blocks = sum((table[:, columns] > 0.0).sum(axis=0) for table in (drawn.first, drawn.second))
    single = np.asarray(blocks) <= 1
    groups = np.eye(len(columns))[:, ~single]
    return np.hstack([groups, single[:, None].astype(np.float64)]) if single.any() else groups


def _ratio(drawn: Dealt, columns: list[int], groups: Array) -> tuple[Array, float]:
    """Ratios (r,) of shares of groups of columns, and their degrees of freedom."""
    old, new = drawn.old[:, columns] @ groups, drawn.new[:, columns] @ groups
    sizes = old.sum(axis=1, keepdims=True), new.sum(axis=1, keepdims=True)
    share = (old + new) / (sizes[0] + sizes[1])
    inverse = float(np.mean(1.0 / sizes[0] + 1.0 / sizes[1]))
    unit = inverse * _mean_square(drawn, columns, groups) / max(len(share[0]) - 1, 1)
    if not unit > 0.0:
        return np.zeros(len(old)), 0.0
    ratio = sum(_excess(of, size * share) for of, size in zip((old, new), sizes, strict=True)) / unit
    ratio = np.where(ratio > _ZERO, ratio, 0.0)
    return ratio, 1.0 if len(share[0]) == 2 else max(float(ratio.mean()), 1.0)


def _excess(counts: Array, expected: Array) -> Array:
    r"""Return :math:`2 \sum O \ln(O/E) - O + E` (r,), without cancellation."""
    away = np.where(expected > 0.0, (counts - expected) / np.where(expected > 0.0, expected, 1.0), 0.0)
    ratio = np.log1p(np.where(away > -1.0, away, 0.0))
    return np.asarray(2.0 * (expected * ((1.0 + away) * ratio - away)).sum(axis=1))


def _mean_square(drawn: Dealt, columns: list[int], groups: Array) -> float:
    r"""Mean over all permutations of :math:`\sum (O - E)^2/p` of a sample, from what the blocks add to it."""
    exchanged, total = drawn.exchanged[:, columns] @ groups, (drawn.old[0, columns] + drawn.new[0, columns]) @ groups
    share = total / total.sum()
    away = exchanged - exchanged.sum(axis=1, keepdims=True) * share
    away -= away.mean(axis=0)
    blocks, few = len(exchanged), drawn.few
    squares = np.square(away).sum(axis=0) * few * (blocks - few) / max(blocks * (blocks - 1.0), 1.0)
    present = share > 0.0
    return float((squares[present] / share[present]).sum())
