"""Temperatures: energy per nat of entropy, with a verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _validate
from pyrometer._validate import RandomSource
from pyrometer.energy import evaluate
from pyrometer.entropy import NORMAL_ENTROPY, leading_terms, terms
from pyrometer.laws import Law, spread
from pyrometer.minimum import minimum_energy
from pyrometer.results import Temperature, shaped
from pyrometer.systems import System

__all__ = ["temperature"]

_NEAR_POLE = 0.1


def temperature(
    system: System,
    law: Law,
    *,
    method: str = "auto",
    resolution: float = 1.0,
    minimum: npt.ArrayLike | None = None,
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Temperature:
    r"""Temperature of a system under a law of its initial parameters (2.7).

    .. math:: T = \frac{\Delta E}{\Delta S} = \frac{\langle E\rangle - E^*}{S}

    The hot state has random parameters, energy :math:`\langle E\rangle` and entropy S; the cold one is trained, has the
    minimum energy :math:`E^*` and entropy 0. This is (3.5), (3.10), (3.15), (3.19) and (3.24), for every law and
    penalty.

    Parameters
    ----------
    system : LinearRegression
        Model, data and energy. T depends on the units of the features (:math:`x \to cx` shifts S by ln c): standardise
        them, or state the units.
    law : Normal, Uniform or Mixed
        Law of the parameters; a batch of laws gives arrays.
    method : {"auto", "exact", "refined", "asymptotic", "monte-carlo"}
        "exact" takes the closed form of the mean energy, "monte-carlo" its estimate from draws. "refined" keeps of the
        energy what grows with the scale, drops :math:`E^*`, and keeps the whole entropy; "asymptotic" also keeps of the
        entropy only what grows, as the paper's limits (3.11), (3.20), (3.25), (3.29), (3.30), (3.33), (3.34) do: it is
        off by 62 % at a scale of 10 and by 8 % at 1e8. "auto" is "exact".
    resolution : float
        Size :math:`\varepsilon > 0` below which two values of a parameter are the same (2.28): S becomes
        :math:`S - n\ln\varepsilon`.
    minimum : float or array_like, optional
        Energy of the trained state, shape () or that of the system's stack. Default: `minimum_energy` of the system,
        found once for all laws.
    samples, rng, threads
        Draws, source of randomness and threads of "monte-carlo", as in `mean_energy`.

    Returns
    -------
    Temperature
        ``value`` in units of the loss per nat, with its standard error, its three ingredients, the marginal temperature
        and a verdict.

    Raises
    ------
    ValueError
        If an option is out of range, the law does not fit the system, or the energy is too large for a double.

    Warns
    -----
    PrecisionWarning
        If the minimum energy has lost digits.

    Notes
    -----
    Nothing is clipped: where the entropy is negative, as for most common initialisations, so is T, and the verdict says
    so. The standard error is that of the Monte Carlo energy; the data are taken as given.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> hot = pm.temperature(system, pm.Normal(10.0))
    >>> round(hot.value, 4), hot.verdict
    (108.1066, 'ok')
    >>> cold = pm.temperature(system, pm.Normal(0.1))
    >>> round(cold.value, 4), cold.verdict
    (-2.6724, 'negative-entropy')
    """
    size = _validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    energy, slope = evaluate(system, law, method, samples, rng, threads, slope=True)
    parameters = spread(law, system.parameters)
    shape = system.shape + parameters.batch_shape
    limit = energy.method in ("refined", "asymptotic")

    parts = (leading_terms if energy.method == "asymptotic" else terms)(parameters, size)
    S = np.broadcast_to(parts.sum(axis=-1), shape)
    # What rounding leaves of a sum that cancels; T would be a quotient by noise.
    noise = 4.0 * np.finfo(float).eps * (np.abs(parts) + NORMAL_ENTROPY).sum(axis=-1)
    undefined = np.abs(S) <= noise
    E = np.asarray(energy.value)
    ground = np.zeros(()) if limit and minimum is None else _ground(system, minimum)
    ground = np.broadcast_to(ground.reshape(ground.shape + (1,) * (len(shape) - ground.ndim)), shape)
    divisor = np.where(undefined, np.nan, S)
    return Temperature(
        value=shaped((E - ground) / divisor),
        standard_error=shaped(np.asarray(energy.standard_error) / np.abs(divisor)),
        energy=energy.value,
        minimum_energy=shaped(ground),
        entropy=shaped(S),
        parameters=system.parameters,
        marginal=shaped(slope / system.parameters),
        verdict=shaped(_verdict(S, undefined, system.parameters)),
        method=energy.method,
    )


def _ground(system: System, minimum: npt.ArrayLike | None) -> npt.NDArray[np.float64]:
    """Energy of the trained state, of the shape of the stack or ()."""
    if minimum is None:
        return np.asarray(minimum_energy(system).value)
    given = np.asarray(_validate.numeric("minimum", minimum), dtype=np.float64)
    if given.shape not in ((), system.shape) or not np.isfinite(given).all():
        raise ValueError(f"minimum must be finite, one value or one for each system {system.shape}, got {minimum!r}.")
    return given


def _verdict(S: npt.NDArray[Any], undefined: npt.NDArray[np.bool_], parameters: int) -> npt.NDArray[np.str_]:
    """Say of each entropy whether a temperature can be trusted."""
    conditions = [undefined, np.abs(S) < _NEAR_POLE * parameters, S < 0]
    return np.select(conditions, ["undefined", "near-pole", "negative-entropy"], default="ok")
