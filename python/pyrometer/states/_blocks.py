"""Rows in blocks: how rows are summed over about a thousand blocks, and which blocks two samples may exchange.

Where there are few rows, every block is summed. Where there are many, blocks grow in size by factors of four: a sample
of a million rows can then exchange blocks with one of a hundred, as well as with another million.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array

__all__ = ["LEAST", "boundaries", "exchangeable", "coarsened", "grown", "together", "wide"]

LEAST = 8  # blocks that resampling needs
_MOST = 1024  # as long as there is room for _FIRST of the greatest size: beyond some ten million rows a few more
_FIRST = 128  # blocks of the least size; all of one size and below fill this many of that size
_MOST_FEW, _FIRST_FEW = 320, 64  # of the same, where speed counts
_MOST_GROWN, _FIRST_GROWN = 512, 256  # of a sample that batches join; so many blocks of the least size alone
_ENOUGH = _FIRST // 4  # blocks that the smaller sample must have of a size for that size to be exchanged


def boundaries(rows: int, block: int, lead: int = 0) -> npt.NDArray[np.int64]:
    """First rows of the blocks. A block begins at a multiple of its size, and sizes never fall, but for the last.

    The first `lead` rows are a block of their own.
    """
    if lead:
        later = (boundaries(rows - lead, block) + lead).tolist() if rows > lead else []
        return np.array([0, *later], dtype=np.int64)
    begins: list[int] = []
    at, size = 0, block
    if rows > _MOST * block:
        while -(-(rows - at) // size) > max(_MOST - len(begins), _FIRST):
            end = _FIRST * size
            begins += range(at, end, size)
            at, size = end, 4 * size
    return np.array([*begins, *range(at, rows, size)], dtype=np.int64)


def exchangeable(
    old: Array, new: Array, rows: tuple[Array, Array] | None = None
) -> tuple[tuple[Array, int], tuple[Array, int]]:
    """Sums over blocks of both samples, with those of one size first, and how many these are.

    `rows` are those of the blocks, by default the first column. Only blocks of equally many rows may be assigned to the
    samples at random; those of the largest size of which the smaller sample has enough come first, united from smaller
    blocks where possible.
    """
    if rows is not None:
        old, new = (np.column_stack([of, sums]) for of, sums in zip(rows, (old, new), strict=True))
        (old, moved), (new, others) = exchangeable(old, new)
        return (old[:, 1:], moved), (new[:, 1:], others)
    size, coarsest = old[0, 0], max(old[:, 0].max(), new[:, 0].max())
    pair = old, new
    while size < coarsest:
        after = ((sums[:, 0] == 4 * size).sum() + (sums[:, 0] == size).sum() // 4 for sums in pair)
        if min(after) < _ENOUGH:
            break
        pair, size = (_united(pair[0], size), _united(pair[1], size)), 4 * size
    return _led_by(pair[0], size), _led_by(pair[1], size)


def together(first: Array, second: Array, at: int = 0) -> Array:
    """Sums over blocks of the union of two samples, in about a thousand blocks again, some of each size.

    The numbers of rows are in the column `at`.
    """
    if not (len(first) and len(second)):
        return first if len(first) else second
    return _at_most(np.concatenate([first, second]), _MOST, (_FIRST, _FIRST), at)


def coarsened(*samples: Array, at: int = 0) -> Array:
    """Sums over blocks of the union of samples as `together` gives them, in some three hundred blocks."""
    return _at_most(np.concatenate(samples), _MOST_FEW, (_FIRST_FEW, _FIRST_FEW), at)


def grown(*samples: Array, at: int = 0) -> Array:
    """Sums over blocks of the union of samples that grows, in some five hundred blocks, half of them the least."""
    return _at_most(np.concatenate(samples), _MOST_GROWN, (_FIRST_GROWN, _FIRST_FEW), at)


def wide(rows: int, block: int) -> int:
    """Rows of a block that is as large as it can be with enough of them in so many rows."""
    while rows >= 4 * block * _FIRST_FEW:
        block *= 4
    return block


def _at_most(sums: Array, most: int, keep: tuple[int, int], at: int) -> Array:
    """Unite blocks, but for some of the least size, and some of each other size."""
    if not len(sums):
        return sums
    size, (first, others) = sums[0, at], keep
    while len(sums) > most and size <= sums[:, at].max():
        sums, size, first = _united(sums, size, keep=first, at=at), 4 * size, others
    return sums


def _united(sums: Array, size: float, keep: int = 0, at: int = 0) -> Array:
    """Unite blocks of `size` by fours, all but the first `keep` of them and up to three at the end."""
    fine = np.flatnonzero(sums[:, at] == size)[keep:]
    fine = fine[: len(fine) // 4 * 4]
    if not len(fine):
        return sums
    first, end = int(fine[0]), int(fine[-1]) + 1
    if end - first == len(fine):  # adjacent, as they mostly are
        fours, others = sums[first:end], [sums[:first], sums[end:]]
    else:
        fours, others = sums[fine], [np.delete(sums, fine, axis=0)]
    return np.concatenate([*others, fours.reshape(-1, 4, sums.shape[1]).sum(axis=1)])


def _led_by(sums: Array, size: float) -> tuple[Array, int]:
    """Put the blocks of `size` first; return their number as well."""
    other = sums[:, 0] != size
    if (other[1:] >= other[:-1]).all():
        return sums, len(sums) - int(other.sum())
    return sums[np.argsort(other, kind="stable")], len(sums) - int(other.sum())
