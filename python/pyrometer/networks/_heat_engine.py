"""Networks as heat engines: temperatures of the layers and the work efficiency."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, RandomSource, broadcast, require_normal, validate, warn, warn_caller
from pyrometer.errors import PrecisionWarning
from pyrometer.networks import _ideal, _layer_energies
from pyrometer.networks._layer_spread import LayerSpread, layers
from pyrometer.networks._layers import LayerLaw
from pyrometer.networks._losses import NETWORK_LOSSES
from pyrometer.networks._network import Network
from pyrometer.networks._regime import efficiency, engine_type, growth, has_all_digits, regime
from pyrometer.results import HeatEngine, LayerTemperatures, shaped
from pyrometer.thermodynamics import Single, compose, not_a_system, total, verdict, without_temperature

__all__ = ["heat_engine"]

# Largest relative error of an energy without a warning.
_FEW_DIGITS = 1e-9


@overload
def heat_engine(
    network: Network,
    law: Single,
    *,
    method: str = ...,
    resolution: float = ...,
    minimum: npt.ArrayLike | None = ...,
    ideal: Any = ...,
    samples: int = ...,
    rng: RandomSource = ...,
    threads: int | None = ...,
) -> HeatEngine[float, str]: ...
@overload
def heat_engine(
    network: Network,
    law: LayerLaw,
    *,
    method: str = ...,
    resolution: float = ...,
    minimum: npt.ArrayLike | None = ...,
    ideal: Any = ...,
    samples: int = ...,
    rng: RandomSource = ...,
    threads: int | None = ...,
) -> HeatEngine: ...
def heat_engine(
    network: Network,
    law: LayerLaw | Single,
    *,
    method: str = "auto",
    resolution: float = 1.0,
    minimum: npt.ArrayLike | None = None,
    ideal: Any = None,
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
) -> HeatEngine:
    r"""Energy, entropy and temperature of every layer of a network, and the work efficiency of the network.

    .. math:: T_l = \frac{E_l}{S_l}, \qquad \eta = \frac{E_L}{\sum_l E_l}, \qquad
        T = \frac{E_L}{S} = \eta\,\frac{\sum_l T_lS_l}{\sum_l S_l},

    (5.12), (5.23) and (5.24), at finite widths and scales; their limits in the paper, (5.14) to (5.42) and (E.1) to
    (E.4), are those of `method="asymptotic"`.

    Parameters
    ----------
    network : Network
        Architecture and data.
    law : Normal, Uniform, TruncatedNormal, Constant, or a law of layers
        Law of the parameters, such as `HeNormal` or `Layers`; a batch of laws gives arrays.
    method : {"auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo"}
        How the energies of the layers are computed; see `mean_energy`.
    resolution : float
        Cell size :math:`\varepsilon > 0` at which parameters are discretised (2.28).
    minimum : float, optional
        Energy of the trained network, at most that before training, used for `total` only. Default: 0.
    ideal : sequence or array_like, optional
        Pre-activations z* of the trained network (5.12), which add their mean square to the energy of each layer. One
        entry for each layer: an array (m, n_l) of pre-activations, or a pair of weights (n_l, n_{l-1}) and biases
        (n_l,) or None, from which they are computed. Or all trained parameters in one array (N,), in the order of
        `sample_parameters`. Default: 0 in every layer, as for wide laws.
    samples, rng, threads
        Draws, source of randomness and threads, as in `mean_energy`.

    Returns
    -------
    HeatEngine
        The layers, the work efficiency, the type of the engine and its regime, T and a verdict.

    Raises
    ------
    TypeError, ValueError
        If `network` is not a network, an option is out of range, the law or `ideal` do not match the layers, or the
        temperature of a layer overflows though its energy does not.

    Warns
    -----
    SimulationWarning
        As in `mean_energy`.
    PrecisionWarning
        If the energy of a layer underflows (below 2.2e-308): it has fewer digits, or is 0; or overflows: it is inf, and
        its temperature nan. `layers.log_energy` and the work efficiency are right nevertheless. If constant biases
        near `ideal` leave fewer than 9 certain digits of the energy of a layer.

    See Also
    --------
    temperature : temperature of the network as one system.

    Notes
    -----
    The type of the engine follows from the energies at the scale of the law, not from the activation. A ReLU layer
    multiplies the energy of a unit by :math:`g_l = \sigma_l^2n_{l-1}/2`: under a wide law the network is an engine of
    the second type, under He's initialisation, with g = 1, of the first: :math:`\eta = n_L/\sum_l n_l`.

    Given their inputs, pre-activations have mean 0, so that (5.12) is
    :math:`E_l = \langle|z^{(l)}|^2\rangle + \overline{|z^{*(l)}|^2}` exactly, with the bar over the rows (not in the
    paper). Where they have a mean c, constant biases, :math:`\overline{|z^{*(l)} - c|^2} - n_lc^2` is added.
    `layers.marginal` is independent of z*, and `total` of `ideal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 64], hidden=(256, 256), outputs=10, activation="relu")
    >>> engine = pm.heat_engine(network, pm.HeNormal())
    >>> engine.engine, round(engine.work_efficiency, 6), engine.verdict
    (1, 0.019157, 'negative-entropy')
    >>> engine.layers.energy.round(6).tolist()
    [512.0, 512.0, 20.0]
    """
    if not isinstance(network, Network):
        raise not_a_system("network", network, "a Network")
    size = validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    spread = layers(law, network)
    workers = validate.threads(threads)
    energies = _layer_energies.energies(network, spread, method, samples, rng, workers, unbounded=True)
    slopes = _layer_energies.slopes(network, spread, energies, workers, unbounded=True)
    E, log_energy = energies.energy, _logarithms(energies)
    error_bound = energies.error_bound
    if ideal is not None:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            E, error_bound = _ideal.against(network, spread, energies, ideal)
            cancelled = energies.energy > E
            # Where a constant is subtracted from the energy, it may be in the range of doubles again.
            log_energy = np.where(np.isfinite(E) & ((E > 0) | cancelled), np.log(E), log_energy)
        _warn_of_constants(E, np.where(cancelled, error_bound, 0.0))
    warn("energy of a layer", E, energies.standard_error, energies.tails)
    counts = spread.random_parameters

    S_l = broadcast(network.entropy_parts(spread, size, leading=energies.method == "asymptotic"), E.shape)
    undefined = without_temperature(S_l, np.abs(S_l), counts)
    parameters = int(counts.sum())
    S, undefined_total = total(S_l, parameters, E.shape[:-1])
    of_layers = verdict(S_l, undefined, counts)
    of_all = verdict(S, undefined_total, parameters)
    mixed = (S_l < 0).any(axis=-1) & (S_l > 0).any(axis=-1) & (of_all != "undefined") & (of_all != "near-pole")
    divisor = np.where(undefined_total, np.nan, S)
    divisor_l = np.where(np.isnan(S_l) | (counts == 0), np.nan, counts)
    finite = np.where(np.isfinite(E), E, np.nan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        of_layer, of_network = finite / np.where(undefined, np.nan, S_l), finite[..., -1] / divisor
    if np.isinf(of_layer).any():
        raise ValueError(
            "the temperature of a layer must be below 1.8e308, got an overflow; use scales that differ less."
        )
    marginal = _beside(slopes, finite)
    if NETWORK_LOSSES[network.energy].squared:
        of_network_as_one = network.last_layer(spread, energies, marginal, unbounded=True)
    else:
        of_network_as_one = network.mean_energies(spread, method, samples, rng, workers, slope=True)
    engine = HeatEngine(
        layers=LayerTemperatures(
            energy=E,
            log_energy=log_energy,
            standard_error=energies.standard_error,
            error_bound=error_bound,
            parameters=counts,
            entropy=np.ascontiguousarray(S_l),
            temperature=of_layer,
            gain=growth(E, log_energy),
            marginal=marginal.value / divisor_l,
            marginal_error=marginal.standard_error / divisor_l,
            verdict=of_layers,
            units=np.array(network.widths[1:], dtype=np.float64),
        ),
        work_efficiency=shaped(efficiency(E, log_energy)),
        engine=shaped(engine_type(E, log_energy, np.array(network.widths[1:]), counts)),
        regime=shaped(regime(E, log_energy, np.array(network.widths[1:]))),
        temperature=shaped(of_network),
        standard_error=shaped(energies.standard_error[..., -1] / np.abs(divisor)),
        entropy=shaped(S),
        parameters=parameters,
        verdict=shaped(_either(mixed, of_all)),
        total=compose(network, spread, of_network_as_one, size, minimum, threads),
        method=energies.method,
        network=network.architecture,
        law=repr(law),
    )
    _warn_of_underflow(network, spread, energies)
    return engine


def _first_layer(where: npt.NDArray[np.bool_]) -> int:
    """Return the number, from 1, of the first layer (the last axis) for which this holds, anywhere in the batch."""
    return int(np.argmax(where.any(axis=tuple(range(where.ndim - 1))))) + 1


def _warn_of_constants(energy: Array, error: Array) -> None:
    """Give a PrecisionWarning where constant biases cancel most digits of an energy against ideal pre-activations."""
    uncertain = error > _FEW_DIGITS * energy
    if uncertain.any():
        layer = _first_layer(uncertain)
        warn_caller(
            PrecisionWarning(
                f"The energy of layer {layer} against `ideal` has fewer than 9 certain digits, of 16: the "
                "squares of its constant biases cancel; `layers.error_bound` bounds the error. Use biases nearer to 0."
            )
        )


def _warn_of_underflow(network: Network, spread: LayerSpread, energies: _layer_energies.Layered) -> None:
    """Give a PrecisionWarning for energies that underflowed."""
    energy = energies.energy
    if has_all_digits(energy).all():
        return
    underflow = (energy > 0) & (energy < np.finfo(float).tiny)
    rectifies = any(record is not None and record.rectifies for record in network.records)
    if energies.method != "monte-carlo" or not rectifies:  # else the energy of a draw can be 0
        vanished = (energy == 0) & _layer_energies.positive(network, spread)
        require_normal(np.where(np.isneginf(_logarithms(energies)), energy, 1.0), lambda: vanished)
        underflow |= vanished
    for beyond, what in (
        (underflow, "below 2.2e-308 and lost digits by underflow; use a larger scale"),
        (np.isinf(energy), "above 1.8e308, and its temperature nan; use a smaller scale"),
    ):
        if beyond.any():
            layer = _first_layer(beyond)
            warn_caller(
                PrecisionWarning(
                    f"The energy of layer {layer} is {what} or rescale the features. `layers.log_energy` has its "
                    "logarithm."
                )
            )


def _logarithms(energies: _layer_energies.Layered) -> Array:
    """Return the logarithms of energies, of the energies themselves where these have all digits."""
    energy, logarithm = energies.energy, energies.logarithm
    if has_all_digits(energy).all():
        return np.log(energy)
    with np.errstate(divide="ignore"):
        return np.where(has_all_digits(energy), np.log(energy), np.log(energy) if logarithm is None else logarithm)


def _beside(slopes: _layer_energies.Slopes, energy: Array) -> _layer_energies.Slopes:
    """Slopes, nan where the energy is, or where they are infinite."""
    beyond = np.isnan(energy) | np.isinf(slopes.value)
    if not beyond.any():
        return slopes
    return _layer_energies.Slopes(*(np.where(beyond, np.nan, part) for part in slopes))


def _either(mixed: npt.NDArray[np.bool_], of_all: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    return np.where(mixed, np.array("mixed-signs"), of_all)
