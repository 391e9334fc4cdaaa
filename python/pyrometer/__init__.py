"""The temperature of machine-learning systems.

A *system* is a model, its data and its energy (the loss); a *law* says how its parameters are drawn before training.

>>> import numpy as np
>>> import pyrometer as pm
>>> data = pm.datasets.diabetes(standardize=True)
>>> system = pm.LinearRegression(data.X, data.y)
>>> law = pm.Normal(scale=10.0)
>>> pm.mean_energy(system, law).value > pm.minimum_energy(system).value
True
>>> pm.temperature(system, law).verdict
'ok'
>>> pm.temperature(system, pm.Normal(np.logspace(0, 8, 200)[:, None])).value.shape      # a batch of laws
(200,)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from pyrometer import _moved as _moved
from pyrometer._public import FOLDERS, HOMES, PARTS
from pyrometer._version import __version__

if TYPE_CHECKING:
    from pyrometer import datasets, estimators, interop, models, plot, report, tables, testsystems
    from pyrometer._installation import config, show_config
    from pyrometer.data import Moments
    from pyrometer.errors import (
        ConstantColumnWarning,
        DependenceWarning,
        IndexColumnWarning,
        MomentsFileError,
        PrecisionWarning,
        ScanError,
        ScanInterrupt,
        SeparationWarning,
        SimulationWarning,
    )
    from pyrometer.laws import Constant, Independent, Mixed, Normal, TruncatedNormal, Uniform
    from pyrometer.linear import (
        L1,
        L2,
        LinearRegression,
        LogisticRegression,
        SoftmaxRegression,
        minimum_path,
        training_path,
    )
    from pyrometer.networks import (
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        Layers,
        LecunNormal,
        LecunUniform,
        Network,
        Orthogonal,
        TorchLinear,
        balance,
        heat_engine,
    )
    from pyrometer.results import Estimate, HeatEngine, LayerTemperatures, Minimum, Table, Temperature, TrainingPath
    from pyrometer.states import (
        BatchShift,
        DataState,
        Drift,
        Event,
        Mixture,
        Reading,
        RefreshMonitor,
        Shift,
        drift,
        mix,
        shift,
    )
    from pyrometer.sweeps import sweep
    from pyrometer.thermodynamics import (
        Collapse,
        boltzmann,
        collapse,
        energy_variance,
        entropy,
        lorentz,
        mean_energy,
        minimum_energy,
        sample_energies,
        sample_parameters,
        temperature,
    )

__all__ = [
    "BatchShift",
    "Event",
    "L1",
    "L2",
    "Collapse",
    "Constant",
    "ConstantColumnWarning",
    "DataState",
    "Drift",
    "Estimate",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HeatEngine",
    "Independent",
    "DependenceWarning",
    "IndexColumnWarning",
    "LayerTemperatures",
    "Layers",
    "LecunNormal",
    "LecunUniform",
    "LinearRegression",
    "LogisticRegression",
    "Minimum",
    "Mixed",
    "Mixture",
    "Moments",
    "MomentsFileError",
    "Network",
    "Normal",
    "Orthogonal",
    "PrecisionWarning",
    "Reading",
    "RefreshMonitor",
    "ScanError",
    "ScanInterrupt",
    "SeparationWarning",
    "SimulationWarning",
    "SoftmaxRegression",
    "Table",
    "Shift",
    "Temperature",
    "TorchLinear",
    "TrainingPath",
    "TruncatedNormal",
    "Uniform",
    "__version__",
    "balance",
    "boltzmann",
    "collapse",
    "config",
    "datasets",
    "drift",
    "energy_variance",
    "entropy",
    "estimators",
    "heat_engine",
    "interop",
    "lorentz",
    "mean_energy",
    "minimum_energy",
    "mix",
    "minimum_path",
    "models",
    "plot",
    "report",
    "sample_energies",
    "sample_parameters",
    "shift",
    "show_config",
    "sweep",
    "tables",
    "temperature",
    "testsystems",
    "training_path",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: a command or a program needs a part of them."""
    if name in FOLDERS or name in PARTS:
        return import_module(f"pyrometer.{name}")
    if name not in HOMES:
        raise AttributeError(f"module 'pyrometer' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"pyrometer.{HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
