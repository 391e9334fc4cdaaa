"""What tensors of a forward pass stem from: parameters, inputs of the model, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch.multiprocessing.reductions import StorageWeakRef

__all__ = ["ACTIVATION", "CONSTANT", "ByStorage", "Entry", "Origin", "joint"]

_Held = TypeVar("_Held")
_expired = torch.UntypedStorage._expired


@dataclass(frozen=True)
class Origin:
    """What a tensor stems from.

    Attributes
    ----------
    parameters : frozenset of str
        Parameters of which it is a function, if it is one of parameters and constants alone: a derived weight.
    activation : bool
        Whether it stems from inputs of the model, or from an operation that consumed a parameter.
    data : bool
        Whether it stems from inputs of the model.
    kept : bool
        Whether it stems from a buffer: parameters times it are derived weights, as in spectral normalisation.
    """

    parameters: frozenset[str] = frozenset()
    activation: bool = False
    data: bool = False
    kept: bool = False

    @property
    def weight(self) -> bool:
        """Whether it is a parameter or a function of parameters and constants alone."""
        return bool(self.parameters) and not self.activation


CONSTANT = Origin()
ACTIVATION = Origin(activation=True, data=True)
"""An input of the model."""


def joint(origins: list[Origin]) -> Origin:
    """Return the origin of what an operation makes of tensors of these origins."""
    first = CONSTANT
    for origin in origins:
        if origin is first or origin is CONSTANT:
            continue
        if first is not CONSTANT:
            break
        first = origin
    else:
        return first
    parameters = frozenset[str]().union(*(origin.parameters for origin in origins))
    activation = any(origin.activation for origin in origins)
    return Origin(
        frozenset() if activation else parameters,
        activation,
        any(origin.data for origin in origins),
        any(origin.kept for origin in origins),
    )


@dataclass(frozen=True)
class Entry:
    """A storage that holds the outputs of a call site, unchanged.

    Attributes
    ----------
    site : int
        Number of the call site.
    module : tuple of int
        The call of the module in which it is.
    outputs : int
        Number of outputs.
    biased : bool
        Whether a bias has been added.
    centred : bool
        Whether the outputs have mean zero given the parameters of all other call sites.
    averaged : float or None
        Expected sum of the squared outputs over the weights, without a bias that is added later.
    weight : list of tuple of int, optional
        Random numbers of the weight, as of `Expectation.elements`.
    """

    site: int
    module: tuple[int, int]
    outputs: int
    biased: bool
    centred: bool
    averaged: float | None
    weight: list[tuple[int, int, int]] | None = None


class ByStorage(Generic[_Held]):
    """What is known of storages, which views share; `default` where nothing is."""

    def __init__(self, default: _Held) -> None:
        self._default = default
        self._held: dict[int, tuple[StorageWeakRef, _Held]] = {}

    def __getitem__(self, tensor: Any) -> _Held:
        held = self._held.get(tensor.untyped_storage()._cdata)
        return self._default if held is None or _expired(held[0].cdata) else held[1]

    def __setitem__(self, tensor: Any, value: _Held) -> None:
        storage = tensor.untyped_storage()
        self._held[storage._cdata] = StorageWeakRef(storage), value

    def drop(self, tensor: Any) -> None:
        """Forget a storage that an operation has written."""
        self._held.pop(tensor.untyped_storage()._cdata, None)
