"""Truncated normal laws: their family against mpmath and SciPy, energies against quadrature, draws, limits."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import pyrometer as pm
from pyrometer import _core
from pyrometer.laws import truncated_normal

from .row_sums import mean_distance

X = np.random.default_rng(0).normal(size=(30, 3)) * [1.0, 2.0, 0.5]
Y = X @ [1.0, -1.0, 2.0] + np.random.default_rng(1).normal(size=30)


def systems():
    return {
        "mse": pm.LinearRegression(X, Y),
        "l1": pm.LinearRegression(X, Y, penalty=pm.L1(0.7)),
        "l2": pm.LinearRegression(X, Y, penalty=pm.L2(0.7, intercept=False)),
        "mae": pm.LinearRegression(X, Y, energy="mae"),
        "ce": pm.LogisticRegression(X, Y > 0.5),
    }


@pytest.mark.parametrize("bound", [1e-150, 1e-8, 1e-3, 0.3, 1.0, 2.0, 2.4999, 2.5, 2.5001, 3.7, 6.0, 12.0, 25.0, 38.0])
def test_the_family_is_that_of_mpmath(bound):
    with mp.workdps(50):
        b, family = mp.mpf(bound), truncated_normal(bound)
        half = b * b / 2

        def moment(p):
            return (
                b**p
                * mp.gammainc(mp.mpf(p + 1) / 2, 0, half)
                / mp.gammainc(mp.mpf(1) / 2, 0, half)
                / half ** mp.mpf(mp.mpf(p) / 2)
            )

        inside = mp.erf(b / mp.sqrt(2))
        edge = 2 * b * mp.npdf(b) / inside
        variance = moment(2)
        if bound > 3.0:
            kurtosis = edge * (3 - 3 * edge - b * b) / (1 - edge) ** 2
        else:
            kurtosis = moment(4) / variance**2 - 3
        expected = {
            "precision": 1 / variance,
            "mean_abs": moment(1),
            "kurtosis": kurtosis,
            "entropy": mp.log(mp.sqrt(2 * mp.pi) * inside) + variance / 2,
        }
        for name, value in expected.items():
            assert abs(getattr(family, name) - value) <= 2e-14 * abs(value) + (
                2e-15 if name == "entropy" else 1e-318
            ), name
        if bound > 1e-90:
            assert abs(float(family.cubed(np.float64(2.0))) - 8 * moment(3)) <= 1e-14 * 8 * moment(3)


def test_numbers_of_the_theory():
    """Theory, part (e): b = 2."""
    law, family = pm.TruncatedNormal(3.0), truncated_normal(2.0)
    assert law.deviation == pytest.approx(3.0 * 0.8796256610342398, rel=1e-15)
    assert family.mean_abs == pytest.approx(0.7227897522, abs=5e-11)
    assert family.kurtosis == pytest.approx(-0.6344632829, abs=5e-11)
    assert family.entropy == pytest.approx(1.2592412727, abs=5e-11)


@pytest.mark.parametrize("bound", [0.2, 2.0, 4.0])
def test_family_and_draws_are_those_of_scipy(bound):
    known, family = stats.truncnorm(-bound, bound), truncated_normal(bound)
    assert family.precision == pytest.approx(1 / known.var(), rel=1e-9)
    assert family.entropy == pytest.approx(known.entropy(), abs=1e-10)
    numbers = _core.truncated_normals((3, 4), 0, 20_000, 0, 2, bound)
    assert np.abs(numbers).max() <= bound
    for row in numbers:
        assert stats.kstest(row, known.cdf).pvalue > 1e-3


@pytest.mark.parametrize("bound", [1e-100, 1e-3, 0.5, 1.44, 2.0, 5.0, 8.0, 38.0])
def test_draws_invert_the_distribution_function(bound):
    """Of the uniform numbers of the same stream, to the last digits also in the tails."""
    u = _core.uniforms((5, 6), 0, 1500, 0, 2).ravel()
    x = _core.truncated_normals((5, 6), 0, 1500, 0, 2, bound).ravel()
    with mp.workdps(40):
        inside = mp.erf(mp.mpf(bound) / mp.sqrt(2))
        for k in [*range(0, 3000, 97), *np.argsort(np.abs(u))[-20:]]:
            exact = mp.sqrt(2) * mp.erfinv(2 * mp.mpf(float(u[k])) * inside)
            assert abs(x[k] - exact) <= 2e-15 * abs(exact)


def test_streams_do_not_depend_on_how_they_are_cut_and_have_their_float_twin():
    whole = _core.truncated_normals((1, 2), 0, 200, 0, 7, 2.0)
    np.testing.assert_array_equal(whole[2:5, 37:138], _core.truncated_normals((1, 2), 37, 101, 2, 3, 2.0))
    single = _core.truncated_normals((1, 2), 0, 5000, 0, 4, 2.0, True)
    assert single.dtype == np.float32
    assert stats.kstest(single.ravel(), stats.truncnorm(-2, 2).cdf).pvalue > 1e-3
    mixed = _core.standard_numbers((1, 2), 3, 50, np.array([2.0, np.inf, np.inf, 0.0, 2.0, -1.0, 0.5, np.inf]))
    assert (mixed[5] == 1.0).all()
    for j, stream in {
        **dict.fromkeys((1, 2, 7), _core.normals((1, 2), 3, 50, 0, 8)),
        **dict.fromkeys((0, 4), _core.truncated_normals((1, 2), 3, 50, 0, 8, 2.0)),
        3: _core.uniforms((1, 2), 3, 50, 0, 8),
        6: _core.truncated_normals((1, 2), 3, 50, 0, 8, 0.5),
    }.items():
        np.testing.assert_array_equal(mixed[j], stream[j])


BOUNDS = [0.0, np.inf, 2.0, 2.0, 0.4, 3.3, 7.0]


@pytest.mark.parametrize("seed", range(24))
def test_exact_energies_of_rows_are_those_of_quadrature(seed):
    """Any families in any order, of similar and of very different scales."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    bounds = rng.choice(BOUNDS, size=n)
    bounds[rng.integers(n)] = 2.0
    scales = np.exp(rng.normal(size=n) * [0.2, 1.0, 3.0][seed % 3])
    x = rng.normal(size=n)
    widths = np.abs(x) * scales
    y = rng.normal() * np.sqrt((widths**2).sum()) * [0.0, 1.0, 2.0][seed % 3]
    loss = ("absolute", "cross-entropy")[seed % 2]
    rows = x[None, None], np.full((1, 1), y), False, loss
    parts = _core.uniform_rows(*rows, scales[None], bounds, True, 1)
    value, bound, slope, slope_bound = (part[0, 0] for part in parts)
    expected = (
        mean_distance(bounds, widths, y) if loss == "absolute" else 0.5 * mean_distance(bounds, widths, 0.0, True)
    )
    assert abs(value - expected) <= bound + 1e-13 * expected
    assert abs(value - expected) <= 3e-13 * expected
    assert bound <= 1e-12 * expected
    step = 1e-3
    f = {
        k: _core.uniform_rows(
            x[None, None], np.full((1, 1), y), False, loss, scales[None] * np.exp(k * step), bounds, False, 1
        )[0][0, 0]
        for k in (-3, -2, -1, 1, 2, 3)
    }
    difference = sum(c * (f[k] - f[-k]) for k, c in ((1, 0.75), (2, -0.15), (3, 1 / 60))) / step
    assert abs(slope - difference) <= slope_bound + 1e-9 * expected


