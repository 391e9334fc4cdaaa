"""Rows in blocks: how they fall into some thousand sums, and which of them two samples may exchange.

Few rows are summed block by block. Many fall into blocks of growing size, each four times the one before: a sample of
a million rows can then exchange blocks with one of a hundred, as well as with another million.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST", "boundaries", "exchangeable"]

_Array: TypeAlias = npt.NDArray[np.float64]
LEAST = 8  # blocks that resampling asks for
_MOST = 1024  # as long as there is room for _FIRST of the greatest size: beyond some ten million rows a few more
_FIRST = 128  # blocks of the least size; all of one size and below fill this many of that size
_ENOUGH = _FIRST // 4  # blocks of the smaller sample; it then has fewer than the _FIRST that the larger has


def boundaries(rows: int, block: int) -> npt.NDArray[np.int64]:
    """First rows of the blocks. A block begins at a multiple of its size, and sizes never fall, but for the last."""
    begins: list[int] = []
    at, size = 0, block
    if rows > _MOST * block:
        while -(-(rows - at) // size) > max(_MOST - len(begins), _FIRST):
            end = _FIRST * size
            begins += range(at, end, size)
            at, size = end, 4 * size
    return np.array([*begins, *range(at, rows, size)], dtype=np.int64)


def exchangeable(old: _Array, new: _Array) -> tuple[tuple[_Array, int], tuple[_Array, int]]:
    """Sums over blocks of both samples, with those of one size first, and how many these are.

    The first column counts rows. Only blocks of equally many rows may be dealt to the samples at random; those of the
    greatest size of which the smaller sample has enough come first, made of finer ones where there are such.
    """
    size, coarsest = old[0, 0], max(old[:, 0].max(), new[:, 0].max())
    found = _of_size(old, size), _of_size(new, size)
    while size < coarsest:
        size *= 4
        wider = _of_size(old, size), _of_size(new, size)
        if min(wider[0][1], wider[1][1]) < _ENOUGH:
            break
        found = wider
    return found


def _of_size(sums: _Array, size: float) -> tuple[_Array, int]:
    """Unite what is finer than `size`; return the sums, and how many of them, from the first on, are of this size."""
    counts = sums[:, 0]
    reach = int(np.argmax(counts > size)) if (counts > size).any() else len(counts)
    ends = np.cumsum(counts[:reach])
    groups = (ends - counts[:reach]) // size
    united = np.add.reduceat(sums[:reach], np.flatnonzero(np.diff(groups, prepend=-1.0)), axis=0)
    return np.concatenate([united, sums[reach:]]), int(ends[-1] // size)
