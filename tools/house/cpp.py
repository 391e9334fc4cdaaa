"""Includes of the C++ core: the order of its folders, its bindings, and what depends on the instruction-set level."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

from house import rules
from house.report import Problem, cycles

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
_ALIGNED_VECTOR = re.compile(r"\bvector_size\b[^;]*\baligned\b|\baligned\b[^;]*\bvector_size\b")
_COLUMNS = 120
_OPENMP = re.compile(r"^\s*#\s*pragma\s+omp\b|\b_Pragma\s*\(\s*\"omp\b")


@dataclass(frozen=True)
class _Include:
    line: int
    quoted: bool
    target: str


def check(root: Path) -> Iterator[Problem]:
    """Check every C and C++ file below cpp."""
    paths = [path for path in sorted((root / "cpp").rglob("*")) if path.suffix in {".c", ".h", ".hpp", ".cpp", ".inl"}]
    texts = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in paths}
    includes = {name: _includes(text) for name, text in texts.items()}
    graph: dict[str, dict[str, int]] = {}
    for name, text in texts.items():
        yield from _pragmas(name, text)
        graph[name] = {}
        for include in includes[name]:
            if include.quoted:
                target = _resolve(name, include.target)
                yield from _quoted(name, include, target, texts)
                graph[name][target] = include.line
            else:
                yield from _foreign(name, include)
    for cycle in cycles({name: set(targets) for name, targets in graph.items()}):
        yield Problem(
            cycle[0], graph[cycle[0]][cycle[1]], "include-cycle", f"includes must form no cycle, got {_arrow(cycle)}"
        )
    yield from _door(graph, includes)
    yield from _levels(graph)


def _includes(text: str) -> list[_Include]:
    matches = ((number, _INCLUDE.match(line)) for number, line in enumerate(text.splitlines(), 1))
    return [_Include(number, match.group(1) == '"', match.group(2)) for number, match in matches if match]


def _resolve(name: str, target: str) -> str:
    """Return the path of a quoted include: relative to the file in bindings, to cpp everywhere else."""
    return f"cpp/{target}" if target.startswith("pyrometer/") else normpath(f"{name.rpartition('/')[0]}/{target}")


def _arrow(path: list[str]) -> str:
    return " -> ".join(path)


def _storey(name: str) -> str | None:
    """Return the folder of cpp/pyrometer that a file is in, None for files outside of these."""
    parts = name.split("/")
    return parts[2] if parts[:2] == ["cpp", "pyrometer"] and len(parts) > 3 else None


def _pragmas(name: str, text: str) -> Iterator[Problem]:
    lines = text.splitlines()
    if name.endswith((".hpp", ".h")) and "#pragma once" not in lines:
        yield Problem(
            name, 1, "pragma-once", "a header must have the line #pragma once, got none; add it below the comment"
        )
    if name != rules.OPENMP_HOME:
        for number, line in enumerate(lines, 1):
            if _OPENMP.match(line):
                message = f"only {rules.OPENMP_HOME} may have OpenMP pragmas; use base::for_each_chunk"
                yield Problem(name, number, "openmp", message)
    for number, line in enumerate(lines, 1):
        if _ALIGNED_VECTOR.search(line):
            message = (
                "a vector type must not have its own alignment: references and templates lose it; use base::Unaligned"
            )
            yield Problem(name, number, "aligned-vector", message)
        if len(line) > _COLUMNS and line.lstrip().startswith("//"):
            message = f"a comment must end at column {_COLUMNS}, got {len(line)}; clang-format leaves comments alone"
            yield Problem(name, number, "long-comment", message)
    storey = _storey(name)
    if name.startswith("cpp/pyrometer/") and storey not in rules.STOREYS:
        yield Problem(
            name, 1, "storey", f"a folder of the core must be in STOREYS of tools/house/rules.py, got {storey}; add it"
        )


def _quoted(name: str, include: _Include, target: str, texts: dict[str, str]) -> Iterator[Problem]:
    if not include.target.startswith("pyrometer/") and not name.startswith("cpp/bindings/"):
        yield Problem(
            name, include.line, "include-path", f'includes must begin with "pyrometer/", got "{include.target}"'
        )
    elif target not in texts:
        yield Problem(name, include.line, "include-path", f'"{include.target}" must exist, got no file {target}')
    here, there = _storey(name), _storey(target)
    if here is not None and target.startswith("cpp/bindings/"):
        yield Problem(
            name, include.line, "storeys", "the core must not include its bindings; move what is shared into base"
        )
    if here in rules.STOREYS and there is not None and there != here and there not in rules.STOREYS[here]:
        may = ", ".join(sorted(rules.STOREYS[here])) or "no other folder"
        yield Problem(name, include.line, "storeys", f'{here} may include {may}; got "{include.target}"')


def _foreign(name: str, include: _Include) -> Iterator[Problem]:
    for prefix, homes in rules.FOREIGN_HEADERS.items():
        if include.target.startswith(prefix) or include.target == prefix:
            if not any(name.startswith(home) or name.endswith(home) for home in homes):
                where = " or ".join(homes)
                message = f"<{include.target}> may be included in {where} only"
                yield Problem(name, include.line, "foreign-include", message)
            return
    if "/" in include.target or (include.target.endswith((".h", ".hpp")) and include.target not in _C_HEADERS):
        message = f"<{include.target}> is a header of another library; add it to FOREIGN_HEADERS in house/rules.py"
        yield Problem(name, include.line, "foreign-include", message)


_C_HEADERS = {"stdint.h", "stddef.h", "math.h", "string.h", "stdlib.h", "stdio.h"}


def _door(graph: dict[str, dict[str, int]], includes: dict[str, list[_Include]]) -> Iterator[Problem]:
    """Check that no chain of includes leads from bindings, which are compiled once for all levels, to Eigen."""
    for start in graph:
        for trail in _trails(graph, start) if start.startswith("cpp/bindings/") else ():
            if any(include.target.startswith("Eigen/") for include in includes.get(trail[-1], [])):
                message = f"bindings must not include Eigen (levels would mix), got {_arrow(trail)} -> Eigen"
                yield Problem(start, _line(graph, trail), "eigen-in-bindings", message)


def _levels(graph: dict[str, dict[str, int]]) -> Iterator[Problem]:
    """Check that plain files, which are compiled once for several levels, include nothing that depends on the level."""
    for start in graph:
        if not start.endswith(".cpp") or start.endswith(rules.LEVEL_SUFFIXES):
            continue
        for trail in _trails(graph, start):
            if trail[-1] == rules.LEVEL_HOME:
                message = f"a file that depends on the level must end in {' or '.join(rules.LEVEL_SUFFIXES)}"
                yield Problem(start, _line(graph, trail), "level", f"{message}, got {_arrow(trail)}")


def _line(graph: dict[str, dict[str, int]], trail: list[str]) -> int:
    return graph[trail[0]][trail[1]] if len(trail) > 1 else 1


def _trails(graph: dict[str, dict[str, int]], start: str) -> Iterator[list[str]]:
    """Yield a chain of includes to each file that `start` reaches."""
    seen = {start}
    trails = [[start]]
    while trails:
        trail = trails.pop()
        yield trail
        for target in graph.get(trail[-1], {}):
            if target not in seen:
                seen.add(target)
                trails.append([*trail, target])
