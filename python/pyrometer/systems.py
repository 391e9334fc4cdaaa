"""Systems: a model, its data and its energy, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from pyrometer import _validate
from pyrometer.moments import Moments

__all__ = ["L1", "L2", "LinearRegression", "Penalty", "System"]


@dataclass(frozen=True)
class _Penalty:
    r"""What L1 and L2 share: a weight, and whether the intercept is weighed too."""

    lam: float
    intercept: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", _validate.single("lam", self.lam, minimum=0.0))
        _validate.flag("intercept", self.intercept)


@dataclass(frozen=True)
class L1(_Penalty):
    r"""Adds :math:`\lambda \sum_j |\theta_j|` to the energy (2.20).

    Parameters
    ----------
    lam : float
        The weight :math:`\lambda`, finite and >= 0, in units of the loss per unit of the parameters.
    intercept : bool
        Whether the sum includes the intercept, as the paper's does.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.L1(0.1)
    L1(lam=0.1, intercept=True)
    """


@dataclass(frozen=True)
class L2(_Penalty):
    r"""Adds :math:`\lambda \sum_j \theta_j^2` to the energy (2.21); no factor 1/2.

    Parameters
    ----------
    lam : float
        The weight :math:`\lambda`, finite and >= 0, in units of the loss per squared unit of the parameters.
    intercept : bool
        Whether the sum includes the intercept, as the paper's does.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.L2(0.1, intercept=False)
    L2(lam=0.1, intercept=False)
    """


Penalty: TypeAlias = L1 | L2


@dataclass(frozen=True, eq=False, repr=False)
class LinearRegression:
    r"""A linear model with squared-error energy, :math:`E = \frac1m\sum_i (y_i - \sum_j\theta_j x_{ij})^2` (3.7).

    Parameters
    ----------
    X : array_like or data frame, shape (m, p) or (..., m, p)
        Features, one row per example; finite, real. Leading axes are a stack of systems.
    y : array_like or column, shape (m,) or (..., m)
        Targets, finite, real.
    energy : {"mse"}
        The loss.
    penalty : L1 or L2, optional
        Added to the energy of every state, the trained one included.
    intercept : bool
        Whether the model has a constant feature. Its parameter is the last, random like the others and counted in n.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], penalty=pm.L2(0.1))
    <LinearRegression: 3 rows, 2 parameters with intercept, energy='mse', penalty=L2(lam=0.1, intercept=True)>
    """

    X: npt.NDArray[Any] | None
    y: npt.NDArray[Any] | None
    energy: str
    penalty: Penalty | None
    moments: Moments

    def __init__(
        self, X: Any, y: Any, *, energy: str = "mse", penalty: Penalty | None = None, intercept: bool = True
    ) -> None:
        _validate.choice("energy", energy, ("mse",))
        data = _validate.data(X, y)
        moments = Moments._of(data, intercept=_validate.flag("intercept", intercept), threads=0)
        self._describe(data.X, data.y, energy, penalty, moments)

    @classmethod
    def from_moments(cls, moments: Moments, *, penalty: Penalty | None = None) -> LinearRegression:
        """Describe a system by its second moments alone (squared error only)."""
        if not isinstance(moments, Moments):
            raise TypeError(f"moments must be a Moments, got {type(moments).__name__}; make one with Moments.of(X, y).")
        system = cls.__new__(cls)
        system._describe(None, None, "mse", penalty, moments.copy())
        return system

    def _describe(self, X: Any, y: Any, energy: str, penalty: Penalty | None, moments: Moments) -> None:
        if penalty is not None and not isinstance(penalty, (L1, L2)):
            raise TypeError(f"penalty must be L1(lam), L2(lam) or None, got {penalty!r}.")
        if moments.parameters == 0:
            raise ValueError("a system must have at least one parameter, got no features and intercept=False.")
        for name, value in (("X", X), ("y", y), ("energy", energy), ("penalty", penalty), ("moments", moments)):
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack of systems; ``()`` for a single one."""
        return self.moments.shape

    @property
    def rows(self) -> int:
        """Number of rows m of each system."""
        return self.moments.count

    @property
    def intercept(self) -> bool:
        """Whether the model has a constant feature."""
        return self.moments.intercept

    @property
    def parameters(self) -> int:
        """Number of parameters n, the intercept included."""
        return self.moments.parameters

    @property
    def penalised(self) -> int:
        """How many of the parameters, from the first, the penalty weighs."""
        if self.penalty is None:
            return 0
        return self.parameters - (self.intercept and not self.penalty.intercept)

    def __repr__(self) -> str:
        stack = f"{self.shape} systems of " if self.shape else ""
        penalty = f", penalty={self.penalty!r}" if self.penalty is not None else ""
        return (
            f"<LinearRegression: {stack}{self.rows} rows, {self.parameters} parameters"
            f"{' with intercept' if self.intercept else ''}, energy={self.energy!r}{penalty}>"
        )


System: TypeAlias = LinearRegression


def require_system(system: Any) -> None:
    """Raise TypeError unless `system` is one."""
    if not isinstance(system, LinearRegression):
        raise TypeError(f"system must be a LinearRegression, got {type(system).__name__}.")
