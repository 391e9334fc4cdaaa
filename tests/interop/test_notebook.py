"""The first tutorial in a notebook: every cell runs, every display is there, and the figure is written."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
pytest.importorskip("ipykernel", reason="needs ipykernel")

TUTORIAL = Path(__file__).parents[2] / "docs/tutorials/first_temperature.md"
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def cells(text):
    """Yield a cell for every output that the page shows, with all lines before it."""
    source = ""
    for block in CODE.findall(text):
        for example in doctest.DocTestParser().get_examples(block):
            source += example.source
            if example.want:
                yield source, example.want
                source = ""
        if source:
            yield source, ""
            source = ""


def test_the_first_tutorial_gives_what_it_shows(tmp_path):
    if not TUTORIAL.exists():
        pytest.skip("the documentation is not here")
    wanted = list(cells(TUTORIAL.read_text("utf-8")))
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source, _ in wanted])
    nbclient.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = 0
    for cell, (_, want) in zip(made.cells, wanted, strict=True):
        shown = [output for output in cell.outputs if output.output_type == "execute_result"]
        pictures += sum("image/png" in output.get("data", {}) for output in cell.outputs)
        assert bool(shown) == bool(want)
        for output in shown:
            assert output.data["text/plain"].split() == want.split()
            if "\n" in want.strip():
                assert output.data["text/html"].startswith("<div")
    assert pictures == 1
    assert (tmp_path / "temperature.pdf").read_bytes().startswith(b"%PDF")
