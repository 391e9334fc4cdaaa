"""Cross entropy of numbers of any magnitude: an answer or a refusal, never a crash. In a process of its own."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, warnings
import numpy as np
import pyrometer as pm
warnings.simplefilter("ignore")
answered = refused = 0
for seed in range(400):
    rng = np.random.default_rng(seed)
    m, p, limit = int(rng.integers(1, 60)), int(rng.integers(1, 7)), rng.choice([5, 20, 140, 300, 323])
    shape = (m, p) if rng.random() < 0.8 else (3, m, p)
    X = rng.normal(size=shape)
    with np.errstate(all="ignore"):
        if rng.random() < 0.5: X *= 10.0 ** rng.uniform(-limit, min(limit, 307), p)
        if rng.random() < 0.4: X *= 10.0 ** rng.uniform(-limit, min(limit, 307), (*shape[:-1], 1))
        if rng.random() < 0.2: X *= 10.0 ** rng.uniform(-limit, min(limit, 307), shape)
        if rng.random() < 0.2: X += 10.0 ** rng.uniform(0, min(limit, 300))
        if rng.random() < 0.2: X = np.round(X)
        if rng.random() < 0.1: X = np.where(rng.random(shape) < 0.1, 5e-324, X)
        if rng.random() < 0.1: X = np.where(rng.random(shape) < 0.1, 1.7e308, X)
        X = np.clip(np.nan_to_num(X), -1.79e308, 1.79e308)
        if rng.random() < 0.3: X = np.clip(X, -3e38, 3e38).astype(np.float32)
    y = rng.random(shape[:-1]) < 0.5 if rng.random() < 0.7 else X[..., 0] > 0
    try:
        found = pm.minimum_energy(pm.LogisticRegression(X, y, intercept=bool(rng.integers(2))), threads=1)
    except ValueError as error:
        assert "rescale it" in str(error), error
        refused += 1
        continue
    answered += 1
    for number in (found.value, found.gap, found.parameters, found.digits):
        assert np.isfinite(number).all(), (seed, found)
    assert not np.isnan(found.parameter_error).any(), (seed, found)
    assert (np.asarray(found.gap) >= 0).all() and (np.asarray(found.value) <= 0.6932).all(), (seed, found)
print(answered, refused)
"""


def test_numbers_of_any_magnitude():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    answered, refused = map(int, run.stdout.split())
    assert answered > 200
    assert refused > 20
