"""Networks: closed forms, their limits, and draws, against numbers worked out elsewhere."""

import itertools

import numpy as np
import pytest
from scipy import integrate

import pyrometer as pm
from pyrometer import _core

from .network_reference import ACTIVATIONS, layer_energies, ones, unpack

H = 0.5 * np.log(2 * np.pi * np.e)


# ---------------------------------------------------------------- energies


def test_two_layers_by_quadrature():
    """E_2 needs only E phi(sqrt(v) Z)^2, row by row."""
    X = np.random.default_rng(1).normal(size=(5, 3))
    for name, phi in ACTIVATIONS.items():
        network = pm.Network(X, hidden=(6,), outputs=2, activation=name, bias=True)
        for sigma in (0.2, 1.0, 7.0):
            means = []
            for q in (X**2).sum(axis=1):
                s = sigma * np.sqrt(q + 1)
                f = lambda z, s=s, phi=phi: phi(s * z) ** 2 * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)  # noqa: E731
                means.append(
                    sum(
                        integrate.quad(f, *ends, epsrel=1e-11, epsabs=0)[0]
                        for ends in ((-40, -1), (-1, 0), (0, 1), (1, 40))
                    )
                )
            expected = 2 * sigma**2 * (6 * np.mean(means) + 1)
            found = pm.mean_energy(network, pm.Normal(sigma))
            assert found.value == pytest.approx(expected, rel=1e-8), (name, sigma)
            assert found.method == "exact"
            assert found.error_bound <= 1e-7 * found.value


def test_targets_add_their_mean_square():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    with_y, without = (pm.Network(X, t, hidden=(4,), outputs=2) for t in (y, None))
    law = pm.Normal([0.5, 2.0])
    added = pm.mean_energy(with_y, law).value - pm.mean_energy(without, law).value
    assert added == pytest.approx(np.mean(np.sum(y**2, axis=1)), rel=1e-12)
    hot = pm.temperature(with_y, law, minimum=0.25)
    assert hot.value == pytest.approx((hot.energy - 0.25) / hot.entropy, rel=1e-15)
    assert pm.temperature(with_y, law).minimum_energy == 0.0
    engine = pm.heat_engine(with_y, law, minimum=0.25)
    assert engine.total == hot
    assert engine.temperature == pytest.approx(pm.temperature(without, law).value, rel=1e-14)


def test_a_network_without_hidden_layers_is_a_linear_regression():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    for bias in (False, True):
        network = pm.Network(X, y, hidden=(), activation="sigmoid", bias=bias)
        linear = pm.LinearRegression(X, y, intercept=bias)
        for law in (pm.Normal([[0.3], [2.0]]), pm.Uniform([[0.3], [2.0]])):
            for method in ("exact", "refined", "asymptotic"):
                a, b = (pm.temperature(s, law, method=method, minimum=0.1) for s in (network, linear))
                for field in ("value", "energy", "entropy", "marginal"):
                    np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=1e-12)
        np.testing.assert_allclose(
            pm.energy_variance(network, pm.Normal(0.7)), pm.energy_variance(linear, pm.Normal(0.7)), rtol=1e-12
        )


def test_relu_variances_of_the_literature():
    """Relative standard deviations of the energy of one row, n_L = 10; widths 8, 64, 512 at depths 3, 10, 50."""
    for depth, deviations in ((3, (1.47, 0.63, 0.47)), (10, (9.7, 1.17, 0.56)), (50, (1.6e5, 6.8, 0.97))):
        for width, deviation in zip((8, 64, 512), deviations, strict=True):
            network = ones(width, *[width] * (depth - 1), 10)
            law = pm.HeNormal()
            relative = np.sqrt(pm.energy_variance(network, law)) / pm.mean_energy(network, law).value
            assert relative == pytest.approx(deviation, rel=0.015)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
@pytest.mark.parametrize(("rows", "hidden"), [(1, (5, 4)), (6, (5,)), (6, ())])
@pytest.mark.parametrize("bias", [False, True])
def test_variances_against_draws(activation, rows, hidden, bias):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))
    network = pm.Network(X, y, hidden=hidden, activation=activation, bias=bias)
    law, samples = pm.Normal(0.7), 20_000
    theta = pm.sample_parameters(network, law, samples=samples, rng=5)
    phi = ACTIVATIONS[activation]
    x = np.broadcast_to(X, (samples, *X.shape))
    offset = 0
    for n, k in itertools.pairwise(network.widths):
        W = theta[:, offset : offset + n * k].reshape(-1, k, n)
        offset += n * k
        z = x @ W.transpose(0, 2, 1)
        if bias:
            z = z + theta[:, None, offset : offset + k]
            offset += k
        x = phi(z)
    E = np.mean(np.sum((y - z) ** 2, axis=-1), axis=-1)
    assert abs(E.mean() - pm.mean_energy(network, law).value) < 4.5 * E.std() / np.sqrt(samples)
    squares = (E - E.mean()) ** 2
    assert abs(squares.mean() - pm.energy_variance(network, law)) < 4.5 * squares.std() / np.sqrt(samples)


