"""Temperatures against the paper's printed formulas, evaluated in mpmath from the rows."""

import mpmath as mp
import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(3)
X = RNG.normal(1.0, 2.0, size=(40, 1))
XN = RNG.normal(0.3, 1.4, size=(300, 4))
Y = 1.5 * X[:, 0] - 0.7 + RNG.normal(size=40)
YN = XN @ [1.0, -2.0, 0.5, 0.0] + 0.3 + RNG.normal(size=300)


def mean(values):
    return mp.fsum(mp.mpf(float(value)) for value in values) / len(values)


def two_parameter_temperature(kind, one, zero):
    """(3.5) and (3.15): slope and intercept."""
    x, y = X[:, 0], Y
    covariance = mean(x * y) - mean(x) * mean(y)
    variance = mean(x * x) - mean(x) ** 2
    one, zero = mp.mpf(one), mp.mpf(zero)
    if kind == "normal":
        hot, entropy = one**2 * mean(x * x) + zero**2, 1 + mp.log(2 * mp.pi) + mp.log(one * zero)
    else:
        hot, entropy = (one**2 * mean(x * x) + zero**2) / 12, mp.log(one * zero)
    return (hot + mean(y) ** 2 + covariance**2 / variance) / entropy


@pytest.mark.parametrize(("one", "zero"), [(1.0, 1.0), (0.1, 0.3), (10.0, 2.0), (1e4, 1e3)])
def test_two_parameters(one, zero):
    system = pm.LinearRegression(X, Y)
    assert pm.temperature(system, pm.Normal([one, zero])).value == pytest.approx(
        float(two_parameter_temperature("normal", one, zero)), rel=1e-12
    )
    if one != 1.0:
        assert pm.temperature(system, pm.Uniform([one, zero])).value == pytest.approx(
            float(two_parameter_temperature("uniform", one, zero)), rel=1e-12
        )


def test_many_parameters():
    """(3.10), (3.19), (3.24) with E* from a least-squares routine on the rows."""
    design = np.column_stack([XN, np.ones(300)])
    ground = np.sum((YN - design @ np.linalg.lstsq(design, YN, rcond=None)[0]) ** 2) / 300
    squares, target = np.mean(design**2, axis=0), np.mean(YN**2)
    scale, length = np.array([0.5, 1.0, 2.0, 3.0, 4.0]), np.array([6.0, 2.0, 3.0, 5.0, 7.0])
    system = pm.LinearRegression(XN, YN)
    h = 0.5 * np.log(2 * np.pi * np.e)
    normal = (scale**2 @ squares + target - ground) / (5 * h + np.log(scale).sum())
    assert pm.temperature(system, pm.Normal(scale)).value == pytest.approx(normal, rel=1e-12)
    uniform = (length**2 / 12 @ squares + target - ground) / np.log(length).sum()
    assert pm.temperature(system, pm.Uniform(length)).value == pytest.approx(uniform, rel=1e-12)
    deviations = np.concatenate([scale[:2], length[2:] / np.sqrt(12)])
    mixed = (deviations**2 @ squares + target - ground) / (
        5 * h + np.log(deviations).sum() + 1.5 * np.log(12 / (2 * np.pi * np.e))
    )
    assert pm.temperature(system, pm.Mixed(scale[:2], length[2:])).value == pytest.approx(mixed, rel=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.4])
def test_asymptotic_forms(lam):
    """(3.11), (3.20), (3.25), (3.29), (3.30), (3.33), (3.34)."""
    squares = np.append(np.mean(XN**2, axis=0), 1.0)
    sigma, n = 50.0, 5
    base = sigma**2 / (n * np.log(sigma))
    expected = {None: squares.sum(), pm.L1(lam): squares.sum(), pm.L2(lam): (squares + lam).sum()}
    for penalty, total in expected.items():
        system = pm.LinearRegression(XN, YN, penalty=penalty)
        value = pm.temperature(system, pm.Normal(sigma), method="asymptotic").value
        assert value == pytest.approx(base * total, rel=1e-12)
        uniform = pm.temperature(system, pm.Uniform(sigma), method="asymptotic").value
        assert uniform == pytest.approx(base * total / 12, rel=1e-12)
        mixed = pm.temperature(system, pm.Mixed([sigma] * 2, [sigma * np.sqrt(12)] * 3), method="asymptotic").value
        assert mixed == pytest.approx(base * total, rel=1e-12)
    free = pm.LinearRegression(XN, YN, penalty=pm.L2(lam, intercept=False))
    value = pm.temperature(free, pm.Normal(sigma), method="asymptotic").value
    assert value == pytest.approx(base * (squares.sum() + 4 * lam), rel=1e-12)


