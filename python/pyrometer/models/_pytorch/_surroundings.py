"""Contexts of the caller, which would change a measurement, and modules that are copied or left as they are."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import numpy as np
import torch

__all__ = ["copied", "own_precision", "states", "unchanged"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def own_precision() -> Iterator[None]:
    """Leave the caller's torch.autocast, which rounds operations and keeps copies of weights from call to call.

    Contexts that the model enters itself are part of it.
    """
    with ExitStack() as stack:
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def copied(module: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a module, as copy.deepcopy, also if it keeps tensors that it computes from parameters.

    Pruned modules and those of torch.nn.utils.weight_norm compute them again before each call.
    """
    kept = [value for part in module.modules() for value in vars(part).values() if isinstance(value, torch.Tensor)]
    memo: dict[int, Any] = {id(value): value.detach().clone() for value in kept if not value.is_leaf}
    own: torch.nn.Module = copy.deepcopy(module, memo)
    return own


@contextmanager
def unchanged(module: torch.nn.Module) -> Iterator[None]:
    """Restore the device, the parameters and buffers, and the mode of each part of a module."""
    modes, device = [(part, part.training) for part in module.modules()], next(module.parameters()).device

    def named() -> Iterator[tuple[str, torch.Tensor]]:
        return chain(module.named_parameters(), module.named_buffers())

    values = {name: tensor.detach().clone() for name, tensor in named()}
    try:
        yield
    finally:
        module.to(device)
        with torch.no_grad():
            for name, tensor in named():
                if name in values and not torch.equal(tensor, values[name]):
                    tensor.copy_(values[name])
        for part, mode in modes:
            part.training = mode


def states() -> tuple[Any, ...]:
    """States of Python's and NumPy's generators, whose numbers PyTorch does not see."""
    return random.getstate(), np.random.get_state()[1].tobytes(), np.random.get_state()[2]  # type: ignore[index]  # noqa: NPY002
