"""Predictions that are a column of the data frame of the features."""

from __future__ import annotations

from typing import Any

from pyrometer.base import frame_of, nearest

__all__ = ["split"]


def split(X: Any, prediction: Any) -> tuple[Any, Any]:
    """Return X without the column that `prediction` names, and that column; both as they are for anything else."""
    if not isinstance(prediction, str):
        return X, prediction
    frame = frame_of("X", X)
    if frame is None:
        raise TypeError(
            f"X must be a data frame for prediction={prediction!r}, the name of a column; pass an array of predictions."
        )
    if prediction not in frame.columns:
        names = [str(name) for name in frame.columns]
        raise ValueError(f"prediction must be a column of X, got {prediction!r}{nearest(prediction, names)}")
    return frame.drop(prediction).to_native(), frame[prediction].to_native()
