"""Module aliases that let pickles of version 0.1.0 load: old module, new module."""

from __future__ import annotations

import importlib
import sys

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

for _old, _new in MOVED.items():
    sys.modules[f"pyrometer.{_old}"] = importlib.import_module(f"pyrometer.{_new}")
