r"""Which counted column has moved, by likelihood ratios of its shares (not in the paper).

The statistic is :math:`G^2 = 2 \sum O \ln(O/E)`, over the values of both samples, in units of its mean over all
permutations of the blocks. For rows without weights it is chi-square with one degree of freedom less than values if
these are frequent, and :math:`\exp(-G^2/2)` is also the order of the probability of the largest differences that a few
rows of a rare value can have. The divergence of shares does not have this property: where a sample lacks a rare value
it depends on the smoothing, and is large in a permutation out of a few.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._counted import beside_missing
from pyrometer.states._marginals import Marginals, some_at_once
from pyrometer.states._permuted import Dealt, single_values

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

    Flops: some ten for each value of each column in each permutation. Memory: a few megabytes.
    """
    missing, missing_freedom = np.zeros((len(drawn.old), marginals.d)), np.zeros(marginals.d)
    for i, (column, _) in marginals.missing.items():
        missing[:, i], missing_freedom[i] = _ratio(drawn, partial(_presence, column=column))
    counts, freedom = np.zeros((len(drawn.old), len(marginals.counted))), np.zeros(len(marginals.counted))
    for k, place in enumerate(marginals.slices):
        counts[:, k], freedom[k] = _ratio(drawn, partial(_gathered, place=place, single=single_values(drawn, place)))
    return CountRatios(missing, missing_freedom, counts, freedom)


def _presence(table: Array, column: int) -> Array:
    return beside_missing(table[:, 0], table[:, column])


def _gathered(table: Array, place: slice, single: npt.NDArray[np.bool_]) -> Array:
    """Counts of values, but of those that are `single` together."""
    own = table[:, place]
    return np.column_stack([own[:, ~single], own[:, single].sum(axis=1)]) if single.any() else own


def _ratio(drawn: Dealt, counts: Callable[[Array], Array]) -> tuple[Array, float]:
    """Ratios (r,) of shares in the counts that a function takes from tables, and their degrees of freedom."""
    exchanged, share = counts(drawn.exchanged), np.empty(0)
    ratio, inverse = np.empty(len(drawn.old)), np.empty(len(drawn.old))
    for some in some_at_once(len(ratio), exchanged.shape[1]):
        old, new = counts(drawn.old[some]), counts(drawn.new[some])
        if some.start == 0:
            share = (old[0] + new[0]) / (old[0] + new[0]).sum()
        sizes = old.sum(axis=1, keepdims=True), new.sum(axis=1, keepdims=True)
        inverse[some] = (1.0 / sizes[0] + 1.0 / sizes[1])[:, 0]
        ratio[some] = _excess(old, sizes[0] * share) + _excess(new, sizes[1] * share)
    unit = float(np.mean(inverse)) * _mean_square(exchanged, share, drawn.few) / max(len(share) - 1, 1)
    if not unit > 0.0:
        return np.zeros(len(ratio)), 0.0
    ratio /= unit
    ratio = np.where(ratio > _ZERO, ratio, 0.0)
    return ratio, 1.0 if len(share) == 2 else max(float(ratio.mean()), 1.0)


def _excess(counts: Array, expected: Array) -> Array:
    r"""Return :math:`2 \sum O \ln(O/E) - O + E` (r,), without cancellation."""
    away = np.where(expected > 0.0, (counts - expected) / np.where(expected > 0.0, expected, 1.0), 0.0)
    ratio = np.log1p(np.where(away > -1.0, away, 0.0))
    return np.asarray(2.0 * (expected * ((1.0 + away) * ratio - away)).sum(axis=1))


def _mean_square(exchanged: Array, share: Array, few: int) -> float:
    r"""Mean over all permutations of :math:`\sum (O - E)^2/p` of a sample, from what the blocks add to it."""
    away = exchanged - exchanged.sum(axis=1, keepdims=True) * share
    away -= away.mean(axis=0)
    blocks, present = len(exchanged), share > 0.0
    squares = np.square(away).sum(axis=0) * few * (blocks - few) / max(blocks * (blocks - 1.0), 1.0)
    return float((squares[present] / share[present]).sum())
