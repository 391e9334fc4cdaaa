"""Imports of the Python package: the order of its layers, private modules, and what is imported lazily."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from house import rules
from house.report import Problem, cycles

_RANK = {module: rank for rank, layer in enumerate(rules.LAYERS) for module in layer}
_TYPING = "TYPE_CHECKING"


def _part(dotted: str) -> str:
    """Return the name directly below the package, `__init__` for the package itself."""
    return [*dotted.split("."), "__init__"][1]


@dataclass(frozen=True)
class _Import:
    line: int
    module: str  # dotted, absolute
    lazy: bool  # inside a function, or for type checkers only
    typing: bool = False  # for type checkers only: never run, so it cannot go round


@dataclass
class _Module:
    path: str
    dotted: str
    imports: list[_Import] = field(default_factory=list)

    @property
    def part(self) -> str:
        """The module or folder directly below the package that contains this module."""
        return _part(self.dotted)


@cache
def parsed(text: str) -> ast.Module:
    """Parse a file; each content once, whatever the number of rules and of trees that have it."""
    return ast.parse(text)


def sources(root: Path) -> dict[str, _Module]:
    """Return the modules of the package by dotted name, without their imports; the package itself is `pyrometer`."""
    base = root / "python"
    tree = {}
    for path in sorted((base / "pyrometer").rglob("*.py")):
        parts = path.relative_to(base).with_suffix("").parts
        dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree[dotted] = _Module(path.relative_to(root).as_posix(), dotted)
    return tree


def modules(root: Path) -> dict[str, _Module]:
    """Return the modules of the package by dotted name, with their imports."""
    tree = sources(root)
    names = set(tree) | {f"pyrometer.{name}" for name in rules.CORE_MODULES}
    for module in tree.values():
        statements = _statements((root / module.path).read_text("utf-8"))
        module.imports = [
            _Import(item.line, full if full in names else item.module, item.lazy, item.typing)
            for item, full in statements
        ]
    return tree


@cache
def _statements(text: str) -> list[tuple[_Import, str]]:
    """Return the imports of a file, each with the dotted name that it means if a module has that name."""
    return list(_imports(parsed(text), lazy=False))


def _imports(node: ast.AST, *, lazy: bool, typing: bool = False) -> Iterator[tuple[_Import, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield _Import(child.lineno, alias.name, lazy, typing), alias.name
        elif isinstance(child, ast.ImportFrom):
            base = ("." * child.level) + (child.module or "")
            for alias in child.names:
                yield _Import(child.lineno, base, lazy, typing), f"{base}.{alias.name}"
        elif isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):  # no expression contains an import
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            checking = typing or (isinstance(child, ast.If) and _TYPING in ast.dump(child.test))
            yield from _imports(child, lazy=lazy or inside or checking, typing=checking)


def check(root: Path) -> Iterator[Problem]:
    """Check every module of the package."""
    tree = modules(root)
    for module in tree.values():
        if module.part not in _RANK:
            message = (
                f"a module of the package must have a layer, got {module.part}; add it to LAYERS in house/rules.py"
            )
            yield Problem(module.path, 1, "layer", message)
            continue
        for item in module.imports:
            yield from _inside(module, item) if _ours(item) else _outside(module, item)
    yield from _cycles(tree)
    yield from _weight(tree)


def _ours(item: _Import) -> bool:
    return item.module.split(".")[0] in ("pyrometer", "")


def _inside(module: _Module, item: _Import) -> Iterator[Problem]:
    target = _part(item.module)
    if item.module.startswith("."):
        yield Problem(module.path, item.line, "imports", f"imports must be absolute, got {item.module}")
    elif target.startswith("_core_") or target in rules.CORE_MODULES:
        if module.part not in rules.CORE_IMPORTERS:
            who = ", ".join(sorted(rules.CORE_IMPORTERS))
            yield Problem(
                module.path, item.line, "core", f"only {who} may import {target}, got {module.part}; call one of them"
            )
    elif target not in _RANK:
        yield Problem(module.path, item.line, "imports", f"{item.module} must be a module of the package")
    elif target != module.part:
        if _RANK[target] >= _RANK[module.part]:
            message = f"imports must go to lower layers, got {module.part} -> {target}; move what is shared below both"
            yield Problem(module.path, item.line, "direction", message)
        if any(step.startswith("_") for step in item.module.split(".")[2:]):
            message = (
                f"modules of a folder are private to it, got {item.module}; import the name from pyrometer.{target}"
            )
            yield Problem(module.path, item.line, "private", message)


def _outside(module: _Module, item: _Import) -> Iterator[Problem]:
    name = item.module.split(".")[0]
    if name in sys.stdlib_module_names or name in rules.LIGHT or module.part in rules.HEAVY_HOMES.get(name, set()):
        return
    if name not in rules.LAZY:
        message = (
            f"{name} must be a dependency of the package; add it to tools/house/rules.py and pyproject.toml, or drop it"
        )
        yield Problem(module.path, item.line, "dependency", message)
    elif not item.lazy:
        yield Problem(module.path, item.line, "lazy", f"{name} must be imported inside the function that needs it")


def _cycles(tree: dict[str, _Module]) -> Iterator[Problem]:
    files = {name: {i.module for i in m.imports if i.module in tree and not i.typing} for name, m in tree.items()}
    parts: dict[str, set[str]] = {}
    for name, targets in files.items():
        here = tree[name].part
        parts.setdefault(here, set()).update(tree[target].part for target in targets if tree[target].part != here)
    for cycle in cycles(files):
        yield Problem(tree[cycle[0]].path, 1, "import-cycle", f"imports must form no cycle, got {' -> '.join(cycle)}")
    if not cycles(files):
        for cycle in cycles(parts):
            message = f"folders must not import each other, got {' -> '.join(cycle)}"
            yield Problem("python/pyrometer", 1, "import-cycle", message)


def _weight(tree: dict[str, _Module]) -> Iterator[Problem]:
    """Check that what `pyrometer` gives by name, and its type checkers see, loads no heavy package."""
    package = tree["pyrometer"].imports if "pyrometer" in tree else []
    given = {item.module for item in package if item.typing and _part(item.module) not in rules.ON_REQUEST}
    queue = ["pyrometer", *sorted(given & set(tree))]
    reached = set(queue)
    while queue:
        module = tree[queue.pop()]
        for item in (item for item in module.imports if not item.lazy):
            name = item.module.split(".")[0]
            if name in rules.LAZY:
                message = (
                    f"names of pyrometer must not load {name}, but reach this line; import it, or this module, lazily"
                )
                yield Problem(module.path, item.line, "weight", message)
            steps = item.module.split(".")
            for target in (".".join(steps[:k]) for k in range(1, len(steps) + 1)):
                if target in tree and target not in reached:
                    reached.add(target)
                    queue.append(target)
