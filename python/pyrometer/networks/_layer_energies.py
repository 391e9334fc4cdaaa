"""Energies of the layers of a network: closed forms, limits, mean fields, exact chains and Monte Carlo.

Every function returns, for each law of a batch and each layer, the mean over rows of the sum over units of the squared
pre-activations, E_l = <|z^(l)|^2>, (5.12).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyrometer import _core
from pyrometer.base import Array, RandomSource, Tally, require_finite, require_normal, unreliable, validate
from pyrometer.errors import SimulationWarning
from pyrometer.networks import _sampled_callable
from pyrometer.networks._balance import balanced, unbalanced
from pyrometer.networks._initialisations import LayerSpread

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = ["METHODS", "Layered", "Slopes", "energies", "exists", "require", "require_norms", "slopes", "spectrum"]

METHODS = ("auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo")

_HOPELESS = 10.0
_LEAST_NORM = 1e-290
# Numbers that the core returns at once: 32 MB.
_BLOCK = 1 << 22
# Draws of a derivative, at most, where energies are averages over sampled networks.
_SLOPE_DRAWS = 1000


class Layered(NamedTuple):
    """Energies of layers, shape (..., L), what is known of their errors, and what ran.

    ``dominated`` is the share of one draw in the squared deviations of all; nan where nothing was drawn.
    """

    energy: Array
    standard_error: Array
    error_bound: Array
    method: str
    samples: int
    dominated: Array


class Slopes(NamedTuple):
    """Derivatives of energies along the common logarithm of all scales, shape (..., L), and their standard errors."""

    value: Array
    standard_error: Array


def exists(network: Network, spread: LayerSpread) -> bool:
    """Whether the energies have an exact method."""
    return _closed(network) or _chained(network, spread)


def _closed(network: Network) -> bool:
    """Whether the energies are in closed form: phi(z)^2 is a multiple of z^2 on the average, or there is no phi."""
    return network.layers == 1 or (network.record is not None and network.record.homogeneous)


def _chained(network: Network, spread: LayerSpread) -> bool:
    return isinstance(network.activation, str) and not spread.uniform


def energies(
    network: Network, spread: LayerSpread, method: str, samples: int, rng: RandomSource, threads: int
) -> Layered:
    """Energies of all layers by a method of `METHODS`; `threads` as the core takes them, 0 for all."""
    method = require(network, spread, method)
    if method in ("refined", "asymptotic") and not _closed(network):
        return _answer(_limit(network, spread), method)
    moved, shift = balanced(network, spread)
    found = _energies(network, moved, method, samples, rng, threads)
    energy, error, bound = (unbalanced(part, shift) for part in found[:3])
    _require_layers(energy)
    return Layered(energy, error, bound, *found[3:])


def _energies(
    network: Network, spread: LayerSpread, method: str, samples: int, rng: RandomSource, workers: int
) -> Layered:
    if method == "monte-carlo":
        draws = validate.count("samples", samples, minimum=2)
        return _sampled(network, spread, draws, validate.seed(rng), workers)
    if method == "exact":
        return _exact(network, spread, samples, rng, workers)
    if method in ("refined", "asymptotic"):
        return _answer(_limit(network, spread), method)
    energy = _mean_field(network, spread, workers)[method == "corrected-mean-field"]
    if (energy < 0).any():
        raise ValueError(
            f"method={method!r} needs wider layers, got a negative energy; use 'exact', or 'mean-field' without its "
            "correction."
        )
    return _answer(energy, method)


def require(network: Network, spread: LayerSpread, method: str) -> str:
    """Return the method that "auto" is, any other as it is; ValueError if the network has no such energies."""
    method = validate.choice("method", method, METHODS)
    require_norms(network)
    # What overflows is not worth the attempt.
    moved, shift = balanced(network, spread)
    known = unbalanced(_limit(network, moved), shift)
    if _closed(network):
        _require_layers(known)
        require_normal(known[..., -1] + network.target_square, network.surely_positive())
    else:
        _require_layers(known[..., :1])
    if method == "auto":
        return "exact" if exists(network, spread) else "monte-carlo"
    if method == "monte-carlo" or (method == "exact" and exists(network, spread)):
        return method
    if not isinstance(network.activation, str):
        raise ValueError(f"method={method!r} needs an activation by name, got a function; use 'monte-carlo'.")
    if method == "exact":
        raise ValueError(
            f"method='exact' has no formula for a uniform law with hidden layers of {network.activation!r}; use "
            "'monte-carlo', or 'mean-field' for wide layers."
        )
    return method


def require_norms(network: Network) -> None:
    """Refuse rows whose squared norms leave the range of a double."""
    most = network.norms.max()
    if not np.isfinite(most) or (most < _LEAST_NORM and network.X.any()):
        raise ValueError(
            f"the squared norm of a row of X must be from {_LEAST_NORM:g} to 1.8e308, got {most:g} as the largest one; "
            "rescale the features."
        )


def _require_layers(energy: Array) -> None:
    """Refuse energies that left the range of a double, by their layer."""
    bad = ~np.isfinite(energy)
    if bad.any():
        layer = int(np.argmax(bad.any(axis=tuple(range(energy.ndim - 1)))))
        raise ValueError(
            f"the energy must be below 1.8e308, got an overflow in layer {layer + 1}; use a smaller scale or rescale "
            "the features."
        )


def slopes(network: Network, spread: LayerSpread, found: Layered, threads: int) -> Slopes:
    """Derivative of each layer's energy along the common logarithm of all scales.

    Closed forms, limits and exact chains by their derivative; mean fields by central differences of ln E at fourth
    order, draws, in common, at second. nan, with a warning, where draws do not tell.
    """
    spread, shift = balanced(network, spread)
    found = found._replace(
        energy=unbalanced(found.energy, -shift), standard_error=unbalanced(found.standard_error, -shift)
    )
    value, error = _slopes(network, spread, found, threads)
    value, error = unbalanced(value, shift), unbalanced(error, shift)
    if np.isinf(value).any():
        raise ValueError("the marginal temperature must be below 1.8e308, got an overflow; use a smaller scale.")
    return Slopes(value, error)


def _slopes(network: Network, spread: LayerSpread, found: Layered, workers: int) -> Slopes:
    if found.method in ("refined", "asymptotic") or _closed(network):
        # A layer whose energy is no double may lead to one whose energy is.
        energy = np.where(found.energy > 0, found.energy, _limit(network, spread))
        return _certain(_limit_slope(network, spread, energy))
    # Scales of many layers add up: what a step does to the last one stays the same.
    deep = max(1.0, network.layers / 10.0)
    if found.method == "monte-carlo" and not _chained(network, spread):
        return _sampled_slopes(network, spread, found, 0.1 / deep, workers)
    h = 0.01 / deep
    if found.method in ("mean-field", "corrected-mean-field"):
        weights = np.array([1.0, -8.0, 8.0, -1.0]) / 12.0
        moved = spread.times(np.exp(h * np.array([-2.0, -1.0, 1.0, 2.0])))
        values = _mean_field(network, moved, workers)[found.method == "corrected-mean-field"]
        return _certain(_times_growth(found.energy, values, weights / h))
    growth, trusted = _chain_growth(network, spread, workers)
    slope = _certain(np.where(found.energy > 0, found.energy * growth, 0.0))
    doubted = np.asarray(~trusted)
    if found.method == "scalar-chain":
        doubted |= ~np.isnan(found.dominated).all(axis=-1)
    if doubted.any():
        energy, error, dominated = (part[doubted] for part in (found.energy, found.standard_error, found.dominated))
        rest = found._replace(energy=energy, standard_error=error, dominated=dominated)
        sampled = _sampled_slopes(network, spread.some(doubted), rest, h, workers)
        slope.value[doubted], slope.standard_error[doubted] = sampled
    return slope


def _certain(slope: Array) -> Slopes:
    return Slopes(slope, np.zeros_like(slope))


def _times_growth(energy: Array, values: Array, weights: Array) -> Array:
    """The derivative from energies (steps, ..., L) at scales about those of `energy`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.log(values)
        # In this order whatever the batch: a law's bits do not depend on its company.
        growth = sum(weight * part for weight, part in zip(weights, logarithms, strict=True))
    # A layer without energy keeps none.
    return np.where(energy > 0, energy * growth, 0.0)


