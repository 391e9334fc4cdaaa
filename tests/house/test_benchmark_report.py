"""The table of benchmarks: who is compared with whom, and how."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report():
    spec = importlib.util.spec_from_file_location("benchmark_report", ROOT / "benchmarks" / "report.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(problem, solver, threads, median, **notes):
    stats = {"median": median, "min": median, "rounds": 5}
    return {"group": problem, "extra_info": {"solver": solver, "threads": threads, **notes}, "stats": stats}


RUN = [
    measured("b", "NumPy", 1, 6.0, part=0.5),
    measured("b", "NumPy", 2, 4.0),
    measured("b", "pyrometer", 1, 2.0, **{"of reading": 0.75}),
    measured("b", "pyrometer", 2, 1.0, **{"of reading": 0.5}),
    measured("a", "pyrometer", 1, 2.5e-6, error="1e-09"),
]


def test_ratios_are_to_ours_on_as_many_threads_and_to_the_whole_problem(report):
    found = report.rows(RUN)
    assert [(row.problem, row.solver, row.threads) for row in found] == [
        ("b", "pyrometer", 1), ("b", "pyrometer", 2), ("b", "NumPy", 1), ("b", "NumPy", 2), ("a", "pyrometer", 1),
    ]  # fmt: skip
    assert [row.ratio for row in found] == [None, None, 6.0, 4.0, None]
    assert report.times(found).splitlines()[2:] == [
        "| b | pyrometer | 2 s |  | 1 s |  | reading 0.75, 0.50 |  |",
        "|  | NumPy | 12 s | 6 | 4 s | 4 |  |  |",
        "| a | pyrometer | 2.5 µs |  |  |  |  | error 1e-09 |",
    ]


def test_the_readme_shows_our_times_and_the_best_rival_on_one_thread(report, monkeypatch):
    monkeypatch.setattr(report, "ESSENTIAL", {"words": "b", "one": "a"})
    found = report.rows([*RUN, measured("b", "SciPy", 1, 3.0), measured("a", "SciPy", 1, 1e-3)])
    assert report.essential(found).splitlines()[2:] == [
        "| words | 2 s | 1 s | SciPy 3 s | 1.5 |",
        "| one | 2.5 µs |  | SciPy 1 ms | 400 |",
    ]
    monkeypatch.setattr(report, "ESSENTIAL", {"words": "c"})
    with pytest.raises(KeyError):
        report.essential(found)


def test_the_readme_has_a_place_for_it(report):
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme.index(report.BEGIN) < readme.index(report.END)
