"""Every public name explains itself, with an example (that it runs is for tests/house to see)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from house.python import modules
from house.report import Problem

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def check(root: Path) -> Iterator[Problem]:
    """Check `__all__` and the docstrings of the names in it."""
    for module in modules(root).values():
        tree = ast.parse((root / module.path).read_text("utf-8"))
        if ast.get_docstring(tree) is None and tree.body:
            yield Problem(module.path, 1, "docstring", "a module must say what it is for, got no docstring")
        if any(part.startswith("_") for part in module.dotted.split(".")) or module.part == "cli":
            continue
        definitions = {node.name: node for node in tree.body if isinstance(node, _Definition)}
        names = _exported(tree)
        if names is None:
            if any(not name.startswith("_") for name in definitions):
                yield Problem(
                    module.path, 1, "exports", "a public module must list what it offers in __all__, got none"
                )
            continue
        for name in names:
            if name in definitions:
                yield from _documented(module.path, definitions[name])


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
