"""Arrays of doubles, and checks for overflow and underflow."""

from __future__ import annotations

from collections.abc import Callable
from sys import float_info
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "LARGER_SCALE",
    "Array",
    "broadcast",
    "cached_slices",
    "mean_of",
    "mean_squares_about",
    "require_finite",
    "require_normal",
]

# What to do where an energy that grows with the scale underflows.
LARGER_SCALE = "use a larger scale or rescale the features"

Array: TypeAlias = npt.NDArray[np.float64]


def broadcast(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return `np.broadcast_to`, or the array itself, which is faster, where it has the shape."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def cached_slices(count: int, width: int, numbers: int = 1 << 15) -> list[slice]:
    """Return slices of `count` rows of `width` doubles that have at most so many numbers, or one row.

    By default 256 KB, so that they and temporaries fit into the cache.
    """
    if count * width <= numbers:
        return [slice(0, count)] if count else []
    step = max(1, numbers // width)
    return [slice(first, first + step) for first in range(0, count, step)]


def require_finite(value: Array, quantity: str = "energy") -> None:
    """Raise ValueError for an energy, or what else it is called, that overflowed."""
    if not np.isfinite(value).all():
        raise ValueError(
            f"the {quantity} must be below 1.8e308, got an overflow; use a smaller scale or rescale the features."
        )


def require_normal(
    value: Array,
    positive: Callable[[], npt.NDArray[np.bool_]],
    quantity: str = "energy",
    remedy: str = LARGER_SCALE,
) -> None:
    """Raise ValueError for a subnormal or zero value where `positive`, rarely called, says its formula is above 0."""
    small = np.abs(value) < float_info.min
    if small.any() and (positive() & small).any():
        raise ValueError(f"the {quantity} must be above 2.2e-308, got an underflow; {remedy}.")


def mean_of(values: npt.NDArray[Any], weights: Array | None = None) -> Array:
    """Return means over rows of (m, ...), by weights (m,) if there are any, of which no sum overflows."""
    unit = np.frexp(np.abs(values).max(axis=0))[1]
    mean = np.average(np.ldexp(values.astype(np.float64, copy=False), -unit), axis=0, weights=weights)
    with np.errstate(over="ignore"):  # rounding may move the mean of the largest doubles beyond them
        result: Array = np.clip(np.ldexp(mean, unit), -float_info.max, float_info.max)
    return result


def mean_squares_about(values: npt.NDArray[np.floating], centre: Array) -> Array:
    """Mean over rows of the squared distance of (m, k) values from each centre (...), the same in all columns."""
    values = values.astype(np.float64, copy=False)
    first = values[0]
    with np.errstate(over="ignore", invalid="ignore"):
        moved = values - first  # exact where values differ by little
        means = moved.mean(axis=0)
        within = np.einsum("ij,ij->", moved - means, moved - means) / len(values)
        result: Array = within + ((first - centre[..., None] + means) ** 2).sum(axis=-1)
    return result
