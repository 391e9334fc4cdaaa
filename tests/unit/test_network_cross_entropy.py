"""Networks with cross entropy: exact energies against quadrature, forward passes, regressions and limits."""

import itertools
import pickle

import numpy as np
import pytest
from scipy import integrate, special

import pyrometer as pm
from pyrometer import _core

from .network_reference import ACTIVATIONS, forward, unpack

RNG = np.random.default_rng(4)
X = RNG.normal(size=(12, 3))
TWO = np.array(["no", "yes"])[RNG.integers(0, 2, 12)]
THREE = np.arange(12) % 3


def network(outputs, activation="tanh", hidden=(5, 4), bias=False, X=X):
    y = TWO if outputs < 3 else THREE
    return pm.Network(X, y, hidden=hidden, outputs=outputs, activation=activation, bias=bias, energy="ce")


def mean_loss(outputs, s):
    """E ln(1 + e^{sZ}), or E ln sum_c e^{s Z_c} as ln C + the integral of a difference of exponentials."""
    if outputs == 1:
        f = lambda z: np.logaddexp(0.0, s * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)  # noqa: E731
        return integrate.quad(f, -40, 0, epsabs=1e-13)[0] + integrate.quad(f, 0, 40, epsabs=1e-13)[0]
    z = np.arange(-12.0, 12.0, 0.02)
    w = 0.02 * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    t = np.linspace(-34.0, 14.0, 1200) * max(1.0, s)
    G = np.exp(-np.exp(np.minimum(t[:, None] + s * z, 50.0))) @ w
    return ((np.exp(-np.exp(np.minimum(t, 50.0))) - G**outputs) * (t[1] - t[0])).sum()


@pytest.mark.parametrize("outputs", [1, 2, 3, 7])
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_without_hidden_layers_rows_are_independent(outputs, scale):
    few = np.repeat(X[:3], 4, axis=0)
    expected = np.mean([mean_loss(outputs, scale * s) for s in np.linalg.norm(few[::4], axis=1)])
    found = pm.mean_energy(network(outputs, hidden=(), X=few), pm.Normal(scale))
    assert found.value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "relu", "hardtanh", "sigmoid"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_one_hidden_layer_of_two_units_by_quadrature(activation, outputs):
    """A double sum over the pre-activations of the units."""
    one, scale = X[:1], 1.3
    deviation = scale * np.linalg.norm(one)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    ends = np.unique(np.concatenate([np.arange(-9.0, 10.0) * deviation, [-1.0, 1.0]]))
    z = (0.5 * (ends[1:] + ends[:-1])[:, None] + 0.5 * np.diff(ends)[:, None] * nodes).ravel()
    w = (0.5 * np.diff(ends)[:, None] * weights).ravel() * np.exp(-0.5 * (z / deviation) ** 2)
    w /= w.sum()
    q = ACTIVATIONS[activation](z) ** 2
    s = scale * np.sqrt(q[:, None] + q)
    value = (_core.expectation("cross-entropy", *(s.reshape(1, -1)[[0, 0]])) if outputs == 1 else
             _core.log_sum_exp(outputs, s.ravel()))[0].reshape(s.shape)  # fmt: skip
    found = pm.mean_energy(network(outputs, activation, (2,), X=np.repeat(one, 12, axis=0)), pm.Normal(scale))
    assert found.value == pytest.approx(w @ value @ w, rel=1e-8)
    assert found.error_bound <= 1e-8 * found.value


