"""The directive `equations`: a table from each equation number of the paper to the functions that implement it.

It is made from the docstrings of the package, in which "(5.11)" is equation 5.11, so that it cannot fall behind.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import pyrometer

_PACKAGE = Path(pyrometer.__file__).parent
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
        for (section, number), names in sorted(places().items()):
            where = nodes.inline()
            for name in names:
                where += [nodes.literal(name, name), nodes.Text("  ")]
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
