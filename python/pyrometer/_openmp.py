"""The OpenMP runtimes of this process: a second one of LLVM aborts or hangs it.

GCC's `libgomp` may be loaded any number of times, each with its own threads. LLVM's `libomp` and Intel's `libiomp5`,
which is the same, may be loaded once: the second ends the process when it starts ("OMP: Error #15").
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

__all__ = ["loaded", "refuse_second"]

_RUNTIME = re.compile(r"/lib(?:gomp|omp|iomp5)\b[^/]*\.so[^/]*$")


def loaded() -> list[str]:
    """Return the paths of the runtimes that this process has loaded; none on other systems than Linux."""
    if sys.platform != "linux":
        return []
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        paths = {line[line.find("/") :].rstrip("\n") for line in maps if "omp" in line}
    return sorted(path for path in paths if _RUNTIME.search(path))


def refuse_second(paths: Iterable[str]) -> None:
    """Raise ImportError if there are two of LLVM's kind: before a parallel loop ends the process."""
    ours = [path for path in paths if not path.rsplit("/", 1)[-1].startswith("libgomp")]
    if len(ours) > 1:
        raise ImportError(
            f"a process must have one OpenMP runtime of LLVM or Intel, got {', '.join(ours)}; "
            "install a wheel of pyrometer, or build it with GCC, whose runtime can be loaded beside them."
        )
