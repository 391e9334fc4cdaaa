"""Whether the rows of files fit into the memory of this machine."""

from __future__ import annotations

import contextlib
import os

from pyrometer.data.readers._bytes import SUFFIXES
from pyrometer.data.readers._formats import FORMATS, format_of
from pyrometer.data.readers._resolve import files_of

__all__ = ["exceeds_memory"]

# Rows of at most this share of the memory are read at once: computing may need as much again.
_SHARE = 0.25
# Numbers take so many bytes for each byte of a file, roughly: CSV has about ten characters for each.
_GROWTH = {True: 4.0, False: 1.0}
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def exceeds_memory(path: str) -> bool:
    """Return whether rows of a file, a folder or a pattern are better read in chunks; False for pipes."""
    size = 0.0
    for name in files_of(path) if path != "-" else ():
        if os.path.isfile(name):
            compressed = name.lower().endswith(SUFFIXES) or format_of(name) is not FORMATS["CSV"]
            size += os.path.getsize(name) * _GROWTH[compressed]
    return size > _SHARE * memory()


def memory() -> float:
    """Return the bytes of memory that this process may use."""
    limits = [float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")]
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            limits.append(float(file.read()))  # "max" is no number
    return min(limits)
