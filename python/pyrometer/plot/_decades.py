"""Ticks of logarithmic axes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

__all__ = ["decades"]


@cache
def decades() -> Any:
    """Return the class of the ticks of a logarithmic axis, without those beyond doubles, of which NumPy would warn."""
    from matplotlib.ticker import LogLocator

    class Decades(LogLocator):
        def tick_values(self, vmin: float, vmax: float) -> Any:
            with np.errstate(over="ignore", under="ignore"):
                ticks = np.asarray(super().tick_values(vmin, vmax))
            return ticks[np.isfinite(ticks) & (ticks > 0.0)]

    Decades.__qualname__ = "Decades"  # where pickles of figures find it
    return Decades


def __getattr__(name: str) -> Any:
    if name == "Decades":
        return decades()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
