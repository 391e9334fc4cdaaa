"""Minimum energies, with their certificates."""

from __future__ import annotations

import warnings

from pyrometer.base import validate
from pyrometer.results import Minimum
from pyrometer.thermodynamics._system import System, is_system

__all__ = ["least_known", "minimum_energy"]


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
    ValueError
        If the minimum, its parameters or its gap leave the range of a double; for an absolute error, by column.

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
    The value of a squared error comes from the second moments, by a Cholesky factor of the scaled covariances, and is
    refined with residuals in twice the working precision. The rounding of the moments limits it to about
    :math:`10^{-15} (\sum_j \theta_j^2 s_j^2 + s_y^2)`, with standard deviations s: few digits are left
    where the fit is nearly exact or columns are nearly dependent. If fewer than 9 are certain and the system has its
    rows, they are solved by orthogonal transformations, and the energy is evaluated at the solution in twice the
    working precision. Those residuals alone refine the parameters ("refined"), with the factor of the moments, where
    the condition is below :math:`10^5` and either fewer than 10 digits are certain or the condition is above 100.
    An L1 penalty is minimised by coordinate descent and exact steps on the active set, on the
    moments or, if need be, the triangle of the rows.

    Where columns depend on others, within the rounding of what is at hand (of the rows; of their moments), the
    minimiser is not unique. Least squares and ridge then return the one of least norm in the units given, the limit of
    a vanishing L2 penalty: without a penalty, and with ``L2(0, intercept=False)``, the slopes are the shortest and the
    intercept follows, as in scikit-learn; without an intercept, and with ``L2(0)``, whose sum includes the intercept,
    all parameters together are, as of ``numpy.linalg.lstsq`` of the design. A lasso returns one of its minimisers.
    `gap` is for data that are dependent
    exactly. For data that are not, a parameter of the size of 1 / rounding could fit their rounding too.

    With an L2 penalty, `rank` and `condition` are those of the penalised problem, whose columns are independent; with
    an L1 penalty, of the columns that it lets in: where they are independent, the minimiser is unique.

    An absolute error is minimised by exact steps between vertices, from a start that a sample and a smoothed problem
    give, for 24 parameters and more an interior-point method; a feasible point of the dual problem certifies it. Ties
    are broken by a jitter of y that the certificate does not see, and where many rows are the same, each is solved once
    with its weight, so that integers, categories, copies and exact fits cost about as much as noise (where few rows are
    the same, a target of two values of which the features say little costs up to some 50 times as much). Values may
    have any size: where products of theirs leave the range of a double, columns and y are multiplied by powers of two,
    and only parameters outside that range are refused. Rows are not copied; besides them, 20 million float32 rows of 8
    columns need 5 bytes each.

    A cross entropy is minimised by Newton's method on centred and scaled features, and certified by its dual as well.
    Both read the rows, and no condition number is computed.

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
    minimum = least_known(system, threads) if is_system(system) else None
    if minimum is None:
        raise TypeError(f"system must be a LinearRegression or LogisticRegression, got {type(system).__name__}.")
    return minimum


def least_known(system: System, threads: int | None) -> Minimum | None:
    """Return the minimum with its warning; None where the trained energy is the user's to give."""
    answer = system.least_energy(validate.threads(threads))
    if answer is None:
        return None
    minimum, complaint = answer
    if complaint is not None:
        warnings.warn(complaint, stacklevel=3)
    return minimum
