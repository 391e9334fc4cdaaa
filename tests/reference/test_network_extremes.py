"""Energies of networks of any depth, width and scale: a value that is right, or a refusal that says which layer."""

import itertools
import warnings

import mpmath as mp
import numpy as np
import pytest
from scipy.special import erf, expit, ndtr

import pyrometer as pm
from pyrometer import _core

HOMOGENEOUS = {"relu": mp.mpf(1) / 2, "leaky_relu": (1 + mp.mpf(0.01) ** 2) / 2, "identity": mp.mpf(1)}
SMOOTH = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "erf": erf,
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: 1.0507009873554804934 * np.where(z > 0, z, 1.67326324235437728 * np.expm1(np.minimum(z, 0.0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0.0, z)),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
}


def closed(network, activation, scale, bias):
    """Energies of the layers in 40 digits and any exponent."""
    with mp.workdps(40):
        square = mp.fsum(mp.mpf(float(x)) ** 2 for x in network.X.ravel()) / network.rows
        energies = []
        for width, w, b in zip(network.widths[1:], scale, bias, strict=True):
            energies.append(width * (mp.mpf(w) ** 2 * square + mp.mpf(b) ** 2))
            square = HOMOGENEOUS[activation] * energies[-1]
    return energies


def logarithms(network, law):
    """Logarithms of the energies; None where a temperature is beyond the doubles and its energy is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.errors.PrecisionWarning)
        try:
            return pm.heat_engine(network, law).layers.log_energy
        except ValueError as refused:
            if "temperature of a layer" not in str(refused):
                raise
            return None


@pytest.mark.parametrize("activation", HOMOGENEOUS)
@pytest.mark.parametrize("seed", range(60))
def test_homogeneous_networks_of_any_scales(activation, seed):
    """Scales from 1e-150 to 1e150 that cancel between layers: what is between them need not be a double."""
    rng = np.random.default_rng((seed, len(activation)))
    depth = int(rng.choice([1, 2, 5, 30]))
    X = rng.normal(size=(int(rng.integers(1, 4)), 3)) * 10.0 ** rng.uniform(-140, 140)
    network = pm.Network(
        X, hidden=list(rng.integers(1, 9, depth)), outputs=2, activation=activation, bias=seed % 2 == 1
    )
    scale = 10.0 ** rng.uniform(-150, 150, depth + 1)
    expected = closed(network, activation, scale, scale * network.bias)
    logs = logarithms(network, pm.Normal(scale))
    if logs is not None:
        assert logs == pytest.approx([float(mp.log(E)) for E in expected], rel=1e-12, abs=1e-11)
    if max(expected) > 1.7e308:
        with pytest.raises(ValueError, match=r"must be below 1.8e308, got an overflow in layer \d+"):
            pm.mean_energy(network, pm.Normal(scale))
        return
    if expected[-1] < np.finfo(float).tiny:
        with pytest.raises(ValueError, match=r"must be above 2.2e-308, got an underflow"):
            pm.mean_energy(network, pm.Normal(scale))
        return
    growth = [b / a for a, b in itertools.pairwise(expected)]
    if max(growth) > 1e308 or min(expected[:-1]) < 1e-307:
        found = pm.mean_energy(network, pm.Normal(scale)).value
        assert abs(found - expected[-1]) <= 1e-12 * expected[-1] + mp.mpf("1e-322")
        return
    for law in (pm.Normal(scale), pm.Uniform(scale * np.sqrt(12.0))):
        found = pm.heat_engine(network, law).layers
        for value, slope, true in zip(found.energy, found.marginal, expected, strict=True):
            assert abs(value - true) <= 1e-12 * true + mp.mpf("1e-322")
            assert np.isfinite(slope)
    single = pm.Network(X[:1], hidden=network.widths[1:-1], outputs=2, activation=activation)
    if closed(single, activation, scale, scale * single.bias)[-1] < np.finfo(float).tiny:
        with pytest.raises(ValueError, match=r"must be above 2.2e-308, got an underflow"):
            pm.mean_energy(single, pm.Normal(scale))
        return
    mean = pm.mean_energy(single, pm.Normal(scale)).value
    if 1e-150 < mean < 1e150:
        kappa = {"relu": 5.0, "leaky_relu": 5.0, "identity": 2.0}[activation]
        relative = (1 + 2 / 2) * np.prod([1 + kappa / n for n in single.widths[1:-1]]) - 1
        assert pm.energy_variance(single, pm.Normal(scale)) == pytest.approx(relative * mean**2, rel=1e-3)


@pytest.mark.parametrize("activation", list(SMOOTH))
@pytest.mark.parametrize("hidden", [[50] * 10, [3] * 4, [70, 9]])
def test_slopes_are_the_derivatives_of_energies(activation, hidden):
    """Against differences of fourth order of the energies themselves."""
    rng = np.random.default_rng((len(hidden), len(activation)))
    network = pm.Network(rng.normal(size=(5, 3)), hidden=hidden, outputs=2, activation=activation, bias=True)
    scale, h = rng.uniform(0.1, 0.5, len(hidden) + 1), 0.02
    steps = np.exp(h * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))[:, None] * scale
    found = pm.heat_engine(network, pm.Normal(scale)).layers
    E = np.log([_layers_energy(network, s) for s in steps])
    slope = np.exp(E[2]) * (E[0] - 8 * E[1] + 8 * E[3] - E[4]) / (12 * h)
    assert found.marginal * found.parameters == pytest.approx(slope, rel=1e-5)


def _layers_energy(network, scale):
    weights = np.ascontiguousarray(scale[None])
    widths = np.array(network.widths, dtype=np.int64)
    return _core.network_chain(network.activation, widths, weights, weights, network.norms, 1)[0][0]


@pytest.mark.parametrize("scale", [1e-170, 1e-160, 1e-156])
def test_energies_below_the_doubles_are_refused(scale):
    X, y = [[1.0, 2.0], [2.0, -1.0]], [0.0, 0.0]
    for activation in ("relu", "tanh", "silu", "callable"):
        phi = np.tanh if activation == "callable" else activation
        for hidden in ([], [3]):
            network = pm.Network(X, hidden=hidden, outputs=1, activation=phi)
            if activation == "callable" and hidden:
                continue
            for function in (pm.mean_energy, pm.temperature):
                with pytest.raises(ValueError, match="underflow; use a larger scale"):
                    function(network, pm.Normal(scale))
            with pytest.warns(pm.errors.PrecisionWarning, match="lost digits by underflow"):
                logs = pm.heat_engine(network, pm.Normal(scale)).layers.log_energy
            assert logs[0] == pytest.approx(np.log(5.0 * network.widths[1]) + 2.0 * np.log(scale), rel=1e-14)
    for system in (pm.LinearRegression(X, y), pm.LinearRegression(X, y, intercept=False)):
        for function in (pm.mean_energy, pm.temperature, pm.energy_variance):
            with pytest.raises(ValueError, match="underflow; use a larger scale"):
                function(system, pm.Normal(scale))
    nothing = pm.LinearRegression([[0.0], [0.0]], y, intercept=False)
    assert pm.mean_energy(nothing, pm.Normal(scale)).value == pm.energy_variance(nothing, pm.Normal(scale)) == 0.0


@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")
@pytest.mark.parametrize(
    "activation", ["tanh", "erf", "gelu", "silu", "elu", "relu", "selu", "mish", "hardswish", "hardtanh"]
)
@pytest.mark.parametrize("shift", [-200, -140, 140])
def test_scales_move_between_layers_where_activations_are_linear(activation, shift):
    """Far below 1, a factor on a layer and its inverse on the next one change that layer's energy alone."""
    if shift > 0 and activation != "relu":
        pytest.skip("linear near 0 only")
    X, factor = np.random.default_rng(0).normal(size=(4, 3)), 10.0**shift
    plain = np.array([1e-30 if activation != "relu" else 1.0, 1e30 if activation != "relu" else 1.0, 0.7, 1.1])
    moved = plain * [factor, 1 / factor, 1, 1]
    network = pm.Network(X, hidden=(4, 5, 3), outputs=2, activation=activation)
    for method in ("exact", "mean-field", "corrected-mean-field", "monte-carlo"):
        options = {"method": method, "samples": 500, "rng": 1}
        one, other = (pm.heat_engine(network, pm.Normal(scale), **options).layers for scale in (plain, moved))
        np.testing.assert_allclose(other.energy[1:], one.energy[1:], rtol=1e-9)
        np.testing.assert_allclose(other.marginal[1:], one.marginal[1:], rtol=1e-5)
    drawn = [pm.sample_energies(network, pm.Normal(scale), samples=5, rng=1) for scale in (plain, moved)]
    np.testing.assert_allclose(drawn[1], drawn[0], rtol=1e-12)


