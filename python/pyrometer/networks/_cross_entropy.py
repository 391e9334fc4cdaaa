"""The mean cross entropy of networks (not in the paper): the chain, mean fields, limits and Monte Carlo.

Given the layer before, the outputs of a normal last layer are independent N(0, v), and labels drop out: the energy is
the mean over v of F(v) = E ln(1 + e^z) of one output, or E ln sum_c e^{z_c} of several.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer import _core
from pyrometer.base import Array, RandomSource, Tally, require_finite, validate
from pyrometer.laws import CONSTANT, NORMAL
from pyrometer.networks import _differences, _layer_energies, _sampled_callable
from pyrometer.networks._balance import balanced
from pyrometer.networks._cross_entropy_limit import limit, power
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.networks._layered import Layered, Slopes, deterministic, grown, settled
from pyrometer.networks._orthogonal import ORTHOGONAL
from pyrometer.results import Estimate, shaped
from pyrometer.thermodynamics import Evaluated

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["evaluated", "exists", "require", "spectrum"]

_LIMITS = ("refined", "asymptotic")


def exists(network: Network, spread: LayerSpread) -> bool:
    """Whether the energy has an exact method."""
    return network.named is not None and _obstacle(network, spread) is None


def _obstacle(network: Network, spread: LayerSpread) -> str | None:
    """Return why the outputs, given the inputs of their layer, are not normal of mean 0; None if they are."""
    families = (*spread.weights, *spread.biases)
    other = next((family for family in families if family is not NORMAL and family is not CONSTANT), None)
    if other is not None:
        return f"{'an' if other is ORTHOGONAL else 'a'} {other.name} law"
    return "a constant bias of one logit other than 0" if _of_labels(network, spread) else None


def _of_labels(network: Network, spread: LayerSpread) -> bool:
    """Whether the mean energy depends on the labels: that of one logit whose mean is not 0."""
    return network.widths[-1] == 1 and spread.centred[1] is not None


def require(network: Network, spread: LayerSpread, method: str) -> str:
    """Resolve the method "auto"; ValueError if there is no energy by this method, or if the first layer overflows."""
    method = validate.choice("method", method, _layer_energies.METHODS)
    _layer_energies.require_first(network, spread, method)
    obstacle = _obstacle(network, spread)
    if method == "auto":
        return "exact" if exists(network, spread) else "monte-carlo"
    if method == "monte-carlo":
        return method
    if network.named is None:
        raise ValueError(f"method={method!r} needs activations by name, got a function; use 'monte-carlo'.")
    wide = method in ("mean-field", "corrected-mean-field")
    if obstacle is not None and (not wide or _of_labels(network, spread)):
        raise ValueError(f"method={method!r} has no formula for cross entropy and {obstacle}; use 'monte-carlo'.")
    if method == "corrected-mean-field" and ORTHOGONAL in spread.weights:
        raise ValueError(
            "method='corrected-mean-field' has no formula for orthogonal layers, whose units are dependent; use "
            "'monte-carlo', or 'mean-field' for wide layers."
        )
    return method


def evaluated(
    network: Network,
    spread: LayerSpread,
    method: str,
    samples: int,
    rng: RandomSource,
    threads: int,
    *,
    slope: bool,
) -> Evaluated:
    """Mean energy, and its derivative along the logarithm of all scales."""
    method = require(network, spread, method)
    moved = _centred(network, spread)
    if method not in _LIMITS:
        moved, _ = balanced(network, moved, last=False)
    layered = _energies(network, moved, method, samples, rng, threads)
    undefined = np.full_like(layered.energy, np.nan)
    value, error = _slopes(network, moved, layered, threads) if slope else (undefined, undefined)
    estimate = Estimate(
        value=shaped(layered.energy[..., 0]),
        standard_error=shaped(layered.standard_error[..., 0]),
        error_bound=shaped(layered.error_bound[..., 0]),
        method=layered.method,
        samples=layered.samples,
    )
    return Evaluated(estimate, value[..., 0], error[..., 0], layered.tails[..., 0])


def _centred(network: Network, spread: LayerSpread) -> LayerSpread:
    """Drop a constant that is added to all of several logits, which changes nothing."""
    return spread if network.widths[-1] == 1 else spread.centred[0]


def _energies(
    network: Network, spread: LayerSpread, method: str, samples: int, rng: RandomSource, threads: int
) -> Layered:
    """Energies as of a single layer, shape (..., 1)."""
    if method in _LIMITS:
        return deterministic(limit(network, spread)[..., None], method)
    if method == "exact":
        return _exact(network, spread, samples, rng, threads)
    if method != "monte-carlo":
        return deterministic(_mean_field(network, spread, method, threads), method)
    draws, tally = validate.count("samples", samples, minimum=2), Tally()
    for part in _blocks(network, spread, draws, validate.seed(rng), threads):
        tally.add(part)
    mean, error = tally.mean(), tally.error()
    return Layered(mean, error, np.zeros_like(mean), method, draws, tally.tails())


def _exact(network: Network, spread: LayerSpread, samples: int, rng: RandomSource, threads: int) -> Layered:
    energy, error, trusted = _core.network_chain(*_arguments(network, spread, threads))
    shape, batch = (*spread.batch_shape, 1), spread.batch_shape
    # Of the last column only: copies, as parts of them may be replaced.
    energy, error = energy[:, -1].reshape(shape).copy(), error[:, -1].reshape(shape).copy()
    undecided = np.asarray(~trusted.reshape(batch))
    if not undecided.any():
        return deterministic(energy, "exact", error)
    draws, tally = validate.count("samples", samples, minimum=2), Tally(paired=True)
    for part in _chain_draws(network, spread.selected(undecided), draws, validate.seed(rng), threads):
        tally.add(part)
    return settled(energy, error, undecided, tally, draws)


def _arguments(network: Network, spread: LayerSpread, threads: int) -> tuple[Any, ...]:
    """Return the arguments of the chain and of the mean field in the core."""
    weight, bias, constant = spread.of_chain()
    widths = np.array(network.widths, dtype=np.int64)
    return str(network.named), widths, weight, bias, network.norms, threads, constant, True


def _mean_field(network: Network, spread: LayerSpread, method: str, threads: int) -> Array:
    leading, corrected = _core.network_mean_field(*_arguments(network, spread, threads))
    energy = (corrected if method == "corrected-mean-field" else leading)[:, -1].reshape(*spread.batch_shape, 1)
    if (energy < 0).any():
        raise ValueError(
            f"method={method!r} needs wider layers, got a negative energy; use 'exact', or 'mean-field', which has no "
            "correction."
        )
    return energy.copy()


def _chain_draws(
    network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int
) -> Iterator[Array]:
    """Yield energies given the layer before the last, of draws of the scalar chain: blocks of shape (..., draws, 1)."""
    outputs = network.widths[-1]
    for part in _layer_energies.chain_draws(network, spread, draws, key, threads):
        deviation = np.sqrt(part[..., -1] / outputs)
        yield _of_normal(outputs, deviation.reshape(-1)).reshape(*deviation.shape, 1)


def _of_normal(outputs: int, deviation: Array) -> Array:
    """Mean cross entropy of normal logits of these standard deviations, shape (k,)."""
    if outputs == 1:
        return _core.expectation("cross-entropy", np.zeros_like(deviation), deviation)[0]
    value: Array = _core.log_sum_exp(outputs, deviation)[0]
    return value


def _slopes(network: Network, spread: LayerSpread, layered: Layered, threads: int) -> Slopes:
    energy = layered.energy
    if layered.method in _LIMITS:
        return Slopes(power(network) * energy, np.zeros_like(energy))
    h = _differences.step(network)
    if layered.method == "monte-carlo":
        return _sampled_slopes(network, spread, layered, h, threads)
    if layered.method in ("mean-field", "corrected-mean-field"):
        return _differences.smooth_slopes(
            network, spread, energy, lambda moved: _mean_field(network, moved, layered.method, threads)
        )
    growth, error, _ = _core.network_chain_growth(*_arguments(network, spread, threads))
    slopes = grown(layered, *(each[:, -1].reshape(energy.shape) for each in (growth, error)))
    drawn = ~np.isnan(layered.tails[..., 0])
    if drawn.any():
        fields = ("energy", "standard_error", "error_bound", "tails")
        selected = layered._replace(**{name: getattr(layered, name)[drawn] for name in fields})
        slopes.value[drawn], slopes.standard_error[drawn] = _sampled_slopes(
            network, spread.selected(drawn), selected, h, threads
        )
    return slopes


def _sampled_slopes(network: Network, spread: LayerSpread, layered: Layered, h: float, threads: int) -> Slopes:
    """Central differences with common random numbers."""
    moved, key = spread.times(np.exp(h * np.array([-1.0, 1.0]))), validate.seed(0)
    blocks = _blocks if layered.method == "monte-carlo" else _chain_draws
    draws = min(layered.samples, _differences.SLOPE_DRAWS) if layered.method == "monte-carlo" else layered.samples
    return _differences.by_differences(layered, list(blocks(network, moved, draws, key, threads)), h, network.layers)


# ---- Monte Carlo


def _blocks(network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int) -> Iterator[Array]:
    """Yield energies of draws, blocks of shape (..., draws, 1): the mean over all labels, where these drop out."""
    labels = network.y if _of_labels(network, spread) else None
    rows = _layer_energies.rows_of_draws(network, spread, threads)
    block = max(1, _layer_energies.BLOCK // max(1, spread.weight.size))
    for first in range(0, draws, block):
        count = min(block, draws - first)
        yield _draws(network, spread, key, first, count, rows, labels, threads)[..., None]


def spectrum(network: Network, spread: LayerSpread, draws: range, key: tuple[int, int], threads: int) -> Array:
    """Mean cross entropies of draws, shape (..., draws), from all rows and their labels."""
    _layer_energies.require_norms(network)
    spread, _ = balanced(network, _centred(network, spread), last=False)
    result = _draws(network, spread, key, draws.start, len(draws), 0, network.y, threads)
    require_finite(result)
    return result


def _draws(
    network: Network,
    spread: LayerSpread,
    key: tuple[int, int],
    first: int,
    draws: int,
    rows: int,
    labels: Any,
    threads: int,
) -> Array:
    if network.named is None:
        result = _sampled_callable.cross_entropies(network, spread, key, first, draws, labels)
    else:
        weight, bias = spread.flat()
        result = _core.sample_network_cross_entropy(
            network.X, labels, np.array(network.widths, dtype=np.int64), network.named, spread.families, weight, bias,
            key, first, draws, rows, threads,
        )  # fmt: skip
    return result.reshape(*spread.batch_shape, draws)
