"""Arrays of doubles, and the refusal of what leaves their range."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "require_finite", "require_normal"]

Array: TypeAlias = npt.NDArray[np.float64]


def require_finite(value: Array) -> None:
    """Refuse an energy that left the range of a double."""
    if not np.isfinite(value).all():
        raise ValueError(
            "the energy must be below 1.8e308, got an overflow; use a smaller scale or rescale the features."
        )


def require_normal(value: Array, positive: npt.NDArray[np.bool_] | bool, what: str = "energy") -> None:
    """Refuse what is not 0 by its formula, where `positive` says so, but too small for a double with all its digits."""
    if (np.asarray(positive) & (np.abs(value) < np.finfo(float).tiny)).any():
        raise ValueError(
            f"the {what} must be above 2.2e-308, got an underflow; use a larger scale or rescale the features."
        )
