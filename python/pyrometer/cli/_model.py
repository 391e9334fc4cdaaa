"""Models, inputs and laws that ``pyrometer model`` is given as words."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click
import numpy as np

from pyrometer.base import nearest, plain, quoted
from pyrometer.cli._data import Selection, read

__all__ = ["inputs_of", "law_option", "model_of", "running"]

_SHAPE = re.compile(r"(\d+(?:[x,]\d+)*)(?::(\d+))?")
_LAWS = "normal:SCALE, uniform:LENGTH, truncated-normal:SCALE[:BOUND] or constant:VALUE"
# Errors of this program; others are those of the model.
_OWN = (click.ClickException, ValueError, TypeError, ImportError, OSError, MemoryError)


def model_of(name: str) -> Any:
    """Return what to measure: the path of an ONNX file, or the object that module:name names."""
    module, colon, attribute = name.rpartition(":")
    if os.path.exists(name) or name.lower().endswith(".onnx") or not colon:
        if not name.lower().endswith(".onnx"):
            raise click.UsageError(
                f"MODEL must be a file that ends in .onnx, or package.module:function, got {quoted(name)}."
            )
        return name
    imported: Any = _imported(module)
    for part in attribute.split("."):
        if not hasattr(imported, part):
            raise click.UsageError(
                f"MODEL: {quoted(module)} has no {quoted(part)}{nearest(part, dir(imported), fallback='')}."
            )
        imported = getattr(imported, part)
    return (
        _factory(imported, name)
        if callable(imported) and (isinstance(imported, type) or _is_function(imported))
        else imported
    )


def _is_function(imported: Any) -> bool:
    from pyrometer.base import library_of

    return library_of(imported) is None and not hasattr(imported, "parameters") and not hasattr(imported, "variables")


def _imported(module: str) -> Any:
    """Import a module, those of the current folder first, as ``python -m`` does."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise click.UsageError(
                f"MODEL: there is no module {quoted(error.name)} in this folder or among the installed packages."
            ) from None
        raise click.UsageError(f"MODEL: importing {quoted(module)} failed: {_said(error)}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a program may raise anything, SystemExit included
        raise click.UsageError(f"MODEL: importing {quoted(module)} failed: {_said(error)}") from None


def _factory(function: Callable[[], Any], name: str) -> Callable[[], Any]:
    """Return a function that builds a model, whose errors say so."""

    def build() -> Any:
        try:
            return function()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise click.ClickException(f"{plain(name)} failed: {_said(error)}") from None

    return build


@contextlib.contextmanager
def running(name: str) -> Iterator[None]:
    """Report errors that are not this program's as failures of the model on its inputs."""
    try:
        yield
    except _OWN:
        raise
    except Exception as error:
        raise click.ClickException(f"{plain(name)} failed on these inputs: {_said(error)}") from None


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def inputs_of(words: Sequence[str], target: str | None, seed: int) -> tuple[Any, Any]:
    """Return the inputs of the model, an array, a tuple or a mapping of arrays, and the target, if any."""
    rng, targets = np.random.default_rng(seed), list[Any]()
    named, plain_ones = dict[str, Any](), list[Any]()
    for word in words:
        name, equals, source = word.partition("=")
        if equals and name.isidentifier() and not os.path.exists(word):
            named[name] = _array(source, target, rng, targets)
        else:
            plain_ones.append(_array(word, target, rng, targets))
    if named and plain_ones:
        raise click.UsageError("--inputs must be all with names, or all without.")
    if target is not None and not targets:
        raise click.UsageError("--target is for --inputs that are a file of columns.")
    y = targets[0] if targets else None
    if named:
        return named, y
    return (plain_ones[0] if len(plain_ones) == 1 else tuple(plain_ones)), y


def _array(word: str, target: str | None, rng: np.random.Generator, targets: list[Any]) -> Any:
    shape = _SHAPE.fullmatch(word)
    if shape is not None and not os.path.exists(word):
        sizes = tuple(int(size) for size in re.split("[x,]", shape[1]))
        if shape[2] is None:
            return rng.standard_normal(sizes)
        if int(shape[2]) < 1:
            raise click.UsageError(f"--inputs {quoted(word)} must end in a number of at least 1.")
        return rng.integers(int(shape[2]), size=sizes)
    suffix = os.path.splitext(word)[1].lower()
    if suffix in _ARRAYS:
        return _ARRAYS[suffix](word)
    if not os.path.exists(word):
        raise click.UsageError(
            f"--inputs must be a file, or a shape such as 32x3x28x28, got {quoted(word)}, which is neither."
        )
    if target is None:
        raise click.UsageError(
            f"--inputs {quoted(word)} needs --target, the column that is not an input; or save the inputs as .npy."
        )
    subject = read(word, Selection(target))
    targets.append(subject.y)
    return subject.X


def _loaded(path: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise click.ClickException(f"{plain(path)} cannot be read as an array of numbers: {error}") from None


def _several(path: str) -> Any:
    """Return the arrays of an .npz file by name; the only one as it is."""
    import zipfile

    try:
        with _loaded(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise click.ClickException(f"{plain(path)} cannot be read as arrays of numbers: {error}") from None
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


_ARRAYS: dict[str, Callable[[str], Any]] = {".npy": _loaded, ".npz": _several}


def law_option(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> dict[str, Any]:
    """Return laws by patterns of names."""
    del ctx
    laws = dict[str, Any]()
    for word in words:
        pattern, _, text = word.rpartition("=")
        name, *numbers = text.split(":")
        try:
            made = _law(name, [float(number) for number in numbers])
        except ValueError as error:
            raise click.BadParameter(f"{quoted(word)}: {error}", param=param) from None
        if not pattern or made is None:
            raise click.BadParameter(f"{quoted(word)} must be PATTERN=LAW, with LAW {_LAWS}.", param=param)
        laws.setdefault(pattern, made)
    return laws


def _law(name: str, numbers: list[float]) -> Any:
    """Return a law by its name and numbers; None if it is not known, or has another count of numbers."""
    from pyrometer import laws

    makers: dict[tuple[str, int], Callable[..., Any]] = {
        ("normal", 1): laws.Normal,
        ("uniform", 1): laws.Uniform,
        ("truncated-normal", 1): laws.TruncatedNormal,
        ("truncated-normal", 2): lambda scale, bound: laws.TruncatedNormal(scale, bound=bound),
        ("constant", 1): laws.Constant,
    }
    law = makers.get((name, len(numbers)))
    return None if law is None else law(*numbers)
