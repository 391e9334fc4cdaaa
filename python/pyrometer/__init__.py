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

from pyrometer import datasets, interop, tables, testsystems
from pyrometer._installation import config, show_config
from pyrometer._version import __version__
from pyrometer.data._moments import Moments
from pyrometer.errors import (
    ConstantColumnWarning,
    MomentsFileError,
    PrecisionWarning,
    ScanError,
    ScanInterrupt,
    SeparationWarning,
    SimulationWarning,
)
from pyrometer.laws._independent import Mixed, Normal, Uniform
from pyrometer.linear._systems import L1, L2, LinearRegression, LogisticRegression
from pyrometer.networks._heat_engine import heat_engine
from pyrometer.networks._initialisations import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    TorchLinear,
)
from pyrometer.networks._network import Network
from pyrometer.results._answers import Estimate, HeatEngine, LayerTemperatures, Minimum, Temperature
from pyrometer.results._table import Table
from pyrometer.states._drift import Drift, drift
from pyrometer.states._mixture import Mixture, mix
from pyrometer.states._monitor import Reading, RefreshMonitor
from pyrometer.states._shift import DataState, Shift, shift
from pyrometer.sweeps._sweep import sweep
from pyrometer.thermodynamics._boltzmann import Collapse, boltzmann, collapse, lorentz
from pyrometer.thermodynamics._energy import energy_variance, mean_energy, sample_energies, sample_parameters
from pyrometer.thermodynamics._entropy import entropy
from pyrometer.thermodynamics._minimum import minimum_energy, minimum_path
from pyrometer.thermodynamics._temperature import temperature

__all__ = [
    "L1",
    "L2",
    "Collapse",
    "ConstantColumnWarning",
    "DataState",
    "Drift",
    "Estimate",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HeatEngine",
    "LayerTemperatures",
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
    "PrecisionWarning",
    "Reading",
    "RefreshMonitor",
    "ScanError",
    "ScanInterrupt",
    "SeparationWarning",
    "SimulationWarning",
    "Table",
    "Shift",
    "Temperature",
    "TorchLinear",
    "Uniform",
    "__version__",
    "boltzmann",
    "collapse",
    "config",
    "datasets",
    "drift",
    "energy_variance",
    "entropy",
    "heat_engine",
    "interop",
    "lorentz",
    "mean_energy",
    "minimum_energy",
    "mix",
    "minimum_path",
    "sample_energies",
    "sample_parameters",
    "shift",
    "show_config",
    "sweep",
    "tables",
    "temperature",
    "testsystems",
]
