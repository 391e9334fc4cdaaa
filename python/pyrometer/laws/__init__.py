"""Distributions of the initial parameters."""

from pyrometer._public import publish
from pyrometer.laws._batches import arguments, form_of, merge_batches, part_of_batch
from pyrometer.laws._composed import Constant, Independent, Law
from pyrometer.laws._families import CONSTANT, FAMILIES, NORMAL, NORMAL_ENTROPY, UNIFORM, Family, truncated_normal
from pyrometer.laws._independent import WHY_SCALE, Mixed, Normal, OfOneLaw, Uniform
from pyrometer.laws._names import LAYER_CALLS, LINEAR_CALLS, not_a_law
from pyrometer.laws._spread import Spread, logarithms, spread
from pyrometer.laws._truncated import TruncatedNormal

__all__ = [
    "CONSTANT",
    "Constant",
    "FAMILIES",
    "LAYER_CALLS",
    "LINEAR_CALLS",
    "Family",
    "NORMAL",
    "UNIFORM",
    "Independent",
    "Law",
    "Mixed",
    "NORMAL_ENTROPY",
    "Normal",
    "OfOneLaw",
    "Spread",
    "TruncatedNormal",
    "Uniform",
    "WHY_SCALE",
    "arguments",
    "logarithms",
    "form_of",
    "merge_batches",
    "not_a_law",
    "part_of_batch",
    "spread",
    "truncated_normal",
]

publish(__name__)
