"""Mean energies and their derivatives, by every method."""

from __future__ import annotations

from typing import Any

from pyrometer.base import RandomSource, validate
from pyrometer.thermodynamics._system import Evaluated, System, require_system

__all__ = ["evaluate", "require"]


def require(system: System, law: Any, method: str) -> None:
    """Raise an error if the law does not match the system, or the system has no such method."""
    require_system(system)
    system.check_method(system.bind(law), method)


def evaluate(
    system: System, law: Any, method: str, samples: int, rng: RandomSource, threads: int | None, *, slope: bool
) -> Evaluated:
    """Mean energy and, if `slope`, its derivative dE/d ln sigma with respect to a common factor of all scales."""
    require_system(system)
    return system.mean_energies(system.bind(law), method, samples, rng, validate.threads(threads), slope=slope)
