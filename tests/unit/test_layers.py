"""Laws of layers and of biases: against forward passes in NumPy, quadrature, kernels of infinite width and limits."""

import itertools
import pickle

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm

from .network_reference import ACTIVATIONS, forward, ones, unpack

KERAS = 0.87962566103423978


def rows(m=3, n=4, seed=0):
    return np.random.default_rng(seed).normal(size=(m, n))


def normal(s):
    return pm.Normal(s), lambda n, k: stats.norm(0, s)


def uniform(s):
    return pm.Uniform(s), lambda n, k: stats.uniform(-s / 2, s)


def truncated(s, b):
    return pm.TruncatedNormal(s, b), lambda n, k: stats.truncnorm(-b, b, scale=s)


def he(s):
    return pm.HeNormal(s), lambda n, k: stats.norm(0, s * np.sqrt(2 / n))


def keras(s):
    law = pm.GlorotNormal(s, truncated=True)
    return law, lambda n, k: stats.truncnorm(-2, 2, scale=s * np.sqrt(2 / (n + k)) / KERAS)


def torch():
    return pm.TorchLinear(), lambda n, k: stats.uniform(-1 / np.sqrt(n), 2 / np.sqrt(n))


def constant(c):
    return pm.Constant(c), c


def orthogonal(g):
    return pm.Orthogonal(g), "orthogonal"


def drawn(of, rng, draws, n, k):
    """Draws of (k, n) weights by SciPy or NumPy."""
    if isinstance(of, float):
        return np.full((draws, k, n), of)
    if of == "orthogonal":
        G = rng.normal(size=(draws, max(n, k), min(n, k)))
        Q, R = np.linalg.qr(G)
        Q = Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None, :]
        return Q if k >= n else Q.swapaxes(1, 2)
    return of(n, k).rvs((draws, k, n), random_state=rng)


CASES = [
    # exact: normal hidden layers
    ("tanh", [normal(0.7), he(1.1), uniform(1.5)], [normal(0.4), constant(0.6), truncated(0.5, 1.0)]),
    ("gelu", [he(1.3), normal(0.5), constant(0.0)], [constant(-0.8), normal(0.2), normal(0.7)]),
    ("relu", [normal(0.9), normal(0.6), orthogonal(0.8)], [constant(-0.5), constant(0.4), constant(0.3)]),
    ("erf", [constant(0.0), normal(0.8), he(1.0)], [normal(0.7), constant(0.0), torch()]),
    # closed forms
    ("relu", [keras(1.2), uniform(1.0), torch()], [uniform(0.6), truncated(0.7, 2.0), normal(0.1)]),
    ("leaky_relu", [orthogonal(1.4), truncated(0.5, 3.0), normal(0.8)], [normal(0.3), constant(0.0), constant(1.1)]),
    ("identity", [uniform(1.2), orthogonal(0.9), keras(1.0)], [constant(0.7), constant(-0.4), normal(0.2)]),
    # sampled
    ("tanh", [truncated(0.9, 1.5), orthogonal(1.2), normal(0.6)], [constant(0.4), uniform(0.8), constant(-0.6)]),
    ("softplus", [keras(1.5), uniform(0.9), orthogonal(0.7)], [truncated(0.4, 0.5), constant(0.2), torch()]),
    ("relu", [uniform(1.8), orthogonal(1.0), torch()], [constant(0.5), constant(-0.3), constant(0.2)]),
]


