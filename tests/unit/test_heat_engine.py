"""Networks as heat engines: their identity, their types, and what is undefined."""

import warnings

import mpmath
import numpy as np
import pytest

import pyrometer as pm

from .network_reference import ACTIVATIONS, ones


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("law", [pm.Normal([[0.1], [3.0]]), pm.HeNormal([0.5, 20.0]), pm.Normal([0.1, 1.0, 4.0])])
def test_the_identity_of_heat_engines(activation, law):
    """(5.24), also where entropies are negative."""
    engine = pm.heat_engine(ones(8, 24, 32, 3, activation=activation, bias=True, rows=2), law)
    L = engine.layers
    right = engine.work_efficiency * (L.temperature * L.entropy).sum(axis=-1) / L.entropy.sum(axis=-1)
    np.testing.assert_allclose(engine.temperature, right, rtol=1e-13)
    np.testing.assert_allclose(L.gain, L.energy[..., 1:] / L.energy[..., :-1])
    np.testing.assert_allclose(engine.total.entropy, L.entropy.sum(axis=-1), rtol=1e-13)
    assert L.parameters.tolist() == [9 * 24, 25 * 32, 33 * 3]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_wide_laws_make_engines_of_either_type(activation):
    """(5.26) and (5.29): by whether the activation saturates, whatever the widths do."""
    saturates = activation in ("tanh", "sigmoid", "erf", "hardtanh")
    for widths in ((8, 24, 24, 3), (2, 64, 64), (10, 10, 1000), (256, 4, 256), (10, 256, 1)):
        network = ones(*widths, activation=activation)
        for law in (pm.Normal(100.0), pm.LecunNormal(1000.0)):
            engine = pm.heat_engine(network, law)
            assert engine.engine == (1 if saturates else 2)
            assert saturates or engine.work_efficiency > 0.9


def test_types_of_engines_are_of_the_scale():
    relu = ones(64, 256, 256, 10)
    # He: every unit has the energy of those before; (5.36).
    he = pm.heat_engine(relu, pm.HeNormal())
    assert (he.engine, he.work_efficiency) == (1, pytest.approx(10 / 522))
    # Growth sigma^2 n / 2 of a unit, sigma^2 n_L / 2 of the last layer: 5 and 20.
    batch = pm.heat_engine(relu, pm.Normal([[1.0], [2.0]]))
    assert batch.engine.tolist() == [1, 2]
    assert [pm.heat_engine(relu, pm.Normal(scale)).engine for scale in (1.0, 2.0)] == [1, 2]
    assert batch.engine.dtype == np.int64
    # Units grow by 50, the last layer as a whole only by 50 * 10 / 256.
    assert pm.heat_engine(relu, pm.LecunNormal(10.0)).engine == 1
    assert pm.heat_engine(ones(4, 8, 8, activation=np.tanh), pm.Normal(10.0), samples=50, rng=0).engine == 1
    assert pm.heat_engine(ones(3, 2), pm.Normal(1.0)).engine == 2


def test_efficiencies_of_wide_laws():
    tanh = ones(64, 256, 256, 10, activation="tanh")
    sigmoid = ones(64, 256, 256, 10, activation="sigmoid")
    relu = ones(64, 256, 256, 10)
    assert pm.heat_engine(tanh, pm.Normal(1e4)).work_efficiency == pytest.approx(2560 / 84480, rel=1e-4)
    assert pm.heat_engine(sigmoid, pm.Normal(100.0)).work_efficiency == pytest.approx(0.0254, abs=5e-5)
    for sigma, rest in ((3, 2.18e-2), (10, 2.0e-3), (100, 2.0e-5)):
        assert 1 - pm.heat_engine(relu, pm.Normal(sigma)).work_efficiency == pytest.approx(rest, rel=0.01)
    for sigma, rest in ((10, 0.343), (100, 5.1e-3), (1e4, 5.1e-7)):
        assert 1 - pm.heat_engine(relu, pm.LecunNormal(sigma)).work_efficiency == pytest.approx(rest, rel=0.01)
    ratios = pm.heat_engine(sigmoid, pm.Normal(100.0)).layers.temperature
    np.testing.assert_allclose(ratios / ratios[0], [1, 0.4995, 0.4996], atol=6e-5)
    assert pm.heat_engine(relu, pm.Normal(10.0)).regime == "exploding"
    assert pm.heat_engine(relu, pm.HeNormal()).regime == "even"
    assert pm.heat_engine(relu, pm.Normal(1e-3)).regime == "vanishing"
    assert pm.heat_engine(tanh, pm.Normal(10.0)).regime == "even"
    assert pm.heat_engine(ones(3, 2), pm.Normal(1.0)).regime == "single layer"


@pytest.mark.parametrize("method", ["exact", "mean-field", "corrected-mean-field", "refined"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_marginals_are_derivatives(activation, method):
    """A difference over 2 % either way, at second order."""
    network, h = ones(8, 32, 32, 3, activation=activation, bias=True), 0.02
    engine = pm.heat_engine(network, pm.Normal([0.5, 0.2, 1.0]), method=method)
    up, down = (
        pm.heat_engine(network, pm.Normal(np.exp(s) * np.array([0.5, 0.2, 1.0])), method=method).layers.energy
        for s in (h, -h)
    )
    np.testing.assert_allclose(engine.layers.marginal * engine.layers.parameters, (up - down) / (2 * h), rtol=3e-3)
    assert engine.total.marginal == pytest.approx(engine.layers.marginal[-1] * 99 / network.parameters)


def test_resolution():
    network, law = ones(8, 16, 2), pm.HeNormal()
    engine = pm.heat_engine(network, law, resolution=0.01)
    assert engine.entropy == pytest.approx(pm.entropy(network, law) - network.parameters * np.log(0.01))
    assert engine.entropy == pytest.approx(pm.entropy(network, law, resolution=0.01))
    assert engine.temperature == pytest.approx(engine.layers.energy[-1] / engine.entropy)


def test_no_energy_no_nan_but_where_it_is_said():
    """Zero inputs, no biases: no layer has energy."""
    network = pm.Network(np.zeros((2, 3)), hidden=(24,), outputs=2)
    engine = pm.heat_engine(network, pm.Normal(1.0))
    assert engine.layers.energy.tolist() == [0.0, 0.0]
    assert engine.temperature == 0.0
    assert engine.total.marginal == 0.0
    assert np.isnan(engine.work_efficiency)
    assert np.isnan(engine.layers.gain).all()
    undefined = pm.heat_engine(ones(4, 3), pm.Uniform(1.0))
    assert undefined.verdict == undefined.layers.verdict[0] == "undefined"
    assert np.isnan(undefined.temperature)


@pytest.mark.parametrize("seed", range(20))
def test_efficiencies_whose_last_energy_underflows_are_those_of_the_logarithms(seed):
    """One unit in each of L layers of identities, without biases: energies are all products of variances."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(2, 40))
    sigma = 10.0 ** -rng.uniform(308.0 / (2 * depth), 600.0 / (2 * depth))
    network = pm.Network([[1.0]], hidden=[1] * (depth - 1), outputs=1, activation="identity")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = pm.heat_engine(network, pm.Normal(sigma))
    logs = [mpmath.mpf(float(each)) for each in engine.layers.log_energy]
    expected = mpmath.exp(logs[-1]) / sum(map(mpmath.exp, logs))
    assert engine.layers.energy[-1] < 1e-300
    assert engine.work_efficiency == pytest.approx(float(expected), rel=1e-11, abs=0.0)
