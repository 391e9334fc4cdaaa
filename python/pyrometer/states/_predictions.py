"""Predictions of a fixed model for rows, validated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, listed, plain, validate
from pyrometer.linear import LinearRegression, LogisticRegression
from pyrometer.losses import LOSSES, loss_named
from pyrometer.thermodynamics import minimum_energy

__all__ = ["Model", "Predicted", "loss_of", "predicted"]

_Array: TypeAlias = npt.NDArray[np.float64]
_OF_STATES = tuple(loss for loss in LOSSES.values() if loss.states)

Model: TypeAlias = LinearRegression | LogisticRegression | Callable[[Any], Any]


class Predicted(NamedTuple):
    """Rows with predictions: for cross entropy probabilities, and their logits where the model is a system."""

    x: _Array
    target: _Array
    prediction: _Array
    loss: str
    names: tuple[str, ...] | None
    logits: _Array | None


def loss_of(model: Any, energy: str | None) -> str:
    """Check the model and its loss; return the name of the loss."""
    if isinstance(model, (LinearRegression, LogisticRegression)):
        if energy is not None and energy != model.energy:
            raise ValueError(f"energy must be that of the model, {model.energy!r}, got {energy!r}; leave it out.")
        return model.energy
    if not callable(model) or isinstance(model, type):
        if callable(getattr(model, "predict", None)) and not isinstance(model, type):
            hint = "pass its method, such as model=fitted.predict."
        else:
            hint = "such as pm.LinearRegression(X, y)."
        raise TypeError(
            "model must be a LinearRegression, a LogisticRegression or a callable that predicts, "
            f"got {described(model)}; {hint}"
        )
    if energy is None:
        raise ValueError(
            f"energy must be one of {listed([loss.name for loss in _OF_STATES], repr)} for a callable model, got None."
        )
    return loss_named(energy, _OF_STATES).name


def predicted(X: Any, y: Any, model: Any, energy: str | None, features: int | None = None) -> Predicted:
    """Check rows, which must have `features` columns if given, and the model; return rows with predictions."""
    loss = loss_of(model, energy)
    data = validate.data(X, y)
    if data.X.ndim != 2:
        raise ValueError(f"X must have shape (rows, features), got {data.X.shape}; loop over the systems of a stack.")
    validate.finite("X", data.X)
    validate.finite("y", data.y, columns=False)
    x, target = data.X.astype(np.float64), data.y.astype(np.float64)
    if features is not None and x.shape[1] != features:
        raise ValueError(
            f"X must have {features} column{'s' if features != 1 else ''}, as the rows that it is compared with, got "
            f"{x.shape[1]}."
        )
    if LOSSES[loss].labels and ((target != 0) & (target != 1)).any():
        raise ValueError("y must be 0 or 1 for cross entropy.")
    if isinstance(model, (LinearRegression, LogisticRegression)):
        scores = _scores(model, x, data.names)
        if not LOSSES[loss].labels:
            return Predicted(x, target, scores, loss, data.names, None)
        with np.errstate(over="ignore"):  # exp(-score) = inf gives the probability 0
            return Predicted(x, target, 1.0 / (1.0 + np.exp(-scores)), loss, data.names, scores)
    given = model(X)
    validate.aligned("X", X, "predictions", given)
    prediction = np.asarray(validate.numeric("predictions of the model", given), dtype=np.float64)
    if prediction.shape != target.shape:
        raise ValueError(
            f"model must return one prediction for each row, shape {target.shape}, got {prediction.shape}."
        )
    if not np.isfinite(prediction).all():
        raise ValueError("model must return finite predictions, got nan or inf.")
    if LOSSES[loss].labels and not ((prediction >= 0) & (prediction <= 1)).all():
        raise ValueError("model must predict probabilities from 0 to 1 for cross entropy, got one outside.")
    return Predicted(x, target, prediction, loss, data.names, None)


def _scores(model: LinearRegression | LogisticRegression, x: _Array, names: tuple[str, ...] | None) -> _Array:
    """Return the linear predictions of a trained system."""
    if model.shape != () or model.parameters - model.intercept != x.shape[1]:
        raise ValueError(f"model must be one system of {x.shape[1]} features, got {model!r} for X of shape {x.shape}.")
    if model.names is not None and names is not None and model.names != names:
        raise ValueError(
            f"X must have the columns that the model was trained on, {listed(model.names, plain)}, got "
            f"{listed(names, plain)}."
        )
    parameters = minimum_energy(model).parameters
    with np.errstate(over="ignore", invalid="ignore"):
        scores = x @ parameters[: x.shape[1]] + (parameters[-1] if model.intercept else 0.0)
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores)))
        raise ValueError(
            f"model must return finite predictions, got {scores[row]} at row {row}: X times the parameters leaves the "
            "range of a double; rescale X and train again, or drop the row."
        )
    return np.asarray(scores)
