"""Files that are either whole or as they were."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["atomic_write"]


@contextlib.contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when all went well, and leaves no trace when not.

    A symbolic link is followed. What is no regular file (a pipe, /dev/null) is written to directly.
    """
    path = os.path.realpath(path)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            # A folder refuses here, by its own name.
            with open(path, "wb") as special:
                yield special
            return
        mode = stat.S_IMODE(status.st_mode)
    folder, name = os.path.split(path)
    # In the same folder, because a rename is atomic only within one file system.
    temporary = os.path.join(folder, f".{name[:200]}.{os.urandom(8).hex()}")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename == temporary:
            error.filename, error.filename2 = path, None
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
