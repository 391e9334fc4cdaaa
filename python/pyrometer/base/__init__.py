"""What everything stands on: validation, archives, executors, progress, tail probabilities."""

from pyrometer.base import _executor as executors
from pyrometer.base import _tail_probabilities as tail_probabilities
from pyrometer.base import _validate as validate
from pyrometer.base._archive import Archive, Members, atomic_write, require_fields
from pyrometer.base._arrays import Array, require_finite, require_normal
from pyrometer.base._printable import dropping, listed, plain, printable, quoted
from pyrometer.base._progress import bar
from pyrometer.base._tally import Tally, doubtful, warn
from pyrometer.base._validate import RandomSource

__all__ = [
    "Archive",
    "Array",
    "Members",
    "RandomSource",
    "Tally",
    "atomic_write",
    "bar",
    "doubtful",
    "dropping",
    "executors",
    "listed",
    "plain",
    "printable",
    "quoted",
    "require_fields",
    "require_finite",
    "require_normal",
    "tail_probabilities",
    "validate",
    "warn",
]
