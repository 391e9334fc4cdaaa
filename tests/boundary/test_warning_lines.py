"""Warnings name the line of the caller, not one in the package: Python shows a warning once for each line."""

import warnings

import numpy as np
import pyarrow as pa
import pytest

import pyrometer as pm

SEPARATED = [[1.0], [2.0], [3.0]], [0, 0, 1]
DEEP = pm.Network([[1.0, 2.0]], [[1.0]], hidden=[4] * 3, activation="relu")


def lost():
    """Return a system of moments that lost their digits in a subtraction."""
    r = np.random.default_rng(0)
    x = r.normal(size=(12, 1))
    z, w = r.normal(size=(3, 1)) * 1e12, r.normal(size=3) * 1e12
    moments = pm.Moments.of(np.r_[x, z], np.r_[x[:, 0], w]) - pm.Moments.of(z, w)
    return pm.LinearRegression.from_moments(moments)


def dependent():
    """Return two stretches of a series."""
    e = np.random.default_rng(0).normal(size=(2, 3000))
    for series in e:
        for t in range(1, 3000):
            series[t] += 0.95 * series[t - 1]
    return (e[:1, :2000].T, e[1, :2000]), (e[:1, 2000:].T, e[1, 2000:])


def of_torch(layers, draws, **options):
    """Measure a chain of linear layers in PyTorch, by draws."""
    nn = pytest.importorskip("torch.nn")

    def model():
        parts = [nn.Linear(4, 4, bias=False) for _ in range(layers)]
        for part in parts:
            nn.init.normal_(part.weight, std=1.0)
        return nn.Sequential(*parts)

    pm.models.measure(model, np.ones((2, 4)), draws=draws, method="monte-carlo", **options)


DRAWS = {"method": "monte-carlo", "samples": 4, "rng": 0}
CALLS = {
    "minimum": lambda: pm.minimum_energy(pm.LogisticRegression(*SEPARATED)),
    "temperature": lambda: pm.temperature(pm.LogisticRegression(*SEPARATED), pm.Normal(1.0)),
    "mean": lambda: pm.mean_energy(lost(), pm.Normal(1.0)),
    "variance": lambda: pm.energy_variance(lost(), pm.Normal(1.0)),
    "drawn mean": lambda: pm.mean_energy(DEEP, pm.Normal(3.0), **DRAWS),
    "drawn temperature": lambda: pm.temperature(DEEP, pm.Normal(3.0), **DRAWS),
    "engine": lambda: pm.heat_engine(DEEP, pm.Normal(3.0), **DRAWS),
    "sweep": lambda: pm.sweep({"a": lost()}, {"n": pm.Normal(1.0)}),
    "path": lambda: pm.training_path(lost(), pm.Normal(1.0), [0.3]),
    "mix": lambda: pm.mix(lost(), lost(), pm.Normal(1.0)),
    "series": lambda: pm.shift(*dependent(), model=lambda X: np.zeros(len(X)), energy="mse", resamples=99, rng=0),
    "constants": lambda: pm.mean_energy(
        pm.LinearRegression(np.arange(9.0)[:, None] + 1e6, 3.0 * np.arange(9.0) + 1e-6), pm.Constant([3.0, -3e6])
    ),
    "ideal": lambda: pm.heat_engine(
        pm.Network([[1.0]], hidden=(3, 3), outputs=1, activation="tanh", bias=True),
        pm.Layers(pm.Normal(1e-3), pm.Constant(1e6)),
        ideal=[np.full((1, k), 1e6) for k in (3, 3, 1)],
    ),
    "underflow": lambda: pm.heat_engine(pm.Network([[1.0]], hidden=(4,) * 9, outputs=1), pm.Normal(1e-30)),
    "index": lambda: pm.Moments.scan(pa.table({"__index_level_0__": [0, 1], "a": [1.0, 2], "y": [1.0, 3]}), target="y"),
    "measure": lambda: of_torch(12, 4),
    "measure, tails": lambda: of_torch(20, 100),
    "measure, tolerance": lambda: of_torch(3, 2, rtol=1e-9),
    "estimator": lambda: pytest.importorskip("pyrometer.estimators").LogisticClassifier().fit(*SEPARATED),
    "scan": lambda: pm.Moments.scan(pa.table({"a": [1.0, 1.0, 1.0], "y": [1.0, 2.0, 4.0]}), target="y"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_of_the_caller(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[name]()
    assert caught
    assert {warning.filename for warning in caught} == {__file__}
