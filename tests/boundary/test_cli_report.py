"""``pyrometer report``: a page of a file, its exit codes and its options."""

import pytest

pytest.importorskip("jinja2")


def test_a_page_of_a_file(run, file, tmp_path):
    page = tmp_path / "page.html"
    result = run("report", file, "--target", "price", "--hidden", "4,4", "--against", file, "--output", page)
    assert result.exit_code == 0, result.stderr
    text = page.read_text("utf-8")
    for what in (
        'id="temperature"',
        'id="minimum"',
        'id="layers"',
        'id="shift"',
        "rows.csv",
        "intercept",
        "not-shifted",
    ):
        assert what in text, what


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--output", "page.txt"), "must end in .html"),
        ((), "--output"),
        (("--output", "page.html", "--against", "missing.csv"), "missing.csv"),
        (("--output", "page.html", "--activation", "nothing", "--hidden", "3"), "nothing"),
    ],
)
def test_bad_options(run, file, options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("report", file, "--target", "price", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "page.html").exists()


def test_the_data_are_not_replaced(run, tmp_path):
    page = tmp_path / "data.html"
    page.write_text("a,price\n1,2\n2,3\n4,5\n")
    result = run("report", page, "--target", "price", "--output", page)
    assert result.exit_code == 2
    assert page.read_text().startswith("a,price")
