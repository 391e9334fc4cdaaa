"""Weights of blocks in resamples: those of `cpp/pyrometer/data/resampled.hpp`, for what is computed here."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core

__all__ = ["dealt", "redrawn", "redrawn_pair"]

_Array: TypeAlias = npt.NDArray[np.float64]


def redrawn(seed: tuple[int, int], resamples: int, blocks: int, first: int = 0) -> _Array:
    """How often each resample draws each block with replacement, (resamples, blocks), from the draws after `first`."""
    picked = _picked(_core.uniforms(seed, 0, resamples, first, blocks), blocks)
    flat = picked.T + blocks * np.arange(resamples)[:, None]
    return np.bincount(flat.ravel(), minlength=resamples * blocks).reshape(resamples, blocks).astype(np.float64)


def redrawn_pair(seed: tuple[int, int], resamples: int, old: int, new: int) -> tuple[_Array, _Array]:
    """Return the weights of the blocks of two samples in the resamples of `redrawn_shifts`."""
    return redrawn(seed, resamples, old), redrawn(seed, resamples, new, (old + 1) // 2 * 2)


def dealt(seed: tuple[int, int], resamples: int, blocks: int, chosen: int) -> _Array:
    """Return 1 for the `chosen` blocks that each permutation assigns to the smaller sample, else 0."""
    uniforms = _core.uniforms(seed, 0, resamples, 0, chosen)
    rows = np.arange(resamples)
    # Columns are resamples: a swap then touches two runs of memory.
    order = np.repeat(np.arange(blocks, dtype=np.int64)[:, None], resamples, axis=1)
    for i in range(chosen):
        there = i + _picked(uniforms[i], blocks - i)
        here = order[i].copy()
        order[i] = order[there, rows]
        order[there, rows] = here
    weights = np.zeros((resamples, blocks))
    weights[rows[None, :], order[:chosen]] = 1.0
    return weights


def _picked(uniforms: _Array, number: int) -> npt.NDArray[np.int64]:
    """Return the index below `number` that a uniform in (-1/2, 1/2) selects."""
    return np.minimum(((uniforms + 0.5) * number).astype(np.int64), number - 1)
