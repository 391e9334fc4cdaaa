"""Exact layer energies of networks against Fourier and Laplace representations, brute force and sampled chains."""

import time

import numpy as np
import pytest
from scipy.special import erf, expit, ndtr

from pyrometer import _core
from pyrometer.base import Tally

ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
    "erf": erf,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: 1.0507009873554804934 * np.where(z > 0, z, 1.67326324235437728 * np.expm1(np.minimum(z, 0.0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0.0, z)),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
}


def chain(activation, widths, scale, bias, norms, threads=1):
    """Energies (L,), errors (L,) and trust of one law."""
    layers = len(widths) - 1
    weight = np.ascontiguousarray(np.broadcast_to(np.asarray(scale, float), (1, layers)))
    offset = np.ascontiguousarray(np.broadcast_to(np.asarray(bias, float), (1, layers)))
    energy, error, trusted = _core.network_chain(
        activation, np.array(widths), weight, offset, np.asarray(norms, float), threads
    )
    return energy[0], error[0], trusted[0]


def sampled_chains(activation, widths, weight, bias, norms, seed, samples, threads):
    """Means and standard errors (b, L) of sampled scalar chains."""
    tally = Tally(paired=True)
    tally.add(_core.network_chain_draws(activation, widths, weight, bias, norms, seed, 0, samples, samples, threads))
    return tally.mean(), tally.error()


# An independent way to the third layer's energy, at any width and scale. sech^2 is a mixture of cosines, so
#
#     E tanh^2(sqrt(v) Z) = 1 - int_0^inf w / sinh(pi w / 2) exp(-w^2 v / 2) dw
#
# and with v = s^2 q + b^2, q a sum of n independent t, E exp(-w^2 s^2 q / 2) = (E exp(-w^2 s^2 t / 2))^n.

FREQUENCY = np.exp(np.linspace(np.log(1e-13), np.log(30), 1200))
DENSITY = np.log(FREQUENCY[1] / FREQUENCY[0]) * FREQUENCY**2 / np.sinh(np.pi * FREQUENCY / 2)
TERMS = {"tanh": (1.0, FREQUENCY, DENSITY), "sigmoid": (0.5, FREQUENCY / 2, DENSITY / 4)}  # top, frequency, weight


def normal_grid(deviation, points):
    """Trapezoid in asinh z: nodes and weights of N(0, deviation^2), fine near 0."""
    unit = 1e-3 * min(deviation, 1.0)
    end = np.arcsinh(14 * deviation / unit)
    u, step = np.linspace(-end, end, points, retstep=True)
    z = unit * np.sinh(u)
    return z, step * unit * np.cosh(u) * np.exp(-0.5 * (z / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))


def laplace(activation, rate, variance, points=3000):
    """E exp(-rate t), t = phi(z)^2."""
    z, p = normal_grid(np.sqrt(variance), points)
    return np.exp(-np.outer(rate, ACTIVATIONS[activation](z) ** 2)) @ p


def third_energy(activation, widths, scale, bias, norm):
    """<|z_3|^2> by the representation above, and the absolute error that its cancellation makes."""
    top, frequency, density = TERMS[activation]
    first = laplace(activation, 0.5 * (scale * frequency) ** 2, scale**2 * norm + bias**2)
    square = top - density @ (np.exp(-0.5 * (bias * frequency) ** 2) * first ** widths[1])
    unit = widths[3] * scale**2 * widths[2]
    return unit * square + widths[3] * bias**2, unit * (3e-13 + 1e-15 * widths[1])


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("width", [1, 2, 5, 16, 63, 64, 300])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_the_third_layer_is_a_laplace_transform_to_the_power_of_the_width(activation, width, scale, bias):
    """Narrow and saturated networks too: an all-off state of probability 2^-n is seen."""
    widths = [3, width, 5, 2]
    energy, error, trusted = chain(activation, widths, scale, bias, [3.3])
    expected, noise = third_energy(activation, widths, scale, bias, 3.3)
    assert abs(energy[2] - expected) <= error[2] + noise
    assert trusted
    assert error[2] <= 1e-9 * energy[2]


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("scale", [0.5, 5.0, 50.0])
@pytest.mark.parametrize("bias", [0.0, 0.4])
def test_the_fourth_layer_after_a_single_unit(activation, scale, bias):
    """The law of q_1 on a grid of its own, each point with a Laplace transform of q_2."""
    widths = [3, 1, 7, 5, 2]
    top, frequency, density = TERMS[activation]
    frequency, density = frequency[::3], 3 * density[::3]
    z, p = normal_grid(np.sqrt(scale**2 * 3.3 + bias**2), 1000)
    variance = scale**2 * ACTIVATIONS[activation](z) ** 2 + bias**2
    if activation == "tanh":  # even: half the grid
        variance, p = variance[z > 0], 2 * p[z > 0]
    rate = 0.5 * (scale * frequency) ** 2
    inner = sum(
        w * laplace(activation, rate, max(v, 1e-300), 400) ** widths[2]
        for w, v in zip(p, variance, strict=True)
        if w > 1e-18
    )
    square = top - density @ (np.exp(-0.5 * (bias * frequency) ** 2) * inner)
    expected = widths[4] * (scale**2 * widths[3] * square + bias**2)
    energy, error, _ = chain(activation, widths, scale, bias, [3.3])
    assert abs(energy[3] - expected) <= error[3] + 1e-11 * expected
    assert error[3] <= 1e-6 * expected


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_brute_force(activation, bias):
    """Every weight drawn, every layer a matrix product."""
    rng = np.random.default_rng(7)
    widths, scales, draws = [5, 4, 6, 3, 2], [0.7, 0.5, 0.9, 0.6], 20_000
    X = rng.standard_normal((8, 5))
    energy, error, trusted = chain(activation, widths, scales, bias, (X**2).sum(axis=1))
    assert trusted
    x = np.broadcast_to(X.T, (draws, *X.T.shape))
    for layer, scale in enumerate(scales):
        z = scale * rng.standard_normal((draws, widths[layer + 1], widths[layer])) @ x
        z += bias * rng.standard_normal((draws, widths[layer + 1], 1))
        energies = (z**2).sum(axis=1).mean(axis=1)
        assert abs(energies.mean() - energy[layer]) < 4.5 * energies.std() / np.sqrt(draws) + error[layer]
        x = ACTIVATIONS[activation](z)


