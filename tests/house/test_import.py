"""`import pyrometer` is light, and what it offers is what it lists."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pyrometer

HEAVY = [
    "narwhals",
    "pyarrow",
    "pandas",
    "polars",
    "click",
    "rich",
    "scipy",
    "sklearn",
    "matplotlib",
    "torch",
    "statsmodels",
    "dask",
]


def loaded(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after running `code`."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_import_loads_nothing_heavy() -> None:
    assert not loaded("import pyrometer") & set(HEAVY)


def test_neither_does_a_computation() -> None:
    code = """
import pyrometer as pm
system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
pm.temperature(system, pm.Normal(2.0))
"""
    assert not loaded(code) & set(HEAVY)


def test_the_test_would_see_it() -> None:
    assert "pyarrow" in loaded("import pyrometer, pyarrow")


def test_everything_listed_is_there() -> None:
    assert len(set(pyrometer.__all__)) == len(pyrometer.__all__)
    assert [name for name in pyrometer.__all__ if not hasattr(pyrometer, name)] == []


def test_the_version_is_that_of_the_installed_package() -> None:
    assert pyrometer.__version__ == version("pyrometer")


def test_the_help_imports_no_command() -> None:
    """The list of commands is made of their records; beyond the package itself it needs click alone."""
    code = "from click.testing import CliRunner\nfrom pyrometer.cli import main\n"
    code += "ran = CliRunner().invoke(main, ['--help'])\nassert ran.exit_code == 0 and 'temperature' in ran.stdout"
    assert loaded(code) & set(HEAVY) == {"click"}
    program = f"{code}\nimport sys\nprint(*(name for name in sys.modules if name.startswith('pyrometer.cli')))"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert sorted(result.stdout.split()) == [
        *("pyrometer.cli", "pyrometer.cli._commands", "pyrometer.cli._interrupts"),
        *("pyrometer.cli._program", "pyrometer.cli._terminal"),
    ]