@pytest.mark.parametrize(("activation", "weights", "biases"), CASES, ids=[f"{k}-{c[0]}" for k, c in enumerate(CASES)])
def test_energies_and_entropies_are_those_of_forward_passes(activation, weights, biases):
    draws, widths, X, y = 4000, (4, 5, 3, 2), rows(), rows(3, 2, seed=1) + 0.5
    law = pm.Layers([law for law, _ in weights], biases=[law for law, _ in biases])
    network = pm.Network(X, y, hidden=widths[1:-1], activation=activation, bias=True)
    rng, x, energies, counts, entropies = np.random.default_rng(5), np.broadcast_to(X, (draws, *X.shape)), [], [], []
    for (n, k), (w, of_w), (_, of_b) in zip(itertools.pairwise(widths), weights, biases, strict=True):
        gain = float(w.gain) if of_w == "orthogonal" else 1.0
        z = x @ (gain * drawn(of_w, rng, draws, n, k)).swapaxes(1, 2) + drawn(of_b, rng, draws, n, k)[:, None, :, 0]
        energies.append((z**2).sum(axis=-1).mean(axis=-1))
        x = ACTIVATIONS[activation](z)
        random = [size for size, of in ((n * k, of_w), (k, of_b)) if not isinstance(of, float)]
        each = [
            np.nan if of == "orthogonal" else of(n, k).entropy() for of in (of_w, of_b) if not isinstance(of, float)
        ]
        counts.append(sum(random))
        entropies.append(np.dot(random, each))
    loss = ((z - y) ** 2).sum(axis=-1).mean(axis=-1)

    engine = pm.heat_engine(network, law, samples=4000, rng=6)
    energies = np.array(energies)
    error = np.hypot(energies.std(axis=1, ddof=1) / np.sqrt(draws), engine.layers.standard_error)
    scale = energies.mean(axis=1)
    assert (abs(engine.layers.energy - scale) <= 4.5 * error + 1e-9 * scale + 4 * engine.layers.error_bound).all()
    error = np.hypot(loss.std(ddof=1) / np.sqrt(draws), engine.total.standard_error * abs(engine.total.entropy))
    if np.isnan(error):
        error = np.hypot(loss.std(ddof=1) / np.sqrt(draws), engine.layers.standard_error[-1])
    assert abs(engine.total.energy - loss.mean()) <= 4.5 * error + 1e-9 * loss.mean()
    assert engine.layers.parameters.tolist() == counts
    np.testing.assert_allclose(engine.layers.entropy, entropies, rtol=1e-10, atol=1e-10)
    undefined = np.isnan(entropies) | (np.array(counts) == 0)
    assert (engine.layers.verdict[undefined] == "undefined").all()
    assert np.array_equal(np.isnan(engine.layers.marginal), undefined)
    assert engine.parameters == engine.total.parameters == sum(counts)
    assert (engine.total.verdict == "undefined") == np.isnan(entropies).any() == np.isnan(engine.total.marginal)