@pytest.mark.parametrize("activation", ["relu", ["tanh", "mish"], ["hardtanh", np.sin]])
@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("law", [pm.Normal([[0.5], [2.0]]), pm.Uniform(2.0), pm.HeNormal(2.0)])
def test_means_are_those_of_draws(activation, outputs, law):
    net, samples = network(outputs, activation, bias=True), 1500
    mean = pm.mean_energy(net, law, samples=samples, rng=1)
    named = activation != ["hardtanh", np.sin]
    assert mean.method == ("exact" if named and not isinstance(law, pm.Uniform) else "monte-carlo")
    averaged = pm.mean_energy(net, law, method="monte-carlo", samples=samples, rng=2)
    draws = pm.sample_energies(net, law, samples=samples, rng=3)
    error = draws.std(axis=-1) / np.sqrt(samples)
    for one, its_error in ((averaged.value, averaged.standard_error), (draws.mean(axis=-1), error)):
        assert (np.abs(one - mean.value) < 4.5 * np.hypot(its_error, mean.standard_error) + 1e-12).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("law", [pm.Normal(0.8), pm.Uniform(3.0)])
def test_draws_are_forward_passes(dtype, outputs, law):
    net = network(outputs, ["selu", "hardswish"], bias=True, X=X.astype(dtype))
    energies = pm.sample_energies(net, law, samples=4, rng=7)
    for energy, theta in zip(energies, pm.sample_parameters(net, law, samples=4, rng=7), strict=True):
        x = X
        for layer, (W, b) in enumerate(unpack(theta, net.widths, True)):
            z = x @ W.T + b
            x = ACTIVATIONS[("selu", "hardswish", "identity")[layer]](z)
        z = np.concatenate([np.zeros_like(z), z], axis=1) if outputs == 1 else z
        expected = np.mean(special.logsumexp(z, axis=1) - z[np.arange(len(z)), net.y])
        assert energy == pytest.approx(expected, rel=1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_no_hidden_layer_is_logistic_regression(bias):
    net, law = network(1, hidden=(), bias=bias), pm.Normal([[0.3], [4.0]])
    logistic = pm.LogisticRegression(X, TWO == "yes", intercept=bias)
    for function in (pm.mean_energy, lambda s, law: pm.temperature(s, law, minimum=0.1)):
        found, known = function(net, law), function(logistic, law)
        np.testing.assert_allclose(found.value, known.value, rtol=1e-12)
    found, known = (pm.temperature(s, law, minimum=0.1) for s in (net, logistic))
    np.testing.assert_allclose(found.marginal, known.marginal, rtol=1e-8)
    drawn, its = (pm.sample_energies(s, law, samples=2000, rng=1) for s in (net, logistic))
    assert (np.abs(drawn.mean(axis=1) - its.mean(axis=1)) < 4.5 * np.hypot(drawn.std(1), its.std(1)) / 44.7).all()


@pytest.mark.parametrize("activation", ["tanh", "relu", ["sigmoid", "hardswish"]])
def test_two_logits_are_one_of_twice_the_variance(activation):
    """z_2 - z_1 has twice the variance of z: the last scale times the root of 2."""
    two, one = network(2, activation), network(1, activation)
    for scales in ([1.0, 0.5, 0.7], [20.0, 3.0, 8.0]):
        other = [*scales[:-1], np.sqrt(2.0) * scales[-1]]
        pair = pm.mean_energy(two, pm.Normal(scales)), pm.mean_energy(one, pm.Normal(other))
        assert abs(pair[0].value - pair[1].value) <= pair[0].error_bound + pair[1].error_bound


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus", ["hardtanh", "selu"]])
@pytest.mark.parametrize("method", ["exact", "mean-field", "corrected-mean-field", "refined"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_marginals_are_derivatives(activation, method, outputs):
    net, h = network(outputs, activation, (24, 24)), 0.01
    steps = np.exp(h * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))[:, None]
    law = pm.Normal(1.7 * steps)
    E = pm.mean_energy(net, law, method=method).value
    slope = (E[0] - 8 * E[1] + 8 * E[3] - E[4]) / (12 * h)
    found = pm.temperature(net, pm.Normal(1.7), method=method)
    assert found.marginal * net.parameters == pytest.approx(slope, rel=1e-7)


def test_marginals_of_draws():
    net = network(3, ["tanh", np.sin])
    found = pm.temperature(net, pm.Normal(1.0), samples=4000, rng=1)
    named = pm.temperature(network(3, "tanh"), pm.Normal(1.0), method="monte-carlo", samples=4000, rng=1)
    exact = pm.temperature(network(3, "tanh"), pm.Normal(1.0))
    assert abs(named.marginal - exact.marginal) < 4.5 * named.marginal_error
    assert found.marginal > 0.0 < found.marginal_error


@pytest.mark.parametrize(
    "activation", ["tanh", "sigmoid", "relu", "leaky_relu", "identity", "selu", ["tanh", "relu"], ["mish", "hardtanh"]]
)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_limits(activation, outputs, bias):
    net = network(outputs, activation, (70, 80), bias=bias)
    refined, exact = (pm.temperature(net, pm.Normal(1e6), method=m) for m in ("refined", "exact"))
    assert refined.value == pytest.approx(exact.value, rel=1e-5)
    assert refined.marginal == pytest.approx(exact.marginal, rel=1e-5)
    asymptotic = pm.temperature(net, pm.Normal(1e6), method="asymptotic")
    assert asymptotic.value == pytest.approx(exact.energy / (net.parameters * np.log(1e6)), rel=1e-5)
    small = pm.mean_energy(net, pm.Normal(1e-30)).value
    assert small == pytest.approx(np.log(max(2, outputs)), rel=1e-14)


def test_limits_in_closed_form():
    """One relu layer of one unit: E|x| sigma^2 E Z+ / sqrt(2 pi); tanh: sqrt(n) sigma / sqrt(2 pi)."""
    norm = np.linalg.norm(X, axis=1).mean()
    relu = pm.mean_energy(network(1, "relu", (1,)), pm.Normal(10.0), method="asymptotic").value
    assert relu == pytest.approx(100.0 * norm / (2.0 * np.pi), rel=1e-12)
    tanh = pm.mean_energy(network(1, "tanh", (6,)), pm.Normal(10.0), method="asymptotic").value
    assert tanh == pytest.approx(10.0 * np.sqrt(6.0 / (2.0 * np.pi)), rel=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_mean_fields_approach_the_exact_energy(activation):
    errors = []
    for width in (32, 64, 128):
        net, law = network(3, activation, (width, width)), pm.HeNormal(1.5)
        exact = pm.mean_energy(net, law).value
        errors.append(
            [pm.mean_energy(net, law, method=m).value / exact - 1 for m in ("mean-field", "corrected-mean-field")]
        )
    leading, corrected = np.abs(errors).T
    np.testing.assert_allclose(leading[:-1] / leading[1:], 2.0, rtol=0.15)
    np.testing.assert_allclose(corrected[:-1] / corrected[1:], 4.0, rtol=0.4)


def test_energies_without_an_accurate_quadrature_are_drawn_and_say_so(monkeypatch):
    net, honest = network(3), _core.network_chain
    known = pm.temperature(net, pm.Normal([[0.5], [2.0]]))

    def doubtful(*arguments):
        energy, error, trusted = honest(*arguments)
        trusted[-1] = False
        error[-1] = np.inf
        return energy, error, trusted

    monkeypatch.setattr(_core, "network_chain", doubtful)
    found = pm.temperature(net, pm.Normal([[0.5], [2.0]]), samples=4000, rng=1)
    assert found.method == "scalar-chain"
    assert found.energy[0] == known.energy[0]
    assert found.standard_error[0] == 0.0 < found.standard_error[1]
    assert abs(found.value[1] - known.value[1]) < 4.5 * found.standard_error[1]
    assert abs(found.marginal[1] - known.marginal[1]) < 4.5 * found.marginal_error[1] + 1e-6 * known.marginal[1]


def test_heat_engines_have_the_layers_of_squared_error_and_the_total_of_this_loss():
    law = pm.LecunNormal([1.0, 3.0])
    net, squared = network(3, "relu"), pm.Network(X, hidden=(5, 4), outputs=3, activation="relu")
    engine, other = pm.heat_engine(net, law, minimum=0.2), pm.heat_engine(squared, law)
    assert engine.layers == other.layers
    assert engine.total == pm.temperature(net, law, minimum=0.2)
    np.testing.assert_array_equal(engine.temperature, other.temperature)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("hidden", [(), (5, 4)])
def test_heat_engines_with_constant_biases_of_the_last_layer(outputs, hidden):
    net, law = network(outputs, hidden=hidden, bias=True), pm.Layers(pm.Normal(0.8), biases=pm.Constant(0.7))
    engine = pm.heat_engine(net, law, samples=500, rng=1)
    assert engine.total.energy == pm.mean_energy(net, law, samples=500, rng=1).value
    last = np.mean([(z**2).sum(axis=1) for z in logits(net, law)])
    assert engine.layers.energy[-1] == pytest.approx(last, rel=0.1)


def logits(net, law, samples=2000):
    """Logits of draws, by forward passes."""
    for theta in pm.sample_parameters(net, law, samples=samples, rng=3):
        yield forward(net.X, unpack(theta, net.widths, net.bias), np.tanh)[-1]


def test_zero_and_constant_last_layers():
    """A readout of zeros predicts every class alike; a constant added to several logits changes nothing."""
    zeros = pm.Layers([pm.HeNormal(), pm.HeNormal(), pm.Constant(0.0)])
    for outputs in (1, 2, 5):
        found = pm.mean_energy(network(outputs), zeros)
        assert found.value == pytest.approx(np.log(max(outputs, 2)), rel=1e-14)
        assert pm.sample_energies(network(outputs), zeros, samples=2, rng=0) == pytest.approx(found.value)
    moved, same = (pm.Layers(pm.HeNormal(), biases=[pm.Constant(0.0)] * 2 + [pm.Constant(c)]) for c in (3.0, 0.0))
    net = network(3, bias=True)
    assert pm.mean_energy(net, moved) == pm.mean_energy(net, same)
    one = network(1, bias=True)
    drawn = pm.mean_energy(one, moved, samples=4000, rng=1)
    assert drawn.method == "monte-carlo"
    energies = pm.sample_energies(one, moved, samples=4000, rng=2)
    error = np.hypot(energies.std() / np.sqrt(4000), drawn.standard_error)
    assert abs(energies.mean() - drawn.value) < 4.5 * error
    with pytest.raises(ValueError, match="constant bias of one logit other than 0; use 'monte-carlo'"):
        pm.mean_energy(one, moved, method="exact")


@pytest.mark.parametrize("kind", [list, np.array, lambda y: np.array(y)[:, None], "pandas", "category"])
def test_labels_of_any_kind(kind):
    pandas = pytest.importorskip("pandas")
    words = ["b", "c", "a"] * 4
    y = pandas.Series(words, dtype=kind if kind == "category" else None) if isinstance(kind, str) else kind(words)
    net = pm.Network(X, y, hidden=(2,), energy="ce")
    assert net.classes == ("a", "b", "c")
    assert net.y.tolist() == [1, 2, 0] * 4
    assert net.widths == (3, 2, 3)
    again = pickle.loads(pickle.dumps(net))
    assert pm.mean_energy(again, pm.Normal(1.0)) == pm.mean_energy(net, pm.Normal(1.0))


@pytest.mark.parametrize("labels", [(False, True), (0, 1), (-1.0, 1.0), ("x", "y")])
def test_two_labels_have_one_logit(labels):
    net = pm.Network(X, [labels[k % 2] for k in range(12)], hidden=2, energy="ce")
    assert (net.widths[-1], net.classes) == (1, labels)
    assert repr(net).splitlines() == [
        "Network, 3-2-1 tanh",
        "  rows        12",
        "  parameters   8    without biases",
        "  energy      cross entropy (ce)",
        f"  classes     {labels[0]}, {labels[1]}",
    ]


def test_threads_and_batches_change_no_bit():
    net, law = network(3, ["tanh", "relu"], bias=True), pm.Normal(np.logspace(-1, 1, 5)[:, None])
    for method, threads in itertools.product(("exact", "monte-carlo", "mean-field"), (2, 5)):
        options = {"method": method, "samples": 100, "rng": 1}
        one, other = (pm.mean_energy(net, law, threads=t, **options) for t in (1, threads))
        assert one == other
    whole = pm.mean_energy(net, law).value
    assert [pm.mean_energy(net, pm.Normal(s)).value for s in np.logspace(-1, 1, 5)] == whole.tolist()


@pytest.mark.parametrize(
    ("y", "options", "kind", "message"),
    [
        (None, {}, ValueError, "y must be given for energy='ce'"),
        (["a"] * 12, {}, ValueError, "at least two classes, got 'a' only"),
        (THREE, {"outputs": 1}, ValueError, "outputs must be at least 3, the number of labels in y"),
        (THREE, {"outputs": 2}, ValueError, "outputs must be at least 3, the number of labels in y"),
        (THREE, {"outputs": 0}, ValueError, "outputs must be at least 1"),
        (THREE, {"outputs": 1 << 21}, ValueError, "outputs must be at most 1048576"),
        (THREE[:5], {}, ValueError, "one for each row|one row for each of the 12 rows"),
        (np.ones((12, 2)), {}, ValueError, "at least two classes"),
        (np.arange(24).reshape(12, 2), {}, ValueError, r"one label for each row, shape \(m,\)"),
        (np.linspace(0, 1, 12), {}, ValueError, "y must be labels, got 0.09"),
        (["a", *range(11)], {}, TypeError, "labels that can be sorted, got int and str; write all as strings"),
        ([np.nan, *THREE[1:]], {}, ValueError, "no missing labels, got one at row 0"),
        ([None, *"abcdefghijk"], {}, ValueError, "no missing labels, got one at row 0"),
        (THREE, {"energy": "mae"}, ValueError, "energy must be one of 'mse', 'ce', got 'mae'"),
        (THREE, {"energy": None}, ValueError, "energy must be one of 'mse', 'ce'"),
    ],
)
def test_refusals(y, options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        pm.Network(X, y, hidden=(4,), **({"energy": "ce"} | options))
    assert "labels=" not in str(caught.value)  # an option of other systems


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pm.energy_variance(network(3), pm.Normal(1.0)), "for energy='mse' only, got 'ce'"),
        (lambda: pm.mean_energy(network(3), pm.Uniform(1.0), method="exact"), "cross entropy and a uniform law"),
        (lambda: pm.mean_energy(network(3), pm.Uniform(1.0), method="refined"), "cross entropy and a uniform law"),
        (lambda: pm.mean_energy(network(3, np.sin), pm.Normal(1.0), method="exact"), "needs activations by name"),
        (lambda: pm.mean_energy(network(3), pm.Normal(1e200)), "below 1.8e308, got an overflow in layer 1"),
        (lambda: pm.mean_energy(network(3, "relu"), pm.Normal(1e120)), "below 1.8e308, got an overflow"),
        (
            lambda: pm.mean_energy(network(3), pm.Normal(1.0), samples=1, method="monte-carlo"),
            "samples must be at least 2",
        ),
    ],
)
def test_refused_methods(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_forward_of_the_reference():
    """The reference's forward pass is the one that the ideal energies use."""
    net = network(3, "tanh")
    theta = pm.sample_parameters(net, pm.Normal(1.0), samples=1, rng=0)[0]
    z = forward(X, unpack(theta, net.widths, False), np.tanh)
    engine, plain = pm.heat_engine(net, pm.Normal(1.0), ideal=theta), pm.heat_engine(net, pm.Normal(1.0))
    added = [np.mean(np.sum(part**2, axis=1)) for part in z]
    np.testing.assert_allclose(engine.layers.energy - plain.layers.energy, added, rtol=1e-10)