def architectures(count):
    """Random networks: depth 1 to 6, width 1 to 64, scales 0.01 to 100."""
    rng = np.random.default_rng(11)
    for _ in range(count):
        depth = int(rng.integers(1, 7))
        activation = str(rng.choice(list(ACTIVATIONS)))
        widths = np.array([int(rng.integers(1, 65)), *np.exp(rng.uniform(0, np.log(64.99), depth)).astype(int)])
        # Energies of activations without a top have heavy tails in narrow deep networks: scales near critical ones.
        bounded = activation in ("tanh", "sigmoid", "erf", "hardtanh")
        scale = 10.0 ** rng.uniform(-2, 2 if bounded else 0, (1, depth))
        bias = 10.0 ** rng.uniform(-2, 1, (1, depth)) if rng.random() < 0.5 else np.zeros((1, depth))
        norms = (rng.standard_normal((int(rng.choice([1, 5, 100])), widths[0])) ** 2).sum(axis=1)
        yield activation, widths, scale, bias, norms


def test_two_hundred_architectures_against_sampled_chains():
    """Scores are standard normal: within 4.5, squares that average to one."""
    scores = []
    for k, (activation, widths, scale, bias, norms) in enumerate(architectures(200)):
        energy, error, trusted = _core.network_chain(activation, widths, scale, bias, norms, 2)
        mean, deviation = sampled_chains(activation, widths, scale, bias, norms, (k, 1), 4000, 2)
        assert trusted[0], (activation, widths)
        assert (np.abs(energy - mean) < 4.5 * deviation + error + 1e-3 * energy).all(), (activation, widths)
        bounded = activation in ("tanh", "sigmoid", "erf", "hardtanh")
        if len(widths) > 2 and bounded and deviation[0, -1] > 1e-9 * mean[0, -1]:
            scores.append((energy[0, -1] - mean[0, -1]) / deviation[0, -1])
    assert len(scores) > 30
    assert np.abs(scores).max() < 4.5
    assert 0.5 < np.mean(np.square(scores)) < 1.6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mean_field_is_the_limit_of_wide_layers(activation):
    """Errors fall as 1/n, with the correction as 1/n^2."""
    norms = np.array([0.0, 1.0, 2.5])
    errors = []
    for width in (128, 256):
        widths = np.array([4, width, width, width, 2])
        weight, bias = np.array([[1.0, *[1.2 / np.sqrt(width)] * 3]]), np.full((1, 4), 0.2)
        exact = _core.network_chain(activation, widths, weight, bias, norms, 1)[0]
        leading, corrected = _core.network_mean_field(activation, widths, weight, bias, norms, 1)
        errors.append([abs(leading - exact)[0, 3] / exact[0, 3], abs(corrected - exact)[0, 3] / exact[0, 3]])
    (first, second), (half, quarter) = errors
    if activation in ("relu", "identity", "leaky_relu"):
        assert max(first, second) < 1e-9
    else:
        assert first / half == pytest.approx(2, rel=0.05)
        assert second / quarter == pytest.approx(4, rel=0.15)


def test_many_rows_cost_panels_and_few_rows_are_exact():
    """Interpolated over rows and row by row."""
    rng = np.random.default_rng(3)
    norms = np.exp(rng.normal(0, 2, 400))
    norms[:3] = 0
    for bias in (0.0, 0.2):
        energy, error, _ = chain("tanh", [4, 12, 6, 3], 0.8, bias, norms)
        parts = [chain("tanh", [4, 12, 6, 3], 0.8, bias, part)[0] for part in norms.reshape(20, 20)]
        assert (np.abs(energy - np.mean(parts, axis=0)) <= error).all()
        assert (error <= 1e-9 * energy).all()


