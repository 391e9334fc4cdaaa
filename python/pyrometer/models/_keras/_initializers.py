"""The laws of Keras' initializers, from their configuration: one record for each class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from pyrometer.laws import NORMAL, UNIFORM, truncated_normal
from pyrometer.models._labels import Kind, Label
from pyrometer.networks import ORTHOGONAL

__all__ = ["INITIALIZERS", "label_of", "seed_of"]

# Keras truncates normal laws at two standard deviations, and divides by the deviation after that.
_BOUND, _LEFT = 2.0, 0.87962566103423978

_Record: TypeAlias = Callable[[Any, tuple[int, ...]], Label]
"""A function of the initializer and the shape of what it makes."""


def label_of(initializer: Any, shape: tuple[int, ...]) -> Label:
    """Return the law of the elements that an initializer makes; of kind UNKNOWN for those of other classes."""
    kind = type(initializer)
    if kind.__module__.partition(".")[0] == "keras" and kind.__name__ in INITIALIZERS:
        return INITIALIZERS[kind.__name__](initializer, shape)
    name = getattr(initializer, "__name__", kind.__name__)
    return Label(Kind.UNKNOWN, reason=f"the initializer {name}")


def seed_of(initializer: Any) -> int | None:
    """Return the seed of an initializer that makes the same numbers at each call; None if it does not."""
    seed = getattr(initializer, "seed", None)
    return seed if isinstance(seed, int) else None


def _random(family: Any, scale: float, centre: float = 0.0) -> Label:
    if scale == 0.0:
        return Label(Kind.CONSTANT, centre=centre)
    return Label(Kind.RANDOM, family=family, scale=scale, centre=centre)


def _normal(initializer: Any, _: tuple[int, ...]) -> Label:
    return _random(NORMAL, abs(float(initializer.stddev)), float(initializer.mean))


def _truncated(initializer: Any, _: tuple[int, ...]) -> Label:
    return _random(truncated_normal(_BOUND), abs(float(initializer.stddev)), float(initializer.mean))


def _uniform(initializer: Any, _: tuple[int, ...]) -> Label:
    low, high = float(initializer.minval), float(initializer.maxval)
    return _random(UNIFORM, abs(high - low), 0.5 * (low + high))


def _variance_scaling(initializer: Any, shape: tuple[int, ...]) -> Label:
    fans = _fans(initializer, shape)
    fan = {"fan_in": fans[0], "fan_out": fans[1], "fan_avg": 0.5 * (fans[0] + fans[1])}[initializer.mode]
    variance = float(initializer.scale) / max(1.0, fan)
    if initializer.distribution == "uniform":
        return _random(UNIFORM, 2.0 * math.sqrt(3.0 * variance))
    if initializer.distribution == "untruncated_normal":
        return _random(NORMAL, math.sqrt(variance))
    return _random(truncated_normal(_BOUND), math.sqrt(variance) / _LEFT)


def _fans(initializer: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return fan-in and fan-out as Keras counts them: the last axes are channels, unless the initializer names axes."""
    inputs, outputs = (getattr(initializer, name, None) for name in ("input_axes", "output_axes"))
    if inputs is not None and outputs is not None:
        return math.prod(shape[axis] for axis in inputs), math.prod(shape[axis] for axis in outputs)
    if len(shape) < 2:
        return (math.prod(shape),) * 2
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _orthogonal(initializer: Any, _: tuple[int, ...]) -> Label:
    return _random(ORTHOGONAL, abs(float(initializer.gain)))


def _constant(initializer: Any, _: tuple[int, ...]) -> Label:
    value = np.asarray(initializer.value, dtype=float)
    return Label(Kind.CONSTANT, centre=float(value.flat[0]) if value.size and np.ptp(value) == 0.0 else math.nan)


def _number(value: float) -> _Record:
    return lambda _, __: Label(Kind.CONSTANT, centre=value)


_SCALED = ("Glorot", "He", "Lecun")

INITIALIZERS: dict[str, _Record] = {
    "RandomNormal": _normal,
    "TruncatedNormal": _truncated,
    "RandomUniform": _uniform,
    "VarianceScaling": _variance_scaling,
    **{f"{name}{law}": _variance_scaling for name in _SCALED for law in ("Normal", "Uniform")},
    "Orthogonal": _orthogonal,
    "Zeros": _number(0.0),
    "Ones": _number(1.0),
    "Constant": _constant,
    **dict.fromkeys(("Identity", "STFT"), _number(math.nan)),
}
"""The records by the names of the classes; constants of several values have the value nan."""
