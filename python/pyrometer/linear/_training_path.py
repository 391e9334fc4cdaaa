"""The path of training of squared errors, in closed form; not in the paper, which takes T = (E(0) - E*) / S(0).

With H half the Hessian of the energy, H = Q diag(lambda) Q', gradient flow and gradient descent are affine maps of the
parameters, theta(t) - theta* = g(H) (theta(0) - theta*) with g = exp(-2 lambda t) and (1 - 2 eta lambda)^t. Hence, for
every law of independent parameters of zero mean and variances d,

    E(t) = E* + sum_k lambda_k g_k^2 A_k,    A_k = sum_j Q_jk^2 d_j + (Q_k . theta*)^2,
    S(t) = S(0) + sum_k ln |g_k|.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, described, number_of, require_finite, validate, warn_caller
from pyrometer.errors import PrecisionWarning
from pyrometer.laws import Law
from pyrometer.linear._base import LinearSystem, require_linear
from pyrometer.linear._closed_form import contract, weights
from pyrometer.linear._minima import ENOUGH_DIGITS
from pyrometer.linear._penalties import L1, L2
from pyrometer.losses import LOSSES
from pyrometer.results import Minimum, TrainingPath, shaped

__all__ = ["training_path"]

_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-290  # smaller steps lose digits to underflow
_OF_SVD = 16.0  # error of singular values, in units of n times that of the largest
_EXACT_FIT = 1e-4  # ratio of an energy and the mean squared target below which only the bound of its error is given


def training_path(
    system: LinearSystem,
    law: Law,
    times: npt.ArrayLike,
    *,
    learning_rate: float | None = None,
    resolution: float = 1.0,
) -> TrainingPath:
    r"""Energy, entropy and temperature along gradient flow or gradient descent, averaged over initial parameters.

    For a squared error, with L2 penalty or without, gradient flow :math:`d\theta/dt = -\nabla E` has

    .. math:: \langle E(t)\rangle = E^* + \sum_k \lambda_k e^{-4\lambda_k t} A_k, \qquad
        S(t) = S(0) - 2t\sum_k\lambda_k, \qquad
        T(t) = \frac{dE}{dS} = \frac{2\sum_k \lambda_k^2 e^{-4\lambda_k t} A_k}{\sum_k\lambda_k},

    where :math:`\lambda_k` and the columns of :math:`Q` are eigenvalues and eigenvectors of half the Hessian,
    :math:`A = Q^T(D + \theta^*\theta^{*T})Q`, and :math:`D` has the variances of the law. Gradient descent has
    :math:`(1 - 2\eta\lambda_k)^t` in the place of :math:`e^{-2\lambda_k t}`. Not in the paper, whose temperature
    :math:`(E(0) - E^*)/S(0)` is an average over a path whose entropy has no lower bound.

    Parameters
    ----------
    system : LinearRegression
        A squared error, without an L1 penalty; or a stack of them.
    law : Normal, Uniform, TruncatedNormal, Mixed or Independent
        Distribution of the initial parameters; a batch of laws gives arrays.
    times : array_like, shape (k,)
        Times of gradient flow, finite and >= 0, in any order; with `learning_rate` whole numbers of steps.
    learning_rate : float, optional
        Step size :math:`\eta` > 0 of gradient descent, :math:`\theta \leftarrow \theta - \eta\nabla E`. It converges
        below :math:`1/\max_k\lambda_k`. Default: gradient flow.
    resolution : float
        Cell size :math:`\varepsilon > 0` at which parameters are discretised (2.28).

    Returns
    -------
    TrainingPath
        Energies, entropies and temperatures at the times, in closed form.

    Raises
    ------
    TypeError
        If `system` is not linear, or arguments are not numbers.
    ValueError
        If the energy is not a squared error, the penalty is L1, the energy does not depend on the parameters, times or
        `learning_rate` are out of range, an energy or temperature overflows, or the units of features and parameters
        differ too much for double precision.

    Warns
    -----
    PrecisionWarning
        If fewer than 9 digits of an energy are certain, or of a temperature relative to that at time 0.

    See Also
    --------
    temperature : the paper's temperature, from the end points of training.

    Notes
    -----
    Only second moments are used. O(n\ :sup:`3`) for each system, and O(n\ :sup:`2` + n k) for each law. Directions with
    :math:`\lambda_k = 0` keep their randomness; columns that are dependent within rounding count as exactly dependent.

    Examples
    --------
    Is training isothermal, as the paper assumes? No: T falls to 0 along the path, and meets the paper's T, from the end
    points, once on the way.

    >>> import pyrometer as pm
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> system, law = pm.LinearRegression(data.X, data.y), pm.Normal(10.0)
    >>> path = pm.training_path(system, law, [0.0, 0.1, 1.0, 10.0])
    >>> [float(f"{T:.3g}") for T in path.temperature], round(pm.temperature(system, law).value, 1)
    ([6200.0, 3380.0, 84.8, 0.031], 667.2)
    """
    require_linear(system)
    if not LOSSES[system.energy].moments or isinstance(system.penalty, L1):
        raise ValueError(
            "system must have a squared error, energy='mse', with penalty=None or pm.L2(lam), got "
            f"energy={system.energy!r} with penalty={system.penalty!r}: only quadratic energies have a "
            "path in closed form."
        )
    if not system.bind(law).random.all():
        raise ValueError(
            "law must make every parameter random for a training path, whose entropy is that of all parameters, got "
            f"constants in {law!r:.200}; use a narrow law in their place."
        )
    bound, cell = system.bind(law), validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    time, rate = _times(times, learning_rate), _rate(learning_rate)
    if not system.depends_on_parameters().all():
        raise ValueError("system must depend on its parameters, got features that are all 0 and no intercept.")
    minimum, warning = system.least_energy(0)
    if warning is not None:
        warn_caller(warning)
    deviations = bound.deviations().reshape(-1, bound.parameters)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        modes = [
            _modes(system.members(i, i + 1) if system.shape else system, minimum, i, deviations)
            for i in range(math.prod(system.shape))
        ]
    start_energy = np.asarray(system.mean_energies(bound, "exact", 0, 0, 0, slope=False).estimate.value)
    if system.known_moments().lost() is None:
        _require_modes(modes, start_energy.reshape(len(modes), -1))
    paths = [_path(each, time, rate) for each in modes]
    shape = (*system.shape, *bound.batch_shape, len(time))
    energy, temperature, error, temperature_error = (
        np.stack(arrays).reshape(shape) for arrays in zip(*(path[:4] for path in paths), strict=True)
    )
    require_finite(energy)
    change = np.stack([path.entropy_change for path in paths]).reshape(*system.shape, *[1] * len(bound.batch_shape), -1)
    start = bound.entropies(cell, leading=False).sum(axis=-1)[..., None]
    targets = system.known_moments().target_square().reshape(*system.shape, *[1] * (len(bound.batch_shape) + 1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # energies that are 0 have no digits
        relative = error / np.maximum(energy, _EXACT_FIT * targets)
    _warn_of_few_digits("Energies", float(np.max(relative, initial=0.0)))
    slope_errors = np.array([path.slope_error for path in paths]).reshape(system.shape)
    _warn_of_few_digits("Temperatures", max(path.uncertain for path in paths))
    verdict: npt.NDArray[np.str_] = np.where(np.isinf(slope_errors), "undefined", "ok")
    return TrainingPath(
        time=time,
        energy=energy,
        entropy=np.broadcast_to(start + change, shape).copy(),
        temperature=temperature,
        error_bound=error,
        temperature_error_bound=temperature_error,
        minimum_energy=minimum.value,
        verdict=shaped(verdict),
        method="gradient-flow" if rate is None else "gradient-descent",
    )


class _Modes(NamedTuple):
    """Half the Hessian in its eigenvectors, and bounds of rounding errors."""

    values: Array
    """Eigenvalues (n,)."""
    value_errors: Array
    """Their errors (n,)."""
    squares: Array
    """Mean squared distances from the minimiser along the eigenvectors (laws, n)."""
    minimum: float
    minimum_error: float
    of_minimiser: Array
    """Error (n,) of the minimiser along the eigenvectors, in the norm of H."""
    of_factor: Array
    """Error (laws,) of the square root of E(0) - E*, from an error of the factor M of H = M'M."""
    of_scatter: Array
    """Error (laws,) of E(0) - E*, from an error of H."""


