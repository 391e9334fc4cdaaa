"""One record for each family of distributions: its moments and entropy at unit scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FAMILIES", "NORMAL", "NORMAL_ENTROPY", "UNIFORM", "Family"]

_Array = npt.NDArray[np.float64]

NORMAL_ENTROPY = 0.5 * np.log(2.0 * np.pi * np.e)
"""h, the entropy of a standard normal parameter in nats; that of a uniform one of unit length is 0."""


@dataclass(frozen=True)
class Family:
    """A family of symmetric distributions of zero mean with a scale: a standard deviation or a length.

    Attributes
    ----------
    name : str
        Name in the core.
    precision : float
        Squared scale divided by the variance.
    mean_abs : float
        Mean absolute value at scale 1: (3.27), (3.31).
    cubed : callable
        Mean cubed absolute value as a function of the scale.
    kurtosis : float
        Excess kurtosis.
    entropy : float
        Differential entropy at scale 1, in nats.
    """

    name: str
    precision: float
    mean_abs: float
    cubed: Callable[[_Array], _Array]
    kurtosis: float
    entropy: float

    @property
    def ratio(self) -> float:
        """Scale divided by the standard deviation."""
        return float(np.sqrt(self.precision))


_FOLDED = float(np.sqrt(2.0 / np.pi))

NORMAL = Family("normal", 1.0, _FOLDED, lambda s: 2.0 * (s * _FOLDED) * s**2, 0.0, float(NORMAL_ENTROPY))
UNIFORM = Family("uniform", 12.0, 0.25, lambda s: s**3 / 32.0, -1.2, 0.0)

FAMILIES = {family.name: family for family in (NORMAL, UNIFORM)}
"""All families by name."""
