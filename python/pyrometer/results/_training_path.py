"""The result of `training_path`."""

from __future__ import annotations

from dataclasses import dataclass

from pyrometer.base import Array
from pyrometer.results import _records as records
from pyrometer.results._answers import Floats, Strings
from pyrometer.results._shown import Shown

__all__ = ["TrainingPath"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrainingPath(Shown, record=records.PATH):
    r"""Energy, entropy and temperature along the path of training, averaged over the random initial parameters.

    Arrays have the shape of the system's stack, followed by the batch of laws and the k times.

    Attributes
    ----------
    time : ndarray, shape (k,)
        Times of gradient flow, in units of a squared parameter per unit of the loss; numbers of steps of gradient
        descent.
    energy : ndarray, shape (..., k)
        Mean energy at these times, penalty included.
    entropy : ndarray, shape (..., k)
        Differential entropy of the parameters at these times, in nats; -inf where a step of gradient descent maps a
        direction to one point, within rounding.
    temperature : ndarray, shape (..., k)
        dE/dS at these times; for gradient descent the quotient of the changes of E and S in the step that follows. In
        units of the loss per nat; nan where `verdict` is "undefined".
    error_bound : ndarray, shape (..., k)
        Bound of the rounding error of `energy`.
    temperature_error_bound : ndarray, shape (..., k)
        Bound of the rounding error of `temperature`.
    minimum_energy : float or ndarray
        E*, the limit of `energy` where training converges.
    verdict : str or ndarray of str
        "ok", or "undefined" where the entropy does not change within rounding: contracting and expanding directions
        cancel.
    method : str
        "gradient-flow" or "gradient-descent".

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> path = pm.training_path(system, pm.Normal(1.0), [0.0, 0.1, 1.0])
    >>> path.energy.round(4).tolist(), path.temperature.round(4).tolist()
    ([12.6667, 0.7695, 0.1199], [24.25, 1.0799, 0.0048])
    """

    time: Array
    energy: Array
    entropy: Array
    temperature: Array
    error_bound: Array
    temperature_error_bound: Array
    minimum_energy: Floats
    verdict: Strings
    method: str
