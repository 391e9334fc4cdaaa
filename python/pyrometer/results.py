"""The frozen answers. Each carries its uncertainty and how it was found.

Every array field has the shape of the system's stack followed by the law's batch; where that shape is ``()`` the field
is a plain ``float`` (or ``str``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Estimate", "Floats", "Minimum", "Strings", "Temperature"]

Floats: TypeAlias = float | npt.NDArray[np.float64]
"""A float, or an array of them for a batch."""
Strings: TypeAlias = str | npt.NDArray[np.str_]
"""A string, or an array of them for a batch."""


@overload
def shaped(array: npt.NDArray[np.float64]) -> Floats: ...
@overload
def shaped(array: npt.NDArray[np.str_]) -> Strings: ...
@overload
def shaped(array: npt.NDArray[np.bool_]) -> bool | npt.NDArray[np.bool_]: ...
@overload
def shaped(array: npt.NDArray[np.int64]) -> int | npt.NDArray[np.int64]: ...
def shaped(array: npt.NDArray[Any]) -> Any:
    """Return a Python scalar for an array of shape (), else a contiguous array."""
    return array.item() if array.ndim == 0 else np.ascontiguousarray(array)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean energy and how well it is known.

    Attributes
    ----------
    value : float or ndarray
        The mean energy, in units of the loss.
    standard_error : float or ndarray
        0 for a closed form; the standard error of the mean for Monte Carlo.
    error_bound : float or ndarray
        What a truncated series may have left of a closed form, in units of the loss; 0 where only rounding has.
    method : str
        What ran: "exact", "refined", "asymptotic" or "monte-carlo".
    samples : int
        Draws used; 0 for a closed form.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> energy = pm.mean_energy(system, pm.Normal(2.0))
    >>> round(energy.value, 6), energy.standard_error, energy.method
    (36.666667, 0.0, 'exact')
    """

    value: Floats
    standard_error: Floats
    error_bound: Floats
    method: str
    samples: int


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """The lowest energy that any parameters reach, with its certificate.

    Attributes
    ----------
    value : float or ndarray
        The minimum energy E*, in units of the loss.
    parameters : ndarray
        Parameters that reach it, shape ``(..., n)``, the intercept last. Where the data leave some combination of
        parameters free, one of the minimisers.
    gap : float or ndarray
        Certified: the energy of `parameters` exceeds the infimum by at most this, in units of the loss.
    attained : bool or ndarray of bool
        False where the infimum is approached but not reached by any parameters.
    method : str or ndarray of str
        "covariance" (from second moments), "orthogonal" (QR of the rows, where the moments had lost the digits),
        "coordinate-descent" (lasso), "simplex" (absolute error) or "newton" (cross entropy).
    rank : int or ndarray of int
        Independent columns of the data, the constant one not counted; for the lasso of those that its penalty lets in.
    condition : float or ndarray
        Condition number of the same columns, centred and scaled, estimated; inf where they are dependent. nan for
        "simplex" and "newton", which do not compute it.
    digits : float or ndarray
        Correct decimal digits that `value` can be expected to have, 0 to 16.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> minimum = pm.minimum_energy(system)  # the line 9/14 x + 1/2
    >>> round(minimum.value, 6), minimum.parameters.round(6).tolist()
    (0.02381, [0.642857, 0.5])
    """

    value: Floats
    parameters: npt.NDArray[np.float64]
    gap: Floats
    attained: bool | npt.NDArray[np.bool_]
    method: Strings
    rank: int | npt.NDArray[np.int64]
    condition: Floats
    digits: Floats


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """A temperature, the three numbers that it is made of, and whether it can be trusted.

    ``value == (energy - minimum_energy) / entropy`` holds for every method.

    Attributes
    ----------
    value : float or ndarray
        T, in units of the loss per nat; nan where `verdict` is "undefined".
    standard_error : float or ndarray
        The standard error of `energy` divided by ``abs(entropy)``; 0 for closed forms.
    energy : float or ndarray
        Mean energy of the random state. For "refined" and "asymptotic" the limit energy, without what stays finite.
    minimum_energy : float or ndarray
        Energy of the trained state; 0 for "refined" and "asymptotic", which drop it.
    entropy : float or ndarray
        Entropy of the random state in nats, less ``n ln(resolution)``; for "asymptotic" its leading term.
    parameters : int
        Number of parameters n, the intercept included.
    marginal : float or ndarray
        dE/dS along the scale of the law, (dE/d ln scale) / n. Not the paper's: it has no pole and does not depend on
        the unit of the parameters.
    verdict : str or ndarray of str
        "ok"; "near-pole" where ``abs(entropy) / parameters < 0.1``; "negative-entropy" where it is below 0 and T
        with it; "undefined" where it is 0.
    method : str
        What ran: "exact", "refined", "asymptotic" or "monte-carlo".

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> hot = pm.temperature(system, pm.Normal(10.0))
    >>> hot.value == (hot.energy - hot.minimum_energy) / hot.entropy
    True
    >>> hot.verdict, pm.temperature(system, pm.Normal(0.1)).verdict
    ('ok', 'negative-entropy')
    """

    value: Floats
    standard_error: Floats
    energy: Floats
    minimum_energy: Floats
    entropy: Floats
    parameters: int
    marginal: Floats
    verdict: Strings
    method: str
