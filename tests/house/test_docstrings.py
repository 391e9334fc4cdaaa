"""Docstrings list the parameters of the signature, in its order."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import pyrometer


def public() -> Iterator[tuple[str, tuple[Any, bool]]]:
    """Yield every public class, function and method of the package by its dotted name, and whether it is a method."""
    modules = [pyrometer, *(m for name in pyrometer.__all__ if isinstance(m := getattr(pyrometer, name), ModuleType))]
    seen = set()
    for module in modules:
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if (
                isinstance(value, ModuleType)
                or id(value) in seen
                or not (inspect.isroutine(value) or inspect.isclass(value))
            ):
                continue
            seen.add(id(value))
            yield f"{module.__name__}.{name}", (value, False)
            if inspect.isclass(value):
                for method, member in vars(value).items():
                    function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
                    if inspect.isfunction(function) and not method.startswith("_"):
                        yield f"{module.__name__}.{name}.{method}", (function, True)


PUBLIC = dict(public())


def section(text: str, title: str) -> list[str]:
    """Return the lines of a section of a numpydoc docstring, dedented."""
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-{{3,}}\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return match.group(1).splitlines() if match else []


def documented(text: str, title: str) -> list[str]:
    """Return the names that a section describes, in order: `a, b : type` are two."""
    heads = [line.partition(" :")[0] for line in section(text, title) if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


@pytest.mark.parametrize("name", PUBLIC)
def test_parameters(name: str) -> None:
    value, is_method = PUBLIC[name]
    if inspect.isclass(value) and issubclass(value, BaseException):
        return
    text = inspect.getdoc(value) or ""
    assert text, f"{name} has no docstring"
    signature = [p for p in inspect.signature(value).parameters if p not in ("self", "cls")]
    named = documented(text, "Parameters") + documented(text, "Other Parameters")
    if inspect.isclass(value) and not named:
        named = documented(text, "Attributes")
        if dataclasses.is_dataclass(value):
            every = [field.name for field in dataclasses.fields(value)]
            own = [name for name in every if name in inspect.get_annotations(value)]
            assert named in (every, own)  # the docstring of a base may have the others
        return
    if named or not is_method:  # a method may be explained by its first line alone
        assert named == signature


@pytest.mark.parametrize("name", [name for name, (_, is_method) in PUBLIC.items() if not is_method])
def test_sections(name: str) -> None:
    """Classes and functions have an example; functions say what they return, and what they refuse."""
    value, _ = PUBLIC[name]
    text = inspect.getdoc(value) or ""
    if inspect.isclass(value):
        assert issubclass(value, BaseException) or section(text, "Examples")
        return
    signature = inspect.signature(value)
    assert section(text, "Examples")
    assert section(text, "Returns") or signature.return_annotation == "None"
    assert section(text, "Raises") or not signature.parameters


def test_the_reader_of_docstrings_reads() -> None:
    text = (
        "Do.\n\nParameters\n----------\na, b : int\n    Two.\n*rest\n    More.\n\nReturns\n-------\nint\n    c : no\n"
    )
    assert documented(text, "Parameters") == ["a", "b", "rest"]
    assert documented(text, "Raises") == []
