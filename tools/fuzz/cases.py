"""One random call for each public name. A case returns the result, which `checks.problems` examines."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pyrometer as pm
from fuzz.checks import Minimised
from fuzz.magnitudes import Generator, numbers, size
from fuzz.more import CASES as MORE

ACTIVATIONS = (
    *("tanh", "sigmoid", "relu", "identity", "erf", "leaky_relu", "gelu", "silu", "softplus", "elu"),
    *("selu", "mish", "hardswish", "hardtanh"),
)
LAYER_LAWS = ("LecunNormal", "GlorotNormal", "HeNormal", "LecunUniform", "GlorotUniform", "HeUniform")


def rows(r: Generator, target: Any = None) -> tuple[Any, Any]:
    """Return features and a target."""
    m, p = int(r.choice([1, 2, 3, 5, 8, 13, 30])), int(r.choice([1, 1, 2, 3, 5]))
    X = numbers(r, m, p)
    if target is None and r.random() < 0.3:  # a target that depends on the features
        with np.errstate(all="ignore"):
            y = X.astype(float) @ r.normal(size=p)
        if np.isfinite(y).all():
            return X, y
    return X, numbers(r, m) if target is None else target(r, m)


def labels(r: Generator, m: int) -> Any:
    """Return labels."""
    return r.integers(0, 2, size=m) if r.random() < 0.7 else np.full(m, int(r.integers(2)))


def classes(r: Generator, m: int) -> Any:
    """Return labels of up to three classes."""
    return r.integers(0, int(r.integers(1, 4)), size=m)


def weights(r: Generator, m: int) -> Any:
    """Return weights of rows, or None: whole numbers, or numbers of similar or of any sizes; some of them 0."""
    if r.random() < 0.6:
        return None
    weights = [r.integers(1, 4, size=m), r.exponential(size=m), 10.0 ** r.uniform(-40, 40, size=m)][r.integers(3)]
    left_out = r.random(m) < 0.2
    left_out[r.integers(m)] = False
    return np.where(left_out, 0, weights)


def system(r: Generator) -> Any:
    """Return a linear system of any energy."""
    energy = r.choice(["mse", "mae", "ce", "softmax"])
    intercept = bool(r.random() < 0.6)
    if energy == "ce":
        X, y = rows(r, labels)
        return pm.LogisticRegression(X, y, intercept=intercept, weights=weights(r, len(X)))
    if energy == "softmax":
        X, y = rows(r, classes)
        return pm.SoftmaxRegression(X, y, intercept=intercept, labels=range(3), weights=weights(r, len(X)))
    penalty = None
    if energy == "mse" and r.random() < 0.5:
        penalty = (pm.L1, pm.L2)[r.integers(2)](size(r), intercept=bool(r.random() < 0.5))
    X, y = rows(r)
    options: dict[str, Any] = {"energy": str(energy), "penalty": penalty, "weights": weights(r, len(X))}
    return pm.LinearRegression(X, y, intercept=intercept, **options)


def network(r: Generator) -> Any:
    """Return a network, deep or wide."""
    depth = int(r.choice([0, 1, 2, 3, 12], p=[0.1, 0.3, 0.3, 0.2, 0.1]))
    width = int(r.choice([1, 2, 5, 40]))
    X, y = rows(r)
    data: dict[str, Any] = {"y": y} if r.random() < 0.5 else {"outputs": 1}
    bias = bool(r.random() < 0.3)
    return pm.Network(X, **data, hidden=(width,) * depth, activation=str(r.choice(ACTIVATIONS)), bias=bias)


def law(r: Generator, parameters: int = 1) -> Any:
    """Return a law of independent parameters."""
    count = parameters if r.random() < 0.5 else 1
    scales = [size(r) for _ in range(count)]
    if r.random() < 0.2 and parameters > 1:
        first = int(r.integers(1, parameters))
        return pm.Mixed([size(r)] * first, [size(r)] * (parameters - first))
    if r.random() < 0.2:
        scales = [scales, scales]
    return (pm.Normal, pm.Uniform)[r.integers(2)](scales)


def linear_law(r: Generator, parameters: int) -> Any:
    """Return a law of the parameters of a linear system, of any families in any order."""
    if r.random() < 0.6:
        return law(r, parameters)
    bound = float(min(max(size(r), 1e-3), 40.0))
    if r.random() < 0.4:
        return pm.TruncatedNormal(size(r), bound=bound)
    kinds = (pm.Normal, pm.Uniform, pm.Constant, lambda scale: pm.TruncatedNormal(scale, bound=bound))
    return pm.Independent([kinds[r.integers(4)](size(r)) for _ in range(parameters)])


def layer_law(r: Generator, net: Any) -> Any:
    """Return a law of the layers of a network."""
    if r.random() < 0.3:
        biases = [_of_layer(r, value=size(r)) for _ in range(net.layers)] if net.bias else pm.Constant()
        return pm.Layers([_of_layer(r, value=0.0) for _ in range(net.layers)], biases)
    if r.random() < 0.4:
        return getattr(pm, str(r.choice(LAYER_LAWS)))(size(r))
    return pm.TorchLinear() if r.random() < 0.1 else law(r, net.layers if r.random() < 0.5 else 1)


def _of_layer(r: Generator, value: float) -> Any:
    """Return a law of the weights of a layer, or of its biases, whose constants have this value."""
    which = r.integers(5)
    if which == 0:
        return pm.Constant(value)
    if which == 1:
        return pm.TruncatedNormal(max(size(r), 1e-280), 2.0)
    if which == 2 and value == 0.0:
        return pm.Orthogonal(size(r))
    if which == 3:
        return pm.HeNormal(size(r), truncated=bool(r.integers(2)))
    return pm.TorchLinear() if r.random() < 0.2 else law(r)


def anything(r: Generator) -> tuple[Any, Any]:
    """Return a system and a law that fits."""
    if r.random() < 0.3:
        net = network(r)
        return net, layer_law(r, net)
    linear = system(r)
    return linear, linear_law(r, linear.parameters)


def _mean_energy(r: Generator) -> Any:
    method = str(r.choice(["auto", "exact", "refined", "asymptotic", "monte-carlo", "mean-field"]))
    return pm.mean_energy(*anything(r), method=method, samples=64, rng=1)


def _temperature(r: Generator) -> Any:
    method = str(r.choice(["auto", "exact", "refined", "asymptotic", "monte-carlo"]))
    return pm.temperature(*anything(r), method=method, samples=64, rng=1, resolution=size(r))


def _heat_engine(r: Generator) -> Any:
    net = network(r)
    return pm.heat_engine(net, layer_law(r, net), samples=64, rng=1)


def _minimum_energy(r: Generator) -> Any:
    described = system(r)
    return Minimised(described, pm.minimum_energy(described))


def _minimum_path(r: Generator) -> Any:
    described = pm.LinearRegression(*rows(r), penalty=(pm.L1, pm.L2)[r.integers(2)](1.0))
    return pm.minimum_path(described, [size(r) for _ in range(3)])


def _stack(r: Generator) -> Any:
    X, y = (np.stack([part, part]) for part in rows(r))
    energy = str(r.choice(["mse", "mae"]))
    return pm.temperature(pm.LinearRegression(X, y, energy=energy), pm.Normal(size(r)))


def _moments(r: Generator) -> Any:
    X, y = rows(r)
    a = pm.Moments.of(X, y)
    b = pm.Moments.of(numbers(r, 4, X.shape[1]), numbers(r, 4))
    both = a + b
    with tempfile.TemporaryDirectory() as folder:
        both.save(Path(folder) / "moments.npz")
        loaded = pm.Moments.load(Path(folder) / "moments.npz")
    left = pickle.loads(pickle.dumps(loaded)) - b
    return a, pm.minimum_energy(pm.LinearRegression.from_moments(left))


def _model(r: Generator, X: Any) -> Any:
    weights = r.normal(size=X.shape[1])

    def predict(rows: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.asarray(rows, float) @ weights)

    return predict


def _pair(r: Generator) -> tuple[Any, Any, Any]:
    X, y = rows(r)
    m = int(r.choice([1, 3, 12, 30]))
    Z, z = numbers(r, m, X.shape[1]), numbers(r, m)
    if r.random() < 0.5:  # rows as before, drawn again
        chosen = r.integers(len(X), size=m)
        Z, z = X[chosen], y[chosen]
    return (X, y), (Z, z), _model(r, X)


def _shift(r: Generator) -> Any:
    before, after, model = _pair(r)
    return pm.shift(before, after, model=model, energy="mse", resamples=99, rng=1)


def _state(r: Generator) -> Any:
    X, y = rows(r)
    return pm.DataState(X, y, model=_model(r, X), energy=str(r.choice(["mse", "mae"])))


def _monitor(r: Generator) -> Any:
    before, after, model = _pair(r)
    monitor = pm.RefreshMonitor(before, model, energy="mse", run_length=12, rng=1)
    for _ in range(3):
        monitor.update(*after)
    with tempfile.TemporaryDirectory() as folder:
        monitor.save(Path(folder) / "monitor.npz")
        loaded = pm.RefreshMonitor.load(Path(folder) / "monitor.npz", model)
    assert repr(loaded.readings) == repr(monitor.readings)
    return monitor.readings


def _drift(r: Generator) -> Any:
    X, y = numbers(r, 20, 2), numbers(r, 20)
    model = _model(r, X)
    states = [pm.DataState(X[k:], y[k:], model=model, energy="mse") for k in range(4)]
    return pm.drift(np.sort(numbers(r, 4)), states, bandwidth=size(r), resamples=99, rng=1)


def _mix(r: Generator) -> Any:
    if r.random() < 0.3:
        p = 2
        a = pm.LogisticRegression(numbers(r, 20, p), labels(r, 20))
        b = pm.LogisticRegression(numbers(r, 12, p), labels(r, 12))
    else:
        p = int(r.integers(1, 4))
        options = {"energy": str(r.choice(["mse", "mae"]))}
        a = pm.LinearRegression(numbers(r, 20, p), numbers(r, 20), **options)
        b = pm.LinearRegression(numbers(r, 12, p), numbers(r, 12), **options)
    return pm.mix(a, b, law(r))


def _collapse(r: Generator) -> Any:
    n = int(r.integers(1, 5))
    change = None if r.random() < 0.3 else float(numbers(r, 1)[0])
    return pm.collapse(
        law(r, n), r.random(n) < 0.5, resolution=min(size(r), 0.999), energy_change=change, fraction=r.random()
    )


def _sample_parameters(r: Generator) -> Any:
    return pm.sample_parameters(*anything(r), samples=3, rng=1)


def _tables(r: Generator) -> None:
    data = () if r.random() < 0.3 else rows(r)
    which = (pm.tables.systems, pm.tables.asymptotics)[r.integers(2)]
    options = {} if which is pm.tables.asymptotics else {"samples": 64, "rng": 1}
    which(*data, scale=size(r), **options)


def _sweep(r: Generator) -> None:
    described, drawn = anything(r)
    pm.sweep({"s": described}, {"l": drawn}, samples=64, rng=1).to_csv()


def _read_data(r: Generator) -> None:
    X, y = rows(r)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        head = ",".join(f"x{j}" for j in range(X.shape[1])) + ",y"
        np.savetxt(path, np.column_stack([X, y]), delimiter=",", header=head, comments="", fmt="%.17g")
        data = pm.interop.read_data(path, target="y")
        pm.Moments.scan(path, target="y")
    assert np.array_equal(data.X, X), "a file came back with other numbers"


CASES: dict[str, Callable[[Generator], Any]] = {
    "mean_energy": _mean_energy,
    "sample_energies": lambda r: pm.sample_energies(*anything(r), samples=16, rng=1),
    "sample_parameters": _sample_parameters,
    "energy_variance": lambda r: pm.energy_variance(*anything(r)),
    "minimum_energy": _minimum_energy,
    "minimum_path": _minimum_path,
    "entropy": lambda r: pm.entropy(*anything(r), resolution=size(r)),
    "temperature": _temperature,
    "stack": _stack,
    "heat_engine": _heat_engine,
    "Moments": _moments,
    "shift": _shift,
    "DataState": _state,
    "RefreshMonitor": _monitor,
    "drift": _drift,
    "mix": _mix,
    "collapse": _collapse,
    "boltzmann": lambda r: pm.boltzmann(numbers(r, 4), size(r) * r.choice([-1, 1]), metric=abs(numbers(r, 4))),
    "lorentz": lambda r: pm.lorentz(numbers(r, 2), r.uniform(-1, 1), convention="ott-arzelies"),
    "tables": _tables,
    "sweep": _sweep,
    "read_data": _read_data,
    **MORE,
}
