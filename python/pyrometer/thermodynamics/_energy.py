"""Mean energies of random states: exact, their limits, and Monte Carlo."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from pyrometer.base import Array, RandomSource, executors, validate, warn
from pyrometer.results import Estimate, shaped
from pyrometer.thermodynamics._methods import bind, evaluate
from pyrometer.thermodynamics._system import Batched, Single, System, require_system

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["energy_variance", "mean_energy", "sample_energies", "sample_parameters"]


# Parts of the draws on an executor: enough for its workers; each pickles the system.
_PARTS = 32


@overload
def mean_energy(
    system: System,
    law: Single,
    *,
    method: str = ...,
    samples: int = ...,
    rng: RandomSource = ...,
    threads: int | None = ...,
) -> Estimate[float]: ...
@overload
def mean_energy(
    system: System,
    law: Batched,
    *,
    method: str = ...,
    samples: int = ...,
    rng: RandomSource = ...,
    threads: int | None = ...,
) -> Estimate: ...
def mean_energy(
    system: System,
    law: Batched,
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
    uniform parameter, :math:`\langle|\theta_j|\rangle = \sigma_j\sqrt{2/\pi}` or :math:`L_j/4`; `TruncatedNormal` has
    its own. Constant parameters c have variance 0, and y - c x takes the place of y. For a network

    .. math:: \langle E\rangle = \overline{\|y\|^2} + E_L, \qquad
        E_l = n_l\left(\sigma_l^2\langle\|x^{(l-1)}\|^2\rangle + \sigma_{b,l}^2\right),

    which is (5.4) before its limit; summed over outputs. Constant biases c of the last layer add
    :math:`n_Lc^2 - 2c\sum_k\overline{y_k}`. For a network with cross entropy (not in the paper) and a normal last
    layer, the outputs are independent :math:`N(0, v)` given the layer before, and labels drop out:

    .. math:: \langle E\rangle = \langle\ln\sum_c e^{\sqrt{v}Z_c}\rangle \quad\text{or, of one logit,}\quad
        \langle\ln(1 + e^{\sqrt{v}Z})\rangle.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        Model, data and energy.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent, Constant, or a law of layers
        Law of the parameters; a batch of laws gives arrays.
    method : {"auto", "exact", "mean-field", "corrected-mean-field", "refined", "asymptotic", "monte-carlo"}
        "exact" is the formula above. "refined" and "asymptotic" are its limit for wide laws, the terms in
        :math:`\tilde\sigma_j^2` only. "monte-carlo" averages over draws. "auto" is "exact" where it exists, else
        "monte-carlo": for more than two classes under laws that are not normal, see `SoftmaxRegression`. Networks have
        an exact energy for "relu", "leaky_relu" and "identity" under every law (a closed form; with constant biases of
        hidden layers for "identity" only), and for the activations given by name where hidden layers have weights that
        are normal or 0 and biases that are normal or constant (a Markov chain of the squared norm, by quadrature), for
        cross entropy if the last layer has such laws too. "mean-field" is the limit of infinitely wide layers, which
        treats parameters of other laws as normal ones of the same variance; "corrected-mean-field" adds the term of
        order 1 / width. Both, and the limits (5.4), (5.7) and (5.10), need activations given by name.
    samples : int
        Draws of "monte-carlo", at least 2.
    rng : int, SeedSequence, Generator or None
        Source of the draws. The same int gives the same bits for any `threads`; None draws fresh entropy. All laws of
        a batch and all systems of a stack use the same draws.
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
        If an option is out of range, the law does not match the system, a network has no such method, or the energy
        overflows or underflows (below 2.2e-308).

    Warns
    -----
    SimulationWarning
        If a standard error is above 10 % of the energy, or the skewness of its draws is above 2 + 0.15
        sqrt(samples) (heavy tails; from 100 draws on): both are unreliable then. If the standard deviation of draws
        of a deep narrow network exceeds 10 times their mean.
    PrecisionWarning
        If additions and subtractions of moments left fewer than 9 correct digits of a mean square, or the predictions
        of constant parameters nearly equal the targets.

    See Also
    --------
    sample_energies : energies of individual draws.
    energy_variance : the variance of the energy in closed form.
    temperature : energy per nat of entropy.

    Notes
    -----
    O(n) for each pair of system and law. Monte Carlo takes O(n^2) for each draw and pair; with up to nine parameters
    O(n^4) for each draw plus O(n^4) for each pair. The rows of the data are not read again.

    Where the quadrature of a network has an estimated error above 1e-4 of an energy, and above two standard errors of
    `samples` draws of the scalar chain, energies are those of the draws: the method is then "scalar-chain", with a
    standard error, which is raised, with a SimulationWarning, where the quadrature shows that large ones were missed.

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
    evaluated = evaluate(system, bind(system, law), method, samples, rng, threads, slope=False)
    estimate = evaluated.estimate
    warn("mean energy", estimate.value, estimate.standard_error, evaluated.tails)
    return estimate


def sample_energies(
    system: System,
    law: Batched,
    *,
    samples: int,
    rng: RandomSource = None,
    threads: int | None = None,
    executor: Executor | None = None,
) -> Array:
    """Energies of random states: the spectrum of the system under the law.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        Model, data and energy.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent, Constant, or a law of layers
        Law of the parameters.
    samples : int
        Number of draws, at least 1. Draw k is the same for every `samples`: more samples extend the same sequence.
    rng : int, SeedSequence, Generator or None
        Source of the draws, as in `mean_energy`.
    threads : int, optional
        At least 1; changes the speed, nothing else. Default: all that OpenMP offers, or 1 in each worker of an
        executor.
    executor : concurrent.futures.Executor, optional
        Executor for up to 32 parts of the draws; for processes the system is pickled with each. The energies are the
        same bits.

    Returns
    -------
    ndarray, shape (samples,)
        Energies in units of the loss; for a stack of systems or a batch of laws their axes come first.

    Raises
    ------
    ValueError
        If an option is out of range or an energy overflows; the message gives the draw.

    Warns
    -----
    PrecisionWarning
        As in `mean_energy`.

    See Also
    --------
    sample_parameters : the parameters of the same draws.

    Notes
    -----
    O(n^2) for each draw of squared error, from second moments; O(m n) for the others and for networks.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> energies = pm.sample_energies(system, pm.Uniform(3.0), samples=1000, rng=7)
    >>> energies.shape, bool((energies >= pm.minimum_energy(system).value).all())
    ((1000,), True)
    """
    executors.require(executor)
    validate.threads(threads)
    draws, seed = validate.count("samples", samples, minimum=1), validate.seed(rng)
    if executor is None:
        return _energies(system, law, range(draws), seed, threads)
    step = -(-draws // _PARTS)
    parts = [range(first, min(first + step, draws)) for first in range(0, draws, step)]
    tasks = ((part, (system, law, part, seed, 1 if threads is None else threads)) for part in parts)
    energies = np.empty(0)
    with contextlib.closing(executors.completed(executor, _energies, tasks)) as done:
        for part, future in done:
            block = future.result()
            energies = energies if energies.size else np.empty((*block.shape[:-1], draws))
            energies[..., part.start : part.stop] = block
    return energies


def _energies(system: System, law: Batched, draws: range, seed: tuple[int, int], threads: int | None) -> Array:
    """Energies of a range of draws."""
    require_system(system)
    return system.draw_energies(system.bind(law), draws, seed, validate.threads(threads))


def sample_parameters(system: System, law: Batched, *, samples: int, rng: RandomSource = None) -> Array:
    """Random parameters of the draws of `sample_energies` with the same `rng`.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        Determines the number of parameters.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent, Constant, or a law of layers
        Law of the parameters.
    samples : int
        Number of draws, at least 1.
    rng : int, SeedSequence, Generator or None
        Source of the draws, as in `mean_energy`.

    Returns
    -------
    ndarray, shape (samples, n)
        Row k holds the parameters of draw k, the intercept last; the axes of a batch of laws come first. Those of a
        network are ordered by layer, the weights (n_l, n_{l-1}) in row-major order and then the biases.

    Raises
    ------
    TypeError, ValueError
        If an option is out of range, the law does not match the system, or a parameter overflows.

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
    draws = validate.count("samples", samples, minimum=1)
    require_system(system)
    theta = system.draw_parameters(system.bind(law), draws, validate.seed(rng))
    if not np.isfinite(theta).all():
        raise ValueError("parameters must be below 1.8e308, got an overflow; use a smaller scale.")
    return theta


