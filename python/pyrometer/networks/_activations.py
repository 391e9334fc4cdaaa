"""Activations: one record each, with the constants of phi in the formulas. The core has a table of the same names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["ACTIVATIONS", "LEAK", "Activation", "ActivationRecord"]

Activation: TypeAlias = str | Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
"""The name of an activation, or a function of arrays."""

_SELU, _SELU_BELOW = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

LEAK = 0.01
"""Slope of "leaky_relu" for negative z."""


@dataclass(frozen=True)
class ActivationRecord:
    """Values and limits of an activation phi.

    Parameters
    ----------
    at_zero : float
        phi(0).
    slopes : tuple of float
        Limits of phi(z)/z for z to minus and plus infinity.
    limits : tuple of float, optional
        Limits of phi(z) for z to minus and plus infinity, where both are finite.
    slope_at_zero : float or tuple of float, optional
        phi'(0), or the two one-sided derivatives, below 0 first; None for those in `slopes`.
    homogeneous : bool
        Whether phi is positively homogeneous: slopes[0] z for all negative z, slopes[1] z for all positive z.
    """

    at_zero: float
    slopes: tuple[float, float]
    limits: tuple[float, float] | None = None
    slope_at_zero: float | tuple[float, float] | None = None
    homogeneous: bool = False

    @property
    def second_moment(self) -> float:
        """E phi(z)^2 / E z^2 for symmetric z: exact if `homogeneous`, else the limit of wide laws; 0 if bounded."""
        return 0.5 * (self.slopes[1] ** 2 + self.slopes[0] ** 2)

    @property
    def fourth_moment(self) -> float:
        """E phi(z)^4 / (E z^2)^2 for normal z, likewise."""
        return 1.5 * (self.slopes[1] ** 4 + self.slopes[0] ** 4)

    @property
    def linear(self) -> bool:
        """Whether phi is the identity."""
        return self.homogeneous and self.slopes[0] == self.slopes[1]

    @property
    def rectifies(self) -> bool:
        """Whether phi(z) is 0 for every negative z."""
        return self.homogeneous and self.slopes[0] == 0.0

    @property
    def saturation(self) -> float | None:
        """Limit of E phi(z)^2 for wide symmetric laws of z, r of (5.7); None if phi is unbounded."""
        return None if self.limits is None else 0.5 * (self.limits[1] ** 2 + self.limits[0] ** 2)

    @property
    def near_zero(self) -> float | None:
        """E phi(z)^2 / E z^2 for narrow laws of z, where phi(0) = 0; None elsewhere."""
        if self.at_zero != 0.0:
            return None
        if self.slope_at_zero is None:
            return self.second_moment
        if isinstance(self.slope_at_zero, tuple):
            return 0.5 * (self.slope_at_zero[1] ** 2 + self.slope_at_zero[0] ** 2)
        return self.slope_at_zero**2


ACTIVATIONS = {
    "tanh": ActivationRecord(0.0, (0.0, 0.0), limits=(-1.0, 1.0), slope_at_zero=1.0),
    "sigmoid": ActivationRecord(0.5, (0.0, 0.0), limits=(0.0, 1.0), slope_at_zero=0.25),
    "relu": ActivationRecord(0.0, (0.0, 1.0), homogeneous=True),
    "identity": ActivationRecord(0.0, (1.0, 1.0), slope_at_zero=1.0, homogeneous=True),
    "erf": ActivationRecord(0.0, (0.0, 0.0), limits=(-1.0, 1.0), slope_at_zero=2.0 / float(np.sqrt(np.pi))),
    "leaky_relu": ActivationRecord(0.0, (LEAK, 1.0), homogeneous=True),
    "gelu": ActivationRecord(0.0, (0.0, 1.0), slope_at_zero=0.5),
    "silu": ActivationRecord(0.0, (0.0, 1.0), slope_at_zero=0.5),
    "softplus": ActivationRecord(float(np.log(2.0)), (0.0, 1.0), slope_at_zero=0.5),
    "elu": ActivationRecord(0.0, (0.0, 1.0), slope_at_zero=1.0),
    "selu": ActivationRecord(0.0, (0.0, _SELU), slope_at_zero=(_SELU * _SELU_BELOW, _SELU)),
    "mish": ActivationRecord(0.0, (0.0, 1.0), slope_at_zero=0.6),
    "hardswish": ActivationRecord(0.0, (0.0, 1.0), slope_at_zero=0.5),
    "hardtanh": ActivationRecord(0.0, (0.0, 0.0), limits=(-1.0, 1.0), slope_at_zero=1.0),
}
