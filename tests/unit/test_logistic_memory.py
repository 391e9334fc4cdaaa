"""Rows of float32 stay as they are, whatever the labels: dtypes, and memory measured by the process itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import pyrometer as pm


@pytest.mark.parametrize("kind", [np.int64, np.int8, bool, np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_take_the_dtype_of_the_rows(kind, dtype):
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(dtype)
    system = pm.LogisticRegression(X, (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(kind))
    assert system.X is X
    assert system.y.dtype == dtype
    words = pm.LogisticRegression(X, np.where(X[:, 0] > 0, "yes", "no"), labels=("no", "yes"))
    assert (words.X is X, words.y.dtype) == (True, dtype)


@pytest.mark.parametrize("label", [1 + 1e-9, 1e-60])
def test_a_label_that_float32_would_round_to_one_is_refused(label):
    X, y = np.ones((3, 1), dtype=np.float32), np.array([0.0, 1.0, label])
    with pytest.raises(ValueError, match="y must be 0 or 1, got .* at row 2"):
        pm.LogisticRegression(X, y)


# Not getrusage: its peak begins with that of the process that started this one.
PROGRAM = """
import sys
import numpy as np
import pyrometer as pm
def memory(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what))
rows, kind = 2_000_000, sys.argv[1]
rng = np.random.default_rng(0)
X = rng.standard_normal((rows, 8), dtype=np.float32)
y = (X[:, 0] + rng.standard_normal(rows, dtype=np.float32) > 0).astype(kind)
pm.minimum_energy(pm.LogisticRegression(X[:1000], y[:1000]), threads=2)
before = memory("VmRSS:")
assert memory("VmHWM:") - before < 16_000
minimum = pm.minimum_energy(pm.LogisticRegression(X, y), threads=2)
assert minimum.attained
print((memory("VmHWM:") - before) * 1024 / X.nbytes)
"""


@pytest.mark.parametrize("kind", ["int64", "bool", "float32"])
def test_memory_beside_the_rows(kind):
    run = subprocess.run([sys.executable, "-c", PROGRAM, kind], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # The labels as float32 are an eighth of the rows, the largest sample a third at most (here 0.3).
    assert float(run.stdout) < 0.6
