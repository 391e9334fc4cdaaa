"""Minima of the softmax cross entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyrometer import _core
from pyrometer.data import Scanned
from pyrometer.linear._closed_form import Array
from pyrometer.linear._minima import ENOUGH_DIGITS, of_rows, unclosed
from pyrometer.results import Minimum

__all__ = ["lowest"]


def lowest(system: Any, threads: int) -> tuple[Minimum, Warning | None]:
    """Return the minimum, and a warning if there is one."""
    if system.scanned is None:
        X, y = system.stacked_rows()
        weights = system.stacked_weights()
    else:
        X, y, weights = _of_few(system.scanned)
    solve = _of_two_classes if system.classes == 2 else _of_classes
    value, parameters, gap, attained, rank = solve(system, X, y, threads, weights)
    minimum, complaint = of_rows(system.shape, value, parameters, gap, attained, rank, "newton")
    digits = np.asarray(minimum.digits).reshape(-1)
    lost = np.flatnonzero(digits < ENOUGH_DIGITS)
    if complaint is None and lost.size:
        worst = lost[np.argmin(digits[lost])]
        complaint = unclosed(digits[lost], gap[lost], X[worst], system.intercept, small=False)
    return minimum, complaint


def _of_few(scanned: Scanned) -> tuple[Any, Any, Any]:
    """Return the rows of a source that its sample holds completely; ValueError for more."""
    if not scanned.complete:
        raise ValueError(
            f"the minimum of softmax regression needs the rows in memory, and {scanned.rows.source} has more than a "
            "sample holds: read them, SoftmaxRegression(X, y)."
        )
    weights = scanned.sample_weights()
    return scanned.X[None], scanned.y[None], None if weights is None else weights[None]


def _of_classes(system: Any, X: Any, y: Any, threads: int, weights: Array | None) -> tuple[Any, ...]:
    return _core.softmax(X, y, system.classes, system.intercept, threads, weights)[:5]


def _of_two_classes(system: Any, X: Any, y: Any, threads: int, weights: Array | None) -> tuple[Any, ...]:
    """Logistic regression, with half of its parameters for each class."""
    error = np.empty((len(X), system.columns))
    value, parameters, gap, attained, rank = _core.logistic(X, y, system.intercept, threads, error, weights)[:5]
    return value, np.concatenate([-0.5 * parameters, 0.5 * parameters], axis=-1), gap, attained, rank