@overload
def energy_variance(system: System, law: Single) -> float: ...
@overload
def energy_variance(system: System, law: Batched) -> Any: ...
def energy_variance(system: System, law: Batched) -> Any:
    r"""Variance of the energy over the random states of a system, in closed form.

    With :math:`G = \overline{x x^T}`, plus :math:`\lambda_2` on the diagonal, :math:`b = \overline{x y}` and the excess
    kurtosis :math:`\kappa` (0 normal, -6/5 uniform),

    .. math:: \mathrm{Var}\,E = 4\sum_j b_j^2\tilde\sigma_j^2 + 2\sum_{jk}\tilde\sigma_j^2\tilde\sigma_k^2 G_{jk}^2
        + \sum_j \kappa_j\tilde\sigma_j^4 G_{jj}^2
        + \sum_j\left[\lambda_1^2\mathrm{Var}|\theta_j| + 2\lambda_1 G_{jj}\mathrm{Cov}(\theta_j^2, |\theta_j|)\right].

    Not in the paper. The standard error of `mean_energy` by Monte Carlo approaches ``sqrt(variance / samples)``.
    Networks have a formula for "relu", "leaky_relu" and "identity" under normal laws (weights and biases of hidden
    layers may also be 0, biases of the last layer constant), for a single row or at most one hidden layer; without
    biases and targets a ReLU network on one row has
    :math:`\mathrm{Var}\,E/\langle E\rangle^2 = \prod_{l<L}(1 + 5/n_l)\,(1 + 2/n_L) - 1`.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        Model, data and energy.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent, Constant, or a law of layers
        Law of the parameters.

    Returns
    -------
    float or ndarray
        In squared units of the loss, of the shape of the system's stack followed by the law's batch.

    Raises
    ------
    ValueError
        If the law does not match the system, there is no formula, or the variance overflows or underflows (below
        2.2e-308).

    Warns
    -----
    PrecisionWarning
        If fewer than 9 digits are certain: products of columns, or of a column with the target, cancel in their mean,
        or moments have lost digits.

    Notes
    -----
    O(n^2) for each pair of system and law; O(m^2 n_0) for a network with a hidden layer.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [-1.0]], [0.0, 0.0], intercept=False)
    >>> pm.energy_variance(system, pm.Normal(1.0))          # E = theta^2: 3 - 1
    2.0
    """
    require_system(system)
    return shaped(system.energy_variances(system.bind(law)))
