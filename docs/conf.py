"""How the documentation is built: `nox -s docs`, or `sphinx-build -n -W docs docs/_build`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pyrometer

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "pyrometer"
author = "the pyrometer developers"
project_copyright = author
version = release = pyrometer.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx-mathjax-offline",  # formulas are drawn without a request to another host
    "equations",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

smartquotes = False  # options and strings are copied from the pages: --fail-on, "exact"

html_theme = "furo"
html_title = f"pyrometer {release}"
html_static_path = ["_static"]
html_css_files = ["pyrometer.css"]

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # types are in the docstrings, with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
nitpick_ignore_regex = [("py:.*", r"(sklearn|numpy|pandas|matplotlib|concurrent)\..*")]  # of other projects
plot_html_show_source_link = plot_html_show_formats = False
plot_formats = ["svg"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def setup(app: Any) -> None:
    """Connect `_plain` to the help texts of commands, and `_foreign` to members of classes."""
    app.connect("sphinx-click-process-options", _plain)
    app.connect("autodoc-skip-member", _foreign)


def _foreign(_app: Any, _what: str, name: str, _value: Any, skip: bool, _options: Any) -> bool | None:
    """Leave out the methods that scikit-learn makes for metadata routing: it documents them."""
    return True if skip or re.fullmatch(r"[gs]et_\w+_(request|routing)", name) else None


def _plain(_app: Any, _context: Any, lines: list[str]) -> None:
    """Escape asterisks in help texts: they are patterns of names, not emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]
