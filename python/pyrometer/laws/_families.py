"""One record for each family of distributions: its moments and entropy at unit scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from pyrometer.base import Array

__all__ = ["CONSTANT", "FAMILIES", "NORMAL", "NORMAL_ENTROPY", "UNIFORM", "Family", "truncated_normal"]


NORMAL_ENTROPY = 0.5 * np.log(2.0 * np.pi * np.e)
"""h, the entropy of a standard normal parameter in nats; that of a uniform one of unit length is 0."""


@dataclass(frozen=True)
class Family:
    """A family of symmetric distributions of zero mean with a scale: a standard deviation or a length.

    Attributes
    ----------
    name : str
        Name in messages.
    precision : float
        Squared scale divided by the variance.
    mean_abs : float
        Mean absolute value at scale 1: (3.27), (3.31).
    cubed : callable
        Mean cubed absolute value as a function of the scale.
    kurtosis : float
        Excess kurtosis.
    entropy : float
        Differential entropy at scale 1, in nats.
    bound : float, optional
        Code of the family in the core: where a normal law is truncated, in units of its scale; infinity for a normal
        law, 0 for a uniform one, whose scale is its full length, and -1 for a constant, whose scale is its value. None
        for a family that the core does not have.
    """

    name: str
    precision: float
    mean_abs: float
    cubed: Callable[[Array], Array] = field(compare=False)
    kurtosis: float
    entropy: float
    bound: float | None = None

    @cached_property
    def ratio(self) -> float:
        """Scale divided by the standard deviation."""
        return float(np.sqrt(self.precision))

    @cached_property
    def random(self) -> bool:
        """Whether parameters of the family are random."""
        return self.precision < math.inf


_FOLDED = float(np.sqrt(2.0 / np.pi))

NORMAL = Family("normal", 1.0, _FOLDED, lambda s: 2.0 * (s * _FOLDED) * s**2, 0.0, float(NORMAL_ENTROPY), math.inf)
UNIFORM = Family("uniform", 12.0, 0.25, lambda s: s**3 / 32.0, -1.2, 0.0, 0.0)
CONSTANT = Family("constant", math.inf, 1.0, lambda s: np.abs(s) ** 3, 0.0, 0.0, -1.0)

# Up to here moments are sums of positive terms; beyond, differences that lose no digits. All bounds from the last on
# have the same numbers in double precision.
_NARROW, _NORMAL_FROM = 2.5, 38.6


@lru_cache(maxsize=256)
def truncated_normal(bound: float) -> Family:
    r"""Return the family of normal laws of scale tau truncated at +-bound tau; not in the paper.

    With Z = erf(b / sqrt(2)), phi the standard normal density and e = 2 b phi(b) / Z: variance 1 - e, E|x| = 2 (phi(0)
    - phi(b)) / Z, excess kurtosis e (3 - 3 e - b^2) / (1 - e)^2, entropy ln(sqrt(2 pi) Z) + variance / 2.
    """
    b = min(bound, _NORMAL_FROM)
    half = 0.5 * b * b
    inside = math.erf(b / math.sqrt(2.0))
    if b <= _NARROW:
        size = _moment(0, half)
        first, second, third, fourth = (_moment(power, half) / size for power in (1, 2, 3, 4))
        precision, kurtosis = 1.0 / second / b / b, fourth / second**2 - 3.0
        mean_abs, cube, width = b * first, third, b
        entropy = math.log(2.0 * b) + (math.log(size) - half + 0.5 * b * b * second)
    else:
        high = float(np.float32(b))  # its square is exact: the rounding of a large exponent would cost digits
        density = math.exp(-0.5 * high * high) * math.exp(-0.5 * (b - high) * (b + high))
        edge = _FOLDED * b * density / inside
        variance = 1.0 - edge
        precision, kurtosis = 1.0 / variance, edge * (3.0 - 3.0 * edge - b * b) / variance**2
        mean_abs, width = -_FOLDED * math.expm1(-half) / inside, 1.0
        cube = 2.0 * _FOLDED * (1.0 - (1.0 + half) * density) / inside
        entropy = math.log(math.sqrt(2.0 * math.pi) * inside) + 0.5 * variance
    return Family(
        *("truncated normal", precision, mean_abs, lambda s: cube * (s * width) ** 3, kurtosis, entropy, bound)
    )


def _moment(power: int, half: float) -> float:
    """Return e^half times the integral of v^power e^(-half v^2) from 0 to 1: a sum of positive terms."""
    term, total, divisor = 1.0 / (power + 1), 0.0, float(power + 1)
    while total + term > total:
        total += term
        divisor += 2.0
        term *= 2.0 * half / divisor
    return total


FAMILIES: dict[str, Family | Callable[[float], Family]] = {
    "normal": NORMAL,
    "uniform": UNIFORM,
    "constant": CONSTANT,
    "truncated normal": truncated_normal,
}
"""All families by name; those with a parameter are functions of it."""
