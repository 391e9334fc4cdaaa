"""What must hold for all data: symmetries of the energy and of the temperature."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyrometer as pm

# Few draws are enough to see that bits agree, and are warned of.
pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")

seeds = st.integers(0, 2**32 - 1)


def problem(seed, rows=None):
    rng = np.random.default_rng(seed)
    m, p = rows or int(rng.integers(1, 40)), int(rng.integers(1, 6))
    X = rng.normal(rng.normal(), np.exp(rng.normal(size=p)), size=(m, p))
    return X, rng.normal(rng.normal(), 2.0, size=m), np.exp(rng.normal(size=p + 1)), rng


@given(seeds)
@settings(max_examples=40)
def test_order_and_repetition_of_rows_do_not_matter(seed):
    X, y, scale, rng = problem(seed, rows=30)
    law, order = pm.Normal(scale), rng.permutation(len(y))
    one = pm.temperature(pm.LinearRegression(X, y), law)
    for other in (pm.LinearRegression(X[order], y[order]), pm.LinearRegression(np.tile(X, (3, 1)), np.tile(y, 3))):
        result = pm.temperature(other, law)
        assert result.energy == pytest.approx(one.energy, rel=1e-12)
        assert result.value == pytest.approx(one.value, rel=1e-10)


@given(seeds, st.floats(1e-3, 1e3))
@settings(max_examples=40)
def test_scaling_everything_scales_the_energy(seed, c):
    """y -> c y with theta -> c theta leaves the model's shape: E and E* scale by c^2, S shifts by n ln c."""
    X, y, scale, _ = problem(seed)
    one = pm.temperature(pm.LinearRegression(X, y), pm.Normal(scale))
    two = pm.temperature(pm.LinearRegression(X, c * y), pm.Normal(c * scale))
    assert two.energy == pytest.approx(c**2 * one.energy, rel=1e-12)
    assert two.minimum_energy == pytest.approx(c**2 * one.minimum_energy, rel=1e-9, abs=1e-13 * two.energy)
    assert two.entropy - one.entropy == pytest.approx(len(scale) * np.log(c), abs=1e-10)


@given(seeds)
@settings(max_examples=40)
def test_a_change_of_units_moves_only_the_entropy(seed):
    """x_j -> c x_j, theta_j -> theta_j / c: the same model and energy, S less ln c."""
    X, y, scale, _ = problem(seed, rows=20)
    units = np.ones(X.shape[1])
    units[0] = 1000.0
    one = pm.temperature(pm.LinearRegression(X, y), pm.Normal(scale))
    two = pm.temperature(pm.LinearRegression(X * units, y), pm.Normal(scale / np.append(units, 1.0)))
    assert two.energy == pytest.approx(one.energy, rel=1e-12)
    assert two.minimum_energy == pytest.approx(one.minimum_energy, rel=1e-8, abs=1e-13 * one.energy)
    assert two.entropy == pytest.approx(one.entropy - np.log(1000.0), abs=1e-10)


@given(seeds)
@settings(max_examples=20)
def test_splitting_a_batch_changes_no_bit(seed):
    X, y, scale, rng = problem(seed, rows=20)
    scales = scale * np.exp(rng.normal(size=(6, 1)))
    system = pm.LinearRegression(X, y)
    for method in ("exact", "refined", "asymptotic", "monte-carlo"):
        options = {"method": method, "samples": 200, "rng": 3}
        whole = pm.temperature(system, pm.Normal(scales), **options)
        parts = [pm.temperature(system, pm.Normal(part), **options).value for part in (scales[:2], scales[2:])]
        np.testing.assert_allclose(np.concatenate(parts), whole.value, rtol=0 if method == "monte-carlo" else 1e-14)
    energies = pm.sample_energies(system, pm.Normal(scales), samples=50, rng=3)
    assert (energies[4] == pm.sample_energies(system, pm.Normal(scales[4]), samples=50, rng=3)).all()


@given(seeds)
@settings(max_examples=20)
def test_a_stack_is_a_loop(seed):
    X, y, scale, rng = problem(seed, rows=12)
    stack, targets = rng.normal(size=(4, *X.shape)) + X, rng.normal(size=(4, 12)) + y
    together = pm.temperature(
        pm.LinearRegression(stack, targets), pm.Uniform(scale), method="monte-carlo", samples=100, rng=1
    )
    for k in range(4):
        alone = pm.temperature(
            pm.LinearRegression(stack[k], targets[k]), pm.Uniform(scale), method="monte-carlo", samples=100, rng=1
        )
        assert together.value[k] == pytest.approx(alone.value, rel=1e-13)


@given(seeds)
@settings(max_examples=30)
def test_mean_energy_is_above_the_minimum(seed):
    X, y, scale, _ = problem(seed)
    for penalty in (None, pm.L1(0.2), pm.L2(0.2)):
        system = pm.LinearRegression(X, y, penalty=penalty)
        assert pm.mean_energy(system, pm.Normal(scale)).value >= pm.minimum_energy(system).value >= 0


def test_from_moments_equals_from_rows():
    X, y, scale, _ = problem(5, rows=50)
    for penalty in (None, pm.L1(0.2), pm.L2(0.2)):
        rows = pm.LinearRegression(X, y, penalty=penalty)
        moments = pm.LinearRegression.from_moments(pm.Moments.of(X, y), penalty=penalty)
        assert pm.temperature(moments, pm.Normal(scale)) == pm.temperature(rows, pm.Normal(scale))


def test_a_system_from_moments_does_not_follow_them():
    X, y, scale, _ = problem(6, rows=50)
    moments = pm.Moments.of(X[:25], y[:25])
    system = pm.LinearRegression.from_moments(moments)
    before = pm.mean_energy(system, pm.Normal(scale)).value
    moments.update(X[25:], y[25:])
    assert pm.mean_energy(system, pm.Normal(scale)).value == before


@pytest.mark.parametrize("exponent", range(-14, 1))
@pytest.mark.parametrize("energy", ["mse", "ce", "softmax"])
def test_temperatures_of_narrow_laws_have_their_digits_or_a_warning(energy, exponent):
    """Targets that features explain nothing of: E - E* is of the order of the variance of the law."""
    rng = np.random.default_rng(exponent + 20)
    half, sigma = rng.normal(size=(7, 2)), 10.0**exponent
    X = np.concatenate([half, half])
    y = np.repeat([0.0, 1.0], 7)
    square = sigma**2 * np.mean(np.sum(X**2, axis=1))
    if energy == "mse":
        system, expected = pm.LinearRegression(X, 2.0 * y - 1.0, intercept=False), square
    else:  # to the next order of the expansion of the cross entropy
        kind = pm.LogisticRegression if energy == "ce" else pm.SoftmaxRegression
        system, variance = kind(X, y, intercept=False), np.sum(X**2, axis=1) * sigma**2
        variance = variance if energy == "ce" else 2.0 * variance
        expected = np.mean(variance / 8.0 - variance**2 / 64.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", pm.PrecisionWarning)
        T = pm.temperature(system, pm.Normal(sigma))
    error = abs(T.value * T.entropy / expected - 1.0)
    if caught:
        digits = int(re.search(r"The temperature has (\d+) certain digits?", str(caught[0].message))[1])
        assert digits == 0 or error < 2.0 * 10.0**-digits
    elif energy == "mse" or exponent <= -3:
        assert error < 1e-8
    assert bool(caught) or exponent > -5
