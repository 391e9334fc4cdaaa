"""Warnings that name the line of the user's program, however deep in the package they arise."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_caller"]

_PACKAGE = __name__.partition(".")[0]
# Modules whose functions call those that they decorate.
_DECORATORS = frozenset({"contextlib", "functools", "numpy._core._ufunc_config", "torch.utils._contextlib"})


def warn_caller(warning: Warning) -> None:
    """Give a warning at the line that called this package; functions that it calls may have called it again."""
    level, depth, frame = 1, 1, sys._getframe()
    while frame.f_back is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.partition(".")[0] == _PACKAGE or (module in _DECORATORS and level == depth):
            level = depth + 1
        frame, depth = frame.f_back, depth + 1
    warnings.warn(warning, stacklevel=level)