def sampled_chain(network, activation, scale, rng, draws):
    """Energies of the layers by sampling |x_l|^2, unit by unit."""
    square = (network.X**2).sum(axis=1)[rng.integers(network.rows, size=draws)]
    for width, w in zip(network.widths[1:], scale, strict=True):
        variance = w**2 * square
        yield width * variance
        square = (SMOOTH[activation](np.sqrt(variance)[:, None] * rng.normal(size=(draws, width))) ** 2).sum(axis=1)


@pytest.mark.parametrize(
    ("activation", "hidden", "scale"),
    [
        ("tanh", [50] * 60, 10.0),
        ("erf", [3] * 4, 2.0),
        ("sigmoid", [5] * 20, 30.0),
        ("tanh", [64] * 40, 0.5),
        ("elu", [20] * 6, 0.3),
        ("gelu", [64] * 8, 0.2),
    ],
)
def test_deep_networks_against_sampled_chains(activation, hidden, scale):
    X = np.random.default_rng(5).normal(size=(3, 10))
    network = pm.Network(X, hidden=hidden, outputs=1, activation=activation)
    scales = np.full((1, network.layers), scale)
    widths = np.array(network.widths)
    found, _, trusted = _core.network_chain(activation, widths, scales, np.zeros_like(scales), network.norms, 1)
    assert trusted
    sampled = sampled_chain(network, activation, scales[0], np.random.default_rng(6), 2000)
    for value, energies in zip(found[0], sampled, strict=True):
        error = energies.std() / np.sqrt(len(energies))
        assert abs(value - energies.mean()) < 5.5 * error + 1e-9 * value


