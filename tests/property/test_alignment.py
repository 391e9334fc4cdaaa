"""Where data lie in memory changes nothing: vectors are read and written at any address, whoever allocated it."""

import numpy as np
import pytest

import pyrometer as pm


def at_offset(array, offset):
    """The same numbers, `offset` bytes behind a cache line."""
    raw = np.empty(array.nbytes + 128, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    raw[start : start + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
    return np.frombuffer(raw.data, array.dtype, array.size, start).reshape(array.shape)


def data(dtype, rows, columns):
    rng = np.random.default_rng(rows + columns)
    X = rng.normal(size=(rows, columns)).astype(dtype)
    return X, (X @ rng.normal(size=columns) + rng.normal(size=rows)).astype(dtype)


def labels(y):
    return (y > 0).astype(y.dtype)


LAW = pm.Normal(0.7)
SAMPLED = {"method": "monte-carlo", "samples": 70, "rng": 1}
COMPUTED = {
    "moments": lambda X, y: pm.Moments.of(X, y).scatter,
    "least squares": lambda X, y: pm.minimum_energy(pm.LinearRegression(X, y)).parameters,
    "lasso": lambda X, y: pm.minimum_energy(pm.LinearRegression(X, y, penalty=pm.L1(0.1))).parameters,
    "absolute deviations": lambda X, y: pm.minimum_energy(pm.LinearRegression(X, y, energy="mae")).parameters,
    "logistic": lambda X, y: pm.minimum_energy(pm.LogisticRegression(X, labels(y))).parameters,
    "logistic energy": lambda X, y: pm.mean_energy(pm.LogisticRegression(X, labels(y)), LAW).value,
    "logistic energy, sampled": lambda X, y: pm.mean_energy(pm.LogisticRegression(X, labels(y)), LAW, **SAMPLED).value,
    "absolute energy": lambda X, y: pm.mean_energy(pm.LinearRegression(X, y, energy="mae"), LAW).value,
    "absolute energy, sampled": lambda X, y: (
        pm.mean_energy(pm.LinearRegression(X, y, energy="mae"), LAW, **SAMPLED).value
    ),
    "uniform absolute energy": lambda X, y: (
        pm.mean_energy(pm.LinearRegression(X, y, energy="mae"), pm.Uniform(0.7)).value
    ),
    "squared energy, sampled": lambda X, y: pm.sample_energies(pm.LinearRegression(X, y), LAW, samples=70, rng=1),
    "network": lambda X, y: pm.mean_energy(pm.Network(X, y, hidden=(9, 5), activation="tanh"), LAW, **SAMPLED).value,
    "state": lambda X, y: pm.DataState(X, y, model=lambda x: x[:, 0], energy="mse").entropy,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", COMPUTED)
def test_no_number_depends_on_where_data_lie(name, dtype):
    compute = COMPUTED[name]
    for rows, columns in ((67, 1), (190, 3), (300, 17)):
        X, y = data(dtype, rows, columns)
        expected = compute(at_offset(X, 0), at_offset(y, 0))
        assert np.all(np.isfinite(expected))
        # One byte on, not even a number is aligned.
        for offset in (1, X.itemsize, 3 * X.itemsize, 16, 32, 40, 48):
            found = compute(at_offset(X, offset), at_offset(y, offset))
            assert np.array_equal(found, expected), (rows, columns, offset)
