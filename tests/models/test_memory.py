"""Memory and modules that a measurement needs, in a process of its own."""

import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")

SCRIPT = """
import sys

import torch
from torch import nn

import pyrometer as pm


def megabytes(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024.0 for line in lines if line.startswith(name))


class Model(nn.Module):
    # 96 MB, most of them in a table of which few rows are used.
    def __init__(self):
        super().__init__()
        self.tokens, self.norm = nn.Embedding(38_000, 512), nn.LayerNorm(512)
        self.up, self.down = nn.Linear(512, 4096), nn.Linear(4096, 512)
        self.convolution = nn.Conv1d(512, 512, 3, padding=1)

    def forward(self, tokens):
        x = self.norm(self.tokens(tokens))
        x = x + self.down(nn.functional.gelu(self.up(x)))
        return self.convolution(x.transpose(1, 2))


class Masked(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x, self.weight * torch.ones(3, 3).tril(), self.bias)


small = lambda: nn.Sequential(Masked(3, 3), nn.GELU(), nn.LayerNorm(3), nn.Linear(3, 2))
pm.models.measure(small, torch.ones(2, 3), draws=2, rtol=10.0)
size = sum(parameter.numel() for parameter in Model().parameters()) * 4 / 2**20
before = megabytes("VmRSS")
for method in ("auto", "monte-carlo"):
    found = pm.models.measure(Model, torch.zeros(1, 4, dtype=torch.int64), method=method, draws=5, rtol=10.0)
    print(len(found), (megabytes("VmHWM") - before) / size, size)
print(any(name in sys.modules for name in ("torch._dynamo", "sympy")))
"""


def test_a_measurement_needs_less_than_its_model_twice():
    """And nothing of torch.compile or of sympy, 70 MB that take seconds to import."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    *lines, compiler = done.stdout.splitlines()
    assert compiler == "False"
    for line in lines:
        layers, ratio, size = map(float, line.split())
        assert (layers, size > 90.0) == (5.0, True)
        assert ratio < 2.0, line
