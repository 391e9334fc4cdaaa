"""Files that are either whole or as they were, and archives that know their format and version."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np

__all__ = ["Archive", "atomic_write"]

_Read = TypeVar("_Read")


@contextlib.contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when all went well, and leaves no trace when not.

    A symbolic link is followed. What is no regular file (a pipe, /dev/null), or is open already under the name of a
    descriptor (/dev/stdout), is written to directly.
    """
    given, path = path, os.path.realpath(path)
    folder, name = os.path.split(path)
    # In the same folder, because a rename is atomic only within one file system.
    start = os.fsdecode(os.fsencode(name)[:200])  # names are limited in bytes
    temporary = os.path.join(folder, f".{start}.{os.urandom(8).hex()}")
    mode = None
    try:
        with contextlib.suppress(FileNotFoundError):
            mode = os.stat(given).st_mode
        if mode is not None and (not stat.S_ISREG(mode) or _is_descriptor(given)):
            # A folder refuses here, by its own name; what /dev/stdout links to may have none, or hold other output.
            with open(given, "ab" if stat.S_ISREG(mode) else "wb") as special:
                yield special
            return
        if mode is not None and not os.access(path, os.W_OK):
            # A rename would replace a file that is protected.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), given)
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # A disk that is full names no file; what is no error of the system has nothing but its words.
        if error.errno is not None and error.filename in (temporary, None):
            error.filename, error.filename2 = given, None
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _is_descriptor(path: str) -> bool:
    """Whether a path leads through a name of an open descriptor, such as /dev/stdout and /dev/fd/3."""
    for _ in range(40):  # as many links as a system follows
        folder = os.path.realpath(os.path.dirname(path))
        if re.fullmatch(r"/dev/fd|/proc/[^/]+(/task/[^/]+)?/fd", folder):
            return True
        path = os.path.join(folder, os.path.basename(path))
        if not os.path.islink(path):
            return False
        path = os.path.join(folder, os.readlink(path))
    return False


class Archive(NamedTuple):
    """A kind of file: a NumPy ``.npz`` archive without pickles, of arrays and, in JSON, a header."""

    form: str
    version: int
    writer: str
    error: type[ValueError] = ValueError

    def write(self, path: str, header: dict[str, Any], arrays: Mapping[str, Any]) -> None:
        """Write header and arrays, whole or not at all."""
        described = {"format": self.form, "version": self.version, **header}
        with atomic_write(path) as file:
            np.savez(file, header=np.array(json.dumps(described)), **arrays)

    def read(self, path: str, build: Callable[[dict[str, Any], Mapping[str, Any]], _Read]) -> _Read:
        """Return what `build` makes of header and arrays; `error` if the file is newer, foreign, or damaged."""
        with open(path, "rb") as file:
            content = io.BytesIO(file.read())
        try:
            with np.load(content, allow_pickle=False) as archive:
                header = json.loads(str(archive["header"]))
                form, version = header.pop("format"), header.pop("version")
                newer = form == self.form and version > self.version
                if not newer:
                    if (form, version) != (self.form, self.version):
                        raise ValueError(f"format {form!r}, version {version!r}")
                    return build(header, archive)
        except Exception as error:  # a damaged archive raises whatever its bytes happen to mean
            reason = str(error) or type(error).__name__
            raise self.error(
                f"{path} must be a whole file written by {self.writer}, got one that is damaged or foreign: {reason}."
            ) from error
        raise self.error(f"{path} must be of version {self.version} or older, got {version}; upgrade pyrometer.")
