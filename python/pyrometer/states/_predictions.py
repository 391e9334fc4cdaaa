"""Rows with the predictions of a fixed model, validated; or rows alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import (
    Array,
    Coded,
    Mixed,
    described,
    encoded,
    labels_of_kind,
    listed,
    mixed_of,
    number_of,
    plain,
    validate,
)
from pyrometer.linear import LinearRegression, LogisticRegression, SoftmaxRegression
from pyrometer.losses import LOGISTIC, LOSSES, SOFTMAX, SQUARED, loss_named
from pyrometer.states._named_column import split
from pyrometer.states._of_columns import OfColumns
from pyrometer.states._row_weights import RowWeights
from pyrometer.thermodynamics import minimum_energy

__all__ = ["NO_LOSS", "SYSTEMS", "Model", "Predicted", "codes_of", "labels_of_model", "loss_of", "predicted"]

SYSTEMS = (LinearRegression, LogisticRegression, SoftmaxRegression)
NO_LOSS = "none"  # of rows without a model and a target
_SUM_OF_ONE = 1e-6  # largest error of the sum of predicted probabilities

Model: TypeAlias = LinearRegression | LogisticRegression | SoftmaxRegression | Callable[[Any], Any] | Any


class Predicted(NamedTuple):
    """Rows with predictions: for cross entropy probabilities, and their logits where the model is a system.

    `x` holds the columns of numbers; missing ones are `missing`, and nan in `x`.
    """

    x: Array
    target: Array
    prediction: Array
    loss: str
    names: tuple[str, ...] | None
    logits: Array | None
    places: tuple[int, ...] = ()
    coded: tuple[Coded, ...] = ()
    missing: npt.NDArray[np.bool_] | None = None
    weights: Array | None = None

    @property
    def columns(self) -> int:
        """Number of columns of X, of every kind."""
        return len(self.places) + len(self.coded)

    def weighted(self, by: RowWeights) -> Predicted:
        """Return the rows that have a weight, with it."""
        weights, keep = by.of_rows(len(self.target))
        if keep is None:
            return self._replace(weights=weights)
        return Predicted(
            self.x[keep],
            self.target[keep],
            self.prediction[keep],
            self.loss,
            self.names,
            None if self.logits is None else self.logits[keep],
            self.places,
            tuple(replace(each, codes=each.codes[keep]) for each in self.coded),
            None if self.missing is None or not self.missing[keep].any() else self.missing[keep],
            weights,
        )


def loss_of(model: Any, energy: Any, prediction: Any = None) -> str:
    """Check the model and its loss; return the name of the loss."""
    model = model.system if isinstance(model, OfColumns) else model
    if model is not None and prediction is not None:
        raise ValueError("model must be None with prediction=, which stands for the model; leave one of them out.")
    if isinstance(model, SYSTEMS):
        if energy is not None and not (isinstance(energy, str) and energy == model.energy):
            raise ValueError(
                f"energy must be that of the model, {model.energy!r}, got {described(energy)}; leave it out."
            )
        return model.energy
    if model is None and prediction is None:
        if energy is not None:
            raise ValueError(
                f"energy must be None without a model, got {described(energy)}; give a model or prediction=."
            )
        return NO_LOSS
    if model is not None and (isinstance(model, type) or not (callable(model) or _is_estimator(model))):
        raise TypeError(
            "model must be a LinearRegression, a LogisticRegression, a SoftmaxRegression, a callable that predicts, a "
            f"fitted estimator with predict, or None, got {described(model)}; such as pm.LinearRegression(X, y)."
        )
    if energy is None and model is not None and _is_estimator(model) and not callable(model):
        return (LOGISTIC if len(model.classes_) == 2 else SOFTMAX).name if _classifies(model) else SQUARED.name
    if energy is None:
        raise ValueError(
            f"energy must be one of {listed(list(LOSSES), repr)} for a callable model or prediction=, got None."
        )
    return loss_named(energy).name


def predicted(
    X: Any,
    y: Any,
    model: Any,
    energy: str | None,
    features: int | None = None,
    prediction: Any = None,
    weights: Any = None,
) -> Predicted:
    """Check rows, which must have `features` columns if given, and the model; return rows with predictions.

    Rows of weight 0 are left out.
    """
    loss = loss_of(model, energy, prediction)
    X, weights = split(X, "weights", weights)
    X, prediction = split(X, "prediction", prediction)
    given = RowWeights.of(weights, X=X, y=y, predictions=prediction)
    axis = -2 if loss == SOFTMAX.name else -1  # of the rows of predictions
    X, y, prediction = given.taken(X, -2), given.taken(y, -1), given.taken(prediction, axis)
    return _predicted(X, y, model, loss, features, prediction).weighted(given)


def _predicted(X: Any, y: Any, model: Any, loss: str, features: int | None, prediction: Any) -> Predicted:
    """Return rows with predictions."""
    frame = mixed_of("X", X, known=features is not None)
    rows = _rows(X, y, frame, model, loss)
    if features is not None and rows.columns != features:
        raise ValueError(
            f"X must have {features} column{'s' if features != 1 else ''}, as the rows that it is compared with, got "
            f"{rows.columns}."
        )
    if loss == NO_LOSS:
        return rows
    if LOSSES[loss].labels and ((rows.target != 0) & (rows.target != 1)).any():
        raise ValueError("y must be 0 or 1 for cross entropy.")
    if isinstance(model, OfColumns):
        return _of_system(rows, model.system, model.numbers(X))
    if isinstance(model, SYSTEMS):
        numbers = rows.x if frame is None else validate.data(X, rows.target).X.astype(np.float64)
        return _of_system(rows, model, numbers)
    if prediction is not None:
        validate.aligned("y", y, "predictions", prediction)
    return rows._replace(prediction=_checked(_predictions(X, model, prediction, loss), X, rows))


def _rows(X: Any, y: Any, frame: Mixed | None, model: Any, loss: str) -> Predicted:
    """Return the rows without predictions."""
    labels: Any = codes_of(model, loss) or False
    if frame is None:
        if loss == NO_LOSS:
            x, names = validate.matrix("X", X)
            target = np.zeros(len(x))
        else:
            data = validate.data(X, y, labels=labels)
            if data.X.ndim != 2:
                raise ValueError(
                    f"X must have shape (rows, features), got {data.X.shape}; loop over the systems of a stack."
                )
            validate.finite("X", data.X)
            validate.finite("y", data.y, columns=False)
            x, target, names = data.X, data.y.astype(np.float64), data.names
        x = x.astype(np.float64)
        rows = Predicted(x, target, target, loss, names, None, tuple(range(x.shape[1])))
    else:
        # Rows and target fit together like those of one column of numbers.
        count = len(frame.numbers)
        if not count:
            raise ValueError("X must have at least one row, got none.")
        if loss == NO_LOSS:
            target = np.zeros(count)
        else:
            validate.aligned("X", X, "y", y)
            stand_in = np.zeros((count, 1))
            data = validate.data(stand_in, y, labels=labels)
            validate.finite("y", data.y, columns=False)
            target = data.y.astype(np.float64)
        missing = np.isnan(frame.numbers)
        rows = Predicted(
            frame.numbers,
            target,
            target,
            loss,
            frame.names,
            None,
            frame.places,
            frame.coded,
            missing if missing.any() else None,
        )
    return rows


def codes_of(model: Any, loss: str) -> Callable[[Any, Any], Any] | None:
    """Return what makes labels of a target numbers, as `validate.data` takes it; None where the target is numbers.

    Where a logistic model has words for labels, the numbers 0 and 1 stand for them, too.
    """
    labels = labels_of_model(model, loss)
    if labels is None:
        return None
    words = isinstance(model, LogisticRegression) and all(isinstance(label, str) for label in labels)
    meant = [pair for kind in "bi" for pair in enumerate(labels_of_kind(labels, kind))] if words else []
    if words and all(isinstance(value, str) or value == k for k, value in meant):
        every = *labels, 0, 1
        return lambda target, dtype: encoded(target, every, dtype) % 2
    return lambda target, dtype: encoded(target, labels, dtype)


def labels_of_model(model: Any, loss: str) -> tuple[Any, ...] | None:
    """Return the labels of the model, in its order; None where the target is numbers."""
    if isinstance(model, (LogisticRegression, SoftmaxRegression)):
        return model.labels
    if loss != NO_LOSS and LOSSES[loss].categorical and _classifies(model) and not callable(model):
        return tuple(model.classes_.tolist())
    return None


def _is_estimator(model: Any) -> bool:
    return callable(getattr(model, "predict", None))


def _classifies(model: Any) -> bool:
    return callable(getattr(model, "predict_proba", None)) and getattr(model, "classes_", None) is not None


def _of_system(rows: Predicted, model: Any, numbers: Array) -> Predicted:
    scores = _scores(model, numbers, rows.names)
    if LOSSES[rows.loss].classes:
        return rows._replace(prediction=scores, logits=scores)
    if not LOSSES[rows.loss].labels:
        return rows._replace(prediction=scores)
    with np.errstate(over="ignore", under="ignore"):  # exp(-score) = inf gives the probability 0
        return rows._replace(prediction=1.0 / (1.0 + np.exp(-scores)), logits=scores)


def _predictions(X: Any, model: Any, prediction: Any, loss: str) -> Any:
    """Return what the model predicts for X: probabilities where the loss is of labels."""
    if prediction is not None:
        return prediction
    if callable(model):
        return model(X)
    try:
        return _estimated(X, model, loss)
    except ValueError as error:
        if type(error).__name__ != "NotFittedError":
            raise
        raise TypeError(
            f"model must be fitted, got {described(model)} that is not; fit it to rows before, or pass a system such "
            "as pm.LinearRegression(X, y)."
        ) from error


def _estimated(X: Any, model: Any, loss: str) -> Any:
    """Return what a fitted estimator predicts."""
    if not LOSSES[loss].categorical:
        return model.predict(X)
    if not _classifies(model):
        raise TypeError(
            f"model must have predict_proba and classes_ for energy={loss!r}, got {described(model)}; fit it, or pass "
            "a function that returns probabilities."
        )
    probabilities = np.asarray(model.predict_proba(X))
    return (
        probabilities[:, 1]
        if LOSSES[loss].labels and probabilities.ndim == 2 and probabilities.shape[1] == 2
        else probabilities
    )


def _checked(given: Any, X: Any, rows: Predicted) -> Array:
    """Return the predictions of a model that is no system as an array; ValueError if they do not fit the rows."""
    validate.aligned("X", X, "predictions", given)
    prediction = np.asarray(validate.numeric("predictions of the model", given), dtype=np.float64)
    count, loss = len(rows.target), LOSSES[rows.loss]
    if loss.classes:
        return _class_probabilities(prediction, rows)
    if prediction.shape != (count,):
        raise ValueError(f"model must return one prediction for each row, shape {(count,)}, got {prediction.shape}.")
    if not np.isfinite(prediction).all():
        raise ValueError("model must return finite predictions, got nan or inf.")
    if loss.labels and not ((prediction >= 0) & (prediction <= 1)).all():
        raise ValueError("model must predict probabilities from 0 to 1 for cross entropy, got one outside.")
    return prediction


def _class_probabilities(prediction: Array, rows: Predicted) -> Array:
    """Return probabilities (m, C) of classes whose targets are 0 .. C - 1."""
    count = len(rows.target)
    if prediction.ndim != 2 or len(prediction) != count or prediction.shape[1] < 2:
        raise ValueError(
            f"model must return a probability for each row and class, shape ({count}, classes), got {prediction.shape}."
        )
    if not np.isfinite(prediction).all() or not ((prediction >= 0) & (prediction <= 1)).all():
        raise ValueError("model must predict probabilities from 0 to 1 for cross entropy, got one outside.")
    off = np.abs(prediction.sum(axis=1) - 1.0)
    if off.max() > _SUM_OF_ONE:
        row = int(np.argmax(off))
        raise ValueError(
            f"model must predict probabilities of sum 1, got {prediction[row].sum():g} at row {row}; "
            "pass predict_proba, or a softmax of the scores."
        )
    classes, target = prediction.shape[1], rows.target
    bad = (target != np.floor(target)) | (target < 0) | (target >= classes)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"y must be the number of a class, 0 to {classes - 1}, got {target[row]:g} at row {row}; the classes are "
            "the columns of the predictions."
        )
    return prediction


def _scores(model: Any, x: Array, names: tuple[str, ...] | None) -> Array:
    """Return the linear predictions of a trained system: (m,), or (m, C)."""
    classes = model.classes if isinstance(model, SoftmaxRegression) else 1
    features = model.parameters // classes - model.intercept
    if model.shape != () or features != x.shape[1]:
        got = f"a stack of shape {model.shape}" if model.shape else f"one of {features}"
        raise ValueError(
            f"model must be one system of {number_of(x.shape[1], 'feature')}, got {got} for X of shape {x.shape}."
        )
    if model.names is not None and names is not None and model.names != names:
        raise ValueError(
            f"X must have the columns that the model was trained on, {listed(model.names, plain)}, got "
            f"{listed(names, plain)}."
        )
    parameters = minimum_energy(model).parameters
    features = x.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        if classes > 1:
            each = parameters.reshape(classes, -1)
            scores = x @ each[:, :features].T + (each[:, features] if model.intercept else 0.0)
        else:
            scores = x @ parameters[:features] + (parameters[-1] if model.intercept else 0.0)
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores)) // classes)
        raise ValueError(
            f"model must return finite predictions, got {np.ravel(scores)[np.argmin(np.isfinite(scores))]} at row "
            f"{row}: X times the parameters leaves the range of a double; rescale X and train again, or drop the row."
        )
    return np.asarray(scores)
