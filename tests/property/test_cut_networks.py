"""Layers of a network have the energies and marginal temperatures of the network that ends with them."""

import contextlib
import warnings

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.networks import ACTIVATIONS


def engine(X, widths, activations, bias, law, method):
    network = pm.Network(X, hidden=widths[:-1], outputs=widths[-1], activation=activations, bias=bias)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        return pm.heat_engine(network, law, method=method).layers


def require_same(X, widths, activations, bias, law, method):
    whole = engine(X, widths, activations, bias, law, method)
    for layer in range(1, len(widths)):
        last = engine(X, widths[:layer], activations[: layer - 1], bias, law, method)
        here, there = layer - 1, -1
        error = whole.error_bound[here] + last.error_bound[there] + 1e-13 * last.energy[there]
        assert abs(whole.energy[here] - last.energy[there]) <= error
        error = whole.marginal_error[here] + last.marginal_error[there] + 2e-9 * abs(last.marginal[there])
        assert abs(whole.marginal[here] - last.marginal[there]) <= error


@pytest.mark.parametrize(
    ("X", "widths", "activations", "gain", "bias"),
    [
        # Where the energies of later layers are smooth in ln v, panels of the layers before were not refined.
        ([[17.25867164]], [12, 1, 70, 3, 47], ["leaky_relu", "erf", "hardswish", "selu"], 1.0, False),
        (
            [[1.03113031], [1.93207]],
            [1, 31, 53, 6, 4, 2],
            ["sigmoid", "hardtanh", "hardswish", "sigmoid", "hardtanh"],
            1.0,
            True,
        ),
    ],
)
def test_panels_are_refined_in_every_layer(X, widths, activations, gain, bias):
    require_same(np.array(X), widths, activations, bias, pm.LecunNormal(gain), "exact")


@pytest.mark.parametrize("method", ["exact", "mean-field", "corrected-mean-field"])
def test_any_network(method):
    names = sorted(str(name) for name in ACTIVATIONS)
    for seed in range(30):
        random = np.random.default_rng([79, seed])
        count = int(random.integers(2, 6))
        widths = [int(width) for width in 10 ** random.uniform(0.0, 1.9, count)]
        activations = [str(name) for name in random.choice(names, count - 1)]
        X = random.normal(size=(int(random.integers(1, 5)), int(random.integers(1, 5))))
        bias = bool(random.random() < 0.5)
        law = pm.LecunNormal(10 ** random.uniform(-0.3, 0.3))
        with contextlib.suppress(ValueError) if method == "corrected-mean-field" else contextlib.nullcontext():
            require_same(X * 10 ** random.uniform(-1.0, 1.0), widths, activations, bias, law, method)
