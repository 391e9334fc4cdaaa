"""Mean energies and their derivatives, by every method."""

from __future__ import annotations

from typing import Any

from pyrometer.base import RandomSource, validate
from pyrometer.thermodynamics._system import Evaluated, System, require_system

__all__ = ["bind", "evaluate", "require"]


def bind(system: System, law: Any) -> Any:
    """Bind a law to the parameters of a system; TypeError or ValueError if it is none, or they do not match."""
    require_system(system)
    return system.bind(law)


def require(system: System, law: Any, method: str) -> None:
    """Raise an error if the law does not match the system, or the system has no such method."""
    system.check_method(bind(system, law), method)


def evaluate(
    system: System, bound: Any, method: str, samples: int, rng: RandomSource, threads: int | None, *, slope: bool
) -> Evaluated:
    """Mean energy and, if `slope`, its derivative dE/d ln sigma with respect to a common factor of all scales.

    `bound` is the law as `bind` returns it.
    """
    return system.mean_energies(bound, method, samples, rng, validate.threads(threads), slope=slope)
