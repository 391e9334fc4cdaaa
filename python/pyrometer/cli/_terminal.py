"""Writing to standard output and standard error, which may be closed, full, or a terminal with control sequences."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from typing import TextIO

import click

__all__ = ["drop", "prepare", "settle", "show", "tell"]

# Maximal number of characters of a message.
_MOST = 2000


class _Closed(io.TextIOBase):
    """Replaces a standard output that was closed before the program started: every write is an error."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, "it is closed", "standard output")


def prepare() -> None:
    """Prepare the standard streams, so that a write to them either succeeds or raises OSError."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # noqa: PERF203
            # Otherwise the next file to be opened would get this descriptor, and the output of the program.
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    for name in ("COLUMNS", "LINES"):
        # Libraries that read them fail for strings such as "²", whose characters are digits but no number.
        if not re.fullmatch("[0-9]{1,6}", os.environ.get(name, "0")):
            del os.environ[name]
    with contextlib.suppress(AttributeError, ValueError):
        # Characters that the encoding lacks are written as question marks.
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]


def show(text: str) -> None:
    """Write text, which has no control characters but newlines, to standard output."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = error.filename or "standard output"
        raise


def tell(text: str) -> None:
    """Write one line, without control characters, to standard error; failures are ignored."""
    from pyrometer.base import printable

    line = printable(" ".join(text.split()))
    if len(line) > _MOST:
        line = f"{line[: _MOST // 2]} ... {line[-_MOST // 2 :]}"
    try:
        click.echo(line, err=True)
    except (OSError, ValueError):
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Discard the buffer of a stream, so that flushing it at exit raises nothing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def settle() -> None:
    """Flush standard output; discard its buffer if that fails."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        drop(sys.stdout)
