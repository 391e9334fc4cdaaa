"""Models of no feature but the intercept: a constant, by numerical integration over its law."""

import numpy as np
import pytest
from scipy import integrate, stats

import pyrometer as pm

LAWS = [(pm.Normal(2.0), stats.norm(0.0, 2.0)), (pm.Uniform(3.0), stats.uniform(-1.5, 3.0))]
LOSSES = {"mae": lambda y, c: abs(y - c), "ce": lambda y, c: np.logaddexp(0.0, c) - y * c}


def system(loss, shape, dtype=float):
    X, y = np.zeros((*shape, 0), dtype), np.random.default_rng(3).normal(1.0, size=shape).astype(dtype)
    return pm.LinearRegression(X, y, energy="mae") if loss == "mae" else pm.LogisticRegression(X, y > 1.0)


@pytest.mark.parametrize(("law", "density"), LAWS, ids=["normal", "uniform"])
@pytest.mark.parametrize("loss", LOSSES)
def test_mean_energies(loss, law, density):
    constant = system(loss, (9,))
    ends = np.clip(density.interval(1 - 1e-15), -20, 20)
    expected = np.mean(
        [
            integrate.quad(lambda c, y=y: LOSSES[loss](y, c) * density.pdf(c), *ends, points=[y], epsabs=1e-12)[0]
            for y in constant.y
        ]
    )
    assert pm.mean_energy(constant, law).value == pytest.approx(expected, rel=1e-9)
    sampled = pm.mean_energy(constant, law, method="monte-carlo", rng=1)
    assert abs(sampled.value - expected) < 4 * sampled.standard_error
    wide = pm.mean_energy(constant, law, method="refined").value
    assert wide == pytest.approx({"mae": 1.0, "ce": 0.5}[loss] * density.expect(abs), rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", LOSSES)
def test_minima_of_stacks(loss, dtype):
    constants = system(loss, (2, 3, 9), dtype)
    y = constants.y.astype(float)
    if loss == "mae":
        expected = abs(y - np.median(y, axis=-1, keepdims=True)).mean(axis=-1)
    else:
        share = y.mean(axis=-1)
        expected = stats.entropy([share, 1 - share])
    found = pm.minimum_energy(constants)
    np.testing.assert_allclose(found.value, expected, rtol=1e-12)
    assert found.parameters.shape == (2, 3, 1)
    assert pm.temperature(constants, pm.Normal(2.0)).verdict.tolist() == [["ok"] * 3] * 2
