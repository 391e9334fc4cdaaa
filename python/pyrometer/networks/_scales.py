"""Scales for which all layers have the same energy per unit, or the same temperature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from pyrometer.base import Array, described, validate
from pyrometer.laws import Family, Normal
from pyrometer.networks import _layer_energies
from pyrometer.networks._layer_spread import layers
from pyrometer.networks._network import Network
from pyrometer.thermodynamics import not_a_system

__all__ = ["balance"]

_LEAST_ENTROPY = 1e-9  # in nats of a parameter: below, T has no six digits


def balance(
    network: Network, *, energy: float = 1.0, temperature: float | None = None, law: Callable[[Any], Any] = Normal
) -> Any:
    r"""Scales of a network's layers for which each has the same energy per unit, or temperature; not in the paper.

    The energy of a unit is :math:`E_l/n_l = \sigma_l^2 q_l`, where :math:`q_l` is the mean squared norm of the layer's
    inputs, plus 1 with biases, which depends on the layers before only: the scales follow layer by layer, exactly, for
    layers of any width.

    Parameters
    ----------
    network : Network
        The network; its targets are not used.
    energy : float
        The energy :math:`E_l/n_l > 0` of a unit in every layer, without `temperature`.
    temperature : float, optional
        The temperature :math:`T = E_l/S_l` of every layer, not 0. Above a least value a positive one has two solutions
        in each layer, below it none. The one with the larger scale is returned, unless it leaves later layers without
        solution, as often with unbounded activations. A negative one has one, at scales of negative entropy.
    law : callable
        `Normal`, `Uniform`, or a function of scales that returns such a law: ``lambda s: pm.TruncatedNormal(s, 3.0)``.

    Returns
    -------
    law
        ``law(scales)``, with one scale for each layer.

    Raises
    ------
    TypeError
        If `network` is not a Network, or `law` not a function that returns a law of layers with one random family.
    ValueError
        If energies are not exact under `law` (for most activations those of laws that are not normal are sampled), if
        an argument is out of range, or if no scale has the temperature; the message has the least one.

    Notes
    -----
    With layers of :math:`N_l` parameters of entropy :math:`\ln\sigma + h` each,
    :math:`T = n_lq_l\sigma^2/(N_l(\ln\sigma + h))` is least at :math:`\ln\sigma = \tfrac12 - h`. Cost: the exact
    energies of the first l layers for each l.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 64], hidden=(256, 256), outputs=10, activation="tanh")
    >>> law = pm.balance(network)
    >>> engine = pm.heat_engine(network, law)
    >>> [round(float(e), 9) for e in engine.layers.energy / [256, 256, 10]]
    [1.0, 1.0, 1.0]
    >>> isothermal = pm.balance(network, temperature=2.0)
    >>> [round(float(T), 9) for T in pm.heat_engine(network, isothermal).layers.temperature]
    [2.0, 2.0, 2.0]
    """
    if not isinstance(network, Network):
        raise not_a_system("network", network, "a Network")
    family = _family(law)
    if temperature is not None:
        target = validate.single("temperature", temperature)
        if target == 0.0:
            raise ValueError("temperature must not be 0, got 0.0: it is that of a scale of 0; give an energy instead.")
        return law(_isothermal(network, law, family, target))
    target = validate.single("energy", energy, minimum=0.0, exclusive=True)
    scales = np.ones(network.layers)
    for layer in range(network.layers):
        scales[layer] = np.sqrt(target / _unit_energy(network, law, scales, layer))
    return law(scales)


def _isothermal(network: Network, law: Any, family: Family, temperature: float) -> Array:
    """Return scales of equal temperature: the larger solution of each layer, unless a later one then has none."""
    count = network.layers
    scales, larger, layer = np.ones(count), [temperature > 0.0] * count, 0
    while layer < count:
        unit = _unit_energy(network, law, scales, layer)
        share = network.layer_parameters[layer] / network.widths[layer + 1]
        logarithm = float(np.log(abs(temperature)) + np.log(share) - np.log(unit))
        scale = _solution(logarithm, family, positive=temperature > 0.0, larger=larger[layer])
        if scale is not None:
            entropy = float(np.log(scale)) + family.entropy
            if abs(entropy) < _LEAST_ENTROPY:
                raise ValueError(
                    f"temperature must be that of a scale, got {temperature:.6g}, for which the entropy of layer "
                    f"{layer + 1} is 0 within rounding; rescale the features."
                )
            scales[layer] = scale
            layer += 1
            continue
        before = [k for k in range(layer) if larger[k]]
        if not before:
            least = 2.0 * np.exp(1.0 - 2.0 * family.entropy) * unit / share
            raise ValueError(
                f"temperature must be at least {least:.6g} for layer {layer + 1}, or negative, got {temperature:.6g}: "
                "no scale has a positive temperature below."
            )
        layer = before[-1]
        larger[layer] = False
    return scales


def _unit_energy(network: Network, law: Any, scales: Array, layer: int) -> float:
    """Return the energy of a unit of a layer at scale 1, given the scales of those before."""
    energy = _energy(_first_layers(network, layer + 1), law(np.append(scales[:layer], 1.0)))
    if energy == 0.0:
        raise ValueError(
            f"the energy of layer {layer + 1} must depend on its scale, got inputs of 0; change the features or the "
            "activation."
        )
    return energy


def _family(law: Any) -> Family:
    """Return the family of the laws that a function makes of scales."""
    try:
        ((family, scales),) = law(np.ones(2)).segments
        if family.random and np.array_equal(scales, np.ones(2)):
            return cast("Family", family)
    except (TypeError, ValueError, AttributeError):
        pass
    raise TypeError(
        "law must be a function of scales that returns a law of layers with these scales, such as pm.Normal, got "
        f"{described(law)}."
    )


def _first_layers(network: Network, count: int) -> Network:
    """Return the network of the first layers, without targets."""
    hidden = network.widths[1:count]
    return Network(
        network.X,
        hidden=hidden,
        outputs=network.widths[count],
        activation=network.activations[: len(hidden)] or "identity",
        bias=network.bias,
    )


def _energy(network: Network, law: Any) -> float:
    """Return the exact energy of a unit of the last layer."""
    spread = layers(law, network)
    method = _layer_energies.require(network, spread, "auto")
    if method == "monte-carlo":
        raise ValueError(
            f"law must have exact energies to be balanced, got {type(law).__name__} for {network.activation}, whose "
            "energies are sampled; use pm.Normal, or the activation relu, leaky_relu or identity."
        )
    layered = _layer_energies.energies(network, spread, "exact", 2, 0, validate.threads(None))
    return float(layered.energy[-1] / network.widths[-1])


def _solution(logarithm: float, family: Family, *, positive: bool, larger: bool) -> float | None:
    r"""Return a scale s with s^2 / (ln s + h) = a, of a given logarithm of abs(a): one of two, the only one, or None.

    With x = ln s + h and c = e^(-2h) / a it is x e^(-2x) = c, at most 1/(2e), at x = 1/2.
    """
    log_c = -2.0 * family.entropy - logarithm
    if positive and log_c > -np.log(2.0) - 1.0:
        return None
    if not larger and log_c < -100.0:  # x is below the rounding of h
        return float(np.exp(-family.entropy))
    # Newton's method for |x|, of which one term is convex: ln|x| - 2 x = log c.
    sign = 1.0 if positive else -1.0
    low, high = (0.5, np.inf) if larger else (0.0, 0.5 if positive else np.inf)
    x = max(1.0, -log_c) if larger else min(0.25, np.exp(log_c))
    for _ in range(200):
        slope = 1.0 / x - 2.0 * sign
        following = x - (np.log(x) - 2.0 * sign * x - log_c) / slope if slope else x
        following = min(max(following, 0.5 * (low + x)), 0.5 * (x + high))
        done = abs(following - x) <= 4e-16 * x
        x = following
        if done:
            break
    return float(np.exp(sign * x - family.entropy))
