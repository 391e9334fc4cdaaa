"""States whose features are no Gaussians: entropies, divergences and errors against quadrature; the limit of a grid."""

import builtins

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit
from sklearn.neighbors import KernelDensity

import pyrometer as pm

from ..two_hills import entropy_of, flat, hills, two_hills

NOISE = 0.5 * np.log(2.0 * np.pi * np.e)  # entropy of normal residuals of variance 1


@pytest.mark.parametrize("cells", [2.0, 1.0, 0.25])
def test_the_discrete_entropy_of_a_grid_is_the_differential_one_less_the_logarithm_of_a_cell(cells):
    """(2.24)-(2.25) with (A.1): for a normal the difference is about cells^2 / 24, for smooth labels as well."""
    x = np.repeat(np.arange(-12.0, 12.0, cells), 2)[:, None]
    y = np.tile([0.0, 1.0], len(x) // 2)
    state = pm.DataState(
        x, y, model=lambda X: expit(0.5 * X[:, 0]), energy="ce", density=lambda X: stats.norm.logpdf(X[:, 0])
    )
    labels = quad(lambda u: stats.norm.pdf(u) * stats.bernoulli.entropy(expit(0.5 * u)), -12, 12)[0]
    differential = stats.norm.entropy() + labels
    assert state.discrete_entropy + np.log(cells) == pytest.approx(
        differential, abs=cells**2 / 8 if cells > 1 else 1e-6
    )


@pytest.mark.parametrize("energy", ["mse", "mae", "ce"])
def test_the_discrete_entropy_of_a_sample_is_that_of_its_normalised_density(energy):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2)) @ [[1.0, 0.5], [0.0, 2.0]]
    y = (rng.normal(size=60) > 0).astype(float) if energy == "ce" else rng.normal(size=60) + x[:, 0]
    state = pm.DataState(x, y, model=lambda X: expit(0.3 * X[:, 1]), energy=energy)
    left = y - expit(0.3 * x[:, 1])
    if energy == "mse":
        z = np.column_stack([x, left])
        p = stats.multivariate_normal(z.mean(axis=0), np.cov(z.T, bias=True)).pdf(z)
    else:
        p = stats.multivariate_normal(x.mean(axis=0), np.cov(x.T, bias=True)).pdf(x)
        p *= stats.laplace.pdf(left, 0, np.abs(left).mean()) if energy == "mae" else 1.0 - np.abs(left)
    assert state.discrete_entropy == pytest.approx(stats.entropy(p), rel=1e-10)


@pytest.mark.parametrize("density", ["kernel", "mixture"])
def test_entropies_are_those_of_quadrature_where_a_gaussian_is_far_off(density):
    x, y = hills(np.random.default_rng(2), 4000)
    truth = entropy_of(two_hills(2.0)) + NOISE
    state = pm.DataState(x, y, model=flat, energy="mse", density=density)
    error = np.std(state.kept.scores) / np.sqrt(4000)
    # Scott's rule is wide for two hills; its excess is a divergence, never negative.
    assert -4.5 * error < state.entropy - truth < (0.2 if density == "kernel" else 4.5 * error)
    assert pm.DataState(x, y, model=flat, energy="mse").entropy - truth > 0.4


