"""Closed forms of the mean energy and its variance, against brute quadrature over the parameters."""

import math
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

from .quadrature import density_entropy, moments_of_energy

RNG = np.random.default_rng(20240413)
X1 = RNG.normal(1.0, 2.0, size=(9, 1))
X2 = RNG.normal(0.5, 1.5, size=(9, 2))
Y = RNG.normal(2.0, 3.0, size=9)

LAWS = {
    "normal": (pm.Normal([0.7, 2.5]), ("normal", "normal"), (0.7, 2.5)),
    "uniform": (pm.Uniform([0.9, 4.0]), ("uniform", "uniform"), (0.9, 4.0)),
    "mixed": (pm.Mixed([0.7], [4.0]), ("normal", "uniform"), (0.7, 4.0)),
}
PENALTIES = {
    "none": (None, lambda a, b: 0.0),
    "l1": (pm.L1(0.6), lambda a, b: 0.6 * (abs(a) + abs(b))),
    "l2": (pm.L2(0.6), lambda a, b: 0.6 * (a**2 + b**2)),
    "l1 without intercept": (pm.L1(0.6, intercept=False), lambda a, b: 0.6 * abs(a)),
    "l2 without intercept": (pm.L2(0.6, intercept=False), lambda a, b: 0.6 * a**2),
}


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("law", LAWS)
def test_mean_and_variance_with_intercept(law, penalty):
    described, kinds, scales = LAWS[law]
    system = pm.LinearRegression(X1, Y, penalty=PENALTIES[penalty][0])
    mean, variance = moments_of_energy(np.column_stack([X1, np.ones(9)]), Y, kinds, scales, PENALTIES[penalty][1])
    assert pm.mean_energy(system, described).value == pytest.approx(mean, rel=1e-12)
    assert pm.energy_variance(system, described) == pytest.approx(variance, rel=1e-11)


@pytest.mark.parametrize("penalty", ["none", "l1", "l2"])
@pytest.mark.parametrize("law", LAWS)
def test_mean_and_variance_without_intercept(law, penalty):
    described, kinds, scales = LAWS[law]
    system = pm.LinearRegression(X2, Y, penalty=PENALTIES[penalty][0], intercept=False)
    mean, variance = moments_of_energy(X2, Y, kinds, scales, PENALTIES[penalty][1])
    assert pm.mean_energy(system, described).value == pytest.approx(mean, rel=1e-12)
    assert pm.energy_variance(system, described) == pytest.approx(variance, rel=1e-11)


def test_a_broken_formula_would_fail():
    mean, _ = moments_of_energy(np.column_stack([X1, np.ones(9)]), Y, ("uniform", "uniform"), (0.9, 4.0))
    broken = pm.mean_energy(pm.LinearRegression(X1, Y), pm.Normal([0.9, 4.0])).value  # L^2 for L^2 / 12
    assert broken != pytest.approx(mean, rel=1e-2)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("resolution", [1.0, 1e-3])
def test_entropy(law, resolution):
    described, kinds, scales = LAWS[law]
    system = pm.LinearRegression(X1, Y)
    brute = sum(map(density_entropy, kinds, scales)) - 2 * math.log(resolution)
    assert pm.entropy(system, described, resolution=resolution) == pytest.approx(brute, rel=1e-12)


def test_entropy_is_the_discrete_one_at_small_resolution():
    """(2.25): the entropy of the law cut into cells of size eps, less Delta^2 / 24."""
    cell = 0.1
    edges = np.arange(-120, 121) * cell
    cumulative = np.array([0.5 * math.erfc(-edge / math.sqrt(2)) for edge in edges])
    mass = np.diff(cumulative)
    mass = mass[mass > 0]
    system = pm.LinearRegression(X1, Y, intercept=False)
    differential = pm.entropy(system, pm.Normal(1.0), resolution=cell)
    assert -np.sum(mass * np.log(mass)) - differential == pytest.approx(cell**2 / 24, rel=0.02)


