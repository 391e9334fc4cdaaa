"""Data, scales and metadata of Tables 2 and 3."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyrometer._version import __version__
from pyrometer.base import validate
from pyrometer.datasets import breast_cancer, diabetes, wine
from pyrometer.errors import SeparationWarning
from pyrometer.laws import Law, Normal
from pyrometer.linear import LinearRegression, System
from pyrometer.networks import Network
from pyrometer.results import Minimum
from pyrometer.tables._cases import CASES, SIGMAS_PER_LENGTH, Case, Scales
from pyrometer.tables._networks import CROSS_ENTROPY, HIDDEN, NetworkCase
from pyrometer.thermodynamics import minimum_energy

__all__ = ["Row", "Subject", "subject"]


@dataclass(frozen=True)
class Row:
    """A row of a table: its case, the data's name, the system, its minimum and its law."""

    case: Case
    data: str
    system: System
    minimum: Minimum
    law: Law


@dataclass(frozen=True)
class _Data:
    """One data set and its cases."""

    name: str
    X: Any
    y: Any
    cases: tuple[Case, ...]
    scales: Scales
    weights: Any = None
    _cache: dict[Any, tuple[System, Minimum]] = field(default_factory=dict)

    def rows(self, intercept: bool) -> Iterator[Row]:
        """Yield the rows; each system is created and minimised once for all its laws."""
        for case in self.cases:
            key = (case.loss, case.penalty)
            if key not in self._cache:
                system = case.system(self.X, self.y, intercept, self.scales.lam, self.weights)
                with warnings.catch_warnings():
                    # The table has a column for the minimum.
                    warnings.simplefilter("ignore", SeparationWarning)
                    self._cache[key] = system, minimum_energy(system)
            yield Row(case, self.name, *self._cache[key], case.describe(self.scales))


@dataclass(frozen=True)
class Subject:
    """The data sets of a table, and its metadata."""

    sets: tuple[_Data, ...]
    intercept: bool
    metadata: dict[str, Any]

    def networks(self) -> Iterator[tuple[NetworkCase, str, Network, Law]]:
        """Yield the networks with cross entropy, on the data with labels, if there are any of both."""
        for data in self.sets:
            if data.cases and data.cases[0].logistic and len(np.unique(np.asarray(data.y))) == 2:
                for case in CROSS_ENTROPY:
                    network = Network(data.X, data.y, hidden=HIDDEN, activation=case.activation, energy="ce")
                    yield case, data.name, network, Normal(data.scales.sigma)

    def rows(self) -> Iterator[Row]:
        """Yield all rows in the order of the paper."""
        for data in self.sets:
            yield from data.rows(self.intercept)


def subject(
    X: Any,
    y: Any,
    scale: Any,
    length: Any,
    lam: Any,
    intercept: bool,
    name: str | None,
    features: str | None,
    standardize: bool,
    weights: Any = None,
) -> Subject:
    """Validate the arguments of the tables; by default use the shipped data."""
    if (X is None) != (y is None):
        missing = "X" if X is None else "y"
        raise ValueError(f"X and y must be given together, got no {missing}; omit both for the shipped data.")
    if X is None and weights is not None:
        raise ValueError("weights must be given with X and y, got weights only; the shipped data have none.")
    sigma = validate.single("scale", scale, minimum=0.0, exclusive=True)
    if length is None:
        length = SIGMAS_PER_LENGTH * sigma
    length = validate.single("length", length, minimum=0.0, exclusive=True)
    widths = sigma, length, validate.single("lam", lam, minimum=0.0)
    if X is None:
        standardize = validate.flag("standardize", standardize)
        shipped = {"numbers": diabetes, "two": breast_cancer, "classes": wine}
        loaded = {kind: load(standardize=standardize) for kind, load in shipped.items()}
        features = "standardised" if standardize else "raw"
        sets = tuple(
            _data(data.name, data.X, data.y, widths, intercept, None, target=kind) for kind, data in loaded.items()
        )
    else:
        checked = validate.data(X, y, weights=weights)
        kinds = ["numbers", *_labels_of(checked.y)]
        X, y = checked.X, checked.y
        if weights is not None and X.ndim == 2:  # networks have no weights
            weights = validate.weights(weights)
            X, y, weights = X[weights > 0.0], y[weights > 0.0], weights[weights > 0.0]
        sets = tuple(_data(name or "X, y", X, y, widths, intercept, weights, target=kind) for kind in kinds)
    first = sets[0]
    metadata = {
        "pyrometer": __version__,
        "data": ", ".join(dict.fromkeys(data.name for data in sets)),
        "features": features or "as given",
        "rows": len(first.X),
        "parameters": first.scales.parameters,
        "intercept": intercept,
        "scale": sigma,
        "length": length,
        "lam": widths[2],
        "mixed_normals": first.scales.normals,
    }
    if len(sets) > 1 and sets[1].name != first.name:
        metadata |= {"rows": [len(d.X) for d in sets], "parameters": [d.scales.parameters for d in sets]}
    return Subject(sets, intercept, metadata)


# Whole numbers of more values than this are not taken for labels of classes.
_MOST_CLASSES = 20


def _labels_of(y: Any) -> list[str]:
    """Return the labels that a target can be taken for: those of two classes, 0 and 1, or of more."""
    if np.isin(y, (0, 1)).all():
        return ["two"]
    is_classes = bool((y == np.floor(y)).all()) and 3 <= len(np.unique(y)) <= _MOST_CLASSES
    return ["classes"] if is_classes else []


def _data(
    name: str,
    X: Any,
    y: Any,
    widths: tuple[float, float, float],
    intercept: bool,
    weights: Any,
    *,
    target: str,
) -> _Data:
    system = LinearRegression(X, y, intercept=intercept, weights=weights)
    if system.shape:
        raise ValueError(f"X must have shape (rows, features), got a stack of shape {system.shape}; take one system.")
    classes = len(np.unique(np.asarray(y))) if target == "classes" else 1
    scales = Scales(*widths, classes * system.parameters)
    cases = tuple(case for case in CASES if case.target == target and case.exists(scales))
    return _Data(name, X, y, cases, scales, weights)
