"""Laws broadcast over the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.laws import LAYER_CALLS, NORMAL, UNIFORM, Family, Independent, logarithms, not_a_law
from pyrometer.networks._initialisations import Scaled

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["LayerSpread", "layers"]

_Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LayerSpread:
    """A law broadcast over the layers of a network, each array of shape (..., L).

    ``weight`` and ``bias`` are standard deviations or lengths of intervals, according to `family`; 0 means no bias.
    ``leading`` is the scale in the leading term of the entropy: with the scaling (5.32) it is sigma, not sigma_l.
    """

    weight: _Array
    bias: _Array
    leading: _Array
    family: Family

    @property
    def uniform(self) -> bool:
        """Whether the core draws uniform numbers; ValueError for a family that it does not have."""
        if self.family is not NORMAL and self.family is not UNIFORM:
            raise ValueError(f"law must be normal or uniform for a network, got {self.family.name}.")
        return self.family is UNIFORM

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.weight.shape[:-1]

    def variances(self) -> tuple[_Array, _Array]:
        """Variances of the weights and of the biases of each layer."""
        divisor = self.family.precision
        with np.errstate(over="ignore"):
            return self.weight**2 / divisor, self.bias**2 / divisor

    def flat(self) -> tuple[_Array, _Array]:
        """Weights and biases as (laws, L), C-contiguous."""
        layers = self.weight.shape[-1]
        return tuple(np.ascontiguousarray(a.reshape(-1, layers)) for a in (self.weight, self.bias))  # type: ignore[return-value]

    def normal(self) -> LayerSpread:
        """Return the normal law of the same variances."""
        if self.family is NORMAL:
            return self
        ratio = self.family.ratio
        return LayerSpread(self.weight / ratio, self.bias / ratio, self.leading, NORMAL)

    def times(self, factor: _Array) -> LayerSpread:
        """All scales multiplied by each of k factors, shape (k, ..., L)."""
        factors = factor.reshape(-1, *(1,) * self.weight.ndim)
        return LayerSpread(factors * self.weight, factors * self.bias, factors * self.leading, self.family)

    def selected(self, which: npt.NDArray[np.bool_]) -> LayerSpread:
        """The selected laws of the batch, shape (k, L)."""
        return LayerSpread(self.weight[which], self.bias[which], self.leading[which], self.family)

    def entropies(self, counts: _Array, resolution: float, *, leading: bool) -> _Array:
        """Entropy of each layer in nats, given its number of parameters; with `leading` only its leading term."""
        result = logarithms(self.leading if leading else self.weight, resolution)
        if not leading:
            result = result + self.family.entropy
        return counts * result


def layers(law: Any, network: Network) -> LayerSpread:
    """Broadcast `law` over the layers of `network`; TypeError or ValueError if it does not match."""
    count = len(network.widths) - 1
    segments: Any = () if isinstance(law, type) else getattr(law, "segments", ())
    if isinstance(law, Scaled):
        fan_in, fan_out = np.array(network.widths[:-1], float), np.array(network.widths[1:], float)
        fan = 0.5 * (fan_in + fan_out) if law._average else fan_in
        width = law._width()[..., None]
        scale, leading, family = width / np.sqrt(fan), np.broadcast_to(width, (*law.batch_shape, count)), law._family
    elif len(segments) == 1:
        ((family, given),) = segments
        if not family.random or isinstance(law, Independent):
            raise not_a_law("law", law, LAYER_CALLS)
        if given.ndim and given.shape[-1] not in (1, count):
            raise ValueError(
                f"law must have 1 or {count} scales on its last axis, one for each layer of the network, got shape "
                f"{given.shape}; a batch of laws goes on leading axes, e.g. scale[:, None]."
            )
        scale = leading = np.ascontiguousarray(np.broadcast_to(given, (*given.shape[:-1], count)))
    else:
        raise not_a_law("law", law, LAYER_CALLS)
    scale = np.ascontiguousarray(scale)
    if not (np.isfinite(scale) & (scale > 0.0)).all():
        layer = int(np.argwhere(~(np.isfinite(scale) & (scale > 0.0)))[0][-1]) + 1
        raise ValueError(
            f"law must give every layer a finite scale > 0, got an overflow or underflow for layer {layer}; change the "
            "gain."
        )
    return LayerSpread(scale, scale if network.bias else np.zeros_like(scale), np.ascontiguousarray(leading), family)
