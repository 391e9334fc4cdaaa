"""A system that pyrometer does not know: the general theory asks it its questions, and nothing else."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import integrate, stats

import pyrometer as pm
from pyrometer.thermodynamics import Evaluated


@dataclass(frozen=True)
class Well:
    """A particle in a harmonic well, E = k x^2 / 2 + floor, at a normal place x."""

    stiffness: float
    floor: float = 0.0
    shape: tuple[int, ...] = ()
    rows: int = 1
    parameters: int = 1
    loss: str = "well"
    separable: bool = False

    def members(self, first, last):
        return self

    def bind(self, law):
        if not isinstance(law, pm.Normal):
            raise TypeError(f"law must be Normal for a well, got {law!r}.")
        return pm.Normal(np.atleast_1d(law.scale))

    def random_parameters(self, bound):
        return 1

    def check_method(self, bound, method):
        if method not in ("auto", "exact", "monte-carlo"):
            raise ValueError(f"method must be 'exact' or 'monte-carlo' for a well, got {method!r}.")
        return "exact" if method == "auto" else method

    def mean_energies(self, bound, method, samples, rng, threads, *, slope):
        method = self.check_method(bound, method)
        thermal = 0.5 * self.stiffness * bound.scale[..., -1] ** 2
        value, error = self.floor + thermal, np.zeros(bound.batch_shape)
        if method == "monte-carlo":
            drawn = self.draw_energies(bound, range(samples), (int(rng), 0), threads)
            value, error = drawn.mean(axis=-1), drawn.std(axis=-1, ddof=1) / np.sqrt(samples)
        estimate = pm.Estimate(
            value=value[()], standard_error=error[()], error_bound=np.zeros(bound.batch_shape)[()], method=method,
            samples=samples if method == "monte-carlo" else 0,
        )  # fmt: skip
        return Evaluated(estimate, 2.0 * thermal)

    def draw_energies(self, bound, draws, key, threads):
        places = self.draw_parameters(bound, draws.stop, key)[..., draws.start :, 0]
        return self.floor + 0.5 * self.stiffness * places**2

    def draw_parameters(self, bound, samples, key):
        unit = np.random.default_rng(key).normal(size=samples)
        return (unit * bound.scale[..., -1:])[..., None]

    def energy_variances(self, bound):
        return 0.5 * (self.stiffness * bound.scale[..., -1] ** 2) ** 2

    def entropy_parts(self, bound, resolution, *, leading):
        return np.log(bound.scale / resolution) + (0.0 if leading else 0.5 * np.log(2.0 * np.pi * np.e))

    def least_energy(self, threads):
        minimum = pm.Minimum(
            value=self.floor, parameters=np.zeros(1), gap=0.0, attained=True, method="known", rank=1, condition=1.0,
            digits=16.0, parameter_error=np.zeros(1),
        )  # fmt: skip
        return minimum, pm.PrecisionWarning("a well has a warning") if self.floor < 0 else None

    def cost(self, law, method, samples):
        return 100.0


WELL = Well(3.0, floor=0.5)
LAW = pm.Normal([[2.0], [4.0]])


def test_mean_energy_is_the_integral():
    found = pm.mean_energy(WELL, pm.Normal(2.0)).value
    density = stats.norm(scale=2.0).pdf
    assert found == pytest.approx(integrate.quad(lambda x: (0.5 + 1.5 * x * x) * density(x), -40, 40)[0], rel=1e-10)


def test_temperature_is_the_quotient():
    hot = pm.temperature(WELL, LAW)
    entropy = stats.norm(scale=[2.0, 4.0]).entropy()
    assert hot.value == pytest.approx(1.5 * np.array([4.0, 16.0]) / entropy, rel=1e-12)
    assert hot.minimum_energy == pytest.approx([0.5, 0.5])
    assert hot.marginal == pytest.approx(3.0 * np.array([4.0, 16.0]))  # equipartition: E = T / 2
    assert list(hot.verdict) == ["ok", "ok"]
    assert pm.entropy(WELL, LAW) == pytest.approx(entropy)


def test_draws():
    energies = pm.sample_energies(WELL, LAW, samples=100, rng=1)
    places = pm.sample_parameters(WELL, LAW, samples=100, rng=1)
    assert energies == pytest.approx(0.5 + 1.5 * places[..., 0] ** 2)
    assert pm.energy_variance(WELL, pm.Normal(2.0)) == pytest.approx(0.5 * 144.0)
    sampled = pm.mean_energy(WELL, pm.Normal(2.0), method="monte-carlo", samples=10_000, rng=1)
    assert abs(sampled.value - 6.5) < 5 * sampled.standard_error


def test_minimum_and_its_warning():
    assert pm.minimum_energy(WELL).value == 0.5
    for ask in (pm.minimum_energy, lambda well: pm.temperature(well, LAW)):
        with pytest.warns(pm.PrecisionWarning, match="a well has a warning"):
            ask(Well(1.0, floor=-1.0))


def test_a_sweep_has_its_rows():
    line = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    table = pm.sweep(
        {"well": WELL, "line": line}, {"normal": LAW}, method=("exact", "monte-carlo"), samples=5000, rng=1
    )
    well = table["system"] == "well"
    assert list(table["loss"][well]) == ["well"] * 4
    exact = well & (table["method"] == "exact")
    assert list(table["temperature"][exact]) == list(pm.temperature(WELL, LAW).value)


def test_refusals_are_the_systems_own():
    with pytest.raises(TypeError, match="law must be Normal for a well"):
        pm.mean_energy(WELL, pm.Uniform(1.0))
    with pytest.raises(ValueError, match="for a well, got 'mean-field'"):
        pm.temperature(WELL, LAW, method="mean-field")
    with pytest.raises(TypeError, match="system must be"):
        pm.temperature(object(), LAW)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pm.temperature(WELL, LAW, method="exact")
