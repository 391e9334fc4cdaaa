"""Energies of the layers of a network: closed forms, limits, mean fields, exact chains and Monte Carlo.

The energy of a layer is the mean over rows of the squared norm of its pre-activations, E_l = <|z^(l)|^2>, (5.12).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pyrometer import _core
from pyrometer.base import Array, RandomSource, Tally, require_finite, require_normal, validate, warn_caller
from pyrometer.errors import SimulationWarning
from pyrometer.laws import CONSTANT, NORMAL, Family
from pyrometer.networks import _differences, _sampled_callable
from pyrometer.networks._balance import balanced, unbalanced
from pyrometer.networks._layer_spread import LayerSpread
from pyrometer.networks._layered import Layered, Slopes, deterministic, grown, settled
from pyrometer.networks._orthogonal import ORTHOGONAL

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = [
    "METHODS",
    "Layered",
    "Slopes",
    "energies",
    "exists",
    "positive",
    "require",
    "require_norms",
    "settled",
    "slopes",
    "spectrum",
]

METHODS = ("auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo")

# Relative standard deviation of a draw above which Monte Carlo is warned of; smallest largest norm of a row.
_MOST_DEVIATION = 10.0
_LEAST_NORM = 1e-290
# Most numbers that the core returns in one call: 32 MB.
BLOCK = 1 << 22


def exists(network: Network, spread: LayerSpread) -> bool:
    """Whether the energies have an exact method."""
    return _closed(network, spread) or _chained(network, spread)


def _closed(network: Network, spread: LayerSpread) -> bool:
    """Whether the energies have a closed form: E phi(z)^2 is a multiple of E z^2, or there is a single layer."""
    if network.layers == 1:
        return True
    records, shift = [record for record in network.records if record is not None and record.homogeneous], spread.shift
    if len(records) < network.layers - 1:
        return False
    # z is symmetric but for constant biases.
    return shift is None or all(record.linear for record in records) or not shift[..., :-1].any()


def _chained(network: Network, spread: LayerSpread) -> bool:
    """Whether the squared norms of the layers are a Markov chain that the core integrates."""
    return network.named is not None and _not_normal(spread) is None


def _not_normal(spread: LayerSpread) -> Family | None:
    """Return the first family of a hidden layer whose pre-activations are not normal; None if there is none.

    Of the last layer only variances matter.
    """
    hidden = (*spread.weights[:-1], *spread.biases[:-1])
    return next((family for family in hidden if family is not NORMAL and family is not CONSTANT), None)


def energies(
    network: Network,
    spread: LayerSpread,
    method: str,
    samples: int,
    rng: RandomSource,
    threads: int,
    *,
    unbounded: bool = False,
) -> Layered:
    """Energies of all layers by a method of `METHODS`; 0 threads means all.

    With `unbounded` energies that overflow or underflow are inf or 0, with their logarithms.
    """
    method = require(network, spread, method, unbounded=unbounded)
    if method in ("refined", "asymptotic") and not _closed(network, spread):
        return deterministic(_limit(network, spread), method)
    spread, mean = spread.centred
    moved, shift = balanced(network, spread)
    result = _energies(network, moved, method, samples, rng, threads)
    energy, centred, logarithm = unbalanced(result.energy, shift), None, None
    if mean is not None:
        energy = energy.copy()
        centred = energy[..., -1].copy()
        with np.errstate(over="ignore"):
            energy[..., -1] += network.widths[-1] * mean**2
    if unbounded:
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.log(result.energy) - 2.0 * np.log(2.0) * shift
            if mean is not None:
                logarithm[..., -1] = np.logaddexp(
                    logarithm[..., -1], np.log(network.widths[-1]) + 2.0 * np.log(np.abs(mean))
                )
    _require_layers(energy if logarithm is None else np.where(np.isfinite(logarithm), 0.0, energy))
    return result._replace(
        energy=energy,
        standard_error=unbalanced(result.standard_error, shift),
        error_bound=unbalanced(result.error_bound, shift),
        centred=centred,
        logarithm=logarithm,
        scaled=(result.energy, result.standard_error),
    )


def _energies(
    network: Network, spread: LayerSpread, method: str, samples: int, rng: RandomSource, workers: int
) -> Layered:
    if method == "monte-carlo":
        draws = validate.count("samples", samples, minimum=2)
        return _sampled(network, spread, draws, validate.seed(rng), workers)
    if method == "exact":
        return _exact(network, spread, samples, rng, workers)
    if method in ("refined", "asymptotic"):
        return deterministic(_limit(network, spread), method)
    energy = _mean_field(network, spread, method, workers)
    if (energy < 0).any():
        raise ValueError(
            f"method={method!r} needs wider layers, got a negative energy; use 'exact', or 'mean-field', which has no "
            "correction."
        )
    return deterministic(energy, method)


def require(network: Network, spread: LayerSpread, method: str, *, unbounded: bool = False) -> str:
    """Resolve the method "auto"; ValueError if the network has no energies by this method, or if they overflow."""
    method = validate.choice("method", method, METHODS)
    limit = require_first(network, spread, method, unbounded=unbounded)
    if _closed(network, spread) and not unbounded:
        _require_layers(limit)
        require_normal(limit[..., -1] + network.target_square, lambda: positive(network, spread)[..., -1])
    if method == "auto":
        return "exact" if exists(network, spread) else "monte-carlo"
    if method == "monte-carlo" or (method == "exact" and exists(network, spread)):
        return method
    if network.named is None:
        raise ValueError(f"method={method!r} needs an activation by name, got a function; use 'monte-carlo'.")
    other = _not_normal(spread)
    if method == "exact" and other is not None:
        raise ValueError(
            f"method='exact' has no formula for {'an' if other is ORTHOGONAL else 'a'} {other.name} law with hidden "
            f"layers of {network.activation!r}; use 'monte-carlo', or 'mean-field' for wide layers."
        )
    if method == "corrected-mean-field" and ORTHOGONAL in spread.weights[:-1]:
        raise ValueError(
            "method='corrected-mean-field' has no formula for orthogonal hidden layers, whose units are dependent; use "
            "'monte-carlo', or 'mean-field' for wide layers."
        )
    return method


def require_first(network: Network, spread: LayerSpread, method: str, *, unbounded: bool = False) -> Array:
    """Return energies as in the limit; ValueError if the first overflows, before any draws, or the law has no limit."""
    require_norms(network)
    if method in ("refined", "asymptotic"):
        _require_limit(spread, method)
    moved, shift = balanced(network, spread)
    limit = unbalanced(_limit(network, moved), shift)
    if not unbounded:
        _require_layers(limit[..., :1])
    return limit


def _require_limit(spread: LayerSpread, method: str) -> None:
    """Raise ValueError for laws that have no limit of wide laws: those with constants or without an entropy."""
    refused = next((family for family in spread.weights if family in (CONSTANT, ORTHOGONAL)), None)
    if refused is not None or spread.shift is not None:
        refused_law = "constant biases" if refused is None else f"{refused.name} weights"
        raise ValueError(
            f"method={method!r} needs random weights with an entropy in every layer, and biases that are random or 0, "
            f"got {refused_law}; use 'auto'."
        )


def positive(network: Network, spread: LayerSpread) -> np.ndarray:
    """Whether the energy of each layer is certainly above 0, shape (..., L)."""
    result = np.zeros(spread.weight.shape, dtype=bool)
    inputs: np.ndarray | bool = bool(network.X.any())
    for layer, record in enumerate((*network.records, None)):
        result[..., layer] = (spread.weight[..., layer] != 0.0) & inputs | (spread.bias[..., layer] != 0.0)
        inputs = record is not None and (result[..., layer] | (record.at_zero != 0.0))
    return result


def require_norms(network: Network) -> None:
    """Raise ValueError if squared norms of rows overflow or underflow."""
    most = network.norms.max()
    if not np.isfinite(most) or (most < _LEAST_NORM and network.X.any()):
        raise ValueError(
            f"the largest squared norm of a row of X must be from {_LEAST_NORM:g} to 1.8e308, got {most:g}; "
            "rescale the features."
        )


def _require_layers(energy: Array) -> None:
    """Raise ValueError, with the layer, for energies that overflowed."""
    bad = ~np.isfinite(energy)
    if bad.any():
        layer = int(np.argmax(bad.any(axis=tuple(range(energy.ndim - 1)))))
        raise ValueError(
            f"the energy must be below 1.8e308, got an overflow in layer {layer + 1}; use a smaller scale, rescale the "
            "features, or see layers.log_energy of pm.heat_engine."
        )


def slopes(network: Network, spread: LayerSpread, layered: Layered, threads: int, *, unbounded: bool = False) -> Slopes:
    """Derivative of each layer's energy with respect to the logarithm of all scales.

    Closed forms, limits and exact chains are differentiated analytically, and carry the standard errors of energies
    from draws; mean fields by central differences of ln E of fourth order, other draws by those of second order with
    common random numbers. nan, with a warning, where the standard error of such a difference is too large; inf with
    `unbounded`, else a ValueError, where it overflows.
    """
    spread, _ = spread.centred
    spread, shift = balanced(network, spread)
    energy = layered.energy
    if layered.centred is not None:
        energy = energy.copy()
        energy[..., -1] = layered.centred
    error, bound = layered.standard_error, layered.error_bound
    if shift.any():
        scaled, error, bound = (unbalanced(each, -shift) for each in (energy, error, bound))
        if layered.scaled is not None:
            lost = ~np.isfinite(energy) | (energy < np.finfo(float).tiny)
            scaled, error = np.where(lost, layered.scaled[0], scaled), np.where(lost, layered.scaled[1], error)
        energy = scaled
    layered = layered._replace(energy=energy, standard_error=error, error_bound=bound)
    value, error = _slopes(network, spread, layered, threads)
    value, error = unbalanced(value, shift), unbalanced(error, shift)
    if np.isinf(value).any() and not unbounded:
        raise ValueError("the marginal temperature must be below 1.8e308, got an overflow; use a smaller scale.")
    return Slopes(value, error)


def _slopes(network: Network, spread: LayerSpread, layered: Layered, workers: int) -> Slopes:
    if layered.method in ("refined", "asymptotic") or _closed(network, spread):
        # The energy of a layer may underflow where that of a later one does not.
        energy, above = layered.energy, layered.energy > 0
        if not above.all():
            energy = np.where(above, energy, _limit(network, spread))
        error = _through_layers(network, spread, 2.0 * layered.standard_error)
        return Slopes(_limit_slope(network, spread, energy), error)
    h = _differences.step(network)
    if layered.method == "monte-carlo" and not _chained(network, spread):
        return _sampled_slopes(network, spread, layered, h, workers)
    if layered.method in ("mean-field", "corrected-mean-field"):
        return _differences.smooth_slopes(
            network, spread, layered.energy, lambda moved: _mean_field(network, moved, layered.method, workers)
        )
    growth, error, trusted = _chain_growth(network, spread, workers)
    slope = grown(layered, growth, error)
    undecided = np.asarray(~trusted)
    if layered.method == "scalar-chain":
        undecided |= ~np.isnan(layered.tails).all(axis=-1)
    if undecided.any():
        selected = layered._replace(
            energy=layered.energy[undecided],
            standard_error=layered.standard_error[undecided],
            tails=layered.tails[undecided],
        )
        sampled = _sampled_slopes(network, spread.selected(undecided), selected, h, workers)
        slope.value[undecided], slope.standard_error[undecided] = sampled
    return slope


def _sampled_slopes(network: Network, spread: LayerSpread, layered: Layered, h: float, threads: int) -> Slopes:
    """Central differences with common random numbers, and their standard errors."""
    # A fixed seed: the source of the other draws may have advanced.
    moved, key = spread.times(np.exp(h * np.array([-1.0, 1.0]))), validate.seed(0)
    if _chained(network, spread) and layered.method != "monte-carlo":
        draws = layered.samples or _differences.SLOPE_DRAWS
        blocks = list(chain_draws(network, moved, draws, key, threads))
    else:
        draws = min(layered.samples, _differences.SLOPE_DRAWS)
        blocks = list(_blocks(network, moved, draws, key, threads))
    return _differences.by_differences(layered, blocks, h, np.arange(1, network.layers + 1))


def spectrum(network: Network, spread: LayerSpread, draws: range, key: tuple[int, int], threads: int) -> Array:
    """Energies of draws, shape (..., draws): the mean squared error, or without targets the mean square of outputs."""
    first, count = draws.start, len(draws)
    require_norms(network)
    spread, shift = balanced(network, spread, last=network.y is None)
    if network.named is None:
        result = _sampled_callable.errors(network, spread, key, first, count)
    elif network.y is None:
        result = _draws(network, spread, key, first, count, 0, threads, averaged=False)[..., -1]
    else:
        weight, bias = spread.flat()
        result = _core.sample_network_errors(
            network.X, network.y, _widths(network), network.named, spread.families, weight, bias, key, first,
            count, 0, False, threads,
        )  # fmt: skip
    result = unbalanced(result.reshape(*spread.batch_shape, count), shift[..., -1:])
    require_finite(result)
    return result


def _widths(network: Network) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(network.widths, dtype=np.int64)


# ---- exact


def _exact(network: Network, spread: LayerSpread, samples: int, rng: RandomSource, threads: int) -> Layered:
    if _closed(network, spread):
        return deterministic(_limit(network, spread), "exact")
    energy, error, trusted = _chain(network, spread, threads)
    if trusted.all():
        return deterministic(energy, "exact", error)
    draws, tally = validate.count("samples", samples, minimum=2), Tally(paired=True)
    undecided = np.asarray(~trusted)
    for part in chain_draws(network, spread.selected(undecided), draws, validate.seed(rng), threads):
        tally.add(part)
    result = settled(energy, error, undecided, tally, draws)
    require_finite(result.energy)
    return result


def chain_draws(
    network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int
) -> Iterator[Array]:
    """Yield energies of draws of the scalar chain in blocks of shape (..., draws, L)."""
    weight, bias, constant = spread.of_chain()
    block = max(2, BLOCK // weight.size // 2 * 2)
    for first in range(0, draws, block):
        count = min(block, draws - first)
        part = _core.network_chain_draws(
            str(network.named), _widths(network), weight, bias, network.norms, key, first, count, draws, threads,
            constant,
        )  # fmt: skip
        yield part.reshape(*spread.batch_shape, count, network.layers)


def _chain(network: Network, spread: LayerSpread, threads: int) -> tuple[Array, Array, np.ndarray]:
    """Energies of the chain by quadrature, their error bounds, and for which laws these are valid."""
    weight, bias, constant = spread.of_chain()
    energy, error, trusted = _core.network_chain(
        str(network.named), _widths(network), weight, bias, network.norms, threads, constant
    )
    shape = spread.weight.shape
    return energy.reshape(shape), error.reshape(shape), trusted.reshape(spread.batch_shape)


def _chain_growth(network: Network, spread: LayerSpread, threads: int) -> tuple[Array, Array, np.ndarray]:
    """Derivatives of the logarithms of the energies of the chain, their errors, and for which laws these are valid."""
    weight, bias, constant = spread.of_chain()
    growth, error, trusted = _core.network_chain_growth(
        str(network.named), _widths(network), weight, bias, network.norms, threads, constant
    )
    shape = spread.weight.shape
    return growth.reshape(shape), error.reshape(shape), trusted.reshape(spread.batch_shape)


def _mean_field(network: Network, spread: LayerSpread, method: str, threads: int) -> Array:
    """Energies of infinitely wide layers, with the term of order 1 / width for "corrected-mean-field"."""
    weight, bias, constant = spread.of_chain()
    leading, corrected = _core.network_mean_field(
        str(network.named), _widths(network), weight, bias, network.norms, threads, constant
    )
    energy: Array = corrected if method == "corrected-mean-field" else leading
    return energy.reshape(spread.weight.shape)


# ---- limits of wide laws


def _limit(network: Network, spread: LayerSpread) -> Array:
    """(5.13) with (5.4), (5.7) or (5.9), not to be written to; exact where `_closed`."""
    key = "limit", network
    if key not in spread.computed:
        spread.computed[key] = _limit_of(network, spread)
    limit: Array = spread.computed[key]
    return limit


def _limit_of(network: Network, spread: LayerSpread) -> Array:
    weight, bias = spread.mean_squares
    energy = np.empty_like(weight)
    with np.errstate(over="ignore", invalid="ignore"):
        square = network.norms.mean()
        if not np.isfinite(square):  # the sum may overflow where the mean does not
            square = (network.norms / len(network.norms)).sum()
        for layer, (width, record) in enumerate(zip(network.widths[1:], (*network.records, None), strict=True)):
            energy[..., layer] = width * (weight[..., layer] * square + bias[..., layer])
            if record is None:
                square = np.nan  # unknown beyond a callable activation
            elif record.saturation is not None:
                square = record.saturation * width
            else:
                square = record.second_moment * energy[..., layer]
    return energy


def _limit_slope(network: Network, spread: LayerSpread, energy: Array) -> Array:
    """Derivative of `_limit`: 2 E_l plus the contribution of the derivative of the layer before."""
    with np.errstate(over="ignore", invalid="ignore"):
        slope = 2.0 * energy
        if spread.shift is not None:
            slope -= 2.0 * np.array(network.widths[1:]) * spread.shift**2
    return _through_layers(network, spread, slope)


def _through_layers(network: Network, spread: LayerSpread, terms: Array) -> Array:
    """Add to the term of each layer, shape (..., L), in place, the multiples of those of the layers before."""
    weight, _ = spread.variances
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, (width, record) in enumerate(zip(network.widths[2:], network.records, strict=True), start=1):
            assert record is not None  # `require` raises for callable activations
            if record.saturation is None:
                terms[..., layer] += width * weight[..., layer] * record.second_moment * terms[..., layer - 1]
    return terms


# ---- Monte Carlo


def _sampled(network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int) -> Layered:
    """Mean energies over draws, accumulated block by block."""
    if network.layers == 1:
        # The average over the weights of a single layer is exact.
        return deterministic(_limit(network, spread), "monte-carlo")._replace(samples=draws)
    _warn(network, spread)
    tally = Tally()
    for part in _blocks(network, spread, draws, key, threads):
        tally.add(part)
    mean, error = tally.mean(), tally.error()
    _warn_of_saturation(network, spread, error)
    return Layered(mean, error, np.zeros_like(mean), "monte-carlo", draws, tally.tails())


def _warn_of_saturation(network: Network, spread: LayerSpread, error: Array) -> None:
    """Give a SimulationWarning where all units of a bounded activation were saturated in all draws."""
    for layer, record in enumerate(network.records[: network.layers - 1], start=1):
        random = CONSTANT not in spread.weights[layer - 1 : layer + 1]
        if record is not None and record.limits is not None and random and (error[..., layer] == 0.0).any():
            warn_caller(
                SimulationWarning(
                    f"The energy of layer {layer + 1} is the same in all draws, which saturate the units before it: "
                    "its standard error is 0, and misses draws that occur less than once in this number of samples; "
                    "use more samples."
                )
            )
            return


def _blocks(network: Network, spread: LayerSpread, draws: int, key: tuple[int, int], threads: int) -> Iterator[Array]:
    """Yield energies of draws in blocks of shape (..., draws, L)."""
    block, rows = max(1, BLOCK // max(1, spread.weight.size)), rows_of_draws(network, spread, threads)
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
    """Energies of the layers in each draw, shape (..., draws, L), over a number of random rows (0 for all)."""
    if network.named is not None:
        weight, bias = spread.flat()
        result = _core.sample_network(
            network.X, _widths(network), network.named, spread.families, weight, bias, key, first, draws, rows,
            averaged, threads,
        )  # fmt: skip
    else:
        result = _sampled_callable.energies(network, spread, key, first, draws, averaged=averaged)
    energy: Array = result.reshape(*spread.batch_shape, draws, network.layers)
    return energy


def rows_of_draws(network: Network, spread: LayerSpread, threads: int) -> int:
    """Number of rows for each draw that minimises the standard error at given time, for every seed; 0 for all."""
    if network.named is None:
        return 0
    weight, bias = spread.flat()
    rows: int = _core.network_rows(
        network.X, _widths(network), network.named, spread.families, weight, bias, True, threads
    )
    return rows


def deviation(network: Network, spread: LayerSpread) -> Array:
    """Relative standard deviation of a draw of the last layer's energy, for one row and a positively homogeneous phi.

    For ReLU its square is the product of (1 + 5/n_l) over hidden layers minus 1. 0 where there is no formula.
    """
    records = [record for record in network.records if record is not None and record.homogeneous]
    if len(records) < network.layers - 1 or ORTHOGONAL in spread.weights:
        return np.zeros(spread.batch_shape)
    ratios = [record.fourth_moment / record.second_moment**2 - 1.0 for record in records]
    with np.errstate(over="ignore"):
        growth = np.prod([1.0 + ratio / width for ratio, width in zip(ratios, network.widths[1:-1], strict=True)])
        return np.full(spread.batch_shape, np.sqrt(growth - 1.0))


def _warn(network: Network, spread: LayerSpread) -> None:
    """Give a SimulationWarning where the variance of a draw is too large for Monte Carlo."""
    worst = float(deviation(network, spread).max(initial=0.0)) if not spread.bias.any() else 0.0
    if worst > _MOST_DEVIATION:
        warn_caller(
            SimulationWarning(
                f"The standard deviation of a draw of the energy is {worst:.3g} times its mean: Monte Carlo estimates "
                "and their standard errors are unreliable; use method='exact'."
            )
        )
