"""Versions, compiler and instruction-set level of this installation."""

from __future__ import annotations

import platform

import numpy as np

from pyrometer import _core, _cpu, _openmp
from pyrometer._public import publish
from pyrometer._version import __version__

__all__ = ["config", "show_config"]

# _OPENMP is the month of the specification; 0 if the compiler had none.
_MONTHS = {201107: "3.1", 201307: "4.0", 201511: "4.5", 201811: "5.0", 202011: "5.1", 202111: "5.2", 202411: "6.0"}
_OPENMP = {0: "none, computes on one thread", **_MONTHS}


def config() -> dict[str, str | int | list[str]]:
    """Return versions, the instruction-set level of the core and the threads it would use.

    Returns
    -------
    dict
        "pyrometer", "python", "numpy" and "platform"; "cpu level" in use and "cpu levels" that this machine can run,
        best first (the environment variable PYROMETER_CPU forces one at import); "compiler"; "openmp", the version of
        its specification, or "none, computes on one thread"; "runtimes", the libraries of it that this process has
        loaded (on Linux); "threads" at this moment.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.config()["cpu level"] in pm.config()["cpu levels"]
    True
    """
    return {
        "pyrometer": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu level": _core.level,
        "cpu levels": list(_cpu.levels()),
        "compiler": f"gcc {_core.compiler}" if _core.compiler[:1].isdigit() else _core.compiler,
        "openmp": _OPENMP.get(_core.openmp, str(_core.openmp)),
        "runtimes": [path.rsplit("/", 1)[-1] for path in _openmp.loaded()],
        "threads": _core.max_threads(),
    }


def show_config() -> None:
    """Print `config`, one line for each entry.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.show_config()  # doctest: +ELLIPSIS
    pyrometer   ...
    """
    for name, value in config().items():
        print(f"{name:<11} {', '.join(value) if isinstance(value, list) else value}")  # noqa: T201


publish(__name__)
