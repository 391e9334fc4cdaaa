"""How results show themselves, and what they convert to."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm
from pyrometer.results._numbers import aligned, spread, with_error

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=60)
HOSTILE = ["\x1b[31mred", "<b>&", "x" * 300, "東京", "a\nb", "$x$"]


def both(noise):
    return (x := RNG.normal(size=(200, 1))), x[:, 0] + noise * RNG.normal(size=200)


def monitor():
    made = pm.RefreshMonitor(both(1.0), lambda X: X[:, 0], energy="mse", rng=0)
    made.update(*both(1.0))
    made.update(*both(3.0))
    return made


@pytest.fixture(scope="module")
def results():
    line, network = pm.LinearRegression(X, Y), pm.Network(X, Y, hidden=(4, 3))
    engine = pm.heat_engine(network, pm.HeNormal())
    watched = monitor()
    states = [pm.DataState(*both(noise), model=lambda X: X[:, 0], energy="mse") for noise in (1.0, 1.2, 1.4)]
    wide = pm.Normal(np.logspace(-3, 3, 50)[:, None])
    return {
        "estimate": pm.mean_energy(line, pm.Normal(2.0)),
        "simulated": pm.mean_energy(line, pm.Normal(2.0), method="monte-carlo", samples=200, rng=0),
        "estimates": pm.mean_energy(line, wide),
        "minimum": pm.minimum_energy(line),
        "softmax": pm.minimum_energy(pm.SoftmaxRegression(X, np.repeat(["a", "b", "c"], 20))),
        "temperature": pm.temperature(line, pm.Normal(2.0)),
        "temperatures": pm.temperature(line, wide),
        "engine": engine,
        "engines": pm.heat_engine(network, pm.HeNormal(gain=np.ones((3, 2)))),
        "layers": engine.layers,
        "layer": engine.layers[0],
        "path": pm.training_path(line, pm.Normal(1.0), np.linspace(0.0, 1.0, 20)),
        "shift": pm.shift(states[0], states[2], model=lambda X: X[:, 0], energy="mse", rng=0),
        "mixture": pm.mix(pm.LinearRegression(X[:30], Y[:30]), pm.LinearRegression(X[30:], Y[30:]), pm.Normal(3.0)),
        "mixtures": pm.mix(pm.LinearRegression(X[:30], Y[:30]), pm.LinearRegression(X[30:], Y[30:]), wide),
        "collapse": pm.collapse(pm.Normal(5.0), 2, resolution=1e-3, parameters=3),
        "drift": pm.drift([0.0, 1.0, 2.0], states, bandwidth=1.0, rng=0),
        "reading": watched.readings[-1],
        "monitor": watched,
        "event": watched.event,
        "state": states[0],
        "system": line,
        "network": network,
        "law": wide,
        "layer laws": pm.Layers([pm.HeNormal(), pm.Normal(0.1)]),
        "moments": pm.Moments.of(X, Y),
        "data": pm.datasets.diabetes(standardize=True),
        "columns": pm.shift(X[:30], X[30:] + 1.0, model=None, rng=0).columns,
        "table": pm.Table("t", {"x": [1.0, math.nan], "word": ["a", "<b>"]}),
    }


NAMES = [
    *("estimate", "simulated", "estimates", "minimum", "softmax", "temperature", "temperatures", "engine", "engines"),
    *("layers", "layer", "path", "shift", "mixture", "mixtures", "collapse", "drift", "reading", "monitor", "event"),
    *("state", "system", "network", "law", "layer laws", "moments", "data", "table", "columns"),
]
ONE_LINE = {"law", "layer laws"}


TAGS = {"div", "strong", "table", "tbody", "thead", "tr", "th", "td", "p", "span", "br", "pre", "caption"}


class Balanced(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.text = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS
        assert not any("#" in (value or "") for _, value in attrs), "colours are those of the page"
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


class Printer:
    def __init__(self):
        self.out = ""

    def text(self, text):
        assert "\n" not in text
        self.out += text

    def break_(self):
        self.out += "\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_result_shows_itself(results, name, monkeypatch):
    result = results[name]
    for width in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = repr(result).splitlines()
        assert 1 <= len(lines) < 40
        if name not in ONE_LINE:
            assert max(map(len, lines)) <= width
    assert len(result._repr_html_()) < 30_000
    Balanced(result._repr_html_())
    printer = Printer()
    result._repr_pretty_(printer, cycle=False)
    assert printer.out == repr(result)
    result._repr_pretty_(printer, cycle=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_result_converts_itself(results, name):
    result = results[name]
    made = result.to_dict()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    if hasattr(result, "to_frame"):
        assert isinstance(result.to_frame(), pd.DataFrame)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("monitor",)])
def test_copies_show_the_same(results, name):
    result = results[name]
    for again in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert repr(again) == repr(result)


def test_lines_of_a_temperature(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    text = repr(pm.temperature(system, pm.Normal(0.1)))
    assert text.splitlines()[:3] == [
        "Temperature, exact",
        "  T      -2.67237    loss/nat  (E - E*)/S",
        "  E       4.74667    loss      mean energy of the random state",
    ]
    assert re.search(r"T is negative|T are negative", " ".join(text.split()))
    assert repr(pm.mean_energy(system, pm.Normal(2.0))) == "Estimate, exact\n  E  36.6667  loss  mean energy"


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 0.1, 0.2, 0.24197072451914337, 0.25, 0.3])
def test_the_advice_of_a_verdict_works(scale):
    system = pm.LinearRegression(X, Y)
    hot = pm.temperature(system, pm.Normal(scale))
    words = " ".join(repr(hot).split())
    if hot.verdict == "ok":
        assert "none was given" not in words
        return
    said = re.search(r"\((1e-\d+) if none was given\)|another resolution=", words)
    finer = float(said[1] or 0.5)
    assert pm.temperature(system, pm.Normal(scale), resolution=finer).verdict == "ok"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (667.24346, 0.0, "667.243"),
        (667.24346, 0.52, "667.24 ± 0.52"),
        (667.24346, 0.0996, "667.24 ± 0.10"),
        (-1.2345e8, 3.4e5, "(-1.2345 ± 0.0034)e+08"),
        (1234.0, 123.0, "1230 ± 120"),
        (0.0, 0.042, "0.000 ± 0.042"),
        (0.01, 12.0, "0 ± 12"),
        (5e-324, 5e-324, "(4.9 ± 4.9)e-324"),
        (1e300, 5e-324, "1e+300 ± 4.9e-324"),
        (math.nan, 1.0, "nan"),
        (1.0, math.nan, "1 ± unknown"),
        (1.0, math.inf, "1 ± inf"),
        (math.inf, 1.0, "inf ± 1"),
    ],
)
def test_digits_that_the_error_allows(value, error, text):
    assert with_error(value, error) == text


def test_digits_are_those_of_rounding():
    """The text holds the number to half a unit of its last digit, and the error to 5 %."""
    for _ in range(2000):
        value, error = RNG.normal() * 10.0 ** RNG.uniform(-12, 12), 10.0 ** RNG.uniform(-12, 12)
        text = with_error(value, error)
        if error < 1e-13 * abs(value):
            continue  # of six digits, as without an error
        shown = [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", text.split(")")[0])]
        power = 10.0 ** int(text.partition(")e")[2] or 0)
        assert shown[1] * power == pytest.approx(error, rel=0.051)
        assert abs(shown[0] * power - value) <= 0.051 * error * (1 + 1e-9) + 5e-15 * abs(value)


def test_alignment_and_ranges():
    texts = ["1", "-12.5", "1e+09", "1.25e-07", "nan", "(1.2 ± 0.1)e+10", "3 ± 1", ""]
    made = aligned(texts)
    assert len(set(map(len, made))) == 1
    assert [text.strip() for text in made] == texts
    assert len({line.index(".") for line in made if "." in line}) == 1
    assert spread(np.array([1.0, math.nan, 3.0])) == "1 to 3, 1 nan"
    assert spread(np.array([math.nan])) == "nan"
    assert spread(np.array([2.0, 2.0])) == "2"
    assert spread(np.array(["b", "a", "b"])) == "b 2, a 1"
    assert spread(np.array([True, False, True])) == "yes 2, no 1"
    assert spread(np.zeros(0)) == "none"


def test_names_of_parameters():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    minimum = pm.minimum_energy(pm.LinearRegression(frame, Y))
    assert minimum.names == ("a", "b", "c", "intercept")
    lines = repr(minimum).splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["a", "b", "c", "intercept"]
    assert f"{minimum.parameters[1]:.6g}" in lines[-3]
    assert minimum == pm.minimum_energy(pm.LinearRegression(X, Y))
    assert pm.minimum_energy(pm.LinearRegression(X, Y)).names is None
    assert pm.minimum_energy(pm.LinearRegression(frame, Y, intercept=False)).names == ("a", "b", "c")
    labels = np.repeat(["u", "v", "w"], 20)
    softmax = pm.minimum_energy(pm.SoftmaxRegression(frame[["a", "b"]], labels))
    assert softmax.names == tuple(f"{u}: {v}" for u in "uvw" for v in ("a", "b", "intercept"))
    path = pm.minimum_path(pm.LinearRegression(frame, Y, penalty=pm.L1(1.0)), [0.1, 1.0])
    assert path.names == minimum.names
    assert path.to_frame()["parameters[b]"].tolist() == path.parameters[:, 1].tolist()


def test_unprintable_names_are_escaped():
    frame = pd.DataFrame(RNG.normal(size=(40, 6)), columns=HOSTILE)
    system = pm.LinearRegression(frame, RNG.normal(size=40))
    minimum = pm.minimum_energy(system)
    for shown in (
        minimum,
        system,
        pm.Moments.of(frame, Y[:40]),
        pm.Table(HOSTILE[0], {name: [name] for name in HOSTILE}),
    ):
        assert repr(shown).replace("\n", "").isprintable()
        html = shown._repr_html_()
        assert "\x1b" not in html
        assert "<b>" not in html
        Balanced(html)
        json.dumps(shown.to_dict(), allow_nan=False)
    assert len(max(repr(minimum).splitlines(), key=len)) <= 80
    assert minimum.to_dict()["names"][:2] == HOSTILE[:2]


def test_one_number():
    line = pm.LinearRegression(X, Y)
    hot = pm.temperature(line, pm.Normal(2.0))
    assert float(hot) == hot.value
    assert f"{hot:.2f}" == f"{hot.value:.2f}"
    assert f"{hot}" == repr(hot)
    assert float(pm.minimum_energy(line)) == pm.minimum_energy(line).value
    assert float(pm.mean_energy(line, pm.Normal(2.0))) > 0.0
    batch = pm.temperature(line, pm.Normal([[1.0], [2.0]]))
    for ask in (lambda: float(batch), lambda: f"{batch:.2f}"):
        with pytest.raises(TypeError, match=r"a batch of shape \(2,\); use .value"):
            ask()


def test_frames_have_a_row_for_each_element(results):
    stack = pm.LinearRegression(RNG.normal(size=(5, 30, 2)), RNG.normal(size=(5, 30)))
    hot = pm.temperature(stack, pm.Normal([[1.0], [10.0], [100.0]]))
    frame = hot.to_frame()
    assert frame.shape == (15, 12)
    for _, row in frame.iterrows():
        assert row["value"] == hot.value[row["axis_0"], row["axis_1"]]
    engines = results["engines"]
    assert engines.to_frame().shape[0] == 6
    layers = engines.layers.to_frame()
    assert len(layers) == 6 * 3
    assert layers["gain"].isna().sum() == 6
    assert results["layers"].to_frame()["energy"].tolist() == results["layers"].energy.tolist()
    assert results["path"].to_frame()["time"].tolist() == results["path"].time.tolist()
    assert results["monitor"].to_frame()["batch"].tolist() == [1, 2]
    assert results["temperature"].to_table().units["entropy"] == "nat"


def test_large_batches_are_summarised():
    many = pm.temperature(pm.LinearRegression(X, Y), pm.Normal(np.logspace(-9, 9, 10_000)[:, None]))
    lines = repr(many).splitlines()
    assert lines[0] == "Temperature, batch of shape (10000,), exact"
    assert len(lines) < 12
    counts = {word: int((many.verdict == word).sum()) for word in ("ok", "negative-entropy", "near-pole")}
    assert all(f"{word} {count}" in repr(many) for word, count in counts.items())
    assert repr(pm.Normal(np.ones((10_000, 1)))) == "Normal(scale=<shape (10000, 1), 1>)"
    assert repr(pm.Independent([pm.Normal(1.0)] * 100)).endswith("... 94 more])")
    none = np.zeros(0)
    empty = pm.Estimate(value=none, standard_error=none, error_bound=none, method="exact", samples=0)
    assert repr(empty) == "Estimate, batch of shape (0,), exact\n  E  none  loss  mean energy"
    assert len(empty.to_frame()) == 0


def test_numbers_without_a_value_are_null():
    hot = pm.temperature(pm.LinearRegression(X, Y), pm.Constant(1.0))
    assert hot.to_dict()["value"] is None
    assert "no parameter is random" in " ".join(repr(hot).split())
    table = pm.Table("t", {"x": [1.0, math.inf, math.nan]})
    assert table.to_dict() == {"x": [1.0, None, None]}


def test_laws_are_shown_as_they_are_made():
    assert repr(pm.HeNormal()) == "HeNormal(gain=1)"
    assert repr(pm.HeNormal(truncated=True)) == "HeNormal(gain=1, truncated=True)"
    assert repr(pm.TorchLinear()) == "TorchLinear()"
    for law in (pm.Normal(2.5), pm.Normal([1.0, 2.0]), pm.Mixed([1.0], [2.0]), pm.TruncatedNormal(1.5, bound=3.0)):
        assert eval(f"pm.{law!r}") == law
    assert pm.Normal([1.0, 2.0]).to_dict() == {"law": "Normal", "scale": [1.0, 2.0]}


def test_systems_are_shown_as_they_are():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    system = pm.LinearRegression(frame, Y, penalty=pm.L2(0.5), weights=np.ones(60))
    assert repr(system).splitlines() == [
        "LinearRegression",
        "  rows        60    weighted",
        "  parameters   4    with intercept",
        "  energy      squared error (mse)",
        "  penalty     L2(lam=0.5, intercept=True)",
        "  columns     a, b, c",
    ]
    stack = pm.LinearRegression(np.ones((2, 3, 4, 1)), np.ones((2, 3, 4)), energy="mae", intercept=False)
    assert repr(stack).splitlines()[0] == "LinearRegression, stack of shape (2, 3)"
    assert "  parameters  1    without intercept" in repr(stack).splitlines()
    alone = repr(pm.DataState(frame)).splitlines()
    assert alone[:3] == ["DataState", "  rows      60", "  features   3"]
    assert f"{pm.DataState(frame).entropy:.6g}" in alone[3]
    assert not any(line.startswith("  E ") for line in alone)
    shift = pm.shift(frame, frame + 1.0, model=None, rng=0)
    assert shift.before.to_dict() == shift.to_dict()["before"]


def test_rows_of_tables():
    table = pm.Table("t", {"x": [1.0, 2.0, 3.0], "word": ["a", "b", "c"]}, units={"x": "m"})
    assert table[0] == {"x": 1.0, "word": "a"} == next(iter(table))
    assert table[np.int64(-1)] == {"x": 3.0, "word": "c"}
    assert list(table[1:]) == list(table)[1:]
    assert (table[:0].names, len(table[:0]), dict(table[::2].units)) == (("x", "word"), 0, {"x": "m"})
    assert repr(table).splitlines() == ["t", "x  word", "m", "-  ----", "1  a", "2  b", "3  c"]
    long = pm.Table("t", {"x": np.arange(10_000.0)})
    assert len(repr(long).splitlines()) < 40
    with pytest.raises(IndexError):
        table[3]
    for wrong in ("y", 1.0, None, [0]):
        with pytest.raises(KeyError, match="no column"):
            table[wrong]
    assert round(pm.temperature(pm.LinearRegression(X, Y), pm.Normal(2.0)), 2) == round(
        pm.temperature(pm.LinearRegression(X, Y), pm.Normal(2.0)).value, 2
    )


def test_names_that_users_need():
    assert dir(pm) == sorted(pm.__all__)


def test_widths_of_text():
    hot = pm.temperature(pm.LinearRegression(X, Y), pm.Normal(2.0))
    assert max(map(len, hot.to_text(width=40).splitlines())) <= 40
    for width, error in ((39, ValueError), (0, ValueError), (2.5, TypeError), ("80", TypeError)):
        with pytest.raises(error, match="width must be"):
            hot.to_text(width=width)
