"""NumPy set to raise floating-point errors, and options as arrays without an axis."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import pyrometer as pm


def test_every_name_is_imported_where_numpy_raises() -> None:
    code = "import numpy as np; np.seterr(all='raise'); import pyrometer as pm; [getattr(pm, n) for n in pm.__all__]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_results_are_the_same_where_numpy_raises() -> None:
    rng = np.random.default_rng(0)
    X = 50.0 * rng.normal(size=(120, 2))
    noise = rng.normal(size=120)
    for y in (X[:, 0] + 90.0 * noise > 0, np.digitize(X[:, 0] + 90.0 * noise, [-40, 40])):
        model = (pm.LogisticRegression if y.dtype == bool else pm.SoftmaxRegression)(X, y)

        def found(y: np.ndarray = y, model: object = model) -> tuple[float, ...]:
            shift = pm.shift((X, y), (1e4 * X, y), model=model, rng=0, resamples=99)
            return shift.energy_change, shift.entropy_change, shift.divergence, shift.temperature, shift.p_value

        expected = found()
        with np.errstate(all="raise"):
            assert repr(found()) == repr(expected)
    system = pm.LinearRegression(X * np.array([1e-90, 1.0]), X[:, 0] + noise)
    law = pm.Normal(1e3)
    variance, weights = pm.energy_variance(system, law), pm.boltzmann([0.0, 1e4, 1.0], 1.0)
    with np.errstate(all="raise"):
        assert pm.energy_variance(system, law) == variance
        np.testing.assert_array_equal(pm.boltzmann([0.0, 1e4, 1.0], 1.0), weights)


@pytest.mark.parametrize("value", [np.array(2), np.array(0.5)])
def test_arrays_without_an_axis_are_no_sequences(value: np.ndarray) -> None:
    X = np.eye(4)
    with pytest.raises(TypeError, match="labels must be a sequence"):
        pm.SoftmaxRegression(X, [0, 1, 2, 0], labels=value)
    with pytest.raises((TypeError, ValueError), match="activation must be"):
        pm.Network(X, hidden=[2], outputs=1, activation=value)
    if value.dtype.kind == "f":
        with pytest.raises(TypeError, match="hidden must be"):
            pm.Network(X, hidden=value, outputs=1)
