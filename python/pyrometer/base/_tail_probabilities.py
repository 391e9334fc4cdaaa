"""Tail probabilities of test statistics."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["chi2_tail", "f_tail"]

_TINY = 1e-300
_EPSILON = 2.0**-52


def f_tail(statistic: float, numerator: float, denominator: float) -> float:
    """Probability that F with `numerator` and `denominator` degrees of freedom exceeds `statistic`."""
    if statistic <= 0.0:
        return 1.0
    total = denominator + numerator * statistic
    return _beta(denominator / total, numerator * statistic / total, denominator / 2.0, numerator / 2.0)


def chi2_tail(statistic: float, degrees: float) -> float:
    """Probability that chi-square with `degrees` degrees of freedom exceeds `statistic`."""
    if statistic <= 0.0:
        return 1.0
    a, x = degrees / 2.0, statistic / 2.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x >= a + 1.0:
        return front * _fraction(x + 1.0 - a, lambda k: (k * (a - k), x + 2.0 * k + 1.0 - a))
    term = total = 1.0 / a
    k = a
    while term > _EPSILON * total:
        k += 1.0
        term *= x / k
        total += term
    return 1.0 - front * total


def _beta(x: float, rest: float, a: float, b: float) -> float:
    """Regularised incomplete beta function of `x`; ``rest`` is 1 - x computed without cancellation."""
    if x * (a + b + 2.0) > a + 1.0:
        return 1.0 - _beta(rest, x, b, a)
    if x == 0.0:
        return 0.0
    logarithm = a * math.log(x) + b * math.log(rest) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)

    def coefficient(k: int) -> tuple[float, float]:
        half = k // 2
        top = -(a + half) * (a + b + half) if k % 2 else half * (b - half)
        return top * x / ((a + k - 1.0) * (a + k)), 1.0

    return math.exp(logarithm) / a * _fraction(1.0, coefficient)


def _fraction(first: float, coefficient: Callable[[int], tuple[float, float]]) -> float:
    """Return 1 / (b0 + a1 / (b1 + a2 / (b2 + ...))) for ``coefficient(k) == (a_k, b_k)``, by Lentz's method."""
    c, d = first or _TINY, 0.0
    value = c
    for k in range(1, 1_000_000):
        a, b = coefficient(k)
        d = 1.0 / (b + a * d or _TINY)
        c = b + a / c or _TINY
        value *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    return 1.0 / value
