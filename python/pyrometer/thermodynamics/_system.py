"""What the general theory asks of a system: a few questions, which every kind of system answers for itself."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeGuard

import numpy as np

from pyrometer.base import Array, RandomSource
from pyrometer.results import Estimate, Minimum

__all__ = ["Batched", "Evaluated", "System", "is_law", "is_system", "require_system"]


_ZERO = np.zeros(())


class Evaluated(NamedTuple):
    """A mean energy, its derivative dE/dln sigma with a standard error, and the share of one draw in the error."""

    estimate: Estimate
    slope: Array
    slope_error: Array = _ZERO
    dominated: Array = _ZERO


class Batched(Protocol):
    """A law, or a law that has been bound to the parameters of a system: one, or a batch of them."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws; ``()`` for a single one."""


class System(Protocol):
    """A model, its data and its loss. `bound` is what `bind` made of a law, and of no concern to anyone else."""

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
        """Whether every system of a stack and every law of a batch has the bits that it would have alone."""

    def members(self, first: int, last: int) -> System:
        """Systems `first` to `last` of the flattened stack, as a stack of one axis."""

    def bind(self, law: Any) -> Batched:
        """Bind a law to the parameters; TypeError or ValueError where it does not describe them."""

    def check_method(self, bound: Any, method: str) -> str:
        """Return the method that runs, which for "auto" is another one; ValueError where there is none."""

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
        """Minimum energy, and what there is to warn of; None where the trained energy is the user's to give."""

    def cost(self, law: Any, method: str, samples: int) -> float:
        """Nanoseconds for one system and one law, by order of magnitude."""


_QUESTIONS = [name for name in vars(System) if not name.startswith("_")]


def is_system(value: Any) -> TypeGuard[System]:
    """Whether `value` answers every question of `System`."""
    return not isinstance(value, type) and all(hasattr(value, name) for name in _QUESTIONS)


def is_law(value: Any) -> TypeGuard[Batched]:
    """Whether `value` is a law."""
    return not isinstance(value, type) and hasattr(value, "batch_shape")


def require_system(value: Any) -> None:
    """Raise TypeError unless `value` answers every question of `System`."""
    if not is_system(value):
        raise TypeError(
            f"system must be a LinearRegression, LogisticRegression or Network, got {type(value).__name__}."
        )
