"""Every public function, called with numbers of every magnitude: a right answer or a refusal, never a crash.

This is the short run of `python tools/fuzz`, with the first seeds; it takes processes of its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fuzz"


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_calls(first):
    command = [sys.executable, str(TOOL), "--work", str(first), "--calls", "10"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"died after {run.stdout.splitlines()[-1:]}: {run.stderr}"
    wrong = [line for line in run.stdout.splitlines() if not line.startswith("@ ")]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("name", "seed"), [("minimum_energy", 7311608), ("Moments", 4059)])
def test_calls_that_were_wrong(name, seed):
    """The certificate of parameters that were rounded after their loss had been computed; bounds that overflow."""
    command = [sys.executable, str(TOOL), "--case", name, "--seed", str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "nothing wrong\n")
