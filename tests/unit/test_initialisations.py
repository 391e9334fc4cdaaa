"""Laws of layers: their definitions, and the temperatures of common initialisations."""

import itertools

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm

from .network_reference import ones

FAN = [
    ("LecunNormal", lambda i, o: stats.norm(0, np.sqrt(1 / i))),
    ("HeNormal", lambda i, o: stats.norm(0, np.sqrt(2 / i))),
    ("GlorotNormal", lambda i, o: stats.norm(0, np.sqrt(2 / (i + o)))),
    ("LecunUniform", lambda i, o: symmetric(np.sqrt(3 / i))),
    ("HeUniform", lambda i, o: symmetric(np.sqrt(6 / i))),
    ("GlorotUniform", lambda i, o: symmetric(np.sqrt(6 / (i + o)))),
    ("TorchLinear", lambda i, o: symmetric(np.sqrt(1 / i))),
]


def symmetric(limit):
    return stats.uniform(-limit, 2 * limit)


@pytest.mark.parametrize(("name", "parameter"), FAN, ids=[name for name, _ in FAN])
@pytest.mark.parametrize("bias", [False, True])
def test_laws_have_the_variance_and_entropy_of_their_definition(name, parameter, bias):
    widths = (7, 11, 3)
    network, law = ones(*widths, activation="identity", bias=bias), getattr(pm, name)()
    q, S = 7.0, 0.0
    for n, k in itertools.pairwise(widths):
        p = parameter(n, k)
        q = k * p.var() * (q + bias)
        S += k * (n + bias) * p.entropy()
    assert pm.mean_energy(network, law).value == pytest.approx(q, rel=1e-14)
    assert pm.entropy(network, law) == pytest.approx(S, rel=1e-12, abs=1e-12)
    if name != "TorchLinear":
        law = getattr(pm, name)([[2.0], [4.0]])
        assert law.batch_shape == (2, 1)
        np.testing.assert_allclose(
            np.diff(pm.entropy(network, law), axis=0), network.parameters * np.log(2), rtol=1e-12
        )


@pytest.mark.parametrize(
    ("widths", "law", "S_per_N", "T"),
    [
        ((64, 256, 256, 10), pm.HeNormal(), -0.87, -2.7e-4),
        ((784, 128, 10), pm.HeNormal(), -1.56, -1.3e-4),
        ((784, 512, 512, 10), pm.HeNormal(), -1.48, -2.0e-5),
        ((3072, 4096, 4096, 1000), pm.HeNormal(), -2.34, -2.6e-5),
        ((512, 2048, 512), pm.HeNormal(), -1.70, -2.9e-4),
        ((4, 8, 1), pm.HeNormal(), 1.00, 5.0e-2),
        ((2, 16, 16, 1), pm.HeNormal(), 0.49, 1.4e-2),
        ((64, 256, 256, 10), pm.GlorotNormal(), -1.30, -1.8e-5),
        ((784, 128, 10), pm.GlorotNormal(), -1.63, -9.6e-5),
        ((4, 8, 1), pm.GlorotNormal(), 0.55, 2.7e-2),
        ((64, 256, 256, 10), pm.TorchLinear(), -1.95, -5.6e-7),
        ((4, 8, 1), pm.TorchLinear(), -0.07, -2.0e-2),
    ],
)
def test_temperatures_of_common_initialisations(widths, law, S_per_N, T):
    network = ones(*widths)
    assert pm.entropy(network, law) / network.parameters == pytest.approx(S_per_N, abs=0.006)
    assert pm.temperature(network, law).value == pytest.approx(T, rel=0.04)


def test_layers_of_different_signs_are_said():
    engine = pm.heat_engine(ones(10, 50, 50, 50, 1), pm.HeNormal())
    assert engine.entropy / engine.parameters == pytest.approx(-0.12, abs=0.005)
    assert engine.layers.verdict.tolist() == ["ok", *["negative-entropy"] * 3]
    assert (engine.verdict, engine.total.verdict) == ("mixed-signs", "negative-entropy")


@pytest.mark.parametrize(
    ("law", "widest"),
    [(pm.HeNormal(), 34), (pm.LecunNormal(), 17), (pm.HeUniform(), 24), (pm.TorchLinear(), 4)],
)
def test_the_fan_in_where_the_entropy_changes_sign(law, widest):
    assert pm.entropy(ones(widest, 1), law) >= 0 > pm.entropy(ones(widest + 1, 1), law)
