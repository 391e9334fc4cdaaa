"""Temperature of the second kind between a batch and the one before (2.9)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pyrometer.states._cells import places_in_cells
from pyrometer.states._data_state import DataState
from pyrometer.states._row_sums import in_range

__all__ = ["Neighbour"]

_RESAMPLES = 99  # for the standard error of an entropy


class Neighbour(NamedTuple):
    """The batch that the next one is compared with."""

    energy: float
    entropy: float
    variance: float

    @classmethod
    def of(cls, state: DataState, source: np.random.SeedSequence) -> Neighbour:
        if places_in_cells(state.columns):  # its entropy is not that of values
            return cls(state.energy, state.entropy, np.nan)
        variance = state.covariance(_RESAMPLES, source)[1, 1]
        return cls(state.energy, state.entropy, float(variance))

    def temperature(self, before: Neighbour) -> float:
        """T (2.9) from the one before, nan unless the entropy has changed by twice its standard error."""
        change = self.entropy - before.entropy
        clear = abs(change) > 2.0 * np.sqrt(self.variance + before.variance)
        return in_range((self.energy - before.energy) / change, 0) if clear else np.nan
