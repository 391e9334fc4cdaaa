"""The compiled core, at the best instruction-set level of this machine.

The wheel carries one build of the core for each level. ``PYROMETER_CPU`` (``baseline``, ``v3`` or ``v4``) forces one.
"""

from __future__ import annotations

import importlib
import os

from pyrometer import _cpu, _openmp


def _choose() -> str:
    available = _cpu.levels()
    wanted = os.environ.get("PYROMETER_CPU", available[0])
    if wanted not in available:
        raise ImportError(
            f"PYROMETER_CPU must be one of {', '.join(available)} on this machine, got {wanted!r}; "
            "unset it to use the best level."
        )
    return wanted


level = _choose()
globals().update(
    {
        name: value
        for name, value in vars(importlib.import_module(f"pyrometer._core_{level}")).items()
        if not name.startswith("_")
    }
)
if "Clang" in globals()["compiler"]:
    _openmp.refuse_second(_openmp.loaded())
