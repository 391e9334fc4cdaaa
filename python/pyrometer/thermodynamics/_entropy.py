"""Entropies of the random parameters, in nats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyrometer.base import _validate
from pyrometer.laws._independent import NORMAL_ENTROPY, Law, Spread, logarithms, spread
from pyrometer.linear._base import require_system
from pyrometer.networks._initialisations import LayerLaw, layers
from pyrometer.networks._network import AnySystem, Network
from pyrometer.results._answers import Floats, shaped

__all__ = ["entropy"]


def entropy(system: AnySystem, law: Law | LayerLaw, *, resolution: float = 1.0) -> Floats:
    r"""Entropy of the random initial parameters of a system.

    .. math:: S = k\,h + \sum_{j \le k} \ln\sigma_j + \sum_{j > k} \ln L_j - n \ln\varepsilon,
        \qquad h = \tfrac12 \ln(2\pi e),

    for k normal parameters of standard deviations :math:`\sigma_j` and n - k uniform ones of lengths :math:`L_j`:
    (3.2), (3.13) and (3.23) at :math:`\varepsilon = 1`; for a network the sum over its layers,
    :math:`S = \sum_l N_l (\ln\sigma_l + h)` or :math:`\sum_l N_l \ln \ell_l`.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression or Network
        Says how many parameters there are, intercept and biases included.
    law : Normal, Uniform, Mixed, or a law of layers
        Law of the parameters; a batch of laws gives an array.
    resolution : float
        The size :math:`\varepsilon > 0` below which two values of a parameter are the same, in the parameter's unit:
        the entropy of the discrete law (2.25) is ``S - n ln(resolution)``. 1 is the differential entropy.

    Returns
    -------
    float or ndarray
        S in nats, of the shape of the system's stack followed by the law's batch. Negative for narrow laws: a normal
        parameter has negative entropy below a standard deviation of 0.242, a uniform one below a length of 1.

    Raises
    ------
    ValueError
        If the law does not fit the number of parameters or `resolution` is not finite and > 0.

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
    parts = parts_of(system, law, _validate.single("resolution", resolution, minimum=0.0, exclusive=True))
    total: npt.NDArray[np.float64] = np.broadcast_to(parts.sum(axis=-1), system.shape + parts.shape[:-1])
    return shaped(total)


def parts_of(
    system: AnySystem, law: Law | LayerLaw, resolution: float, *, leading: bool = False
) -> npt.NDArray[np.float64]:
    """Entropy of each parameter of a linear system, of each layer of a network, or its leading term: (..., parts)."""
    if isinstance(system, Network):
        return layers(law, system).entropies(np.array(system.layer_parameters, float), resolution, leading=leading)
    require_system(system)
    return (leading_terms if leading else terms)(spread(law, system.parameters), resolution)


def terms(parameters: Spread, resolution: float) -> npt.NDArray[np.float64]:
    """Entropy of each parameter, shape (..., n)."""
    result = logarithms(parameters.scales, resolution)
    result[..., : parameters.normals] += NORMAL_ENTROPY
    return result


def leading_terms(parameters: Spread, resolution: float) -> npt.NDArray[np.float64]:
    r"""What grows of each parameter's entropy: :math:`\ln\sigma_j` (3.11), :math:`\ln L_j` (3.20).

    A law that mixes both counts a uniform parameter by its standard deviation, as (3.25) does.
    """
    mixed = 0 < parameters.normals < parameters.parameters
    scales = parameters.deviations() if mixed else parameters.scales
    return logarithms(scales, resolution)