@pytest.mark.parametrize("activation", SMOOTH)
def test_mean_fields_of_large_scales(activation):
    """Fourth powers of the activations are no doubles; the mean energy is."""
    network = pm.Network([[1.0, 2.0]], hidden=(40, 40), outputs=1, activation=activation)
    exact, leading, corrected = (
        pm.mean_energy(network, pm.Normal([1e90, 1e20, 1.0]), method=m).value
        for m in ("exact", "mean-field", "corrected-mean-field")
    )
    assert leading == pytest.approx(exact, rel=0.1)
    assert corrected == pytest.approx(exact, rel=0.02)


def test_rows_whose_squares_are_no_doubles_are_refused():
    for size in (1e-200, 1e200):
        network = pm.Network([[size]], hidden=(3,), outputs=1)
        for compute in (pm.mean_energy, pm.heat_engine, lambda *a: pm.sample_energies(*a, samples=3)):
            with pytest.raises(ValueError, match=r"squared norm of a row of X must be from 1e-290 to 1.8e308.*rescale"):
                compute(network, pm.Normal(1.0 / size))
    zero = pm.Network([[0.0]], hidden=(3,), outputs=1)
    assert pm.mean_energy(zero, pm.Normal(1.0)).value == 0.0


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity", "tanh", "gelu"])
def test_squares_of_rows_whose_sum_is_no_double_have_a_mean(activation):
    """Copies of a row have the energies of the row; the sum of their squares overflowed, with a warning of NumPy."""
    engines = [
        pm.heat_engine(
            pm.Network(np.full((rows, 1), 1e154), hidden=[3, 2], activation=activation, outputs=1), pm.Normal(1e-3)
        )
        for rows in (1, 50)
    ]
    one, many = (engine.layers.log_energy for engine in engines)
    np.testing.assert_allclose(many, one, rtol=1e-12)


