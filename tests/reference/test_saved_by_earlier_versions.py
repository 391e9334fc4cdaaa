"""What version 0.1.0 pickled and saved is read by every later version, with the same contents."""

import base64
import json
import math
import pickle
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

import pyrometer as pm

SAVED = Path(__file__).parent / "data" / "0.1.0"
SECOND = Path(__file__).parent / "data" / "monitor-2"
PICKLES = json.loads((SAVED / "pickles.json").read_text(encoding="utf-8"))


def same(new, old):
    if isinstance(new, (np.ndarray, tuple)):
        return np.array_equal(np.asarray(new), np.asarray(old), equal_nan=np.asarray(new).dtype.kind == "f")
    return new == old or (isinstance(old, float) and math.isnan(old) and math.isnan(new))


@pytest.mark.parametrize("name", sorted(PICKLES))
def test_pickle(name):
    saved = PICKLES[name]
    if name == "Shift":  # its verdict was on the temperature; now it is that of the test, p = 0.3
        assert saved["attributes"]["verdict"] == "undefined"
        saved["attributes"] |= {"verdict": "not-shifted", "temperature_defined": False, "level": 0.05, "changed": ()}
    loaded = pickle.loads(base64.b64decode(saved["pickle"]))
    assert type(loaded).__name__ == name.split()[0]
    for attribute, value in saved["attributes"].items():
        assert same(getattr(loaded, attribute), value), attribute
    for field in fields(loaded) if is_dataclass(loaded) else ():
        getattr(loaded, field.name)
    pickle.loads(pickle.dumps(loaded))


@pytest.mark.parametrize("name", [name for name in sorted(PICKLES) if "Regression" in name and "Orth" not in name])
def test_system_of_a_pickle_works(name):
    system = pickle.loads(base64.b64decode(PICKLES[name]["pickle"]))
    assert pm.temperature(system, pm.Normal(3.0)).value > 0.0


def test_moments():
    loaded, expected = pm.Moments.load(SAVED / "moments.npz"), PICKLES["Moments"]["attributes"]
    for attribute, value in expected.items():
        assert same(getattr(loaded, attribute), value), attribute


def test_monitor():
    model = pickle.loads(base64.b64decode(PICKLES["RefreshMonitor"]["pickle"])).model
    loaded = pm.RefreshMonitor.load(SAVED / "monitor.npz", model)
    (reading,) = loaded.readings
    for attribute, value in PICKLES["Reading"]["attributes"].items():
        assert same(getattr(reading, attribute), value), attribute


@pytest.mark.parametrize("name", ["plain", "block", "growing"])
def test_monitor_of_the_second_form_goes_on(name):
    """Batches of 60 rows that remember one another, after three that are in the file; their noise has changed."""
    loaded = pm.RefreshMonitor.load(SECOND / f"{name}.npz", lambda X: np.asarray(X).sum(axis=1))
    assert len(loaded.readings) == 3
    for seed, expected in zip((4, 5, 6), json.loads((SECOND / "readings.json").read_text())[name], strict=True):
        rng = np.random.default_rng(seed)
        X = np.zeros((60, 2))
        for row in range(60):
            X[row] = 0.6 * (X[row - 1] if row else 0.0) + rng.normal(size=2)
        reading = loaded.update(X, X.sum(axis=1) + (1.0 if seed < 6 else 2.0) * rng.normal(size=60)).reading
        for attribute, value in expected.items():
            assert getattr(reading, attribute) == pytest.approx(value, rel=1e-9, nan_ok=True), attribute
