"""The documents name files and functions that exist, and the layers that are checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house import rules

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "cpp/README.md", "benchmarks/README.md"]
FOLDERS = (ROOT, ROOT / "python/pyrometer")

# A path has a slash; x, NAME, <...> and ... stand for names of the reader's own.
PATH = re.compile(r"\.?[\w-]+(?:/[\w.-]+)*/[\w.-]*(?:::\w+)?")
PLACEHOLDER = re.compile(r"<|\.\.\.|\bNAME\b|(?:^|[/_])x\.")


def paths(text: str) -> list[str]:
    """Return the paths in the code spans of a Markdown text."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    words = [word for span in spans for word in span.split() if not PLACEHOLDER.search(word)]
    return [word for word in words if PATH.fullmatch(word)]


def missing(text: str) -> list[str]:
    """Return the paths of a text that lead nowhere, and the names that are not defined where it says."""
    wrong = []
    for word in paths(text):
        path, _, name = word.partition("::")
        file = next((folder / path for folder in FOLDERS if (folder / path).exists()), None)
        if file is None or (name and not defines(file, name)):
            wrong.append(word)
    return wrong


def defines(path: Path, name: str) -> bool:
    """Whether a Python file defines a name, or a file of C++ has a function, type or constant of that name."""
    if path.suffix == ".py":
        pattern = rf"^\s*(?:def|class) {name}\b|^{name}\b\s*[:=]"
    else:
        pattern = rf"\b{name}\s*[({{]|\b(?:struct|class|enum class) {name}\b"
    return re.search(pattern, path.read_text("utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_and_names_exist(name: str) -> None:
    assert missing((ROOT / name).read_text("utf-8")) == []


def test_the_test_would_see_it() -> None:
    assert missing("`laws/_nothing.py`, `laws/_spread.py::nothing`, `python tools/nothing`") == [
        "laws/_nothing.py", "laws/_spread.py::nothing", "tools/nothing",
    ]  # fmt: skip
    assert missing("`laws/_spread.py::spread`, `cpp/pyrometer/model/law.hpp::LawBatch`, `cli/NAME.py`") == []
    assert len(paths((ROOT / "CONTRIBUTING.md").read_text("utf-8"))) > 50


def test_the_layers_are_those_that_are_checked() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert [re.findall(r"`(\w+)`", row) for row in rows] == [list(layer) for layer in rules.LAYERS]
