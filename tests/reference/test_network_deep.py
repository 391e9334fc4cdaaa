"""Deep networks whose energies are those of rare, large draws; chains of layers against other evaluations of them."""

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebfit, chebval
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

import pyrometer as pm
from pyrometer import _core

PHI = {"silu": lambda z: z / (1.0 + np.exp(-z)), "gelu": lambda z: z * ndtr(z), "tanh": np.tanh}


def chain(names, widths, scales, biases=0.0):
    """Energies, errors and whether they are trusted, of one row of norm n_0."""
    count = len(widths) - 1
    weight = np.broadcast_to(scales, count)[None].copy()
    bias = np.broadcast_to(biases, count)[None].copy()
    energy, error, trusted = _core.network_chain(names, np.array(widths), weight, bias, np.array([float(widths[0])]), 1)
    return energy[0], error[0], trusted[0]


def of_gain(gain, widths):
    return np.sqrt(gain / np.array(widths[:-1], dtype=float))


def by_characteristic_functions(name, width, layers, gain, spacing=0.1):
    """The last energy of a unit, backwards: E(v) on a fine grid of ln v, averaged over the density of q at each v.

    The density of the sum of squares is the Fourier transform of a power of the characteristic function of one: where
    all units are inactive it has an atom, of probability 2^-width, which is not resolved.
    """
    grid = np.arange(-9.0, 9.0, spacing)
    z = np.linspace(-9.0, 9.0, 1001)
    weight = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    values, masses = [], []
    for v in np.exp(grid):
        with np.errstate(over="ignore"):
            square = PHI[name](np.sqrt(v) * z) ** 2
        mean = weight @ square
        deviation = np.sqrt(width * (weight @ square**2 - mean**2))
        low, high = max(0.0, width * mean - 9.0 * deviation), width * mean + 18.0 * deviation
        period = high - low
        count = int(np.ceil(25.0 * period / (2.0 * np.pi * deviation)))
        t = 2.0 * np.pi / period * np.arange(count + 1)
        transform = (np.exp(1j * np.outer(t, square - mean)) @ weight) ** width * np.exp(1j * t * (width * mean - low))
        whole = np.concatenate([transform, np.zeros(2 * count), np.conj(transform[:0:-1])])
        mass = np.fft.fft(whole).real / len(whole)
        q = low + period / len(whole) * np.arange(len(whole))
        kept = (mass > 1e-15) & (q > 0.0)
        values.append(np.log(gain / width * q[kept]))
        masses.append(mass[kept])
    log = grid.copy()
    for _ in range(layers - 1):
        spline = CubicSpline(grid, log)
        beyond = [np.clip(x, grid[0], grid[-1]) for x in values]
        log = np.log([m @ np.exp(spline(c) + x - c) for m, x, c in zip(masses, values, beyond, strict=True)])
    return float(np.exp(CubicSpline(grid, log)(np.log(gain))))


@pytest.mark.parametrize(("name", "width", "gain"), [("silu", 40, 2.0), ("gelu", 48, 2.4), ("tanh", 16, 1.0)])
def test_chains_are_those_of_densities_from_characteristic_functions(name, width, gain):
    layers = 5
    widths = [width] * layers + [1]
    energy, error, trusted = chain(name, widths, of_gain(gain, widths))
    assert trusted
    assert energy[-1] == pytest.approx(by_characteristic_functions(name, width, layers, gain), rel=5e-5)
    assert (error <= 1e-8 * energy).all()


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
@pytest.mark.parametrize("width", [64, 4096])
@pytest.mark.parametrize("gain", [2.0, 2.4])
def test_fifty_layers_are_exact(name, width, gain):
    widths = [width] * 50 + [10]
    energy, error, trusted = chain(name, widths, of_gain(gain, widths))
    assert trusted
    assert (error <= 1e-6 * energy).all()


def test_fifty_layers_of_silu_by_characteristic_functions():
    """The last energy with spacing 0.025 of ln v, whose error is about 5e-8: minutes, and therefore only its result."""
    widths = [64] * 50 + [10]
    energy, *_ = chain("silu", widths, of_gain(2.0, widths))
    assert energy[-1] == pytest.approx(9.669245328e-3, rel=1e-7)


@pytest.mark.parametrize(
    ("name", "width", "gain", "bias"),
    [("gelu", 64, 2.0, 0.0), ("silu", 256, 2.3, 0.0), ("tanh", 8, 1.2, 0.3), ("elu", 20, 1.2, 0.0)],
)
def test_layers_that_repeat_are_those_that_nearly_do(name, width, gain, bias):
    """Grids, rules and functions of equal layers are shared: those of layers that differ by rounding are not."""
    widths = [width] * 16 + [3]
    scales = of_gain(gain, widths)
    energy, error, _ = chain(name, widths, scales, bias)
    other, near, _ = chain(name, widths, scales * (1.0 + 4e-15 * np.arange(16)), bias)
    assert (np.abs(energy - other) <= error + near + 1e-11 * energy).all()


