"""The density p(y | x) of a state: one class for each loss.

A class computes the statistics of a row that its density depends on, is fitted to rows, and scores other rows.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._predictions import NO_LOSS, Predicted
from pyrometer.states._rows import Rows

__all__ = ["CONDITIONALS", "ORDINARY", "Conditional", "Measured", "exponents"]

ORDINARY = 200  # exponents of values that are summed as they are
_IMPOSSIBLE = (
    "model must predict probabilities above 0 and below 1 for cross entropy, got 0 for one that occurs: the loss is "
    "infinite."
)
_MOST_LOSS = 745.0  # of a label whose probability is not 0
_LEAST_PROBABILITY, _MOST_PROBABILITY = math.ulp(0.0), math.nextafter(1.0, 0.0)


class Measured(NamedTuple):
    """Statistics of rows that their density depends on, with the exponents of 2 of their units."""

    residual: Array
    losses: Array
    inner: Array  # the statistic of a row in the score of the density: |residual|, or the entropy of the label
    of_residual: int
    of_loss: int
    of_inner: int


class Conditional:
    """A density of y given x, fitted to rows; the density of the features is not part of it."""

    law: ClassVar[str]
    """The core's name for it."""
    continuous: ClassVar[bool] = True
    """Whether y is a real number, whose residual has a density."""
    joint: ClassVar[bool] = False
    """Whether the residual is a coordinate like the features, and its covariance with them is used."""
    scaled: ClassVar[bool] = False
    """Whether the entropy contains the logarithm of the unit of `inner`."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return the statistics of rows that the density depends on."""
        raise NotImplementedError

    @staticmethod
    def impossible(rows: Predicted) -> str:
        """Return why the loss of some row is infinite; "" if none is."""
        del rows
        return ""

    @staticmethod
    def beside_features(losses: Array, weights: Array | None = None) -> Array | float:
        """Scores of rows with these losses, up to a constant, beyond what a normal density of coordinates gives."""
        del losses, weights
        return 0.0

    @staticmethod
    def observed(scores: Array, losses: Array, inner: Array) -> Array:
        """Scores of the labels that occurred, from `scores` of the joint density."""
        del losses, inner
        return scores

    def scores(self, other: Rows) -> Array:
        """Return -ln p(y | x) of rows."""
        raise NotImplementedError

    def influence(self, other: Conditional) -> Array | float:
        """Influence of each row on the mean score of the rows of `other`, through the fitted parameters, times m."""
        del other
        return 0.0


class Normal(Conditional):
    """Squared error: residuals are normal about a linear function of the features."""

    law, joint = "normal", True

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.centre = rows.x.mean(axis=0)
        self.slopes = np.asarray(np.linalg.lstsq(self._design(rows), rows.residual, rcond=None)[0], dtype=np.float64)
        self.variance = np.mean(self._deviation(rows) ** 2)

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return residuals and their squares."""
        residual, unit = _residual(rows)
        return Measured(residual, residual**2, np.abs(residual), unit, 2 * unit, unit)

    def scores(self, other: Rows) -> Array:
        """Return -ln p(y | x) of rows."""
        return np.asarray(0.5 * (np.log(2.0 * np.pi * self.variance) + self._deviation(other) ** 2 / self.variance))

    def influence(self, other: Conditional) -> Array | float:
        """Through the slopes and the variance."""
        own, others, design = self._deviation(self.rows), self._deviation(other.rows), self._design(self.rows)
        direction = np.linalg.solve(design.T @ design / len(own), self._design(other.rows).T @ others / len(others))
        by_slopes = -own * (design @ direction) / self.variance
        return np.asarray(by_slopes + 0.5 * own**2 * (self.variance - np.mean(others**2)) / self.variance**2)

    def _design(self, rows: Rows) -> Array:
        return np.column_stack([np.ones(len(rows.x)), rows.x - self.centre])

    def _deviation(self, rows: Rows) -> Array:
        return np.asarray(rows.residual - self._design(rows) @ self.slopes)


class Laplace(Conditional):
    """Absolute error: residuals have a Laplace distribution about 0."""

    law, scaled = "laplace", True

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.width = np.abs(rows.residual).mean()

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return residuals and their absolute values."""
        residual, unit = _residual(rows)
        return Measured(residual, np.abs(residual), np.abs(residual), unit, unit, unit)

    @staticmethod
    def beside_features(losses: Array, weights: Array | None = None) -> Array | float:
        """Return absolute residuals in units of their mean."""
        return np.asarray(losses / np.average(losses, weights=weights))

    def scores(self, other: Rows) -> Array:
        """Return -ln p(y | x) of rows."""
        return np.asarray(np.log(2.0 * self.width) + np.abs(other.residual) / self.width)

    def influence(self, other: Conditional) -> Array | float:
        """Through the width."""
        width = np.abs(other.rows.residual).mean()
        return np.asarray(np.abs(self.rows.residual) * (self.width - width) / self.width**2)


