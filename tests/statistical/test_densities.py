"""Shifts under kernels and mixtures: changes within their errors, and the level of the test."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import pyrometer as pm

from ..two_hills import entropy_of, flat, hills, two_hills


def test_changes_between_known_densities_and_their_errors():
    """Entropies, divergence, cross entropy and T against quadrature, in units of errors that are the spread."""
    old, new = two_hills(2.0), two_hills(1.7)
    kl = quad(lambda u: np.exp(new(np.array([[u]]))[0]) * (new(np.array([[u]])) - old(np.array([[u]])))[0], -8, 8)[0]
    truth = {
        "energy_change": 1.4**2 - 1.0,
        "entropy_change": entropy_of(new) - entropy_of(old) + np.log(1.4),
        "divergence": kl + 0.5 * (1.4**2 - 1.0 - np.log(1.4**2)),
    }
    truth["cross_entropy"] = truth["entropy_change"] + truth["divergence"]
    truth["temperature"] = truth["energy_change"] / truth["entropy_change"]
    rng = np.random.default_rng(4)
    found = []
    for k in range(150):
        states = [
            pm.DataState(*hills(rng, 1000, gap, noise), model=flat, energy="mse", density=density)
            for gap, noise, density in ((2.0, 1.0, old), (1.7, 1.4, new))
        ]
        found.append(pm.shift(*states, model=flat, resamples=99, rng=k))
    for name, value in truth.items():
        z = [(getattr(each, name) - value) / getattr(each, f"{name}_error") for each in found]
        assert abs(np.mean(z)) < 0.5, name
        assert np.std(z) == pytest.approx(1.0, abs=0.2), name


def test_the_p_value_keeps_its_level_with_a_kernel():
    """The density is fitted to both samples together: it must not know whose the rows are."""
    rng = np.random.default_rng(6)
    p = np.empty(200)
    for k in range(len(p)):
        (x, y), (u, v) = hills(rng, 60), hills(rng, 30)
        p[k] = pm.shift((x, y), (u, v), model=flat, energy="mse", density="kernel", resamples=99, rng=k).p_value
    assert stats.binomtest(int((p <= 0.05).sum()), len(p), 0.05).pvalue > 1e-3
    assert stats.kstest(p - rng.uniform(0, 0.01, size=len(p)), "uniform").pvalue > 1e-3
