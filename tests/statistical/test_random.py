"""Are the random numbers what they claim to be? Fixed seeds; every score is judged in its own standard errors.

`battery` is also shown to reject generators that are broken in small ways: a test that cannot fail proves nothing.
"""

import numpy as np
import pytest
from scipy import special, stats

from pyrometer import _core

SEED = (20240413, 13218)
LEAST_P = 7e-6  # two-sided, 4.5 standard errors
DRAWS, PARAMETERS = 150_000, 8


def normal_p(score):
    """Two-sided p-value of a standard normal score."""
    return 2 * stats.norm.sf(abs(score))


def chi_square_p(counts, probabilities):
    """p-value of Pearson's statistic."""
    expected = counts.sum() * probabilities
    return stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1)


def dependence(a, b):
    """p-values of the correlations between the values, squares and sizes of two samples."""
    standard = []
    for sample in (a, b):
        z = np.ravel(sample).astype(float)
        functions = {"value": z, "square": z * z, "size": np.abs(z)}
        standard.append({name: (f - f.mean()) / f.std() for name, f in functions.items()})
    return {
        f"{name_f} with {name_g}": normal_p(f @ g / np.sqrt(f.size))
        for name_f, f in standard[0].items()
        for name_g, g in standard[1].items()
    }


def battery(z):
    """p-values of all tests of a (parameters, draws) array of supposed standard normals."""
    z = np.asarray(z, dtype=float)
    flat = z.ravel()
    n = flat.size
    p = {}
    power = np.ones(n)
    for k in range(1, 7):
        power = power * flat
        mean, square = (0 if j % 2 else special.factorial2(j - 1) for j in (k, 2 * k))
        p[f"moment {k}"] = normal_p((power.mean() - mean) / np.sqrt((square - mean**2) / n))
    p["Kolmogorov-Smirnov"] = stats.kstest(flat[:1_000_000], "norm", method="asymp").pvalue
    bins = np.bincount((special.ndtr(flat) * 500).astype(int), minlength=500)
    p["bulk"] = chi_square_p(bins, np.full(500, 1 / 500))
    for threshold in (3.0, 4.0, 5.0):
        for side in (-1, 1):
            count = int((side * flat > threshold).sum())
            p[f"beyond {side * threshold}"] = stats.binomtest(count, n, stats.norm.sf(threshold)).pvalue
    edges = np.append(np.arange(3.0, 4.6, 0.1), np.inf)
    inside = np.histogram(np.abs(flat), edges)[0]
    p["tail"] = chi_square_p(inside, -np.diff(stats.norm.sf(edges)) / stats.norm.sf(3.0))
    even, odd = z[0::2].ravel(), z[1::2].ravel()
    angle = np.arctan2(odd, even) / (2 * np.pi) % 1.0
    p["angle of pairs"] = chi_square_p(np.bincount((angle * 64).astype(int) % 64, minlength=64), np.full(64, 1 / 64))
    p["radius of pairs"] = stats.kstest((even**2 + odd**2)[:500_000] / 2, "expon", method="asymp").pvalue
    neighbours = {
        "draws": (z[:, :-1], z[:, 1:]),
        "draws 64 apart": (z[:, :-64], z[:, 64:]),
        "parameters": (z[:-1], z[1:]),
        "pairs": (z[:-2], z[2:]),
        "blocks of four": (z[:-4], z[4:]),
    }
    for name, (a, b) in neighbours.items():
        p |= {f"{what} of neighbouring {name}": value for what, value in dependence(a, b).items()}
    return p


def failures(p):
    """Return the tests whose p-value is too small to be chance."""
    return {name: value for name, value in p.items() if not value > LEAST_P}


@pytest.fixture(scope="module")
def normals():
    """Normals that most tests share."""
    return _core.normals(SEED, 0, DRAWS, 0, PARAMETERS)


def test_threefry_gives_the_published_answers():
    ones = (2**64 - 1, 2**64 - 1)
    pi = (0x243F6A8885A308D3, 0x13198A2E03707344), (0xA4093822299F31D0, 0x082EFA98EC4E6C89)
    assert _core.threefry((0, 0), (0, 0)) == (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)
    assert _core.threefry(ones, ones) == (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)
    assert _core.threefry(pi[1], pi[0]) == (0x263C7D30BB0F0AF1, 0x56BE8361D3311526)


def test_normals_pass(normals):
    assert failures(battery(normals)) == {}


def test_normals_of_many_parameters_and_few_draws_pass():
    assert failures(battery(_core.normals(SEED, 10**12, 100, 2**40, 20_000))) == {}


def test_single_precision_normals_pass():
    z = _core.normals(SEED, 0, DRAWS, 0, PARAMETERS, True)
    assert z.dtype == np.float32
    assert failures(battery(z)) == {}