class _Rates(NamedTuple):
    """Effect of one unit of time, or of one step, on the modes."""

    logarithms: Array
    """ln |g| of each mode (n,)."""
    losses: Array
    """Share of its energy that each mode loses (n,)."""
    steepest: float
    """Largest of these shares and of their derivatives along ln lambda."""
    slope: float
    """Change of the entropy."""
    slope_error: float
    farthest: float
    """Largest overshoot 2 eta lambda - 1; 0 where no mode overshoots."""

    def sensitivity(self, time: Array) -> Array:
        """Bound (k,) of the derivatives of g M along M, over those at time 0: more than 1 beyond an overshoot."""
        if self.farthest == 0.0:
            return np.ones_like(time)
        power = np.exp(time * np.log(self.farthest))
        return np.asarray(np.maximum(1.0, power * (1.0 + 2.0 * time * (1.0 + 1.0 / self.farthest))))


class _Path(NamedTuple):
    energy: Array
    temperature: Array
    error: Array
    temperature_error: Array
    entropy_change: Array
    uncertain: float
    """Largest relative error of temperatures."""
    slope_error: float
    """Relative error of temperatures from that of the change of the entropy; inf where they are undefined."""


def _modes(system: LinearSystem, minimum: Minimum, i: int, deviations: Array) -> _Modes:
    """Return eigenvalues of a single system, mean squares along eigenvectors and their errors; its minimum is number i.

    Called where NumPy ignores overflow: `_require_modes` and `_path` check the results.

    Energies are tr f(H) P with P = D + theta* theta*' and |f'| <= 1 where training converges, and squared norms of g M
    with a Lipschitz constant of at most 2. An error of the scatter of the features changes them by at most
    2 |dH| (sum_k |q_k| P_kk^1/2)^2, q_k the features' part of an eigenvector; one of M its root by 2 |dM| (tr P)^1/2.
    """
    n = system.parameters
    factor, mean_error, scatter_error = _factor(system)
    _, singular, vectors = np.linalg.svd(factor, full_matrices=False)
    theta = minimum.parameters.reshape(-1, n)[i]
    moment = system.known_moments().second().reshape(n + 1, n + 1)[:n, n]
    squares = contract(vectors**2, deviations, 2).T + (vectors @ theta) ** 2
    trace = contract(np.ones((1, n)), deviations, 2)[0] + theta @ theta
    # Covariances and products of means may cancel in `moment`: both are at most the product of the root mean squares.
    target = float(np.reshape(system.known_moments().target_square(), -1)[0])
    sizes = np.sqrt(n * target) + singular[0] * np.linalg.norm(theta)
    rounding = 4.0 * n * _EPS * singular[0] * sizes
    residual = np.abs(vectors @ (moment - factor.T @ (factor @ theta))) + rounding
    distance = np.linalg.norm(minimum.parameter_error.reshape(-1, n)[i])
    of_features = np.linalg.norm(vectors[:, : n - system.intercept], axis=1)[None]
    # Along dependent columns the minimiser of least norm is one of many.
    if np.isinf(distance):
        distance = 2.0 * np.linalg.norm(theta)
    of_minimiser = np.where(singular > 0.0, np.fmin(residual / singular, singular * distance), 0.0)
    return _Modes(
        values=singular**2,
        value_errors=2.0 * _OF_SVD * n * _EPS * singular * singular[0] + 2.0 * mean_error * singular + scatter_error,
        squares=squares,
        minimum=float(np.reshape(minimum.value, -1)[i]),
        minimum_error=_minimum_error(system, minimum, i),
        of_minimiser=of_minimiser,
        of_factor=2.0 * (_OF_SVD * n * _EPS * singular[0] + mean_error) * np.sqrt(trace),
        of_scatter=2.0 * scatter_error * contract(np.sqrt(squares), of_features)[:, 0] ** 2,
    )


