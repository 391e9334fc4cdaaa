"""Random numbers of every magnitude, from ordinary ones to the limits of a double."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Generator = np.random.Generator
Shape = tuple[int, ...]

TINY, HUGE = 5e-324, np.finfo(float).max


def _plain(r: Generator, shape: Shape) -> Any:
    return r.normal(size=shape)


def _scaled(r: Generator, shape: Shape) -> Any:
    return r.normal(size=shape) * 10.0 ** r.uniform(-308, 308)


def _by_column(r: Generator, shape: Shape) -> Any:
    return r.normal(size=shape) * 10.0 ** r.uniform(-300, 300, size=shape[-1:])


def _by_value(r: Generator, shape: Shape) -> Any:
    return r.choice([-1.0, 1.0], size=shape) * 10.0 ** r.uniform(-307, 308, size=shape)


def _moderate(r: Generator, shape: Shape) -> Any:
    return r.normal(size=shape) * 10.0 ** r.uniform(-8, 8, size=shape[-1:])


def _integers(r: Generator, shape: Shape) -> Any:
    return r.integers(-3, 4, size=shape).astype(float)


def _rare(r: Generator, shape: Shape) -> Any:
    return (r.random(shape) < 0.1) * 1.0


def _constant(r: Generator, shape: Shape) -> Any:
    return np.full(shape, r.normal() * 10.0 ** r.uniform(-308, 307))


def _offset(r: Generator, shape: Shape) -> Any:
    return r.normal(size=shape) + 10.0 ** r.uniform(0, 18)


def _subnormal(r: Generator, shape: Shape) -> Any:
    return r.integers(-5, 6, size=shape) * TINY


def _spike(r: Generator, shape: Shape) -> Any:
    values = r.normal(size=shape)
    values.flat[r.integers(values.size)] = r.choice([-1.0, 1.0]) * 10.0 ** r.uniform(2, 308)
    return values


def _ends(r: Generator, shape: Shape) -> Any:
    return r.choice([0.0, -0.0, TINY, -TINY, 1.0, -1.0, HUGE, -HUGE, 2.0**-1022, 1e154, 1e-154], size=shape)


def _single(r: Generator, shape: Shape) -> Any:
    return (r.normal(size=shape) * 10.0 ** r.uniform(-44, 37)).astype(np.float32)


KINDS: tuple[Callable[[Generator, Shape], Any], ...] = (
    *(_plain, _scaled, _by_column, _by_value, _moderate, _integers, _rare, _constant, _offset),
    *(_subnormal, _spike, _ends, _single),
)


def numbers(r: Generator, *shape: int) -> Any:
    """Return finite numbers of one kind, chosen at random; a quarter of the time standard normal ones."""
    kind = KINDS[0] if r.random() < 0.25 else KINDS[r.integers(len(KINDS))]
    values = kind(r, shape)
    if len(shape) == 2 and shape[1] > 1 and r.random() < 0.15:
        values[:, -1] = values[:, 0]  # a duplicated column
    if len(shape) == 2 and shape[0] > 1 and r.random() < 0.15:
        values[-1] = values[0]  # a duplicated row
    return values


def size(r: Generator) -> float:
    """Return a positive number, of ordinary or of any magnitude."""
    if r.random() < 0.1:
        return float(r.choice([TINY, 2.0**-1022, 1e-154, 1e154, HUGE]))
    return float(10.0 ** (r.uniform(-3, 3) if r.random() < 0.5 else r.uniform(-323, 308)))
