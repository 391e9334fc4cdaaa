"""Laws broadcast over the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, broadcast, number_of
from pyrometer.laws import CONSTANT, LAYER_CALLS, Family, Independent, logarithms, not_a_law
from pyrometer.networks._initialisations import Scaled
from pyrometer.networks._layers import Layers
from pyrometer.networks._orthogonal import ORTHOGONAL, Orthogonal

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["LayerSpread", "layers"]

_Families: TypeAlias = tuple[Family, ...]


@dataclass(frozen=True)
class LayerSpread:
    """A law broadcast over the layers of a network, each array of shape (..., L).

    ``weight`` and ``bias`` are standard deviations, lengths of intervals or values of constants, according to the
    families of each layer; a bias of 0 means none, or that all start at 0, a weight of 0 the latter. ``leading`` and
    ``bias_leading`` are the scales in the leading term of the entropy: with the scaling (5.32) sigma, not sigma_l.
    ``counts`` are the numbers of random weights and of random biases of each layer, shape (2, L).
    """

    weight: Array
    bias: Array
    leading: Array
    bias_leading: Array
    weights: _Families
    biases: _Families
    counts: Array
    computed: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Results that are used more than once, by their name and the network."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.weight.shape[:-1]

    @cached_property
    def families(self) -> Array:
        """Codes of the families of weights and of biases in the core, and their scale^2 / mean square, shape (4, L).

        ValueError for a family that the core does not have.
        """
        for family in (*self.weights, *self.biases):
            if family.bound is None:
                raise ValueError(
                    "law must be of a family that the core has, normal, uniform, truncated normal, constant or "
                    f"orthogonal, for a network, got {family.name}."
                )
        precisions = [_each(part, "precision") for part in (self.weights, self.biases)]
        of_square = np.where(np.isinf(precisions), 1.0, precisions)
        return np.array([_each(self.weights, "bound"), _each(self.biases, "bound"), *of_square])

    @cached_property
    def random_parameters(self) -> npt.NDArray[np.int64]:
        """Number of random parameters of each layer, shape (L,)."""
        total: npt.NDArray[np.int64] = self.counts.sum(axis=0).astype(np.int64)
        return total

    @cached_property
    def shift(self) -> Array | None:
        """Constant biases of each layer, 0 where they are random; None if all of them are 0."""
        if not self.bias.any():
            return None
        values = np.where([family is CONSTANT for family in self.biases], self.bias, 0.0)
        return values if values.any() else None

    @cached_property
    def variances(self) -> tuple[Array, Array]:
        """Variances of the weights and of the biases of each layer; 0 for constants."""
        bias = np.where([family.random for family in self.biases], self.bias, 0.0)
        with np.errstate(over="ignore"):
            return self.weight**2 / _each(self.weights, "precision"), bias**2 / _each(self.biases, "precision")

    @cached_property
    def mean_squares(self) -> tuple[Array, Array]:
        """Means of the squares of the weights and of the biases of each layer."""
        weight, bias = self.variances
        if self.shift is None:
            return weight, bias
        with np.errstate(over="ignore"):
            return weight, bias + self.shift**2

    @cached_property
    def deviations(self) -> tuple[Array, Array]:
        """Their square roots."""
        return self.weight / _each(self.weights, "ratio"), np.abs(self.bias) / _each(self.biases, "ratio")

    def flat(self) -> tuple[Array, Array]:
        """Weights and biases as (laws, L), C-contiguous."""
        return _rows(self.weight), _rows(self.bias)

    def of_chain(self) -> tuple[Array, Array, Array | None]:
        """Standard deviations of weights and biases, and constant biases or None, as (laws, L), C-contiguous."""
        weight, bias = self.deviations
        shift = self.shift
        return _rows(weight), _rows(bias), None if shift is None else _rows(shift)

    @cached_property
    def centred(self) -> tuple[LayerSpread, Array | None]:
        """The same with outputs of mean 0, and their mean, shape (...,): constant biases of the last layer, or None."""
        if self.biases[-1] is not CONSTANT or not self.bias[..., -1].any():
            return self, None
        bias = self.bias.copy()
        bias[..., -1] = 0.0
        return replace(self, bias=bias), self.bias[..., -1]

    def times(self, factor: Array) -> LayerSpread:
        """All scales multiplied by each of k factors, shape (k, ..., L), inf where that overflows; not constants."""
        factors = factor.reshape(-1, *(1,) * self.weight.ndim)
        of_bias = np.where([family.random for family in self.biases], factors, 1.0)
        with np.errstate(over="ignore"):
            return replace(
                self,
                weight=factors * self.weight,
                bias=of_bias * self.bias,
                leading=factors * self.leading,
                bias_leading=of_bias * self.bias_leading,
            )

    def selected(self, which: npt.NDArray[np.bool_]) -> LayerSpread:
        """The selected laws of the batch, shape (k, L)."""
        names = ("weight", "bias", "leading", "bias_leading")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def entropies(self, resolution: float, *, leading: bool) -> Array:
        """Entropy of each layer in nats, or its leading term: of what is random; nan for orthogonal layers."""
        scales = (self.leading, self.bias_leading) if leading else (self.weight, self.bias)
        weights, biases = self.counts
        of_weights = _entropies(scales[0], self.weights, resolution, leading=leading)
        if not biases.any():
            return np.asarray(weights * of_weights)
        of_biases = _entropies(scales[1], self.biases, resolution, leading=leading)
        families = zip(self.weights, self.biases, strict=True)
        alike = np.array([mine is other or mine == other for mine, other in families]) & (scales[0] == scales[1])
        # Where they are distributed alike, as one sum: the order of operations for biases of their layer's law.
        apart: Array = weights * of_weights + biases * of_biases
        return np.where(alike, (weights + biases) * of_weights, apart)


class _Part(NamedTuple):
    """Scales of the weights or biases of layers and their leading terms, (..., L), with families."""

    scale: Array
    leading: Array
    families: _Families


def layers(law: Any, network: Network) -> LayerSpread:
    """Broadcast `law` over the layers of `network`; TypeError or ValueError if it does not match."""
    if isinstance(law, Layers):
        weights, biases = _part("weights", law.weights, network), _part("biases", law.biases, network)
        if not network.bias and not (set(biases.families) == {CONSTANT} and not biases.scale.any()):
            raise ValueError(
                "law must have the default biases for a network without biases, got others; pass bias=True to the "
                "network, or leave them out of pm.Layers."
            )
    else:
        weights = biases = _part("law", law, network)
        if network.bias and ORTHOGONAL in weights.families:
            raise ValueError(
                "law must say how biases are distributed beside orthogonal weights; use such as "
                "pm.Layers(pm.Orthogonal(), biases=pm.Constant(0.0))."
            )
        if not network.bias:
            zero = np.zeros_like(weights.scale)
            biases = _Part(zero, zero, (CONSTANT,) * network.layers)
    _require_zero(weights)
    batch = weights.scale.shape
    if biases.scale.shape != batch:
        batch = np.broadcast_shapes(batch, biases.scale.shape)
    sizes = [(n * k, k * network.bias) for n, k in zip(network.widths[:-1], network.widths[1:], strict=True)]
    random = [[family.random for family in part.families] for part in (weights, biases)]
    return LayerSpread(
        weight=_filled(weights.scale, batch),
        bias=_filled(biases.scale, batch),
        leading=_filled(weights.leading, batch),
        bias_leading=_filled(biases.leading, batch),
        weights=weights.families,
        biases=biases.families,
        counts=np.array(sizes, dtype=float).T * random,
    )


def _part(name: str, given: Any, network: Network) -> _Part:
    """Broadcast one law, or one for each layer, over the layers."""
    count = network.layers
    if not isinstance(given, tuple):
        return _one(name, given, np.array(network.widths, dtype=float), slice(0, count))
    if len(given) != count:
        raise ValueError(
            f"{name} must have one law for each of the {number_of(count, 'layer')} of the network, got {len(given)}; "
            "one law that is not in a list is for all of them."
        )
    parts = [_one(f"{name}[{k}]", law, np.array(network.widths, float), slice(k, k + 1)) for k, law in enumerate(given)]
    batch = np.broadcast_shapes(*(part.scale.shape for part in parts))
    one = (*batch[:-1], 1)
    return _Part(
        np.concatenate([np.broadcast_to(part.scale, one) for part in parts], axis=-1),
        np.concatenate([np.broadcast_to(part.leading, one) for part in parts], axis=-1),
        tuple(family for part in parts for family in part.families),
    )


def _one(name: str, law: Any, widths: Array, which: slice) -> _Part:
    """Broadcast one law over the layers that `which` selects."""
    fan_in, fan_out = widths[:-1][which], widths[1:][which]
    count = len(fan_in)
    segments: Any = () if isinstance(law, (type, Independent)) else getattr(law, "segments", ())
    if isinstance(law, Scaled):
        width, family = law.width()[..., None], law.family
        scale, leading = width / np.sqrt(law.fan(fan_in, fan_out)), broadcast(width, (*law.batch_shape, count))
    elif isinstance(law, Orthogonal):
        scale, family = law.gain[..., None] / np.sqrt(np.maximum(fan_in, fan_out)), ORTHOGONAL
        leading = scale
    elif len(segments) == 1:
        ((family, given),) = segments
        if given.ndim and given.shape[-1] not in (1, count):
            raise ValueError(
                f"{name} must have 1 or {number_of(count, 'scale')} on its last axis, one for each layer of the "
                f"network, got shape {given.shape}; a batch of laws goes on leading axes, e.g. scale[:, None]."
            )
        scale = leading = np.ascontiguousarray(broadcast(given, (*given.shape[:-1], count)))
    else:
        raise not_a_law(name, law, LAYER_CALLS)
    bad = ~np.isfinite(scale) | ((scale <= 0.0) if family.random else False)
    if bad.any():
        layer = which.start + int(np.argwhere(bad)[0][-1]) + 1
        raise ValueError(
            f"{name} must give every layer a finite scale > 0, got an overflow or underflow for layer {layer}; change "
            "the gain."
        )
    return _Part(np.ascontiguousarray(scale), np.ascontiguousarray(leading), (family,) * count)


def _require_zero(weights: _Part) -> None:
    """Raise ValueError for constant weights other than 0."""
    for layer, family in enumerate(weights.families):
        values = weights.scale[..., layer]
        if family is CONSTANT and values.any():
            raise ValueError(
                f"law must have constant weights of 0 only, got {values.flat[np.flatnonzero(values)[0]]} for layer "
                f"{layer + 1}: units of equal weights are copies of each other; use pm.Constant(0.0) or random weights."
            )


def _entropies(scale: Array, families: _Families, resolution: float, *, leading: bool) -> Array:
    """Entropy of a parameter of each layer, or its leading term; 0 for constants."""
    if not all(family.random for family in families):
        scale = np.where([family.random for family in families], scale, resolution)
    logs, entropy = logarithms(scale, resolution), _each(families, "entropy")
    return logs + (np.where(np.isnan(entropy), entropy, 0.0) if leading else entropy)


def _each(families: _Families, attribute: str) -> Array:
    """Return an attribute of the family of each layer, shape (L,)."""
    return np.array([getattr(family, attribute) for family in families], dtype=float)


def _filled(scales: Array, shape: tuple[int, ...]) -> Array:
    return np.ascontiguousarray(broadcast(scales, shape))


def _rows(scales: Array) -> Array:
    return np.ascontiguousarray(scales.reshape(-1, scales.shape[-1]))
