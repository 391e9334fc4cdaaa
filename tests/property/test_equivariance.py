"""What must follow a change of the target: absolute deviations its shift and scale, logistic models their labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyrometer as pm

SEEDS = st.integers(0, 2**32 - 1)


def rows(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 3))
    return X, X @ rng.normal(size=3) + rng.standard_cauchy(size=40), rng


@settings(max_examples=40)
@given(SEEDS, st.floats(1e-6, 1e6), st.floats(-1e3, 1e3), st.sampled_from([1.0, -1.0]))
def test_absolute_deviations_follow_shift_and_scale_of_the_target(seed, scale, shift, sign):
    X, y, rng = rows(seed)
    moved = sign * scale * (y + X @ (slope := rng.normal(size=3)) + shift)
    base, found = (pm.minimum_energy(pm.LinearRegression(X, t, energy="mae")) for t in (y, moved))
    assert found.value == pytest.approx(scale * base.value, rel=1e-10)
    expected = sign * scale * (base.parameters + np.append(slope, shift))
    np.testing.assert_allclose(found.parameters, expected, rtol=1e-8, atol=1e-8 * scale * (1.0 + abs(shift)))


@settings(max_examples=40)
@given(SEEDS)
def test_logistic_models_follow_swapped_labels_and_signs(seed):
    X, y, rng = rows(seed)
    labels = y + rng.logistic(size=40) > np.median(y)
    base, swapped, mirrored = (
        pm.minimum_energy(pm.LogisticRegression(Z, t)) for Z, t in ((X, labels), (X, ~labels), (-X, labels))
    )
    assert swapped.attained == mirrored.attained == base.attained
    assert swapped.value == pytest.approx(base.value, rel=1e-12, abs=1e-15)
    assert mirrored.value == pytest.approx(base.value, rel=1e-12, abs=1e-15)
    if base.attained:
        np.testing.assert_allclose(swapped.parameters, -base.parameters, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(mirrored.parameters, base.parameters * [-1, -1, -1, 1], rtol=1e-6, atol=1e-9)
    law = pm.Normal(2.0)
    energies = [pm.mean_energy(pm.LogisticRegression(X, t), law).value for t in (labels, ~labels)]
    assert energies[0] == energies[1]
