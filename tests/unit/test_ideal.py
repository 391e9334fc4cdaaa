"""Layer energies against the pre-activations of a trained network (5.12): differences of draws, and scikit-learn's."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy import special
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

import pyrometer as pm

PHI = {
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "relu": lambda z: np.maximum(z, 0.0),
    "identity": lambda z: z,
    "erf": special.erf,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "softplus": lambda z: np.logaddexp(0.0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
    "selu": lambda z: 1.0507009873554804934 * np.where(z > 0, z, 1.67326324235437728 * np.expm1(np.minimum(z, 0.0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0.0, z)),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
}


def forward(X, layers, phi):
    x, found = X, []
    for W, b in layers:
        z = x @ W.T + (0.0 if b is None else b)
        found.append(z)
        x = phi(z)
    return found


def random_layers(r, widths, bias):
    return [(r.normal(size=(k, n)), r.normal(size=k) if bias else None) for n, k in pairwise(widths)]


@pytest.mark.parametrize("activation", PHI)
@pytest.mark.parametrize("bias", [False, True])
def test_weights_parameters_and_pre_activations_are_the_same(activation, bias):
    r = np.random.default_rng(3)
    X = r.normal(size=(6, 3))
    network = pm.Network(X, hidden=(5, 4), outputs=2, activation=activation, bias=bias)
    trained = random_layers(r, network.widths, bias)
    stars = forward(X, trained, PHI[activation])
    flat = np.concatenate([np.concatenate([W.ravel(), b if bias else []]) for W, b in trained])
    plain = pm.heat_engine(network, pm.Normal(0.7)).layers.energy
    expected = plain + [np.mean(np.sum(z**2, axis=1)) for z in stars]
    for ideal in (stars, trained, flat):
        engine = pm.heat_engine(network, pm.Normal(0.7), ideal=ideal)
        assert engine.layers.energy == pytest.approx(expected, rel=1e-13)
    assert engine.work_efficiency == pytest.approx(expected[-1] / expected.sum(), rel=1e-13)
    assert engine.temperature == pytest.approx(expected[-1] / engine.entropy, rel=1e-13)
    assert engine.total.value == pm.heat_engine(network, pm.Normal(0.7)).total.value


def distances_of_draws(network, law, stars, phi, samples):
    """Mean squared distances of the pre-activations of drawn parameters from z*, (samples, L)."""
    found = np.empty((samples, network.layers))
    for d, theta in enumerate(pm.sample_parameters(network, law, samples=samples, rng=1)):
        layers, first = [], 0
        for n, k in pairwise(network.widths):
            end = first + n * k
            layers.append((theta[first:end].reshape(k, n), theta[end : end + k]))
            first = end + k
        zs = forward(network.X, layers, phi)
        found[d] = [np.mean(np.sum((z - star) ** 2, axis=1)) for z, star in zip(zs, stars, strict=True)]
    return found


@pytest.mark.parametrize("activation", ["tanh", "relu", "silu"])
def test_energies_are_mean_squared_distances_of_draws(activation):
    r = np.random.default_rng(5)
    X, y = r.normal(size=(8, 2)), r.normal(size=(8, 1))
    network = pm.Network(X, y, hidden=(4, 3), activation=activation, bias=True)
    trained = random_layers(r, network.widths, True)
    stars = forward(X, trained, PHI[activation])
    engine = pm.heat_engine(network, pm.HeNormal(), ideal=trained)
    distances = distances_of_draws(network, pm.HeNormal(), stars, PHI[activation], 4000)
    error = distances.std(axis=0, ddof=1) / np.sqrt(4000)
    assert (np.abs(distances.mean(axis=0) - engine.layers.energy) < 4.5 * error).all()


def trained_by_gradients(X, y, widths, r):
    """Weights of a network with tanh where the gradient of a mean squared error with weight decay is 0, by L-BFGS."""
    layers = [(W / np.sqrt(W.shape[1]), b) for W, b in random_layers(r, widths, True)]
    shapes = [(W.shape, b.shape) for W, b in layers]

    def unpack(theta):
        found, first = [], 0
        for (k, n), _ in shapes:
            found.append((theta[first : first + k * n].reshape(k, n), theta[first + k * n : first + k * n + k]))
            first += k * n + k
        return found

    def loss(theta):
        layers = unpack(theta)
        zs = forward(X, layers, np.tanh)
        xs = [X] + [np.tanh(z) for z in zs[:-1]]
        residual = zs[-1] - y
        back, parts = 2.0 / len(X) * residual, []
        for k in reversed(range(len(layers))):
            parts.append(np.concatenate([(back.T @ xs[k]).ravel(), back.sum(axis=0)]))
            if k:
                back = (back @ layers[k][0]) * (1.0 - xs[k] ** 2)
        decay = 1e-3
        value = np.mean(np.sum(residual**2, axis=1)) + decay * theta @ theta
        return value, np.concatenate(parts[::-1]) + 2.0 * decay * theta

    start = np.concatenate([np.concatenate([W.ravel(), b]) for W, b in layers])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 0, "gtol": 1e-7})
    assert np.abs(loss(found.x)[1]).max() < 1e-6
    assert found.fun < 0.3 * loss(start)[0]
    return found.x, unpack(found.x)


def test_a_network_trained_until_its_gradient_vanishes():
    """(5.12) for laws of layers of every kind: draws from the law against z* of the trained weights."""
    r = np.random.default_rng(11)
    X = r.normal(size=(60, 2))
    y = np.c_[np.sin(2.0 * X[:, 0]) + X[:, 1], X[:, 0] * X[:, 1]] + 0.3 * r.normal(size=(60, 2))
    network = pm.Network(X, y, hidden=(5, 4), activation="tanh", bias=True)
    flat, trained = trained_by_gradients(X, y, network.widths, r)
    stars = forward(X, trained, np.tanh)
    laws = (
        pm.HeNormal(),
        pm.Layers([pm.LecunNormal(truncated=True), pm.GlorotUniform(), pm.Constant(0.0)], biases=pm.Normal(0.3)),
        pm.Layers(pm.HeNormal(), biases=pm.Constant([0.5, -0.2, 0.1])),
    )
    for law in laws:
        engine = pm.heat_engine(network, law, ideal=flat, samples=4000, rng=2)
        distances = distances_of_draws(network, law, stars, np.tanh, 2000)
        error = np.hypot(distances.std(axis=0, ddof=1) / np.sqrt(2000), np.nan_to_num(engine.layers.standard_error))
        assert (np.abs(distances.mean(axis=0) - engine.layers.energy) < 4.5 * error + 1e-12).all()
        # Of a trained network z* of the last layer nearly is y.
        assert np.mean(np.sum((stars[-1] - y) ** 2, axis=1)) < 0.5 * np.mean(np.sum((y - y.mean(0)) ** 2, axis=1))


@pytest.mark.parametrize("seed", range(12))
def test_constant_biases_in_some_layers(seed):
    """Layers with random biases beside layers with constants."""
    r = np.random.default_rng([12, seed])
    widths = [int(width) for width in r.integers(1, 7, int(r.integers(3, 6)))]
    X = r.normal(size=(3, widths[0]))
    random, constant = (pm.Normal, pm.Uniform)[seed % 4 == 3], pm.Constant
    chosen = [random, *(constant if r.random() < 0.5 else random for _ in widths[3:]), constant]
    weights = [pm.Normal(s) for s in r.uniform(0.3, 1.5, len(widths) - 1)]
    law = pm.Layers(weights, [made(float(s)) for made, s in zip(chosen, r.uniform(0.3, 3.0, len(chosen)), strict=True)])
    network = pm.Network(X, hidden=widths[1:-1], outputs=widths[-1], activation="tanh", bias=True)
    stars = [r.normal(size=(3, width)) for width in widths[1:]]
    engine = pm.heat_engine(network, law, ideal=stars, rng=1)
    distances = distances_of_draws(network, law, stars, np.tanh, 1000)
    error = np.hypot(distances.std(axis=0, ddof=1) / np.sqrt(1000), engine.layers.standard_error)
    assert (np.abs(distances.mean(axis=0) - engine.layers.energy) < 4.5 * error + 1e-12 * engine.layers.energy).all()


def test_a_network_trained_by_scikit_learn():
    data = pm.datasets.diabetes(standardize=True)
    y = (data.y - data.y.mean()) / data.y.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = MLPRegressor(hidden_layer_sizes=(8, 5), activation="tanh", max_iter=50, random_state=0).fit(data.X, y)
    network = pm.Network(data.X, y, hidden=(8, 5), activation="tanh", bias=True)
    trained = [(W.T, b) for W, b in zip(fit.coefs_, fit.intercepts_, strict=True)]
    engine = pm.heat_engine(network, pm.TorchLinear(), ideal=trained, rng=0)
    before = pm.heat_engine(network, pm.TorchLinear(), rng=0)
    added = engine.layers.energy - before.layers.energy
    assert added[-1] == pytest.approx(np.mean(fit.predict(data.X) ** 2), rel=1e-12)


def test_callables_batches_and_sampling():
    r = np.random.default_rng(0)
    X = r.normal(size=(5, 2))
    network = pm.Network(X, hidden=(3,), outputs=1, activation=np.tanh)
    trained = random_layers(r, network.widths, False)
    added = [np.mean(np.sum(z**2, axis=1)) for z in forward(X, trained, np.tanh)]
    options = {"method": "monte-carlo", "samples": 50, "rng": 0}
    law = pm.Normal(np.array([[1.0], [2.0]]))
    with_ideal = pm.heat_engine(network, law, ideal=trained, **options)
    without = pm.heat_engine(network, law, **options)
    assert with_ideal.layers.energy - without.layers.energy == pytest.approx(np.broadcast_to(added, (2, 2)), rel=1e-10)
    assert (with_ideal.layers.standard_error == without.layers.standard_error).all()


def test_a_callable_may_work_in_place():
    r = np.random.default_rng(0)
    X, trained = r.normal(size=(3, 2)), random_layers(r, (2, 4, 1), False)

    def in_place(z):
        return np.maximum(z, 0.0, out=z)

    energies = [
        pm.heat_engine(
            pm.Network(X, hidden=(4,), outputs=1, activation=activation),
            pm.Normal(1.0),
            method="monte-carlo",
            samples=50,
            rng=0,
            ideal=trained,
        ).layers.energy
        for activation in (in_place, PHI["relu"])
    ]
    assert energies[0].tolist() == energies[1].tolist()


NET = pm.Network(np.ones((2, 3)), hidden=(4,), outputs=1)
W1, W2, Z1, Z2 = np.ones((4, 3)), np.ones((1, 4)), np.ones((2, 4)), np.ones((2, 1))


@pytest.mark.parametrize(
    ("ideal", "error", "message"),
    [
        ([Z1], ValueError, "an entry for each of 2 layers, got 1"),
        ([Z1, Z1], ValueError, r"ideal\[1\] must have shape \(2, 1\), got \(2, 4\)"),
        ([W1, W2], ValueError, r"ideal\[0\] must have shape \(2, 4\)"),
        ([(W1, None), Z2], ValueError, "entries of one kind"),
        ([(W1.T, None), (W2, None)], ValueError, r"weights of shape \(4, 3\), got \(3, 4\); transpose it"),
        ([(W1, np.ones(3)), (W2, None)], ValueError, r"biases of shape \(4,\), got \(3,\)"),
        (np.ones(15), ValueError, r"shape \(16,\) as one array, got \(15,\)"),
        ([Z1, Z2 * np.nan], ValueError, r"ideal\[1\] must be finite"),
        ([Z1, Z2 * 1e300], ValueError, "finite mean squares, got inf in layer 2"),
        ([Z1, [["a"], ["b"]]], TypeError, r"ideal\[1\]"),
        ("weights", TypeError, "ideal"),
        (3.0, ValueError, "ideal must have shape"),
    ],
)
def test_bad_input(ideal, error, message):
    with pytest.raises(error, match=message):
        pm.heat_engine(NET, pm.Normal(1.0), ideal=ideal)


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity", "softplus"])
@pytest.mark.parametrize("constant", [3.0, -1e4, 1e8, 1e11])
def test_constant_biases_do_not_cancel_the_rest(activation, constant):
    """Trained pre-activations near large constant biases: what remains is known, bounded, or warned of."""
    r = np.random.default_rng(5)
    X = r.normal(size=(6, 3))
    widths, scale = (3, 5, 4, 2), 0.5
    network = pm.Network(X, hidden=widths[1:-1], outputs=2, activation=activation, bias=True)
    stars = [constant + 0.01 * r.normal(size=(6, width)) for width in widths[1:]]
    about = [np.sum((z - constant) ** 2) / 6 for z in stars]
    law = pm.Layers(pm.Normal(scale), pm.Constant(constant))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", pm.PrecisionWarning)
        layers = pm.heat_engine(network, law, ideal=stars).layers
    first = widths[1] * scale**2 * np.mean(np.sum(X**2, axis=1)) + about[0]
    assert layers.energy[0] == pytest.approx(first, rel=1e-13)
    np.testing.assert_array_equal(layers.log_energy, np.log(layers.energy))
    centred = pm.mean_energy(pm.Network(X, np.full((6, 2), constant), hidden=widths[1:-1], activation=activation,
                                        bias=True), law)  # fmt: skip
    assert layers.energy[-1] == pytest.approx(centred.value + about[-1], rel=1e-12)
    assert (layers.energy >= np.array(about) * (1.0 - 1e-12)).all()
    if activation == "identity":  # E |x|^2 of the first layer in closed form
        second = widths[2] * scale**2 * (widths[1] * constant**2 + first - about[0]) + about[1]
        assert abs(layers.energy[1] - second) <= layers.error_bound[1] + 1e-12 * second
    assert all("constant biases cancel" in str(each.message) for each in caught)


def test_energies_that_constant_biases_cancel_are_warned_of():
    network = pm.Network([[1.0]], hidden=(3, 3), outputs=1, activation="tanh", bias=True)
    law = pm.Layers(pm.Normal(1e-3), pm.Constant(1e6))
    with pytest.warns(pm.PrecisionWarning, match="layer 2 against `ideal` has fewer than 9 certain digits"):
        layers = pm.heat_engine(network, law, ideal=[np.full((1, k), 1e6) for k in (3, 3, 1)]).layers
    assert abs(layers.energy[1] - 3 * 3e-6) <= layers.error_bound[1]  # tanh(1e6) is 1