# ---------------------------------------------------------------- limits


def test_the_paper_s_limits():
    """(5.6), (5.8), (5.11), (5.34), (5.40), (E.2) as printed."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(9, 4))
    widths, N, square, s = (4, 6, 5, 2), 64, np.mean(np.sum(X**2, axis=1)), 30.0

    def T(activation, law):
        network = pm.Network(X, hidden=(6, 5), outputs=2, activation=activation)
        return pm.temperature(network, law, method="asymptotic").value

    for activation, r in (("tanh", 1.0), ("erf", 1.0), ("hardtanh", 1.0), ("sigmoid", 0.5)):
        assert T(activation, pm.Normal(s)) == pytest.approx(r * s**2 * 10 / (np.log(s) * N), rel=1e-13)
        assert T(activation, pm.LecunNormal(s)) == pytest.approx(r * s**2 * 2 / (np.log(s) * N), rel=1e-13)
    assert T("tanh", pm.Uniform(s)) == pytest.approx(s**2 * 10 / (12 * np.log(s) * N), rel=1e-13)
    for activation in ("relu", "gelu", "silu", "softplus", "elu", "mish", "hardswish"):
        expected = 2 * (s**2 / 2) ** 3 * 60 * square / (np.log(s) * N)
        assert T(activation, pm.Normal(s)) == pytest.approx(expected, rel=1e-13)
        expected = 2 * (s**2 / 2) ** 3 * 2 / 4 * square / (np.log(s) * N)
        assert T(activation, pm.LecunNormal(s)) == pytest.approx(expected, rel=1e-13)
    assert widths[0] == X.shape[1]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_exact_approaches_the_limit(activation):
    """Asymptotic T by h / ln sigma, refined T by a power of sigma, and small scales by the linear network."""
    network = ones(64, 64, 64, 10, activation=activation)
    ratios = []
    for sigma in (1e2, 1e4, 1e8):
        law = pm.Normal(sigma)
        exact = pm.temperature(network, law).value
        assert pm.temperature(network, law, method="refined").value / exact == pytest.approx(1, abs=1.0 / sigma)
        ratios.append(pm.temperature(network, law, method="asymptotic").value / exact - 1)
        assert ratios[-1] == pytest.approx(H / np.log(sigma), abs=2.0 / sigma)
    slope = {
        "tanh": 1.0,
        "erf": 4 / np.pi,
        "gelu": 0.25,
        "silu": 0.25,
        "elu": 1.0,
        "hardtanh": 1.0,
        "hardswish": 0.25,
        "mish": 0.36,
        "selu": 2.0973023,
    }.get(activation)
    if slope is not None:
        small = pm.mean_energy(network, pm.Normal(1e-5)).value
        assert small == pytest.approx(1e-30 * 64**3 * 10 * slope**2, rel=1e-3)


def test_the_logarithm_of_the_scaling():
    """5.4: the limit's error is (h - <ln n_{l-1}>/2) / ln sigma."""
    network = ones(64, 256, 256, 10, activation="tanh")
    for sigma, error in ((10, -0.49), (100, -0.26), (1e4, -0.13), (1e8, -0.066)):
        law = pm.LecunNormal(sigma)
        ratio = pm.temperature(network, law, method="asymptotic").value / pm.temperature(network, law).value
        assert ratio - 1 == pytest.approx(error, abs=0.006)


def test_wide_layers_approach_the_mean_field():
    errors = []
    for width in (32, 64, 128):
        network = ones(16, width, width, 4, activation="tanh")
        law = pm.LecunNormal(1.5)
        exact = pm.mean_energy(network, law).value
        errors.append(
            [pm.mean_energy(network, law, method=m).value / exact - 1 for m in ("mean-field", "corrected-mean-field")]
        )
    leading, corrected = np.abs(errors).T
    np.testing.assert_allclose(leading[:-1] / leading[1:], 2.0, rtol=0.1)
    np.testing.assert_allclose(corrected[:-1] / corrected[1:], 4.0, rtol=0.3)
    assert np.all(corrected < 0.05 * leading)


# ---------------------------------------------------------------- edges and draws


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_narrow_saturated_networks(width):
    """sigma to infinity: E q_l = n_l/2 (1 - p) + n_l/4 p, p_l = 2^-n_l (1 - p_{l-1}), p_0 = 0."""
    network, p, expected = ones(width, width, width, width, 1, activation="sigmoid"), 0.0, []
    for _ in range(3):
        expected.append(width * (0.5 * (1 - p) + 0.25 * p))
        p = 2.0**-width * (1 - p)
    found = pm.heat_engine(network, pm.Normal(1e8)).layers.energy / 1e16
    np.testing.assert_allclose(found[1:], np.multiply(expected, [width, width, 1]), rtol=1e-6)


