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

# Seconds between two looks at whether an import has ended, after which it is interrupted all the same, and after which
# it is interrupted again if it has swallowed that.
_PAUSE, _PATIENCE, _AGAIN = 0.02, 5.0, 0.5


@contextlib.contextmanager
def after_imports() -> Iterator[None]:
    """Raise the KeyboardInterrupt of a Ctrl-C that comes during an import when that has ended.

    Libraries that are being imported swallow it, so that the program goes on, or stay half imported and fail with
    another error. A second Ctrl-C interrupts the import, and the program after it if the import swallows that, too.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not (ours and hasattr(signal, "setitimer") and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
        yield
        return
    outside = _imports(sys._getframe())
    until: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal until
        again, now = number == signal.SIGINT and until is not None, time.monotonic()
        until = until or now + _PATIENCE
        if _imports(frame) <= outside:
            until = None
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, _PAUSE)
        if again or now > until:
            until = now + _AGAIN
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handle)
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    except Exception:
        if until is None:
            raise
    else:
        if until is None:
            return
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGALRM, before)
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> int:
    """Return how many frames of the stack are those of Python's import."""
    count = 0
    while frame is not None:
        count += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return count