def test_the_limit_is_slow_and_the_refined_form_is_not():
    """The error of the limit is h / ln(sigma); refined keeps h."""
    system = pm.LinearRegression(XN, YN)
    h = 0.5 * np.log(2 * np.pi * np.e)
    for sigma, tolerance in ((1e4, 1e-7), (1e8, 1e-13)):
        exact = pm.temperature(system, pm.Normal(sigma)).value
        limit = pm.temperature(system, pm.Normal(sigma), method="asymptotic").value
        refined = pm.temperature(system, pm.Normal(sigma), method="refined").value
        assert limit / exact - 1 == pytest.approx(h / np.log(sigma), rel=1e-6)
        assert refined == pytest.approx(exact, rel=tolerance)


@pytest.mark.parametrize("method", ["exact", "refined", "asymptotic", "monte-carlo"])
def test_value_is_the_quotient_of_its_ingredients(method):
    system, law = pm.LinearRegression(XN, YN), pm.Normal(np.logspace(-2, 6, 9)[:, None] * np.arange(1, 6))
    result = pm.temperature(system, law, method=method, rng=1)
    assert result.method == method
    np.testing.assert_allclose(result.value, (result.energy - result.minimum_energy) / result.entropy, rtol=1e-15)


def test_verdicts():
    system = pm.LinearRegression(XN, YN)
    pole = 1 / np.sqrt(2 * np.pi * np.e)
    result = pm.temperature(system, pm.Normal(np.array([1.0, 1.05 * pole, 0.95 * pole, 0.1, pole])[:, None]))
    assert result.verdict.tolist() == ["ok", "near-pole", "near-pole", "negative-entropy", "undefined"]
    assert np.isnan(result.value).tolist() == [False, False, False, False, True]
    assert (result.value[:4] > 0).tolist() == [True, True, False, False]
    at_one = pm.temperature(system, pm.Uniform(1.0))
    assert at_one.verdict == "undefined"
    assert np.isnan(at_one.value)
    assert np.isnan(at_one.standard_error)
    assert pm.temperature(system, pm.Normal(1.0), method="asymptotic").verdict == "undefined"


def test_resolution_moves_the_pole():
    """(2.28): the entropy counts cells of the resolution, so a narrow law has a positive temperature."""
    system, law = pm.LinearRegression(XN, YN), pm.Normal(0.1)
    plain, fine = pm.temperature(system, law), pm.temperature(system, law, resolution=1e-3)
    assert plain.value < 0 < fine.value
    assert fine.entropy == pytest.approx(plain.entropy - 5 * np.log(1e-3), rel=1e-12)
    assert fine.energy == plain.energy


@pytest.mark.parametrize("penalty", [None, pm.L1(0.3), pm.L2(0.3)])
@pytest.mark.parametrize("law", [pm.Normal, pm.Uniform])
def test_marginal_is_the_slope_of_energy_in_entropy(law, penalty):
    system = pm.LinearRegression(XN, YN, penalty=penalty)
    scales = 2.0 * np.exp([[-1e-5], [1e-5]])
    energy, entropy = pm.mean_energy(system, law(scales)).value, pm.entropy(system, law(scales))
    slope = (energy[1] - energy[0]) / (entropy[1] - entropy[0])
    assert pm.temperature(system, law(2.0)).marginal == pytest.approx(slope, rel=1e-8)


def test_equipartition():
    """E - mean(y^2) = n T / 2 with the marginal temperature."""
    system, law = pm.LinearRegression(XN, YN), pm.Normal([0.1, 0.2, 0.3, 0.4, 0.5])
    result = pm.temperature(system, law)
    assert result.energy - np.mean(YN**2) == pytest.approx(0.5 * 5 * result.marginal, rel=1e-12)


