"""Checks of results: no unexplained nan or infinity, and no energy below a minimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

# Fields whose documentation gives a meaning to nan or inf.
MAY_BE_NAN = {"condition", "value", "temperature", "marginal", "gain", "p_value", "work_efficiency"}
MAY_BE_NAN |= {"entropy", "marginal_error"}  # of orthogonal layers
MAY_BE_NAN |= {"temperature_cells", "temperature_law", "neighbour", "pooled", "limit_a", "limit_b", "limit_mixed"}
MAY_BE_INF = {"condition", "parameter_error", "gain"}


@dataclass(frozen=True)
class Minimised:
    """A linear system and its minimum."""

    system: Any
    minimum: Any


def problems(answer: Any, warned: bool) -> Iterator[str]:
    """Yield what is wrong with a result; `warned` says whether pyrometer gave a warning with it."""
    if isinstance(answer, Minimised):
        yield from _lower(answer.system, answer.minimum)
        answer = answer.minimum
    if isinstance(answer, tuple):
        for part in answer:
            yield from problems(part, warned)
    elif is_dataclass(answer):
        verdict = getattr(answer, "verdict", "")
        defined = getattr(answer, "temperature_defined", "ok" in np.ravel(verdict))
        undefined = warned or not defined or bool(getattr(answer, "reason", ""))
        for field in fields(answer):
            value = getattr(answer, field.name)
            if is_dataclass(value):
                yield from problems(value, warned)
            elif field.name == "log_energy":  # -inf where the energy is exactly 0
                yield from _logarithms(value, answer.energy)
            else:
                yield from _odd(field.name, value, undefined)
    else:
        yield from _odd("answer", answer, warned)


def _odd(name: str, value: Any, excused: bool) -> Iterator[str]:
    if not isinstance(value, (float, np.ndarray)) or np.asarray(value).dtype.kind != "f":
        return
    if np.isnan(value).any() and not excused and name not in MAY_BE_NAN:
        yield f"{name} is nan without a warning"
    if np.isinf(value).any() and not excused and name not in MAY_BE_INF:
        yield f"{name} is infinite without a warning"


def _logarithms(logarithm: Any, energy: Any) -> Iterator[str]:
    """Compare the logarithms of energies with those that are in the range of doubles."""
    inside = (energy > 1e-300) & (energy < 1e300)
    if not np.allclose(logarithm[inside], np.log(energy[inside]), rtol=1e-12, atol=1e-12):
        yield f"log_energy is {logarithm} of {energy}"
    if np.isposinf(logarithm).any() or (np.isneginf(logarithm) & (energy != 0)).any():
        yield f"log_energy is {logarithm} of {energy}"


def _lower(system: Any, minimum: Any) -> Iterator[str]:
    """Compare a minimum with the energies of its parameters, of zero and of nearby parameters, in exact arithmetic."""
    theta = np.atleast_1d(minimum.parameters)
    if not np.isfinite(theta).all():
        yield f"parameters are not finite: {theta}"
        return
    gap = mpmath.mpf(float(minimum.gap))
    slack = gap + abs(mpmath.mpf(minimum.value)) * mpmath.mpf(10) ** -min(minimum.digits, 12) + mpmath.mpf(2) ** -1060
    own = energy(system, theta)
    if minimum.attained and own - minimum.value > slack:
        yield f"energy of the parameters is {mpmath.nstr(own, 17)}, of the minimum {minimum.value!r}, gap {minimum.gap}"
    with np.errstate(over="ignore"):  # those that are not finite are left out
        others = [np.zeros_like(theta), *(theta * (1.0 + step) for step in (1e-3, -1e-3, 1e-9, -1e-9))]
    for other in others:
        if np.isfinite(other).all() and minimum.value - energy(system, other) > slack:
            lower = mpmath.nstr(energy(system, other), 17)
            yield f"minimum {minimum.value!r} with gap {minimum.gap} is above {lower}, the energy of {other}"


def energy(system: Any, theta: Any) -> Any:
    """Return the energy of a vector of parameters: exact, or with many digits where it has logarithms."""
    weights = [Fraction(float(t)) for t in theta]
    if system.energy == "softmax":
        return _softmax(system, weights)
    slopes, constant = (weights[:-1], weights[-1]) if system.intercept else (weights, Fraction(0))
    loss = {"mse": lambda z, y: (y - z) ** 2, "mae": lambda z, y: abs(y - z), "ce": _cross_entropy}[system.energy]
    total: Any = Fraction(0)
    by_row = np.ones(system.rows) if system.weights is None else system.weights
    for x, y, w in zip(np.asarray(system.X, float), np.asarray(system.y, float), by_row, strict=True):
        z = sum((t * Fraction(float(v)) for t, v in zip(slopes, x, strict=True)), constant)
        term = loss(z, Fraction(float(y)))
        total += term * (Fraction(float(w)) if isinstance(term, Fraction) else mpmath.mpf(float(w)))
    whole = sum(map(Fraction, by_row.tolist()), Fraction(0))
    total /= whole if isinstance(total, Fraction) else _number(whole)
    if system.penalty is not None:
        power = 1 if type(system.penalty).__name__ == "L1" else 2
        weighed = weights[: system.penalised]
        total += Fraction(float(system.penalty.lam)) * sum(abs(w) ** power for w in weighed)
    return _number(total) if isinstance(total, Fraction) else total


def _softmax(system: Any, weights: list[Fraction]) -> Any:
    """Return the softmax cross entropy, with parameters class by class."""
    total, n = mpmath.mpf(0), system.columns
    by_row = np.ones(system.rows) if system.weights is None else system.weights
    for x, y, share in zip(np.asarray(system.X, float), np.asarray(system.y, int), by_row, strict=True):
        row = [*(Fraction(float(v)) for v in x), *[Fraction(1)] * system.intercept]
        z = [
            sum((w * v for w, v in zip(weights[c * n :], row, strict=False)), Fraction(0))
            for c in range(system.classes)
        ]
        loss = mpmath.log1p(mpmath.fsum(mpmath.exp(_number(z[c] - z[y])) for c in range(system.classes) if c != y))
        total += mpmath.mpf(float(share)) * loss
    return total / _number(sum(map(Fraction, by_row.tolist()), Fraction(0)))


def _number(exact: Fraction) -> Any:
    return mpmath.mpf(exact.numerator) / mpmath.mpf(exact.denominator)


def _cross_entropy(z: Fraction, y: Fraction) -> Any:
    signed = -_number(z) if y == 1 else _number(z)
    return mpmath.log1p(mpmath.exp(-abs(signed))) + max(signed, mpmath.mpf(0))
