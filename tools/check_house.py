"""Check the rules of the source tree: `python tools/check_house.py [ROOT]`.

Each problem is one line, `path:line: error [rule] what must hold, what was found, what to do`; exit code 1 if there
are errors. Layers, limits, forbidden words and permitted links are data in `house/rules.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from house import cpp, docs, files, python
from house.report import Problem


def problems(root: Path) -> list[Problem]:
    """Return the problems of the tree at `root`, sorted by file and line."""
    reported = [problem for part in (cpp, python, docs, files) for problem in part.check(root)]
    return sorted(reported, key=lambda problem: (problem.path, problem.line))


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else __file__).resolve()
    root = root if arguments else root.parent.parent
    reported = problems(root)
    for problem in reported:
        print(problem)
    errors = sum(not problem.warning for problem in reported)
    print(f"house: {errors} broken, {len(reported) - errors} to question")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
