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
    "scan": lambda: pm.Moments.scan(pa.table({"a": [1.0, 1.0, 1.0], "y": [1.0, 2.0, 4.0]}), target="y"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_of_the_caller(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[name]()
    assert caught
    assert {warning.filename for warning in caught} == {__file__}
