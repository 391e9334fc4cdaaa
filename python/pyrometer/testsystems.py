"""Toy systems that know their answers: for tests, for documentation, and for checking an installation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _validate
from pyrometer.systems import LinearRegression

__all__ = ["OrthogonalRegression"]


@dataclass(frozen=True)
class OrthogonalRegression:
    r"""A linear regression with orthogonal features of mean square 1, whose every number is a short formula.

    The features are columns of +1 and -1 (Hadamard's), orthogonal to each other, to the constant feature and to the
    noise, so :math:`y = \sum_j w_j x_j + \tau e` with :math:`\overline{x_jx_k} = \delta_{jk}` and
    :math:`\overline{e^2} = 1`.

    Parameters
    ----------
    weights : tuple of float
        The true parameters :math:`w_j` of the p features.
    noise : float
        :math:`\tau`, at least 0; the minimum energy is its square.

    Examples
    --------
    >>> import pyrometer as pm
    >>> toy = pm.testsystems.OrthogonalRegression(weights=(1.0, 2.0), noise=0.5)
    >>> toy.minimum_energy, toy.mean_energy(10.0)       # 3 parameters: 3 * 100 + 1 + 4 + 0.25
    (0.25, 305.25)
    >>> pm.mean_energy(toy.system(), pm.Normal(10.0)).value
    305.25
    """

    weights: tuple[float, ...]
    noise: float

    def __post_init__(self) -> None:
        if len(self.weights) == 0:
            raise ValueError("weights must have at least one value, got none.")
        _validate.single("noise", self.noise, minimum=0.0)

    @property
    def parameters(self) -> int:
        """Number of parameters n: one for each feature, and the intercept."""
        return len(self.weights) + 1

    def data(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Features (m, p) and target (m,), with m the least power of 2 above p + 1."""
        design = np.ones((1, 1))
        while design.shape[0] < len(self.weights) + 2:
            design = np.block([[design, design], [design, -design]])
        X = np.ascontiguousarray(design[:, 1 : len(self.weights) + 1])
        return X, X @ np.asarray(self.weights) + self.noise * design[:, len(self.weights) + 1]

    def system(self) -> LinearRegression:
        """Describe the system, squared error, with intercept."""
        return LinearRegression(*self.data())

    @property
    def minimum_energy(self) -> float:
        r"""The minimum energy :math:`\tau^2`."""
        return self.noise**2

    def mean_energy(self, scale: float) -> float:
        r"""Mean energy under ``Normal(scale)``, :math:`n\sigma^2 + |w|^2 + \tau^2`."""
        return self.parameters * scale**2 + math.fsum(w**2 for w in self.weights) + self.noise**2

    def energy_variance(self, scale: float) -> float:
        r"""Variance of the energy under ``Normal(scale)``, :math:`4|w|^2\sigma^2 + 2n\sigma^4`."""
        return 4.0 * math.fsum(w**2 for w in self.weights) * scale**2 + 2.0 * self.parameters * scale**4

    def temperature(self, scale: float) -> float:
        r"""Temperature under ``Normal(scale)``, :math:`(n\sigma^2 + |w|^2) / (n(\ln\sigma + h))`."""
        entropy = self.parameters * (math.log(scale) + 0.5 * math.log(2.0 * math.pi * math.e))
        return (self.mean_energy(scale) - self.minimum_energy) / entropy
