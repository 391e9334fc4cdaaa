"""What type checkers see: results of a single law are numbers, those of a batch are not taken for them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import numpy as np
import pyrometer as pm

system = pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0])
network = pm.Network([[1.0], [2.0]], hidden=(2,), outputs=1)
scales = np.array([[1.0], [2.0]])


def of_any_law(law: pm.Normal, answer: pm.Temperature) -> float:
    reveal_type(law.batch_shape)  # Any
    reveal_type(answer.value)  # Any
    return answer.value + pm.temperature(system, law).value.sum()  # type: ignore[no-any-return]


reveal_type(pm.Normal(2.0).batch_shape)  # tuple[()]
reveal_type(pm.Normal(scales).batch_shape)  # tuple[int, ...]
reveal_type(pm.temperature(system, pm.Normal(2.0)).value)  # float
reveal_type(pm.temperature(system, pm.Normal(2)).value)  # float
reveal_type(pm.temperature(system, pm.Uniform([2.0, 3.0])).energy)  # float
reveal_type(pm.temperature(system, pm.Mixed([2.0], [3.0]), method="exact").marginal)  # float
reveal_type(pm.temperature(system, pm.Normal(2.0)).verdict)  # str
reveal_type(pm.temperature(system, pm.Normal(scales)).value)  # Any
reveal_type(pm.mean_energy(network, pm.HeNormal(), rng=0).value)  # float
reveal_type(pm.mean_energy(network, pm.HeNormal(2.0), rng=0).standard_error)  # float
reveal_type(pm.mean_energy(network, pm.HeNormal([1.0, 2.0])).value)  # Any
reveal_type(pm.entropy(network, pm.TorchLinear()))  # float
reveal_type(pm.entropy(network, pm.Uniform(scales)))  # Any
reveal_type(pm.energy_variance(system, pm.Uniform(1.0)))  # float
reveal_type(pm.heat_engine(network, pm.GlorotUniform(2.0)).work_efficiency)  # float
reveal_type(pm.heat_engine(network, pm.Normal(2.0)).total.value)  # float
reveal_type(pm.heat_engine(network, pm.GlorotUniform([2.0])).regime)  # Any
reveal_type(pm.minimum_energy(system).value)  # Any
"""


def test_types_of_results(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    revealed = re.findall(r'program.py:(\d+): note: Revealed type is "(.*)"', result.stdout)
    lines = PROGRAM.splitlines()
    expected = [(str(n), line.split("# ")[1]) for n, line in enumerate(lines, 1) if "reveal_type" in line]
    assert [(n, kind.replace("builtins.", "")) for n, kind in revealed] == expected
