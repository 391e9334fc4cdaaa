"""Laws (distributions) of the random initial parameters of the paper: independent, of zero mean, normal or uniform.

A law is independent of the number of parameters: a single scale applies to all of them, an array has one for each along
its last axis. Leading axes are a batch of laws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import BatchShape, validate
from pyrometer.laws._families import NORMAL, UNIFORM, Family
from pyrometer.results import Described

__all__ = ["WHY_SCALE", "Mixed", "Normal", "OfOneLaw", "Segments", "Uniform"]

Segments: TypeAlias = tuple[tuple[Family, npt.NDArray[np.float64]], ...]

OfOneLaw: TypeAlias = float | Sequence[float]
"""Scalars, which type checkers take for a single law, not a batch."""

WHY_SCALE = "a constant parameter has no differential entropy; use pm.Constant(value) for it."


@dataclass(frozen=True, eq=False, repr=False)
class Normal(Described, Generic[BatchShape]):
    r"""Independent normal parameters, :math:`\theta_j \sim N(0, \sigma_j^2)`.

    Parameters
    ----------
    scale : float or array_like, shape (..., n) or (..., 1)
        Standard deviations :math:`\sigma_j`, finite and > 0. The last axis is the parameters, the intercept last; a
        size of 1 applies to all of them. Leading axes are a batch of laws, and results have that shape.

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

    @overload
    def __init__(self: Normal[tuple[()]], scale: OfOneLaw) -> None: ...
    @overload
    def __init__(self: Normal[tuple[int, ...]], scale: npt.ArrayLike) -> None: ...
    def __init__(self, scale: npt.ArrayLike) -> None:
        object.__setattr__(self, "scale", validate.positive("scale", scale, WHY_SCALE))

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", self.scale.shape[:-1])

    @property
    def segments(self) -> Segments:
        """Scales by family."""
        return ((NORMAL, self.scale),)


@dataclass(frozen=True, eq=False, repr=False)
class Uniform(Described, Generic[BatchShape]):
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

    @overload
    def __init__(self: Uniform[tuple[()]], length: OfOneLaw) -> None: ...
    @overload
    def __init__(self: Uniform[tuple[int, ...]], length: npt.ArrayLike) -> None: ...
    def __init__(self, length: npt.ArrayLike) -> None:
        object.__setattr__(self, "length", validate.positive("length", length, WHY_SCALE))

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", self.length.shape[:-1])

    @property
    def segments(self) -> Segments:
        """Scales by family."""
        return ((UNIFORM, self.length),)


@dataclass(frozen=True, eq=False, repr=False)
class Mixed(Described, Generic[BatchShape]):
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

    @overload
    def __init__(self: Mixed[tuple[()]], scale: OfOneLaw, length: OfOneLaw) -> None: ...
    @overload
    def __init__(self: Mixed[tuple[int, ...]], scale: npt.ArrayLike, length: npt.ArrayLike) -> None: ...
    def __init__(self, scale: npt.ArrayLike, length: npt.ArrayLike) -> None:
        normal = np.atleast_1d(validate.positive("scale", scale, WHY_SCALE))
        uniform = np.atleast_1d(validate.positive("length", length, WHY_SCALE))
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
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", np.broadcast_shapes(self.scale.shape[:-1], self.length.shape[:-1]))

    @property
    def segments(self) -> Segments:
        """Scales by family, in the order of the parameters."""
        return ((NORMAL, self.scale), (UNIFORM, self.length))
