"""A state from an argument: a state, a pair (X, y), or X alone."""

from __future__ import annotations

from typing import Any, Literal

from pyrometer.base import described
from pyrometer.states._data_state import DataState, checked_block
from pyrometer.states._densities import Density, checked_density
from pyrometer.states._predictions import NO_LOSS, Model, loss_of, predicted

__all__ = ["as_state"]


def as_state(
    name: str,
    value: Any,
    model: Model,
    energy: str | None,
    block: int | Literal["auto"],
    density: Density = "gaussian",
    *,
    names: tuple[str, ...] | None = None,
    like: DataState | None = None,
    strict: bool = True,
    prediction: Any = None,
    weights: Any = None,
    lead: int | None = None,
) -> DataState:
    """Return a state, made of a pair (X, y), or X without a model, if it is not one yet; errors begin with its name.

    `names` are for messages where X has none. Unless it is strict, rows without energy or entropy are no error; the
    state has the reason then. X must have as many columns as `like`. `lead` is for batches of a monitor: the rows that
    complete the block which began before them.
    """
    if isinstance(value, DataState):
        if weights is not None and not isinstance(weights, str):
            raise ValueError(f"{name} must be rows with weights=, got a DataState; pass weights= to DataState instead.")
        if strict and value.reason:
            raise ValueError(f"{name}: {value.reason}")
        return value
    loss = loss_of(model, energy, prediction)
    alone = loss == NO_LOSS
    if alone and isinstance(value, tuple):
        raise TypeError(f"{name} must be a DataState or X alone without a model, got a tuple; give model= for (X, y).")
    if not alone and (not isinstance(value, (tuple, list)) or len(value) != 2):
        raise TypeError(f"{name} must be a DataState or a pair (X, y), got {described(value)}.")
    state = DataState.__new__(DataState)
    try:
        X, y = (value, None) if alone else value
        data = predicted(X, y, model, energy, like.features if like else None, prediction, weights)
        data = data._replace(names=data.names or names or None)
        state._summarise(data, checked_block(block), checked_density(density), like, lead)
        if strict:
            state._require_numbers()
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"{name}: {error}") from error
    return state
