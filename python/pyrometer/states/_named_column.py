"""Predictions and weights that are a column of the data frame of the features."""

from __future__ import annotations

from typing import Any

from pyrometer.base import frame_of, nearest

__all__ = ["split"]


def split(X: Any, name: str, value: Any) -> tuple[Any, Any]:
    """Return X without the column that `value` names, and that column; both as they are for anything else.

    `name` is that of the argument, for messages.
    """
    if not isinstance(value, str):
        return X, value
    frame = frame_of("X", X)
    if frame is None:
        raise TypeError(f"X must be a data frame for {name}={value!r}, the name of a column; pass an array.")
    if value not in frame.columns:
        names = [str(each) for each in frame.columns]
        raise ValueError(f"{name} must be a column of X, got {value!r}{nearest(value, names)}")
    return frame.drop(value).to_native(), frame[value].to_native()
