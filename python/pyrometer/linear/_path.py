"""The regularisation path of a lasso."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, validate, warn_caller
from pyrometer.linear._base import LinearSystem, require_linear
from pyrometer.linear._light_rows import allow_for_raised_weights
from pyrometer.linear._minimise import path
from pyrometer.linear._penalties import L1
from pyrometer.results import Minimum

__all__ = ["minimum_path"]


def minimum_path(system: LinearSystem, lam: npt.ArrayLike) -> Minimum:
    r"""Minimise the penalised energy of a lasso for many weights: its regularisation path.

    The energy is (2.20), the weights :math:`\lambda` replace the one that the system has. Each minimum starts from that
    of the next larger weight, so that a path takes a fraction of the time of separate minima.

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
    Only second moments are used, unless they have too few digits. A weight of 0 is least squares.

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
    require_linear(system)
    if not isinstance(system.penalty, L1):
        raise TypeError(f"system must have a penalty pm.L1(lam), got penalty={system.penalty!r}.")
    weights = np.asarray(validate.numeric("lam", lam), dtype=np.float64)
    if weights.ndim != 1 or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"lam must be one-dimensional, finite and >= 0, got {described(lam)}.")
    solved = path(system, system.penalty, np.ascontiguousarray(weights), 0)
    minimum, complaint = allow_for_raised_weights(system, *solved)
    if complaint is not None:
        warn_caller(complaint)
    return system.with_names(minimum)
