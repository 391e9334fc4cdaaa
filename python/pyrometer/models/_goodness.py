"""Whether values fit a law."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pyrometer.base import Array
from pyrometer.laws import NORMAL, UNIFORM, Family
from pyrometer.models._labels import Kind, Label

__all__ = ["fits", "guess"]


# Values that are tested at most, those at which distribution functions are compared, and the probability that values of
# the law itself are rejected.
_MOST, _PLACES, _LEVEL = 8192, 1024, 1e-9
_FAR = 9.0  # of normal numbers: quantiles of uniform numbers of 53 bits are nearer, or infinite
# Fewer values do not distinguish a normal law from a uniform or truncated one.
_ENOUGH = 4096


def guess(values: Array, draw: int) -> Label | None:
    """Return the only law, normal or uniform, that at least 4,096 values fit; None if there is none."""
    if values.size < _ENOUGH:
        return None
    x = values.astype(float)
    centre = float(x.mean())
    if abs(centre) < 5.0 * float(x.std()) / math.sqrt(x.size):
        centre = 0.0
    scales = {NORMAL: float(np.sqrt(np.mean((x - centre) ** 2))), UNIFORM: 2.0 * float(np.abs(x - centre).max())}
    if not all(scales.values()):
        return None
    # Kurtosis distinguishes normal from truncated laws with fewer values than the distribution function needs.
    kurtosis = float(np.mean((x - centre) ** 4)) / scales[NORMAL] ** 4 - 3.0
    fitting = [
        family
        for family, scale in scales.items()
        if abs(kurtosis - family.kurtosis) < 5.0 * math.sqrt(24.0 / x.size)
        and fits(values, family, scale, centre, level=1e-2)
    ]
    if len(fitting) != 1:
        return None
    return Label(Kind.RANDOM, draw, fitting[0], scales[fitting[0]], centre, reason="guessed")


def fits(
    values: Array, family: Family, scale: float, centre: float, *, level: float = _LEVEL, rough: bool = False
) -> bool:
    """Whether values may be independent draws: by Kolmogorov's test, and, which decides for few values, by their size.

    The distance is compared with the bound of Dvoretzky, Kiefer, Wolfowitz and Massart, which holds for every number of
    values. Families without a distribution function of one number always fit. Cost: O(k log k) for k <= 8,192 values
    at equal distances. `rough`: they were rounded to less than single precision.
    """
    function = _distribution(family)
    if function is None or values.size == 0:
        return True
    step = max(1, values.size // _MOST)
    x = np.sort((values.reshape(-1)[::step].astype(float) - centre) / scale)
    n, rough = len(x), rough or values.dtype.itemsize < 4
    if not _sizes_fit(x, family, math.log(level), rough=rough):
        return False
    # At equal distances among the sorted values: elsewhere the distance is larger by 1/1024 at most.
    at = np.linspace(0, n - 1, min(n, _PLACES)).astype(int)
    expected = function(x[at])
    distance = max(np.max((at + 1) / n - expected), np.max(expected - at / n))
    # Numbers of low precision are rounded: a step of their distribution has the size of a rounding.
    return bool(distance <= math.sqrt(math.log(2.0 / level) / (2.0 * n)) + 1e-2 * rough)


def _sizes_fit(x: Array, family: Family, level: float, *, rough: bool) -> bool:
    """Whether the sizes of sorted values, in units of the scale, have at least a probability e^level.

    Equal values do not come from a density. The largest of n uniform numbers is below m with probability (2 m)^n;
    the mean square of n normal ones is t times its mean, or further from it, at most with (t e^(1-t))^(n/2). Normal
    numbers that are the quantiles of uniform ones of 24 bits are infinite, or as large as bounds let them be, once in
    2^24: so many are left out.
    """
    n = len(x)
    if n >= (6 if rough else 3) and x[0] == x[-1]:
        return False
    if family == UNIFORM:
        largest = 2.0 * float(np.abs(x).max())
        return largest <= 1.0 + (1e-2 if rough else 1e-6) and (largest == 0.0 or n * math.log(largest) >= level)
    far = np.abs(x) > _FAR
    k = int(far.sum())
    if family == NORMAL and 0 < k < n and k * (math.log(n) - 24.0 * math.log(2.0)) - math.lgamma(k + 1.0) >= level:
        x, n = x[~far], n - k
    t = float(np.mean(x**2)) * family.precision
    return t == 0.0 or 0.5 * n * (math.log(t) + 1.0 - t) >= level


def _distribution(family: Family) -> Callable[[Array], Array] | None:
    if family == UNIFORM:
        return lambda x: np.clip(x + 0.5, 0.0, 1.0)
    if family == NORMAL:
        return _normal
    if family.bound is not None and 0.0 < family.bound < math.inf:
        low = _normal(np.array([-family.bound]))[0]
        return lambda x: np.clip((_normal(x) - low) / (1.0 - 2.0 * low), 0.0, 1.0)
    return None


def _normal(x: Array) -> Array:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x.tolist()])
