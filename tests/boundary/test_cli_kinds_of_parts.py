"""Parts of one source with columns of all kinds: the same columns, of kinds that have one in common."""

import csv

import numpy as np
import pytest

from pyrometer.data.readers import read_frame

KINDS = {
    "number": lambda rng: repr(rng.normal()),
    "integer": lambda rng: str(rng.integers(1000)),
    "word": lambda rng: str(rng.choice(["u", "v", "w x", "y,z"])),
    "missing": lambda rng: "",
    "number or missing": lambda rng: str(rng.choice(["", "1.5", "2"])),
    "date": lambda rng: str(rng.choice(["2020-01-01", "2021-05-05"])),
}
GROUPS = {"number": "numbers", "integer": "numbers", "number or missing": "numbers", "missing": ""}


def write(path, names, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


@pytest.mark.parametrize("seed", range(60))
def test_parts_are_put_together_by_name_or_refused_with_file_and_column(tmp_path, seed):
    rng = np.random.default_rng(seed)
    kinds = [[str(rng.choice([*KINDS])) for _ in range(3)] for _ in range(2)]
    kinds[1][1:] = kinds[0][1:]
    orders = [rng.permutation(3).tolist() for _ in range(3)]
    cells = [[[KINDS[kind](rng) for kind in kinds[k % 2]] for _ in range(1 + 2 * k)] for k in range(3)]
    for k, (rows, order) in enumerate(zip(cells, orders, strict=True)):
        write(tmp_path / f"{k}.csv", [f"c{j}" for j in order], [[row[j] for j in order] for row in rows])
    groups = {GROUPS.get(kinds[k][0], kinds[k][0]) for k in range(2)} - {""}
    if len(groups) > 1:
        with pytest.raises(ValueError, match=r"[12]\.csv: column 'c0' must be of one kind in all parts, got"):
            read_frame(tmp_path, columns=None, drop=())
        return
    table = read_frame(tmp_path, columns=None, drop=())
    for j in range(3):
        expected = [row[j] for rows in cells for row in rows]
        for got, text in zip(table.column(f"c{j}").to_pylist(), expected, strict=True):
            assert (got is None) == (text == "")
            assert got is None or (not isinstance(got, str) or got == text)
            assert not isinstance(got, float) or got == float(text)


@pytest.mark.parametrize("names", [("x", "y"), ("x", "y", "z", "w")])
def test_a_column_that_a_part_lacks_is_not_missing_but_refused(tmp_path, run, names):
    """Its rows were taken to have missing values, which is a shift that did not occur."""
    rng = np.random.default_rng(0)
    (tmp_path / "old").mkdir()
    write(tmp_path / "old" / "0.csv", "xyz", rng.normal(size=(20, 3)).tolist())
    write(tmp_path / "old" / "1.csv", names, rng.normal(size=(20, len(names))).tolist())
    result = run("shift", tmp_path / "old", tmp_path / "old" / "0.csv", "--energy", "none")
    lacking, held = ("z", 0) if len(names) == 2 else ("w", 1)
    assert result.exit_code == 2
    assert f"{held}.csv: column '{lacking}' must be in all parts or in none" in result.stderr
    assert run("shift", tmp_path / "old", tmp_path / "old", "--energy", "none", "--columns", "x,y").exit_code == 0
