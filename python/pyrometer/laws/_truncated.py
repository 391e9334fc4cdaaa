"""Laws of truncated normal parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, cast, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import BatchShape, validate
from pyrometer.laws._families import truncated_normal
from pyrometer.laws._independent import WHY_SCALE, OfOneLaw, Segments
from pyrometer.results import Described

__all__ = ["TruncatedNormal"]

# Squares of smaller ones underflow.
_LEAST_BOUND = 1e-150


@dataclass(frozen=True, eq=False, repr=False)
class TruncatedNormal(Described, Generic[BatchShape]):
    r"""Independent normal parameters truncated at a multiple of their scale; not in the paper.

    :math:`\theta_j \sim N(0, \tau_j^2)` on :math:`[-b\tau_j, b\tau_j]`, with density proportional to that of the normal
    law there and 0 elsewhere.

    Parameters
    ----------
    scale : float or array_like, shape (..., n) or (..., 1)
        Standard deviations :math:`\tau_j` of the normal laws before they are truncated, finite and > 0, as in Keras'
        ``TruncatedNormal``, ``torch.nn.init.trunc_normal_`` and ``scipy.stats.truncnorm``; axes as in `Normal`. The
        standard deviations after it are `deviation`: 0.8796 of the scale at the default bound.
    bound : float
        The bound b, finite and at least 1e-150, in units of the scale. A small one gives a uniform law of length
        :math:`2b\tau_j`, 9 or more a normal law in double precision.

    Raises
    ------
    ValueError
        If an argument is out of range, or a standard deviation underflows.

    Notes
    -----
    With :math:`Z = \operatorname{erf}(b/\sqrt2)` and the density :math:`\phi` of the standard normal law: variance
    :math:`\tau^2(1 - 2b\phi(b)/Z)`, entropy :math:`\ln(\tau\sqrt{2\pi e}\,Z) - b\phi(b)/Z`, mean absolute value
    :math:`2\tau(\phi(0) - \phi(b))/Z`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> law = pm.TruncatedNormal(2.0)
    >>> round(float(law.deviation), 6)
    1.759251
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> round(pm.entropy(system, law), 6)
    3.904777
    """

    scale: npt.NDArray[np.float64]
    bound: float

    @overload
    def __init__(self: TruncatedNormal[tuple[()]], scale: OfOneLaw, bound: float = 2.0) -> None: ...
    @overload
    def __init__(self: TruncatedNormal[tuple[int, ...]], scale: npt.ArrayLike, bound: float = 2.0) -> None: ...
    def __init__(self, scale: npt.ArrayLike, bound: float = 2.0) -> None:
        scales = validate.positive("scale", scale, WHY_SCALE)
        limit = validate.single("bound", bound, minimum=_LEAST_BOUND)
        if float(scales.min()) / truncated_normal(limit).ratio < np.finfo(float).tiny:
            raise ValueError(
                "scale and bound must give standard deviations above 2.2e-308, got an underflow for a scale of "
                f"{float(scales.min())!r} and bound={limit!r}; use a larger scale or bound."
            )
        object.__setattr__(self, "scale", scales)
        object.__setattr__(self, "bound", limit)

    @property
    def deviation(self) -> npt.NDArray[np.float64]:
        """Standard deviations of the parameters, of the shape of `scale`."""
        return np.asarray(self.scale / truncated_normal(self.bound).ratio)

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", self.scale.shape[:-1])

    @property
    def segments(self) -> Segments:
        """Scales by family."""
        return ((truncated_normal(self.bound), self.scale),)