def _sampled_slopes(network: Network, spread: LayerSpread, found: Layered, h: float, threads: int) -> Slopes:
    """Central differences of draws that both scales have in common, with an error from the draws."""
    # Draws of their own: the source of the others has moved on.
    moved, key, tally = spread.times(np.exp(h * np.array([-1.0, 1.0]))), validate.seed(0), Tally()
    if _chained(network, spread) and found.method != "monte-carlo":
        draws = found.samples or _SLOPE_DRAWS
        blocks = list(_chain_draws(network, moved, draws, key, threads))
    else:
        draws = min(found.samples, _SLOPE_DRAWS)
        blocks = list(_blocks(network, moved, draws, key, threads))
    down, up = np.concatenate(blocks, axis=-2)
    means = down.mean(axis=-2), up.mean(axis=-2)
    value = _times_growth(found.energy, np.stack(means), np.array([-0.5, 0.5]) / h)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of the logarithms' difference, to first order; and of the energy that it is multiplied with.
        part = (up / means[1][..., None, :] - down / means[0][..., None, :]) * (0.5 / h)
        tally.add(np.nan_to_num(part))
        error = np.hypot(found.energy * tally.error(), value * np.nan_to_num(found.standard_error / found.energy))
    lost = unreliable(value, error, np.maximum(tally.dominated(), np.nan_to_num(found.dominated)))
    if lost.any():
        warnings.warn(
            SimulationWarning(
                "The marginal temperature is nan: the standard error of its draws exceeds a tenth of it, or rests on "
                "one draw; use more samples."
            ),
            stacklevel=2,
        )
    nothing = np.where(lost, np.nan, 1.0)
    return Slopes(value * nothing, error * nothing)


