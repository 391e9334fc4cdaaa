"""The test of a batch at about a tenth of the cost of all permutations, most of which it does not need."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FIRST", "MOST", "sequential"]

FIRST = 99  # permutations of the first stage
_ENOUGH = 0.2  # the p-value above which they are enough
_STAGES = ((FIRST, _ENOUGH), (319, 0.04))
MOST = 8  # blocks of the larger sample that are exchanged for each of the smaller, where speed counts


def sequential(test: Callable[[int], float], resamples: int, first: float | None = None) -> float:
    """p-value of a test, of few permutations if these give one above all levels of interest, else of more.

    `test` returns the p-value of a number of permutations; `first` is that of the first stage, if it is known. The
    probability of a p-value of at most alpha is at most alpha: up to the threshold of a stage only the later ones give
    it, and each alone has that property; above the threshold it is that of the stage.
    """
    if first is not None and first > _ENOUGH:
        return first
    p_value = 1.0
    for count, enough in (*_STAGES[first is not None :], (resamples, 0.0)):
        if count < resamples or not enough:
            p_value = test(count)
            if p_value > enough:
                break
    return p_value
