"""The test of a batch at about a tenth of the cost of all permutations, most of which it does not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyrometer.states._pair import Pair
from pyrometer.states._permuted import tested

if TYPE_CHECKING:
    from pyrometer.states._data_state import DataState

__all__ = ["sequential"]

_STAGES = ((39, 0.2), (319, 0.04))  # permutations, and the p-value above which they are enough
_MOST = 8  # blocks of the larger sample that change hands for each of the smaller


def sequential(old: DataState, new: DataState, resamples: int, seed: tuple[int, int], inflation: float = 1.0) -> float:
    """p-value of two states, of few permutations if these give one above all levels of interest, else of more.

    The probability of a p-value of at most alpha is at most alpha: up to the threshold of a stage only the later ones
    give it, and each alone has that property; above the threshold it is that of the stage.
    """
    pair = Pair.of(old, new)
    marginals = pair.marginals if pair.marginals.adds else None
    for count, enough in (*_STAGES, (resamples, 0.0)):
        if count < resamples or not enough:
            found = tested(
                pair.tables, old.law, count, seed, 0, marginals, inflation=inflation, most=_MOST
            )
            p_value = 1.0 if found is None else found.p_value
            if p_value > enough:
                break
    return p_value
