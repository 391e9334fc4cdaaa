"""A monitor raises false alarms as rarely as it states, and finds small shifts in the sum of batches."""

import numpy as np
import pytest

import pyrometer as pm

from ..noisy_lines import batches, line


def alarmed(monitor, batch):
    monitor.update(*batch)
    return monitor.readings[-1].alarm


@pytest.mark.parametrize("memory", [1, 8])
def test_false_alarms_are_as_rare_as_stated(memory):
    """One in five batches at a run length of five, over many references; at twice the level it would be two."""
    rates = []
    for seed in range(200):
        stream = batches(seed, [1.0] * 9, m=25)
        monitor = pm.RefreshMonitor(next(stream), line, energy="mse", run_length=5, memory=memory, rng=seed)
        for batch in stream:
            monitor.update(*batch)
        rates.append(np.mean([reading.alarm for reading in monitor.readings]))
    error = np.std(rates, ddof=1) / np.sqrt(len(rates))
    assert error < 0.02
    assert 0.2 - 4.5 * error - 0.04 < np.mean(rates) < 0.2 + 3.0 * error  # alarms of a pool and its last batch are one


def test_a_small_shift_shows_in_the_sum_of_batches():
    reference = next(batches(9, [1.0], m=5000))
    found = {}
    for memory in (1, 32):
        monitor = pm.RefreshMonitor(reference, line, energy="mse", memory=memory, rng=0)
        for batch in batches(10, [1.08] * 32, m=100):
            monitor.update(*batch)
        found[memory] = monitor.readings
    assert not any(reading.alarm for reading in found[1])
    first = next(reading for reading in found[32] if reading.alarm)
    assert first.window > 1
    assert [r.p_value for r in found[32]] == [r.p_value for r in found[1]]


def test_the_run_to_a_false_alarm_is_no_shorter_than_stated():
    """Its mean, shortest for a large reference, and cut off at eight run lengths; at twice the level it is below 5."""
    runs = []
    for seed in range(120):
        reference = next(batches(3000 + seed, [1.0], m=1000))
        monitor = pm.RefreshMonitor(reference, line, energy="mse", run_length=5, rng=seed)
        stream = batches(1000 + seed, [1.0] * 40, m=25)
        runs.append(next((k for k, batch in enumerate(stream, 1) if alarmed(monitor, batch)), 40))
    assert np.mean(runs) >= 5.0
    assert np.mean(runs) <= 15.0
