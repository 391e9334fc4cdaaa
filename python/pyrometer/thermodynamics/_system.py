"""The protocol of a system: what the general theory requires of every kind of system."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeGuard

import numpy as np

from pyrometer.base import Array, RandomSource, described
from pyrometer.results import Estimate, Minimum

__all__ = ["Batched", "Evaluated", "Single", "System", "is_law", "is_system", "not_a_system", "require_system"]


_ZERO = np.zeros(())


class Evaluated(NamedTuple):
    """A mean energy, dE/d ln sigma with its standard error, and the largest share of one draw in the variance."""

    estimate: Estimate
    slope: Array
    slope_error: Array = _ZERO
    tails: Array = _ZERO


class Batched(Protocol):
    """A law or a batch of laws, possibly bound to the parameters of a system."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws; ``()`` for a single one."""


class Single(Batched, Protocol):
    """A single law, whose results are numbers."""

    @property
    def batch_shape(self) -> tuple[()]:
        """``()``."""


class System(Protocol):
    """A model, its data and its loss. `bound` is the result of `bind`, which only the system itself interprets."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack of systems; ``()`` for a single one."""

    @property
    def rows(self) -> int:
        """Number of rows m of each system."""

    @property
    def parameters(self) -> int:
        """Number of parameters n."""

    @property
    def loss(self) -> str:
        """Name of the loss, as tables show it."""

    @property
    def separable(self) -> bool:
        """Whether results are independent, bit for bit, of the other members of a stack and of a batch."""

    def members(self, first: int, last: int) -> System:
        """Systems from `first` to before `last` of the flattened stack, as a stack of one axis."""

    def bind(self, law: Any) -> Batched:
        """Bind a law to the parameters; TypeError or ValueError if it does not match them."""

    def random_parameters(self, bound: Any) -> int:
        """Number of parameters that are random under a law, which temperatures are for."""

    def check_method(self, bound: Any, method: str) -> str:
        """Return the method used, which resolves "auto"; ValueError if there is none."""

    def mean_energies(
        self, bound: Any, method: str, samples: int, rng: RandomSource, threads: int, *, slope: bool
    ) -> Evaluated:
        """Mean energy, of shape stack + batch, and its derivative along the logarithm of all scales (2.11)."""

    def draw_energies(self, bound: Any, draws: range, key: tuple[int, int], threads: int) -> Array:
        """Energies of the draws, shape stack + batch + (draws,); draw k is the same in any range."""

    def draw_parameters(self, bound: Any, samples: int, key: tuple[int, int]) -> Array:
        """Parameters of the first draws, shape batch + (samples, n)."""

    def energy_variances(self, bound: Any) -> Array:
        """Variance of the energy in closed form, shape stack + batch; ValueError where there is no formula."""

    def entropy_parts(self, bound: Any, resolution: float, *, leading: bool) -> Array:
        """Entropy of each part of the system, shape batch + (parts,), or its leading term for wide laws."""

    def least_energy(self, threads: int) -> tuple[Minimum, Warning | None] | None:
        """Minimum energy and a warning, if any; None if the trained energy must be given by the user."""

    def cost(self, law: Any, method: str, samples: int) -> float:
        """Approximate time for one system and one law, in nanoseconds."""


_MEMBERS = [name for name in vars(System) if not name.startswith("_")]


def is_system(value: Any) -> TypeGuard[System]:
    """Whether `value` has all members of `System`."""
    kind: Any = type(value)
    return not isinstance(value, type) and (_defines_members(kind) or all(hasattr(value, name) for name in _MEMBERS))


@lru_cache(maxsize=64)
def _defines_members(kind: type) -> bool:
    """Whether a class has all members of `System`; an instance may have others."""
    return all(hasattr(kind, name) for name in _MEMBERS)


def is_law(value: Any) -> TypeGuard[Batched]:
    """Whether `value` is a law."""
    return not isinstance(value, type) and hasattr(value, "batch_shape")


def require_system(value: Any) -> None:
    """Raise TypeError unless `value` has all members of `System`."""
    if not is_system(value):
        kinds = "a LinearRegression, a LogisticRegression, a SoftmaxRegression or a Network"
        raise not_a_system("system", value, kinds)


_CALLS = {
    "LinearRegression": "pm.LinearRegression(X, y)",
    "LogisticRegression": "pm.LogisticRegression(X, y)",
    "SoftmaxRegression": "pm.SoftmaxRegression(X, y)",
    "Network": "pm.Network(X, y, hidden=(16,))",
}
_MEANT = {
    **_CALLS,
    **dict.fromkeys(("SGDRegressor", "OLS"), _CALLS["LinearRegression"]),
    "Ridge": "pm.LinearRegression(X, y, penalty=pm.L2(lam))",
    "Lasso": "pm.LinearRegression(X, y, penalty=pm.L1(lam))",
    "QuantileRegressor": "pm.LinearRegression(X, y, energy='mae')",
    **dict.fromkeys(("SGDClassifier", "Logit"), _CALLS["LogisticRegression"]),
    "MNLogit": _CALLS["SoftmaxRegression"],
    **dict.fromkeys(("MLPRegressor", "Sequential", "Module"), _CALLS["Network"]),
    "Pipeline": "pm.LinearRegression(X, y), where X is transformed by its first steps",
    "Moments": "pm.LinearRegression.from_moments(moments)",
}
"""The call that describes the system of a model, by the name of its class in any library."""


def not_a_system(argument: str, value: Any, kinds: str) -> TypeError:
    """Return the error for a value that is no system of these kinds, with the call that may be meant."""
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    meant = _MEANT.get(name, "")
    offered = [call for kind, call in _CALLS.items() if kind in kinds]
    if not any(meant.startswith(call.partition("(")[0]) for call in offered):
        meant = " or ".join(offered)
    return TypeError(f"{argument} must be {kinds}, got {described(value)}; use {meant}.")
