"""Call sites: operations of a model that consume a parameter, in the order of a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["CallSite", "Measured", "joined", "steps_of"]


@dataclass(frozen=True)
class CallSite:
    """An operation of one forward pass that consumes a parameter, and the energy of its outputs.

    Attributes
    ----------
    name : str
        Path of the module that owns the parameter; of parameters of the model itself their name.
    kind : str
        "dense", "convolution", "transposed convolution", "embedding", "recurrent", "norm", "scale", "shift", "joined"
        or "other".
    parameters : tuple of str
        Names of the parameters that it consumes, the weight first; each by its first name in the model.
    calls : int
        Operations that are summed: the steps of a recurrent layer, else 1.
    rows : int
        Rows m of which the outputs are; 1 for outputs that do not depend on the inputs of the model.
    units : float
        Outputs of one row, over all axes but that of the rows.
    energy : float
        Sum of the squared outputs divided by m, or its expectation over the layer's own weights given its input.
    averaged : bool
        Whether it is that expectation.
    parts : tuple of (str, int, int)
        Parameters of which it uses a part: the first element, and that after the last.
    step : bool
        Whether it is in a step of a recurrent layer of Keras, whose operations are joined over steps.
    """

    name: str
    kind: str
    parameters: tuple[str, ...]
    calls: int
    rows: int
    units: float
    energy: float
    averaged: bool
    parts: tuple[tuple[str, int, int], ...] = ()
    step: bool = False


def steps_of(sites: Sequence[CallSite]) -> list[list[int]]:
    """Return the numbers of the call sites that are one layer: the same operation in each step, else one alone."""
    groups: dict[Any, list[int]] = {}
    for number, site in enumerate(sites):
        key = (site.name, site.kind, site.parameters, site.parts) if site.step else number
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def joined(sites: Sequence[CallSite]) -> CallSite:
    """Return the call sites of one layer as one."""
    if len(sites) == 1:
        return sites[0]
    return replace(
        sites[0],
        calls=sum(site.calls for site in sites),
        units=sum(site.units for site in sites),
        energy=sum(site.energy for site in sites),
        averaged=all(site.averaged for site in sites),
    )


@dataclass(frozen=True)
class Measured:
    """A line of the result: a call site, its energy over the draws with its standard error, and the method.

    `neglected` is the size of the relative error of a closed form.
    """

    site: CallSite
    energy: float
    standard_error: float
    method: str
    neglected: float = 0.0
