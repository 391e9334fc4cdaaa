"""Sequences of systems and laws: computed together, with the bits of each alone."""

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.sweeps import _plan
from pyrometer.sweeps._sweep import plan_of

RNG = np.random.default_rng(20)
LAWS = {"one": pm.Normal(2.0), "batch": pm.Normal([[0.5], [3.0]]), "uniform": pm.Uniform(4.0)}


def rows(m=40, p=3, order="C"):
    """Return rows and targets of one system."""
    return np.asarray(RNG.normal(size=(m, p)), order=order), RNG.normal(size=m)


def systems():
    """Return systems that form stacks with their neighbours, and some between them that do not."""
    collinear = RNG.normal(size=(40, 1)) @ np.ones((1, 3)) + 1e-9 * RNG.normal(size=(40, 3))
    single = tuple(part.astype(np.float32) for part in rows())
    return [
        *(pm.LinearRegression(*rows()) for _ in range(3)),
        pm.LinearRegression(collinear, RNG.normal(size=40)),  # its minimum needs the rows
        pm.LinearRegression(*rows(order="F")),
        pm.LinearRegression(*rows(order="F")),
        pm.LinearRegression(*single),
        pm.LinearRegression(*rows(), penalty=pm.L2(0.3)),
        pm.LinearRegression(*rows(), penalty=pm.L2(0.3)),
        pm.LinearRegression(*rows(), penalty=pm.L1(0.2)),
        pm.LinearRegression(*rows(), intercept=False),
        pm.LinearRegression(*rows(p=2)),
        pm.LinearRegression(*rows(), energy="mae"),
        pm.LinearRegression(*rows(), weights=RNG.uniform(1.0, 2.0, 40)),
        *(pm.LinearRegression.from_moments(pm.Moments.of(*rows())) for _ in range(2)),
        pm.LinearRegression.from_moments(pm.Moments.of(*rows(30)) + pm.Moments.of(*rows(10))),
        pm.LinearRegression(RNG.normal(size=(2, 40, 3)), RNG.normal(size=(2, 40))),
        pm.LinearRegression(*rows()),
    ]


def expected(system, law, method):
    """Return the fields of `temperature`, flattened."""
    result = pm.temperature(system, law, method=method, samples=50, rng=3)
    found = [np.ravel(getattr(result, name)) for name in ("energy", "minimum_energy", "entropy", "value", "marginal")]
    return np.array([np.broadcast_to(column, found[3].shape) for column in found])


@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning", "ignore::pyrometer.SimulationWarning")
@pytest.mark.parametrize("pairs", [_plan._PAIRS, 7])
@pytest.mark.parametrize("copied", [_plan._COPIED, 500])
def test_each_pair_has_the_bits_of_temperature(monkeypatch, pairs, copied):
    monkeypatch.setattr(_plan, "_PAIRS", pairs)
    monkeypatch.setattr(_plan, "_COPIED", copied)
    given = systems()
    methods = ("exact", "asymptotic", "monte-carlo")
    table = pm.sweep(given, LAWS, method=methods, samples=50, rng=3)
    columns = np.array([table[name] for name in ("energy", "minimum_energy", "entropy", "temperature", "marginal")])
    for number, system in enumerate(given):
        for name, law in LAWS.items():
            for method in methods:
                chosen = (table["system"] == str(number)) & (table["law"] == name) & (table["method"] == method)
                assert np.array_equal(columns[:, chosen], expected(system, law, method), equal_nan=True)


def test_alike_neighbours_form_groups():
    plan = plan_of(systems(), LAWS, "auto", 1.0, 10, 0, None)
    assert list(plan.groups.values()) == [4, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1]


def test_an_overflow_names_the_systems_of_the_stack():
    given = {f"s{k}": pm.LinearRegression(*rows()) for k in range(4)}
    with pytest.raises(ValueError, match="^systems 's0' to 's3': "):
        pm.sweep(given, pm.Normal(1e160))


def test_the_first_law_that_does_not_fit_is_named():
    laws = {"a": pm.Normal(1.0), "b": pm.Normal(2.0), "c": pm.Normal([1.0, 2.0]), "d": pm.Normal([1.0, 3.0])}
    with pytest.raises(ValueError, match="^law 'c' must fit system '0': "):
        pm.sweep([pm.LinearRegression(*rows())], laws)


def test_laws_have_the_same_bits_in_a_large_batch_as_alone():
    scales = RNG.uniform(0.5, 3.0, size=(20_000, 4)) * 10.0 ** RNG.integers(-3, 4, size=(20_000, 1))
    mixed = pm.Independent([pm.Normal(scales[:, :2]), pm.Uniform(scales[:, 2:])])
    system = pm.LinearRegression(*rows(), penalty=pm.L1(0.1))
    for law, alone in (
        (pm.Normal(scales), lambda k: pm.Normal(scales[k])),
        (mixed, lambda k: pm.Independent([pm.Normal(scales[k, :2]), pm.Uniform(scales[k, 2:])])),
    ):
        for method in ("exact", "asymptotic"):
            whole = pm.temperature(system, law, method=method)
            for k in (0, 1, 8191, 8192, 12_345, 19_999):
                one = pm.temperature(system, alone(k), method=method)
                assert (one.value, one.entropy, one.energy) == (whole.value[k], whole.entropy[k], whole.energy[k])
