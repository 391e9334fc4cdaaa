"""Bytes of pipes and terminals, which block and can be read only once."""

from __future__ import annotations

import io
import select
import sys
from typing import Any, BinaryIO

__all__ = ["Pipe", "standard_input"]

_MILLISECONDS = 50


def standard_input() -> BinaryIO:
    """Return the bytes of standard input; OSError if it is closed."""
    if sys.stdin is None:
        raise OSError(9, "it is closed", "standard input")
    return sys.stdin.buffer


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
