"""Mean energies of random states: exact, their limits, and Monte Carlo."""

from __future__ import annotations

from types import ModuleType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core, _rows, _squares, _validate
from pyrometer._validate import RandomSource
from pyrometer.laws import Law, spread
from pyrometer.results import Estimate, Floats, shaped
from pyrometer.systems import System, require_system

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
    return evaluate(system, law, method, samples, rng, threads, slope=False)[0]


def evaluate(
    system: System,
    law: Law,
    method: str,
    samples: int,
    rng: RandomSource,
    threads: int | None,
    *,
    slope: bool,
) -> tuple[Estimate, _Array]:
    """Mean energy, and (if `slope`) its derivative along the common logarithm of all scales, dE/dln sigma."""
    require_system(system)
    method = _validate.choice("method", method, METHODS)
    parameters, formulas, workers = spread(law, system.parameters), _formulas(system), _validate.threads(threads)
    shape = system.shape + parameters.batch_shape
    if method == "monte-carlo":
        draws = _validate.count("samples", samples, minimum=2)
        value, error, derivative = formulas.sample(system, parameters, draws, _validate.seed(rng), workers)
        estimate = Estimate(
            value=shaped(value.reshape(shape)),
            standard_error=shaped(error.reshape(shape)),
            error_bound=shaped(np.zeros(shape)),
            method=method,
            samples=draws,
        )
        return estimate, derivative.reshape(shape)
    if method in ("auto", "exact"):
        method, closed = "exact", formulas.exact(system, parameters, workers, slope=slope)
    else:
        closed = formulas.limit(system, parameters, workers)
    estimate = Estimate(
        value=shaped(closed.value),
        standard_error=shaped(np.zeros(shape)),
        error_bound=shaped(closed.error),
        method=method,
        samples=0,
    )
    return estimate, closed.slope


def componentwise_energy(system: System, law: Law) -> _Array:
    """Sum over parameters of the one-parameter limits of the mean energy, the paper's form of the limit."""
    require_system(system)
    return np.asarray(_formulas(system).componentwise(system, spread(law, system.parameters), 0))


def _formulas(system: System) -> ModuleType:
    """Return the module that knows this energy; both have the same functions."""
    return _squares if system.energy == "mse" else _rows


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
    energies = _formulas(system).energies(system, parameters, draws, _validate.seed(rng), _validate.threads(threads))
    return np.reshape(energies, (*system.shape, *parameters.batch_shape, draws))


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
    if system.energy != "mse":
        raise ValueError(
            f"energy_variance has a formula for squared error only, got energy={system.energy!r}; the standard error "
            'of mean_energy(..., method="monte-carlo") estimates it.'
        )
    parameters = spread(law, system.parameters)
    return shaped(_squares.variance(system, parameters).reshape(system.shape + parameters.batch_shape))
