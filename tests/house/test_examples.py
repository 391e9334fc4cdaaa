"""Every example in a docstring or in the README runs, and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import pyrometer

ROOT = Path(__file__).parents[2]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "docs").rglob("*.md"))),
]
MODULES = [
    "pyrometer",
    *(
        info.name
        for info in pkgutil.walk_packages(pyrometer.__path__, "pyrometer.")
        if not re.search(r"\._core_|\._cpu$|\.__main__$", info.name)
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name.startswith("pyrometer.models.") or name == "pyrometer.results._model_layers":
        pytest.importorskip("torch")
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)  # imported when it is first used
    results = doctest.testmod(module, optionflags=OPTIONS)
    assert results.failed == 0


def test_the_tour_has_examples() -> None:
    assert doctest.testmod(pyrometer, optionflags=OPTIONS).attempted >= 5


def blocks(text: str) -> str:
    """Return the python blocks of a Markdown text, everything else blanked so that line numbers stay."""
    lines, inside = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        inside = line.startswith("```python") if fence and not inside else inside and not fence
        lines.append(line if inside and not fence else "")
    return "\n".join(lines) + "\n"


def without_torch(text: str) -> str:
    """Blank the python blocks that import PyTorch, if it is not installed."""
    if importlib.util.find_spec("torch") is not None:
        return text
    block = re.compile(r"```python\n>>> import torch\n.*?```", re.DOTALL)
    return block.sub(lambda found: "\n" * found.group().count("\n"), text)


@pytest.mark.parametrize("name", PAGES)
def test_markdown(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = blocks(without_torch((ROOT / name).read_text("utf-8")))
    test = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    code = [line for line in text.splitlines() if line.strip()]
    assert bool(test.examples) == bool(code), "a python block must be written as a dialogue, with >>>"
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(test).failed == 0


def test_the_readme_has_an_example() -> None:
    assert ">>> " in blocks((ROOT / "README.md").read_text("utf-8"))
