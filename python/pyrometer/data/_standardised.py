"""Moments of standardised features, from those of the features."""

from __future__ import annotations

import numpy as np

from pyrometer.base import quoted
from pyrometer.data import _accuracy
from pyrometer.data._moments_state import State

__all__ = ["standardised"]

# By rounding, a constant column may have a relative standard deviation of a few eps.
_CONSTANT = 8.0 * np.finfo(np.float64).eps


@np.errstate(over="ignore", invalid="ignore")  # of error bounds, which mean then that all digits are lost
def standardised(state: State) -> State:
    """Return the state of features of mean 0 and variance 1; `state` has its accuracy."""
    assert state.accuracy is not None
    squares = np.diagonal(state.scatter, axis1=-2, axis2=-1)
    unit = np.sqrt(squares / state.total)
    constant = ~(unit > _CONSTANT * np.abs(state.mean))[..., :-1]
    if constant.any():
        j = int(np.argwhere(constant)[0][-1])
        name = quoted(state.names[j]) if state.names is not None else str(j)
        raise ValueError(f"features must not be constant to be standardised, got feature {name}; drop it.")
    unit[..., -1] = 1.0
    lost = _accuracy.lost(state.total, state.mean, state.scatter, state.accuracy)
    mean = state.mean.copy()
    mean[..., :-1] = 0.0
    scatter = state.scatter / unit[..., :, None] / unit[..., None, :]
    scatter = np.ldexp(scatter + np.swapaxes(scatter, -1, -2), -1)
    features = range(mean.shape[-1] - 1)
    scatter[..., features, features] = state.total
    low, sums, rounded, of_rounded, of_merging, least, most, smallest = np.moveaxis(state.accuracy.copy(), -2, 0)
    low[..., :-1] = 0.0
    if lost is not None:
        of_merging[..., :-1] += lost.scatter[..., :-1]  # the error of the standard deviation
    squared = [array / unit / unit for array in (rounded, of_rounded, of_merging, smallest)]
    ends = [(array - (state.mean - mean)) / unit for array in (least, most)]
    accuracy = np.stack([low, sums / unit, *squared[:3], *ends, squared[3]], axis=-2)
    return state._replace(mean=mean, scatter=scatter, accuracy=accuracy, scatter_low=None)
