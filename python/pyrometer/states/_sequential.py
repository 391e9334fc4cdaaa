"""The test of a batch at about a tenth of the cost of all permutations, most of which it does not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyrometer.states._pair import Pair
from pyrometer.states._permuted import compared

if TYPE_CHECKING:
    from pyrometer.states._data_state import DataState

__all__ = ["FIRST", "sequential"]

FIRST = 99  # permutations of the first stage
ENOUGH = 0.2  # the p-value above which they are enough
_STAGES = ((FIRST, ENOUGH), (319, 0.04))
_MOST = 8  # blocks of the larger sample that change hands for each of the smaller


def sequential(
    old: DataState,
    new: DataState,
    resamples: int,
    seed: tuple[int, int],
    inflation: float = 1.0,
    first: float | None = None,
) -> float:
    """p-value of two states, of few permutations if these give one above all levels of interest, else of more.

    The probability of a p-value of at most alpha is at most alpha: up to the threshold of a stage only the later ones
    give it, and each alone has that property; above the threshold it is that of the stage. `first` is the p-value of
    the first stage, if that is known.
    """
    if first is not None and first > ENOUGH:
        return first
    pair, p_value = Pair.of(old, new), 1.0
    for count, enough in (*_STAGES[first is not None :], (resamples, 0.0)):
        if count < resamples or not enough:
            found = compared(pair.tables, old.law, count, seed, 0, pair.marginals, inflation=inflation, most=_MOST)
            p_value = 1.0 if found is None else found.p_value
            if p_value > enough:
                break
    return p_value
