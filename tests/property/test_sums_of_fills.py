"""Sums of moments of a few rows each, of which most may be fill values: no digit is stated that exact sums deny."""

import warnings

import numpy as np
import pytest

import pyrometer as pm

from .test_huge_rows import least


def parts_with_fills(seed):
    """A column in which many rows hold a fill, powers or near copies of it, another column; and a division in parts."""
    rng = np.random.default_rng([59, seed])
    m = int(rng.integers(7, 13))
    fill = rng.random(m) < rng.choice([0.4, 0.75])
    a = np.where(fill, 10.0 ** rng.integers(8, 12), np.round(rng.normal(20.0, 5.0, m), 1))
    square = a * a
    near = square + rng.normal(size=m) * 10.0 ** rng.integers(-6, -3) * square.std()
    X = np.column_stack([a, square, near, np.round(rng.normal(size=m), 1)])[:, : int(rng.integers(2, 5))]
    cuts = np.unique(rng.integers(1, m, int(rng.integers(1, 4))))
    return rng, X, rng.normal(size=m), np.split(np.arange(m), cuts)


@pytest.mark.parametrize("block", range(3))
def test_a_sum_knows_which_rows_its_parts_could_not_tell_apart(block, tmp_path):
    for seed in range(60 * block, 60 * block + 60):
        rng, X, y, parts = parts_with_fills(seed)
        exact = least(X, y, True, None)
        if not exact:
            continue
        total = None
        for at in parts:
            part = pm.Moments.of(X[at], y[at])
            if rng.random() < 0.2:
                part.save(tmp_path / "part")
                part = pm.Moments.load(tmp_path / "part")
            total = part if total is None else total + part
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = pm.minimum_energy(pm.LinearRegression.from_moments(total))
        error = abs(found.value - float(exact)) / max(found.value, float(exact))
        assert error <= 10.0 ** (0.5 - found.digits), (seed, found.value, float(exact), found.digits)


def test_parts_of_equal_columns_without_small_rows_keep_their_digits():
    rng = np.random.default_rng(60)
    a = rng.normal(size=400)
    X, y = np.column_stack([a, a, rng.normal(size=400)]), rng.normal(size=400)
    total = pm.Moments.of(X[:10], y[:10])
    for first in range(10, 400, 10):
        total.update(X[first : first + 10], y[first : first + 10])
    assert pm.minimum_energy(pm.LinearRegression.from_moments(total)).digits > 13.0
