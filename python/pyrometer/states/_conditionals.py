"""The density p(y | x) of a state: one class for each loss.

A class says what of a row its density depends on, is fitted to rows, and scores others.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.states._predictions import Predicted
from pyrometer.states._rows import Rows

__all__ = ["CONDITIONALS", "ORDINARY", "Conditional", "Measured", "exponents"]

_Array: TypeAlias = npt.NDArray[np.float64]
ORDINARY = 200  # exponents of values that are summed as they are
_MOST_LOSS = 745.0  # of a label whose probability is not 0
_LEAST_PROBABILITY, _MOST_PROBABILITY = float(np.nextafter(0.0, 1.0)), float(np.nextafter(1.0, 0.0))


class Measured(NamedTuple):
    """Rows as their density sees them, with the exponents of 2 of the units."""

    residual: _Array
    losses: _Array
    inner: _Array  # what a row adds to the score of the density: |residual|, or the entropy of the label
    of_residual: int
    of_loss: int
    of_inner: int


class Conditional:
    """A density of y given x, fitted to rows; the features' part of the joint density is no concern of it."""

    law: ClassVar[str]
    """The core's name for it."""
    continuous: ClassVar[bool] = True
    """Whether y is a real number, whose residual has a density."""
    joint: ClassVar[bool] = False
    """Whether the residual is a coordinate beside the features, whose covariance with them counts."""
    scaled: ClassVar[bool] = False
    """Whether the entropy has the logarithm of the unit of `inner`."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return what the density sees of rows."""
        raise NotImplementedError

    @staticmethod
    def impossible(rows: Predicted) -> str:
        """Say why the loss of some row is infinite; "" if it is not."""
        del rows
        return ""

    @staticmethod
    def beside_features(losses: _Array) -> _Array | float:
        """Scores of rows with these losses, up to a constant, beyond what a normal density of coordinates gives."""
        del losses
        return 0.0

    @staticmethod
    def observed(scores: _Array, losses: _Array, inner: _Array) -> _Array:
        """Scores of the labels that occurred, from `scores` of the joint density."""
        del losses, inner
        return scores

    def scores(self, other: Rows) -> _Array:
        """Return -ln p(y | x) of rows."""
        raise NotImplementedError

    def influence(self, other: Conditional) -> _Array | float:
        """How a row that is weighed more moves the mean score of the rows of `other`, times the number of rows."""
        del other
        return 0.0


class Normal(Conditional):
    """Squared error: residuals are normal about a linear function of the features."""

    law, joint = "normal", True

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.centre = rows.x.mean(axis=0)
        self.slopes = np.asarray(np.linalg.lstsq(self._design(rows), rows.residual, rcond=None)[0], dtype=np.float64)
        self.variance = np.mean(self._left(rows) ** 2)

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return residuals and their squares."""
        residual, unit = _residual(rows)
        return Measured(residual, residual**2, np.abs(residual), unit, 2 * unit, unit)

    def scores(self, other: Rows) -> _Array:
        """Return -ln p(y | x) of rows."""
        return np.asarray(0.5 * (np.log(2.0 * np.pi * self.variance) + self._left(other) ** 2 / self.variance))

    def influence(self, other: Conditional) -> _Array | float:
        """Through the slopes and the variance."""
        left, theirs, design = self._left(self.rows), self._left(other.rows), self._design(self.rows)
        pull = np.linalg.solve(design.T @ design / len(left), self._design(other.rows).T @ theirs / len(theirs))
        moved = -left * (design @ pull) / self.variance
        return np.asarray(moved + 0.5 * left**2 * (self.variance - np.mean(theirs**2)) / self.variance**2)

    def _design(self, rows: Rows) -> _Array:
        return np.column_stack([np.ones(len(rows.x)), rows.x - self.centre])

    def _left(self, rows: Rows) -> _Array:
        return np.asarray(rows.residual - self._design(rows) @ self.slopes)


class Laplace(Conditional):
    """Absolute error: residuals are of a Laplace distribution about 0."""

    law, scaled = "laplace", True

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.width = np.abs(rows.residual).mean()

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return residuals and their sizes."""
        residual, unit = _residual(rows)
        return Measured(residual, np.abs(residual), np.abs(residual), unit, unit, unit)

    @staticmethod
    def beside_features(losses: _Array) -> _Array | float:
        """Return sizes of residuals in units of their mean."""
        return np.asarray(losses / losses.mean())

    def scores(self, other: Rows) -> _Array:
        """Return -ln p(y | x) of rows."""
        return np.asarray(np.log(2.0 * self.width) + np.abs(other.residual) / self.width)

    def influence(self, other: Conditional) -> _Array | float:
        """Through the width."""
        width = np.abs(other.rows.residual).mean()
        return np.asarray(np.abs(self.rows.residual) * (self.width - width) / self.width**2)