@pytest.mark.parametrize(("activation", "weights", "biases"), CASES[::3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_parameters_of_draws_give_their_energies(activation, weights, biases, dtype):
    X, y = rows().astype(dtype), rows(3, 2, seed=1).astype(dtype)
    phi, tolerance = ACTIVATIONS[activation], 1e-12 if dtype is np.float64 else 2e-5
    law = pm.Layers([law for law, _ in weights], biases=[law for law, _ in biases])
    for act in (activation, phi):  # the core, and Python with the same numbers
        network = pm.Network(X, y, hidden=(5, 3), activation=act, bias=True)
        theta = pm.sample_parameters(network, law, samples=4, rng=9)
        energies = pm.sample_energies(network, law, samples=4, rng=9)
        for draw in range(4):
            z = forward(X.astype(float), unpack(theta[draw], network.widths, True), phi)[-1]
            assert ((z - y) ** 2).sum(axis=1).mean() == pytest.approx(energies[draw], rel=tolerance)
    core = pm.Network(X, y, hidden=(5, 3), activation=activation, bias=True)
    python = pm.Network(X, y, hidden=(5, 3), activation=phi, bias=True)
    given = [pm.mean_energy(n, law, method="monte-carlo", samples=400, rng=2) for n in (core, python)]
    assert given[0].value == pytest.approx(given[1].value, rel=10 * tolerance)
    assert given[0].standard_error == pytest.approx(given[1].standard_error, rel=100 * tolerance)


def test_equal_laws_are_the_single_law_bit_by_bit():
    y = rows(3, 2, seed=1)
    for law, bias, activation in itertools.product(
        (pm.Normal(0.7), pm.HeUniform(1.3), pm.TorchLinear(), pm.LecunNormal([0.5, 3.0]), pm.TruncatedNormal(0.8)),
        (False, True),
        ("tanh", "relu"),
    ):
        network = pm.Network(rows(), y, hidden=(6, 5), activation=activation, bias=bias)
        biases = {"biases": law} if bias else {}
        for same in (pm.Layers(law, **biases), pm.Layers([law] * 3, **{"biases": [law] * 3} if bias else {})):
            options = {"samples": 20, "rng": 3}
            assert pm.heat_engine(network, same, **options) == pm.heat_engine(network, law, **options)
            assert np.array_equal(pm.entropy(network, same), pm.entropy(network, law))
            for draw in (pm.sample_energies, pm.sample_parameters):
                assert np.array_equal(draw(network, same, **options), draw(network, law, **options))


def test_truncated_laws_are_those_of_keras():
    one = ones(1, 1)
    assert pm.entropy(one, pm.LecunNormal(truncated=True)) == pytest.approx(1.3875001199, abs=5e-11)
    assert pm.entropy(one, pm.LecunNormal()) - pm.entropy(one, pm.LecunNormal(truncated=True)) == pytest.approx(
        0.0314384, abs=1e-7
    )
    network = ones(7, 11, 3, bias=True)
    for kind, variance in ((pm.LecunNormal, 1 / 7), (pm.HeNormal, 2 / 7), (pm.GlorotNormal, 2 / 18)):
        law = pm.Layers(kind(1.5, truncated=True))
        theta = pm.sample_parameters(network, law, samples=300, rng=1)
        first = theta[:, :77].ravel()
        assert first.var() == pytest.approx(2.25 * variance, rel=0.03)
        assert 1.9 < abs(first).max() / np.sqrt(2.25 * variance) * KERAS <= 2.0
        assert (theta[:, 77:88] == 0).all()  # biases
        assert pm.mean_energy(network, law).value == pytest.approx(pm.mean_energy(network, pm.Layers(kind(1.5))).value)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_mean_fields_are_the_kernels_of_neural_tangents(activation):
    """W_std and b_std; K = sigma_w^2 T(K) + sigma_b^2, T the arc-cosine or the arc-sine kernel on the diagonal."""
    X, W, b = rows(5, 8), 1.3, 0.6
    network = pm.Network(X, hidden=(64, 64, 64), outputs=3, activation=activation, bias=True)
    law = pm.Layers(pm.LecunNormal(W), biases=pm.Normal(b))
    K = W**2 * (X**2).mean(axis=1) + b**2
    expected = [K]
    for _ in range(3):
        T = 0.5 * K if activation == "relu" else 2.0 / np.pi * np.arcsin(2.0 * K / (1.0 + 2.0 * K))
        K = W**2 * T + b**2
        expected.append(K)
    per_unit = pm.heat_engine(network, law, method="mean-field").layers.energy / network.widths[1:]
    np.testing.assert_allclose(per_unit, [k.mean() for k in expected], rtol=1e-12)
    exact = pm.heat_engine(network, law).layers.energy / network.widths[1:]
    np.testing.assert_allclose(exact, [k.mean() for k in expected], rtol=0.02)


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "softplus", "leaky_relu", "elu"])
@pytest.mark.parametrize("scale", [0.03, 1.0, 40.0])
@pytest.mark.parametrize("c", [-2.5, 0.01, 30.0])
def test_constant_biases_are_exact(activation, scale, c):
    """E phi(c + s Z)^2 by quadrature, with breaks where the activation bends."""
    phi = ACTIVATIONS[activation]
    breaks = np.unique([*np.linspace(-12, 12, 25), *np.clip((np.linspace(-20, 20, 41) - c) / scale, -12, 12)])
    points, weights = np.polynomial.legendre.leggauss(40)
    half = np.diff(breaks)[:, None] / 2.0
    t = breaks[:-1, None] + half + half * points
    moment = (half * weights * phi(c + scale * t) ** 2 * stats.norm.pdf(t)).sum()
    network = ones(1, 3, 2, activation=activation, bias=True)
    law = pm.Layers([pm.Normal(scale), pm.Uniform(2.0)], biases=[pm.Constant(c), pm.Constant(-1.5)])
    engine = pm.heat_engine(network, law)
    assert engine.method == "exact"
    expected = [3 * (scale**2 + c**2), 2 * (3 * moment / 3.0 + 1.5**2)]
    np.testing.assert_allclose(engine.layers.energy, expected, rtol=1e-11)
    assert (engine.layers.standard_error == 0).all()


