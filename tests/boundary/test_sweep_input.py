"""What a sweep refuses: before anything has run, by the name of the pair."""

import importlib

import numpy as np
import pytest

import pyrometer as pm

LINEAR = pm.LinearRegression([[1.0, 0.0], [2.0, 1.0], [4.0, 5.0]], [1.0, 2.0, 3.0])
NETWORK = pm.Network([[1.0, 0.0]], hidden=3, outputs=1, activation="tanh")


@pytest.fixture
def nothing_runs(monkeypatch):
    def run(*_):
        raise AssertionError("it has run")

    monkeypatch.setattr(importlib.import_module("pyrometer.sweeps._sweep"), "run", run)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    ("systems", "laws", "methods", "kind", "message"),
    [
        (
            {"a": LINEAR},
            {"b": pm.Normal([1.0, 2.0])},
            ("exact",),
            ValueError,
            "law 'b' must fit system 'a': law must have",
        ),
        ([LINEAR, NETWORK], pm.HeNormal(), ("exact",), TypeError, "law '0' must fit system '0': law must be Normal, U"),
        ([LINEAR, NETWORK], pm.Mixed([1.0], [1.0, 1.0]), ("exact",), TypeError, "law '0' must fit system '1'"),
        (NETWORK, pm.Uniform(1.0), ("exact",), ValueError, "no formula for a uniform law"),
        ([NETWORK, LINEAR], pm.Normal(1.0), ("mean-field",), ValueError, "system '1': method='mean-field' is for"),
        (LINEAR, pm.Normal(1.0), ("exactly",), ValueError, "method must be one of"),
        (LINEAR, pm.Normal(1.0), (), ValueError, "at least one method"),
        ([], pm.Normal(1.0), ("exact",), ValueError, "systems must have at least one"),
        (LINEAR, {}, ("exact",), ValueError, "laws must have at least one"),
        (LINEAR, 2.0, ("exact",), TypeError, "laws must be Normal.*; did you mean pm.Normal"),
        ([LINEAR, "b"], pm.Normal(1.0), ("exact",), TypeError, "systems\\[1\\] must be a Linear.*, got 'b'"),
        ({1: LINEAR}, pm.Normal(1.0), ("exact",), TypeError, "names of systems must be strings, got 1"),
    ],
)
def test_pairs(systems, laws, methods, kind, message):
    with pytest.raises(kind, match=message):
        pm.sweep(systems, laws, method=methods)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"resolution": 0.0}, ValueError),
        ({"samples": 1}, ValueError),
        ({"rng": -1}, ValueError),
        ({"rng": "1"}, TypeError),
        ({"threads": 0}, ValueError),
        ({"progress": 1}, TypeError),
        ({"executor": 2}, TypeError),
    ],
)
def test_options(options, kind):
    with pytest.raises(kind, match=next(iter(options))):
        pm.sweep(LINEAR, pm.Normal(1.0), **options)


def test_an_energy_beyond_doubles_names_its_system():
    huge = pm.LinearRegression(1e150 * np.eye(3), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"system 'huge': the energy must be below"):
        pm.sweep({"huge": huge}, pm.Normal(1e10))
