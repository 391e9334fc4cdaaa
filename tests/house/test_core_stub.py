"""`_core.pyi` declares exactly what the compiled module has: names, arguments, types."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
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


def one_sided(compiled: set[str], declared: set[str]) -> list[str]:
    """Return the names that only the module or only the stub has."""
    return sorted(compiled ^ declared)


def test_names() -> None:
    assert one_sided(offered(_core), set(FUNCTIONS) | VALUES) == []


@pytest.mark.parametrize("side", ["module", "stub"])
def test_a_kernel_that_one_side_lacks_is_named(side: str) -> None:
    sides = {"module": offered(_core), "stub": set(FUNCTIONS) | VALUES}
    sides[side] = sides[side] | {"toy"}
    assert one_sided(sides["module"], sides["stub"]) == ["toy"]


@pytest.mark.parametrize("level", _cpu.levels())
def test_every_level_offers_the_same(level: str) -> None:
    program = "import json; from pyrometer import _core; print(json.dumps(sorted(dir(_core))))"
    environment = os.environ | {"PYROMETER_CPU": level}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == sorted(dir(_core))


@pytest.mark.parametrize("level", sorted(set(_cpu.levels()) - {_core.level}))
def test_a_process_uses_one_level(level: str) -> None:
    with pytest.raises(ImportError, match=rf"must use one instruction-set level, got {level} after {_core.level}"):
        import_module(f"pyrometer._core_{level}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments(name: str) -> None:
    arguments = FUNCTIONS[name].args
    text = getattr(_core, name).__doc__ or ""
    heads = re.findall(rf"^(?:\d+\. )?{name}\((?!\*args)(.*)\) -> ", text, re.MULTILINE)
    assert heads, text
    for head in heads:  # one for each overload
        # Arguments are split at commas outside of brackets: `a: tuple[int, int], b: bool = False`.
        compiled = re.findall(r"(\w+): (?:[^,\[]|\[(?:[^\[\]]|\[[^\]]*\])*\])+", head)
        assert compiled == [argument.arg for argument in arguments.args]
        assert head.count(" = ") == len(arguments.defaults)


SAMPLES = {
    "int": 1,
    "float": 0.5,
    "bool": True,
    "str": "norm",
    "_Seed": (1, 2),
    "_F64": np.zeros((2, 2)),
    "_Rows": np.zeros((2, 2)),
    "_Ordered": np.zeros((1, 2, 2)),
    "_Widths": np.ones(2, np.int64),
    "_Lost": None,
    "_F64 | None": None,
    "npt.NDArray[np.int64] | None": None,
    "npt.NDArray[np.uint8] | None": None,
    "int | _F64": 1,
}
ARRAYS = [
    (name, argument.arg)
    for name, node in FUNCTIONS.items()
    for argument in node.args.args
    if ast.unparse(argument.annotation or ast.Constant(None)) in ("_F64", "_Rows")
]


@pytest.mark.parametrize(("name", "array"), ARRAYS)
@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 2), int), np.zeros((2, 2), order="F"), np.zeros((4, 4))[::2, ::2], [[0.0]]]
)
def test_arrays_are_never_converted(name: str, array: str, wrong: object) -> None:
    arguments = {a.arg: SAMPLES[ast.unparse(a.annotation)] for a in FUNCTIONS[name].args.args if a.annotation}
    with pytest.raises(TypeError, match="incompatible function arguments"):
        getattr(_core, name)(**arguments | {array: wrong})


@pytest.mark.parametrize("name", [name for name, node in FUNCTIONS.items() if "_Ordered" in ast.unparse(node.args)])
def test_arrays_of_other_orders_are_refused(name: str) -> None:
    arguments = {a.arg: SAMPLES[ast.unparse(a.annotation)] for a in FUNCTIONS[name].args.args if a.annotation}
    for wrong in (np.zeros((1, 2, 2), int), [[[0.0]]]):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            getattr(_core, name)(**arguments | {"X": wrong})
    for wrong in (np.zeros((2, 4, 4))[:, ::2, ::2], np.zeros((2, 3, 4), order="F")):
        with pytest.raises(ValueError, match="stored by rows or, within each system, by columns"):
            getattr(_core, name)(**arguments | {"X": wrong})
