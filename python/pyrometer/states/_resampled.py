"""Sums over the blocks of resamples, of whatever columns: the draws are those of the core's shifts and states."""

from __future__ import annotations

import numpy as np

from pyrometer import _core
from pyrometer.base import Array

__all__ = ["dealt", "redrawn", "redrawn_pair"]


def redrawn(table: Array, seed: tuple[int, int], resamples: int, threads: int = 0, *, skipped: int = 0) -> Array:
    """Sums (resamples, C) over blocks that are drawn with replacement, of columns (b, C)."""
    return _core.redrawn_sums(np.ascontiguousarray(table), skipped, seed, resamples, threads)


def redrawn_pair(
    tables: tuple[Array, Array], seed: tuple[int, int], resamples: int, threads: int = 0
) -> tuple[Array, Array]:
    """Return the sums of two samples over the blocks of `redrawn_shifts`."""
    old, new = tables
    skipped = (len(old) + 1) // 2 * 2
    return redrawn(old, seed, resamples, threads), redrawn(new, seed, resamples, threads, skipped=skipped)


def dealt(
    old: tuple[Array, int], new: tuple[Array, int], seed: tuple[int, int], resamples: int, threads: int = 0
) -> tuple[Array, Array]:
    """Return the sums of two samples, (resamples + 1, C) each, in the permutations of `dealt_shifts`; their own first.

    Of each sample that many leading blocks are exchanged.
    """
    (first, many), (second, others) = old, new
    exchanged = np.ascontiguousarray(np.concatenate([first[:many], second[:others]]))
    own = np.zeros((1, exchanged.shape[1]))
    few = np.concatenate([own, _core.dealt_sums(exchanged, min(many, others), seed, resamples, threads)])
    rest = exchanged.sum(axis=0) - few
    sums = (few, rest) if many <= others else (rest, few)
    for each, table, dealt_blocks in zip(sums, (first, second), (many, others), strict=True):
        each[0] = table.sum(axis=0)
        each[1:] += table[dealt_blocks:].sum(axis=0)
    return sums
