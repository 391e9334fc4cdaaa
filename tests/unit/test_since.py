"""Since when: the batch at which a change began, where only the target given the features has changed."""

import numpy as np
import pytest
from scipy.special import expit, softmax

import pyrometer as pm

SLOPES = np.array([1.5, -1.0])
TO_CLASSES = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
MODELS = {
    "mae": lambda X: X @ SLOPES,
    "ce": lambda X: expit(X @ SLOPES),
    "softmax": lambda X: softmax(X @ TO_CLASSES, axis=1),
}


def rows(rng, energy, moved, m=60):
    X = rng.normal(size=(m, 2))
    if energy == "mae":
        return X, X @ SLOPES + rng.laplace(size=m) * (1.7 if moved else 1.0)
    if energy == "ce":
        return X, (rng.random(m) < expit(X @ SLOPES * (-0.2 if moved else 1.0))) * 1.0
    logits = np.roll(X @ TO_CLASSES, -1 if moved else 0, axis=1)
    return X, np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


@pytest.mark.parametrize("energy", MODELS)
def test_it_is_seen_in_the_losses(energy):
    cases, held, off = 0, 0, []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        calm = int(rng.integers(6, 11))
        reference = rows(rng, energy, False, 600)
        monitor = pm.RefreshMonitor(reference, MODELS[energy], energy=energy, run_length=60, memory=1, rng=0)
        for batch in range(calm + 4):
            monitor.update(*rows(rng, energy, batch >= calm))
        event = monitor.event
        if event.batch <= calm:  # a false alarm
            continue
        cases += 1
        held += event.earliest <= calm + 1 <= event.latest
        off.append(abs(event.began - calm - 1))
    assert held == cases >= 4
    assert np.mean(off) <= 0.2
