"""Whether we are slower than the committed table says: `python benchmarks/check.py run.json [TABLE]`; 1 if so.

What is compared does not depend on the machine: the time of each rival over ours, with as many threads, and the shares
of what the machine does. Both are of the shortest times, which a busy machine disturbs least. A row that only one of
both has is not judged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import HERE, Row, ours, rows

TOLERANCE = 0.2
Key = tuple[str, str, int, str]


def measures(found: list[Row]) -> Iterator[tuple[Key, float]]:
    """What must not fall, by problem, solver, threads and kind."""
    own = {(row.problem, row.threads): row for row in reversed(found) if ours(row)}
    for row in found:
        mine = own.get((row.problem, row.threads))
        if not ours(row) and mine is not None:
            yield (row.problem, row.solver, row.threads, "time over ours"), row.least / mine.least
        if row is mine:
            for name, share in row.shares.items():
                yield (row.problem, row.solver, row.threads, f"share of {name}"), share


def slower(found: list[Row], committed: list[Row]) -> tuple[list[str], int]:
    """Return a line for each measure that fell by more than the tolerance, and how many were compared."""
    before, now = dict(measures(committed)), dict(measures(found))
    both = [key for key in now if key in before]
    lines = [
        f"{problem}: {solver}, {threads} threads, {kind}: {now[key]:.3g}, was {before[key]:.3g}"
        for key in both
        for problem, solver, threads, kind in [key]
        if now[key] < (1 - TOLERANCE) * before[key] - 0.005  # shares are rounded to two digits
    ]
    return lines, len(both)


def main(path: str, table: str | None = None) -> int:
    committed = json.loads(Path(table or HERE / "results" / "benchmarks.json").read_text("utf-8"))["rows"]
    run = json.loads(Path(path).read_text("utf-8"))["benchmarks"]
    lines, compared = slower(rows(run), [Row(**row) for row in committed])
    print("\n".join([*lines, f"{compared} measures compared, {len(lines)} fell by more than {TOLERANCE:.0%}"]))
    if not compared:
        print("No measure of this run is in the table; run `nox -s bench` to write it.", file=sys.stderr)
    return 1 if lines or not compared else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
