"""Inputs of a model as tensors, their rows, and the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pyrometer.base import described, plain, quoted
from pyrometer.models._pytorch._pass import all_tensors
from pyrometer.models._request import Request

__all__ = ["as_tensors", "prepared", "run_on"]

# Characters of a message of PyTorch that are shown.
_LONGEST = 300


def prepared(request: Request, module: torch.nn.Module) -> tuple[Any, int, torch.device]:
    """Return the inputs as tensors on the device, the number of rows, and the device.

    Raises
    ------
    TypeError, ValueError
        If an input is no array of numbers, is not finite, or inputs have different numbers of rows.
    """
    parameter = next(module.parameters(), None)
    first = next(all_tensors(request.inputs), None)
    like = first if first is not None else parameter
    device = torch.device("cpu") if like is None else like.device
    if request.device is not None:
        device = _device(request.device)
    floating = next((each.dtype for each in module.parameters() if each.is_floating_point()), None)
    inputs = _tensors("inputs", request.inputs, device, floating or torch.get_default_dtype())
    rows = request.rows or _rows(inputs)
    return inputs, rows, device


def run_on(inputs: Any, run: Callable[[], Any]) -> None:
    """Run a model on its inputs; the message of a failure has their shapes."""
    try:
        run()
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        if isinstance(error, ValueError) and _is_ours(error):
            raise
        shapes = [f"{tuple(each.shape)} {each.dtype}" for each in all_tensors(inputs)]
        raise ValueError(
            f"model must run on the inputs, {', '.join(shapes)}, but: {_line(error).rstrip('.')}; pass inputs of the "
            "shape and dtype that its forward pass takes."
        ) from error


def _is_ours(error: BaseException) -> bool:
    """Return whether pyrometer has raised an error, and not the model or PyTorch."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and str(last.tb_frame.f_globals.get("__name__")).partition(".")[0] == "pyrometer"


def _line(value: Any) -> str:
    """Return the first line of a text that PyTorch, or the user, has written."""
    return plain(str(value).partition("\n")[0], _LONGEST)


def _device(value: Any) -> torch.device:
    if not isinstance(value, (str, torch.device)):
        raise TypeError(f"device must be a name such as 'cuda' or a torch.device, got {described(value)}.")
    try:
        device = torch.device(value)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device must be one that PyTorch has here, got {_line(value)}: {_line(error)}") from None
    if device.type == "meta":
        raise ValueError("device must have memory, got 'meta'; ask for the laws alone, pm.models.laws(model).")
    return device


def as_tensors(inputs: Any) -> Any:
    """Return inputs as tensors, where a model is built: on the CPU."""
    return _tensors("inputs", inputs, torch.device("cpu"), torch.get_default_dtype())


def _tensors(name: str, value: Any, device: torch.device, floating: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            raise TypeError(f"{name} must be a dense tensor, got the layout {value.layout}; use to_dense().")
        return _finite(name, value.detach().to(device))
    if isinstance(value, tuple):
        return tuple(_tensors(f"{name}[{k}]", each, device, floating) for k, each in enumerate(value))
    if isinstance(value, dict):
        return {key: _tensors(f"{name}[{quoted(str(key))}]", each, device, floating) for key, each in value.items()}
    if "[" in name and (value is None or isinstance(value, (bool, str))):
        return value  # an option of the model beside its inputs
    if isinstance(value, list) and any(isinstance(each, torch.Tensor) for each in value):
        raise TypeError(
            f"{name} must not be a list of tensors; pass a tuple for several arguments, or torch.stack them."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of one shape: {error}.") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be an array of numbers, a tensor, or a tuple or dict of these, got {described(value)}."
        )
    tensor = torch.from_numpy(array.copy())
    return _finite(name, tensor.to(device, floating if array.dtype.kind == "f" else None))


def _finite(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name} must be finite, got nan or infinity; remove or replace these values.")
    return tensor


def _rows(inputs: Any) -> int:
    sizes = {int(tensor.shape[0]) if tensor.ndim else 0 for tensor in all_tensors(inputs)}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            f"inputs must have one number of rows, at least 1, on the first axis, got {sorted(sizes)}; pass rows=, the "
            "number by which energies are divided."
        )
    return sizes.pop()
