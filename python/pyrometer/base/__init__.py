"""Shared by every folder above: validation, archives, executors, progress bars, tail probabilities, messages."""

from pyrometer.base import _executor as executors
from pyrometer.base import _tail_probabilities as tail_probabilities
from pyrometer.base import _validate as validate
from pyrometer.base._archive import Archive, Members, atomic_write, require_fields
from pyrometer.base._arrays import (
    LARGER_SCALE,
    Array,
    broadcast,
    cached_slices,
    mean_of,
    mean_squares_about,
    require_finite,
    require_normal,
)
from pyrometer.base._by_value import ByValue, restore
from pyrometer.base._classes import MOST_CLASSES, ClassCodes, encoded, labels_in, labels_of_kind
from pyrometer.base._conversion import frame_of, require_known_to_arrow, taken
from pyrometer.base._decimals import DECIMAL_DIGITS, ROUNDED_SHARE, WIDE_DECIMALS, rounding_of_decimal
from pyrometer.base._deferred import Deferred
from pyrometer.base._described import described, library_of, with_article
from pyrometer.base._exact import first_inexact
from pyrometer.base._generic import BatchShape, Number, Word
from pyrometer.base._like_numbers import LOOK, hide_numbers
from pyrometer.base._mixed import Coded, Mixed, in_order, mixed_of
from pyrometer.base._nearest import closest, nearest
from pyrometer.base._printable import dropping, listed, number_of, plain, printable, quoted
from pyrometer.base._progress import bar
from pyrometer.base._tally import Tally, unreliable, warn
from pyrometer.base._validate import RandomSource
from pyrometer.base._warn import warn_caller
from pyrometer.base._weights import LEAST_SHARE, Weights, exponent_of, replacements, total_of, weights_of

__all__ = [
    "DECIMAL_DIGITS",
    "LARGER_SCALE",
    "LEAST_SHARE",
    "LOOK",
    "MOST_CLASSES",
    "Archive",
    "Array",
    "BatchShape",
    "ByValue",
    "ClassCodes",
    "Coded",
    "Deferred",
    "Members",
    "Mixed",
    "Number",
    "RandomSource",
    "ROUNDED_SHARE",
    "Tally",
    "WIDE_DECIMALS",
    "Weights",
    "Word",
    "atomic_write",
    "bar",
    "broadcast",
    "cached_slices",
    "closest",
    "described",
    "dropping",
    "encoded",
    "executors",
    "exponent_of",
    "first_inexact",
    "frame_of",
    "require_known_to_arrow",
    "hide_numbers",
    "in_order",
    "labels_in",
    "labels_of_kind",
    "library_of",
    "listed",
    "mean_of",
    "mean_squares_about",
    "mixed_of",
    "nearest",
    "number_of",
    "plain",
    "printable",
    "quoted",
    "replacements",
    "require_fields",
    "require_finite",
    "require_normal",
    "restore",
    "rounding_of_decimal",
    "tail_probabilities",
    "taken",
    "total_of",
    "unreliable",
    "validate",
    "with_article",
    "warn",
    "warn_caller",
    "weights_of",
]
