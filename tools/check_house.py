"""Prove the rules of the house by reading its files: `python tools/check_house.py [ROOT]`.

Exit code 1 if a rule is broken; each problem is one line, `path:line: [rule] what must hold, what came, what to do`.
The rules that are data (layers, limits, words, links) are in `house/rules.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from house import cpp, docs, files, python
from house.report import Problem


def problems(root: Path) -> list[Problem]:
    """Every problem of the tree at `root`, in the order of its files."""
    found = [problem for part in (cpp, python, docs, files) for problem in part.check(root)]
    return sorted(found, key=lambda problem: (problem.path, problem.line))


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else __file__).resolve()
    root = root if arguments else root.parent.parent
    found = problems(root)
    for problem in found:
        print(problem)
    errors = sum(not problem.warning for problem in found)
    print(f"house: {errors} broken, {len(found) - errors} to question")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
