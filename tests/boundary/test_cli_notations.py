"""Numbers in another notation than that of the options are refused, and not compared as categories."""

import numpy as np
import pytest

NOTATIONS = {
    "decimal comma": (lambda a: f"{a:.3f}".replace(".", ","), "", "--decimal ,"),
    "thousands": (lambda a: f"{1e4 + a:,.3f}", "", "--thousands ,"),
    "unit": (lambda a: f"{a:.2f} €", "", "€' in row 1; correct it"),
    "percent": (lambda a: f"{a:.2f}%", "", "%' in row 1; correct it"),
    "currency": (lambda a: f"${a:.2f}", "", "in row 1; correct it"),
    "a mark for missing values": (lambda a: f"{a:.4f}", "?;0\n", "got '?' in row 61; correct it"),
    "a line of totals": (lambda a: f"{a:.4f}", "Total;3\n", "got 'Total' in row 61"),
    "hexadecimal": (lambda a: f"0x{int(1e3 * a):x}", "", "in row 1; correct it"),
    "time": (lambda a: f"{int(a) % 24}:{int(60 * a) % 60:02d}:{int(3600 * a) % 60:02d}", "", "in row 1; correct it"),
    "a second header": (lambda a: f"{a:.4f}", "a;y\n", "got 'a' in row 61"),
}


@pytest.mark.parametrize("name", NOTATIONS)
def test_numbers_are_no_categories(tmp_path, run, name):
    written, last, said = NOTATIONS[name]
    rng = np.random.default_rng(0)
    paths = [tmp_path / "before.csv", tmp_path / "after.csv"]
    for k, path in enumerate(paths):
        rows = [f"{written(500.0 * (a + k))};{y!r}\n" for a, y in np.abs(rng.normal(size=(60, 2))).tolist()]
        path.write_text("a;y\n" + "".join(rows) + last, encoding="utf-8")
    for command in ("shift", "monitor"):
        result = run(command, *map(str, paths), "--sep", ";", "--energy", "none")
        assert result.exit_code == 2
        assert "column 'a' must be numeric" in " ".join(result.output.split())
        assert said in " ".join(result.output.split())
        without = run(command, *map(str, paths), "--sep", ";", "--energy", "none", "--drop", "a")
        assert without.exit_code == (2 if name == "a second header" else 0)  # whose other column is no number either


@pytest.mark.parametrize("mark", [".", "-"])
def test_addresses_and_numbers_of_parts_are_categories(tmp_path, run, mark):
    """Four numbers of one byte, which hardly repeat; prices that repeat, but of which there are many, are none."""
    rng = np.random.default_rng(2)
    paths = [tmp_path / "before.csv", tmp_path / "after.csv"]
    for path in paths:
        names = [mark.join(map(str, part)) for part in rng.integers(0, 256, (60, 4)).tolist()]
        path.write_text("a;y\n" + "".join(f"{name};{rng.normal()}\n" for name in names))
    result = run("shift", *map(str, paths), "--sep", ";", "--energy", "none")
    assert result.exit_code == 0
    assert "category" in result.output
    for path in paths:
        prices = 0.01 * rng.integers(100, 200, 400)
        path.write_text("a;y\n" + "".join(f"${price:.2f};{price}\n" for price in prices))
    assert run("shift", *map(str, paths), "--sep", ";", "--energy", "none").exit_code == 2


@pytest.mark.parametrize("values", [["1,5", "2,5", "3,5"], ["A12", "B7"], ["2-3", "4-5"]])
def test_categories_that_look_like_numbers_and_repeat_are_categories(tmp_path, run, values):
    rng = np.random.default_rng(1)
    paths = [tmp_path / "before.csv", tmp_path / "after.csv"]
    for path in paths:
        path.write_text("a;y\n" + "".join(f"{rng.choice(values)};{y!r}\n" for y in rng.normal(size=60).tolist()))
    result = run("shift", *map(str, paths), "--sep", ";", "--energy", "none")
    assert result.exit_code == 0
    assert "category" in result.output
