"""What can go wrong, by name: warnings that pyrometer gives and errors that carry more than a message.

A user's mistake is a `ValueError` or a `TypeError`, as everywhere in Python.
"""

from __future__ import annotations

__all__ = ["MomentsFileError", "PrecisionWarning", "SeparationWarning", "SimulationWarning"]


class PrecisionWarning(UserWarning):
    """A number has fewer correct digits than double precision could give; the message says how many are left."""


class SimulationWarning(PrecisionWarning):
    """A mean is dominated by draws too rare to be seen; the message says how far energies deviate from it."""


class SeparationWarning(UserWarning):
    """Labels can be separated: the least cross entropy is approached as parameters grow, and not reached."""


class MomentsFileError(ValueError):
    """A file of moments is damaged, of another version, or not a file of moments at all."""
