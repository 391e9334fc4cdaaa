"""The report: one page that holds the numbers, requests nothing, escapes names, and is drawn by a real browser."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import pyrometer as pm

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib").use("agg")

NAME = 'prices <script>alert("x")</script>'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    data = pm.datasets.diabetes(standardize=True)
    system = pm.LinearRegression(data.X, data.y)
    engine = pm.heat_engine(pm.Network(data.X, data.y, hidden=(16, 16), activation="relu"), pm.HeNormal())
    first = np.arange(len(data.y)) < 200
    found = pm.shift((data.X[first], data.y[first]), (data.X[~first] + 1.0, data.y[~first]), model=system, rng=0)
    path = tmp_path_factory.mktemp("report") / "report.html"
    facts = {"source": NAME, "rows": 442}
    pm.report.html(
        path, system, pm.Normal(10.0), layers=engine, shift=found, title=NAME, facts=facts, command="pyrometer report"
    )
    return path


def test_the_numbers_are_those_of_the_library(page):
    data = pm.datasets.diabetes(standardize=True)
    hot = pm.temperature(pm.LinearRegression(data.X, data.y), pm.Normal(10.0))
    text = page.read_text("utf-8")
    for number in (f"{hot.value:.6g} loss/nat", "40.9368", "even", "shifted", pm.__version__, "pyrometer report"):
        assert number in text, number
    assert text.count("<svg") == 3


def test_names_are_escaped_and_nothing_is_requested(page):
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "prices &lt;script&gt;" in text
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", text.replace("xlink:href", "href"))
    assert not re.search(r"@import|url\((?!#|['\"]?#)", text)


def test_the_page_is_well_formed(page):
    class Tags(html.parser.HTMLParser):
        depth, names = [], set()

        def handle_starttag(self, tag, _):
            if tag not in ("meta", "link", "br"):
                self.depth.append(tag)

        def handle_endtag(self, tag):
            assert self.depth.pop() == tag

    tags = Tags()
    tags.feed(page.read_text("utf-8"))
    assert tags.depth == []


def luminance(color):
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_text_has_the_contrast_that_wcag_asks_for(page):
    for theme in re.findall(r":root \{(.*?)\}", page.read_text("utf-8")):
        color = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for name in ("text", "quiet", "link"):
            low, high = sorted((luminance(color[name]), luminance(color["page"])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, color)


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs the browser chromium")
def test_a_browser_draws_it(page, tmp_path):
    log = tmp_path / "net.json"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--user-data-dir={tmp_path}"]
    options += [f"--log-net-log={log}", "--disable-background-networking", "--disable-component-update", "--dump-dom"]
    run = subprocess.run(["chromium", *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.count("<table") >= 5
    assert "CONSOLE" not in run.stderr
    events = log.read_text("utf-8") if log.exists() else json.dumps({})
    assert page.parent.name not in re.sub(r"file://", "", "".join(re.findall(r'"url":"http[^"]*"', events)))


def test_laws_without_a_scale_and_systems_without_limits_have_fewer_sections(tmp_path):
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(30, 2)), rng.integers(0, 3, 30)
    path = tmp_path / "page.html"
    law = pm.Independent([pm.Normal(1.0), pm.Uniform(2.0), pm.Constant(0.5)])
    pm.report.html(path, pm.LinearRegression(X, X[:, 0]), law)
    assert 'id="temperature"' in path.read_text("utf-8")
    assert 'id="scales"' not in path.read_text("utf-8")
    pages = []
    for _ in range(2):
        pm.report.html(path, pm.SoftmaxRegression(X, labels), pm.Uniform(1.0))
        pages.append(path.read_bytes())
    assert b'id="limits"' not in pages[0]
    assert pages[0] == pages[1]


TINY = (pm.Network([[1.0]], hidden=(2,), outputs=1), pm.HeNormal())
BAD = {
    "nothing": ((), {}, ValueError, "must have a system"),
    "law alone": ((None, pm.Normal(1.0)), {"layers": pm.heat_engine(*TINY)}, ValueError, "together"),
    "system alone": ((pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]),), {}, ValueError, "together"),
    "network": ((TINY[0], pm.Normal(1.0)), {}, TypeError, "layers=pm.heat_engine"),
    "batch": (
        (pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]), pm.Normal([[1.0], [2.0]])),
        {},
        ValueError,
        "single",
    ),
    "layers": ((), {"layers": 3}, TypeError, "HeatEngine"),
    "shift": ((), {"shift": "moved"}, TypeError, "Shift"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_and_leaves_the_file(case, tmp_path):
    arguments, options, error, message = BAD[case]
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(error, match=message):
        pm.report.html(path, *arguments, **options)
    assert path.read_text() == "before"
