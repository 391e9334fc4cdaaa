"""The rows of Tables 2 and 3: to add a system is to add a `Case`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyrometer.laws import Law, Mixed, Normal, Uniform
from pyrometer.linear import L1, L2, Penalty, System, system_of
from pyrometer.losses import ABSOLUTE, LOGISTIC, SOFTMAX, SQUARED

__all__ = ["CASES", "Case", "Scales"]

SIGMAS_PER_LENGTH = 6.0
"""A uniform law corresponds to the 3-sigma range of a normal one: L = 6 sigma, (3.17) and (3.26)."""


@dataclass(frozen=True)
class Scales:
    """Arguments of the tables: a standard deviation, a length and a penalty weight, for n parameters."""

    sigma: float
    length: float
    lam: float
    parameters: int

    @property
    def normals(self) -> int:
        """Number of normal parameters of a mixed law: the first half, rounded up."""
        return (self.parameters + 1) // 2


def _mixed(scales: Scales) -> Mixed:
    k = scales.normals
    return Mixed([scales.sigma] * k, [scales.length] * (scales.parameters - k))


_LAWS: dict[str, Callable[[Scales], Law]] = {
    "normal": lambda scales: Normal(scales.sigma),
    "uniform": lambda scales: Uniform(scales.length),
    "mixed": _mixed,
}
_LOSSES = {
    "MSE": SQUARED,
    "MSE + L1": SQUARED,
    "MSE + L2": SQUARED,
    "MAE": ABSOLUTE,
    "CE": LOGISTIC,
    "softmax": SOFTMAX,
}


@dataclass(frozen=True)
class Case:
    """One row: a system and a law, the equations of its temperature, and the limit in the paper.

    ``limit`` is the limit for growing scales where it differs from the formula of the paper, a sum over parameters.
    """

    section: str
    loss: str
    law: str
    equations: str
    limit_equation: str
    formula: str
    limit: str = "the same"
    penalty: Callable[[float], Penalty] | None = None

    @property
    def logistic(self) -> bool:
        """Whether the model is logistic."""
        return _LOSSES[self.loss].labels

    @property
    def target(self) -> str:
        """What the target must be: "numbers", "two" labels, 0 and 1, or "classes", three or more."""
        loss = _LOSSES[self.loss]
        return "two" if loss.labels else "classes" if loss.classes else "numbers"

    def system(self, X: Any, y: Any, intercept: bool, lam: float, weights: Any = None) -> System:
        """Return the system of this row."""
        penalty = self.penalty(lam) if self.penalty is not None else None
        return system_of(_LOSSES[self.loss].name, X, y, intercept=intercept, penalty=penalty, weights=weights)

    def describe(self, scales: Scales) -> Law:
        """Return the law at the given scales."""
        return _LAWS[self.law](scales)

    def exists(self, scales: Scales) -> bool:
        """Whether there are enough parameters: a mixed law needs two."""
        return self.law != "mixed" or scales.parameters > 1


_NORMAL, _UNIFORM = "√(2/π) σ⟨‖x‖⟩/(n ln σ)", "L⟨c(x)⟩/(n ln L), c(x) = E|Σ x_j U_j|, U in [-½, ½]"

_OURS = "not in the paper"

CASES = (
    Case("3.1", "MSE", "normal", "3.2, 3.8-3.10", "3.11", "σ²/(n ln σ) Σ⟨x_j²⟩"),
    Case("3.2", "MSE", "uniform", "3.13, 3.18, 3.19", "3.20", "L²/(12 n ln L) Σ⟨x_j²⟩"),
    Case("3.3", "MSE", "mixed", "3.22-3.24", "3.25, 3.26", "Σ s_j²⟨x_j²⟩ / Σ ln s_j, s_j = σ or L/√12"),
    Case("3.4", "MSE + L1", "normal", "3.2, 3.27", "3.29", "σ²/(n ln σ) Σ⟨x_j²⟩", penalty=L1),
    Case("3.4", "MSE + L2", "normal", "3.2, 3.28", "3.30", "σ²/(n ln σ) Σ(⟨x_j²⟩ + λ)", penalty=L2),
    Case("3.4", "MSE + L1", "uniform", "3.13, 3.31", "3.33", "L²/(12 n ln L) Σ⟨x_j²⟩", penalty=L1),
    Case("3.4", "MSE + L2", "uniform", "3.13, 3.32", "3.34", "L²/(12 n ln L) Σ(⟨x_j²⟩ + λ)", penalty=L2),
    Case("3.5", "MAE", "normal", "3.2, 3.35", "3.39", "√(2/π) σ/(n ln σ) Σ⟨|x_j|⟩", _NORMAL),
    Case("3.5", "MAE", "uniform", "3.13, 3.42", "3.45", "L/(4 n ln L) Σ⟨|x_j|⟩", _UNIFORM),
    Case("4.1", "CE", "normal", "3.2, 4.3", "4.10", "σ/(√(2π) n ln σ) Σ⟨|x_j|⟩", f"½ {_NORMAL}"),
    Case("4.2", "CE", "uniform", "3.13, 4.11", "4.14", "L/(8 n ln L) Σ⟨|x_j|⟩", f"½ {_UNIFORM}"),
    Case("4.1", "softmax", "normal", _OURS, _OURS, "m_C σ⟨‖x‖⟩/(C n ln σ), m_C = E max of C standard normals"),
)
