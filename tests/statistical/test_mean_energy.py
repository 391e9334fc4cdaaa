"""Monte Carlo judged in its own standard errors, against the closed forms."""

import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(11)
X = RNG.normal(0.5, 1.5, size=(300, 4))
Y = X @ [1.0, -1.0, 2.0, 0.0] + RNG.normal(size=300)
LAWS = {
    "normal": pm.Normal([0.5, 1.0, 2.0, 0.3, 1.5]),
    "uniform": pm.Uniform([2.0, 4.0, 1.0, 0.5, 6.0]),
    "mixed": pm.Mixed([0.5, 1.0, 2.0], [2.0, 4.0]),
    "truncated": pm.TruncatedNormal([0.5, 1.0, 2.0, 0.3, 1.5]),
    "independent": pm.Independent(
        [pm.Uniform(2.0), pm.Constant(0.7), pm.TruncatedNormal([2.0, 0.3], bound=1.0), pm.Normal(1.5)]
    ),
}
PENALTIES = [None, pm.L1(0.8), pm.L2(0.8), pm.L1(0.8, intercept=False), pm.L2(0.8, intercept=False)]
SEEDS = 400


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_closed_form_within_its_standard_errors(law, penalty):
    system = pm.LinearRegression(X, Y, penalty=penalty)
    exact = pm.mean_energy(system, LAWS[law]).value
    sampled = pm.mean_energy(system, LAWS[law], method="monte-carlo", samples=200_000, rng=1)
    assert abs(sampled.value - exact) < 4.5 * sampled.standard_error
    assert sampled.standard_error < 0.01 * exact


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("penalty", [None, pm.L1(0.8), pm.L2(0.8)], ids=str)
def test_standard_error_is_that_of_the_closed_form_variance(law, penalty):
    """The relative spread of a standard error over N draws is sqrt((kurtosis - 1) / 4N); here the kurtosis is < 20."""
    system, samples = pm.LinearRegression(X, Y, penalty=penalty), 200_000
    sampled = pm.mean_energy(system, LAWS[law], method="monte-carlo", samples=samples, rng=2)
    expected = np.sqrt(pm.energy_variance(system, LAWS[law]) / samples)
    assert sampled.standard_error == pytest.approx(expected, rel=4.5 * np.sqrt(20 / (4 * samples)))


def z_scores(law, samples=4_000, exact=None):
    system = pm.LinearRegression(X, Y, penalty=pm.L2(0.3))
    exact = pm.mean_energy(system, law).value if exact is None else exact
    estimates = [pm.mean_energy(system, law, method="monte-carlo", samples=samples, rng=seed) for seed in range(SEEDS)]
    return np.array([(estimate.value - exact) / estimate.standard_error for estimate in estimates])


def calibrated(z):
    """Mean 0 and variance 1 within 4.5 of their own standard errors."""
    return abs(z.mean()) < 4.5 / np.sqrt(len(z)) and abs(z.var(ddof=1) - 1) < 4.5 * np.sqrt(2 / len(z))


@pytest.mark.parametrize("law", LAWS)
def test_z_scores_over_many_seeds_are_standard(law):
    assert calibrated(z_scores(LAWS[law]))


def test_z_scores_reject_a_formula_that_is_wrong_by_two_percent():
    system = pm.LinearRegression(X, Y, penalty=pm.L2(0.3))
    assert not calibrated(z_scores(LAWS["normal"], exact=1.02 * pm.mean_energy(system, LAWS["normal"]).value))


def test_temperature_carries_the_standard_error():
    system, law = pm.LinearRegression(X, Y), LAWS["normal"]
    sampled = pm.temperature(system, law, method="monte-carlo", samples=50_000, rng=3)
    energy = pm.mean_energy(system, law, method="monte-carlo", samples=50_000, rng=3)
    exact = pm.temperature(system, law)
    assert sampled.standard_error == pytest.approx(energy.standard_error / abs(exact.entropy), rel=1e-14)
    assert abs(sampled.value - exact.value) < 4.5 * sampled.standard_error
    assert exact.standard_error == 0.0


SOFTMAX = pm.SoftmaxRegression(X[:40], np.arange(40) % 3)
SOFTMAX_LAWS = {
    "alike": pm.Normal([0.5, 1.0, 2.0, 0.3, 1.5]),
    "different": pm.Normal(np.linspace(0.2, 3.0, 15)),
    "narrow": pm.Normal(0.1),
}


@pytest.mark.parametrize("law", SOFTMAX_LAWS)
def test_softmax_regression_over_many_seeds(law):
    exact = pm.mean_energy(SOFTMAX, SOFTMAX_LAWS[law]).value
    draws = [
        pm.mean_energy(SOFTMAX, SOFTMAX_LAWS[law], method="monte-carlo", samples=2_000, rng=seed)
        for seed in range(SEEDS)
    ]
    assert calibrated(np.array([(draw.value - exact) / draw.standard_error for draw in draws]))
    assert not calibrated(np.array([(draw.value - 1.02 * exact) / draw.standard_error for draw in draws]))
