"""Moments of rows in one pass over them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Array, validate
from pyrometer.data import _accuracy
from pyrometer.data._moments_state import State
from pyrometer.data._row_sizes import rank_of, smallest_of_pass

__all__ = ["compared", "state_of"]


def state_of(data: validate.Data, *, intercept: bool, threads: int, alone: bool) -> State:
    """Return the moments of data; weights of extreme sizes are those of `data`, scaled.

    Where rows are not kept beside them (`alone`), they say in which columns large rows hide others.
    """
    *stack, m, p = data.X.shape
    X, y, weights, systems = data.X, data.y, data.weights, math.prod(stack)
    w = None if weights is None else weights.values.reshape(systems, m)
    X, y = (X.reshape(systems, m, p), y.reshape(systems, m)) if stack else (X[None], y[None])
    alone = alone and m > 1
    mean, scatter, once, ranks = _core.second_moments(X, y, threads, w, alone)
    total = m if weights is None else weights.total
    smallest = None
    if ranks is not None:
        smallest = smallest_of_pass(X, w, total, mean, scatter, ranks)
    mean, scatter = (array.reshape(*stack, *array.shape[1:]) if stack else array[0] for array in (mean, scatter))
    once = np.moveaxis(once.reshape(3, *stack, p + 1), 0, -2) if stack else once[:, 0]
    names = intercept, data.names, data.target
    if weights is not None:
        once = _accuracy.of_pass(total, mean, once, m, float(weights.values.max()))
    elif smallest is not None:
        once = _accuracy.of_pass(m, mean, once)
    if smallest is not None:
        once[..., -1, :] = smallest.reshape(mean.shape)
    if weights is None:
        return State(m, mean, scatter, *names, once)
    weight = None if isinstance(total, int) else weights.exact
    return State(total, mean, scatter, *names, once, None, m, weight)


def compared(state: State, X: npt.NDArray[Any], weights: Array | None) -> State:
    """Return the state of one pass over rows X (..., m, p) that says in which columns large rows hide others."""
    columns = state.mean.shape[-1]
    mean, scatter = state.mean.reshape(-1, columns), state.scatter.reshape(-1, columns, columns)
    ranks = rank_of(state.total, mean, scatter)
    rows, own = X.reshape(len(mean), *X.shape[-2:]), None if weights is None else weights.reshape(len(mean), -1)
    smallest = smallest_of_pass(rows, own, state.total, mean, scatter, ranks)
    if smallest is None:
        return state
    errors = state.accuracy
    assert errors is not None
    accuracy = (
        errors.copy() if errors.shape[-2] == _accuracy.ROWS else _accuracy.of_pass(state.total, state.mean, errors)
    )
    accuracy[..., -1, :] = smallest.reshape(state.mean.shape)
    return state._replace(accuracy=accuracy)
