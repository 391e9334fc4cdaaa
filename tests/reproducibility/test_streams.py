"""The same bits for any threads, windows, batches and instruction-set levels: streams, and exact energies of rows."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from pyrometer import _core, _cpu

SEED = (7, 2**64 - 1)


def digest(*arrays):
    """Hash of the bits of arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def problem(systems=1, features=3, rows=50, laws=1):
    """Arguments of sample_squares up to `scale`: moments of random data, and laws."""
    rng = np.random.default_rng(1)
    data = rng.standard_normal((systems, rows, features + 1)) + 10
    mean = data.mean(axis=1)
    centred = data - mean[:, None]
    scatter = np.einsum("sij,sik->sjk", centred, centred)
    scale = np.exp(rng.standard_normal((laws, features + 1)))
    return rows, mean, scatter, True, scale


def sample(problem, samples, threads, *, function=_core.sample_squares, first=0):
    """Sample a problem with three normal parameters, the rest uniform, and both penalties."""
    return function(*problem, 3, 0.1, 0.2, 4, SEED, first, samples, threads)


@pytest.mark.parametrize("samples", [2, 511, 5000, 40_000])
def test_threads_change_no_bit(samples):
    example = problem(systems=2, laws=3)
    results = {digest(*sample(example, samples, threads)) for threads in (1, 2, 3, 7, 0) for _ in range(3)}
    assert len(results) == 1


def test_more_samples_extend_the_sequence():
    few, many = (sample(problem(), n, 2, function=_core.sample_squares_energies) for n in (777, 3000))
    assert np.array_equal(few, many[..., :777])
    for first, samples in ((777, 3000 - 777), (1, 100), (2999, 1)):
        some = sample(problem(), samples, 2, function=_core.sample_squares_energies, first=first)
        assert np.array_equal(some, many[..., first : first + samples])


def test_a_law_alone_and_a_system_alone_give_the_bits_of_the_batch():
    count, mean, scatter, intercept, scale = problem(systems=3, laws=5)
    batch = sample((count, mean, scatter, intercept, scale), 3000, 2)
    for s in range(3):
        for b in range(5):
            alone = sample((count, mean[s : s + 1], scatter[s : s + 1], intercept, scale[b : b + 1]), 3000, 1)
            for all_of_them, one in zip(batch, alone, strict=True):
                assert np.array_equal(all_of_them[s : s + 1, b : b + 1], one)


def test_a_batch_of_more_laws_than_one_pass_takes():
    count, mean, scatter, intercept, scale = problem(laws=4100)
    batch = sample((count, mean, scatter, intercept, scale), 100, 2)
    last = sample((count, mean, scatter, intercept, scale[-1:]), 100, 1)
    assert np.array_equal(batch[0][:, -1:], last[0])
    assert np.array_equal(batch[1][:, -1:], last[1])


@pytest.mark.parametrize("function", [_core.normals, _core.uniforms])
@pytest.mark.parametrize("single", [False, True])
def test_windows_cut_the_same_numbers(function, single):
    everything = function(SEED, 0, 300, 0, 12, single)
    for first_draw, draws, first_parameter, parameters in [
        (0, 1, 0, 1),
        (63, 66, 2, 3),
        (128, 64, 6, 5),
        (299, 1, 10, 2),
    ]:
        window = function(SEED, first_draw, draws, first_parameter, parameters, single)
        expected = everything[first_parameter : first_parameter + parameters, first_draw : first_draw + draws]
        assert np.array_equal(window, expected)


PRINT_DIGEST = """
import hashlib, sys
from pyrometer import _core
print(_core.level)
for function in (_core.normals, _core.uniforms):
    for single in (False, True):
        for shape in ((0, 100_000, 0, 9), (2**40, 3, 2**33, 1001)):
            print(hashlib.sha256(function((3, 4), *shape, single).tobytes()).hexdigest())
x = _core.normals((5, 6), 0, 500, 0, 14).T
X, y = x[None, :, :13].copy(), x[None, :, 13].copy()
for loss in ("norm", "absolute", "cross-entropy"):
    for energies in _core.normal_rows(X, y, False, loss, abs(X[0, :3]), True, 1):
        print(hashlib.sha256(energies.tobytes()).hexdigest())
"""


def test_levels_of_the_processor_give_the_same_bits():
    outputs = {}
    for level in _cpu.levels():
        environment = os.environ | {"PYROMETER_CPU": level}
        run = subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        chosen, *digests = run.stdout.split()
        assert chosen == level
        outputs[level] = tuple(digests)
    assert len(set(outputs.values())) == 1, outputs


PINNED = {
    "normals": [1.7730174809192543, -1.1007741716560013],
    "uniforms": [0.3126452233192522, 0.18303785948328238],
    "single normals": [-1.109055995941162, -0.3981564939022064, 2.0682919025421143, 0.27832210063934326],
    "single uniforms": [0.3136095702648163, 0.3210822641849518, 0.1252904236316681, -0.13392427563667297],
}


def test_the_sequence_is_pinned():
    # A changed stream changes every seeded result of every user: this must be a decision, not an accident.
    assert _core.normals((1, 2), 5, 1, 0, 2).ravel().tolist() == PINNED["normals"]
    assert _core.uniforms((1, 2), 5, 1, 0, 2).ravel().tolist() == PINNED["uniforms"]
    assert _core.normals((1, 2), 5, 1, 0, 4, True).ravel().tolist() == PINNED["single normals"]
    assert _core.uniforms((1, 2), 5, 1, 0, 4, True).ravel().tolist() == PINNED["single uniforms"]


@pytest.mark.parametrize("function", ["redrawn_states", "redrawn_shifts", "dealt_shifts"])
def test_more_resamples_of_a_state_extend_the_sequence_for_any_threads(function):
    z = np.random.default_rng(2).normal(size=(1000, 20, 2))
    sums = np.stack(
        [np.full(1000, 20.0), *(np.abs(z[..., 0]) ** k @ np.ones(20) for k in (2, 1)), *z.sum(axis=1).T]
        + [(z[..., j] * z[..., k]).sum(axis=1) for j, k in ((0, 0), (0, 1), (1, 1))],
        axis=1,
    )
    samples = {"redrawn_states": (sums,), "redrawn_shifts": (sums, sums[:300], np.zeros(2))}.get(
        function, (sums, sums, 1000, 300)
    )
    call = getattr(_core, function)
    many = call(*samples, "normal", SEED, 2000, 1)
    assert len({digest(call(*samples, "normal", SEED, 2000, threads)) for threads in (1, 2, 3, 7, 0)}) == 1
    assert np.array_equal(call(*samples, "normal", SEED, 77, 1), many[:78])