class Bernoulli(Conditional):
    """Cross entropy: labels are as the model predicts, and nothing is fitted."""

    law, continuous = "bernoulli", False

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return cross entropies of labels, and the entropies of those that the model predicts."""
        losses, entropies = _of_labels(rows)
        unit = int(exponents(losses))
        return Measured(
            rows.target - rows.prediction, np.ldexp(losses, -unit) if unit else losses, entropies, 0, unit, 0
        )

    @staticmethod
    def impossible(rows: Predicted) -> str:
        """Say that a label occurs which the model excludes."""
        if rows.logits is not None or not (rows.prediction == 1.0 - rows.target).any():
            return ""
        return (
            "model must predict probabilities above 0 and below 1 for cross entropy, got 0 for one that occurs: the "
            "loss is infinite."
        )

    @staticmethod
    def beside_features(losses: _Array) -> _Array | float:
        """Return cross entropies of labels."""
        return losses

    @staticmethod
    def observed(scores: _Array, losses: _Array, inner: _Array) -> _Array:
        """Replace the entropies of labels by the cross entropies of those that occurred."""
        return scores - inner + losses

    def scores(self, other: Rows) -> _Array:
        """Return the mean of -ln p(y | x) over labels as the model predicts them."""
        return other.inner


CONDITIONALS: dict[str, type[Conditional]] = {"mse": Normal, "mae": Laplace, "ce": Bernoulli}


def exponents(columns: _Array) -> npt.NDArray[np.int64]:
    """Exponents of 2 of the largest magnitudes of columns, 0 where sums of squares need none."""
    largest = np.maximum(columns.max(axis=0), -columns.min(axis=0))
    result = np.frexp(largest)[1].astype(np.int64)
    return np.where(np.abs(result) > ORDINARY, result, 0)


def _residual(rows: Predicted) -> tuple[_Array, int]:
    """Targets less predictions, and the exponent of their unit."""
    with np.errstate(over="ignore"):
        residual, coarse = rows.target - rows.prediction, 0
    if not np.isfinite(residual).all():
        residual, coarse = 0.5 * rows.target - 0.5 * rows.prediction, 1
    fine = int(exponents(residual))
    return (np.ldexp(residual, -fine) if fine else residual), coarse + fine


def _of_labels(rows: Predicted) -> tuple[_Array, _Array]:
    """Cross entropy of labels, and the entropy of the label that the model predicts."""
    if rows.logits is not None:
        away = np.abs(rows.logits)
        rare = np.exp(-away)
        losses = np.logaddexp(0.0, np.where(rows.target == 1, -rows.logits, rows.logits))
        return losses, np.log1p(rare) + away * rare / (1.0 + rare)
    with np.errstate(divide="ignore"):  # a label that the model excludes: `impossible` refuses it
        losses = -np.where(rows.target == 1, np.log(rows.prediction), np.log1p(-rows.prediction))
    losses = np.minimum(losses, _MOST_LOSS)
    p = np.clip(rows.prediction, _LEAST_PROBABILITY, _MOST_PROBABILITY)
    return losses, -p * np.log(p) - (1.0 - p) * np.log1p(-p)
