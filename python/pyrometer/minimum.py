"""Minimum energies, with their certificates."""

from __future__ import annotations

import math
import warnings
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from pyrometer import _absolute_passes, _core, _logistic_passes, _validate
from pyrometer._minima import digits_of, of_moments, of_rows, too_few, unclosed
from pyrometer._scanned import Scanned
from pyrometer._system import require_system
from pyrometer.errors import PrecisionWarning
from pyrometer.results import Minimum
from pyrometer.systems import L1, L2, System

__all__ = ["minimum_energy", "minimum_path"]

# Below this many digits the rows are asked. The count is a bound that is usually 1 to 3 digits too modest, and a
# temperature feels E* only through <E> - E*; against that stands a QR of the rows, many times the cost of the moments.
_ENOUGH_DIGITS = 9.0

# Of methods.
_NAMES = "U18"

# A residual of this size, relative to the target's mean square, is an exact fit: it says nothing but how numbers round.
_ROUNDING = 1e-24

Answers: TypeAlias = tuple[npt.NDArray[Any], ...]
Methods: TypeAlias = npt.NDArray[np.str_]

# Many laws share one minimum. Systems are frozen, and compared by identity.
_found: WeakKeyDictionary[System, tuple[Minimum, Warning | None]] = WeakKeyDictionary()


def minimum_energy(system: System, *, threads: int | None = None) -> Minimum:
    r"""Minimise the energy of a system over its parameters: its trained state, :math:`E^*`.

    Without penalty this is the mean squared residual of least squares, :math:`E^* = K_{YY} - K_{YX} K_{XX}^{-1} K_{XY}`
    (3.9), of which (3.4) is the case of one feature; covariances are those of the population, centred if there is an
    intercept. With a penalty it is the minimum of the penalised energy, (2.21) or (2.20). For the absolute error it is
    the least mean absolute deviation, for a logistic model the infimum of the cross entropy.

    Parameters
    ----------
    system : LinearRegression or LogisticRegression
        The system, or a stack of systems.
    threads : int, optional
        At least 1; changes the speed, nothing else. Default: all that OpenMP offers.

    Returns
    -------
    Minimum
        ``value``, ``parameters`` that reach it, and how well both are known. Arrays are read-only and have the shape of
        the system's stack.

    Raises
    ------
    TypeError
        If `system` is not a system.

    Warns
    -----
    PrecisionWarning
        If fewer than 9 digits of a value are certain. A system that has its rows loses them to an exact fit only, whose
        minimum is 0 but for rounding, and that is not warned of.
    SeparationWarning
        If labels can be separated, completely or in part: the cross entropy then has an infimum, 0 or that of the rows
        that are not separated, and no parameters reach it.

    Notes
    -----
    The value of a squared error comes from the second moments, by a pivoted Cholesky factor of the scaled covariances.
    Their rounding limits it to about :math:`10^{-15} (\sum_j |\theta_j| s_j + s_y)^2`, with standard deviations s:
    few digits are left
    where the fit is nearly exact or columns are nearly dependent. If fewer than 9 are certain and the system has its
    rows, they are solved by orthogonal transformations, and the energy is evaluated at the solution in twice the
    working precision. An L1 penalty is minimised by coordinate descent and exact steps on the active set, on the
    moments or, if need be, the triangle of the rows.

    The minimum exists where the minimiser is not unique: columns that depend on others, within the rounding of what
    is at hand (of the rows; of their moments), get coefficient 0, and `gap` is for data that are dependent
    exactly. For data that are not, a parameter of the size of 1 / rounding could fit their rounding too.

    With an L2 penalty, `rank` and `condition` are those of the penalised problem, whose columns are independent; with
    an L1 penalty, of the columns that it lets in: where they are independent, the minimiser is unique.

    An absolute error is minimised by exact steps between vertices, from a start that a sample and a smoothed problem
    give; a feasible point of the dual problem certifies it. A cross entropy is minimised by Newton's method on centred
    and scaled features, and certified by its dual as well. Both read the rows, and no condition number is computed.

    The answer is kept as long as the system is: many laws share one minimum.

    Time O(p\ :sup:`3`) for each system from moments; O(m n\ :sup:`2`) from rows.

    Examples
    --------
    Three points on no line: the best one is 1/3 + x / 2, and misses them by 1/6, 1/3 and 1/6.

    >>> import pyrometer as pm
    >>> system = pm.LinearRegression(X=[[0.0], [1.0], [2.0]], y=[0.5, 0.5, 1.5])
    >>> minimum = pm.minimum_energy(system)
    >>> round(minimum.value, 12), minimum.parameters.round(12)
    (0.055555555556, array([0.5       , 0.33333333]))
    >>> minimum.gap < 1e-12 and minimum.digits > 12
    True
    """
    require_system(system)
    minimum, complaint = known(system, _validate.threads(threads))
    if complaint is not None:
        warnings.warn(complaint, stacklevel=2)
    return minimum


