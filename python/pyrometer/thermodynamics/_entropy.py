"""Entropies of the random parameters, in nats."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from pyrometer.base import broadcast, validate
from pyrometer.results import shaped
from pyrometer.thermodynamics._methods import bind
from pyrometer.thermodynamics._system import Batched, Single, System

__all__ = ["entropy"]


@overload
def entropy(system: System, law: Single, *, resolution: float = ...) -> float: ...
@overload
def entropy(system: System, law: Batched, *, resolution: float = ...) -> Any: ...
def entropy(system: System, law: Batched, *, resolution: float = 1.0) -> Any:
    r"""Entropy of the random initial parameters of a system.

    .. math:: S = k\,h + \sum_{j \le k} \ln\sigma_j + \sum_{j > k} \ln L_j - n \ln\varepsilon,
        \qquad h = \tfrac12 \ln(2\pi e),

    for k normal parameters of standard deviations :math:`\sigma_j` and n - k uniform ones of lengths :math:`L_j`:
    (3.2), (3.13) and (3.23) at :math:`\varepsilon = 1`; for a network the sum over its layers,
    :math:`S = \sum_l N_l (\ln\sigma_l + h)` or :math:`\sum_l N_l \ln \ell_l`. Truncated normal parameters have the
    entropy that `TruncatedNormal` gives, constant ones none: sums are over the random parameters (not in the paper).

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        Determines the number of parameters, intercept and biases included.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent, Constant, or a law of layers
        Law of the parameters; a batch of laws gives an array.
    resolution : float
        Cell size :math:`\varepsilon > 0` at which parameters are discretised, in their unit: the entropy of the
        discrete law (2.25) is ``S - n ln(resolution)``. 1 gives the differential entropy.

    Returns
    -------
    float or ndarray
        S in nats, of the shape of the system's stack followed by the law's batch. Negative for narrow laws: a normal
        parameter has negative entropy below a standard deviation of 0.242, a uniform one below a length of 1.

    Raises
    ------
    ValueError
        If the law does not match the number of parameters or has no density in all of them (orthogonal weights), or
        `resolution` is not finite and > 0.

    Notes
    -----
    O(n) for each law; the data are not read.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> round(pm.entropy(system, pm.Normal(1.0)), 6)        # slope and intercept
    2.837877
    >>> pm.entropy(system, pm.Uniform(1.0))
    0.0
    """
    size = validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    bound = bind(system, law)
    parts = system.entropy_parts(bound, size, leading=False)
    if np.isnan(parts).any():
        raise ValueError(
            "law must have an entropy, got orthogonal weights, which have no density in all parameters; their energies "
            "are defined."
        )
    return shaped(broadcast(parts.sum(axis=-1), system.shape + parts.shape[:-1]))
