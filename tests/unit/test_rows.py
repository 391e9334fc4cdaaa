"""Absolute error and cross entropy through the public functions, against scipy, row by row."""

import numpy as np
import pytest
from scipy import integrate, special, stats

import pyrometer as pm

RNG = np.random.default_rng(5)
X = RNG.normal(0.4, 1.3, size=(12, 2))
Y = RNG.normal(1.0, 2.0, size=12)
LABELS = (RNG.random(12) < 0.5).astype(float)
DESIGN = np.column_stack([X, np.ones(12)])
SCALES = np.array([0.7, 2.0, 1.5])
MAE = pm.LinearRegression(X, Y, energy="mae")
CE = pm.LogisticRegression(X, LABELS)
LAWS = [pm.Normal(SCALES), pm.Uniform(4 * SCALES), pm.Mixed(SCALES[:1], 4 * SCALES[1:])]


def row_deviations(scales):
    return np.sqrt((DESIGN * scales) ** 2 @ np.ones(3))


def test_absolute_error_is_a_folded_normal():
    """(3.35): y - theta . x is normal around y."""
    s = row_deviations(SCALES)
    expected = np.mean([stats.foldnorm.mean(abs(y) / d, scale=d) for y, d in zip(Y, s, strict=True)])
    assert pm.mean_energy(MAE, LAWS[0]).value == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_is_a_softplus_expectation():
    """(4.3): the labels drop out."""
    expected = np.mean(
        [
            integrate.quad(lambda z, d=d: np.logaddexp(0, d * z) * stats.norm.pdf(z), -12, 12, epsabs=1e-13, limit=200)[
                0
            ]
            for d in row_deviations(SCALES)
        ]
    )
    assert pm.mean_energy(CE, LAWS[0]).value == pytest.approx(expected, rel=1e-11)
    other = pm.LogisticRegression(X, 1 - LABELS)
    assert pm.mean_energy(other, LAWS[0]).value == pm.mean_energy(CE, LAWS[0]).value


@pytest.mark.parametrize("loss", ["mae", "ce"])
def test_one_uniform_parameter(loss):
    """(3.40) and (4.12) for one parameter, by quadrature over it."""
    x = X[:, :1]
    if loss == "mae":
        system = pm.LinearRegression(x, Y, energy="mae", intercept=False)
        rows = [
            integrate.quad(lambda t, a=a, y=y: abs(y - t * a), -3, 3, points=[y / a])[0]
            for (a,), y in zip(x, Y, strict=True)
        ]
    else:
        system = pm.LogisticRegression(x, LABELS, intercept=False)
        rows = [integrate.quad(lambda t, a=a: np.logaddexp(0, t * a), -3, 3, epsabs=1e-13)[0] for (a,) in x]
    assert pm.mean_energy(system, pm.Uniform(6.0)).value == pytest.approx(np.mean(rows) / 6, rel=1e-9)


@pytest.mark.parametrize("law", LAWS, ids=["normal", "uniform", "mixed"])
@pytest.mark.parametrize("system", [MAE, CE], ids=["mae", "ce"])
def test_monte_carlo_within_its_standard_errors(system, law):
    exact = pm.temperature(system, law, minimum=0.0)
    sampled = pm.temperature(system, law, minimum=0.0, method="monte-carlo", samples=100_000, rng=4)
    assert abs(sampled.value - exact.value) < 4.5 * sampled.standard_error
    assert sampled.marginal == pytest.approx(exact.marginal, rel=0.02)


