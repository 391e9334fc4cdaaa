"""`_core.pyi` is the contract between the core and the face: it says exactly what the compiled module has."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pyrometer import _core, _cpu

STUB = ast.parse((Path(__file__).parents[2] / "python/pyrometer/_core.pyi").read_text("utf-8"))
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
VALUES = {
    node.target.id
    for node in STUB.body
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_")
}


def offered(module: ModuleType) -> set[str]:
    """Return the public names of a module, without the modules and features that it imported."""
    return {
        name
        for name, value in vars(module).items()
        if not (name.startswith("_") or inspect.ismodule(value) or type(value).__name__ == "_Feature")
    }


def test_names() -> None:
    assert offered(_core) == set(FUNCTIONS) | VALUES


@pytest.mark.parametrize("level", _cpu.levels())
def test_every_level_offers_the_same(level: str) -> None:
    assert offered(import_module(f"pyrometer._core_{level}")) | {"level"} == offered(_core)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments(name: str) -> None:
    arguments = FUNCTIONS[name].args
    stub = [argument.arg for argument in arguments.args]
    required = len(stub) - len(arguments.defaults)
    head = (getattr(_core, name).__doc__ or "").splitlines()[0]
    match = re.fullmatch(rf"{name}\((.*)\) -> .*", head)
    assert match, head
    # Arguments are split at commas outside of brackets: `a: tuple[int, int], b: bool = False`.
    compiled = re.findall(r"(\w+): (?:[^,\[]|\[(?:[^\[\]]|\[[^\]]*\])*\])+", match.group(1))
    if any(argument.startswith("arg") for argument in compiled):
        assert len(compiled) == len(stub)
        return
    assert compiled == stub
    assert match.group(1).count(" = ") == len(stub) - required
