"""The records of the losses.

A record has the properties of a loss. Computations are in the layers that perform them, in tables by the same records:
minima and mean energies in `linear`, densities of a state in `states`. A test refuses a loss that one of these tables
lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyrometer.base import LARGER_SCALE, validate

__all__ = ["ABSOLUTE", "LOGISTIC", "LOSSES", "SOFTMAX", "SQUARED", "Loss", "loss_named"]


@dataclass(frozen=True, eq=False)
class Loss:
    """Properties of a loss.

    Parameters
    ----------
    name : str
        The value of `energy` that selects it.
    title : str
        Its name in a sentence.
    unit : str
        Unit of the energy, with ``{target}`` for that of the target.
    labels : bool
        Whether targets are 0 or 1 and predictions are probabilities; else both are real numbers.
    classes : bool
        Whether targets are labels of two or more classes, with parameters for each.
    moments : bool
        Whether second moments of the rows are all that the energy needs.
    penalties : bool
        Whether an L1 or L2 penalty may be added.
    too_small : str
        What to do where energies underflow, as part of a sentence.
    """

    name: str
    title: str
    unit: str
    labels: bool = False
    classes: bool = False
    moments: bool = False
    penalties: bool = False
    too_small: str = LARGER_SCALE

    @property
    def categorical(self) -> bool:
        """Whether targets are labels, of two or more classes, and predictions are probabilities."""
        return self.labels or self.classes

    def __reduce__(self) -> tuple[Any, ...]:
        return loss_named, (self.name,)


_LESS_CERTAIN = "use a smaller scale or smaller constants, under which the labels are predicted with less certainty"

SQUARED = Loss("mse", "squared error", "({target})^2", moments=True, penalties=True)
ABSOLUTE = Loss("mae", "absolute error", "{target}")
LOGISTIC = Loss("ce", "cross entropy", "nat", labels=True, too_small=_LESS_CERTAIN)
SOFTMAX = Loss("softmax", "softmax cross entropy", "nat", classes=True, too_small=_LESS_CERTAIN)

LOSSES = {loss.name: loss for loss in (SQUARED, ABSOLUTE, LOGISTIC, SOFTMAX)}

# What other libraries call them.
_ELSEWHERE = {
    **dict.fromkeys(("mean_squared_error", "squared_error", "squared", "rmse", "l2", "quadratic"), "mse"),
    **dict.fromkeys(("mean_absolute_error", "absolute_error", "absolute", "l1"), "mae"),
    **dict.fromkeys(("cross_entropy", "crossentropy", "binary_crossentropy", "log_loss", "logistic", "bce"), "ce"),
}


def loss_named(name: Any, among: tuple[Loss, ...] | None = None, *, what: str = "energy") -> Loss:
    """Return the loss of a name; ValueError, with the names of those that may be, if it is none `among` them."""
    loss = LOSSES.get(name) if isinstance(name, str) else None
    if loss is None or (among is not None and loss not in among):
        return LOSSES[validate.choice(what, name, tuple(loss.name for loss in among or LOSSES.values()), _ELSEWHERE)]
    return loss