def _minimum_error(system: LinearSystem, minimum: Minimum, i: int) -> float:
    """Return a bound of the error of minimum i, that of a single system."""
    value, gap, digits = (float(np.reshape(each, -1)[i]) for each in (minimum.value, minimum.gap, minimum.digits))
    if digits == 0.0 and system.known_moments().lost() is not None:  # it is between 0 and the energy of theta = 0
        return float(max(value, 2.0 * system.known_moments().target_square().item()))
    return float(max(gap, value * 10.0**-digits))


def _factor(system: LinearSystem) -> tuple[Array, float, float]:
    """Return M with M'M = H, and bounds of the errors of its means and of its scatter.

    Means are a row of M of their own: the scatter about them keeps small eigenvalues of columns with large means.
    """
    moments, p = system.known_moments(), system.parameters - system.intercept
    columns = p + 1
    mean = moments.mean.reshape(columns)[:p]
    scatter = moments.scatter.reshape(columns, columns)[:p, :p] / moments.count
    size = np.sqrt(np.diagonal(scatter))
    unit = np.where(size > 0.0, size, 1.0)
    correlation, vectors = np.linalg.eigh(scatter / unit[:, None] / unit)
    correlation[correlation < 4.0 * p * _EPS] = 0.0  # columns dependent within rounding are so exactly
    factor = np.zeros((p + 1, system.parameters))
    factor[:p, :p] = np.sqrt(correlation)[:, None] * vectors.T * unit
    factor[p, :p] = mean
    factor[p, p:] = 1.0
    mean_error, scatter_error = 0.0, 4.0 * p * _EPS * float(np.sum(size**2))
    lost = moments.lost()
    if lost is not None:
        mean_error = float(np.linalg.norm(lost.mean.reshape(columns)[:p]))
        scatter_error += float(lost.scatter.reshape(columns)[:p].sum()) / moments.count
    penalty = np.sqrt(weights(system, L2))
    return (np.concatenate([factor, np.diag(penalty)]) if penalty.any() else factor), mean_error, scatter_error


