"""Laws broadcast over the parameters of a system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from sys import float_info
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, cached_slices, number_of
from pyrometer.laws._composed import Independent
from pyrometer.laws._families import NORMAL, Family
from pyrometer.laws._names import LINEAR_CALLS, not_a_law

__all__ = ["Spread", "logarithms", "spread"]


@dataclass(frozen=True)
class Spread:
    """A law broadcast over n parameters: ``scales`` (..., n), and runs of consecutive parameters of the same family.

    The scale of a constant parameter is its value.
    """

    scales: Array
    runs: tuple[tuple[Family, int], ...]

    @property
    def parameters(self) -> int:
        """Number of parameters n."""
        return int(self.scales.shape[-1])

    @cached_property
    def all_random(self) -> bool:
        """Whether all parameters are random."""
        return all(family.random for family, _ in self.runs)

    @cached_property
    def random(self) -> npt.NDArray[np.bool_]:
        """Which parameters are random, shape (n,)."""
        return self.each("random").astype(bool, copy=False)

    @property
    def all_normal(self) -> bool:
        """Whether all parameters are normal."""
        return all(family is NORMAL for family, _ in self.runs)

    @property
    def constants(self) -> Array | None:
        """Values of the constant parameters, (..., n) with 0 for the others; None if all parameters are random."""
        return None if self.all_random else np.where(self.random, 0.0, self.scales)

    @property
    def bounds(self) -> Array:
        """Codes of the families of the parameters in the core, shape (n,): `Family.bound`.

        ValueError for laws with a family that the core does not have.
        """
        unknown = next((family.name for family, _ in self.runs if family.bound is None), None)
        if unknown is not None:
            raise ValueError(
                "law must have parameters of families that the core has (normal, uniform, truncated normal, constant) "
                f"for what the core computes (absolute error, cross entropy, draws), got {unknown}."
            )
        return self.each("bound")

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.scales.shape[:-1]

    def each(self, attribute: str) -> Array:
        """Return an attribute of the family of each parameter, shape (n,)."""
        parts = [np.full(count, getattr(family, attribute)) for family, count in self.runs]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _factor(self, attribute: str) -> float | Array:
        """Return an attribute of the family of each parameter: a number where it is one family's."""
        return float(getattr(self.runs[0][0], attribute)) if len(self.runs) == 1 else self.each(attribute)

    def deviations(self) -> Array:
        r"""Standard deviations :math:`\tilde\sigma_j` (3.22): a uniform parameter has L_j / sqrt(12), a constant 0."""
        ratio = self._factor("ratio")
        return self._in_blocks(lambda scales: np.abs(scales) / ratio)

    def mean_abs(self) -> Array:
        r"""Mean absolute values: :math:`\sigma_j\sqrt{2/\pi}` (3.27) and L_j / 4 (3.31)."""
        factor = self._factor("mean_abs")
        return self._in_blocks(lambda scales: np.abs(scales) * factor)

    def cubed(self) -> Array:
        """Means of the cubed absolute values."""
        ends = np.cumsum([count for _, count in self.runs])
        parts = zip(self.runs, np.split(self.scales, ends[:-1], axis=-1), strict=True)
        return np.concatenate([family.cubed(scales) for (family, _), scales in parts], axis=-1)

    def entropies(self, resolution: float, *, leading: bool) -> Array:
        """Entropy of each parameter in nats, shape (..., n), or its leading term for wide laws; 0 for constants."""
        constants: float | Array = 0.0
        if not leading:
            constants = self._factor("entropy")
        elif len(self.runs) > 1:  # A standard deviation may leave the range of a double where its scale does not.
            constants = -np.log(np.where(self.random, self.each("ratio"), 1.0))
        if self.all_random:
            return self._in_blocks(lambda scales: logarithms(scales, resolution) + constants)
        random = self.random
        return self._in_blocks(lambda scales: logarithms(np.where(random, scales, resolution), resolution) + constants)

    def _in_blocks(self, of: Callable[[Array], Array]) -> Array:
        """Return a function of the scales of each law, computed for as many laws at a time as fit into the cache."""
        if self.scales.ndim == 1:
            return of(self.scales)
        scales = self.scales.reshape(-1, self.parameters)
        slices = cached_slices(*scales.shape)
        if len(slices) <= 1:
            return of(self.scales)
        result = np.empty_like(scales)
        for laws in slices:
            result[laws] = of(scales[laws])
        return result.reshape(self.scales.shape)


def spread(law: Any, parameters: int) -> Spread:
    """Broadcast `law` over the parameters of a linear system; TypeError or ValueError if it does not match."""
    segments = None if isinstance(law, type) else getattr(law, "segments", None)
    if segments is None:
        raise not_a_law("law", law, LINEAR_CALLS)
    if len(segments) == 1 and not isinstance(law, Independent):
        ((family, scales),) = segments
        if scales.ndim and scales.shape[-1] not in (1, parameters):
            raise ValueError(
                f"law must have 1 or {number_of(parameters, 'scale')} on its last axis, one for each parameter of the "
                f"system (an intercept is the last), got shape {scales.shape}; a batch of laws goes on leading axes, "
                "e.g. "
                "scale[:, None]."
            )
        if scales.ndim == 0 or scales.shape[-1] != parameters:
            full = np.empty((*scales.shape[:-1], parameters))
            full[...] = scales
            scales = full
        return Spread(np.ascontiguousarray(scales), ((family, parameters),))
    counts = [scales.shape[-1] for _, scales in segments]
    if sum(counts) != parameters:
        described = " + ".join(f"{count} {family.name}" for (family, _), count in zip(segments, counts, strict=True))
        raise ValueError(
            f"law must describe the system's {number_of(parameters, 'parameter')} (an intercept is the last), got "
            f"{described}."
        )
    parts = [np.broadcast_to(scales, (*law.batch_shape, scales.shape[-1])) for _, scales in segments]
    families = [family for family, _ in segments]
    return Spread(np.concatenate(parts, axis=-1), tuple(zip(families, counts, strict=True)))


def logarithms(scales: npt.NDArray[np.float64], resolution: float) -> npt.NDArray[np.float64]:
    r"""Logarithms :math:`\ln(\sigma_j / \varepsilon)`, also where the quotient overflows or underflows."""
    if resolution == 1.0:
        quotients = scales
    else:
        with np.errstate(over="ignore", under="ignore"):
            quotients = scales / resolution
    inside = (quotients > float_info.min) & (quotients < np.inf)
    if inside.all():
        return np.asarray(np.log(quotients))
    result: npt.NDArray[np.float64] = np.log(quotients, out=np.empty_like(quotients), where=inside)
    result[~inside] = np.log(scales[~inside]) - np.log(resolution)
    return result