def test_laws_and_threads():
    """A batch is its laws one by one, on any number of threads, to the last bit."""
    rng = np.random.default_rng(5)
    widths, norms = np.array([6, 9, 70, 3]), rng.chisquare(6, 50)
    weight, bias = 10.0 ** rng.uniform(-1, 1, (5, 3)), rng.uniform(0, 1, (5, 3))
    for call in (
        lambda w, b, threads: _core.network_chain("sigmoid", widths, w, b, norms, threads),
        lambda w, b, threads: _core.network_mean_field("silu", widths, w, b, norms, threads),
        lambda w, b, threads: sampled_chains("tanh", widths, w, b, norms, (1, 2), 1001, threads),
    ):
        whole = call(weight, bias, 1)
        for threads in (2, 7):
            for one, other in zip(whole, call(weight, bias, threads), strict=True):
                np.testing.assert_array_equal(one, other)
        for law in range(5):
            for one, other in zip(whole, call(weight[law : law + 1], bias[law : law + 1], 2), strict=True):
                np.testing.assert_array_equal(one[law], other[0])


def test_sampled_standard_errors_are_calibrated():
    """Scores of many seeds have unit variance, rows of very different norms included."""
    norms = np.exp(np.random.default_rng(2).normal(0, 1.5, 64))
    arguments = ("tanh", np.array([3, 4, 5, 2]), np.full((1, 3), 0.9), np.full((1, 3), 0.1), norms)
    energy = _core.network_chain(*arguments, 1)[0]
    pairs = [sampled_chains(*arguments, (seed, 0), 501, 1) for seed in range(400)]
    scores = np.array([((mean - energy) / error)[0, 1:] for mean, error in pairs])
    assert np.abs(scores.mean(axis=0)).max() < 4.5 / 20
    assert (np.square(scores).mean(axis=0) < 1.3).all()
    assert (np.square(scores).mean(axis=0) > 0.5).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation": "step"}, "activation must be one of tanh, .* got 'step'"),
        ({"widths": np.array([3])}, "widths must have at least two"),
        ({"widths": np.array([3, 0, 2])}, "widths must be at least 1, got 0"),
        ({"weight": np.full((1, 2), -1.0)}, "weight must be finite and not negative, got -1"),
        ({"shift": np.full((1, 2), np.inf)}, "shift must be finite, got inf"),
        ({"shift": np.zeros((1, 3))}, "shift must have 2 columns"),
        ({"weight": np.ones((1, 3))}, "weight must have 2 columns"),
        ({"bias": np.full((1, 2), -1.0)}, "bias must be finite and not negative, got -1"),
        ({"norms": np.array([])}, "norms must have at least one row"),
        ({"norms": np.array([np.nan])}, "norms must be finite"),
        ({"weight": np.full((1, 2), 1e200)}, "energies must be finite.*use a smaller scale"),
    ],
)
def test_refusals(change, message):
    """What must hold, and what came."""
    arguments = {
        "activation": "tanh",
        "widths": np.array([3, 4, 2]),
        "weight": np.ones((1, 2)),
        "bias": np.zeros((1, 2)),
        "norms": np.ones(1),
        "threads": 1,
    }
    with pytest.raises(ValueError, match=message):
        _core.network_chain(**arguments | change)


def test_deep_layers_of_one_width_share_their_rules():
    """Four times the layers cost little more: the grid of deep layers rests."""

    def seconds(depth):
        start = time.process_time()
        energy, error, trusted = chain("tanh", [8, *[20] * depth, 1], 0.7, 0, [8.0])
        assert trusted
        assert (error <= 1e-9 * energy).all()
        assert energy[-2] == pytest.approx(energy[-6], rel=1e-6)
        return time.process_time() - start

    few, many = (min(seconds(depth) for _ in range(2)) for depth in (20, 80))
    assert many < 5 * few


@pytest.mark.parametrize("activation", ["softplus", "gelu", "silu", "elu", "mish", "hardswish"])
def test_large_scales_are_those_of_relu_at_a_bounded_cost(activation):
    """What an activation adds to relu is bounded; most variances of deeper layers are then too small to matter."""
    widths = [4, 2, 3, 1]
    for scale in (1e16, 1e37):
        energy, error, trusted = chain(activation, widths, scale, 0, [4.0])
        known, *_ = chain("relu", widths, scale, 0, [4.0])
        assert trusted
        assert (np.abs(energy - known) <= error + 2e-15 * known).all()
        assert (error <= 1e-9 * energy).all()

    def seconds(scale):
        start = time.process_time()
        chain(activation, widths, scale, scale, [4.0])
        return time.process_time() - start

    usual, large = (min(seconds(scale) for _ in range(2)) for scale in (1e8, 1e37))
    assert large < 5 * usual