def test_chains_with_constant_biases_are_those_of_scalar_chains():
    rng = np.random.default_rng(3)
    for activation in ("tanh", "relu", "silu", "sigmoid"):
        widths, w, c = (2, 5, 9, 4, 1), rng.uniform(0.3, 1.5, 4), rng.normal(size=4)
        network = ones(*widths, activation=activation, bias=True)
        law = pm.Layers([pm.Normal(s) for s in w], biases=[pm.Constant(s) for s in c])
        engine = pm.heat_engine(network, law)
        q = np.full(40_000, 2.0)
        for layer, width in enumerate(widths[1:]):
            v = w[layer] ** 2 * q
            energy = width * (v + c[layer] ** 2)
            error = energy.std(ddof=1) / 200.0
            assert abs(engine.layers.energy[layer] - energy.mean()) <= 4.5 * error + 1e-12 * energy.mean()
            z = c[layer] + np.sqrt(v)[:, None] * rng.normal(size=(40_000, width))
            q = (ACTIVATIONS[activation](z) ** 2).sum(axis=1)
        assert (engine.layers.error_bound <= 1e-8 * engine.layers.energy).all()


@pytest.mark.parametrize(
    ("activation", "weights", "biases", "method"),
    [*((*case, "exact") for case in (*CASES[:7:2], CASES[5])), (*CASES[1], "mean-field"), (*CASES[7], "monte-carlo")],
)
def test_marginal_energies_are_derivatives_along_the_random_scales(activation, weights, biases, method):
    def scaled(law, factor):
        if isinstance(law, pm.Constant):
            return law
        if isinstance(law, pm.TorchLinear):
            return pm.LecunUniform(factor / np.sqrt(3.0))
        if isinstance(law, pm.TruncatedNormal):
            return pm.TruncatedNormal(factor * law.scale, law.bound)
        if isinstance(law, pm.GlorotNormal):
            return pm.GlorotNormal(factor * law.gain, law.truncated)
        (array,) = vars(law).values() if not isinstance(law, pm.HeNormal) else (law.gain,)
        return type(law)(factor * array)

    def energies(factor):
        law = pm.Layers(*([scaled(law, factor) for law, _ in part] for part in (weights, biases)))
        return pm.heat_engine(network, law, method=method, samples=4000, rng=0).layers

    network = pm.Network(rows(), rows(3, 2, seed=1), hidden=(5, 3), activation=activation, bias=True)
    found, h = energies(1.0), 0.01
    near = {k: energies(np.exp(k * h)).energy for k in (-2, -1, 1, 2)}
    slope = (8 * (near[1] - near[-1]) - (near[2] - near[-2])) / (12 * h)
    defined = ~np.isnan(found.marginal)
    difference = abs(found.marginal * found.parameters - slope)[defined]
    error = 4.5 * (found.marginal_error * found.parameters)[defined] * (method == "monte-carlo")
    assert (
        difference <= 1e-6 * abs(slope[defined]) + 1e-9 + error + 0.003 * (method == "monte-carlo") * slope[defined]
    ).all()


