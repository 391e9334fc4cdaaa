"""The reference has every public name, and no other; every page is reached from the first one."""

from __future__ import annotations

import re
from inspect import ismodule
from pathlib import Path

import pyrometer as pm

DOCS = Path(__file__).parents[2] / "docs"


def listed() -> list[str]:
    """Return the names in the lists of the reference, as `pyrometer.X` or `pyrometer.module.X`."""
    names, module = [], "pyrometer"
    for line in (DOCS / "reference" / "python.md").read_text("utf-8").splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif found := re.match(r"   ([\w.]+)$", line):
            names.append(f"{module}.{found[1]}")
    return names


def public(module=pm) -> set[str]:
    """Return every public name of a module, and of the modules among them."""
    names: set[str] = set()
    for name in module.__all__:
        value = getattr(module, name)
        names |= public(value) if ismodule(value) else {f"{module.__name__}.{name}"}
    return names


def test_the_reference_lists_every_public_name_once() -> None:
    names = listed()
    assert len(names) == len(set(names))
    assert set(names) == public()


def test_every_page_is_in_a_table_of_contents() -> None:
    sources = [*DOCS.rglob("*.md"), *DOCS.glob("*.rst")]
    pages = {p.relative_to(DOCS).with_suffix("").as_posix() for p in sources} - {"index"}
    reached = set()
    for path in DOCS.rglob("*.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            lines = [line for line in block.splitlines() if line and not line.startswith(":")]
            reached |= {(path.parent / line).relative_to(DOCS).as_posix() for line in lines}
    assert reached == pages


def test_links_between_pages_lead_to_files() -> None:
    for path in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / target).is_file(), f"{path.name}: {target}"
