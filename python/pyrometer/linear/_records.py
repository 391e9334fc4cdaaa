"""One record for each loss of linear systems: mean energies, their variance, the minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pyrometer.laws import Spread
from pyrometer.linear import _minimise, _minimise_rows, _row_losses, _squared_error
from pyrometer.linear._closed_form import Array, Closed
from pyrometer.linear._softmax_energies import SOFTMAX as _SOFTMAX
from pyrometer.losses import ABSOLUTE, LOGISTIC, SOFTMAX, SQUARED
from pyrometer.results import Minimum

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["LINEAR", "LinearLoss", "MeanEnergies"]


class MeanEnergies(Protocol):
    """Mean energies and draws of a linear system."""

    def exact(self, system: LinearSystem, parameters: Spread, threads: int, *, slope: bool) -> Closed:
        """Mean energy in closed form or within its bound, with its slope dE/dln sigma along a common factor."""

    def limit(self, system: LinearSystem, parameters: Spread, threads: int) -> Closed:
        """Limit of wide laws."""

    def componentwise(self, system: LinearSystem, parameters: Spread, threads: int) -> Array:
        """Sum over parameters of the one-parameter limits, the paper's form of the limit."""

    def is_closed(self, system: LinearSystem, parameters: Spread) -> bool:
        """Whether `exact` has a formula for the law, of moderate cost; else slopes are sampled with the energies."""

    def sample(
        self,
        system: LinearSystem,
        parameters: Spread,
        draws: range,
        seed: tuple[int, int],
        threads: int,
    ) -> tuple[Array, Array]:
        """Mean over draws and its standard error, shape (systems, laws)."""

    def energies(
        self, system: LinearSystem, parameters: Spread, draws: range, seed: tuple[int, int], threads: int
    ) -> Array:
        """Energies of draws, shape (systems, laws, draws)."""


@dataclass(frozen=True)
class LinearLoss:
    """How linear systems of a loss are computed."""

    mean: MeanEnergies
    minimum: Callable[[LinearSystem, int], tuple[Minimum, Warning | None]]
    variance: Callable[[LinearSystem, Spread], Array] | None = None
    """Variance of the energy; None where there is no formula."""


LINEAR: dict[str, LinearLoss] = {
    SQUARED.name: LinearLoss(_squared_error, _minimise.lowest, _squared_error.variance),
    ABSOLUTE.name: LinearLoss(_row_losses.ABSOLUTE, _minimise_rows.ABSOLUTE),
    LOGISTIC.name: LinearLoss(_row_losses.CROSS_ENTROPY, _minimise_rows.LOGISTIC),
    SOFTMAX.name: LinearLoss(_SOFTMAX, _minimise_rows.SOFTMAX),
}