def known(system: System, threads: int) -> tuple[Minimum, Warning | None]:
    """Return the minimum, and what there is to warn of; found once."""
    found = _found.get(system)
    if found is None:
        minimise = _minimise if system.energy == "mse" else _minimise_rows
        found = _found[system] = minimise(system, threads)
    return found


def minimum_path(system: System, lam: npt.ArrayLike) -> Minimum:
    r"""Minimise the penalised energy of a lasso for many weights: its regularisation path.

    The energy is (2.20), the weights :math:`\lambda` replace the one that the system has. Each minimum starts from that
    for the next larger weight, so that a path takes a fraction of the time of its points.

    Parameters
    ----------
    system : LinearRegression
        A system with an L1 penalty, or a stack of such systems.
    lam : array_like, shape (k,)
        Weights, finite and >= 0, in any order.

    Returns
    -------
    Minimum
        As of `minimum_energy`, its arrays of the shape of the system's stack followed by k; ``parameters`` has shape
        ``(..., k, n)``.

    Raises
    ------
    TypeError
        If the system has no L1 penalty, or `lam` is not real.
    ValueError
        If `lam` is not one-dimensional, finite and >= 0.

    Warns
    -----
    PrecisionWarning
        If fewer than 9 digits of a value are certain.

    Notes
    -----
    Second moments are all that is read, unless they have lost the digits. A weight of 0 is least squares.

    Time O(k a\ :sup:`2` (a + p)) for each system of p features of which a are active, usually less.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], penalty=pm.L1(1.0, intercept=False))
    >>> path = pm.minimum_path(system, [10.0, 1.0, 0.0])
    >>> path.parameters[:, 0].round(3).tolist()
    [0.0, 0.321, 0.643]
    >>> bool(path.value[1] == pm.minimum_energy(system).value)
    True
    """
    require_system(system)
    if not isinstance(system.penalty, L1):
        raise TypeError(f"system must have a penalty pm.L1(lam), got penalty={system.penalty!r}.")
    weights = np.asarray(_validate.numeric("lam", lam), dtype=np.float64)
    if weights.ndim != 1 or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"lam must be one-dimensional, finite and >= 0, got {lam!r}.")
    answers, method = _path(system, system.penalty, np.ascontiguousarray(weights), 0)
    lost = _lost(system, answers, method)
    if lost is not None:
        warnings.warn(lost, stacklevel=2)
    return of_moments(answers, method, (*system.shape, len(weights)))


