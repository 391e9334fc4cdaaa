"""``--plot``: a picture of `pyrometer.plot` in a file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyrometer.base import atomic_write

__all__ = ["figure"]

# So that equal data give equal bytes.
_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


@contextmanager
def figure(path: str, rows: int = 1, *, shared: bool = True) -> Iterator[Any]:
    """Yield so many Axes one below the other, one by itself, of a figure that is written atomically at the end."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'pyrometer[plot]'.", name="matplotlib") from error
    # Not through pyplot: no window, and no change of its global state.
    made = Figure(layout="constrained", figsize=(6.4, 4.8 if rows == 1 else 1.0 + 1.9 * rows))
    suffixes = made.canvas.get_supported_filetypes()
    kind = os.path.splitext(path)[1].lower().lstrip(".")
    if kind not in suffixes:
        raise ValueError(f"--plot must end in one of {', '.join('.' + word for word in suffixes)}, got {path!r}.")
    yield made.subplots(rows, 1, sharex=shared)
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "pyrometer"}):
        made.savefig(buffer, format=kind, metadata=_UNDATED.get(kind))
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
