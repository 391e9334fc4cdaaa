"""The p-value of a shift keeps its level: among samples of one distribution 5 % are called shifted at 5 %."""

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm


def flat(X):
    return np.zeros(len(X))


def p_values(draw, old, new, repetitions, block=1):
    """P-values of samples of `old` and `new` rows that `draw` takes from one distribution."""
    p = np.empty(repetitions)
    for k in range(repetitions):
        pair = (draw(np.random.default_rng([k, i, old]), rows) for i, rows in enumerate((old, new)))
        found = pm.shift(*pair, model=flat, energy="mae", block=block, resamples=99, rng=k, threads=1)
        p[k] = found.p_value
    return p


def skewed(rng, rows):
    """Draw features and residuals with heavy tails, which depend on each other."""
    x = rng.standard_exponential(rows)
    return x[:, None], x * rng.standard_normal(rows)


def wave(rng, rows):
    """Draw residuals that remember some twenty rows: an autoregression of 0.95."""
    noise = rng.normal(size=rows + 199)
    kernel = 0.95 ** np.arange(200)
    return rng.normal(size=(rows, 1)), np.convolve(noise, kernel, mode="valid")


@pytest.mark.parametrize(
    ("old", "new"), [(200, 200), (2000, 2000), (20_000, 20_000), (20_000, 100), (300, 5000)], ids=str
)
def test_independent_rows(old, new):
    """Whatever the sizes: only blocks of one size are exchanged, and the least p-value is as likely as any other."""
    repetitions = 2000 if max(old, new) <= 200 else 1000 if old == new == 2000 else 500
    p = p_values(skewed, old, new, repetitions)
    for level in (0.01, 0.05, 0.5):
        assert stats.binomtest(int((p <= level).sum()), repetitions, level).pvalue > 1e-3, level


@pytest.mark.filterwarnings("ignore:rows are serially dependent:pyrometer.DependenceWarning")
def test_serially_dependent_rows_need_blocks():
    alone, together = (p_values(wave, 2000, 2000, 300, block) for block in (1, 100))
    assert (alone <= 0.05).mean() > 0.2
    assert stats.binomtest(int((together <= 0.05).sum()), 300, 0.05).pvalue > 1e-3


@pytest.mark.filterwarnings("ignore:rows are serially dependent:pyrometer.DependenceWarning")
def test_what_ten_blocks_share_is_taken_into_account():
    """Blocks of 40 rows, 50 and 10 of them, of an autoregression of 0.9: without, 9 % of both tests reject at 5 %."""
    rejected = np.zeros((150, 2), dtype=bool)
    for seed in range(150):
        rng = np.random.default_rng([seed, 41])
        pair = []
        for rows in (2000, 410):
            noise = rng.normal(size=(rows + 99, 2))
            x, residual = (np.convolve(noise[:, k], 0.9 ** np.arange(100), mode="valid") for k in range(2))
            pair.append((x[:, None], x + residual))
        found = pm.shift(*pair, model=lambda X: X[:, 0], energy="mse", block=40, resamples=99, rng=seed, threads=1)
        rejected[seed] = found.shifted, bool(found.moved)
    assert (rejected.mean(axis=0) < 0.065).all()


def groups(rng, number, phi=0.0):
    """Draw ten rows of each group about its mean; the means are an autoregression."""
    noise = rng.normal(size=number + 50)
    means = np.convolve(noise, np.sqrt(1.0 - phi**2) * phi ** np.arange(51.0), mode="valid")
    return (np.repeat(means, 10) + rng.normal(size=10 * number))[:, None]


@pytest.mark.parametrize(
    ("phi", "away", "least", "most"), [(0.0, 0.8, 0.65, 0.9), (0.0, 0.0, 0.0, 0.06), (0.3, 0.0, 0.0, 0.07)]
)
def test_blocks_may_be_groups(phi, away, least, most):
    """Where rows do not depend on those of the block before: a t test of the means of groups finds 93 % of these."""
    rejected = np.zeros(200, dtype=bool)
    for seed in range(200):
        rng = np.random.default_rng([seed, 43])
        pair = groups(rng, 40, phi), groups(rng, 40, phi) + away
        rejected[seed] = pm.shift(*pair, block=10, resamples=99, rng=seed, threads=1).shifted
    assert least <= rejected.mean() <= most


def test_blocks_of_a_series_are_no_groups():
    """The memory of an autoregression is that of its rows, whatever the block, but in a tenth of the samples."""
    changed = np.zeros(100, dtype=bool)
    for seed in range(100):
        x = wave(np.random.default_rng([seed, 44]), 1000)[1][:, None]
        changed[seed] = pm.DataState(x, block=10).dependence != pm.DataState(x).dependence
    assert changed.mean() <= 0.15
