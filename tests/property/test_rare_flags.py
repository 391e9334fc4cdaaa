"""Serial dependence of columns of which most rows are one number: not found by chance, found where events gather."""

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm
from pyrometer.states._dependence import _closeness


def flags(share):
    return lambda rng, size: (rng.random(size) < share).astype(float)


INDEPENDENT = {
    "200 rows": (200, 20, flags(0.02)),
    "1,000 rows": (1000, 20, flags(0.005)),
    "5,000 rows": (5000, 20, flags(0.001)),
    "counts": (300, 20, lambda rng, size: rng.poisson(0.02, size).astype(float)),
    "amounts": (300, 20, lambda rng, size: np.ceil(np.exp(0.5 * rng.normal(size=size))) * (rng.random(size) < 0.02)),
    "two sides": (200, 30, lambda rng, size: rng.choice([-1.0, 0.0, 1.0], p=[0.01, 0.98, 0.01], size=size)),
    "rounded with outliers": (
        300,
        20,
        lambda rng, size: 1e3 * flags(0.01)(rng, size) + np.round(0.2 * rng.normal(size=size)),
    ),
}


def block_of(x):
    return pm.DataState(x, block="auto").block


@pytest.mark.parametrize("kind", INDEPENDENT)
def test_independent_rows_have_blocks_of_one(kind):
    m, columns, draw = INDEPENDENT[kind]
    for seed in range(30 if m > 1000 else 60):
        assert block_of(draw(np.random.default_rng([m, seed]), (m, columns))) == 1, seed


def test_no_warning_and_no_refusal_of_independent_rows():
    for seed in range(20):
        rng = np.random.default_rng([5, seed])
        before, after = (np.column_stack([rng.normal(size=300), flags(0.01)(rng, (300, 20))]) for _ in range(2))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pm.DependenceWarning)
            pm.shift(before, after, rng=seed, resamples=99)
        monitor = pm.RefreshMonitor(
            (before, before[:, 0]), lambda X: np.zeros(len(X)), energy="mse", block="auto", rng=0
        )
        assert monitor.block == 1, seed


def test_shuffled_rows_are_independent():
    """What the warning advises, for rows that were sorted by a flag."""
    x = np.zeros((600, 12))
    for j in range(12):
        x[50 * j : 50 * j + 2 * (j + 1), j] = 1.0
    assert block_of(x) > 1
    assert {block_of(x[np.random.default_rng(seed).permutation(600)]) for seed in range(60)} == {1}


@pytest.mark.parametrize(("m", "k"), [(20, 2), (17, 4), (14, 5)])
def test_the_bound_holds_over_all_choices_of_places(m, k):
    choices = [np.array(places) for places in itertools.combinations(range(m), k)]
    for longest in (1, 3, 8):
        found = np.sort([_closeness(places, m, longest) for places in choices])
        as_close = 1.0 - np.searchsorted(found, found, side="left") / len(found)
        assert (as_close <= np.exp(-found) * (1.0 + 1e-9)).all()


def test_the_bound_is_that_of_the_formulas():
    for seed in range(200):
        rng = np.random.default_rng([13, seed])
        m, k = int(rng.integers(60, 2000)), int(rng.integers(2, 15))
        places = np.sort(rng.choice(int(rng.integers(20, m)), k, replace=False))
        tail = stats.hypergeom.sf((np.diff(places) == 1).sum() - 1, m, k - 1, k)
        expected = [0.0, -np.log(2.0 * tail)]
        assert _closeness(places, m, 1) == pytest.approx(max(expected), abs=1e-9)
        for n, limit in enumerate((2, 3, 5, 8, 13), 2):
            share, long = (np.diff(places) <= limit).mean(), math.comb(m - limit, k) / math.comb(m, k)
            divergence = (k - 1) * stats.entropy([share, 1.0 - share], [1.0 - long, long]) * (share > 1.0 - long)
            expected.append(divergence - np.log(n * (n + 1.0)))
        assert _closeness(places, m, 20) == pytest.approx(max(expected), abs=1e-9)


def runs(rng, number, length):
    x = np.zeros(1000)
    for start in rng.choice(1000 // length, number, replace=False) * length:
        x[start : start + length] = 1.0
    return x


def persistent(rng, share, phi):
    """A flag that is 1 in this share of the rows, with autocorrelations phi^k."""
    x, uniform = np.zeros(2000), rng.random(2000)
    for i in range(1, 2000):
        x[i] = uniform[i] < share * (1.0 - phi) + phi * x[i - 1]
    return x


GATHERED = {
    "five runs of ten": lambda rng: runs(rng, 5, 10),
    "one run of five": lambda rng: runs(rng, 1, 5),
    "ten runs of three": lambda rng: runs(rng, 10, 3),
    "share 0.03": lambda rng: persistent(rng, 0.03, 0.6),
    "share 0.1": lambda rng: persistent(rng, 0.1, 0.4),
    "share 0.97": lambda rng: 1.0 - persistent(rng, 0.03, 0.6),
    "every other row of 20": lambda rng: np.kron(runs(rng, 4, 10).reshape(-1, 2)[:, 0], [1.0, 0.0]),
    "opposite signs": lambda rng: runs(rng, 4, 10) - persistent(rng, 0.03, 0.7)[:1000],
    "amounts": lambda rng: runs(rng, 5, 10) * np.exp(rng.normal(size=1000)),
}


@pytest.mark.parametrize("kind", GATHERED)
def test_events_that_gather_are_found_beside_rare_flags(kind):
    for seed in range(12):
        rng = np.random.default_rng([11, seed])
        x = GATHERED[kind](rng)
        assert block_of(np.column_stack([x, flags(0.005)(rng, (len(x), 20))])) > 1, seed
