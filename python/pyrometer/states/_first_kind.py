"""Temperature of the first kind of a batch: that of a system trained on it, under a law of its parameters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pyrometer.base import mixed_of
from pyrometer.laws import Law
from pyrometer.linear import LinearRegression, LogisticRegression, system_of
from pyrometer.states._named_column import split
from pyrometer.thermodynamics import temperature

__all__ = ["first_kind"]


def first_kind(model: Any, law: Law | None, loss: str, X: Any, y: Any, weights: Any) -> tuple[float, str]:
    """Return the temperature of rows (X, y); and why it is nan, or the messages of its warnings."""
    if law is None or y is None:
        return np.nan, ""
    intercept = model.intercept if isinstance(model, (LinearRegression, LogisticRegression)) else True
    X, weights = split(X, "weights", weights)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            hot = temperature(system_of(loss, _numbers(X), y, intercept=intercept, weights=weights), law)
        except (TypeError, ValueError) as error:
            return np.nan, f"temperature: {error}"
    notes = [str(warning.message) for warning in caught]
    if not np.isfinite(hot.value):
        notes.append(str(hot.verdict))
    return float(hot.value) if np.isfinite(hot.value) else np.nan, "; ".join(f"temperature: {note}" for note in notes)


def _numbers(X: Any) -> Any:
    """Return X, or of a frame with categories or missing values the columns of numbers that are complete."""
    mixed = mixed_of("X", X, known=True)
    if mixed is None:
        return X
    return mixed.numbers[:, np.isfinite(mixed.numbers).all(axis=0)]
