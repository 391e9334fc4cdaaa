"""Energies of every layer at finite width: exact, by sampled scalar chains, and by NumPy."""

import numpy as np
import pytest

from pyrometer import _core
from pyrometer.base import Tally

ROWS = 1000


def network(widths, scale):
    """Return the widths, one law and the rows' squared norms."""
    layers = len(widths) - 1
    X = np.random.default_rng(0).standard_normal((ROWS, widths[0]))
    weight = scale / np.sqrt(np.array([widths[:-1]], float))
    return X, (np.array(widths), weight, np.zeros((1, layers)), (X**2).sum(axis=1))


def sampled_chains(activation, widths, weight, bias, norms, seed, samples, threads):
    """Means and standard errors (b, L) of sampled scalar chains."""
    tally = Tally(paired=True)
    tally.add(_core.network_chain_draws(activation, widths, weight, bias, norms, seed, 0, samples, samples, threads))
    return tally.mean(), tally.error()


def brute_force(X, widths, weight, draws, rng):
    """Energies (draws, L) of whole networks."""
    energies = np.empty((draws, len(widths) - 1))
    for draw in range(draws):
        x = X
        for layer, scale in enumerate(weight[0]):
            z = x @ (scale * rng.standard_normal((widths[layer], widths[layer + 1])))
            energies[draw, layer] = np.einsum("ij,ij->", z, z) / len(X)
            x = np.tanh(z)
    return energies


SHAPES = {
    "64-256-256-10": [64, 256, 256, 10],
    "8-16-16-4": [8, 16, 16, 4],
    "16-32x10-1": [16, *[32] * 10, 1],
    "50 x 4096": [4096] * 51,
}


@pytest.mark.benchmark(group="energies of layers, 1,000 rows")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu"])
def test_exact(benchmark, threads, shape, activation):
    """At most 20 ms for 64-256-256-10, 500 ms for fifty layers of 4096, to 1e-9."""
    _, arguments = network(SHAPES[shape], 1.5 if activation != "gelu" else 1.0)
    energy, error, trusted = benchmark(lambda: _core.network_chain(activation, *arguments, threads))
    assert trusted[0]
    assert (error <= 1e-9 * energy).all()
    benchmark.extra_info["relative error"] = f"{(error / energy).max():.0e}"
    if shape != "50 x 4096":
        mean, deviation = sampled_chains(activation, *arguments, (1, 2), 1000, 1)
        assert (np.abs(energy - mean) < 4.5 * deviation + error).all()


@pytest.mark.benchmark(group="energies of layers, 1,000,000 rows, 64-256-256-10, tanh")
def test_many_rows(benchmark, threads):
    """One pass over the norms, sorted."""
    widths, weight, bias, _ = network([64, 256, 256, 10], 1.5)[1]
    norms = np.random.default_rng(1).chisquare(64, 1_000_000)
    benchmark(lambda: _core.network_chain("tanh", widths, weight, bias, norms, threads))


@pytest.mark.rival("pyrometer, mean field")
@pytest.mark.benchmark(group="energies of layers, 1,000 rows, tanh, 64-256-256-10")
def test_mean_field(benchmark, threads):
    """Infinite width and the 1/n correction: 1e-6 of the energy here."""
    _, arguments = network([64, 256, 256, 10], 1.5)
    exact = _core.network_chain("tanh", *arguments, 1)[0]
    _, corrected = benchmark(lambda: _core.network_mean_field("tanh", *arguments, threads))
    np.testing.assert_allclose(corrected, exact, rtol=1e-5)
    benchmark.extra_info["relative error"] = f"{np.abs(corrected / exact - 1).max():.0e}"


@pytest.mark.rival("pyrometer, 1,000 sampled chains")
@pytest.mark.benchmark(group="energies of layers, 1,000 rows, tanh, 64-256-256-10")
def test_sampled_chains(benchmark, threads):
    """A thousand draws: a relative standard error near 0.2 %."""
    _, arguments = network([64, 256, 256, 10], 1.5)
    mean, deviation = benchmark(lambda: sampled_chains("tanh", *arguments, (1, 2), 1000, threads))
    benchmark.extra_info["relative error"] = f"{(deviation / mean).max():.0e}"
    assert (deviation[0, -1] < 5e-3 * mean[0, -1]).all()


@pytest.mark.rival("NumPy, 10 draws of all weights")
@pytest.mark.benchmark(group="energies of layers, 1,000 rows, tanh, 64-256-256-10")
def test_brute_force_in_numpy(benchmark, threads):
    """Ten draws of every weight: a relative standard error near 15 %; 0.1 % takes 20,000 times as many."""
    X, (widths, weight, _, norms) = network([64, 256, 256, 10], 1.5)
    exact = _core.network_chain("tanh", widths, weight, np.zeros((1, 3)), norms, 1)[0][0]
    rng = np.random.default_rng(2)
    many = brute_force(X[:50], widths, weight, 300, rng)
    few = _core.network_chain("tanh", widths, weight, np.zeros((1, 3)), norms[:50], 1)[0][0]
    assert (np.abs(many.mean(axis=0) - few) < 4.5 * many.std(axis=0) / np.sqrt(len(many))).all()
    energies = benchmark.pedantic(lambda: brute_force(X, widths, weight, 10, rng), rounds=2)
    error = energies.std(axis=0) / np.sqrt(10)
    assert (np.abs(energies.mean(axis=0) - exact) < 6 * error).all()
    benchmark.extra_info["relative error"] = f"{(error / exact).max():.0e}"
