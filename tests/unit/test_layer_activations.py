"""One activation for each hidden layer: the same bits where they are equal, and forward passes where they are not."""

import itertools

import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core

from .network_reference import ACTIVATIONS, layer_energies, unpack

RNG = np.random.default_rng(8)
X = RNG.normal(size=(7, 4))
MIXED = [
    ["relu", "tanh"],
    ["tanh", "relu"],
    ["sigmoid", "leaky_relu"],
    ["hardtanh", "selu"],
    ["identity", "mish"],
    ["relu", "leaky_relu"],
    ["erf", "softplus"],
    ["hardswish", np.sin],
]


def network(activation, hidden=(6, 5), **options):
    return pm.Network(X, hidden=hidden, outputs=2, activation=activation, **options)


def phi_of(name):
    return ACTIVATIONS[name] if isinstance(name, str) else name


def by_hand(theta, widths, bias, activation):
    """Energies of the layers, each with its activation."""
    x, energies = X, []
    for (W, b), name in zip(unpack(theta, widths, bias), [*activation, "identity"], strict=True):
        z = x @ W.T + b
        energies.append(np.mean(np.sum(z**2, axis=1)))
        x = phi_of(name)(z)
    return energies


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu", np.tanh])
def test_equal_activations_are_one(name):
    one, many = network(name), network([name, name])
    assert many.activation is one.activation
    assert repr(many) == repr(one)
    for method in ("auto", "monte-carlo"):
        found, known = (pm.heat_engine(n, pm.Normal(0.7), method=method, samples=500, rng=1) for n in (many, one))
        assert found == known


@pytest.mark.parametrize("activation", MIXED)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("law", [pm.Normal(0.8), pm.Normal([3.0, 0.2, 1.0]), pm.Uniform(2.0)])
def test_energies_are_those_of_forward_passes(activation, bias, law):
    net, samples = network(activation, bias=bias), 3000
    drawn = [by_hand(t, net.widths, bias, activation) for t in pm.sample_parameters(net, law, samples=samples, rng=3)]
    mean, error = np.mean(drawn, axis=0), np.std(drawn, axis=0) / np.sqrt(samples)
    np.testing.assert_allclose(pm.sample_energies(net, law, samples=samples, rng=3), np.array(drawn)[:, -1], rtol=1e-11)
    for method in ("auto", "monte-carlo"):
        found = pm.heat_engine(net, law, method=method, samples=samples, rng=4).layers
        assert (np.abs(found.energy - mean) < 4.5 * np.hypot(error, found.standard_error) + 1e-12 * mean).all()


@pytest.mark.parametrize("activation", [a for a in MIXED if all(isinstance(name, str) for name in a)])
def test_marginals_are_derivatives(activation):
    net, h = network(activation, bias=True), 0.02
    for method in ("auto", "mean-field", "refined"):
        steps = np.exp(h * np.array([-2.0, -1.0, 1.0, 2.0]))
        E = [pm.heat_engine(net, pm.Normal(0.9 * s), method=method).layers.energy for s in steps]
        slope = (E[0] - 8 * E[1] + 8 * E[2] - E[3]) / (12 * h)
        found = pm.heat_engine(net, pm.Normal(0.9), method=method).layers
        np.testing.assert_allclose(found.marginal * found.parameters, slope, rtol=1e-5)


def test_limits_are_those_of_each_layer():
    """Behind a layer that saturates only what comes after it grows."""
    scale, n = 1e5, 2
    for activation, expected in (
        (["relu", "tanh"], n * scale**2 * 5.0),
        (["sigmoid", "relu"], n * scale**2 * 0.5 * 5 * scale**2 * 0.5 * 6),
        (["hardswish", "identity"], n * scale**2 * 5 * scale**2 * 0.5 * 6 * scale**2 * np.mean(np.sum(X**2, axis=1))),
    ):
        net = network(activation)
        assert pm.mean_energy(net, pm.Normal(scale), method="asymptotic").value == pytest.approx(expected, rel=1e-12)
        found = pm.mean_energy(net, pm.Normal(scale), method="exact").value
        assert found == pytest.approx(expected, rel=1e-3 if "identity" in activation else 0.1)  # terms of 2^-n


@pytest.mark.parametrize("activation", [["relu", "leaky_relu", "identity"], ["leaky_relu", "identity", "relu"]])
def test_variances_of_homogeneous_layers(activation):
    one = pm.Network(X[:1], hidden=(4, 5, 6), outputs=1, activation=activation, bias=True)
    law = pm.Normal(0.5)
    draws = pm.sample_energies(one, law, samples=200_000, rng=5)
    squares = (draws - draws.mean()) ** 2
    assert abs(squares.mean() - pm.energy_variance(one, law)) < 5.0 * squares.std() / np.sqrt(len(draws))
    assert pm.mean_energy(one, law).error_bound == 0.0
    single = pm.Network(X, hidden=(4,), outputs=1, activation=activation[:1])
    known = pm.Network(X, hidden=(4,), outputs=1, activation=activation[0])
    assert pm.energy_variance(single, law) == pm.energy_variance(known, law)