def test_a_correction_that_is_larger_than_the_energy_is_refused():
    network = pm.Network([[1.0]], hidden=[1] * 12, outputs=1, activation="tanh")
    with pytest.raises(ValueError, match="needs wider layers"):
        pm.mean_energy(network, pm.Normal(np.logspace(-1, 2, 30)[:, None]), method="corrected-mean-field")


def test_a_function_is_refused_for_its_own_overflow_only():
    """Bounded activations have energies however deep and wide the law."""
    network = pm.Network([[1.0]], hidden=[5] * 160, outputs=1, activation=np.sin)
    found = pm.mean_energy(network, pm.Normal(100.0), samples=200, rng=0)
    assert found.value == pytest.approx(5 * 1e4 / 2, rel=0.2)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu"])
def test_energies_of_hidden_layers_below_the_doubles_are_warned_of(activation):
    network = pm.Network([[1.0, 2.0]], hidden=[4, 4], outputs=2, activation=activation)
    with pytest.warns(pm.errors.PrecisionWarning, match="energy of layer 2 is below 2.2e-308"):
        engine = pm.heat_engine(network, pm.Normal([1e-100, 1e-70, 1e150]))
    assert engine.layers.energy[1] == 0.0 < engine.layers.energy[2]
    nothing = pm.Network([[0.0, 0.0]], hidden=[4, 4], outputs=2, activation=activation)
    assert (pm.heat_engine(nothing, pm.Normal(1.0)).layers.energy == 0.0).all()


@pytest.mark.parametrize("activation", ["tanh", "erf", "gelu", "silu", "elu", "mish", "hardswish", "hardtanh"])
@pytest.mark.parametrize("exponent", [-3, -4, -6, -8, -12, -30])
def test_slopes_of_narrow_laws_with_biases(activation, exponent):
    """Where biases are most of every variance, E_l is n_l sigma^2 (1 + O(sigma^2)), whose growth is 2."""
    network = pm.Network([[1.0, 2.0, 0.0, 1.0]], [[1.0]], hidden=[5, 3], activation=activation, bias=True)
    layers = pm.heat_engine(network, pm.Normal(10.0**exponent)).layers
    growth = layers.marginal * network.layer_parameters / layers.energy
    assert growth == pytest.approx(2.0, abs=200.0 * 10.0 ** (2 * exponent) + 1e-10)


def test_draws_that_all_saturate_are_warned_of():
    """The standard error was 0, and the energy 1e-6 off: the share of weights that saturate no unit."""
    X = 1e6 * np.random.default_rng(0).normal(size=(20, 4))
    network = pm.Network(X, hidden=[5], activation="hardtanh", outputs=1)
    with pytest.warns(pm.SimulationWarning, match="layer 2 is the same in all draws.*use more samples"):
        engine = pm.heat_engine(network, pm.Uniform(10.0), samples=1000, rng=1)
    assert engine.layers.standard_error[-1] == 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = pm.Network(X, hidden=[5], activation="hardtanh", outputs=1, bias=True)
        still = pm.Layers([pm.Constant(0.0), pm.Normal(1.0)], biases=pm.Constant(0.5))
        assert pm.mean_energy(network, still, samples=1000, method="monte-carlo").standard_error == 0.0
