"""Frozen results and tables, and their serialisation."""

from pyrometer._public import publish
from pyrometer.results import _plain_text as plain_text
from pyrometer.results._answers import Estimate, Floats, HeatEngine, LayerTemperatures, Minimum, Temperature, shaped
from pyrometer.results._columns import Repeated
from pyrometer.results._formats import TABLE_FORMATS, table_format
from pyrometer.results._model_layers import ModelLayers
from pyrometer.results._numbers import with_error
from pyrometer.results._quantities import units_of
from pyrometer.results._record import Quantity, Record
from pyrometer.results._serialise import escaped, finite
from pyrometer.results._sheet import Sheet
from pyrometer.results._shown import Described, Displayed, OneNumber, Shown, described_by
from pyrometer.results._table import Table
from pyrometer.results._training_path import TrainingPath
from pyrometer.results._verdicts import verdict_sentences

__all__ = [
    "Described",
    "Displayed",
    "described_by",
    "OneNumber",
    "Quantity",
    "Record",
    "Sheet",
    "Shown",
    "units_of",
    "verdict_sentences",
    "with_error",
    "Estimate",
    "Floats",
    "HeatEngine",
    "LayerTemperatures",
    "Minimum",
    "ModelLayers",
    "Repeated",
    "TABLE_FORMATS",
    "Table",
    "Temperature",
    "TrainingPath",
    "escaped",
    "finite",
    "table_format",
    "plain_text",
    "shaped",
]

publish(__name__)
