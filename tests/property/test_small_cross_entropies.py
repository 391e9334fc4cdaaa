"""Cross entropies of draws that predict every label with near certainty: as exact as any."""

import numpy as np
import pytest

import pyrometer as pm


@pytest.mark.parametrize(("dtype", "tolerance", "least"), [(np.float64, 2e-14, 1e-300), (np.float32, 2e-5, 1e-36)])
def test_small_energies_are_as_exact_as_large_ones(dtype, tolerance, least):
    """They were 1 + a small loss first: 0 below 1e-16, and below 6e-8 of float32 rows."""
    small = 0
    for seed in range(60):
        rng = np.random.default_rng([31, seed])
        m, p = int(rng.integers(1, 90)), int(rng.integers(1, 4))
        theta = rng.normal(size=p)
        X = rng.normal(size=(m, p)).astype(dtype)
        y = X.astype(float) @ theta > 0.0
        X += (0.5 * np.where(y, 1.0, -1.0)[:, None] * theta / (theta @ theta)).astype(dtype)  # margins of at least 0.5
        system = pm.LogisticRegression(X, y, intercept=False)
        scale = 10.0 ** rng.uniform(0.0, 2.5)
        drawn = pm.sample_parameters(system, pm.Normal(scale), samples=200, rng=seed)
        found = pm.sample_energies(system, pm.Normal(scale), samples=200, rng=seed)
        margins = np.where(y, 1.0, -1.0)[:, None] * (X.astype(float) @ drawn.T)
        exact = np.logaddexp(0.0, -margins).mean(axis=0)
        size = 1.0 + np.abs(margins).min(axis=0)  # margins are rounded
        kept = exact > least
        np.testing.assert_array_less(np.abs(found - exact)[kept], (tolerance * size * exact)[kept], err_msg=str(seed))
        small += np.count_nonzero(kept & (exact < 1e-9))
    assert small > 100


@pytest.mark.parametrize("seed", range(6))
def test_advice_where_the_energy_underflows_makes_it_larger(seed):
    """Labels that are predicted with certainty: the message names the direction of the scale in which energies grow."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.uniform(1.0, 2.0, 8) * np.repeat([-1.0, 1.0], 4), np.ones(8)])
    system = pm.LogisticRegression(X, X[:, 0] > 0, intercept=False)

    def sampled(size):
        law = pm.Independent([pm.Constant([size]), pm.Normal([0.1])])
        return pm.mean_energy(system, law, method="monte-carlo", samples=40, rng=seed).value

    with pytest.raises(ValueError, match="got an underflow; use a smaller scale or smaller constants"):
        sampled(2000.0)
    assert sampled(60.0) > sampled(120.0) > 0.0
    with pytest.raises(ValueError, match="got an underflow; use a larger scale"):
        pm.mean_energy(pm.LinearRegression(X, np.zeros(8)), pm.Normal(1e-160))


@pytest.mark.parametrize("seed", range(4))
def test_sampled_softmax_is_right_or_refused(seed):
    """Of two classes it is the logistic energy of the difference of their parameters."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1.0, 2.0, 8) * np.repeat([-1.0, 1.0], 4)
    X = np.column_stack([x, np.ones(8)])
    refused, small = [], []
    system = pm.SoftmaxRegression(X, x > 0, intercept=False)
    for size in np.geomspace(10.0, 2000.0, 9):
        law = pm.Independent([pm.Constant([-size]), pm.Normal([0.1]), pm.Constant([size]), pm.Normal([0.1])])
        drawn = pm.sample_parameters(system, law, samples=50, rng=seed)
        margins = np.abs(x) * (drawn[:, 2:3] - drawn[:, :1]) + np.sign(x) * (drawn[:, 3:] - drawn[:, 1:2])
        exact = np.logaddexp(0.0, -margins).mean()
        try:
            found = pm.mean_energy(system, law, method="monte-carlo", samples=50, rng=seed).value
        except ValueError as error:
            refused.append((exact, str(error)))
        else:
            assert found == pytest.approx(exact, rel=1e-9)
            small.append(exact)
    assert refused
    assert all(exact < 1e-139 and "smaller scale or smaller constants" in message for exact, message in refused)
    assert min(small) < 1e-30
