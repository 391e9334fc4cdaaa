"""One table of a run: `python benchmarks/report.py run.json [more.json ...]`, of files that pytest-benchmark wrote.

Writes `results/benchmarks.json` and `results/benchmarks.md`, and the rows that the README shows, if the run has them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- benchmarks: written by benchmarks/report.py -->", "<!-- end of benchmarks -->"
LEGEND = """Times are medians; a ratio is the solver's time over ours with as many threads. Shares are of what the
machine does on as many threads, in double precision. How the numbers are made: [benchmarks](../README.md)."""
WIDE = 4  # more notes than this make a table of their own

# What the README shows: its words, and the problem.
ESSENTIAL = {
    "Second moments, 2e5 × 100": "second moments, 200,000 x 100, float64",
    "Temperatures, 10,000 systems of 200 × 8": "temperatures of 10,000 systems of 200 x 8, squared error",
    "Least squares, 2,000 systems of 200 × 8": "least squares from rows, 2,000 x 200 x 8",
    "Least absolute deviations, 1e5 × 20": "least absolute deviations, 100,000 x 20",
    "Logistic, 1e6 × 20": "lowest cross entropy, 1,000,000 x 20",
    "Lasso path, 500 correlated features": "lasso, p = 500, correlated, points = 20",
    "⟨E⟩, absolute error, uniform laws, 2e4 × 20": "mean energy, uniform laws, 20,000 x 20, absolute",
    "Monte Carlo, cross entropy, 4,000 draws": "4,000 sampled energies, 10,000 x 50, float64, cross-entropy",
    "Monte Carlo, tanh network, 40 draws": "40 sampled networks, 64-256-256-256-10, tanh, float64",
}


@dataclass
class Row:
    """A solver's measurement of a problem on some threads; seconds, and shares of the best that the machine does."""

    problem: str
    solver: str
    threads: int
    median: float
    least: float
    rounds: int
    shares: dict[str, float]
    notes: dict[str, Any]
    ratio: float | None = None


def rows(benchmarks: list[dict[str, Any]]) -> list[Row]:
    """Read the measurements of a run, in the order of problems, ours first."""
    found = []
    for benchmark in benchmarks:
        notes, stats = dict(benchmark["extra_info"]), benchmark["stats"]
        solver, threads, part = notes.pop("solver"), notes.pop("threads"), notes.pop("part", 1.0)
        shares = {name[3:]: notes.pop(name) for name in list(notes) if name.startswith("of ")}
        times = stats["median"] / part, stats["min"] / part
        found.append(Row(benchmark["group"], solver, threads, *times, stats["rounds"], shares, notes))
    first: dict[str, int] = {}
    for row in found:
        first.setdefault(row.problem, len(first))
    found.sort(key=lambda row: (first[row.problem], not ours(row), row.solver, row.threads))
    for row in found:
        own = [other for other in found if (other.problem, other.threads) == (row.problem, row.threads) and ours(other)]
        row.ratio = row.median / own[0].median if own and not ours(row) else None
    return found


def ours(row: Row) -> bool:
    return row.solver.startswith("pyrometer")


def seconds(value: float) -> str:
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)) if value >= s), ("ns", 1e-9))
    scaled = value / size
    return f"{scaled:,.0f} {unit}" if scaled >= 99.5 else f"{scaled:.3g} {unit}"


def ratio(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 99.5 else f"{value:.2g}"


def table(heads: list[str], lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, ["---"] * len(heads), *lines])


def by_problem(found: list[Row]) -> dict[str, dict[str, dict[int, Row]]]:
    """Rows by problem, solver and threads."""
    grouped: dict[str, dict[str, dict[int, Row]]] = {}
    for row in found:
        grouped.setdefault(row.problem, {}).setdefault(row.solver, {})[row.threads] = row
    return grouped


def times(found: list[Row]) -> str:
    """The table of all problems."""
    lines = []
    for problem, solvers in by_problem(found).items():
        for solver, threads in solvers.items():
            cells = [cell for count in (1, 2) for cell in timed(threads.get(count))]
            shares = "; ".join(
                f"{name} " + ", ".join(f"{row.shares[name]:.2f}" for row in threads.values())
                for name in next(iter(threads.values())).shares
            )
            notes = "; ".join(f"{name} {value}" for name, value in next(iter(threads.values())).notes.items())
            lines.append([problem, solver, *cells, shares, notes])
            problem = ""
    heads = ["Problem", "Solver", "One thread", "Ratio", "Two threads", "Ratio", "Of the machine's", "Notes"]
    return table(heads, lines)


def timed(row: Row | None) -> list[str]:
    return ["", ""] if row is None else [seconds(row.median), ratio(row.ratio)]


def noted(found: list[Row]) -> str:
    """Tables of problems that are judged by other numbers than their time."""
    parts = []
    for problem, solvers in by_problem(found).items():
        own = [next(iter(threads.values())) for threads in solvers.values()]
        heads = ["", *own[0].notes, "Time"]
        lines = [[row.solver, *map(cell, row.notes.values()), seconds(row.median)] for row in own]
        parts.append(f"### {problem[0].upper()}{problem[1:]}\n\n{table(heads, lines)}\n")
    return "\n".join(parts)


def cell(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def described(run: dict[str, Any]) -> str:
    """The machine, in one paragraph."""
    machine = run["machine_info"]
    one, two = (machine["rates"][threads] for threads in ("1", "2"))
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cpu']['brand_raw']}, {machine['cpu']['count']} processors, level {machine['level']}; "
        f"{machine['system']}. One thread and two: matrix product {one['gflops']:g} and {two['gflops']:g} GFLOP/s in "
        f"double precision, reading {one['gbytes']:g} and {two['gbytes']:g} GB/s. "
        f"Load average at the end {machine['load']:g}. {versions}. {run['datetime'][:10]}."
    )


def essential(found: list[Row]) -> str:
    """The README's rows: ours, and the best rival on one thread. KeyError if the run lacks one."""
    grouped = by_problem(found)
    lines = []
    for words, problem in ESSENTIAL.items():
        solvers = grouped[problem]
        own = next(iter(solvers.values()))
        rival = min((r[1] for r in solvers.values() if 1 in r and not ours(r[1])), key=lambda row: row.median)
        mine = [seconds(own[threads].median) if threads in own else "" for threads in (1, 2)]
        lines.append([words, *mine, f"{rival.solver} {seconds(rival.median)}", ratio(rival.ratio)])
    return table(["", "One thread", "Two", "Best rival, one thread", "Ratio"], lines)


def main(paths: list[str]) -> None:
    runs = [json.loads(Path(path).read_text("utf-8")) for path in paths]
    machine, found = described(runs[0]), rows([benchmark for run in runs for benchmark in run["benchmarks"]])
    wide = {row.problem for row in found if len(row.notes) > WIDE}
    text = f"# Benchmarks\n\n{LEGEND}\n\n{machine}\n\n"
    text += times([row for row in found if row.problem not in wide])
    text += (
        f"\n\n## Judged by other numbers\n\n{noted([row for row in found if row.problem in wide])}" if wide else "\n"
    )
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "benchmarks.md").write_text(text, "utf-8")
    data = {"machine": machine, "rows": [asdict(row) for row in found]}
    (HERE / "results" / "benchmarks.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    try:
        shown = f"{BEGIN}\n{essential(found)}\n\n{machine}\n{END}"
    except KeyError as missing:
        print(f"README.md stays as it is: the run has no {missing}")
        return
    readme = README.read_text("utf-8")
    before, after = readme[: readme.index(BEGIN)], readme[readme.index(END) + len(END) :]
    README.write_text(before + shown + after, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
