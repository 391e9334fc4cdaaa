"""A dispatch mode that torch.compile leaves alone, and that does not import it."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Mode"]


class Mode(TorchDispatchMode):
    """Sees every operation within its context.

    PyTorch hides the dispatch of a mode from torch.compile by importing it, 800 modules of 70 MB, at the first
    operation. Here it is hidden if it has been imported when the context is entered; nothing is compiled before.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __enter__(self) -> Any:
        if "torch._dynamo" in sys.modules:
            for kind in type(self).__mro__[: type(self).__mro__.index(Mode)]:
                _hide(kind)
        return super().__enter__()


def _hide(kind: type) -> None:
    """Hide the dispatch of a mode from torch.compile, once."""
    dispatch = vars(kind).get("__torch_dispatch__")
    if dispatch is not None and not hasattr(dispatch, "__wrapped__"):
        kind.__torch_dispatch__ = torch._disable_dynamo(dispatch, recursive=True)  # type: ignore[attr-defined]