def box_muller(sine):
    """Normals of numpy's bits, with a function for the sine of t pi / 2."""
    generator = np.random.default_rng(5)
    shape = (PARAMETERS // 2, DRAWS)
    radius = np.sqrt(-2 * np.log1p(-generator.random(shape)))
    t = generator.random(shape) - 0.5
    s, c = sine(t), np.cos(np.pi / 2 * t) * generator.choice([-1.0, 1.0], shape)
    swap = generator.random(shape) < 0.5
    return np.stack([radius * np.where(swap, s, c), radius * np.where(swap, c, s)], axis=1).reshape(PARAMETERS, DRAWS)


def test_battery_accepts_a_sound_generator_made_otherwise():
    assert failures(battery(box_muller(lambda t: np.sin(np.pi / 2 * t)))) == {}


BROKEN = {
    "a coefficient of the sine lost": lambda z: box_muller(lambda t: t * (np.pi / 2 - 0.55 * t**2)),
    "correlated pairs": lambda z: np.where(
        np.arange(len(z))[:, None] % 2, 0.9998 * z + 0.02 * np.roll(z, 1, axis=0), z
    ),
    "a draw in a hundred repeated": lambda z: np.where(np.arange(z.shape[1]) % 100 == 1, np.roll(z, 1, axis=1), z),
    "a tail cut by 12-bit uniforms": lambda z: np.clip(z, -4.245, 4.245),
    "a shift of a hundredth": lambda z: z + 0.01,
    "a scale wrong by half a hundredth": lambda z: z * 1.005,
    "squares that share a scale": lambda z: z * np.sqrt(1 + 0.05 * np.sign(np.abs(np.roll(z, 4, axis=0)) - 0.67449)),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_battery_rejects_a_broken_generator(normals, fault):
    assert failures(battery(BROKEN[fault](normals)))


@pytest.mark.parametrize("neighbour", [(SEED[0] + 1, SEED[1]), (SEED[0], SEED[1] + 1), SEED[::-1]])
@pytest.mark.parametrize("single", [False, True])
def test_neighbouring_seeds_are_independent(neighbour, single):
    a, b = (_core.normals(seed, 0, 250_000, 0, 4, single) for seed in (SEED, neighbour))
    assert failures(dependence(a, b)) == {}


@pytest.mark.parametrize("single", [False, True])
def test_normals_and_uniforms_of_a_draw_are_independent(single):
    z = _core.normals(SEED, 0, 250_000, 0, 4, single)
    u = _core.uniforms(SEED, 0, 250_000, 0, 4, single)
    assert failures(dependence(z, u)) == {}
    assert failures(dependence(special.ndtr(z) - 0.5, u)) == {}


@pytest.mark.parametrize("single", [False, True])
def test_uniforms_are_uniform(single):
    u = _core.uniforms(SEED, 0, DRAWS, 0, PARAMETERS, single)
    assert u.dtype == (np.float32 if single else np.float64)
    assert np.abs(u).max() < 0.5
    assert np.abs(u).min() > 0
    steps = u.astype(float) * 2.0 ** (25 if single else 54)
    assert (steps % 2 == 1).all()  # odd multiples of the grid: symmetric, without 0
    v = u.ravel().astype(float)
    p = {"Kolmogorov-Smirnov": stats.kstest(v[:1_000_000] + 0.5, "uniform", method="asymp").pvalue}
    p["bins"] = chi_square_p(np.bincount(((v + 0.5) * 512).astype(int), minlength=512), np.full(512, 1 / 512))
    fine = (np.abs(v) * 2**20 % 1 * 64).astype(int)
    p["low bits"] = chi_square_p(np.bincount(fine, minlength=64), np.full(64, 1 / 64)) if not single else 1.0
    for k in range(1, 7):
        mean, square = (0 if j % 2 else 0.5**j / (j + 1) for j in (k, 2 * k))
        p[f"moment {k}"] = normal_p(((v**k).mean() - mean) / np.sqrt((square - mean**2) / v.size))
    p |= {f"parameters: {name}": value for name, value in dependence(u[:-1], u[1:]).items()}
    p |= {f"draws: {name}": value for name, value in dependence(u[:, :-1], u[:, 1:]).items()}
    assert failures(p) == {}


@pytest.mark.parametrize("single", [False, True])
def test_p_values_over_seeds_are_uniform(single):
    samples = [_core.normals((seed, 0), 0, 500, 0, 4, single).astype(float).ravel() for seed in range(600)]
    p = [stats.kstest(z, "norm", method="asymp").pvalue for z in samples]
    assert stats.kstest(p, "uniform").pvalue > 1e-4
    means = np.array([z.mean() * np.sqrt(z.size) for z in samples])
    assert stats.kstest(means, "norm").pvalue > 1e-4
    chi_squares = [stats.chi2.cdf((z**2).sum(), z.size) for z in samples]
    assert stats.kstest(chi_squares, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("single", [False, True])
def test_normals_have_far_tails(single):
    # 24-bit uniforms would end at 5.9 and thin out well before.
    counts = np.zeros(3)
    thresholds = (4.5, 5.0, 5.5)
    draws, rounds = 500_000, 8
    for k in range(rounds):
        size = np.abs(_core.normals(SEED, k * draws, draws, 0, 8, single))
        counts += [np.count_nonzero(size > threshold) for threshold in thresholds]
    expected = 16 * draws * rounds * stats.norm.sf(thresholds)
    assert (stats.poisson.sf(counts - 1, expected) > LEAST_P).all()
    assert (stats.poisson.cdf(counts, expected) > LEAST_P).all()
    assert counts[2] > 0
