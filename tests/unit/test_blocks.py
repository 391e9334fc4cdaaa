"""Rows in blocks of growing size, and those that samples of any two sizes may exchange."""

import numpy as np
import pytest

from pyrometer.states._blocks import boundaries, exchangeable, together

SIZES = [
    (8, 1),
    (1024, 1),
    (1025, 1),
    (1023, 7),
    (7169, 7),
    (20_000, 1),
    (10**6, 1),
    (10**6, 30),
    (10**8, 1),
    (10**11, 1),
]


def sums(rows, block):
    """Rows of each block, and its first row."""
    begins = boundaries(rows, block)
    return np.stack([np.diff(np.append(begins, rows)), begins], axis=1).astype(float)


@pytest.mark.parametrize(("rows", "block"), SIZES)
def test_blocks_are_few_begin_at_multiples_of_their_size_and_grow(rows, block):
    counts, begins = sums(rows, block).T
    assert begins[0] == 0
    assert counts.sum() == rows
    assert (counts > 0).all()
    assert len(counts) <= (1024 if rows <= 10**7 * block else 1600)
    whole = counts[:-1]
    assert (begins[:-1] % whole == 0).all()
    powers = np.log(whole / block) / np.log(4.0)
    np.testing.assert_allclose(powers, np.round(powers), atol=1e-9)


@pytest.mark.parametrize("old", [20, 700, 3000, 20_000, 10**6])
@pytest.mark.parametrize("new", [20, 700, 3000, 20_000, 10**6])
def test_only_blocks_of_one_size_are_exchanged_and_no_row_is_lost(old, new):
    (first, many), (second, others) = exchangeable(sums(old, 1), sums(new, 1))
    for rows, found, dealt in ((old, first, many), (new, second, others)):
        assert found[:, 0].sum() == rows
        assert found[:, 1].sum() == sums(rows, 1)[:, 1].sum()
        assert (found[:dealt, 0] == first[0, 0]).all()
        assert dealt >= min(32, rows)
    # The smaller sample exchanges all of its rows but a part of a block, against as many of the larger.
    assert min(many, others) * first[0, 0] > min(old, new) - first[0, 0]


@pytest.mark.parametrize("batch", [9, 500, 1030, 70_000])
def test_samples_put_together_are_few_blocks_and_all_rows(batch):
    pool = alone = sums(batch, 1)
    for count in range(2, 33):
        pool = together(pool, alone)
        np.testing.assert_allclose(pool.sum(axis=0), count * alone.sum(axis=0), rtol=1e-12)
        assert pool[0, 0] == 1
        assert len(pool) <= 1200
    # A sample of any size finds enough blocks of one size in it.
    for rows in (50, 3000, 10**6):
        (first, many), (second, others) = exchangeable(sums(rows, 1), pool)
        assert (second[:others, 0] == first[0, 0]).all()
        assert min(many, others) >= 32 or min(rows, len(pool)) < 128
        assert min(many, others) * first[0, 0] > 0.6 * min(rows, 32 * batch)
