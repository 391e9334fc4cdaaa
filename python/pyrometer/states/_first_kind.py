"""Temperature of the first kind of a batch: that of a system trained on it, under a law of its parameters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pyrometer.base import Array, mixed_of, validate
from pyrometer.laws import Law
from pyrometer.linear import system_of
from pyrometer.losses import LOSSES
from pyrometer.states._columns import LABEL
from pyrometer.states._data_state import DataState
from pyrometer.states._named_column import split
from pyrometer.states._of_columns import OfColumns
from pyrometer.states._predictions import SYSTEMS, codes_of, labels_of_model
from pyrometer.states._row_weights import RowWeights
from pyrometer.thermodynamics import temperature

__all__ = ["first_kind"]


def first_kind(model: Any, law: Law | None, reference: DataState, X: Any, y: Any, weights: Any) -> tuple[float, str]:
    """Return the temperature of rows (X, y); and why it is nan, or the messages of its warnings.

    The system has the classes, the intercept, the penalty and the columns of the model, where that is a system or has
    one. Beside other models it has the columns of numbers that are complete in the reference, and the intercept of an
    estimator.
    """
    if law is None:
        return np.nan, ""
    if y is None:
        return np.nan, "temperature: needs X and y of the batch, and a monitor with a model."
    loss, like = reference.loss, model if isinstance(model, SYSTEMS) else getattr(model, "system", None)
    names = ("intercept", "penalty") if isinstance(like, SYSTEMS) else ()
    options = {name: getattr(like, name) for name in names if hasattr(like, name)}
    options = options or {"intercept": bool(getattr(model, "fit_intercept", True))}
    X, weights = split(X, "weights", weights)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            given, codes = RowWeights.of(weights, X=X, y=y), codes_of(model, loss)
            X, y = given.taken(X, -2), given.taken(y, -1)
            target = y if codes is None else codes(y, np.float64)
            labels = _classes(labels_of_model(model, loss), reference, target) if LOSSES[loss].classes else None
            if isinstance(model, OfColumns):
                X = model.numbers(X)
            elif like is not model:
                X = _numbers(X, reference)
            system = system_of(loss, X, target, weights=weights, labels=labels, **options)
            hot = temperature(system, law)
        except (TypeError, ValueError) as error:
            return np.nan, f"temperature: {error}"
    notes = [str(warning.message) for warning in caught]
    if not np.isfinite(hot.value):
        notes.append(str(hot.verdict))
    return float(hot.value) if np.isfinite(hot.value) else np.nan, "; ".join(f"temperature: {note}" for note in notes)


def _classes(labels: tuple[Any, ...] | None, reference: DataState, target: Any) -> tuple[int, ...]:
    """Return the numbers of all classes: of the model's labels, or those up to the largest that occurs."""
    if labels is not None:
        return tuple(range(len(labels)))
    counted = reference.columns.of(LABEL)
    occurring = *(() if counted is None else counted.values), np.max(np.asarray(target))
    return tuple(range(int(max(occurring)) + 1))


def _numbers(X: Any, reference: DataState) -> Any:
    """Return the columns of numbers that the reference has complete, with its means in the place of missing ones."""
    columns, mixed = reference.columns, mixed_of("X", X, known=True)
    if mixed is None and not columns.fill and len(columns.places) == reference.features:
        return X
    numbers = validate.matrix("X", X)[0] if mixed is None else mixed.numbers
    places = tuple(range(reference.features)) if mixed is None else mixed.places
    complete: list[Array] = []
    for place, mean in zip(columns.places, reference.sums.centre, strict=False):
        if place not in columns.fill:
            own = numbers[:, places.index(place)] if place in places else np.full(len(numbers), mean)
            complete.append(np.where(np.isnan(own), mean, own))
    return np.column_stack(complete) if complete else np.empty((len(numbers), 0))
