"""Temperatures of many systems under many laws."""

from pyrometer._public import publish
from pyrometer.sweeps._plan import FIELDS, METHODS, Answer, Part, Plan
from pyrometer.sweeps._sweep import answered, either_name, plan_of, sweep, warn_of_few
from pyrometer.sweeps._table import Sheet

__all__ = [
    "Answer",
    "FIELDS",
    "METHODS",
    "Part",
    "Plan",
    "Sheet",
    "answered",
    "either_name",
    "plan_of",
    "sweep",
    "warn_of_few",
]

publish(__name__)
