"""Published data through the public functions, against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit
from scipy.stats import norm

import pyrometer as pm


def test_stackloss():
    data = sm.datasets.stackloss.load_pandas()
    minimum = pm.minimum_energy(pm.LinearRegression(data.exog, data.endog, energy="mae"))
    assert 21 * minimum.value == pytest.approx(42.08116, abs=1e-5)
    assert minimum.parameters == pytest.approx([0.83188406, 0.57391304, -0.06086957, -39.68985507], abs=1e-7)
    assert minimum.digits > 12


def test_engel():
    data = sm.datasets.engel.load_pandas().data
    system = pm.LinearRegression(data[["income"]], data["foodexp"], energy="mae")
    fit = sm.QuantReg(data["foodexp"], sm.add_constant(data[["income"]])).fit(q=0.5)
    minimum = pm.minimum_energy(system)
    assert minimum.parameters == pytest.approx([fit.params["income"], fit.params["const"]], rel=1e-5)
    assert minimum.value <= np.abs(fit.resid).mean() * (1 + 1e-14)
    # The mean of a folded normal for each household, E|y - t| with t normal.
    scale = 0.5 * np.hypot(data["income"], 1)
    ratio = data["foodexp"] / scale
    hot = np.sqrt(2 / np.pi) * scale * np.exp(-(ratio**2) / 2) + data["foodexp"] * (1 - 2 * norm.sf(ratio))
    assert pm.mean_energy(system, pm.Normal(0.5)).value == pytest.approx(hot.mean(), rel=1e-12)


def test_spector():
    data = sm.datasets.spector.load_pandas()
    system = pm.LogisticRegression(data.exog, data.endog)
    fit = sm.Logit(data.endog, sm.add_constant(data.exog, prepend=False)).fit(disp=0, tol=1e-12, maxiter=100)
    minimum = pm.minimum_energy(system)
    assert minimum.value == pytest.approx(-fit.llf / len(data.endog), rel=1e-12)
    np.testing.assert_allclose(minimum.parameters, fit.params, rtol=1e-8)
    hot = pm.temperature(system, pm.Normal(10.0))
    assert hot.value == pytest.approx((hot.energy - minimum.value) / hot.entropy)
    # Labels drop out of the hot energy: they meet a symmetric law.
    assert pm.temperature(pm.LogisticRegression(data.exog, 1 - data.endog), pm.Normal(10.0)) == hot


def test_star98_schools_above_the_median():
    data = sm.datasets.star98.load_pandas()
    X = data.exog.to_numpy()[:, :8]
    X = (X - X.mean(0)) / X.std(0)
    y = (data.endog["NABOVE"] > data.endog["NBELOW"]).to_numpy()
    fit = sm.Logit(y.astype(float), np.column_stack([X, np.ones(len(X))])).fit(disp=0, tol=1e-12, maxiter=100)
    minimum = pm.minimum_energy(pm.LogisticRegression(X, y))
    assert minimum.value == pytest.approx(-fit.llf / len(y), rel=1e-11)
    np.testing.assert_allclose(minimum.parameters, fit.params, rtol=1e-6)
    slope = (expit(X @ minimum.parameters[:-1] + minimum.parameters[-1]) - y) @ X / len(y)
    np.testing.assert_allclose(slope, 0, atol=1e-9)
