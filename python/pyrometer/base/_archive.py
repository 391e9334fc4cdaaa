"""Atomic file replacement, and archives of arrays with a format name and a version."""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import zipfile

__all__ = ["Archive", "Members", "atomic_write", "require_fields"]

_Read = TypeVar("_Read")

# Limits of decompression: the ratio to the compressed size, and a size in bytes that is accepted at any ratio.
_EXPANSION, _SMALL = 100, 1 << 24


@contextlib.contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` on success and is removed on failure.

    Symbolic links are followed. Files that are not regular (pipes, /dev/null) and names of open descriptors
    (/dev/stdout) are written to directly.
    """
    destination, path = path, os.path.realpath(path)
    folder, name = os.path.split(path)
    # In the same folder, because a rename is atomic only within one file system.
    start = os.fsdecode(os.fsencode(name)[:200])  # names are limited in bytes
    temporary = os.path.join(folder, f".{start}.{os.urandom(8).hex()}")
    mode = None
    try:
        with contextlib.suppress(FileNotFoundError):
            mode = os.stat(destination).st_mode
        if mode is not None and (not stat.S_ISREG(mode) or _is_descriptor(destination)):
            # open() raises for a folder, with its name. The target of /dev/stdout may be unnamed, or hold other output.
            with open(destination, "ab") if stat.S_ISREG(mode) else _Device(io.FileIO(destination, "wb")) as special:
                yield special
            return
        if mode is not None and not os.access(path, os.W_OK):
            # A rename would replace a file that is protected.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), destination)
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # The error of a full disk names no file. Errors without an errno have only a message and are left alone.
        if error.errno is not None and error.filename in (temporary, None):
            error.filename = destination
            del error.filename2  # None would be shown, as "-> None"
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


class _Device(io.BufferedWriter):
    """A file without positions, such as /dev/null, which says that it has them and that each is 0."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")


def _is_descriptor(path: str) -> bool:
    """Whether a path resolves through the name of an open descriptor, such as /dev/stdout or /dev/fd/3."""
    for _ in range(40):  # the kernel's limit of links
        folder = os.path.realpath(os.path.dirname(path))
        if re.fullmatch(r"/dev/fd|/proc/[^/]+(/task/[^/]+)?/fd", folder):
            return True
        path = os.path.join(folder, os.path.basename(path))
        if not os.path.islink(path):
            return False
        path = os.path.join(folder, os.readlink(path))
    return False


class Members(dict[str, npt.NDArray[Any]]):
    """The arrays of an archive by name, and the version of the format in which they were written."""

    version: int


class Archive(NamedTuple):
    """A file format: a NumPy ``.npz`` archive, without pickles, of arrays and a JSON header."""

    form: str
    version: int
    writer: str
    error: type[ValueError] = ValueError

    def write(self, path: str, header: dict[str, Any], arrays: Mapping[str, Any]) -> None:
        """Write header and arrays; an existing file is replaced atomically."""
        import json

        described = {"format": self.form, "version": self.version, **header}
        with atomic_write(path) as file:
            np.savez(file, header=np.array(json.dumps(described)), **arrays)

    def read(self, path: str, build: Callable[[dict[str, Any], Members], _Read]) -> _Read:
        """Return `build(header, arrays)`; raise `error` if the file is newer, of another format, or damaged."""
        import zipfile

        with open(path, "rb") as file:
            if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):  # /dev/zero has no end
                raise self.error(f"{path} must be a file written by {self.writer}, got a device.")
            content = io.BytesIO(file.read())
        try:
            with zipfile.ZipFile(content) as archive:
                header = _header(archive)
                form, version = header.pop("format", None), header.pop("version", None)
                if form != self.form or not _is_integer(version) or version < 1:
                    raise ValueError(f"format {form!r}, version {version!r}")
                if version <= self.version:
                    return build(header, _members(archive, version))
        except Exception as error:  # a damaged archive may raise any exception
            reason = str(error).rstrip(".") or type(error).__name__
            raise self.error(
                f"{path} must be a file written by {self.writer}, got a damaged file or another format: {reason}."
            ) from error
        raise self.error(f"{path} must be of version {self.version} or older, got {version}; upgrade pyrometer.")


def require_fields(
    what: str, names: Collection[str], required: Collection[str], optional: Collection[str] = ()
) -> None:
    """Raise ValueError, by name, for a field that is missing or unknown."""
    for name in required:
        if name not in names:
            raise ValueError(f"{what} must have a field {name!r}, got none")
    for name in names:
        if name not in required and name not in optional:
            raise ValueError(f"{what} must have no field {name!r}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _header(archive: zipfile.ZipFile) -> dict[str, Any]:
    import json

    if "header.npy" not in archive.namelist():
        raise ValueError("the file must have a field 'header', got none")
    text = _member(archive, archive.getinfo("header.npy"), "header")
    if text.dtype.kind != "U" or text.shape != ():
        raise ValueError(f"header must be a string, got dtype {text.dtype} of shape {text.shape}")
    header = json.loads(str(text))
    if not isinstance(header, dict):
        raise ValueError(f"header must be an object, got {type(header).__name__}")
    return header


def _members(archive: zipfile.ZipFile, version: int) -> Members:
    """Read the arrays of an archive."""
    members = Members()
    members.version = version
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name == info.filename or name in members:
            raise ValueError(f"the file must hold uniquely named .npy arrays, got {info.filename!r}")
        if name != "header":
            members[name] = _member(archive, info, name)
    return members


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> npt.NDArray[Any]:
    """Read an array after checking its size in its header and in the archive's table, before decompressing it."""
    if info.file_size > max(_EXPANSION * info.compress_size, _SMALL):
        raise ValueError(
            f"{name} must be stored without compression, got {info.file_size} bytes in {info.compress_size}"
        )
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"{name} must be in NumPy's format 1.0 or 2.0, got {version}")
        shape, fortran, dtype = readers[version](stream)
        if dtype.hasobject or dtype.kind not in "biufU":
            raise ValueError(f"{name} must be an array of numbers or text, got dtype {dtype}")
        size = stream.tell() + math.prod(shape) * dtype.itemsize
        if size != info.file_size:
            raise ValueError(f"{name} must have {size} bytes for shape {shape} of {dtype}, got {info.file_size}")
        content = stream.read()
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
