"""The way to standard output and standard error, which may be closed or full, or a terminal that obeys its input."""

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

# Characters of a message.
_MOST = 2000


class _Closed(io.TextIOBase):
    """Standard output that was closed before the program started: nothing can be written, and that is an error."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, "it is closed", "standard output")


def prepare() -> None:
    """Let standard streams be such that writing to them works or fails as it should."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # noqa: PERF203
            # Else the next file that is opened would be it, and get whatever is written there.
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    for name in ("COLUMNS", "LINES"):
        # Some of those who read them take everything for a number that consists of digits, as ² does.
        if not re.fullmatch("[0-9]{1,6}", os.environ.get(name, "0")):
            del os.environ[name]
    with contextlib.suppress(AttributeError, ValueError):
        # A terminal that knows no Greek gets question marks, not a traceback.
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]


def show(text: str) -> None:
    """Write text that is fit for a terminal to standard output."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = error.filename or "standard output"
        raise


def tell(text: str) -> None:
    """Write one line, without what a terminal would obey, to standard error, if anybody can read it."""
    from pyrometer.base import printable

    line = printable(" ".join(text.split()))
    if len(line) > _MOST:
        line = f"{line[: _MOST // 2]} ... {line[-_MOST // 2 :]}"
    try:
        click.echo(line, err=True)
    except (OSError, ValueError):
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Let what is still in the buffer of a stream vanish: it must not complain at exit, either."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def settle() -> None:
    """Write what is still in the buffer of standard output, or let it vanish."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        drop(sys.stdout)