def _rates(modes: _Modes, rate: float | None) -> _Rates:
    """Return the rates of gradient flow, or of gradient descent with a learning rate."""
    values, errors = modes.values, modes.value_errors
    if rate is None:
        logs, losses, log_errors, farthest = -2.0 * values, 4.0 * values, 2.0 * errors, 0.0
        steepest = losses.max()
    else:
        step, step_errors = 2.0 * rate * values, 2.0 * rate * errors + 2.0 * _EPS
        if not step.max() > _TINY:
            raise ValueError(f"learning_rate must be above {_TINY / values.max():.2g} for this system, got {rate:g}.")
        to_one = np.where(np.abs(step - 1.0) > step_errors, np.abs(step - 1.0), 0.0)
        logs = np.where(step < 0.5, np.log1p(-np.minimum(step, 0.5)), np.log(to_one))
        losses, farthest = step * (2.0 - step), float(np.where(step > 1.0, to_one, 0.0).max())
        steepest = np.maximum(np.abs(losses), 2.0 * step * np.abs(step - 1.0)).max()
        of_log = 2.0 * rate * errors + 2.0 * _EPS * np.fmin(1.0, step + _EPS)
        log_errors = np.where(to_one > 0.0, of_log / to_one, 0.0)
    finite = np.where(np.isfinite(logs), np.abs(logs), 0.0)
    slope_error = float((log_errors + 2.0 * len(values) * _EPS * finite).sum())
    return _Rates(logs, losses, float(steepest), float(logs.sum()), slope_error, farthest)