def test_given_minimum():
    system = pm.LinearRegression(np.stack([XN, XN]), np.stack([YN, 2 * YN]))
    result = pm.temperature(system, pm.Normal([[1.0], [2.0], [3.0]]), minimum=[1.5, 2.5])
    assert result.minimum_energy.tolist() == [[1.5] * 3, [2.5] * 3]
    with pytest.raises(ValueError, match="minimum"):
        pm.temperature(system, pm.Normal(1.0), minimum=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="minimum"):
        pm.temperature(system, pm.Normal(1.0), minimum=float("nan"))


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning", "ignore:The temperature has 0 certain digits")
@pytest.mark.parametrize("seed", range(8))
def test_a_given_minimum_is_at_most_the_energy(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    law = pm.Normal([[0.1], [0.5]])
    for system in (
        pm.LinearRegression(X, y),
        pm.LinearRegression(X, y, energy="mae"),
        pm.LogisticRegression(X, y > 0),
        pm.SoftmaxRegression(X, rng.integers(0, 3, 12)),
        pm.Network(X, y, hidden=(3,)),
    ):
        energy = pm.mean_energy(system, law).value
        assert pm.temperature(system, law, minimum=energy.min()).minimum_energy[0] == energy.min()
        for above in (1e-5, 1.0):
            with pytest.raises(ValueError, match="minimum must be at most the mean energy, .* on the same rows"):
                pm.temperature(system, law, minimum=energy.min() * (1.0 + above))
        # Draws have errors, and limits leave the targets out.
        drawn = pm.temperature(system, law, method="monte-carlo", samples=200, rng=seed, minimum=energy.min())
        assert drawn.minimum_energy[0] == energy.min()
        with pytest.raises(ValueError, match="minimum must be at most"):
            pm.temperature(system, law, method="monte-carlo", samples=200, rng=seed, minimum=3.0 * energy.max())
        assert pm.temperature(system, law, method="refined", minimum=energy.max()).minimum_energy[0] == energy.max()


def test_ten_thousand_laws_equal_one_by_one():
    system = pm.LinearRegression(XN, YN)
    scales = np.logspace(-3, 8, 10_000)
    batch = pm.temperature(system, pm.Normal(scales[:, None])).value
    for k in (0, 17, 9_999):
        assert batch[k] == pytest.approx(pm.temperature(system, pm.Normal(scales[k])).value, rel=1e-15)


def test_shapes_are_stack_then_batch():
    system = pm.LinearRegression(np.stack([XN] * 6).reshape(2, 3, 300, 4), np.stack([YN] * 6).reshape(2, 3, 300))
    result = pm.temperature(system, pm.Normal(np.ones((7, 5, 1)) * 3.0))
    for field in ("value", "standard_error", "energy", "minimum_energy", "entropy", "marginal", "verdict"):
        assert getattr(result, field).shape == (2, 3, 7, 5), field
    single = pm.temperature(pm.LinearRegression(XN, YN), pm.Normal(3.0))
    assert isinstance(single.value, float)
    assert isinstance(single.verdict, str)
    assert isinstance(single.minimum_energy, float)
    np.testing.assert_allclose(result.value, single.value, rtol=1e-14)


@pytest.mark.parametrize("length", [5e-324, 1e-320, 2e-308, 1.0, 1.7e308])
def test_the_leading_entropy_of_a_length_whose_deviation_is_no_double(length):
    """ln(L / sqrt(12)), where L / sqrt(12) is below the doubles or has lost digits."""
    law = pm.Mixed([1.0], [length])
    system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    parts = system.entropy_parts(system.bind(law), 1.0, leading=True)
    assert parts[0] == 0.0
    assert parts[1] == pytest.approx(float(mp.log(mp.mpf(length)) - mp.log(12) / 2), rel=1e-15)


@pytest.mark.parametrize("exponent", [-150, -30, -8, -5, -3, -2, -1, -0.69, -0.3])
@pytest.mark.parametrize("law", ["uniform", "mixed"])
def test_marginal_temperatures_of_narrow_laws(law, exponent):
    """Cross entropy, in whose energy, about ln 2, narrow laws lose the slope; E t tanh(t / 2) / 2 by quadrature."""
    size, x = 10.0**exponent, [1.0, 0.625]
    u, weight = np.polynomial.legendre.leggauss(60)
    u, weight = 0.5 * u, 0.5 * weight
    if law == "uniform":
        described, features, t = pm.Uniform(size), [x[:1]] * 2, size * u
    else:
        described, features = pm.Mixed([size], [2.0 * size]), [x] * 2
        z, density = np.polynomial.hermite_e.hermegauss(80)
        t, weight = size * (z[:, None] + 1.25 * u), np.outer(density / density.sum(), weight)
    truth = (weight * t * np.tanh(t / 2.0) / 2.0).sum() / len(features[0])
    hot = pm.temperature(pm.LogisticRegression(features, [0, 1], intercept=False), described, minimum=0.0)
    assert abs(hot.marginal - truth) <= hot.marginal_error + 1e-13 * truth
    assert hot.marginal == pytest.approx(truth, rel=1e-13 if exponent <= -2 else 1e-10)


def test_marginal_temperatures_where_no_draw_reaches_a_target_are_zero():
    system = pm.LinearRegression([[1.0, 0.5], [-1.0, 2.0]], [1.0, 3.0], intercept=False, energy="mae")
    for length in (0.3, 1e-3, 1e-8, 1e-200):
        hot = pm.temperature(system, pm.Uniform(length))
        assert hot.marginal == hot.marginal_error == 0.0
