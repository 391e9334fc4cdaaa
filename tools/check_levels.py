#!/usr/bin/env python3
"""Check that object files compiled with different options share no code that depends on these options.

    tools/check_levels.py BUILD-FOLDER

A function or template that is declared inline but not inlined is in every object file that uses it, and the linker
keeps one copy: perhaps one compiled for another instruction-set level, or with contraction of a*b+c. Two groups of
objects (plain, algebra, simd, fma) of one level may therefore share

- no function of Eigen, whose vectors and packed blocks are as wide as the level;
- no function that one group compiles with fused multiply-add and another without.

Remedies: [[gnu::always_inline]], or a definition in a single file. The check is most sensitive in a build with little
optimisation, where the fewest functions are inlined.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

_GROUP = re.compile(r"(bindings|plain|(algebra|simd|fma)_\w+)\.dir")
_FUNCTION = re.compile(r"[0-9a-f]+ <(\S+)>:$")
_FUSED = re.compile(r"\tvfn?m(add|sub)|\tfn?m(add|sub|la|ls)\b")


def _run(*command: str, text: str | None = None) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def groups(folder: Path) -> dict[str, list[Path]]:
    """Return the object files of each target."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*.o")):
        if match := _GROUP.search(path.as_posix()):
            paths[match.group(1)].append(path)
    return paths


def weak(objects: list[Path]) -> set[str]:
    """Return the weak symbols: functions of which other objects may have a copy."""
    lines = _run("nm", "--defined-only", "--no-sort", *map(str, objects)).splitlines()
    return {line.split()[2] for line in lines if " W " in line}


def fused(objects: list[Path], names: set[str]) -> set[str]:
    """Return those of the functions that use fused multiply-add."""
    symbols, current = set(), ""
    for line in _run("objdump", "-d", "--no-show-raw-insn", *map(str, objects)).splitlines():
        if match := _FUNCTION.match(line):
            current = match.group(1)
        elif current in names and _FUSED.search(line):
            symbols.add(current)
    return symbols


def modules(objects: dict[str, list[Path]]) -> list[list[str]]:
    """Return the groups that are linked together; the AVX-512 core has the linear algebra of AVX2 if there is any."""
    levels = sorted(name.partition("_")[2] for name in objects if name.startswith("fma_"))
    algebra = {level: f"algebra_{level if f'algebra_{level}' in objects else 'v3'}" for level in levels}
    return [
        [name for name in ("bindings", "plain", algebra[level], f"simd_{level}", f"fma_{level}") if name in objects]
        for level in levels
    ]


def problems(folder: Path) -> list[str]:
    """Return the functions that are shared and must not be, one line each."""
    objects = groups(folder)
    if not modules(objects):
        raise SystemExit(f"{folder} must have the objects of a level, got {sorted(objects)}; build one first")
    functions = {group: weak(paths) for group, paths in objects.items()}
    broken = []
    for module in modules(objects):
        where = defaultdict(list)
        for group in module:
            for name in functions[group]:
                where[name].append(group)
        shared = {name for name, at in where.items() if len(at) > 1}
        contracted = {group: fused(objects[group], shared) for group in module}
        print(f"{', '.join(module)} share {len(shared)} functions")
        for name in sorted(shared):
            at = where[name]
            uses = [group for group in at if name in contracted[group]]
            if "N5Eigen" in name:
                broken.append(f"{name}: Eigen's, in {' and '.join(at)}")
            elif uses and uses != at:
                broken.append(f"{name}: of {', '.join(at)} fused in {', '.join(uses)} only")
    return _run("c++filt", text="\n".join(broken)).splitlines()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    broken = problems(Path(sys.argv[1]))
    print("\n".join(broken))
    raise SystemExit(1 if broken else 0)