def _path(modes: _Modes, time: Array, rate: float | None) -> _Path:
    """Return energies and temperatures (laws, k), and the change of the entropy (k,)."""
    values, squares = modes.values, modes.squares
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        rates = _rates(modes, rate)
        exponents = np.where(time[:, None] > 0.0, time[:, None] * rates.logarithms, 0.0)
        weights = values * np.exp(2.0 * exponents)
        excess = contract(weights, squares).T
        of_minimiser = np.exp(exponents) * modes.of_minimiser
        error = 2.0 * contract(np.sqrt(weights) * of_minimiser, np.sqrt(squares)).T + (of_minimiser**2).sum(axis=-1)
        root = modes.of_factor[:, None] * rates.sensitivity(time)
        error += 2.0 * np.sqrt(excess) * root + root**2 + modes.of_scatter[:, None] * rates.sensitivity(2.0 * time)
        of_excess = error + 8.0 * _EPS * excess
        error = error + modes.minimum_error + 8.0 * _EPS * (modes.minimum + excess)
        change = np.where(time > 0.0, time * rates.slope, 0.0)
        defined = abs(rates.slope) > rates.slope_error
        slope = -rates.slope if defined else np.nan
        # One quotient for each mode: the square of an eigenvalue may leave the range of a double.
        shares = rates.losses / slope
        temperature, first = contract(weights * shares, squares).T, contract(values * shares, squares)[:, None]
        slope_error = rates.slope_error / abs(slope) if defined else np.inf
        # Temperatures are traces as energies are, of f(lambda) times the share that is lost.
        temperature_error = 2.0 * rates.steepest / abs(slope) * of_excess + np.abs(temperature) * slope_error
        typical = np.maximum(np.abs(temperature), np.abs(first))
        uncertain = (
            float(np.where(typical > 0.0, temperature_error / typical, 0.0).max(initial=0.0)) if defined else 0.0
        )
    require_finite(excess)
    if defined:
        require_finite(temperature, "temperature")
    if rate is None:
        require_finite(change, "change of the entropy")
    return _Path(modes.minimum + excess, temperature, error, temperature_error, change, uncertain, slope_error)


def _times(times: npt.ArrayLike, learning_rate: float | None) -> Array:
    time = np.array(validate.numeric("times", times), dtype=np.float64)
    if time.ndim != 1 or not (np.isfinite(time) & (time >= 0.0)).all():
        raise ValueError(f"times must be one-dimensional, finite and >= 0, got {described(times)}.")
    if learning_rate is not None and (time != np.floor(time)).any():
        raise ValueError(
            f"times must be whole numbers of steps with a learning_rate, got {time[time != np.floor(time)][0]:g}."
        )
    return time


def _rate(learning_rate: float | None) -> float | None:
    return (
        None if learning_rate is None else validate.single("learning_rate", learning_rate, minimum=0.0, exclusive=True)
    )


def _warn_of_few_digits(name: str, relative: float) -> None:
    if not relative <= 10.0**-ENOUGH_DIGITS:
        digits = int(-math.log10(relative)) if relative < 1.0 else 0  # nan and inf have none
        warn_caller(
            PrecisionWarning(
                f"{name} of the path have {number_of(digits, 'certain digit')}, of 16; `error_bound` and "
                "`temperature_error_bound` bound their errors. Features with large means or very different scales "
                "cost digits: standardise them."
            )
        )


def _require_modes(modes: list[_Modes], start: Array) -> None:
    """Raise where the modes do not add up to the mean energy of the initial parameters (systems, laws)."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.stack([each.minimum + contract(each.values[None], each.squares)[0] for each in modes])
    if not (np.abs(sums - start) <= 1e-3 * start).all():
        raise ValueError(
            "features and scales of parameters must have magnitudes that a path can represent, got energies of modes "
            "that leave the range or the precision of a double; rescale the columns to unit variance, and the law by "
            "the same factors, and leave out columns that are nearly linear combinations of others."
        )