@pytest.mark.parametrize("activation", [["relu", "tanh", "leaky_relu"], ["hardtanh", "identity", "gelu"]])
@pytest.mark.parametrize("shift", [-200, -100, 200])
def test_scales_move_between_layers(activation, shift):
    """A homogeneous layer at any scale, others at small ones, are rescaled; the outputs stay what they are."""
    net = pm.Network(X, hidden=(5, 4, 3), outputs=2, activation=activation)
    place = 0 if activation[0] == "relu" or shift < 0 else 1
    plain = np.array([1.0, 1.0, 1.0, 1.0])
    if activation[0] != "relu":
        plain[0] = 1e-12
    moved = plain.copy()
    moved[place], moved[place + 1] = moved[place] * 2.0**shift, moved[place + 1] * 2.0**-shift
    if activation[0] == "hardtanh" and place == 1:
        moved = plain.copy()
        moved[1], moved[2] = moved[1] * 2.0**shift, moved[2] * 2.0**-shift
    exact, same = (pm.mean_energy(net, pm.Normal(scale)).value for scale in (plain, moved))
    assert same == pytest.approx(exact, rel=1e-9)
    drawn = [pm.sample_energies(net, pm.Normal(scale), samples=5, rng=1) for scale in (plain, moved)]
    np.testing.assert_allclose(drawn[1], drawn[0], rtol=1e-9)


def test_ideal_energies_take_each_activation():
    net = network(["relu", "tanh"], bias=True)
    theta = pm.sample_parameters(net, pm.Normal(1.0), samples=1, rng=2)[0]
    added = pm.heat_engine(net, pm.Normal(1.0), ideal=theta).layers.energy
    plain = pm.heat_engine(net, pm.Normal(1.0)).layers.energy
    np.testing.assert_allclose(added - plain, by_hand(theta, net.widths, True, ["relu", "tanh"]), rtol=1e-9)


def test_the_core_takes_names_with_commas():
    arguments = np.array([3, 4, 5, 2]), np.ones((1, 3)), np.zeros((1, 3)), np.ones(1), 1
    one, two = (_core.network_chain(names, *arguments)[0] for names in ("tanh", "tanh,tanh"))
    np.testing.assert_array_equal(one, two)
    for names, message in (
        ("tanh,relu,tanh", "one for each of 2 hidden layers, got 3"),
        ("tanh,", "activation must be one of tanh, .* got ''"),
        ("", "got ''"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.network_chain(names, *arguments)


def test_sequences_of_any_kind_and_repr():
    for sequence in (["relu", "tanh"], ("relu", "tanh"), np.array(["relu", "tanh"]), iter(["relu", "tanh"])):
        assert repr(network(sequence)).splitlines()[0] == "Network, 4-6-5-2 relu,tanh"
    assert repr(network(["relu", np.sin])).startswith("Network, 4-6-5-2 relu,sin\n")
    assert repr(pm.Network(X, hidden=(), outputs=1, activation=[])).startswith("Network, 4-1 identity\n")


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (["relu"], "activation must be one, or one for each of the 2 hidden layers, got 1"),
        (["relu", "tanh", "relu"], "one for each of the 2 hidden layers, got 3; the last layer has none"),
        ([], "one for each of the 2 hidden layers, got 0"),
        (["relu", "swish"], r"activation\[1\] must be one of 'tanh'.* got 'swish'"),
        (["relu", None], r"activation\[1\] must be one of"),
        ("relu,tanh", "activation must be one of 'tanh'.* got 'relu,tanh'"),
        (None, "activation must be one of 'tanh'"),
        ({"relu": 1}, "activation must be one of 'tanh'"),
        (b"relu", "activation must be one of 'tanh'"),
    ],
)
def test_refusals(activation, message):
    with pytest.raises(ValueError, match=message):
        network(activation)


def test_methods_that_need_names():
    net = network(["relu", np.sin])
    for method in ("exact", "mean-field", "refined"):
        with pytest.raises(ValueError, match=f"method='{method}' needs an activation by name"):
            pm.mean_energy(net, pm.Normal(1.0), method=method)
    with pytest.raises(ValueError, match="'relu', 'leaky_relu' or 'identity' only"):
        pm.energy_variance(network(["relu", "tanh"]), pm.Normal(1.0))


def test_one_layer_after_the_other_of_a_random_pair():
    """Every pair of activations, against sampled chains."""
    names = list(ACTIVATIONS)
    weight, bias = np.array([[0.9, 0.6, 1.0]]), np.array([[0.1, 0.0, 0.2]])
    widths, norms = np.array([3, 4, 5, 2]), np.array([0.5, 2.0])
    for first, second in itertools.islice(itertools.product(names, names), 0, None, 3):
        both = f"{first},{second}"
        energy, error, trusted = _core.network_chain(both, widths, weight, bias, norms, 1)
        draws = _core.network_chain_draws(both, widths, weight, bias, norms, (1, 2), 0, 4000, 4000, 1)[0]
        assert trusted[0]
        deviation = draws.std(axis=0) / np.sqrt(4000)
        assert (np.abs(energy[0] - draws.mean(axis=0)) < 4.5 * deviation + error[0] + 1e-9).all(), both


def test_reference():
    net = network("tanh", bias=True)
    theta = pm.sample_parameters(net, pm.Normal(1.0), samples=1, rng=0)[0]
    expected = layer_energies(X, unpack(theta, net.widths, True), np.tanh)
    np.testing.assert_allclose(by_hand(theta, net.widths, True, ["tanh", "tanh"]), expected)
