"""Every argument of the public functions, given objects of other kinds: accepted, or refused in one readable line."""

import collections
import datetime as dt
import inspect
import warnings

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm
from pyrometer import estimators

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=60)
SIGN = (Y > 0).astype(int)
WORDS = np.array(list("abc"))[RNG.integers(0, 3, 60)]
LAW, SYSTEM = pm.Normal(1.0), pm.LinearRegression(X, Y)
LASSO = pm.LinearRegression(X, Y, penalty=pm.L1(0.1))
NETWORK = pm.Network(X, Y, hidden=[3], outputs=1)
STATE, LATER = pm.DataState(X, Y, model=SYSTEM), pm.DataState(X + 0.1, Y, model=SYSTEM)


class Noisy:
    """An object whose representation has lines, escape sequences, and no end."""

    def __repr__(self):
        return "noisy\nobject\x1b[31m" + "x" * 3000


def objects():
    """Yield objects that few arguments take."""
    yield from (None, True, -1, 0, 2**70, 10**400, float("nan"), -np.inf, 1 + 2j, dt.date(2020, 1, 1))
    yield from ("a\nb\x1b[31m" + "q" * 2000, b"\x00\n", np.str_("zz\n"), ..., Noisy(), pm.Normal, lambda *_: None)
    yield from ([], (), [[1, [2, 3]], [4]], list(range(1000)), {"a\n": [1] * 50}, {1, 2}, range(5), (i for i in ()))
    yield from (np.arange(100.0).reshape(10, 10), np.full((60, 3), np.nan), np.array([object()] * 60), X[:, 0] > 0)
    yield from (pd.DataFrame({"a\n\x1b[31m": np.arange(30.0), "b": ["x"] * 30}), pd.Series(np.arange(30.0)))
    yield from (SYSTEM, NETWORK, STATE, pm.Moments.of(X, Y), LAW, collections.OrderedDict())


CALLS = [
    (pm.Normal, {"scale": 1.0}),
    (pm.Uniform, {"length": 1.0}),
    (pm.Mixed, {"scale": 1.0, "length": 1.0}),
    (pm.TruncatedNormal, {"scale": 1.0, "bound": 2.0}),
    (pm.Constant, {"value": 0.0}),
    (pm.Orthogonal, {"gain": 1.0}),
    (pm.HeNormal, {"gain": 1.0, "truncated": False}),
    (pm.GlorotUniform, {"gain": 1.0}),
    (pm.Layers, {"weights": LAW, "biases": LAW}),
    (pm.Independent, {"laws": [LAW]}),
    (pm.L1, {"lam": 1.0}),
    (pm.LinearRegression, {"X": X, "y": Y, "energy": "mse", "penalty": None, "intercept": True, "weights": None}),
    (pm.LogisticRegression, {"X": X, "y": SIGN, "intercept": True, "weights": None, "labels": None}),
    (pm.SoftmaxRegression, {"X": X, "y": WORDS, "intercept": True, "weights": None, "labels": None}),
    (pm.Network, {"X": X, "y": Y, "hidden": [3], "outputs": 1, "activation": "tanh", "bias": False, "energy": "mse"}),
    (pm.Moments.of, {"X": X, "y": Y, "weights": None, "intercept": True, "threads": 1}),
    (pm.mean_energy, {"system": SYSTEM, "law": LAW, "method": "auto", "threads": 1}),
    (pm.sample_energies, {"system": SYSTEM, "law": LAW, "samples": 10, "rng": 0, "executor": None}),
    (pm.sample_parameters, {"system": SYSTEM, "law": LAW, "samples": 10, "rng": 0}),
    (pm.energy_variance, {"law": LAW, "system": SYSTEM}),
    (pm.minimum_energy, {"system": SYSTEM}),
    (pm.minimum_path, {"system": LASSO, "lam": [0.1, 0.2]}),
    (pm.entropy, {"system": SYSTEM, "law": LAW, "resolution": 1.0}),
    (pm.temperature, {"system": SYSTEM, "law": LAW, "method": "auto", "minimum": None, "resolution": 1.0}),
    (pm.heat_engine, {"network": NETWORK, "law": pm.HeNormal(), "method": "auto", "minimum": None, "ideal": None}),
    (pm.training_path, {"system": SYSTEM, "law": LAW, "times": [0.0, 1.0], "learning_rate": None}),
    (pm.balance, {"network": NETWORK, "energy": 1.0, "temperature": None, "law": pm.Normal}),
    (pm.DataState, {"X": X, "y": Y, "model": SYSTEM, "block": 1, "density": "gaussian", "prediction": None}),
    (pm.shift, {"before": STATE, "after": LATER, "resamples": 99, "rng": 0, "level": 0.05}),
    (pm.shift, {"before": (X, Y), "after": (X, Y), "model": SYSTEM, "energy": "mse", "resamples": 99, "rng": 0}),
    (pm.drift, {"time": range(4), "states": [STATE, LATER] * 2, "bandwidth": 1.0, "resamples": 99, "rng": 0}),
    (pm.RefreshMonitor, {"reference": STATE, "model": SYSTEM, "run_length": 50, "memory": 4, "rng": 0, "grow": False}),
    (pm.mix, {"a": SYSTEM, "b": SYSTEM, "law": LAW, "resolution": 1.0}),
    (pm.sweep, {"systems": [SYSTEM], "laws": [LAW], "method": "auto", "samples": 10, "progress": False}),
    (pm.boltzmann, {"energy": [1.0, 2.0], "temperature": 1.0, "metric": 1.0}),
    (pm.collapse, {"law": LAW, "collapsed": 2, "resolution": 0.1, "parameters": 4, "fraction": 0.0}),
    (pm.lorentz, {"temperature": 1.0, "beta": 0.5, "convention": "landsberg"}),
]


def require_readable(call, name, value):
    """Require that a call returns, or that its message is one printable line about the argument."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except (TypeError, ValueError) as error:
        text = str(error)
        where = f"{name} of {type(value).__name__}: {text!r}"
        assert text.isprintable(), where
        assert len(text) <= 500, where
        assert name in text or "got" in text or "energy_variance" in text, where


@pytest.mark.parametrize(("function", "arguments"), CALLS, ids=lambda each: getattr(each, "__name__", ""))
def test_arguments(function, arguments):
    for name in arguments:
        assert name in inspect.signature(function).parameters
        for value in objects():
            require_readable(lambda: function(**{**arguments, name: value}), name, value)  # noqa: B023


@pytest.mark.parametrize("labels", [False, "ab", lambda *_: None, (1,), (1, 1), ([0], [1]), {0: 1, 1: 0}])
def test_what_is_no_pair_of_labels(labels):
    """`labels=False` has taken any real numbers as labels."""
    with pytest.raises((TypeError, ValueError), match="^labels must be two different labels"):
        pm.LogisticRegression(X, Y, labels=labels)


@pytest.mark.parametrize("kind", [estimators.LADRegressor, estimators.OLSRegressor, estimators.LogisticClassifier])
def test_parameters_of_estimators(kind):
    for name in kind().get_params():
        for value in objects():
            made = kind(**{name: value})
            require_readable(lambda: made.fit(X, SIGN), name, value)  # noqa: B023
