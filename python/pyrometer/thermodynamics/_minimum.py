"""Minimum energies, with their certificates."""

from __future__ import annotations

from pyrometer.base import validate, warn_caller
from pyrometer.results import Minimum
from pyrometer.thermodynamics._system import System, is_system, not_a_system

__all__ = ["minimum_energy", "minimum_or_none"]


def minimum_energy(system: System, *, threads: int | None = None) -> Minimum:
    r"""Minimise the energy of a system over its parameters: its trained state, :math:`E^*`.

    Without penalty this is the mean squared residual of least squares, :math:`E^* = K_{YY} - K_{YX} K_{XX}^{-1} K_{XY}`
    (3.9), of which (3.4) is the case of one feature; covariances are those of the population, centred if there is an
    intercept. With a penalty it is the minimum of the penalised energy, (2.21) or (2.20). For the absolute error it is
    the least mean absolute deviation, for a logistic model the infimum of the cross entropy.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression or SoftmaxRegression
        The system, or a stack of systems.
    threads : int, optional
        At least 1; changes the speed, nothing else. Default: all that OpenMP offers.

    Returns
    -------
    Minimum
        ``value``, a minimiser ``parameters``, and error bounds of both. Arrays are read-only and have the shape of the
        system's stack.

    Raises
    ------
    TypeError
        If `system` is not a system.
    ValueError
        If the minimum, its parameters or its gap overflow; for an absolute error the message names the column.

    Warns
    -----
    PrecisionWarning
        If fewer than 9 digits of a value are correct; not of rows in memory whose fit is exact, with residuals that are
        at most 1e-14 of a typical target and therefore its rounding.
    SeparationWarning
        If labels are separable, completely or partially (quasi-separation): the infimum of the cross entropy, 0 or that
        of the rows that are not separated, is not attained.

    Notes
    -----
    The value of a squared error comes from the second moments, by a Cholesky factor of the scaled covariances, and is
    refined with residuals in twice the working precision. Rounding of the moments limits its accuracy to about
    :math:`10^{-15} (\sum_j \theta_j^2 s_j^2 + s_y^2)`, with standard deviations s: few digits are correct if the fit is
    nearly exact or columns are nearly dependent. If fewer than 9 are and the rows are in memory, the least-squares
    problem is solved by QR of the rows, and the energy is evaluated at the solution in twice the working precision.
    Residuals of the rows with the Cholesky factor of the moments ("refined") suffice where the condition number is
    below :math:`10^5` and either fewer than 10 digits are correct or the condition number is above 100. An L1 penalty
    is minimised by coordinate descent and exact steps on the active set, on the moments or, if necessary, on the
    triangular factor of the rows.

    Where columns are linearly dependent within the rounding of the rows or of their moments, the minimiser is not
    unique. Least squares and ridge then return the one of least norm in the units given, the limit of a vanishing L2
    penalty. Without a penalty, and with ``L2(0, intercept=False)``, this is the norm of the slopes, as in scikit-learn;
    without an intercept, and with ``L2(0)``, whose penalty includes the intercept, it is the norm of all parameters, as
    in ``numpy.linalg.lstsq`` of the design matrix. A lasso returns one of its minimisers. `gap` and `digits` treat such
    columns as exactly dependent: otherwise parameters of the order of 1 / rounding could fit the rounding errors. From
    moments alone these are columns whose distance from the others is less than about 6e-8 of their deviation; what a
    smaller difference explains of the targets is not in the value. Rows in memory tell apart what their own rounding
    does; where their weights differ, each must show the dependence, so that heavy ones hide nothing of the others.

    With an L2 penalty, `rank` and `condition` are those of the penalised problem, whose columns are independent; with
    an L1 penalty, those of the active set: if its columns are independent, the minimiser is unique.

    An absolute error is minimised by the simplex method, started from a subsample and a smoothed problem (from an
    interior-point method for 24 parameters and more), and certified by a feasible point of the dual problem. Ties are
    broken by a perturbation of y that does not enter the certificate, and duplicated rows are solved once with their
    weight, so that integers, categories, copies and exact fits cost about as much as continuous noise (with few
    duplicates, a binary target that is nearly independent of the features can cost up to about 50 times as much).
    Columns and y are scaled by powers of two where products of values would overflow or underflow; only parameters that
    overflow raise an error. Rows are not copied; the working memory for 20 million float32 rows of 8 columns is 5 bytes
    a row. With weights they are, twice: the working memory is about 60 bytes a row and 16 for each of its features.

    A cross entropy is minimised by Newton's method on centred and scaled features, and certified by its dual as well.
    Both read the rows; no condition number is computed.

    Whether rows tie in a combination of columns that hold decimals, such as 5.1, can depend on the rounding of these to
    binary numbers. Where a cross entropy of rows in memory has fewer than 9 certain digits, columns whose values are
    decimals of up to 9 places, within 4 units in the last place of the largest, are therefore taken as written: as
    whole numbers times a power of ten. The better certified answer is returned. Its `gap` then includes what the
    rounding of the decimals can change of the energy of `parameters`, and is relative to the infimum over the decimals.
    This takes a copy of the rows of each such system, as float64, and a second minimisation.

    Where a cross entropy stays without a certain digit, as of many wide overlapping bumps, whose columns are dependent
    but for a relative distance of rounding, parameters of 1e16 may have more energy than moderate ones: then those of
    the minimum over the directions with singular values above 1e-8 of the largest, of standardised columns, are
    returned, with their energy for `value`. A combination of columns that is at rounding level in all rows but some,
    such as a constant less all splines but one, counts as 0 in these rows.

    Weights of rows below :math:`2^{-900}` of the greatest are raised to that. An energy below :math:`2^{-800}` of the
    largest loss of a row may be that of such rows, and has no certain digit.

    The minimum is cached with the system: many laws share it.

    Time O(p\ :sup:`3`) for each system from moments; O(m n\ :sup:`2`) from rows.

    Examples
    --------
    Three points that are not collinear: the least-squares line is 1/3 + x / 2, with residuals of 1/6, 1/3 and 1/6.

    >>> import pyrometer as pm
    >>> system = pm.LinearRegression(X=[[0.0], [1.0], [2.0]], y=[0.5, 0.5, 1.5])
    >>> minimum = pm.minimum_energy(system)
    >>> round(minimum.value, 12), minimum.parameters.round(12)
    (0.055555555556, array([0.5       , 0.33333333]))
    >>> minimum.gap < 1e-12 and minimum.digits > 12
    True
    """
    minimum = minimum_or_none(system, threads) if is_system(system) else None
    if minimum is None:
        raise not_a_system("system", system, "a LinearRegression, a LogisticRegression or a SoftmaxRegression")
    return minimum


def minimum_or_none(system: System, threads: int | None) -> Minimum | None:
    """Return the minimum and give its warning; None for a system without a minimiser, such as a network."""
    result = system.least_energy(validate.threads(threads))
    if result is None:
        return None
    minimum, warning = result
    if warning is not None:
        warn_caller(warning)
    return minimum
