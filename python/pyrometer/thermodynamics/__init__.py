"""The general theory: mean energies, minimum energies, entropies and temperatures (section 2)."""

from pyrometer._public import publish
from pyrometer.thermodynamics._boltzmann import Collapse, boltzmann, collapse, lorentz
from pyrometer.thermodynamics._energy import energy_variance, mean_energy, sample_energies, sample_parameters
from pyrometer.thermodynamics._entropy import entropy
from pyrometer.thermodynamics._methods import bind, evaluate, require
from pyrometer.thermodynamics._minimum import minimum_energy
from pyrometer.thermodynamics._system import Batched, Evaluated, Single, System, is_law, is_system, not_a_system
from pyrometer.thermodynamics._temperature import VERDICTS, compose, temperature, total, verdict, without_temperature

__all__ = [
    "Batched",
    "Collapse",
    "Evaluated",
    "Single",
    "System",
    "VERDICTS",
    "boltzmann",
    "collapse",
    "bind",
    "compose",
    "energy_variance",
    "entropy",
    "evaluate",
    "is_law",
    "is_system",
    "lorentz",
    "mean_energy",
    "minimum_energy",
    "not_a_system",
    "require",
    "sample_energies",
    "sample_parameters",
    "temperature",
    "total",
    "verdict",
    "without_temperature",
]

publish(__name__)