@pytest.mark.parametrize("width", [2, 4, 8, 16, 32, 63, 64, 128])
def test_narrow_layers_have_no_other_error(width):
    widths = [width] * 50 + [10]
    energy, error, trusted = chain("tanh", widths, of_gain(1.0, widths))
    assert trusted
    assert (error <= 1e-5 * energy).all()


def test_all_activations_in_one_network_with_biases():
    names = ["tanh", "gelu", "elu", "hardswish", "selu", "mish", "softplus", "silu", "sigmoid", "erf"]
    widths = [5] + [20, 30] * 5 + [2]
    energy, error, trusted = chain(",".join(names), widths, of_gain(2.0, widths), 0.2)
    assert trusted
    assert (error <= 1e-8 * energy).all()
    rng = np.random.default_rng(1)
    draws, found = 20_000, []
    x = np.sqrt(np.full((draws, 5), 1.0))
    for layer, name in enumerate([*names, None]):
        scale = np.sqrt(2.0 / widths[layer] * (x**2).sum(axis=1) + 0.04)
        z = scale[:, None] * rng.standard_normal((draws, widths[layer + 1]))
        found.append(widths[layer + 1] * scale**2)
        x = z if name is None else _core.activate(name, np.ascontiguousarray(z))
    for layer, sample in enumerate(found):
        assert abs(sample.mean() - energy[layer]) <= 4.5 * sample.std() / np.sqrt(draws) + 1e-12 * energy[layer]


def test_twelve_layers_at_a_large_scale():
    network = pm.Network(np.ones((1, 5)), hidden=[20] * 12, outputs=1, activation="gelu", bias=True)
    engine = pm.heat_engine(network, pm.Normal(50.0), threads=1)
    assert (engine.layers.error_bound <= 1e-8 * engine.layers.energy).all()


def of_bounded_units(widths, scales, bias, size=48):
    """Energies of the layers of a tanh network for one row of norm n_0, backwards through functions of v_l.

    These are Chebyshev series on all values that v_l can have, from bias^2 to bias^2 + scale_l^2 n_{l-1}. The mean over
    q_l adds one unit after the other: E f(s + tanh(z)^2) is a series in s, the sum over the units before.
    """
    z = np.arange(0.015, 9.0, 0.03)
    weight = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    node = np.cos(np.pi * (np.arange(size) + 0.5) / size)

    def mean(above, count, v):
        square = np.tanh(np.sqrt(v) * z) ** 2
        for rest in range(count - 1, 0, -1):
            q = 0.5 * rest * (1.0 + node)[:, None] + square
            above = chebfit(node, (chebval(2.0 * q / (rest + 1) - 1.0, above) @ weight).T, size - 1)
        return chebval(2.0 * square - 1.0, above) @ weight

    above = None
    for layer in range(len(widths) - 1, 0, -1):
        most = scales[layer - 1] ** 2 * widths[layer - 1]
        v = bias**2 + (0.5 * most * (1.0 + node) if layer > 1 else np.array([most]))
        found = widths[layer] * v[:, None]
        if above is not None:
            found = np.column_stack([found, [mean(above, widths[layer], each) for each in v]])
        above = chebfit(node, found, size - 1) if layer > 1 else found[0]
    return above


@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_claimed_errors_hold_where_a_few_bounded_units_end_the_range(gain):
    widths = [59, 5, 2, 3, 3, 48]
    scales = of_gain(gain, widths)
    energy, error, _ = chain("tanh", widths, scales, 0.378)
    assert (np.abs(energy - of_bounded_units(widths, scales, 0.378)) <= error + 1e-13 * energy).all()
    assert (error <= 1e-9 * energy).all()


@pytest.mark.parametrize(
    ("name", "widths", "gain", "bias"),
    [
        ("hardtanh", [47, 4, 3, 5, 3, 3, 48], 7.9, 0.378),
        ("hardtanh", [44, 4, 4, 5, 5, 4, 1], 1.6, 0.1),
        ("tanh", [59, 5, 2, 3, 3, 48], 1.0, 0.378),
        ("erf", [39, 5, 3, 3, 5, 3, 48], 23.6, 0.0),
    ],
)
def test_relative_errors_do_not_fall_from_layer_to_layer(name, widths, gain, bias):
    """Two discretisations may agree on a layer by chance, whose energy is that of the layer before nonetheless."""
    energy, error, _ = chain(name, widths, of_gain(gain, widths), bias)
    relative = error / energy
    assert (relative[1:] >= 0.99 * relative[:-1]).all()