def test_an_estimator_is_fitted_to_what_it_does_not_score():
    x, y = hills(np.random.default_rng(3), 103)
    estimator = KernelDensity(bandwidth=0.4)
    state = pm.DataState(x, y, model=flat, energy="mae", density=estimator, block=4)
    expected = np.empty(103)
    for i in range(103):
        others = [j for j in range(103) if (j // 4) % 5 != (i // 4) % 5]
        law = stats.laplace(0, np.abs(y[others]).mean())
        p = stats.norm.pdf(x[i, 0], x[others, 0], 0.4).mean() * law.pdf(y[i])
        expected[i] = -np.log(p)
    assert state.entropy == pytest.approx(expected.mean(), rel=1e-10)
    assert state.energy == pytest.approx(np.abs(y).mean())
    assert not hasattr(estimator, "tree_")


def test_a_kernel_sees_what_moments_do_not():
    rng = np.random.default_rng(5)
    x, y = hills(rng, 300)
    round_x = rng.normal(size=(300, 1)) * np.sqrt(4.25)
    pair = (x, y), (round_x, rng.normal(size=300))
    found = {name: pm.shift(*pair, model=flat, energy="mse", density=name, rng=0) for name in ("gaussian", "kernel")}
    assert found["gaussian"].p_value > 0.05
    assert found["kernel"].p_value < 0.01
    assert found["kernel"].divergence > 0.1
    assert found["kernel"].energy_change == pytest.approx(found["gaussian"].energy_change, rel=1e-10)


def test_drift_takes_states_of_any_density():
    rng = np.random.default_rng(7)
    states = [
        pm.DataState(*hills(rng, 3000, noise=noise), model=flat, energy="mse", density=two_hills(2.0))
        for noise in (1.0, 1.3, 1.6)
    ]
    found = pm.drift([0.0, 1.0, 2.0], states, bandwidth=2.0, resamples=99, rng=0)
    assert (np.abs(found.temperature - 2.0 * np.array([1.0, 1.3, 1.6]) ** 2) < 4.5 * found.temperature_error).all()


X, Y = hills(np.random.default_rng(8), 40)


@pytest.mark.parametrize(
    ("density", "error", "message"),
    [
        ("flat", ValueError, "density must be one of 'gaussian', 'kernel', 'mixture', got 'flat'"),
        (3.0, TypeError, "density must be .gaussian., .kernel., .mixture., an object with fit and score_samples"),
        (lambda X: 0.0, ValueError, "one log density for each row"),
        (lambda X: np.full(len(X), -np.inf), ValueError, "above 0 and finite at every row"),
    ],
)
def test_bad_densities(density, error, message):
    with pytest.raises(error, match=message):
        pm.DataState(X, Y, model=flat, energy="mse", density=density)


def test_states_that_do_not_go_together():
    kernel = pm.DataState(X, Y, model=flat, energy="mse", density="kernel")
    with pytest.raises(ValueError, match="the same kind of density, got gaussian and kernel"):
        pm.shift((X, Y), kernel, model=flat, energy="mse")
    with pytest.raises(ValueError, match="at least 8 blocks of rows for this density, got 4"):
        pm.DataState(X, Y, model=flat, energy="mse", density="kernel", block=10)


def normal(X):
    return -0.5 * (np.asarray(X) ** 2).sum(axis=1)


@pytest.mark.parametrize("density", ["kernel", "mixture", normal])
def test_densities_of_other_columns_are_not_compared(density):
    rng = np.random.default_rng(11)
    varied = rng.normal(size=(60, 3))
    constant = np.column_stack([rng.normal(size=(60, 2)), np.ones(60)])
    with pytest.raises(ValueError, match="got column 2 with one in before, and contributing by counts in after"):
        pm.shift(varied, constant, density=density)
    before = pm.DataState(constant, density=density)
    with pytest.raises(ValueError, match="got column 2 with one in after.*make the state of after with like=before"):
        pm.shift(before, pm.DataState(varied, density=density))
    like = pm.DataState(varied, density=density, like=before)
    assert pm.shift(before, like, rng=0).to_dict() == pm.shift(constant, varied, density=density, rng=0).to_dict()


@pytest.mark.parametrize("density", ["kernel", "mixture"])
def test_densities_of_far_scales_have_no_standard_errors(density):
    rng = np.random.default_rng(12)
    old, new = rng.normal(size=(80, 12)), rng.normal(size=(80, 12)) * 1e-40
    old[5] = new[5]
    found = pm.shift(old, new, density=density, rng=0)
    assert found.p_value == 0.001
    assert found.divergence > 12.0 * 40.0 * np.log(10.0) - 100.0
    assert np.isnan(found.divergence_error)
    assert "errors of divergence" in found.reason


def test_the_p_value_does_not_depend_on_the_unit_of_scores():
    rng = np.random.default_rng(13)
    pair = rng.normal(size=(50, 2)), rng.normal(size=(70, 2))
    found = [
        pm.shift(*(pm.DataState(X, density=lambda X, c=c: c * normal(X)) for X in pair), rng=0).p_value
        for c in (1.0, 2.0**-20, 2.0**900)
    ]
    assert found[0] == found[1] == found[2]
    with pytest.raises(ValueError, match="with a logarithm below 1e.290 in size"):
        pm.DataState(pair[0], density=lambda X: 1e300 * normal(X))


@pytest.mark.parametrize(("density", "library"), [("kernel", "scipy"), ("mixture", "sklearn")])
def test_a_library_that_is_not_there(monkeypatch, density, library):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith(library):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'pyrometer\[density\]'"):
        pm.DataState(X, Y, model=flat, energy="mse", density=density)


@pytest.mark.parametrize("density", ["kernel", "mixture"])
def test_rows_without_features_have_the_density_of_their_residuals(density):
    rng = np.random.default_rng(0)
    nothing, y = np.empty((60, 0)), rng.normal(size=60)
    model = pm.LinearRegression(nothing, y)
    for mean, shifted in ((0.0, False), (2.0, True)):
        after = (nothing, mean + rng.normal(size=60))
        found = pm.shift((nothing, y), after, model=model, density=density, resamples=99, rng=0)
        assert (found.p_value <= 0.05) == shifted