@pytest.mark.parametrize("law", LAWS, ids=["normal", "uniform", "mixed"])
@pytest.mark.parametrize("system", [MAE, CE], ids=["mae", "ce"])
def test_sampled_energies_are_those_of_the_sampled_parameters(system, law):
    energies = pm.sample_energies(system, law, samples=100, rng=6)
    t = pm.sample_parameters(system, law, samples=100, rng=6) @ DESIGN.T
    rows = np.abs(Y - t) if system is MAE else np.logaddexp(0, -t) + (1 - LABELS) * t
    np.testing.assert_allclose(energies, rows.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("system", [MAE, CE], ids=["mae", "ce"])
@pytest.mark.parametrize("law", [pm.Normal, pm.Uniform])
def test_marginal_is_the_slope_of_energy_in_entropy(system, law):
    scales = 3.0 * SCALES * np.exp([[-1e-4], [1e-4]])
    energy = pm.mean_energy(system, law(scales)).value
    slope = (energy[1] - energy[0]) / (2e-4 * 3)
    assert pm.temperature(system, law(3.0 * SCALES)).marginal == pytest.approx(slope, rel=1e-6)


def test_limits():
    """The true limit is reached; the sum over parameters is too large (point 4 of the theory's first page)."""
    wide = 1e6 * SCALES
    for system, factor in ((MAE, 1.0), (CE, 0.5)):
        limit = pm.mean_energy(system, pm.Normal(wide), method="refined").value
        assert limit == pytest.approx(factor * np.sqrt(2 / np.pi) * row_deviations(wide).mean(), rel=1e-13)
        for law in (pm.Normal(wide), pm.Uniform(wide)):
            limit = pm.mean_energy(system, law, method="asymptotic").value
            assert pm.mean_energy(system, law).value == pytest.approx(limit, rel=1e-5)
    table = pm.tables.asymptotics(scale=1e6)
    rows = [row for row in table if row["loss"] in ("MAE", "CE")]
    assert len(rows) == 4
    for row in rows:
        assert row["componentwise"] > 1.5 * row["limit"]
        assert row["refined_to_exact"] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("law", [pm.Normal(1e8), pm.Uniform(1e8)])
def test_the_temperature_of_cross_entropy_is_half_that_of_absolute_error(law):
    mae = pm.temperature(pm.LinearRegression(X, LABELS, energy="mae"), law)
    assert pm.temperature(CE, law).value == pytest.approx(mae.value / 2, rel=1e-6)


def test_minima():
    theta = pm.minimum_energy(MAE)
    assert theta.method == "simplex"
    assert theta.gap <= 1e-8 * theta.value
    assert np.mean(np.abs(Y - DESIGN @ theta.parameters)) == pytest.approx(theta.value, rel=1e-12)
    logit = pm.minimum_energy(CE)
    t = DESIGN @ logit.parameters
    np.testing.assert_allclose(DESIGN.T @ (special.expit(t) - LABELS) / 12, 0, atol=1e-8)
    assert np.mean(np.logaddexp(0, -t) + (1 - LABELS) * t) == pytest.approx(logit.value, rel=1e-12)


def test_separable_labels_are_said():
    system = pm.LogisticRegression(X, (X[:, 0] > 0).astype(int))
    with pytest.warns(pm.SeparationWarning, match="infimum"):
        minimum = pm.minimum_energy(system)
    assert (minimum.value, minimum.attained) == (0.0, False)
    with pytest.warns(pm.SeparationWarning):
        assert pm.temperature(system, pm.Normal(2.0)).minimum_energy == 0.0


def test_labels():
    for y in (LABELS.astype(bool), LABELS.astype(int), LABELS.tolist(), LABELS.astype(np.float32)):
        assert pm.minimum_energy(pm.LogisticRegression(X, y)).value == pm.minimum_energy(CE).value
    words = np.where(LABELS == 1, "malignant", "benign")
    named = pm.LogisticRegression(X, words, labels=("benign", "malignant"))
    assert pm.minimum_energy(named).value == pm.minimum_energy(CE).value
    with pytest.raises(ValueError, match=r"y must be 0 or 1, got 2.*row 3.*labels="):
        pm.LogisticRegression(X, np.where(np.arange(12) == 3, 2, LABELS))
    with pytest.raises(ValueError, match="y must be 'a' or 'b'"):
        pm.LogisticRegression(X, words, labels=("a", "b"))
    with pytest.raises(ValueError, match="two different labels"):
        pm.LogisticRegression(X, words, labels=("a", "a"))


def test_stacks_and_batches():
    stack, targets = np.stack([X, 2 * X, X - 1]), np.stack([Y, Y + 1, 2 * Y])
    labels = np.stack([LABELS, 1 - LABELS, LABELS])
    law = pm.Normal(SCALES * np.array([[1.0], [5.0]]))
    for system, parts in (
        (
            pm.LinearRegression(stack, targets, energy="mae"),
            [pm.LinearRegression(a, b, energy="mae") for a, b in zip(stack, targets, strict=True)],
        ),
        (
            pm.LogisticRegression(stack, labels),
            [pm.LogisticRegression(a, b) for a, b in zip(stack, labels, strict=True)],
        ),
    ):
        together = pm.temperature(system, law, method="monte-carlo", rng=1, samples=200)
        assert together.value.shape == (3, 2)
        for k, part in enumerate(parts):
            alone = pm.temperature(part, law, method="monte-carlo", rng=1, samples=200)
            np.testing.assert_array_equal(together.value[k], alone.value)
            exact = pm.temperature(part, law)
            np.testing.assert_allclose(pm.temperature(system, law).value[k], exact.value, rtol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda X: pm.LinearRegression(X, Y, energy="mae"), lambda X: pm.LogisticRegression(X, LABELS)]
)
def test_bad_cells_are_named(make):
    bad = X.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="X must be finite, got nan at row 3, column 1"):
        make(bad)


def test_what_does_not_go_together():
    with pytest.raises(ValueError, match="penalty is for energy='mse'"):
        pm.LinearRegression(X, Y, energy="mae", penalty=pm.L1(1.0))
    with pytest.raises(ValueError, match="squared error only"):
        pm.energy_variance(MAE, pm.Normal(1.0))
    with pytest.raises(ValueError, match="energy must be one of 'mse', 'mae'"):
        pm.LinearRegression(X, Y, energy="mbe")


def test_float32_is_not_widened():
    small = X.astype(np.float32)
    system = pm.LinearRegression(small, Y.astype(np.float32), energy="mae")
    assert system.X.dtype == np.float32
    wide = pm.LinearRegression(small.astype(float), Y.astype(np.float32).astype(float), energy="mae")
    assert pm.temperature(system, pm.Normal(2.0)).value == pytest.approx(
        pm.temperature(wide, pm.Normal(2.0)).value, rel=1e-12
    )
