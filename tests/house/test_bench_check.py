"""`benchmarks/check.py` fails on what is slower than the committed table, and on nothing else."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    spec = importlib.util.spec_from_file_location("bench_check", FOLDER / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(solver: str, least: float, threads: int = 1, **notes: float) -> dict[str, Any]:
    info = {"solver": solver, "threads": threads, **notes}
    return {"group": "sums", "extra_info": info, "stats": {"median": 9.0, "min": least, "rounds": 3}}


def code(check: Any, folder: Path, run: list[dict[str, Any]]) -> int:
    table = [measured("pyrometer", 1.0, **{"of reading": 0.5}), measured("numpy", 3.0), measured("numpy", 3.0, 2)]
    committed = [{**vars(row)} for row in check.rows(table)]
    (folder / "table.json").write_text(json.dumps({"rows": committed}))
    (folder / "run.json").write_text(json.dumps({"benchmarks": run}))
    return int(check.main(str(folder / "run.json"), str(folder / "table.json")))


@pytest.mark.parametrize(
    ("ours", "rival", "share", "fails"),
    [
        (1.0, 3.0, 0.5, False),
        (10.0, 30.0, 0.5, False),  # a slower machine
        (1.0, 9.0, 0.9, False),
        (1.2, 3.0, 0.5, False),
        (1.3, 3.0, 0.5, True),
        (1.0, 3.0, 0.35, True),
        (1.0, 2.0, 0.5, True),
    ],
)
def test_what_is_slower_fails(check: Any, tmp_path: Path, ours: float, rival: float, share: float, fails: bool) -> None:
    run = [measured("pyrometer", ours, **{"of reading": share}), measured("numpy", rival)]
    assert code(check, tmp_path, run) == fails


def test_rows_that_are_not_in_both_are_not_judged(check: Any, tmp_path: Path) -> None:
    run = [measured("pyrometer", 1.0), measured("numpy", 3.0), measured("jax", 0.1), measured("numpy", 0.1, 2)]
    assert code(check, tmp_path, run) == 0
    assert code(check, tmp_path, [measured("jax", 1.0)]) == 1
    assert code(check, tmp_path, []) == 1


def test_the_committed_table_agrees_with_itself(check: Any) -> None:
    committed = [check.Row(**row) for row in json.loads((FOLDER / "results" / "benchmarks.json").read_text())["rows"]]
    lines, compared = check.slower(committed, committed)
    assert lines == []
    assert compared > 100
