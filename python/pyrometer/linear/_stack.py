"""Single systems of squared error as one stack, whose results are those of the single systems bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyrometer.data import Moments
from pyrometer.linear._systems import LinearRegression

__all__ = ["joined", "numbers_of", "stack_key"]


def stack_key(system: Any) -> Any:
    """Return a key that is equal for systems that form a stack; None for a system that does not.

    Other losses take milliseconds, and keep what they have computed with the system.
    """
    if type(system) is not LinearRegression or system.moments is None or system.shape or system.rescaled:
        return None
    form = system.moments.stack_key()
    rows = None if system.X is None else (system.X.dtype, system.X.flags.c_contiguous)
    return None if form is None else (form, rows, system.penalty)


def numbers_of(system: Any) -> int:
    """Return how many numbers a member of a stack copies."""
    columns = system.moments.mean.shape[-1]
    return int(columns * (columns + 10 + (0 if system.X is None else system.rows)))


def joined(systems: Sequence[Any]) -> LinearRegression:
    """Return systems of one `stack_key` as a stack; their numbers are copied."""
    first: LinearRegression = systems[0]
    stack = LinearRegression.from_moments(
        Moments.stacked([system.moments for system in systems]), penalty=first.penalty
    )
    if first.X is not None:
        object.__setattr__(stack, "X", np.stack([system.X for system in systems]))
        object.__setattr__(stack, "y", np.stack([system.y for system in systems]))
    return stack
