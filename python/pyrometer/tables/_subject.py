"""What Tables 2 and 3 are about: data, scales and their provenance, checked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyrometer import _validate
from pyrometer._version import __version__
from pyrometer.datasets import diabetes
from pyrometer.minimum import minimum_energy
from pyrometer.results import Minimum
from pyrometer.systems import LinearRegression, Penalty
from pyrometer.tables._cases import CASES, SIGMAS_PER_LENGTH, Case, Scales

__all__ = ["Subject", "subject"]


@dataclass(frozen=True)
class Subject:
    """The systems that share one data set, each described and minimised once."""

    X: Any
    y: Any
    plain: LinearRegression
    scales: Scales
    metadata: dict[str, Any]
    _known: dict[Any, tuple[LinearRegression, Minimum]] = field(default_factory=dict)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The rows that exist for this number of parameters."""
        return tuple(case for case in CASES if case.exists(self.scales))

    def system(self, case: Case) -> tuple[LinearRegression, Minimum]:
        """Return the system of a row and its minimum."""
        penalty: Penalty | None = case.penalty(self.scales.lam) if case.penalty is not None else None
        if penalty not in self._known:
            system = self.plain
            if penalty is not None:
                system = LinearRegression(self.X, self.y, penalty=penalty, intercept=self.plain.intercept)
            self._known[penalty] = system, minimum_energy(system)
        return self._known[penalty]


def subject(
    X: Any, y: Any, scale: Any, length: Any, lam: Any, intercept: bool, name: str | None, features: str | None
) -> Subject:
    """Check what the tables are asked for; the shipped diabetes data where nothing is given."""
    if (X is None) != (y is None):
        missing = "X" if X is None else "y"
        raise ValueError(f"X and y must be given together, got no {missing}; leave out both for the diabetes data.")
    if X is None:
        data = diabetes(standardize=True)
        X, y, name, features = data.X, data.y, data.name, "standardised"
    sigma = _validate.single("scale", scale, minimum=0.0, exclusive=True)
    if length is None:
        length = SIGMAS_PER_LENGTH * sigma
    length = _validate.single("length", length, minimum=0.0, exclusive=True)
    lam = _validate.single("lam", lam, minimum=0.0)
    system = LinearRegression(X, y, intercept=intercept)
    if system.shape:
        raise ValueError(f"X must have shape (rows, features), got a stack of shape {system.shape}; take one system.")
    scales = Scales(sigma, length, lam, system.parameters)
    metadata = {
        "pyrometer": __version__,
        "data": name or "X, y",
        "features": features or "as given",
        "rows": system.rows,
        "parameters": system.parameters,
        "intercept": system.intercept,
        "scale": sigma,
        "length": length,
        "lam": lam,
        "mixed_normals": scales.normals,
    }
    return Subject(X, y, system, scales, metadata)
