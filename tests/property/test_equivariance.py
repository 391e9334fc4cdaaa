"""What must follow a change of the target: absolute deviations its shift and scale, logistic models their labels."""

import math

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


def minimum(kind, data, of_x, of_y, *, alone):
    """Value, gap, parameters, their bounds and digits of squared errors in other units, in those of the data."""
    X, y, lam, intercept, penalised = data
    A, b = np.ldexp(X, of_x), np.ldexp(y, of_y)
    unit = {pm.L1: of_x + of_y, pm.L2: 2 * of_x}
    penalty = kind and kind(math.ldexp(lam, unit[kind]), intercept=penalised)
    system = pm.LinearRegression(A, b, intercept=intercept, penalty=penalty)
    if alone:
        system = pm.LinearRegression.from_moments(pm.Moments.of(A, b, intercept=intercept), penalty=penalty)
    found = pm.minimum_energy(system)
    units = np.array([of_x - of_y] * X.shape[1] + [-of_y] * intercept)
    energies = (np.ldexp(each, -2 * of_y) for each in (found.value, found.gap))
    return *energies, *(np.ldexp(each, units) for each in (found.parameters, found.parameter_error)), found.digits


@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning")
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("kind", [None, pm.L1, pm.L2])
def test_squared_errors_follow_powers_of_two_exactly(kind, alone):
    """Squares of parameters underflowed where features are huge and targets tiny: gaps grew to the whole energy."""
    for seed in range(60):
        rng = np.random.default_rng([47, seed])
        m, p = int(rng.integers(4, 30)), int(rng.integers(2, 6))
        X = rng.normal(size=(m, p)) + (10.0 ** rng.integers(0, 7) if seed % 3 == 1 else 0.0)
        if seed % 3 == 2:
            X[:, 1] = X[:, 0] + rng.normal(size=m) * 10.0 ** -rng.integers(4, 14)
        y = X @ rng.normal(size=p) + rng.normal(size=m) * 10.0 ** rng.integers(-8, 1)
        data = X, y, float(10.0 ** rng.uniform(-8, 1)), bool(seed % 2), seed % 4 == 1
        base = minimum(kind, data, 0, 0, alone=alone)
        of_both = (330, -330), (-330, 330), (330, 330), (460, 460), (300, 0), (-200, -150), (0, -330), (0, 330)
        for of_x, of_y in of_both:
            if seed % 4 != 1 or of_x == 0:  # a penalised intercept's column keeps its unit
                for one, other in zip(base, minimum(kind, data, of_x, of_y, alone=alone), strict=True):
                    np.testing.assert_array_equal(one, other, str((seed, of_x, of_y)))
