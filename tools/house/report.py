"""Problems as the checks report them, and the search for cycles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True)
class Problem:
    """A place where a rule does not hold: an error, which fails the build, or a warning."""

    path: str
    line: int
    rule: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'question' if self.warning else 'error'} [{self.rule}] {self.message}"


def cycles(graph: Mapping[Node, set[Node]]) -> list[list[Node]]:
    """One cycle for each back edge of a depth-first walk: none if and only if the graph has none."""
    cycles_found: list[list[Node]] = []
    done: set[Node] = set()

    def walk(node: Node, path: list[Node]) -> None:
        path.append(node)
        for target in sorted(graph.get(node, set()), key=str):
            if target in path:
                cycles_found.append([*path[path.index(target) :], target])
            elif target not in done:
                walk(target, path)
        path.pop()
        done.add(node)

    for node in sorted(graph, key=str):
        if node not in done:
            walk(node, [])
    return cycles_found
