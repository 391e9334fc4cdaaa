"""One record for each loss of networks: its targets, and its mean energies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, RandomSource
from pyrometer.losses import LOGISTIC, SQUARED
from pyrometer.networks import _arguments, _cross_entropy, _layer_energies
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.thermodynamics import Evaluated

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["NETWORK_LOSSES", "NetworkLoss"]


class _Data(NamedTuple):
    """Inputs and targets as the loss needs them, the labels of classes, and the number of outputs."""

    inputs: npt.NDArray[Any]
    targets: npt.NDArray[Any] | None
    classes: tuple[Any, ...] | None
    outputs: int


class _Evaluate(Protocol):
    def __call__(
        self,
        network: Network,
        spread: LayerSpread,
        method: str,
        samples: int,
        rng: RandomSource,
        threads: int,
        *,
        slope: bool,
    ) -> Evaluated: ...


@dataclass(frozen=True)
class NetworkLoss:
    """How networks of a loss are computed.

    Parameters
    ----------
    title : str
        The loss in tables.
    data : callable
        Checks inputs, targets and the number of outputs.
    require : callable
        Resolves a method; ValueError if there is no energy by it.
    evaluate : callable
        Mean energy, and its derivative along the logarithm of all scales.
    draws : callable
        Energies of a range of draws.
    exists : callable
        Whether the energy has an exact method.
    squared : bool
        Whether the energy is that of the last layer plus the mean square of the targets.
    """

    title: str
    data: Callable[[npt.NDArray[Any], Any, int | None], _Data]
    require: Callable[[Network, LayerSpread, str], str]
    evaluate: _Evaluate
    draws: Callable[[Network, LayerSpread, range, tuple[int, int], int], Array]
    exists: Callable[[Network, LayerSpread], bool]
    squared: bool = False


def _numbers(inputs: npt.NDArray[Any], y: Any, outputs: int | None) -> _Data:
    inputs, targets, last = _arguments.targets(inputs, y, outputs)
    return _Data(inputs, targets, None, last)


def _labels(inputs: npt.NDArray[Any], y: Any, outputs: int | None) -> _Data:
    targets, classes, last = _arguments.labels(y, len(inputs), outputs)
    return _Data(inputs, targets, classes, last)


def _of_last_layer(
    network: Network,
    spread: LayerSpread,
    method: str,
    samples: int,
    rng: RandomSource,
    threads: int,
    *,
    slope: bool,
) -> Evaluated:
    layered = _layer_energies.energies(network, spread, method, samples, rng, threads)
    if slope:
        return network.last_layer(spread, layered, _layer_energies.slopes(network, spread, layered, threads))
    undefined = np.full_like(layered.energy, np.nan)
    return network.last_layer(spread, layered, _layer_energies.Slopes(undefined, undefined))


NETWORK_LOSSES = {
    SQUARED.name: NetworkLoss(
        "network",
        _numbers,
        _layer_energies.require,
        _of_last_layer,
        _layer_energies.spectrum,
        _layer_energies.exists,
        squared=True,
    ),
    LOGISTIC.name: NetworkLoss(
        f"network {LOGISTIC.name}",
        _labels,
        _cross_entropy.require,
        _cross_entropy.evaluated,
        _cross_entropy.spectrum,
        _cross_entropy.exists,
    ),
}
"""The losses by the values of `energy`."""