def spectrum(network: Network, spread: LayerSpread, draws: range, key: tuple[int, int], threads: int) -> Array:
    """Energies of draws, shape (..., draws): the mean squared error, or the outputs' mean square without targets."""
    first, count = draws.start, len(draws)
    require_norms(network)
    spread, shift = balanced(network, spread, last=network.y is None)
    if not isinstance(network.activation, str):
        result = _sampled_callable.errors(network, spread, key, first, count)
    elif network.y is None:
        result = _draws(network, spread, key, first, count, 0, threads, averaged=False)[..., -1]
    else:
        weight, bias = spread.flat()
        result = _core.sample_network_errors(
            network.X, network.y, _widths(network), network.activation, spread.uniform, weight, bias, key, first,
            count, 0, False, threads,
        )  # fmt: skip
    result = unbalanced(result.reshape(*spread.batch_shape, count), shift[..., -1:])
    require_finite(result)
    return result


def _answer(energy: Array, method: str, error_bound: Array | None = None) -> Layered:
    require_finite(energy)
    none = np.zeros_like(energy)
    nothing = np.full_like(energy, np.nan)
    return Layered(energy, none, none if error_bound is None else error_bound, method, 0, nothing)


def _widths(network: Network) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(network.widths, dtype=np.int64)


# ---- exact


def _exact(network: Network, spread: LayerSpread, samples: int, rng: RandomSource, threads: int) -> Layered:
    if _closed(network):
        return _answer(_limit(network, spread), "exact")
    energy, error, trusted = _chain(network, spread, threads)
    standard_error = np.zeros_like(energy)
    if trusted.all():
        return _answer(energy, "exact", error)
    draws, tally = validate.count("samples", samples, minimum=2), Tally(paired=True)
    doubted = np.asarray(~trusted)
    dominated = np.full_like(energy, np.nan)
    for part in _chain_draws(network, spread.some(doubted), draws, validate.seed(rng), threads):
        tally.add(part)
    energy[doubted], standard_error[doubted], error[doubted] = tally.mean(), tally.error(), 0.0
    dominated[doubted] = tally.dominated()
    require_finite(energy)
    return Layered(energy, standard_error, error, "scalar-chain", draws, dominated)