def test_energies_without_an_accurate_quadrature_are_drawn_and_say_so(monkeypatch):
    network = ones(4, 4, 4, 1, activation="sigmoid")
    known = pm.mean_energy(network, pm.Normal([[0.1], [5.0]]))
    assert known.method == "exact"
    honest = _core.network_chain

    def doubtful(*arguments):
        energy, error, trusted = honest(*arguments)
        trusted[-1] = False
        error[-1] = np.inf
        return energy, error, trusted

    monkeypatch.setattr(_core, "network_chain", doubtful)
    found = pm.mean_energy(network, pm.Normal([[0.1], [5.0]]), samples=100_000, rng=1)
    assert (found.method, found.samples) == ("scalar-chain", 100_000)
    assert (found.value[0], found.standard_error[0]) == (known.value[0], 0.0)
    assert 0 < found.standard_error[1] < 0.01 * found.value[1]
    assert abs(found.value[1] - known.value[1]) < 4.5 * found.standard_error[1]


def test_draws_of_parameters_are_numbered_layer_by_layer():
    network = pm.Network(np.ones((1, 2)), hidden=(3,), outputs=1, bias=True)
    law = pm.Normal([2.0, 5.0])
    theta = pm.sample_parameters(network, law, samples=4, rng=0)
    assert theta.shape == (4, 13)
    unit = pm.sample_parameters(network, pm.Normal(1.0), samples=4, rng=0)
    np.testing.assert_allclose(theta / unit, np.broadcast_to([2.0] * 9 + [5.0] * 4, (4, 13)), rtol=1e-15)
    # The same weights where there are no biases.
    bare = pm.Network(np.ones((1, 2)), hidden=(3,), outputs=1)
    np.testing.assert_array_equal(
        pm.sample_parameters(bare, law, samples=4, rng=0), theta[:, [*range(6), *range(9, 12)]]
    )


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("law", [pm.Normal([[0.5], [2.0]]), pm.Uniform([0.5, 1.0, 4.0]), pm.TorchLinear()])
def test_functions_are_sampled_with_those_parameters(law, bias):
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    network = pm.Network(X, y, hidden=(3, 4), activation=np.sin, bias=bias)
    energies = pm.sample_energies(network, law, samples=5, rng=1)
    theta = pm.sample_parameters(network, law, samples=5, rng=1)
    bare = pm.sample_energies(
        pm.Network(X, hidden=(3, 4), outputs=2, activation=np.sin, bias=bias), law, samples=5, rng=1
    )
    for index in np.ndindex(energies.shape):
        layers = unpack(theta[index], network.widths, bias)
        assert bare[index] == pytest.approx(layer_energies(X, layers, np.sin)[-1], rel=1e-12)
        x = np.sin(np.sin(X @ layers[0][0].T + layers[0][1]) @ layers[1][0].T + layers[1][1])
        error = np.mean(np.sum((y - x @ layers[2][0].T - layers[2][1]) ** 2, axis=1))
        assert energies[index] == pytest.approx(error, rel=1e-12)


def test_layers_one_by_one():
    network = pm.Network(np.ones((3, 4)), hidden=(5, 6), outputs=2, activation="relu")
    layers = pm.heat_engine(network, pm.Normal([[1.0], [2.0]])).layers
    assert len(layers) == len(list(layers)) == 3
    np.testing.assert_array_equal(layers[1].energy, layers.energy[:, 1])
    np.testing.assert_array_equal(layers[0].gain, layers.gain[:, 0])
    assert layers[-1].verdict.tolist() == layers.verdict[:, 2].tolist()
    assert np.isnan(layers[2].gain).all()
    assert [layer.parameters for layer in layers] == [20, 30, 12]


@pytest.mark.parametrize("power", [-300, 270])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")
def test_sampled_energies_whose_squares_leave_the_range_of_a_double(power):
    """A ReLU network is homogeneous: a power of two in the inputs is its square in energy and error."""
    X = np.random.default_rng(0).normal(size=(40, 4))
    few = X[:5]
    for rows in (few, X):
        networks = [pm.Network(rows * c, hidden=(5, 3), outputs=2, activation="relu") for c in (1.0, 2.0**power)]
        plain, moved = (
            pm.mean_energy(network, pm.Normal(1.0), method="monte-carlo", samples=200, rng=1) for network in networks
        )
        assert 0.0 < plain.standard_error < plain.value
        if rows is few:  # of many, some are drawn, as many as their variance, which is out of range, asks for
            assert moved.value == plain.value * 4.0**power
            assert moved.standard_error == plain.standard_error * 4.0**power
        exact = pm.mean_energy(networks[1], pm.Normal(1.0)).value
        assert abs(moved.value - exact) < 4.5 * moved.standard_error
