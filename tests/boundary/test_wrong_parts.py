"""Mappings, sequences, names and paths with a part of another kind: an error that the package raises for it."""

import datetime as dt
import linecache
import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import pyrometer as pm

PACKAGE = str(Path(pm.__file__).parent)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=40)
LAW, SYSTEM, NETWORK = pm.Normal(1.0), pm.LinearRegression(X, Y), pm.Network(X, Y, hidden=[3], outputs=1)
ENGINE, TABLE = pm.heat_engine(NETWORK, pm.HeNormal()), pm.sweep([SYSTEM], [LAW])
SHIFT, MIXTURE = pm.shift((X, Y), (X + 0.1, Y), model=SYSTEM, resamples=99, rng=0), pm.mix(SYSTEM, SYSTEM, LAW)


def parts():
    """Yield scalars, and mappings and sequences whose keys or values are of another kind."""
    yield from (True, -1, 2.5, 1 + 2j, dt.date(2020, 1, 1), "zz", b"\x00", ..., pm.Normal, lambda *_: None, object())
    yield from ([], [[1, [2, 3]], [4]], [None], ["a", 1], [LAW, "x"], {1, 2}, [SYSTEM, 1], [(3,), "x"], ["tanh", 3])
    yield from ({"a": [1] * 50}, {1: LAW}, {None: LAW}, {("a",): LAW}, {b"a": LAW}, {"0.weight": "x"}, {"*": [LAW]})
    yield from ({"a": LAW, 2: LAW}, {"a": SYSTEM, 1: SYSTEM}, {"a": NETWORK, 3: None}, {"x": X}, {1: X}, {})
    yield from (np.arange(100.0).reshape(10, 10), np.array([object()] * 40), pd.DataFrame({"a": np.arange(30.0)}))
    yield from (SYSTEM, NETWORK, pm.Moments.of(X, Y), LAW)


def source(tmp_path):
    path = tmp_path / "rows.csv"
    if not path.exists():
        pd.DataFrame(X, columns=list("abc")).assign(y=Y).to_csv(path, index=False)
    return str(path)


CALLS = {
    "Layers": (pm.Layers, {"weights": LAW, "biases": LAW}),
    "Independent": (pm.Independent, {"laws": [LAW]}),
    "Network": (pm.Network, {"X": X, "hidden": [3], "outputs": 1, "activation": "tanh"}),
    "Table": (pm.Table, {"title": "t", "columns": {"a": [1.0]}, "units": None, "metadata": None}),
    "from_rows": (pm.Table.from_rows, {"title": "t", "rows": [{"a": 1.0}], "units": None, "metadata": None}),
    "Moments": (pm.Moments, {"count": 3, "mean": [0.0, 0.0], "scatter": np.eye(2), "intercept": True, "names": None}),
    "load": (pm.Moments.load, {"path": "no file"}),
    "retrain": (MIXTURE.retrain, {"shift": SHIFT}),
    "sweep": (pm.sweep, {"systems": [SYSTEM], "laws": [LAW], "method": "auto"}),
    "drift": (pm.drift, {"time": range(4), "states": [SHIFT.before] * 4, "bandwidth": 1.0, "resamples": 99}),
    "system": (pm.models.sklearn.system, {"estimator": LinearRegression(), "X": X, "y": Y, "weights": None}),
}
DRAWN = {
    "columns": (pm.plot.columns, {"table": SHIFT.columns, "samples": {"a": {"0": Y}}}),
    "compare": (pm.plot.compare, {"engines": {"a": ENGINE}}),
    "mixture": (pm.plot.mixture, {"mixture": MIXTURE, "names": ("a", "b")}),
    "residuals": (pm.plot.residuals, {"residuals": {"a": Y}, "target": "t"}),
    "sweep": (pm.plot.sweep, {"table": TABLE, "value": "temperature"}),
}


def require_raised(call, where):
    """Require that a call returns, or that the package raises TypeError or ValueError for its argument."""
    error = caught(call)
    if error is None or isinstance(error, (FileNotFoundError, IsADirectoryError)):
        return
    last = traceback.extract_tb(error.__traceback__)[-1]
    lines = [linecache.getline(last.filename, number).strip() for number in range(last.lineno - 4, last.lineno + 1)]
    said = f"{where}: {error!r} at {last.filename}:{last.lineno}"
    assert type(error) in (TypeError, ValueError), said
    assert last.filename.startswith(PACKAGE), said
    assert any(line.startswith("raise") or "_core." in line for line in lines), said
    assert str(error).isprintable(), said


def caught(call):
    """Return what a call raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call()
        except Exception as error:
            return error
    return None


def every(function, arguments):
    for name in arguments:
        for value in parts():
            given = arguments | {name: value}
            require_raised(lambda given=given: function(**given), f"{name} = {value!r:.80}")


@pytest.mark.parametrize("name", CALLS)
def test_arguments(name):
    every(*CALLS[name])


@pytest.mark.parametrize("name", DRAWN)
def test_arguments_of_pictures(name):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    every(*DRAWN[name])
    plt.close("all")


def test_arguments_of_scans(tmp_path):
    options = {"columns": None, "drop": (), "weights": None, "sep": None, "decimal": ".", "encoding": "utf-8"}
    every(pm.Moments.scan, {"target": "y", "source": source(tmp_path), **options})


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")
@pytest.mark.parametrize("name", ["laws", "measure", "balance"])
def test_arguments_of_models(name):
    torch = pytest.importorskip("torch")

    def make():
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))

    inputs = {} if name == "laws" else {"inputs": torch.ones(5, 3), "draws": 2}
    arguments = {"model": make, "laws": None, **inputs, **({"skip": (), "rtol": None} if name == "balance" else {})}
    function = getattr(pm.models, name)
    every(function, arguments)
    require_raised(lambda: function(**(arguments | {"model": torch.ones(3)})), "model = tensor")
    for key in (1, None, ("a",), b"a"):
        with pytest.raises(
            TypeError, match="laws must be a mapping of patterns of names to laws whose keys are strings"
        ):
            function(**(arguments | {"laws": {key: LAW}}))
