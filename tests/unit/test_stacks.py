"""Stacks of systems and batches of laws: every energy and method gives what each pair gives alone."""

import tracemalloc

import numpy as np
import pytest

import pyrometer as pm

# Few draws are enough to see that bits agree, and are warned of.
pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")

RNG = np.random.default_rng(1)
X = RNG.normal(0.3, 1.0, size=(2, 3, 15, 2))
Y = RNG.normal(size=(2, 3, 15))
LABELS = RNG.random((2, 3, 15)) < 0.5
MAKERS = {
    "mse": lambda X, y, b: pm.LinearRegression(X, y),
    "lasso": lambda X, y, b: pm.LinearRegression(X, y, penalty=pm.L1(0.3)),
    "mae": lambda X, y, b: pm.LinearRegression(X, y, energy="mae"),
    "ce": lambda X, y, b: pm.LogisticRegression(X, b),
}
SCALES = np.geomspace(0.2, 50, 4)[:, None] * np.array([1.0, 2.0, 0.5])
LAWS = {
    "normal": (pm.Normal(SCALES), [pm.Normal(row) for row in SCALES]),
    "uniform": (pm.Uniform(SCALES), [pm.Uniform(row) for row in SCALES]),
    "mixed": (pm.Mixed(SCALES[:, :2], SCALES[:, 2:]), [pm.Mixed(row[:2], row[2:]) for row in SCALES]),
}
FIELDS = ("value", "standard_error", "energy", "minimum_energy", "entropy", "marginal")


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("energy", MAKERS)
@pytest.mark.parametrize("method", ["exact", "refined", "asymptotic", "monte-carlo"])
def test_a_stack_under_a_batch_is_its_pairs(energy, law, method):
    make, (batch, laws) = MAKERS[energy], LAWS[law]
    options = {"method": method, "samples": 40, "rng": 3}
    together = pm.temperature(make(X, Y, LABELS), batch, **options)
    assert together.value.shape == together.verdict.shape == (2, 3, 4)
    assert together.method == method
    for place in np.ndindex(2, 3):
        system = make(X[place], Y[place], LABELS[place])
        for k, each in enumerate(laws):
            alone = pm.temperature(system, each, **options)
            for name in FIELDS:
                # To the last bit: a pair does not feel its company.
                np.testing.assert_equal(getattr(together, name)[(*place, k)], getattr(alone, name))
            assert together.verdict[(*place, k)] == alone.verdict
            assert isinstance(alone.value, float)
    assert {"ok", "negative-entropy"} <= set(together.verdict.ravel())


@pytest.mark.parametrize("energy", MAKERS)
def test_minima_of_a_stack(energy):
    together = pm.minimum_energy(MAKERS[energy](X, Y, LABELS))
    assert together.value.shape == together.gap.shape == together.attained.shape == (2, 3)
    assert together.parameters.shape == (2, 3, 3)
    for place in np.ndindex(2, 3):
        alone = pm.minimum_energy(MAKERS[energy](X[place], Y[place], LABELS[place]))
        assert together.value[place] == alone.value
        assert together.attained[place] == alone.attained
        np.testing.assert_array_equal(together.parameters[place], alone.parameters)


@pytest.mark.parametrize("energy", ["mse", "lasso"])
def test_variances_of_a_stack(energy):
    batch, laws = LAWS["mixed"]
    together = pm.energy_variance(MAKERS[energy](X, Y, LABELS), batch)
    assert together.shape == (2, 3, 4)
    for place in np.ndindex(2, 3):
        for k, each in enumerate(laws):
            alone = pm.energy_variance(MAKERS[energy](X[place], Y[place], LABELS[place]), each)
            assert together[(*place, k)] == pytest.approx(alone, rel=1e-11)


@pytest.mark.parametrize("energy", MAKERS)
def test_mean_energies_are_at_least_the_minimum(energy):
    """E >= E* for every draw, so for every mean."""
    system = MAKERS[energy](X, Y, LABELS)
    minimum = pm.minimum_energy(system).value[..., None]
    for batch, _ in LAWS.values():
        assert np.all(pm.mean_energy(system, batch).value >= minimum)
        assert np.all(pm.sample_energies(system, batch, samples=20, rng=0) >= minimum[..., None] * (1 - 1e-12))


@pytest.mark.parametrize("energy", ["mse", "mae", "ce"])
def test_no_temporary_is_as_large_as_the_data(energy):
    rng = np.random.default_rng(2)
    many, y = rng.normal(size=(300, 200, 8)), rng.normal(size=(300, 200))
    labels = (y > 0) * 1.0
    pm.temperature(MAKERS[energy](many[:2], y[:2], labels[:2]), pm.Normal(2.0))
    tracemalloc.start()
    pm.temperature(MAKERS[energy](many, y, labels), pm.Normal(2.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < many.nbytes / 2