def test_one_parameter_is_a_closed_form():
    """n = 1: E|y - theta x| of SciPy, narrow, wide, at and beyond the edge."""
    law = stats.truncnorm(-2, 2)
    for scale in (1e-6, 0.3, 1.0, 1e6):
        for y in (0.0, 0.4 * scale, 1.99 * scale, 2.0 * scale, 3.0 * scale):
            expected = law.expect(lambda v, y=y, scale=scale: abs(y - scale * v), points=None)
            both = pm.LinearRegression([[1.0]], [y], energy="mae", intercept=False)
            if 0.0 < y < 2.0 * scale:
                inside = law.expect(lambda v, y=y, scale=scale: y - scale * v, lb=-2, ub=y / scale)
                expected = inside + law.expect(lambda v, y=y, scale=scale: scale * v - y, lb=y / scale, ub=2)
            assert pm.mean_energy(both, pm.TruncatedNormal(scale)).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", systems())
def test_limits_of_the_bound(name):
    """A small bound gives the uniform law of length 2 b scale, a large one the normal law."""
    system = systems()[name]
    scale = np.array([0.5, 1.0, 2.0, 0.7])
    narrow, uniform = pm.TruncatedNormal(scale * 1e7, bound=1e-7), pm.Uniform(2.0 * scale)
    wide, normal = pm.TruncatedNormal(scale, bound=38.0), pm.Normal(scale)
    for one, other in ((narrow, uniform), (wide, normal)):
        a, b = pm.temperature(system, one), pm.temperature(system, other)
        for field in ("value", "energy", "entropy", "marginal"):
            assert getattr(a, field) == pytest.approx(getattr(b, field), rel=1e-11), field
        for method in ("refined", "asymptotic"):
            rel = 1e-11 if method == "refined" else 1.0
            a, b = pm.temperature(system, one, method=method), pm.temperature(system, other, method=method)
            assert a.energy == pytest.approx(b.energy, rel=1e-11)
            assert a.value == pytest.approx(b.value, rel=rel)
        if name in ("mse", "l1", "l2"):
            assert pm.energy_variance(system, one) == pytest.approx(pm.energy_variance(system, other), rel=1e-11)


