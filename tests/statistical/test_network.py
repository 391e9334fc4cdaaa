"""Exact energies of networks against sampled ones, in standard errors."""

import numpy as np
import pytest

import pyrometer as pm

ACTIVATIONS = (
    *("tanh", "sigmoid", "relu", "identity", "erf", "leaky_relu", "gelu", "silu", "softplus", "elu"),
    *("selu", "mish", "hardswish", "hardtanh"),
)


def architectures(count):
    """Depth 1 to 6, width 1 to 64, scales 0.01 to 100, with and without biases, all activations."""
    rng = np.random.default_rng(2024)
    for k in range(count):
        depth = int(rng.integers(1, 7))
        widths = np.exp(rng.uniform(0, np.log(64.5), size=depth + 1)).astype(int).clip(1, 64)
        X = rng.normal(size=(4, widths[0])) * np.exp(rng.normal(size=(4, 1)))
        network = pm.Network(
            X,
            hidden=widths[1:-1].tolist(),
            outputs=int(widths[-1]),
            activation=ACTIVATIONS[k % len(ACTIVATIONS)],
            bias=bool(rng.integers(2)),
        )
        yield network, pm.Normal(float(np.exp(rng.uniform(np.log(0.01), np.log(100)))))


def heavy(network):
    """Energies whose rare large draws a small sample cannot see: linear growth through narrow layers."""
    grows = network.activation not in ("tanh", "sigmoid", "erf", "hardtanh")
    return grows and np.prod([1 + 5 / n for n in network.widths[1:-1]]) > 4.0


def test_two_hundred_architectures():
    scores = []
    for seed, (network, law) in enumerate(architectures(200)):
        exact = pm.mean_energy(network, law)
        assert exact.method == "exact"
        assert exact.error_bound <= 1e-4 * exact.value
        if heavy(network):
            continue
        sampled = pm.mean_energy(network, law, method="monte-carlo", samples=2000, rng=seed)
        z = (sampled.value - exact.value) / np.hypot(sampled.standard_error, 1e-9 * exact.value)
        assert abs(z) < 5.5, (network, law, z)
        scores.append(z)
    # Networks whose energy no draw changes, those of one layer, have no score.
    scores = np.array([z for z in scores if abs(z) > 1e-3])
    assert len(scores) > 80
    assert abs(scores.mean()) < 4.5 / np.sqrt(len(scores))
    assert abs(scores.var() - 1) < 4.5 * np.sqrt(2 / len(scores))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
@pytest.mark.parametrize("law", [pm.Uniform(1.5), pm.HeUniform(), pm.TorchLinear()])
def test_uniform_laws_have_the_same_closed_form(activation, law):
    X = np.random.default_rng(5).normal(size=(12, 6))
    network = pm.Network(X, hidden=(10, 20), outputs=3, activation=activation, bias=True)
    exact = pm.mean_energy(network, law)
    sampled = pm.mean_energy(network, law, method="monte-carlo", samples=20_000, rng=1)
    assert exact.method == "exact"
    assert abs(sampled.value - exact.value) < 4.5 * sampled.standard_error
    assert sampled.standard_error < 0.02 * exact.value


def test_uniform_laws_of_wide_layers_are_nearly_normal():
    """The first two layers of tanh networks at fan-in 64: 0.3 % off, and no exact method."""
    X = np.random.default_rng(6).normal(size=(8, 64))
    network = pm.Network(X, hidden=(64,), outputs=4)
    law = pm.LecunUniform()
    found = pm.mean_energy(network, law, samples=20_000, rng=2)
    assert found.method == "monte-carlo"
    field = pm.mean_energy(network, law, method="corrected-mean-field").value
    assert abs(found.value - field) < 4.5 * found.standard_error + 0.005 * field


def test_scores_of_many_seeds_are_standard():
    X = np.random.default_rng(7).normal(size=(200, 5)) * np.exp(np.random.default_rng(8).normal(size=(200, 1)))
    network, law = pm.Network(X, hidden=(16, 16), outputs=2, bias=True), pm.Normal(0.4)
    exact = pm.mean_energy(network, law).value
    found = [pm.mean_energy(network, law, method="monte-carlo", samples=400, rng=seed) for seed in range(150)]
    z = np.array([(estimate.value - exact) / estimate.standard_error for estimate in found])
    assert abs(z.mean()) < 4.5 / np.sqrt(len(z))
    assert abs(z.var(ddof=1) - 1) < 4.5 * np.sqrt(2 / len(z))


def test_spectra_have_the_mean_and_the_variance_of_the_closed_forms():
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    network, law = pm.Network(X, y, hidden=(12,), activation="relu", bias=True), pm.HeNormal()
    E = pm.sample_energies(network, law, samples=20_000, rng=3)
    assert abs(E.mean() - pm.mean_energy(network, law).value) < 4.5 * E.std() / np.sqrt(len(E))
    squares = (E - E.mean()) ** 2
    assert abs(squares.mean() - pm.energy_variance(network, law)) < 4.5 * squares.std() / np.sqrt(len(E))
