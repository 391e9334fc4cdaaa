"""Docstrings: every module and every public name has one, with an example (tests/house run the examples)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from house.python import parsed, sources
from house.report import Problem

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def check(root: Path) -> Iterator[Problem]:
    """Check the docstring of every module, `__all__` of public modules, and the docstrings of public names."""
    trees = {name: (m.path, parsed((root / m.path).read_text("utf-8"))) for name, m in sources(root).items()}
    for name, (path, tree) in trees.items():
        if ast.get_docstring(tree) is None and tree.body:
            yield Problem(path, 1, "docstring", "a module must say what it is for, got no docstring")
        private = any(part.startswith("_") for part in name.split(".")) or name.startswith("pyrometer.cli")
        defines = any(isinstance(node, _Definition) and not node.name.startswith("_") for node in tree.body)
        if defines and not private and _exported(tree) is None:
            yield Problem(path, 1, "exports", "a public module must list its public names in __all__, got none")
    for path, node in _public(trees):
        yield from _documented(path, node)


_Trees = dict[str, tuple[str, ast.Module]]


def _public(trees: _Trees) -> Iterator[tuple[str, _Definition]]:
    """Yield the definitions of the names in `pyrometer.__all__`, and in `__all__` of the modules among them."""
    for module in ["pyrometer", *(f"pyrometer.{name}" for name in _exported(trees["pyrometer"][1]) or ())]:
        for name in _exported(trees[module][1]) or () if module in trees else ():
            definition = _definition(trees, module, name)
            if definition is not None:
                yield definition


def _definition(trees: _Trees, module: str, name: str) -> tuple[str, _Definition] | None:
    """Find the definition of a name of a module, following its imports."""
    path, tree = trees[module]
    for node in reversed(tree.body):  # the last one counts
        if isinstance(node, _Definition) and node.name == name:
            return path, node
        if isinstance(node, ast.ImportFrom) and node.module in trees:
            for alias in node.names:
                if (alias.asname or alias.name) == name and f"{node.module}.{alias.name}" not in trees:
                    return _definition(trees, node.module, alias.name)
    return None


def _exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = getattr(node, "value", None)
            return list(ast.literal_eval(value)) if value is not None else []
    return None


def _documented(path: str, node: _Definition) -> Iterator[Problem]:
    text = ast.get_docstring(node)
    if text is None:
        yield Problem(path, node.lineno, "docstring", f"{node.name} must have a docstring, got none")
    elif not node.name.endswith(("Error", "Warning")) and ("Examples\n----" not in text or ">>>" not in text):
        yield Problem(
            path, node.lineno, "examples", f"the docstring of {node.name} must have an Examples section that runs"
        )
