"""Toy systems with closed-form results, for tests, documentation, and checking an installation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import validate
from pyrometer.linear import LinearRegression

__all__ = ["Barometric", "MovingObserver", "OrthogonalRegression"]


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
        validate.single("noise", self.noise, minimum=0.0)

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


@dataclass(frozen=True)
class MovingObserver:
    r"""Velocities of a gas at rest, in one dimension, relative to an observer who moves with velocity u (C.8)-(C.14).

    The observer's states :math:`v' = v - u` have the energy :math:`\tfrac12mv'^2` and the metric
    :math:`e^{-m u v'/T}`; Boltzmann's constant is 1.

    Parameters
    ----------
    mass, temperature : float
        m and T, above 0.
    velocity : float
        u.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> seen = pm.testsystems.MovingObserver(mass=1.0, temperature=1.0, velocity=0.5)
    >>> v = np.linspace(-8.0, 8.0, 1001)
    >>> weights = pm.boltzmann(seen.energy(v), seen.temperature, metric=seen.metric(v))
    >>> round(float(weights @ v), 6)
    -0.5
    """

    mass: float
    temperature: float
    velocity: float

    def __post_init__(self) -> None:
        validate.single("mass", self.mass, minimum=0.0, exclusive=True)
        validate.single("temperature", self.temperature, minimum=0.0, exclusive=True)
        validate.single("velocity", self.velocity)

    def energy(self, velocity: npt.ArrayLike) -> npt.NDArray[np.float64]:
        r"""Energy :math:`\tfrac12mv'^2` of the velocities that the observer sees."""
        return np.asarray(0.5 * self.mass * np.square(np.asarray(velocity, dtype=np.float64)))

    def metric(self, velocity: npt.ArrayLike) -> npt.NDArray[np.float64]:
        r"""Metric :math:`e^{-m u v'/T}` of those velocities (C.14)."""
        return np.exp(-self.mass * self.velocity / self.temperature * np.asarray(velocity, dtype=np.float64))

    @property
    def mean_metric(self) -> float:
        r"""Mean of the metric over a gas at rest, :math:`e^{m u^2/2T}`."""
        return math.exp(self.mass * self.velocity**2 / (2.0 * self.temperature))


@dataclass(frozen=True)
class Barometric:
    r"""Heights of molecules in an atmosphere of one temperature (C.1), (C.7): :math:`p \propto e^{-mgh/T}`.

    Parameters
    ----------
    mass, gravity, temperature : float
        m, g and T, above 0; Boltzmann's constant is 1.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.testsystems.Barometric(mass=2.0, gravity=10.0, temperature=5.0).mean_height
    0.25
    """

    mass: float
    gravity: float
    temperature: float

    def __post_init__(self) -> None:
        for name in ("mass", "gravity", "temperature"):
            validate.single(name, getattr(self, name), minimum=0.0, exclusive=True)

    def energy(self, height: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Energy m g h."""
        return np.asarray(self.mass * self.gravity * np.asarray(height, dtype=np.float64))

    def density(self, height: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Density relative to that at height 0."""
        return np.exp(-self.energy(height) / self.temperature)

    @property
    def mean_height(self) -> float:
        """Mean height T / (m g)."""
        return self.temperature / (self.mass * self.gravity)