@pytest.mark.parametrize("name", systems())
def test_energies_and_variances_are_those_of_draws(name):
    system, law = systems()[name], pm.TruncatedNormal([[1.0, 0.3, 2.0, 0.5], [0.1, 0.1, 5.0, 1.0]], bound=1.5)
    exact = pm.mean_energy(system, law)
    sampled = pm.mean_energy(system, law, method="monte-carlo", samples=40_000, rng=5)
    assert np.all(np.abs(sampled.value - exact.value) < 4.5 * sampled.standard_error)
    assert np.all(exact.error_bound <= 1e-12 * exact.value)
    if name in ("mse", "l1", "l2"):
        energies = pm.sample_energies(system, law, samples=40_000, rng=6)
        error = np.sqrt(((energies - energies.mean(-1, keepdims=True)) ** 2).var(axis=-1) / 40_000)
        assert np.all(np.abs(energies.var(axis=-1) - pm.energy_variance(system, law)) < 4.5 * error)


@pytest.mark.parametrize("name", ["mae", "ce", "mse"])
def test_same_bits_for_any_number_of_threads_and_in_any_batch(name):
    system, law = systems()[name], pm.TruncatedNormal([[1.0], [3.0], [0.2]])
    for options in ({}, {"method": "monte-carlo", "samples": 3000, "rng": 2}):
        one = pm.mean_energy(system, law, threads=1, **options).value
        np.testing.assert_array_equal(one, pm.mean_energy(system, law, threads=2, **options).value)
        np.testing.assert_array_equal(one[1], pm.mean_energy(system, pm.TruncatedNormal(3.0), **options).value)


BAD = {
    "scale": [(0.0, "finite and > 0"), (np.nan, "finite and > 0"), ([], "at least one value"), (1e-308, "underflow")],
    "bound": [(0.0, ">= 1e-150"), (-2.0, ">= 1e-150"), (np.inf, "finite"), (np.nan, "finite"), (1e-200, ">= 1e-150")],
}


@pytest.mark.parametrize(("name", "value", "message"), [(n, *case) for n, cases in BAD.items() for case in cases])
def test_bad_arguments_are_refused(name, value, message):
    arguments = {"scale": 1.0, "bound": 2.0 if name == "bound" else 0.5} | {name: value}
    with pytest.raises(ValueError, match=message):
        pm.TruncatedNormal(**arguments)
    for wrong in ("2", None, [2.0]):
        with pytest.raises(TypeError, match="bound must be a real number"):
            pm.TruncatedNormal(1.0, bound=wrong)