def test_limits_keep_what_grows():
    system = pm.LinearRegression(X1, Y, penalty=pm.L2(0.5))
    squares = np.array([np.mean(X1**2) + 0.5, 1.5])
    for method in ("refined", "asymptotic"):
        value = pm.mean_energy(system, pm.Normal([3.0, 4.0]), method=method).value
        assert value == pytest.approx(9 * squares[0] + 16 * squares[1], rel=1e-13)
    assert pm.mean_energy(system, pm.Uniform(6.0), method="refined").value == pytest.approx(
        3 * squares.sum(), rel=1e-13
    )


def test_auto_is_exact():
    system, law = pm.LinearRegression(X1, Y), pm.Normal(1.0)
    assert pm.mean_energy(system, law) == pm.mean_energy(system, law, method="exact")
    assert pm.mean_energy(system, law).method == "exact"


@pytest.mark.parametrize(
    "law", [pm.Normal([0.5, 2, 3]), pm.Uniform([0.5, 2, 3]), pm.Mixed([0.5], [2, 3]), pm.Mixed([1, 2], [3])]
)
@pytest.mark.parametrize("penalty", [None, pm.L1(0.7), pm.L2(0.7), pm.L1(0.7, intercept=False)])
def test_sampled_energies_are_those_of_the_sampled_parameters(law, penalty):
    system = pm.LinearRegression(X2, Y, penalty=penalty)
    energies = pm.sample_energies(system, law, samples=200, rng=5)
    theta = pm.sample_parameters(system, law, samples=200, rng=5)
    rows = np.mean((Y - theta[:, :2] @ X2.T - theta[:, 2:]) ** 2, axis=1)
    weighed = theta if penalty is None or penalty.intercept else theta[:, :2]
    if isinstance(penalty, pm.L1):
        rows += penalty.lam * np.abs(weighed).sum(axis=1)
    elif isinstance(penalty, pm.L2):
        rows += penalty.lam * (weighed**2).sum(axis=1)
    np.testing.assert_allclose(energies, rows, rtol=1e-12)


def test_known_toy():
    toy = pm.testsystems.OrthogonalRegression(weights=(1.0, -2.0, 0.5), noise=0.25)
    system = toy.system()
    for scale in (0.1, 1.0, 50.0):
        assert pm.mean_energy(system, pm.Normal(scale)).value == pytest.approx(toy.mean_energy(scale), rel=1e-14)
        assert pm.energy_variance(system, pm.Normal(scale)) == pytest.approx(toy.energy_variance(scale), rel=1e-13)
        assert pm.temperature(system, pm.Normal(scale)).value == pytest.approx(toy.temperature(scale), rel=1e-12)
    assert pm.minimum_energy(system).value == pytest.approx(toy.minimum_energy, rel=1e-12)


def test_an_energy_too_large_for_a_double_is_refused():
    system = pm.LinearRegression(X1, Y)
    for call in (pm.mean_energy, pm.temperature, pm.energy_variance):
        with pytest.raises(ValueError, match="overflow"):
            call(system, pm.Normal(1e200))
    with pytest.raises(ValueError, match="energy of draw .* must be finite"):
        pm.mean_energy(system, pm.Normal(1e200), method="monte-carlo", rng=0)
    with pytest.raises(ValueError, match="energy of draw .* must be finite"):
        pm.sample_energies(system, pm.Normal(1e200), samples=10, rng=0)


def test_scales_whose_squares_leave_the_range_of_a_double():
    """The terms are those of a column of 1 under a scale of 1, times powers of ten that all but cancel."""
    for size, scale in ((1e150, 1e-165), (1e-140, 1e160)):
        system = pm.LinearRegression([[size], [-size]], [0.0, 0.0], intercept=False)
        found = pm.temperature(system, pm.Normal(scale))
        assert found.energy == pytest.approx((size * scale) ** 2, rel=1e-14)
        assert found.marginal == pytest.approx(2.0 * found.energy, rel=1e-14)


