"""Mean energies of random states: closed forms, their limits, and Monte Carlo.

A squared-error energy is a quadratic form in the parameters, so everything here works on second moments: the rows of
the data are read once, when the system is described.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core, _validate
from pyrometer._validate import RandomSource
from pyrometer.laws import Law, Spread, spread
from pyrometer.results import Estimate, Floats, shaped
from pyrometer.systems import L1, L2, System, require_system

__all__ = ["energy_variance", "mean_energy", "sample_energies", "sample_parameters"]

_Array: TypeAlias = npt.NDArray[np.float64]

METHODS = ("auto", "exact", "refined", "asymptotic", "monte-carlo")


def mean_energy(
    system: System,
    law: Law,
    *,
    method: str = "auto",
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Estimate:
    r"""Mean energy of a system whose parameters are drawn at random.

    For squared error and independent parameters of zero mean and variance :math:`\tilde\sigma_j^2`

    .. math:: \langle E\rangle = \sum_j \tilde\sigma_j^2\,\overline{x_j^2} + \overline{y^2}
        + \lambda_1 \sum_j \langle|\theta_j|\rangle + \lambda_2 \sum_j \tilde\sigma_j^2,

    which is (3.8), (3.18), (3.22), (3.27), (3.28), (3.31) and (3.32), with :math:`\tilde\sigma_j = L_j/\sqrt{12}` for a
    uniform parameter, :math:`\langle|\theta_j|\rangle = \sigma_j\sqrt{2/\pi}` or :math:`L_j/4`.

    Parameters
    ----------
    system : LinearRegression
        Model, data and energy.
    law : Normal, Uniform or Mixed
        Law of the parameters; a batch of laws gives arrays.
    method : {"auto", "exact", "refined", "asymptotic", "monte-carlo"}
        "exact" is the formula above. "refined" and "asymptotic" are its limit for wide laws, the terms in
        :math:`\tilde\sigma_j^2` alone. "monte-carlo" averages over draws. "auto" is "exact".
    samples : int
        Draws of "monte-carlo", at least 2.
    rng : int, SeedSequence, Generator or None
        Source of the draws. The same int gives the same bits for any `threads`; None draws fresh entropy. Every law of
        a batch and every system of a stack sees the same draws.
    threads : int, optional
        At least 1; changes the speed, nothing else. Default: all that OpenMP offers.

    Returns
    -------
    Estimate
        ``value`` and ``standard_error`` in units of the loss, of the shape of the system's stack followed by the law's
        batch.

    Raises
    ------
    ValueError
        If an option is out of range, the law does not fit the system, or the energy is too large for a double.

    See Also
    --------
    sample_energies : the whole spectrum of energies.
    energy_variance : its variance in closed form.
    temperature : energy per nat.

    Notes
    -----
    O(n) for each pair of system and law; Monte Carlo O(n^2) for each draw. The rows of the data are not read again.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> exact = pm.mean_energy(system, pm.Normal(2.0))      # 4 (21/3 + 1) + 14/3
    >>> round(exact.value, 6), exact.standard_error
    (36.666667, 0.0)
    >>> sampled = pm.mean_energy(system, pm.Normal(2.0), method="monte-carlo", rng=1)
    >>> abs(sampled.value - exact.value) < 4.5 * sampled.standard_error
    True
    """
    require_system(system)
    method = _validate.choice("method", method, METHODS)
    parameters = spread(law, system.parameters)
    shape = system.shape + parameters.batch_shape
    if method == "monte-carlo":
        draws = _validate.count("samples", samples, minimum=2)
        value, error = _core.sample_squares(*_sampled(system, parameters, draws, rng, threads))
        return _estimate(value.reshape(shape), error.reshape(shape), method, draws)
    method = "exact" if method == "auto" else method
    value = _quadratic(system, parameters)
    if method == "exact":
        value = value + _per_system(system.moments.target_square(), parameters) + _absolute(system, parameters)
    _require_finite(value)
    return _estimate(value, np.zeros(shape), method, 0)


def sample_energies(
    system: System, law: Law, *, samples: int, rng: RandomSource = None, threads: int | None = None
) -> _Array:
    """Energies of random states: the spectrum of the system under the law.

    Parameters
    ----------
    system : LinearRegression
        Model, data and energy.
    law : Normal, Uniform or Mixed
        Law of the parameters.
    samples : int
        Number of draws, at least 1. Draw k is the same for every `samples`: more samples extend the same sequence.
    rng : int, SeedSequence, Generator or None
        Source of the draws, as in `mean_energy`.
    threads : int, optional
        At least 1; changes the speed, nothing else.

    Returns
    -------
    ndarray, shape (samples,)
        Energies in units of the loss; for a stack of systems or a batch of laws their axes come first.

    Raises
    ------
    ValueError
        If an option is out of range or an energy is too large for a double; the message gives the draw.

    See Also
    --------
    sample_parameters : the parameters of the same draws.

    Notes
    -----
    O(n^2) for each draw, from second moments; the rows of the data are not read.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> energies = pm.sample_energies(system, pm.Uniform(3.0), samples=1000, rng=7)
    >>> energies.shape, bool((energies >= pm.minimum_energy(system).value).all())
    ((1000,), True)
    """
    require_system(system)
    parameters = spread(law, system.parameters)
    draws = _validate.count("samples", samples, minimum=1)
    energies = _core.sample_squares_energies(*_sampled(system, parameters, draws, rng, threads))
    return energies.reshape(*system.shape, *parameters.batch_shape, draws)


def sample_parameters(system: System, law: Law, *, samples: int, rng: RandomSource = None) -> _Array:
    """Random parameters: those of the draws of `sample_energies` with the same `rng`.

    Parameters
    ----------
    system : LinearRegression
        Says how many parameters there are.
    law : Normal, Uniform or Mixed
        Law of the parameters.
    samples : int
        Number of draws, at least 1.
    rng : int, SeedSequence, Generator or None
        Source of the draws, as in `mean_energy`.

    Returns
    -------
    ndarray, shape (samples, n)
        Row k holds the parameters of draw k, the intercept last; the axes of a batch of laws come first.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> theta = pm.sample_parameters(system, pm.Normal(1.0), samples=5, rng=7)
    >>> slope, intercept = theta[3]
    >>> energy = ((system.y - slope * system.X[:, 0] - intercept) ** 2).mean()
    >>> bool(abs(pm.sample_energies(system, pm.Normal(1.0), samples=5, rng=7)[3] - energy) < 1e-12 * energy)
    True
    """
    require_system(system)
    parameters = spread(law, system.parameters)
    draws = _validate.count("samples", samples, minimum=1)
    key, n, k = _validate.seed(rng), parameters.parameters, parameters.normals
    unit = np.empty((n, draws))
    if k:
        unit[:k] = _core.normals(key, 0, draws, 0, k)
    if k < n:
        even = k - k % 2
        unit[k:] = _core.uniforms(key, 0, draws, even, n - even)[k - even :]
    return np.ascontiguousarray(unit.T * parameters.scales[..., None, :])


def energy_variance(system: System, law: Law) -> Floats:
    r"""Variance of the energy over the random states of a system, in closed form.

    With :math:`G = \overline{x x^T}`, plus :math:`\lambda_2` on the diagonal, :math:`b = \overline{x y}` and the excess
    kurtosis :math:`\kappa` (0 normal, -6/5 uniform),

    .. math:: \mathrm{Var}\,E = 4\sum_j b_j^2\tilde\sigma_j^2 + 2\sum_{jk}\tilde\sigma_j^2\tilde\sigma_k^2 G_{jk}^2
        + \sum_j \kappa_j\tilde\sigma_j^4 G_{jj}^2
        + \sum_j\left[\lambda_1^2\mathrm{Var}|\theta_j| + 2\lambda_1 G_{jj}\mathrm{Cov}(\theta_j^2, |\theta_j|)\right].

    Not in the paper. The standard error of `mean_energy` by Monte Carlo approaches ``sqrt(variance / samples)``.

    Parameters
    ----------
    system : LinearRegression
        Model, data and energy.
    law : Normal, Uniform or Mixed
        Law of the parameters.

    Returns
    -------
    float or ndarray
        In squared units of the loss, of the shape of the system's stack followed by the law's batch.

    Raises
    ------
    ValueError
        If the law does not fit the system or the variance is too large for a double.

    Notes
    -----
    O(n^2) for each pair of system and law.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [-1.0]], [0.0, 0.0], intercept=False)
    >>> pm.energy_variance(system, pm.Normal(1.0))          # E = theta^2: 3 - 1
    2.0
    """
    require_system(system)
    parameters = spread(law, system.parameters)
    n, k = parameters.parameters, parameters.normals
    second = system.moments.second().reshape(-1, n + 1, n + 1)
    G, b = second[:, :n, :n].copy(), second[:, :n, n]
    G[:, range(n), range(n)] += _weights(system, L2)
    with np.errstate(over="ignore", invalid="ignore"):
        v = (parameters.deviations() ** 2).reshape(-1, n)
        diagonal = G[:, range(n), range(n)]
        kurtosis = np.where(np.arange(n) < k, 0.0, -1.2)
        value = 4.0 * b**2 @ v.T + diagonal**2 @ (kurtosis * v**2).T
        value += 2.0 * np.stack([((v @ g2) * v).sum(axis=-1) for g2 in G**2])
        weights = _weights(system, L1)
        if weights.any():
            mean_abs = parameters.mean_abs().reshape(-1, n)
            third = np.where(np.arange(n) < k, 2.0 * mean_abs * v, parameters.scales.reshape(-1, n) ** 3 / 32.0)
            value += (weights**2 * (v - mean_abs**2)).sum(axis=-1)
            value += 2.0 * (diagonal * weights) @ (third - v * mean_abs).T
    _require_finite(value)
    return shaped(value.reshape(system.shape + parameters.batch_shape))


def scale_derivative(system: System, parameters: Spread, *, limit: bool) -> _Array:
    r"""Derivative of the mean energy (or of its limit) along the common logarithm of all scales, dE/dln sigma."""
    result = 2.0 * _quadratic(system, parameters)
    return result if limit else result + _absolute(system, parameters)


def _quadratic(system: System, parameters: Spread) -> _Array:
    """Energy that is quadratic in the scales, shape stack + batch: the limit energy of wide laws."""
    weights = system.moments.mean_squares() + _weights(system, L2)
    with np.errstate(over="ignore", invalid="ignore"):
        return _contract(weights, parameters.deviations() ** 2)


def _absolute(system: System, parameters: Spread) -> _Array:
    """Energy of an L1 penalty, linear in the scales."""
    weights = np.broadcast_to(_weights(system, L1), (*system.shape, parameters.parameters))
    return _contract(weights, parameters.mean_abs())


def _contract(stack: _Array, batch: _Array) -> _Array:
    """Sum over parameters of the product of (stack..., n) and (batch..., n), shape stack + batch."""
    n = stack.shape[-1]
    return (stack.reshape(-1, n) @ batch.reshape(-1, n).T).reshape(stack.shape[:-1] + batch.shape[:-1])


def _weights(system: System, kind: type[L1 | L2]) -> _Array:
    """Weight of each parameter in a penalty of this kind, shape (n,)."""
    result = np.zeros(system.parameters)
    if isinstance(system.penalty, kind):
        result[: system.penalised] = system.penalty.lam
    return result


def _per_system(values: _Array, parameters: Spread) -> _Array:
    """Give values of shape (stack,) the axes of the batch."""
    return values.reshape(values.shape + (1,) * len(parameters.batch_shape))


def _sampled(system: System, parameters: Spread, draws: int, rng: RandomSource, threads: int | None) -> tuple[Any, ...]:
    """Return the arguments of the core's samplers."""
    moments, n = system.moments, parameters.parameters
    columns = moments.mean.shape[-1]
    return (
        moments.count,
        moments.mean.reshape(-1, columns),
        moments.scatter.reshape(-1, columns, columns),
        system.intercept,
        np.ascontiguousarray(parameters.scales.reshape(-1, n)),
        parameters.normals,
        float(_weights(system, L1)[0]),
        float(_weights(system, L2)[0]),
        system.penalised,
        _validate.seed(rng),
        draws,
        _validate.threads(threads),
    )


def _require_finite(value: _Array) -> None:
    if not np.isfinite(value).all():
        raise ValueError(
            "the energy must be below 1.8e308, got an overflow; use a smaller scale or rescale the features."
        )


def _estimate(value: _Array, error: _Array, method: str, samples: int) -> Estimate:
    return Estimate(value=shaped(value), standard_error=shaped(error), method=method, samples=samples)
