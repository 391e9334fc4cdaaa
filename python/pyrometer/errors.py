"""What can go wrong, by name: warnings that pyrometer gives and errors that carry more than a message.

A user's mistake is a `ValueError` or a `TypeError`, as everywhere in Python.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConstantColumnWarning",
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
    """A Monte Carlo answer says little: its standard error is above a tenth of it, or rests on rare, large draws."""


class SeparationWarning(UserWarning):
    """Labels can be separated: the least cross entropy is approached as parameters grow, and not reached."""


class ConstantColumnWarning(UserWarning):
    """A column has the same value in every row: the target has nothing to learn, or a feature has nothing to say."""


class MomentsFileError(ValueError):
    """A file of moments is damaged, of another version, or not a file of moments at all."""


class ScanError(ValueError):
    """Rows could not be read to their end.

    Attributes
    ----------
    finished : Moments or None
        Moments of the parts (files, as a rule) that were read whole before; None if there are none, or where no moments
        were asked for.
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
    """A pass over rows was interrupted (Ctrl-C): a KeyboardInterrupt that has what was finished.

    Attributes
    ----------
    finished : Moments or None
        Moments of the parts (files, as a rule) that were read whole before; None if there are none.
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
        super().__init__(f"interrupted; the moments of {len(parts)} whole parts are in `finished`" if parts else "")
        self.finished = finished
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.finished, self.parts)