def test_resolutions_far_from_the_scales():
    system, network = pm.LinearRegression(X1, Y), pm.Network([[1.0]], hidden=(), outputs=2)
    for scale, resolution in ((1e-200, 1e200), (1e200, 1e-200), (1e-300, 1e20)):
        for described in (system, network):
            expected = 2.0 * (np.log(scale) - np.log(resolution) + 0.5 * np.log(2.0 * np.pi * np.e))
            assert pm.entropy(described, pm.Normal(scale), resolution=resolution) == pytest.approx(expected, rel=1e-14)


def test_draws_whose_variance_underflows_have_no_standard_error():
    for energy, scale in (("mse", 1e-85), ("mae", 1e-170)):
        system = pm.LinearRegression([[1.0], [2.0]], [0.0, 0.0], energy=energy)
        with pytest.raises(ValueError, match="above 1e-140 for their variance not to underflow"):
            pm.mean_energy(system, pm.Normal(scale), method="monte-carlo", rng=0)
    # The cross entropies of rows whose labels are all predicted, of which a larger scale makes smaller ones.
    system = pm.LogisticRegression([[1.0], [2.0]], [1, 1])
    with pytest.raises(ValueError, match="or for cross entropies a smaller scale or smaller constants, under"):
        pm.mean_energy(system, pm.Independent([pm.Normal(0.1), pm.Constant(400.0)]), method="monte-carlo", rng=0)
    smaller = pm.Independent([pm.Normal(0.1), pm.Constant(300.0)])
    assert pm.mean_energy(system, smaller, method="monte-carlo", rng=0).value < 1e-129


@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning")
def test_energies_of_constants_that_are_rounding_errors_are_not_refused():
    """Negative means of squares, and energies below 1e-140 of constants alone, were taken for an underflow."""
    for seed in range(120):
        rng = np.random.default_rng([53, seed])
        size = 10.0 ** rng.integers(-90, 70) if seed % 3 == 0 else 1.0
        X, theta = rng.normal(size=(20, 3)) * 10.0 ** rng.integers(0, 4), np.round(rng.normal(size=4), 1) * size
        y = X @ theta[:3] + theta[3]
        rows = [[Fraction(v) for v in row] for row in np.column_stack([X, np.ones(20), -y]).tolist()]
        factors = [Fraction(v) for v in [*theta.tolist(), 1.0]]
        exact = sum(sum(a * b for a, b in zip(row, factors, strict=True)) ** 2 for row in rows) / 20
        system = pm.LinearRegression(X, y)
        found = pm.mean_energy(system, pm.Constant(theta), method="monte-carlo", samples=100, rng=0)
        assert found.value >= 0.0
        assert found.standard_error == 0.0
        assert abs(Fraction(found.value) - exact) <= Fraction(found.error_bound), seed
        if seed % 3:
            narrow = pm.Independent([*map(pm.Constant, theta[:3].tolist()), pm.Uniform(1e-17)])
            assert pm.mean_energy(system, narrow, method="monte-carlo", samples=100, rng=0).value >= 0.0


def test_a_temperature_too_large_for_a_double_is_refused():
    system = pm.LinearRegression([[1e150]], [0.0], intercept=False)
    with pytest.raises(ValueError, match="temperature .* below 1.8e308"):
        pm.temperature(system, pm.Normal(12000.0))  # its energy is not, but the slope is
    with pytest.raises(ValueError, match="temperature .* below 1.8e308"):
        pm.temperature(system, pm.Uniform(1.0 + 1e-12), minimum=-1e299)


@pytest.mark.parametrize("exponent", [-140, -100, -78, -20, 0, 20, 78, 100, 140])
def test_variances_do_not_depend_on_units(exponent):
    """Features in another unit and parameters in its inverse: the squares of second moments may be no doubles."""
    unit = 2.0 ** round(exponent * 3.32)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    for law in (pm.Normal, pm.Uniform):
        plain = pm.energy_variance(pm.LinearRegression(X, y, intercept=False), law([1.0, 2.0, 3.0]))
        scaled = pm.LinearRegression(X * unit, y, intercept=False)
        assert pm.energy_variance(scaled, law(np.array([1.0, 2.0, 3.0]) / unit)) == pytest.approx(plain, rel=1e-14)
