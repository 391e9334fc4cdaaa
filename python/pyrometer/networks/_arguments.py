"""Arguments of networks: widths and activations of hidden layers, targets and labels."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import MOST_CLASSES, described, encoded, labels_in, number_of, validate
from pyrometer.networks._activations import ACTIVATIONS, Activation

__all__ = ["activation", "hidden", "labels", "targets"]

_Data: TypeAlias = npt.NDArray[Any]


def hidden(value: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers."""
    try:
        widths: tuple[Any, ...] = (operator.index(value),)
    except TypeError:
        if isinstance(value, (str, type)) or not hasattr(value, "__iter__") or getattr(value, "ndim", 1) == 0:
            raise TypeError(
                f"hidden must be a sequence of widths, got {described(value)}; () has no hidden layer."
            ) from None
        widths = tuple(value)
    return tuple(validate.count(f"hidden[{place}]", width, minimum=1) for place, width in enumerate(widths))


def activation(value: Any, layers: int) -> Activation | tuple[Activation, ...]:
    """Return one activation, or those of the hidden layers if they differ."""
    single = isinstance(value, (str, bytes, dict)) or callable(value) or not isinstance(value, Iterable)
    if single or getattr(value, "ndim", 1) == 0:
        return _one("activation", value)
    chosen = tuple(_one(f"activation[{place}]", phi) for place, phi in enumerate(value))
    if len(chosen) != layers:
        raise ValueError(
            f"activation must be one, or one for each of the {number_of(layers, 'hidden layer')}, got {len(chosen)}; "
            "the last layer has none."
        )
    return chosen[0] if chosen and all(phi == chosen[0] for phi in chosen) else chosen or "identity"


def _one(name: str, value: Any) -> Activation:
    if callable(value) and not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    return validate.choice(name, value, tuple(ACTIVATIONS))


def targets(inputs: _Data, y: Any, outputs: int | None) -> tuple[_Data, _Data | None, int]:
    """Return inputs and targets (m, n_L) of one dtype, and n_L."""
    if y is None:
        if outputs is None:
            raise ValueError("outputs must be given if y is not, got neither; pass outputs=1 for one output.")
        return inputs, None, outputs
    targets, _ = validate.matrix("y", y, vector=True)
    _require_rows(len(inputs), len(targets))
    dtype = np.float32 if inputs.dtype == targets.dtype == np.float32 else np.float64
    if outputs is not None and outputs != targets.shape[1]:
        raise ValueError(
            f"outputs must be {targets.shape[1]}, the number of columns of y, got {outputs}; it may be omitted."
        )
    return inputs.astype(dtype, copy=False), targets.astype(dtype, copy=False), targets.shape[1]


def labels(y: Any, rows: int, outputs: int | None) -> tuple[npt.NDArray[np.int64], tuple[Any, ...], int]:
    """Return the numbers of the labels (m,), the labels in order, and the number of outputs."""
    if y is None:
        raise ValueError("y must be given for energy='ce', a label for each row, got None.")
    classes = labels_in(y, option=False)
    codes = encoded(y, classes, np.int64)
    if codes.ndim == 2 and codes.shape[1] == 1:
        codes = codes[:, 0]
    if codes.ndim != 1:
        raise ValueError(f"y must have one label for each row, shape (m,), for energy='ce', got shape {codes.shape}.")
    _require_rows(rows, len(codes))
    if outputs is None:
        outputs = 1 if len(classes) == 2 else len(classes)
    if outputs > MOST_CLASSES:
        raise ValueError(f"outputs must be at most {MOST_CLASSES} for energy='ce', got {outputs}.")
    if len(classes) > max(outputs, 2):
        raise ValueError(
            f"outputs must be at least {len(classes)}, the number of labels in y, for energy='ce', got {outputs}; it "
            "may be omitted."
        )
    return np.ascontiguousarray(codes), classes, outputs


def _require_rows(expected: int, got: int) -> None:
    if got != expected:
        raise ValueError(f"y must have one row for each of the {number_of(expected, 'row')} of X, got {got}.")