def _chain_draws(
    network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int
) -> Iterator[Array]:
    """Yield energies of draws of the scalar chain, block after block, shape (..., draws, L)."""
    weight, bias = spread.flat()
    block = max(2, _BLOCK // weight.size // 2 * 2)
    for first in range(0, draws, block):
        count = min(block, draws - first)
        part = _core.network_chain_draws(
            str(network.activation), _widths(network), weight, bias, network.norms, key, first, count, draws, threads
        )
        yield part.reshape(*spread.batch_shape, count, network.layers)


def _chain(network: Network, spread: LayerSpread, threads: int) -> tuple[Array, Array, np.ndarray]:
    weight, bias = spread.flat()
    energy, error, trusted = _core.network_chain(
        str(network.activation), _widths(network), weight, bias, network.norms, threads
    )
    shape = spread.weight.shape
    return energy.reshape(shape), error.reshape(shape), trusted.reshape(spread.batch_shape)


def _chain_growth(network: Network, spread: LayerSpread, threads: int) -> tuple[Array, np.ndarray]:
    weight, bias = spread.flat()
    growth, trusted = _core.network_chain_growth(
        str(network.activation), _widths(network), weight, bias, network.norms, threads
    )
    return growth.reshape(spread.weight.shape), trusted.reshape(spread.batch_shape)


def _mean_field(network: Network, spread: LayerSpread, threads: int) -> tuple[Array, Array]:
    weight, bias = spread.normal().flat()
    leading, corrected = _core.network_mean_field(
        str(network.activation), _widths(network), weight, bias, network.norms, threads
    )
    return leading.reshape(spread.weight.shape), corrected.reshape(spread.weight.shape)


# ---- limits of wide laws


def _limit(network: Network, spread: LayerSpread) -> Array:
    """(5.13) with (5.4), (5.7) or (5.9): exact where phi(z)^2 is a multiple of z^2 or there is one layer."""
    weight, bias = spread.variances()
    energy = np.empty_like(weight)
    square = network.norms.mean()
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, width in enumerate(network.widths[1:]):
            energy[..., layer] = width * (weight[..., layer] * square + bias[..., layer])
            if network.record is None:
                square = np.nan  # nothing is known of layers behind a function
            elif network.record.saturation is not None:
                square = network.record.saturation * width
            else:
                square = network.record.second_moment * energy[..., layer]
    return energy


def _limit_slope(network: Network, spread: LayerSpread, energy: Array) -> Array:
    """Derivative of `_limit`: 2 E_l, and what the energy of the layer before grows by."""
    weight, _ = spread.variances()
    with np.errstate(over="ignore", invalid="ignore"):
        slope = 2.0 * energy
        if network.layers == 1:
            return slope
        assert network.record is not None  # `require` refuses limits of functions
        if network.record.saturation is not None:
            return slope
        for layer, width in enumerate(network.widths[2:], start=1):
            slope[..., layer] += width * weight[..., layer] * network.record.second_moment * slope[..., layer - 1]
    return slope


# ---- Monte Carlo


def _sampled(network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int) -> Layered:
    """Average over draws, block after block, each merged into mean and sum of squares."""
    if network.layers == 1:
        # Averaged over its own weights, a single layer leaves nothing to draw.
        return _answer(_limit(network, spread), "monte-carlo")._replace(samples=draws)
    _warn(network, spread)
    tally = Tally()
    for part in _blocks(network, spread, draws, key, threads):
        tally.add(part)
    mean, error = tally.mean(), tally.error()
    return Layered(mean, error, np.zeros_like(mean), "monte-carlo", draws, tally.dominated())


def _blocks(network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int) -> Iterator[Array]:
    """Yield energies of draws, block after block, shape (..., draws, L)."""
    block, rows = max(1, _BLOCK // max(1, spread.weight.size)), _rows(network, spread, key, threads)
    for first in range(0, draws, block):
        yield _draws(network, spread, key, first, min(block, draws - first), rows, threads, averaged=True)


def _draws(
    network: Network,
    spread: LayerSpread,
    key: tuple[int, int],
    first: int,
    draws: int,
    rows: int,
    threads: int,
    *,
    averaged: bool,
) -> Array:
    """Energies of the layers in each draw of so many rows (0 for all), shape (..., draws, L)."""
    if isinstance(network.activation, str):
        weight, bias = spread.flat()
        result = _core.sample_network(
            network.X, _widths(network), network.activation, spread.uniform, weight, bias, key, first, draws, rows,
            averaged, threads,
        )  # fmt: skip
    else:
        result = _sampled_callable.energies(network, spread, key, first, draws, averaged=averaged)
    energy: Array = result.reshape(*spread.batch_shape, draws, network.layers)
    return energy


def _rows(network: Network, spread: LayerSpread, key: tuple[int, int], threads: int) -> int:
    """Rows a draw for the smallest standard error per second; 0 for all."""
    if not isinstance(network.activation, str):
        return 0
    weight, bias = spread.flat()
    rows: int = _core.network_rows(
        network.X, _widths(network), network.activation, spread.uniform, weight, bias, key, True, threads
    )
    return rows


def deviation(network: Network, spread: LayerSpread) -> Array:
    """Relative standard deviation of the last layer's energy per draw, for one row and a positively homogeneous phi.

    The product of (1 + 5/n_l) over hidden ReLU layers, less 1; 0 where there is no formula.
    """
    record = network.record
    if record is None or not record.homogeneous:
        return np.zeros(spread.batch_shape)
    ratio = record.fourth_moment / record.second_moment**2 - 1.0
    with np.errstate(over="ignore"):
        growth = np.prod([1.0 + ratio / width for width in network.widths[1:-1]])
        return np.full(spread.batch_shape, np.sqrt(growth - 1.0))


def _warn(network: Network, spread: LayerSpread) -> None:
    worst = float(deviation(network, spread).max(initial=0.0)) if not network.bias else 0.0
    if worst > _HOPELESS:
        warnings.warn(
            SimulationWarning(
                f"One draw of the energy deviates from its mean by {worst:.3g} times the mean: simulation cannot see "
                "it, and neither can its standard error; use method='exact'."
            ),
            stacklevel=2,
        )