def test_a_readout_that_starts_at_zero():
    X, y = rows(), rows(3, 2, seed=1)
    law = pm.Layers([pm.LecunNormal(), pm.LecunNormal(), pm.Constant(0.0)])
    for activation in ("tanh", "relu"):
        network = pm.Network(X, y, hidden=(6, 5), activation=activation, bias=True)
        engine = pm.heat_engine(network, law)
        assert engine.total.energy == pytest.approx((y**2).sum(axis=1).mean(), rel=1e-14)
        assert engine.layers.energy[-1] == 0.0
        assert engine.layers.parameters.tolist() == [24, 30, 0]
        assert engine.layers.verdict.tolist() == ["ok", "ok", "undefined"]
        assert engine.work_efficiency == engine.temperature == 0.0
        assert pm.sample_energies(network, law, samples=5, rng=0) == pytest.approx([engine.total.energy] * 5)
        assert pm.energy_variance(pm.Network(X, y, hidden=(6,), activation="relu"), pm.Layers(
            [pm.LecunNormal(), pm.Constant(0.0)]
        )) == 0.0  # fmt: skip
    nothing = pm.heat_engine(network, pm.Constant(0.0))
    assert (nothing.parameters, nothing.verdict, nothing.total.verdict) == (0, "undefined", "undefined")
    assert nothing.total.energy == engine.total.energy


def test_constant_biases_of_the_last_layer_shift_the_targets():
    X, y = rows(4, 3), rows(4, 2, seed=1)
    for hidden, m in (((), 4), ((6,), 4), ((6, 5), 1)):
        for c in (0.7, -3.0, 1e6):
            weights = [pm.Normal(0.8)] * (len(hidden) + 1)
            law = pm.Layers(weights, biases=[*[pm.Normal(0.3)] * len(hidden), pm.Constant(c)])
            none = pm.Layers(weights, biases=[*[pm.Normal(0.3)] * len(hidden), pm.Constant()])
            options = {"hidden": hidden, "activation": "relu", "bias": True}
            network, moved = pm.Network(X[:m], y[:m], **options), pm.Network(X[:m], y[:m] - c, **options)
            assert pm.mean_energy(network, law).value == pytest.approx(pm.mean_energy(moved, none).value, rel=1e-13)
            assert pm.energy_variance(network, law) == pytest.approx(pm.energy_variance(moved, none), rel=1e-12)
            outputs = pm.Network(X[:m], outputs=2, **options)
            assert pm.energy_variance(outputs, law) == pytest.approx(
                pm.energy_variance(pm.Network(X[:m], np.full((m, 2), -c), **options), none), rel=1e-12
            )
            # Near targets of their own size nothing cancels.
            close = pm.Network(X[:m], y[:m] + c, **options)
            assert pm.mean_energy(close, law).value == pytest.approx(
                pm.mean_energy(pm.Network(X[:m], y[:m], **options), none).value, rel=1e-9
            )


