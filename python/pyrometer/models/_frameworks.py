"""One record for each framework whose models are supported."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyrometer.base import described, library_of, listed
from pyrometer.models._built import Built
from pyrometer.models._request import Request
from pyrometer.results import ModelLayers

__all__ = ["FRAMEWORKS", "Framework", "checked_init", "derives_from", "framework_of"]


@dataclass(frozen=True)
class Framework:
    """A framework: whether a model belongs to it, the laws of its parameters, and the energies of its layers.

    Attributes
    ----------
    name : str
        As in messages.
    models : str
        What it accepts, for messages.
    accepts : callable
        Whether a model, or a factory, is of the framework; must not import it.
    build : callable
        From the model, `laws`, `init` and `seed`: the labels of its parameters.
    measure : callable
        From the model and a request: the result.
    package : str
        Its package: a function may build its models if it is imported. Empty for frameworks without such functions.
    """

    name: str
    models: str
    accepts: Callable[[Any], bool]
    build: Callable[[Any, Mapping[str, Any] | None, Callable[[Any], Any] | None, int], Built]
    measure: Callable[[Any, Request], ModelLayers]
    package: str = ""


def checked_init(init: Any) -> Callable[[Any], Any] | None:
    """Return `init` if it is None or can be called."""
    if init is None:
        return None
    if not callable(init):
        raise TypeError(f"init must be a function of the model, got {described(init)}.")
    function: Callable[[Any], Any] = init
    return function


def derives_from(root: str) -> Callable[[Any], bool]:
    """Return whether an object is of a class of the package `root`, or of one that derives from it."""

    def accepts(model: Any) -> bool:
        return any(kind.__module__.partition(".")[0] == root for kind in type(model).__mro__)

    return accepts


def _lazily(module: str, function: str, **packages: str) -> Callable[..., Any]:
    """Return a function of a module that is imported when it is called, after the packages that it needs."""
    what = f"models.{'laws' if function == 'build' else function}"

    def call(*arguments: Any) -> Any:
        for package, name in packages.items():
            _require(what, package, name)
        return getattr(importlib.import_module(f"pyrometer.models.{module}"), function)(*arguments)

    return call


def _require(function: str, package: str, name: str) -> None:
    """Raise ImportError, with the remedy, if a framework is not installed."""
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{function} needs {name}: pip install {package}.", name=package) from error


def _is_onnx(model: Any) -> bool:
    if isinstance(model, (str, os.PathLike)):
        return os.path.exists(model) or os.fspath(model).lower().endswith(".onnx")
    return derives_from("onnx")(model)


FRAMEWORKS = (
    Framework(
        "Keras",
        "a keras.Model",
        derives_from("keras"),
        _lazily("_keras._build", "build", keras="Keras"),
        _lazily("_keras._measure", "measure", keras="Keras", torch="PyTorch"),
        package="keras",
    ),
    Framework(
        "scikit-learn",
        "an MLPClassifier or MLPRegressor",
        derives_from("sklearn"),
        _lazily("_sklearn._networks", "build"),
        _lazily("_sklearn._networks", "measure"),
    ),
    Framework(
        "ONNX",
        "an ONNX file or ModelProto",
        _is_onnx,
        _lazily("_onnx._build", "build", onnx="ONNX", torch="PyTorch"),
        _lazily("_onnx._measure", "measure", onnx="ONNX", torch="PyTorch"),
    ),
    Framework(
        "PyTorch",
        "a torch.nn.Module or a class or function that builds one",
        lambda model: any(kind.__module__ == "torch.nn.modules.module" for kind in type(model).__mro__),
        _lazily("_pytorch._build", "build", torch="PyTorch"),
        _lazily("_pytorch._measure", "measure", torch="PyTorch"),
        package="torch",
    ),
)
"""In the order in which they are asked: Keras' layers are modules of PyTorch with that backend."""

_BUILT = {framework.package for framework in FRAMEWORKS} - {""}


def framework_of(model: Any) -> Framework:
    """Return the framework of a model, or of the model that a function builds.

    Raises
    ------
    TypeError
        If none accepts it.
    """
    for framework in FRAMEWORKS:
        if framework.accepts(model):
            return framework
    if _is_class(model) or (callable(model) and not isinstance(model, type) and library_of(model) is None):
        needed = _needed(model)
        if needed and (isinstance(model, type) or _is_function(model)):
            _refuse_arguments(model, needed)
        if not needed:
            return _of_built(model)
    accepted = ", ".join(framework.models for framework in (FRAMEWORKS[-1], *FRAMEWORKS[:-1]))
    raise TypeError(f"model must be {accepted}, got {described(model)}; pass lambda: MyModel().")


def _is_class(model: Any) -> bool:
    """Whether a class is one of models, which builds them."""
    return isinstance(model, type) and any(kind.__module__.partition(".")[0] in _BUILT for kind in model.__mro__)


def _is_function(model: Any) -> bool:
    """Whether it is a function, not a model of a framework that is called with inputs."""
    return inspect.isroutine(model) or isinstance(model, functools.partial) or hasattr(model, "__wrapped__")


def _needed(model: Any) -> list[str]:
    """Return the names of the arguments that must be given."""
    try:
        parameters = inspect.signature(model).parameters.values()
    except (TypeError, ValueError):  # of some functions in C
        return []
    variadic = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return [each.name for each in parameters if each.default is each.empty and each.kind not in variadic]


def _refuse_arguments(model: Any, needed: list[str]) -> None:
    name = getattr(model, "__name__", "MyModel").replace("<lambda>", "MyModel")
    arguments = ", ".join(f"{each}=..." for each in needed)
    raise TypeError(
        f"model must be built without arguments, got {described(model)} with [{listed(needed)}]; pass a function "
        f"that gives them, lambda: {name}({arguments})."
    )


def _of_built(model: Callable[[], Any]) -> Framework:
    """Return the framework of what a function builds: PyTorch, unless another one is imported and accepts it."""
    others = [each for each in FRAMEWORKS[:-1] if each.package in sys.modules]
    if others:
        made = _built_apart(model)
        for framework in others:
            if framework.accepts(made):
                return framework
    return FRAMEWORKS[-1]  # which raises its own error for what is not a module


def _built_apart(model: Callable[[], Any]) -> Any:
    """Build a model without a change of the generators of random numbers."""
    if "torch" not in sys.modules:
        return model()
    from pyrometer.models._pytorch._build import seeded

    with seeded(0):
        return model()
