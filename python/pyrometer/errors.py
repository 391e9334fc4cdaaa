"""Warnings of pyrometer, and exceptions with attributes. Invalid arguments raise `ValueError` or `TypeError`."""

from __future__ import annotations

from typing import Any

from pyrometer._public import publish

__all__ = [
    "ConstantColumnWarning",
    "DependenceWarning",
    "IndexColumnWarning",
    "MomentsFileError",
    "PrecisionWarning",
    "ScanError",
    "ScanInterrupt",
    "SeparationWarning",
    "SimulationWarning",
]


class PrecisionWarning(UserWarning):
    """A number has fewer correct digits than double precision could give; the message says how many are left."""


class SimulationWarning(PrecisionWarning):
    """A Monte Carlo estimate is unreliable: its standard error is above a tenth of it, or draws are heavy-tailed."""


class SeparationWarning(UserWarning):
    """Labels are separable: the cross entropy approaches its infimum only as parameters diverge; it has no minimum."""


class ConstantColumnWarning(UserWarning):
    """A column has the same value in every row: such a target has zero variance, such a feature no information."""


class DependenceWarning(UserWarning):
    """Rows are serially dependent over more rows than a test takes for one block: its level does not hold."""


class IndexColumnWarning(UserWarning):
    """A column that a data frame has written as its index is left out of the features."""


class MomentsFileError(ValueError):
    """A file of moments is damaged, of a newer version, or of another format."""


class ScanError(ValueError):
    """A pass over rows failed before the last row.

    Attributes
    ----------
    finished : Moments or None
        Moments of the parts (usually files) that were read completely; None if there are none, or if no moments were
        being accumulated.
    parts : tuple of str
        Their names.
    """

    def __init__(self, message: str, finished: Any = None, parts: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.finished = finished
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.finished, self.parts)


class ScanInterrupt(KeyboardInterrupt):
    """A pass over rows was interrupted (Ctrl-C); a KeyboardInterrupt with the moments of the completed parts.

    Attributes
    ----------
    finished : Moments or None
        Moments of the parts (usually files) that were read completely; None if there are none.
    parts : tuple of str
        Their names.

    Examples
    --------
    >>> import pyrometer as pm
    >>> try:
    ...     raise pm.ScanInterrupt()
    ... except KeyboardInterrupt as interrupt:
    ...     interrupt.parts
    ()
    """

    def __init__(self, finished: Any = None, parts: tuple[str, ...] = ()) -> None:
        super().__init__(
            f"interrupted; the moments of the {len(parts)} completed parts are in `finished`" if parts else ""
        )
        self.finished = finished
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.finished, self.parts)


publish(__name__)
