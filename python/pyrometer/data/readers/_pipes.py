"""Bytes of pipes and terminals, which block and can be read only once."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, BinaryIO

__all__ = ["Pipe", "is_pipe", "opened_pipe", "readable_again"]

_MILLISECONDS = 50
_held: ContextVar[dict[str, bytes] | None] = ContextVar("held", default=None)


def is_pipe(path: str) -> bool:
    """Whether a path is standard input, a named pipe or another device, which can be read once."""
    return path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))


@contextlib.contextmanager
def readable_again() -> Iterator[None]:
    """Hold the bytes of all pipes that are read in this context in memory, so that they can be read again in it."""
    if _held.get() is not None:
        yield
        return
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def opened_pipe(path: str) -> tuple[BinaryIO, bool]:
    """Return the bytes of a pipe, and whether they are to be closed; OSError if standard input is closed."""
    held = _held.get()
    if held is not None and path in held:
        return io.BytesIO(held[path]), True
    if path == "-" and sys.stdin is None:
        raise OSError(9, "it is closed", "standard input")
    if held is None:
        return (sys.stdin.buffer, False) if path == "-" else (open(path, "rb"), True)
    if path == "-":
        held[path] = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as file:
            held[path] = file.read()
    return io.BytesIO(held[path]), True


class Pipe(io.RawIOBase):
    """Bytes of a stream whose pending read can be ended by `stop` from another thread.

    With `close` the stream is closed with the pipe.
    """

    def __init__(self, stream: BinaryIO, close: bool) -> None:
        self._stream, self._close = stream, close
        self._ended = self._stopped = False
        self._poll: Any = None
        try:
            descriptor = stream.fileno()
        except (AttributeError, OSError, ValueError):  # bytes in memory
            return
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        pieces: list[bytes] = []
        while size and (piece := self._piece(size)):
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        if not self._ended:
            while self._poll is not None and not self._stopped and not self._poll.poll(_MILLISECONDS):
                pass
            piece: bytes = b"" if self._stopped else getattr(self._stream, "read1", self._stream.read)(size)
            # A terminal can be read again after an end of file.
            self._ended = not piece
            return piece
        return b""

    def stop(self) -> None:
        """End all reads, including a pending one."""
        self._stopped = True

    def close(self) -> None:
        """Close the pipe, and the stream if it was opened for it."""
        if self._close:
            self._stream.close()
        super().close()
