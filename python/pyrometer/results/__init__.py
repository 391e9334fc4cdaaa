"""Frozen results and tables, and their serialisation."""

from pyrometer.results import _plain_text as plain_text
from pyrometer.results._answers import Estimate, Floats, HeatEngine, LayerTemperatures, Minimum, Temperature, shaped
from pyrometer.results._columns import Repeated
from pyrometer.results._serialise import escaped, finite
from pyrometer.results._table import Table
from pyrometer.results._training_path import TrainingPath

__all__ = [
    "Estimate",
    "Floats",
    "HeatEngine",
    "LayerTemperatures",
    "Minimum",
    "Repeated",
    "Table",
    "Temperature",
    "TrainingPath",
    "escaped",
    "finite",
    "plain_text",
    "shaped",
]
