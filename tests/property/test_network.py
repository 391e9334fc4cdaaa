"""What must hold for every network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyrometer as pm

CLOSED = ("relu", "leaky_relu", "identity")
SMOOTH = ("tanh", "sigmoid", "erf", "gelu", "silu", "softplus", "elu", "selu", "mish", "hardswish", "hardtanh")
LAWS = {
    "normal": lambda s: pm.Normal(s),
    "uniform": lambda s: pm.Uniform(s),
    "he": lambda s: pm.HeNormal(s),
    "glorot-uniform": lambda s: pm.GlorotUniform(s),
}


@st.composite
def networks(draw, activations=CLOSED + SMOOTH, bias=None):
    seed = draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    hidden = tuple(draw(st.lists(st.integers(1, 12), max_size=2)))
    activation = draw(st.sampled_from(activations))
    biases = draw(st.booleans()) if bias is None else bias
    return pm.Network(rng.normal(size=(m, n)), hidden=hidden, outputs=2, activation=activation, bias=biases)


def again(network, X):
    """The same network on other rows."""
    return pm.Network(
        X,
        hidden=network.widths[1:-1],
        outputs=network.widths[-1],
        activation=network.activation,
        bias=network.bias,
    )


@settings(max_examples=30)
@given(networks(), st.floats(0.05, 20.0), st.randoms(use_true_random=False))
def test_features_and_rows_can_be_permuted(network, sigma, random):
    columns, rows = list(range(network.X.shape[1])), list(range(network.rows))
    random.shuffle(columns)
    random.shuffle(rows)
    other = again(network, network.X[rows][:, columns])
    a, b = (pm.heat_engine(n, pm.Normal(sigma)).layers.energy for n in (network, other))
    np.testing.assert_allclose(a, b, rtol=1e-11)


@settings(max_examples=30)
@given(networks(CLOSED, bias=False), st.sampled_from(sorted(LAWS)), st.floats(0.01, 100.0), st.floats(0.1, 10.0))
def test_homogeneous_networks_scale(network, law, scale, c):
    """E(c x) = c^2 E(x), E(c sigma) = c^(2 L) E(sigma), T along with E."""
    made = LAWS[law]
    E = pm.heat_engine(network, made(scale)).layers.energy
    scaled = pm.heat_engine(again(network, c * network.X), made(scale)).layers.energy
    np.testing.assert_allclose(scaled, c**2 * E, rtol=1e-12)
    wider = pm.heat_engine(network, made(c * scale)).layers
    powers = 2.0 * np.arange(1, network.layers + 1)
    np.testing.assert_allclose(wider.energy, c**powers * E, rtol=1e-12)
    np.testing.assert_allclose(wider.marginal * wider.parameters, powers * wider.energy, rtol=1e-12)


@settings(max_examples=20)
@given(networks(), st.lists(st.floats(0.05, 20.0), min_size=2, max_size=4))
def test_a_batch_is_a_loop(network, scales):
    batch = pm.heat_engine(network, pm.Normal(np.array(scales)[:, None]), rng=0)
    singles = [pm.heat_engine(network, pm.Normal(scale), rng=0) for scale in scales]
    for field in ("energy", "entropy", "temperature", "marginal", "verdict"):
        np.testing.assert_array_equal(getattr(batch.layers, field), [getattr(s.layers, field) for s in singles])
    for field in ("work_efficiency", "temperature", "regime", "verdict", "entropy"):
        np.testing.assert_array_equal(getattr(batch, field), [getattr(s, field) for s in singles])


@settings(max_examples=20)
@given(networks(("tanh", "erf", "relu", "softplus", "identity")), st.floats(0.02, 20.0), st.floats(1.01, 3.0))
def test_energies_grow_with_the_scale(network, sigma, factor):
    narrow, wide = (pm.heat_engine(network, pm.Normal(s)).layers.energy for s in (sigma, factor * sigma))
    assert np.all(wide > narrow)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("method", ["exact", "monte-carlo", "mean-field"])
def test_threads_change_no_bit(activation, method):
    X = np.random.default_rng(3).normal(size=(40, 5))
    network = pm.Network(X, hidden=(16, 12), outputs=3, activation=activation, bias=True)
    one, two = (
        pm.heat_engine(network, pm.Normal([[0.3], [3.0]]), method=method, samples=500, rng=1, threads=threads)
        for threads in (1, 2)
    )
    np.testing.assert_array_equal(one.layers.energy, two.layers.energy)
    np.testing.assert_array_equal(one.layers.standard_error, two.layers.standard_error)
    np.testing.assert_array_equal(one.layers.marginal, two.layers.marginal)
