"""The neural networks of scikit-learn: their layers, initial laws, and `Network`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyrometer.base import described, listed, number_of, validate
from pyrometer.laws import UNIFORM, Uniform
from pyrometer.models._assemble import assembled
from pyrometer.models._built import Built
from pyrometer.models._call_sites import CallSite, Measured
from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._memory import Memory
from pyrometer.models._parameters import named
from pyrometer.models._request import Request
from pyrometer.models._sklearn._objectives import Refusal
from pyrometer.networks import Layers, Network, heat_engine
from pyrometer.results import ModelLayers

__all__ = ["PERCEPTRONS", "build", "layers_of", "measure", "network_of"]

PERCEPTRONS = ("MLPClassifier", "MLPRegressor")

# Draws where an energy cannot be computed exactly, and at most.
_SAMPLES, _MOST = 10_000, 1_000_000
# Losses, and the energy of a network that each is in proportion to.
_LOSSES = {"squared_error": "mse", "log_loss": "ce"}
# Activations: the number under the root of the bound of a layer's weights, and the name of a network's activation.
_ACTIVATIONS = {
    "relu": (6.0, "relu"),
    "tanh": (6.0, "tanh"),
    "logistic": (2.0, "sigmoid"),
    "identity": (6.0, "identity"),
}


def layers_of(
    estimator: Any, widths: tuple[int, ...] | None = None, laws: Mapping[str, Any] | None = None
) -> Layers[tuple[()]]:
    """Return the laws of the layers; `laws` names others by patterns of ``coefs_[0]``, ``intercepts_[0]`` and so on."""
    widths = _widths(estimator) if widths is None else widths
    number, _ = _activation(estimator)
    # scikit-learn draws numbers in +-bound, rounded as here.
    lengths = [2.0 * float(np.sqrt(number / (a + b))) for a, b in itertools.pairwise(widths)]
    names = [(f"coefs_[{k}]", f"intercepts_[{k}]") for k in range(len(lengths))]
    by_name = named(laws, [name for pair in names for name in pair])
    of_weights, of_biases = (
        [by_name.get(pair[kind], Uniform(length)) for pair, length in zip(names, lengths, strict=True)]
        for kind in (0, 1)
    )
    return Layers(of_weights, biases=of_biases)


def network_of(estimator: Any, X: Any, y: Any) -> Network:
    """Return the network with its data and loss.

    Raises
    ------
    Refusal
        If its objective has no counterpart.
    """
    if estimator.loss not in _LOSSES:
        raise Refusal(f"has the loss {estimator.loss!r}, and a network a squared error; set loss='squared_error'")
    if estimator.alpha != 0.0:
        raise Refusal(
            f"has a penalty, alpha={estimator.alpha!r}, and networks have none; set alpha=0.0 to leave it out"
        )
    options: dict[str, Any] = {"hidden": _hidden(estimator), "activation": _activation(estimator)[1], "bias": True}
    network = Network(X, y, energy=_LOSSES[estimator.loss], **options)
    fitted = _widths(estimator) if hasattr(estimator, "coefs_") else network.widths
    if fitted != network.widths:
        raise ValueError(
            f"X and y must have the columns and classes that the estimator was fitted to, got widths {network.widths} "
            f"for {fitted}; pass those data, or an estimator that is not fitted."
        )
    return network


def build(estimator: Any, laws: Mapping[str, Any] | None, init: Any, seed: int) -> Built:
    """Return the labels of the parameters of a fitted network, in the order of its layers.

    Raises
    ------
    TypeError
        If the estimator is no network.
    ValueError
        If the network is not fitted, or `init` is given.
    """
    del seed  # laws do not depend on it
    _require_network(estimator)
    return _built(estimator, laws, init, _widths(estimator))


def measure(estimator: Any, request: Request) -> ModelLayers:
    """Measure a network by the engine of `Network`, which is exact where it can be.

    Raises
    ------
    TypeError
        If the estimator is no network.
    ValueError
        If inputs or targets do not fit, or options are given that have no meaning here.
    """
    _require_network(estimator)
    if request.rows is not None or request.trained is not None:
        raise ValueError("rows and trained are for models of PyTorch; leave them out.")
    network = _network_of(estimator, request.inputs, request.y)
    built = _built(estimator, request.laws, request.init, network.widths)
    engine, draws = _engine(network, layers_of(estimator, network.widths, request.laws), request)
    lines = []
    for k, layer in enumerate(engine.layers):
        names = (f"coefs_[{k}]", f"intercepts_[{k}]")
        site = CallSite(
            name=names[0],
            kind="dense",
            parameters=names,
            calls=1,
            rows=network.rows,
            units=network.widths[k + 1],
            energy=layer.energy,
            averaged=False,
        )
        method = "monte-carlo" if layer.standard_error > 0.0 else "exact"
        lines.append(Measured(site, layer.energy, layer.standard_error, method))
    return assembled(type(estimator).__name__, lines, built, request, rows=network.rows, draws=draws)


def _engine(network: Network, law: Layers[tuple[()]], request: Request) -> tuple[Any, int]:
    """Return the heat engine of a network, and the draws of what was sampled."""
    samples = _SAMPLES if request.method == "auto" else request.draws
    while True:
        engine = heat_engine(network, law, method=request.method, samples=samples, rng=request.seed)
        energy, error = engine.layers.energy, engine.layers.standard_error
        if request.rtol is None or samples >= _MOST or bool((error <= request.rtol * energy).all()):
            return engine, samples if error.any() else 0
        samples *= 4


def _network_of(estimator: Any, X: Any, y: Any) -> Network:
    """Return the network that the estimator is, or becomes when it is fitted to X and y."""
    inputs, _ = validate.matrix("inputs", X)
    widths = _widths(estimator) if hasattr(estimator, "coefs_") else None
    if widths is not None and widths[0] != inputs.shape[1]:
        raise ValueError(
            f"inputs must have the {number_of(widths[0], 'column')} that the estimator was fitted to, got "
            f"{inputs.shape[1]}."
        )
    outputs = _outputs(estimator, y) if widths is None else widths[-1]
    _, activation = _activation(estimator)
    return Network(inputs, hidden=_hidden(estimator), outputs=outputs, activation=activation, bias=True)


def _built(estimator: Any, laws: Mapping[str, Any] | None, init: Any, widths: tuple[int, ...]) -> Built:
    if init is not None:
        raise ValueError("init is for models of PyTorch; scikit-learn has one law for each activation. Leave it out.")
    law, memory = layers_of(estimator, widths), Memory()
    shapes, runs = dict[str, tuple[int, ...]](), dict[str, Runs]()
    for k, (before, after) in enumerate(itertools.pairwise(widths)):
        for name, shape, scale in (
            (f"coefs_[{k}]", (before, after), law.weights[k].length),
            (f"intercepts_[{k}]", (after,), law.biases[k].length),
        ):
            label = Label(Kind.RANDOM, memory.draw(math.prod(shape)), UNIFORM, float(scale))
            shapes[name], runs[name] = shape, Runs.whole(math.prod(shape), memory.number(label))
    return Built(estimator, memory, shapes, runs, {}, named(laws, list(shapes)))


def _require_network(estimator: Any) -> None:
    if not {kind.__name__ for kind in type(estimator).__mro__} & set(PERCEPTRONS):
        raise TypeError(
            f"model must be one of [{listed(list(PERCEPTRONS), name=str)}], got {described(estimator)}; for linear "
            "estimators use pm.models.sklearn.system."
        )


def _activation(estimator: Any) -> tuple[float, str]:
    if estimator.activation not in _ACTIVATIONS:
        raise ValueError(
            f"the activation of {described(estimator)} must be one of {list(_ACTIVATIONS)}, got "
            f"{estimator.activation!r}."
        )
    return _ACTIVATIONS[estimator.activation]


def _hidden(estimator: Any) -> tuple[int, ...]:
    sizes = np.atleast_1d(np.asarray(estimator.hidden_layer_sizes)).reshape(-1)
    return tuple(validate.count("hidden_layer_sizes", size, minimum=1) for size in sizes.tolist())


def _widths(estimator: Any) -> tuple[int, ...]:
    if not hasattr(estimator, "coefs_"):
        raise ValueError(
            f"{described(estimator)} must be fitted, because the widths of its first and last layer are those of the "
            "data; call its fit(X, y) first."
        )
    return (estimator.coefs_[0].shape[0], *(weights.shape[1] for weights in estimator.coefs_))


def _outputs(estimator: Any, y: Any) -> int:
    """Return the number of outputs for targets or labels y, as scikit-learn chooses it."""
    if y is None:
        raise ValueError(
            f"y must be given for {described(estimator)} that is not fitted, because the number of outputs depends on "
            "it."
        )
    target = np.asarray(y)
    columns = math.prod(target.shape[1:])
    if columns > 1 or not hasattr(estimator, "predict_proba"):
        return columns
    classes = len(np.unique(target))
    return 1 if classes <= 2 else classes
