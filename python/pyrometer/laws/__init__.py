"""Distributions of the initial parameters."""

from pyrometer.laws._batches import arguments, merge_batches, part_of_batch
from pyrometer.laws._families import FAMILIES, NORMAL, NORMAL_ENTROPY, UNIFORM, Family
from pyrometer.laws._independent import WHY_SCALE, Law, Mixed, Normal, Uniform
from pyrometer.laws._spread import Spread, logarithms, spread

__all__ = [
    "FAMILIES",
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
    "part_of_batch",
    "spread",
]
