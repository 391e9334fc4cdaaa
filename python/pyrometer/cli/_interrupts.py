"""Ctrl-C while a module is being imported."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

__all__ = ["after_imports"]

# Seconds between two looks at whether an import has ended, and after which it is interrupted all the same.
_PAUSE, _PATIENCE = 0.02, 5.0


@contextlib.contextmanager
def after_imports() -> Iterator[None]:
    """Raise the KeyboardInterrupt of a Ctrl-C that comes during an import when that has ended.

    Libraries that are being imported swallow it, so that the program goes on, or stay half imported and fail with
    another error. A second Ctrl-C interrupts the import.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not (ours and hasattr(signal, "setitimer") and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
        yield
        return
    outside = _imports(sys._getframe())
    until: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal until
        again = number == signal.SIGINT and until is not None
        until = until or time.monotonic() + _PATIENCE
        if again or _imports(frame) <= outside or time.monotonic() > until:
            until = None
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, _PAUSE)

    before = signal.signal(signal.SIGALRM, handle)
    signal.signal(signal.SIGINT, handle)
    try:
        yield
        if until is not None:
            raise KeyboardInterrupt
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGALRM, before)


def _imports(frame: FrameType | None) -> int:
    """Return how many frames of the stack are those of Python's import."""
    count = 0
    while frame is not None:
        count += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return count
