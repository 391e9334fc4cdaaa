"""Locks of a folder and of a file that the operating system releases when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os

__all__ = ["FileLock", "FolderLock", "is_alive"]

_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
_TRIES = 100


class FolderLock:
    """The exclusive lock of a folder, which is made if it does not exist.

    ``acquired`` is False where another process has it, and None where the file system has no locks.
    """

    def __init__(self, folder: str) -> None:
        for _ in range(_TRIES):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            try:
                self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue
            self.acquired = _locked(self._folder)
            # Another process may have removed the folder since it was opened: then it is not the one that others lock.
            if not self.acquired or _is_at(self._folder, folder):
                return
            self.release()
        raise OSError(errno.EBUSY, "another process removes it each time it is created", folder)

    def release(self) -> None:
        """Give the lock back, if it is held; the folder stays."""
        with contextlib.suppress(OSError):
            os.close(self._folder)


class FileLock:
    """The exclusive lock of a file that is read and later replaced; it need not exist.

    ``acquired`` is False where another process has it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        with contextlib.suppress(FileNotFoundError):
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.acquired = self._file is None or _locked(self._file) is not False

    def unchanged(self) -> bool:
        """Whether the file is still the one that was locked, or is still missing."""
        return not os.path.exists(self._path) if self._file is None else _is_at(self._file, self._path)

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._file is not None:
            os.close(self._file)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _locked(descriptor: int) -> bool | None:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return None
    except OSError as error:
        return False if error.errno in _HELD else None
    return True


def is_alive(process: int) -> bool:
    """Whether another process of this number, which is positive, exists on this machine."""
    try:
        if process <= 0:
            return False
        os.kill(process, 0)
    except (OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # it is another user's
        return True
    return process != os.getpid()
