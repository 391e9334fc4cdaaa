"""The rows of Tables 2 and 3: to add a system is to add a `Case`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.laws import Law, Mixed, Normal, Uniform
from pyrometer.systems import L1, L2, Penalty

__all__ = ["CASES", "Case", "Scales"]

_Array: TypeAlias = npt.NDArray[np.float64]

SIGMAS_PER_LENGTH = 6.0
"""A uniform law "similar" to a normal one has its 3-sigma range: L = 6 sigma, (3.17) and (3.26)."""


@dataclass(frozen=True)
class Scales:
    """What the tables are asked for: a standard deviation, a length and a penalty's weight, for n parameters."""

    sigma: float
    length: float
    lam: float
    parameters: int

    @property
    def normals(self) -> int:
        """How many of the parameters a mixed law draws from the normal one: the first half, rounded up."""
        return (self.parameters + 1) // 2

    def widths(self, law: str) -> tuple[_Array, _Array]:
        """Standard deviations of the n parameters, and the widths whose logarithms are the limit of their entropies."""
        sigma = np.full(self.parameters, self.sigma)
        length = np.full(self.parameters, self.length)
        if law == "normal":
            return sigma, sigma
        if law == "uniform":
            return length / np.sqrt(12.0), length
        deviations = np.where(np.arange(self.parameters) < self.normals, sigma, length / np.sqrt(12.0))
        return deviations, deviations


@dataclass(frozen=True)
class Case:
    """One row: a system and a law, the equations of its temperature, and the limit's formula.

    ``componentwise`` is what each parameter alone adds to the limit energy, of its standard deviation and of the mean
    square of its feature, (n,) each.
    """

    section: str
    energy: str
    law: str
    equations: str
    limit_equation: str
    formula: str
    penalty: Callable[[float], Penalty] | None = None
    componentwise: Callable[[_Array, _Array, float], _Array] = lambda deviations, squares, _: deviations**2 * squares

    def describe(self, scales: Scales) -> Law:
        """Return the law at the given scales."""
        if self.law == "normal":
            return Normal(scales.sigma)
        if self.law == "uniform":
            return Uniform(scales.length)
        k = scales.normals
        return Mixed([scales.sigma] * k, [scales.length] * (scales.parameters - k))

    def exists(self, scales: Scales) -> bool:
        """A mixed law needs two parameters."""
        return self.law != "mixed" or scales.parameters > 1


def _ridge(deviations: _Array, squares: _Array, lam: float) -> _Array:
    result: _Array = deviations**2 * (squares + lam)
    return result


CASES = (
    Case("3.1", "MSE", "normal", "3.2, 3.8-3.10", "3.11", "σ²/(n ln σ) Σ⟨x_j²⟩"),
    Case("3.2", "MSE", "uniform", "3.13, 3.18, 3.19", "3.20", "L²/(12 n ln L) Σ⟨x_j²⟩"),
    Case("3.3", "MSE", "mixed", "3.22-3.24", "3.25, 3.26", "Σ s_j²⟨x_j²⟩ / Σ ln s_j, s_j = σ or L/√12"),
    Case("3.4", "MSE + L1", "normal", "3.2, 3.27", "3.29", "σ²/(n ln σ) Σ⟨x_j²⟩", L1),
    Case("3.4", "MSE + L2", "normal", "3.2, 3.28", "3.30", "σ²/(n ln σ) Σ(⟨x_j²⟩ + λ)", L2, _ridge),
    Case("3.4", "MSE + L1", "uniform", "3.13, 3.31", "3.33", "L²/(12 n ln L) Σ⟨x_j²⟩", L1),
    Case("3.4", "MSE + L2", "uniform", "3.13, 3.32", "3.34", "L²/(12 n ln L) Σ(⟨x_j²⟩ + λ)", L2, _ridge),
)
