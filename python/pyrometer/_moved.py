"""Module aliases that let pickles of version 0.1.0 load: old module, new module."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

__all__ = ["MOVED"]

MOVED = {
    "_columns": "results._columns",
    "architecture": "networks._network",
    "boltzmann": "thermodynamics._boltzmann",
    "data_state": "states._data_state",
    "drift": "states._drift",
    "initialisations": "networks._initialisations",
    "mixture": "states._mixture",
    "moments": "data._moments",
    "monitor": "states._monitor",
    "penalties": "linear._penalties",
    "systems": "linear._systems",
    "table": "results._table",
}
"""Modules below `pyrometer`; `laws`, `results` and `states` are folders of the same name."""


class _Moved(ModuleType):
    """A module under its former name, whose attributes are those of the new module."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # the import system and debuggers ask every module
            raise AttributeError(name)
        return getattr(importlib.import_module(f"pyrometer.{MOVED[self.__name__.rpartition('.')[2]]}"), name)


for _old in MOVED:
    sys.modules[f"pyrometer.{_old}"] = _Moved(f"pyrometer.{_old}")