def test_ideal_pre_activations_with_constant_biases():
    X, rng, draws = rows(3, 4), np.random.default_rng(0), 20_000
    network = pm.Network(X, hidden=(5,), outputs=2, activation="identity", bias=True)
    law = pm.Layers(pm.Normal(0.5), biases=[pm.Constant(0.8), pm.Constant(-1.2)])
    ideal = [rng.normal(size=(3, 5)) + 1.0, rng.normal(size=(3, 2)) - 1.0]
    z = X @ (0.5 * rng.normal(size=(draws, 4, 5))) + 0.8
    last = z @ (0.5 * rng.normal(size=(draws, 5, 2))) - 1.2
    energies = pm.heat_engine(network, law, ideal=ideal).layers.energy
    for mine, found, ideal_of_layer in zip(energies, (z, last), ideal, strict=True):
        each = ((found - ideal_of_layer) ** 2).sum(axis=-1).mean(axis=-1)
        assert abs(mine - each.mean()) < 4.5 * each.std() / np.sqrt(draws)


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (1, 5), (5, 1), (1, 1)])
def test_orthogonal_matrices(shape):
    n, k = shape
    network = pm.Network(rows(2, n), hidden=(3,), outputs=k, activation="tanh")
    law = pm.Layers([pm.Orthogonal(2.0), pm.Normal(1.0)])
    W = pm.sample_parameters(pm.Network(rows(2, n), hidden=(), outputs=k), pm.Orthogonal(2.0), samples=4000, rng=0)
    W = W.reshape(-1, k, n)
    gram = W @ W.swapaxes(1, 2) if k <= n else W.swapaxes(1, 2) @ W
    np.testing.assert_allclose(gram, np.broadcast_to(4.0 * np.eye(min(n, k)), gram.shape), atol=1e-13)
    # Entries of a uniform one: means of squares 1/p, of fourth powers 3/(p (p + 2)), p the longer side.
    p, Q = max(n, k), W / 2.0
    for power, mean in ((1, 0.0), (2, 1.0 / p), (3, 0.0), (4, 3.0 / (p * (p + 2.0)))):
        values = Q**power
        assert (abs(values.mean(axis=0) - mean) <= 4.8 * values.std(axis=0) / np.sqrt(4000.0) + 1e-12).all()
    if n == k:
        assert abs(np.sign(np.linalg.det(W)).mean()) < 4.5 / np.sqrt(4000.0)
    with pytest.raises(ValueError, match="law must have an entropy, got orthogonal weights"):
        pm.entropy(network, law)
    for method in ("mean-field", "monte-carlo"):
        temperature = pm.temperature(network, law, method=method, samples=10, rng=0)
        assert (temperature.verdict, np.isnan(temperature.value), temperature.energy > 0) == ("undefined", True, True)


def test_batches_threads_and_pickles():
    X, y = rows(40, 4), rows(40, 1, seed=1)
    network = pm.Network(X, y, hidden=(6, 5), activation="tanh", bias=True)
    law = pm.Layers(
        [pm.HeNormal([[0.5], [1.0]]), pm.Normal([[[0.3]], [[2.0]]]), pm.Orthogonal([0.4, 0.7, 1.0])],
        biases=[pm.Constant([[0.2]]), pm.Normal(0.1), pm.Constant()],
    )
    assert law.batch_shape == (2, 3)
    engine = pm.heat_engine(network, law)
    drawn = pm.sample_energies(network, law, samples=7, rng=1, threads=2)
    assert np.array_equal(drawn, pm.sample_energies(network, law, samples=7, rng=1, threads=1))
    for i, j in np.ndindex(2, 3):
        one = pm.Layers(
            [pm.HeNormal([0.5, 1.0][i]), pm.Normal([0.3, 2.0][i]), pm.Orthogonal([0.4, 0.7, 1.0][j])],
            biases=[pm.Constant(0.2), pm.Normal(0.1), pm.Constant()],
        )
        assert np.array_equal(engine.layers.energy[i, j], pm.heat_engine(network, one).layers.energy)
        assert np.array_equal(drawn[i, j], pm.sample_energies(network, one, samples=7, rng=1))
    again = pickle.loads(pickle.dumps(law))
    assert again == law
    assert hash(again) == hash(law)
    assert again != pm.Layers(law.weights)
    table = pm.sweep({"n": network}, {"l": law, "k": pm.HeNormal(truncated=True)}, samples=10, rng=0)
    assert table["verdict"].tolist() == ["undefined"] * 6 + ["ok"]
    np.testing.assert_array_equal(table["energy"][:6], engine.total.energy.ravel())
    assert set(table["kind"]) == {"Layers", "HeNormal"}


def test_old_pickles_of_laws_are_not_truncated():
    law = pm.HeNormal(2.0)
    del law.__dict__["truncated"]
    old = pickle.loads(pickle.dumps(law))
    assert old == pm.HeNormal(2.0) != pm.HeNormal(2.0, truncated=True)
    assert pm.entropy(ones(3, 2), old) == pm.entropy(ones(3, 2), pm.HeNormal(2.0))
