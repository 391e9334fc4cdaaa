"""The statistics of rows that densities are fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """Features, residuals, and the statistic `inner` of p(y | x), as in `Measured`."""

    x: Array
    residual: Array
    inner: Array

    def __getitem__(self, chosen: npt.NDArray[Any]) -> Rows:
        return Rows(self.x[chosen], self.residual[chosen], self.inner[chosen])

    def __add__(self, other: Rows) -> Rows:
        return Rows(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("x", "residual", "inner"))
        )
