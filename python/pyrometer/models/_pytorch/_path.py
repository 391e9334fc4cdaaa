"""Where in a model a forward pass is: the modules whose call has begun and not ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules import module as hooks

__all__ = ["Path"]

_RECURRENT = (torch.nn.RNNBase, torch.nn.RNNCellBase)


class Path:
    """Follows the calls of the modules of a model, and names call sites."""

    def __init__(self, model: torch.nn.Module, parameters: dict[str, torch.Tensor]) -> None:
        self._paths = _with_keras_layers({id(module): path for path, module in model.named_modules()}, model)
        self._owners: dict[str, list[str]] = {name: [_owner(name)] for name in parameters}
        first = {id(tensor): name for name, tensor in parameters.items()}
        for name, tensor in model.named_parameters(remove_duplicate=False):
            if id(tensor) in first and _owner(name) not in self._owners[first[id(tensor)]]:
                self._owners[first[id(tensor)]].append(_owner(name))
        self._stack: list[torch.nn.Module] = []
        self._calls = Counter[int]()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow calls of modules within the context."""
        handles = (
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, always_call=True),
        )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @property
    def module(self) -> tuple[int, int]:
        """The module that is being called, and which of its calls this is."""
        if not self._stack:
            return 0, 0
        return id(self._stack[-1]), self._calls[id(self._stack[-1])]

    @property
    def recurrent(self) -> bool:
        """Whether the module is a recurrent one, of PyTorch, of ONNX or of Keras."""
        return bool(self._stack) and (_is_recurrent(self._stack[-1]) or self.stepping)

    @property
    def stepping(self) -> bool:
        """Whether it is in a step of a recurrent layer of Keras."""
        return any(_is_keras(each, "RNN") for each in self._stack)

    @property
    def crops(self) -> bool:
        """Whether the module is a transposed convolution of Keras, which crops the outputs of the operation."""
        return bool(self._stack) and _is_keras(self._stack[-1], "BaseConvTranspose")

    @property
    def deriving(self) -> bool:
        """Whether a parametrisation, which derives a weight from parameters, is being computed."""
        return any(isinstance(each, torch.nn.utils.parametrize.ParametrizationList) for each in self._stack)

    def name(self, parameters: tuple[str, ...]) -> str:
        """Return the name of a call site in the module that is being called: the path of the owner of its weight."""
        current = self._paths.get(id(self._stack[-1]), "") if self._stack else ""
        owners = self._owners[parameters[0]] if parameters else [current]
        inside = [owner for owner in owners if owner == current or not current or owner.startswith(f"{current}.")]
        path = (inside[0] if inside else current) or parameters[0]
        count = self._calls[id(self._stack[-1])] if self._stack else 1
        return path if count <= 1 else f"{path} ({count})"

    def _enter(self, module: torch.nn.Module, inputs: Any) -> None:
        del inputs
        if id(module) not in self._paths:
            return
        if not self._stack or self._stack[-1] is not module:
            self._calls[id(module)] += 1
        self._stack.append(module)

    def _leave(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        del inputs, output
        if module in self._stack:
            while self._stack.pop() is not module:
                pass


def _with_keras_layers(paths: dict[int, str], model: Any) -> dict[int, str]:
    """Add the layers of a Keras model, most of which it does not register as modules; cells belong to their layer."""
    layers = model._flatten_layers(include_self=False) if hasattr(model, "_flatten_layers") else ()
    for layer in layers:
        path = str(getattr(layer, "path", None) or layer.name)
        paths[id(layer)] = path.removeprefix(f"{model.name}/").replace("/", ".")
    for layer in (each for each in layers if _is_keras(each, "RNN")):
        for inner in layer._flatten_layers(include_self=False):
            paths.pop(id(inner), None)
    return paths


def _is_recurrent(module: torch.nn.Module) -> bool:
    return isinstance(module, _RECURRENT) or bool(getattr(module, "recurrent_layer", False))


def _is_keras(module: torch.nn.Module, name: str) -> bool:
    return any(kind.__name__ == name and kind.__module__.startswith("keras.") for kind in type(module).__mro__)


def _owner(name: str) -> str:
    """Return the module that owns a parameter; the module itself for the originals of a parametrisation."""
    return name.rpartition(".")[0].partition(".parametrizations")[0].partition("parametrizations.")[0].rstrip(".")