class Bernoulli(Conditional):
    """Cross entropy: labels have the probabilities that the model predicts, and nothing is fitted."""

    law, continuous = "bernoulli", False

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return cross entropies of labels, and entropies of the predicted Bernoulli distributions."""
        losses, entropies = _of_labels(rows)
        unit = int(exponents(losses))
        return Measured(
            rows.target - rows.prediction, np.ldexp(losses, -unit) if unit else losses, entropies, 0, unit, 0
        )

    @staticmethod
    def impossible(rows: Predicted) -> str:
        """Return that a label of probability 0 occurs; "" if none does."""
        if rows.logits is not None or not (rows.prediction == 1.0 - rows.target).any():
            return ""
        return _IMPOSSIBLE

    @staticmethod
    def beside_features(losses: Array, weights: Array | None = None) -> Array | float:
        """Return cross entropies of labels."""
        del weights
        return losses

    @staticmethod
    def observed(scores: Array, losses: Array, inner: Array) -> Array:
        """Replace the expected cross entropies of labels by those of the labels that occurred."""
        return scores - inner + losses

    def scores(self, other: Rows) -> Array:
        """Return -ln p(y | x) in expectation over the labels that the model predicts."""
        return other.inner


class Classes(Bernoulli):
    """Softmax cross entropy: labels have the probabilities that the model predicts for each class."""

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return cross entropies of labels, and entropies of the predicted distributions."""
        losses, entropies = _of_classes(rows)
        unit = int(exponents(losses))
        return Measured(np.zeros(len(losses)), np.ldexp(losses, -unit) if unit else losses, entropies, 0, unit, 0)

    @staticmethod
    def impossible(rows: Predicted) -> str:
        """Return that a label of probability 0 occurs; "" if none does."""
        if rows.logits is not None or (_of_label(rows.prediction, rows.target) > 0.0).all():
            return ""
        return _IMPOSSIBLE


class Alone(Conditional):
    """No target: the energy and the entropy of a target given the features are 0."""

    law, continuous = "bernoulli", False

    @staticmethod
    def measured(rows: Predicted) -> Measured:
        """Return zeros."""
        nothing = np.zeros(len(rows.x))
        return Measured(nothing, nothing, nothing, 0, 0, 0)

    def scores(self, other: Rows) -> Array:
        """Return zeros."""
        return other.inner


CONDITIONALS: dict[str, type[Conditional]] = {
    "mse": Normal,
    "mae": Laplace,
    "ce": Bernoulli,
    "softmax": Classes,
    NO_LOSS: Alone,
}


def exponents(columns: Array) -> npt.NDArray[np.int64]:
    """Exponents of 2 of the largest magnitudes of columns, 0 where sums of squares need no scaling."""
    largest = np.maximum(columns.max(axis=0), -columns.min(axis=0))
    result = np.frexp(largest)[1].astype(np.int64)
    return np.where(np.abs(result) > ORDINARY, result, 0)


def _residual(rows: Predicted) -> tuple[Array, int]:
    """Targets less predictions, and the exponent of 2 of their unit."""
    with np.errstate(over="ignore"):
        residual, coarse = rows.target - rows.prediction, 0
    if not np.isfinite(residual).all():
        residual, coarse = 0.5 * rows.target - 0.5 * rows.prediction, 1
    fine = int(exponents(residual))
    return (np.ldexp(residual, -fine) if fine else residual), coarse + fine


@np.errstate(under="ignore")
def _of_labels(rows: Predicted) -> tuple[Array, Array]:
    """Cross entropies of labels, and entropies of the predicted Bernoulli distributions."""
    if rows.logits is not None:
        size = np.abs(rows.logits)
        odds = np.exp(-size)
        losses = np.logaddexp(0.0, np.where(rows.target == 1, -rows.logits, rows.logits))
        return losses, np.log1p(odds) + size * odds / (1.0 + odds)
    with np.errstate(divide="ignore"):  # a label of probability 0: `impossible` refuses it
        losses = -np.where(rows.target == 1, np.log(rows.prediction), np.log1p(-rows.prediction))
    losses = np.minimum(losses, _MOST_LOSS)
    p = np.clip(rows.prediction, _LEAST_PROBABILITY, _MOST_PROBABILITY)
    return losses, -p * np.log(p) - (1.0 - p) * np.log1p(-p)


@np.errstate(under="ignore")
def _of_classes(rows: Predicted) -> tuple[Array, Array]:
    """Cross entropies of labels of several classes, and entropies of the predicted distributions."""
    if rows.logits is not None:
        shifted = rows.logits - rows.logits.max(axis=1, keepdims=True)
        odds = np.exp(shifted)
        total = odds.sum(axis=1)
        losses = np.log(total) - _of_label(shifted, rows.target)
        return losses, np.log(total) - (odds * shifted).sum(axis=1) / total
    with np.errstate(divide="ignore"):  # a label of probability 0: `impossible` refuses it
        losses = np.minimum(-np.log(_of_label(rows.prediction, rows.target)), _MOST_LOSS)
    p = np.maximum(rows.prediction, _LEAST_PROBABILITY)
    return losses, -(p * np.log(p)).sum(axis=1)


def _of_label(values: Array, target: Array) -> Array:
    """Return of values (m, C) those of the labels."""
    return np.asarray(np.take_along_axis(values, target.astype(np.int64)[:, None], axis=1)[:, 0])
