"""Laws of the random initial parameters: independent, of zero mean, normal or uniform.

A law describes any number of parameters until it meets a system: one scale stands for all of them, an array gives one
each along its last axis. Leading axes are a batch of laws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import _validate

__all__ = ["Law", "Mixed", "Normal", "Uniform"]

NORMAL_ENTROPY = 0.5 * np.log(2.0 * np.pi * np.e)
"""h, the entropy of a standard normal parameter; a uniform one of unit length has 0."""

WHY_SCALE = "a parameter that does not move has no differential entropy."


@dataclass(frozen=True, eq=False)
class Normal:
    r"""Independent normal parameters, :math:`\theta_j \sim N(0, \sigma_j^2)`.

    Parameters
    ----------
    scale : float or array_like, shape (..., n) or (..., 1)
        Standard deviations :math:`\sigma_j`, finite and > 0. The last axis is the parameters, the intercept last; size
        1 stands for all of them. Leading axes are a batch of laws, and results have that shape.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> pm.Normal(2.0).batch_shape
    ()
    >>> pm.Normal(np.logspace(0, 8, 200)[:, None]).batch_shape
    (200,)
    """

    scale: npt.NDArray[np.float64]

    def __init__(self, scale: npt.ArrayLike) -> None:
        object.__setattr__(self, "scale", _validate.positive("scale", scale, WHY_SCALE))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws; ``()`` for a single one."""
        return self.scale.shape[:-1]


@dataclass(frozen=True, eq=False)
class Uniform:
    r"""Independent uniform parameters, :math:`\theta_j \sim U[-L_j/2, L_j/2]`.

    Parameters
    ----------
    length : float or array_like, shape (..., n) or (..., 1)
        Full lengths :math:`L_j` of the intervals, finite and > 0; axes as in `Normal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.Uniform([[1.0, 2.0], [3.0, 4.0]]).batch_shape
    (2,)
    """

    length: npt.NDArray[np.float64]

    def __init__(self, length: npt.ArrayLike) -> None:
        object.__setattr__(self, "length", _validate.positive("length", length, WHY_SCALE))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws; ``()`` for a single one."""
        return self.length.shape[:-1]


@dataclass(frozen=True, eq=False)
class Mixed:
    r"""The first parameters normal, the rest uniform (3.21).

    Parameters
    ----------
    scale : array_like, shape (..., k)
        Standard deviations of the first k parameters, finite and > 0.
    length : array_like, shape (..., n - k)
        Full lengths of the other intervals, finite and > 0; the intercept is the last. Leading axes of both broadcast
        to the batch of laws.

    Examples
    --------
    >>> import pyrometer as pm
    >>> law = pm.Mixed([1.0, 1.0], [6.0])
    >>> law.scale.shape, law.length.shape
    ((2,), (1,))
    """

    scale: npt.NDArray[np.float64]
    length: npt.NDArray[np.float64]

    def __init__(self, scale: npt.ArrayLike, length: npt.ArrayLike) -> None:
        normal = np.atleast_1d(_validate.positive("scale", scale, WHY_SCALE))
        uniform = np.atleast_1d(_validate.positive("length", length, WHY_SCALE))
        try:
            np.broadcast_shapes(normal.shape[:-1], uniform.shape[:-1])
        except ValueError:
            raise ValueError(
                "scale and length must have leading (batch) axes that broadcast, got shapes "
                f"{normal.shape} and {uniform.shape}."
            ) from None
        object.__setattr__(self, "scale", normal)
        object.__setattr__(self, "length", uniform)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws; ``()`` for a single one."""
        return np.broadcast_shapes(self.scale.shape[:-1], self.length.shape[:-1])


Law: TypeAlias = Normal | Uniform | Mixed


@dataclass(frozen=True)
class Spread:
    """A law spread out over n parameters: ``scales`` (..., n), the first ``normals`` of them standard deviations.

    What the formulas are made of. ``uniform`` is the number of uniform parameters, which come last.
    """

    scales: npt.NDArray[np.float64]
    normals: int

    @property
    def parameters(self) -> int:
        """Number of parameters n."""
        return int(self.scales.shape[-1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.scales.shape[:-1]

    def deviations(self) -> npt.NDArray[np.float64]:
        r"""Standard deviations :math:`\tilde\sigma_j` (3.22): a uniform parameter has L_j / sqrt(12)."""
        result = self.scales.copy()
        result[..., self.normals :] /= np.sqrt(12.0)
        return result

    def mean_abs(self) -> npt.NDArray[np.float64]:
        r"""Mean absolute values: :math:`\sigma_j\sqrt{2/\pi}` (3.27) and L_j / 4 (3.31)."""
        result = self.scales.copy()
        result[..., : self.normals] *= np.sqrt(2.0 / np.pi)
        result[..., self.normals :] /= 4.0
        return result


def spread(law: Any, parameters: int) -> Spread:
    """Spread `law` over `parameters` parameters of a linear system, or say why it does not fit."""
    if isinstance(law, Mixed):
        k, rest = law.scale.shape[-1], law.length.shape[-1]
        if k + rest != parameters:
            raise ValueError(
                f"law must describe the system's {parameters} parameters (an intercept is the last), got "
                f"{k} normal + {rest} uniform."
            )
        parts = [np.broadcast_to(part, (*law.batch_shape, part.shape[-1])) for part in (law.scale, law.length)]
        return Spread(np.concatenate(parts, axis=-1), k)
    if not isinstance(law, (Normal, Uniform)):
        remedy = "; laws with a gain are for networks" if hasattr(law, "gain") else ""
        raise TypeError(f"law must be Normal, Uniform or Mixed, got {law!r}{remedy}.")
    scales = law.scale if isinstance(law, Normal) else law.length
    if scales.ndim and scales.shape[-1] not in (1, parameters):
        raise ValueError(
            f"law must have 1 or {parameters} scales on its last axis, one for each parameter of the system (an "
            f"intercept is the last), got shape {scales.shape}; a batch of laws goes on leading axes, e.g. "
            "scale[:, None]."
        )
    full = np.ascontiguousarray(np.broadcast_to(scales, (*scales.shape[:-1], parameters)))
    return Spread(full, parameters if isinstance(law, Normal) else 0)


def logarithms(scales: npt.NDArray[np.float64], resolution: float) -> npt.NDArray[np.float64]:
    r"""Logarithms :math:`\ln(\sigma_j / \varepsilon)`, of quotients that leave the range of a double as well."""
    with np.errstate(over="ignore", under="ignore"):
        quotients = scales / resolution
    inside = (quotients > np.finfo(float).tiny) & np.isfinite(quotients)
    result: npt.NDArray[np.float64] = np.log(quotients, out=np.empty_like(quotients), where=inside)
    if not inside.all():
        result[~inside] = np.log(scales[~inside]) - np.log(resolution)
    return result
