"""The directive `equations`: a table from each equation number of the paper to the functions that implement it.

It is made from the docstrings of the package, in which "(5.11)" is equation 5.11, so that it cannot fall behind.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import pyrometer

_PACKAGE = Path(pyrometer.__file__).parent
# Modules whose public names have pages.
_MODULES = (
    "pyrometer",
    *(f"pyrometer.{name}" for name in ("estimators", "models", "models.sklearn", "plot", "tables")),
)
_NUMBER = re.compile(r"(?<!\w)\(([2-6A-E])\.([1-9]\d?)\)(?:-\(\1\.(\d{1,2})\))?")


def places() -> dict[tuple[str, int], list[str]]:
    """Return the places that name each equation, as `folder/file.py::name`, in the order of the files."""
    found: dict[tuple[str, int], list[str]] = {}
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).as_posix()
        for owner, text in _docstrings(ast.parse(path.read_text("utf-8"))):
            place = f"{name}::{owner}" if owner else name
            for equation in _numbers(text):
                if place not in found.setdefault(equation, []):
                    found[equation].append(place)
    return found


def public_names() -> dict[str, str]:
    """Return the public names, such as `pyrometer.temperature`, of functions by their places and of classes by theirs.

    The source file of a class cannot be looked up by `inspect`: its module is said to be `pyrometer`.
    """
    found: dict[str, str] = {}
    for module in _MODULES:
        owner = importlib.import_module(module)
        for name in owner.__all__:
            value = getattr(owner, name)
            if inspect.isclass(value):
                found[name] = f"{module}.{name}"
            elif inspect.isfunction(value):
                path = Path(inspect.getsourcefile(value) or "").relative_to(_PACKAGE)
                found[f"{path.as_posix()}::{value.__name__}"] = f"{module}.{name}"
    return found


def _link(name: str) -> nodes.Node:
    """Return a reference to the page of a public name."""
    shown = nodes.literal(name, name)
    return addnodes.pending_xref("", shown, refdomain="py", reftype="obj", reftarget=name, refexplicit=True)


def _docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    yield "", ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name, ast.get_docstring(node) or ""


def _numbers(text: str) -> Iterator[tuple[str, int]]:
    for section, first, last in _NUMBER.findall(text):
        for number in range(int(first), int(last or first) + 1):
            yield section, number


class Equations(SphinxDirective):
    """Insert the table."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        table = nodes.table(classes=["equations"])
        group = nodes.tgroup(cols=2)
        table += group
        group += [nodes.colspec(colwidth=12), nodes.colspec(colwidth=88)]
        group += nodes.thead("", _row(nodes.Text("Equation"), nodes.Text("Where")))
        body = nodes.tbody()
        group += body
        public = public_names()
        for (section, number), names in sorted(places().items()):
            known = [public.get(name) or public.get(name.rpartition("::")[2]) for name in names]
            where = nodes.inline()
            for shown in [_link(name) for name in known if name] + [
                nodes.literal(name, name) for name, page in zip(names, known, strict=True) if not page
            ]:
                where += [shown, nodes.Text("  ")]
            body += _row(nodes.Text(f"({section}.{number})"), where)
        return [table]


def _row(*cells: nodes.Node) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        row += nodes.entry("", nodes.paragraph("", "", cell))
    return row


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("equations", Equations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
