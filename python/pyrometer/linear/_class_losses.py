"""The cross entropies of two classes and of more, of rows in memory or of a part of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.linear._closed_form import Array

__all__ = ["BINARY", "ClassLoss", "Softmax"]

_Rows = npt.NDArray[Any]
_Mask = npt.NDArray[np.bool_]
_Sums = tuple[float, float, Array, Array, Array, Array]


class InMemory(NamedTuple):
    """The infimum over rows in memory."""

    value: float
    theta: Array
    attained: bool
    direction: Array
    """Along it the losses of separated rows tend to 0 and no other grows; 0 if there is none."""


class ClassLoss(Protocol):
    """A cross entropy of classes; parameters are those of all classes but one, whose logits are 0."""

    @property
    def classes(self) -> int:
        """Number of classes."""

    @property
    def reference(self) -> int:
        """The class whose logits are 0."""

    def evaluate(
        self,
        X: _Rows,
        y: _Rows,
        w: Array | None,
        intercept: bool,
        shift: Array,
        theta: Array,
        allowed: _Mask | None,
        *,
        curvature: bool,
    ) -> _Sums:
        """Sums over rows, as `_core.evaluate_softmax`; `allowed` (m, C) are the classes in the sums of a row."""

    def in_memory(self, X: _Rows, y: _Rows, intercept: bool, w: Array | None) -> InMemory:
        """Minimise over rows with weights of mean 1."""


@dataclass(frozen=True)
class _Binary:
    """Two classes: the logits are those of class 1."""

    classes: int = 2
    reference: int = 0

    def evaluate(
        self,
        X: _Rows,
        y: _Rows,
        w: Array | None,
        intercept: bool,
        shift: Array,
        theta: Array,
        allowed: _Mask | None,
        *,
        curvature: bool,
    ) -> _Sums:
        if allowed is not None:
            complete = allowed.all(axis=1)
            X, y, w = X[complete], y[complete], None if w is None else w[complete]
        if not len(y):
            n = len(theta)
            return 0.0, np.inf, np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, n))
        return _core.evaluate_logistic(X, y, intercept, shift, theta, curvature, 0, w)

    def in_memory(self, X: _Rows, y: _Rows, intercept: bool, w: Array | None) -> InMemory:
        direction = np.empty((1, X.shape[1] + intercept))
        weights = None if w is None else w[None]
        value, theta, _, attained, _, _ = _core.logistic(X[None], y[None], intercept, 0, None, weights, direction)
        return InMemory(float(value[0]), theta[0], bool(attained[0]), direction[0])


@dataclass(frozen=True)
class Softmax:
    """Any number of classes, of which the last has logits 0."""

    classes: int

    @property
    def reference(self) -> int:
        return self.classes - 1

    def evaluate(
        self,
        X: _Rows,
        y: _Rows,
        w: Array | None,
        intercept: bool,
        shift: Array,
        theta: Array,
        allowed: _Mask | None,
        *,
        curvature: bool,
    ) -> _Sums:
        mask = None if allowed is None else np.ascontiguousarray(allowed, dtype=np.uint8)
        return _core.evaluate_softmax(X, y, self.classes, intercept, shift, theta, curvature, 0, w, mask)

    def in_memory(self, X: _Rows, y: _Rows, intercept: bool, w: Array | None) -> InMemory:
        direction = np.empty((1, self.classes * (X.shape[1] + intercept)))
        weights = None if w is None else w[None]
        value, theta, _, attained, _, _ = _core.softmax(
            X[None], y[None], self.classes, intercept, 0, weights, None, direction
        )
        return InMemory(
            float(value[0]), self._less_the_last(theta[0]), bool(attained[0]), self._less_the_last(direction[0])
        )

    def _less_the_last(self, parameters: Array) -> Array:
        by_class = parameters.reshape(self.classes, -1)
        return np.ascontiguousarray((by_class[:-1] - by_class[-1]).reshape(-1))


BINARY = _Binary()
