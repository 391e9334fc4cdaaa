"""Which part of the package each public name is defined in, and its name for pickles and messages."""

from __future__ import annotations

import sys

__all__ = ["FOLDERS", "HOMES", "PARTS", "publish"]

FOLDERS = ("datasets", "estimators", "interop", "models", "plot", "report", "tables", "testsystems")
"""Modules that are public themselves."""

_NAMES = {
    "_installation": (
        "config",
        "show_config",
    ),
    "data": ("Moments",),
    "errors": (
        "ConstantColumnWarning",
        "DependenceWarning",
        "IndexColumnWarning",
        "MomentsFileError",
        "PrecisionWarning",
        "ScanError",
        "ScanInterrupt",
        "SeparationWarning",
        "SimulationWarning",
    ),
    "laws": (
        "Constant",
        "Independent",
        "Mixed",
        "Normal",
        "TruncatedNormal",
        "Uniform",
    ),
    "linear": (
        "L1",
        "L2",
        "LinearRegression",
        "LogisticRegression",
        "SoftmaxRegression",
        "minimum_path",
        "training_path",
    ),
    "networks": (
        "GlorotNormal",
        "GlorotUniform",
        "HeNormal",
        "HeUniform",
        "Layers",
        "LecunNormal",
        "LecunUniform",
        "Network",
        "Orthogonal",
        "TorchLinear",
        "balance",
        "heat_engine",
    ),
    "results": (
        "Estimate",
        "HeatEngine",
        "LayerTemperatures",
        "Minimum",
        "Table",
        "Temperature",
        "TrainingPath",
    ),
    "states": (
        "BatchShift",
        "DataState",
        "Drift",
        "Event",
        "Mixture",
        "Reading",
        "RefreshMonitor",
        "Shift",
        "drift",
        "mix",
        "shift",
    ),
    "sweeps": ("sweep",),
    "thermodynamics": (
        "Collapse",
        "boltzmann",
        "collapse",
        "energy_variance",
        "entropy",
        "lorentz",
        "mean_energy",
        "minimum_energy",
        "sample_energies",
        "sample_parameters",
        "temperature",
    ),
}

HOMES = {name: home for home, names in _NAMES.items() for name in names}
"""The module below `pyrometer` that each public name is imported from."""

PARTS = {"base", "losses", *_NAMES} - {"_installation"}
"""Modules that are attributes of `pyrometer`, too, but not public."""


def publish(module: str) -> None:
    """Set the module of public names to `pyrometer`, so that pickles do not depend on where they are defined."""
    for name in _NAMES[module.removeprefix("pyrometer.")]:
        value = getattr(sys.modules[module], name)
        if getattr(value, "__module__", "").startswith("pyrometer."):
            value.__module__ = "pyrometer"
