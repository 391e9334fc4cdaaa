"""Penalties, which are added to the energy of a system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from pyrometer.base import described, validate

__all__ = ["L1", "L2", "Penalty", "not_a_penalty"]


@dataclass(frozen=True)
class _Penalty:
    r"""Common fields of L1 and L2: a weight, and whether the intercept is penalised."""

    lam: float
    intercept: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", validate.single("lam", self.lam, minimum=0.0))
        validate.flag("intercept", self.intercept)


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

# Penalties by the names of options and classes of other libraries.
_CALLS = {"l1": "L1", "lasso": "L1", "l2": "L2", "ridge": "L2"}


def not_a_penalty(value: Any) -> TypeError:
    """Return the error for a value that is no penalty, with the one that may be meant."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        hint = f"did you mean pm.L2({value})?"
    else:
        word = value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)
        name = _CALLS.get(word.lower())
        hint = f"did you mean pm.{name}(0.1)?" if name else "such as pm.L2(0.1)."
    return TypeError(f"penalty must be pm.L1(lam), pm.L2(lam) or None, got {described(value)}; {hint}")
