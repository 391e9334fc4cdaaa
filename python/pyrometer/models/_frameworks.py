"""One record for each framework whose models are understood."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyrometer.base import described, library_of
from pyrometer.models._built import Built
from pyrometer.results import ModelLayers

__all__ = ["FRAMEWORKS", "Framework", "Request", "checked_init", "derives_from", "framework_of"]


@dataclass(frozen=True)
class Request:
    """The checked arguments of `measure`, but for the model."""

    inputs: Any
    y: Any
    mode: str
    method: str
    draws: int
    rtol: float | None
    laws: Mapping[str, Any] | None
    init: Callable[[Any], Any] | None
    trained: Any
    rows: int | None
    resolution: float
    seed: int
    device: Any
    progress: bool


@dataclass(frozen=True)
class Framework:
    """A framework: whether a model is of it, the laws of its parameters, and the energies of its layers.

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
    factories : bool
        Whether functions that build its models are accepted in their place.
    """

    name: str
    models: str
    accepts: Callable[[Any], bool]
    build: Callable[[Any, Mapping[str, Any] | None, Callable[[Any], Any] | None, int], Built]
    measure: Callable[[Any, Request], ModelLayers]
    factories: bool = False


def checked_init(init: Any) -> Callable[[Any], Any] | None:
    """Return `init` if it is None or can be called."""
    if init is not None and not callable(init):
        raise TypeError(f"init must be a function of the model, got {described(init)}.")
    return init


def derives_from(root: str) -> Callable[[Any], bool]:
    """Return whether an object is of a class of the package `root`, or of one that derives from it."""

    def accepts(model: Any) -> bool:
        return any(kind.__module__.partition(".")[0] == root for kind in type(model).__mro__)

    return accepts


def _torch_build(model: Any, laws: Any, init: Any, seed: int) -> Built:
    _require("models.laws", "torch", "PyTorch")
    from pyrometer.models._torch_build import build

    return build(model, laws, init, seed)


def _torch_measure(model: Any, request: Request) -> ModelLayers:
    _require("models.measure", "torch", "PyTorch")
    from pyrometer.models._torch_measure import measure

    return measure(model, request)


def _require(function: str, package: str, name: str) -> None:
    """Raise ImportError, with the remedy, if a framework is not installed."""
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{function} needs {name}: pip install {package}.", name=package) from error


FRAMEWORKS = (
    Framework(
        "PyTorch",
        "a torch.nn.Module or a function that builds one",
        derives_from("torch"),
        _torch_build,
        _torch_measure,
        factories=True,
    ),
)
"""In the order in which they are asked: Keras' layers are modules of PyTorch with that backend."""


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
    builders = [framework for framework in FRAMEWORKS if framework.factories]
    if callable(model) and not isinstance(model, type) and library_of(model) is None:
        return builders[0] if len(builders) == 1 else _of_built(model, builders)
    known = ", ".join(framework.models for framework in FRAMEWORKS)
    raise TypeError(f"model must be {known}, got {described(model)}; pass lambda: MyModel().")


def _of_built(model: Callable[[], Any], builders: list[Framework]) -> Framework:
    """Return the framework of what a function builds."""
    made = model()
    for framework in builders:
        if framework.accepts(made):
            return framework
    return builders[-1]  # refuses it, in its own words
