"""Distributions of the initial parameters."""

from pyrometer.laws._batches import arguments, merge_batches, part_of_batch
from pyrometer.laws._families import FAMILIES, NORMAL, NORMAL_ENTROPY, UNIFORM, Family
from pyrometer.laws._independent import WHY_SCALE, Law, Mixed, Normal, Uniform
from pyrometer.laws._names import LAYER_CALLS, LINEAR_CALLS, not_a_law
from pyrometer.laws._spread import Spread, logarithms, spread

__all__ = [
    "FAMILIES",
    "LAYER_CALLS",
    "LINEAR_CALLS",
    "Family",
    "NORMAL",
    "UNIFORM",
    "Law",
    "Mixed",
    "NORMAL_ENTROPY",
    "Normal",
    "Spread",
    "Uniform",
    "WHY_SCALE",
    "arguments",
    "logarithms",
    "merge_batches",
    "not_a_law",
    "part_of_batch",
    "spread",
]