def _flat_moments(system: System) -> tuple[int, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Row count, means (systems, p + 1) and scatter (systems, p + 1, p + 1)."""
    moments = system.second_moments
    columns = moments.mean.shape[-1]
    mean = np.ascontiguousarray(moments.mean.reshape(math.prod(system.shape), columns))
    return moments.count, mean, np.ascontiguousarray(moments.scatter.reshape(len(mean), columns, columns))


def _minimise(system: System, threads: int) -> tuple[Minimum, Warning | None]:
    """Return the minimum, and what there is to warn of."""
    penalty = system.penalty
    if isinstance(penalty, L1):
        answers, method = _path(system, penalty, np.array([penalty.lam]), threads)
        answers, method = tuple(answer[:, 0] for answer in answers), method[:, 0]
    else:
        answers, method = _squares(system, penalty, threads)
    return of_moments(answers, method, system.shape), _lost(system, answers, method)


def _squares(system: System, penalty: L2 | None, threads: int) -> tuple[Answers, Methods]:
    """Least squares from second moments, and from rows where these have lost the digits."""
    count, mean, scatter = _flat_moments(system)
    options = (system.intercept, penalty.lam if penalty else 0.0, penalty is None or penalty.intercept, threads)
    answers = _core.least_squares(count, mean, scatter, *options)
    method = np.full(len(mean), "covariance", dtype=_NAMES)
    poor, X, y = _poor(system, answers)
    if poor.size:
        _replace(answers, poor, _core.least_squares_rows(X, y, mean[poor], *options))
        method[poor] = "orthogonal"
    return answers, method


def _path(system: System, penalty: L1, weights: npt.NDArray[np.float64], threads: int) -> tuple[Answers, Methods]:
    """The same of a lasso for each weight, shape (systems, weights)."""
    count, mean, scatter = _flat_moments(system)
    options = (system.intercept, weights, penalty.intercept, threads)
    answers = _core.lasso(count, mean, scatter, *options)
    method = np.empty(answers[0].shape, dtype=_NAMES)
    method[:] = np.where(weights > 0, "coordinate-descent", "covariance")
    poor, X, y = _poor(system, answers)
    if poor.size:
        positive = weights > 0
        at, rest = np.ix_(poor, positive), np.ix_(poor, ~positive)
        if positive.any():
            start = np.ascontiguousarray(answers[1][at])
            of_lasso = (system.intercept, weights[positive], penalty.intercept, start, threads)
            _replace(answers, at, _core.lasso_rows(X, y, mean[poor], *of_lasso))
        if not positive.all():
            found = _core.least_squares_rows(X, y, mean[poor], system.intercept, 0.0, True, threads)
            _replace(answers, rest, tuple(answer[:, None] for answer in found))
        method[poor] = "orthogonal"
    return answers, method


def _poor(system: System, answers: Answers) -> tuple[npt.NDArray[np.intp], Any, Any]:
    """Systems whose moments have lost the digits of an answer, with their rows; none if there are no rows."""
    if system.X is None or system.y is None:
        return np.empty(0, dtype=np.intp), None, None
    lost = digits_of(answers[3]) < _ENOUGH_DIGITS
    poor = np.flatnonzero(lost.reshape(len(lost), -1).any(axis=1))
    X, y = system.stacked_rows()
    return poor, X[poor], y[poor]


def _replace(answers: Answers, at: Any, others: Answers) -> None:
    for answer, other in zip(answers, others, strict=True):
        answer[at] = other


def _lost(system: System, answers: Answers, method: Methods) -> PrecisionWarning | None:
    """Return the warning of values of few digits, if there are any."""
    value, gap, digits = answers[0], answers[2], digits_of(answers[3])
    squares = system.second_moments.target_square().reshape(-1, *[1] * (value.ndim - 1))
    exact = (method == "orthogonal") & (value + gap <= _ROUNDING * squares)
    lost = (digits < _ENOUGH_DIGITS) & ~exact
    return too_few(digits[lost], system.X is not None) if lost.any() else None


def _minimise_rows(system: System, threads: int) -> tuple[Minimum, Warning | None]:
    """Return the minimum of an energy that needs the rows, and what there is to warn of."""
    if system.scanned is not None:
        return _minimise_passes(system, system.scanned)
    X, y = system.stacked_rows()
    if system.energy == "mae":
        try:
            value, parameters, gap, rank = _core.least_absolute(X, y, system.intercept, threads)
        except ValueError:
            _require_normal(X)
            raise
        attained, method = np.ones(len(value), dtype=bool), "simplex"
    else:
        value, parameters, gap, attained, rank, _ = _core.logistic(X, y, system.intercept, threads)
        method = "newton"
    minimum, complaint = of_rows(system.shape, value, parameters, gap, attained, rank, method)
    digits = np.asarray(minimum.digits).reshape(-1)
    exact = value + gap <= np.sqrt(_ROUNDING) * np.abs(y).mean(axis=-1)
    lost = (digits < _ENOUGH_DIGITS) & ~exact
    if complaint is None and lost.any():
        complaint = unclosed(digits[lost], gap[lost])
    return minimum, complaint


def _require_normal(X: npt.NDArray[Any]) -> None:
    """Raise ValueError for a column so small that it is its inverse that overflows."""
    least = np.finfo(np.float64).tiny
    for (_, column), largest in np.ndenumerate(np.abs(X).max(axis=1)):
        if 0 < largest < least:
            raise ValueError(
                f"X must have values that do not underflow, at least {least:.2g} in size, got {largest:.6g} for the "
                f"largest of column {column}; rescale it."
            )


def _minimise_passes(system: System, scanned: Scanned) -> tuple[Minimum, Warning | None]:
    """The same for rows that are not in memory."""
    passes, method = (_absolute_passes, "simplex") if system.energy == "mae" else (_logistic_passes, "newton")
    value, parameters, gap, attained, rank = passes.lowest(scanned, system.intercept)
    answers = (np.array([value]), parameters, np.array([gap]), np.array([attained]), np.array([rank]))
    minimum, complaint = of_rows(system.shape, *answers, method)
    if complaint is None and minimum.digits < _ENOUGH_DIGITS:
        complaint = PrecisionWarning(
            f"The minimum energy has {int(minimum.digits)} certain digits, of 16: more passes over "
            f"{scanned.rows.source} did not close the gap of {gap:.2g}."
        )
    return minimum, complaint
