"""`import pyrometer` imports little; what is public is so at run time, for type checkers, in pickles."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from house import rules

import pyrometer as pm
from pyrometer import _public


def test_type_checkers_see_what_is_imported() -> None:
    tree = ast.parse(Path(pm.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.module is not None
        seen |= {alias.name: node.module.removeprefix("pyrometer").removeprefix(".") for alias in node.names}
    assert seen == _public.HOMES | dict.fromkeys(_public.FOLDERS, "")
    assert set(seen) | {"__version__"} == set(pm.__all__)
    assert set(_public.FOLDERS) == rules.ON_REQUEST


@pytest.mark.parametrize("name", sorted(_public.HOMES))
def test_public_names_are_of_the_package(name: str) -> None:
    value = getattr(pm, name)
    assert value.__module__ == "pyrometer"
    assert pickle.loads(pickle.dumps(value)) is value


def fresh(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_imports_nothing_else() -> None:
    assert (
        fresh("import pyrometer, sys; print([m for m in ('numpy', 'pyrometer.results') if m in sys.modules])") == "[]"
    )
    program = "import pyrometer as pm, sys; pm.LinearRegression; print('pyrometer.states' in sys.modules)"
    assert fresh(program) == "False"


def test_a_result_that_is_made_before_its_class_is_asked_for_is_public() -> None:
    program = """
from pyrometer.thermodynamics import temperature
from pyrometer.linear import LinearRegression
from pyrometer.laws import Normal
T = temperature(LinearRegression([[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0]), Normal(3.0))
print(type(T).__module__)
"""
    assert fresh(program) == "pyrometer"


def test_parts_are_attributes_as_they_were_when_all_was_imported() -> None:
    program = """
import pyrometer as pm
for name in ("errors", "laws", "losses", "linear", "data", "base", "results", "networks", "states", "sweeps"):
    assert getattr(pm, name).__name__ == "pyrometer." + name
"""
    fresh(program)
    assert {layer for layers in rules.LAYERS[1:9] for layer in layers} - {"_core", "_installation"} <= (
        _public.PARTS | set(_public.FOLDERS)
    )


def test_names_that_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'pyrometer' has no attribute 'nothing'"):
        _ = pm.nothing  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="nothing"):
        exec("from pyrometer import nothing")
