"""Parameters that are not random, and laws of several kinds of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import BatchShape, described, validate
from pyrometer.laws._families import CONSTANT
from pyrometer.laws._independent import Mixed, Normal, OfOneLaw, Segments, Uniform
from pyrometer.laws._names import LINEAR_CALLS, not_a_law
from pyrometer.laws._truncated import TruncatedNormal
from pyrometer.results import Described

__all__ = ["Constant", "Independent", "Law"]


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Described, Generic[BatchShape]):
    r"""Parameters that start at a given value, the same in every draw, and are trained; not in the paper.

    They count for the minimum energy :math:`E^*` and, with their value, for the mean energy, but not for the number of
    random parameters and the entropy of the law. A law without random parameters has no entropy, and its temperature is
    undefined.

    Parameters
    ----------
    value : float or array_like, shape (..., n) or (..., 1)
        Values of the parameters, finite; axes as in `Normal`.

    Examples
    --------
    An intercept that starts at 0:

    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> law = pm.Independent([pm.Normal(1.0), pm.Constant(0.0)])
    >>> round(pm.entropy(system, law), 6)               # of the slope alone
    1.418939
    >>> pm.temperature(system, pm.Constant(0.0)).verdict
    'undefined'
    """

    value: npt.NDArray[np.float64]

    @overload
    def __init__(self: Constant[tuple[()]], value: OfOneLaw = 0.0) -> None: ...
    @overload
    def __init__(self: Constant[tuple[int, ...]], value: npt.ArrayLike = 0.0) -> None: ...
    def __init__(self, value: npt.ArrayLike = 0.0) -> None:
        object.__setattr__(self, "value", validate.any_finite("value", value))

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", self.value.shape[:-1])

    @property
    def segments(self) -> Segments:
        """Values by family."""
        return ((CONSTANT, self.value),)


_OneLaw: TypeAlias = (
    Normal[tuple[()]]
    | Uniform[tuple[()]]
    | Mixed[tuple[()]]
    | TruncatedNormal[tuple[()]]
    | Constant[tuple[()]]
    | "Independent[tuple[()]]"
)


@dataclass(frozen=True, eq=False, repr=False)
class Independent(Described, Generic[BatchShape]):
    r"""Independent parameters of several kinds, in the order of the parameters; not in the paper.

    Parameters
    ----------
    laws : sequence of laws
        One law for each run of consecutive parameters, the intercept last. Each describes as many parameters as the
        last axis of its scales has; a single number describes one. Leading axes broadcast to the batch of laws. `Mixed`
        is the special case of normal parameters before uniform ones.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0, 2.0], [2.0, 0.0], [4.0, 1.0]], [1.0, 2.0, 3.0])
    >>> law = pm.Independent([pm.Uniform(6.0), pm.TruncatedNormal(2.0), pm.Constant(0.5)])
    >>> round(pm.mean_energy(system, law).value, 6)
    29.074942
    """

    laws: tuple[Any, ...]

    @overload
    def __init__(self: Independent[tuple[()]], laws: Sequence[_OneLaw]) -> None: ...
    @overload
    def __init__(self: Independent[tuple[int, ...]], laws: Sequence[Law]) -> None: ...
    def __init__(self, laws: Sequence[Any]) -> None:
        if isinstance(laws, (str, bytes)) or not isinstance(laws, Sequence):
            raise TypeError(
                f"laws must be a sequence of laws, one for each run of parameters, got {described(laws)}; use such as "
                "pm.Independent([pm.Normal(1.0), pm.Constant(0.0)])."
            )
        if not laws:
            raise ValueError("laws must have at least one law, got none.")
        for law in laws:
            if isinstance(law, type) or not hasattr(law, "segments"):
                raise not_a_law("each of laws", law, LINEAR_CALLS)
        shapes = [law.batch_shape for law in laws]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"laws must have batches that broadcast, got batch shapes {shapes}.") from None
        object.__setattr__(self, "laws", tuple(laws))

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", np.broadcast_shapes(*(law.batch_shape for law in self.laws)))

    @property
    def segments(self) -> Segments:
        """Scales by family, in the order of the parameters."""
        return tuple((family, np.atleast_1d(scales)) for law in self.laws for family, scales in law.segments)


Law: TypeAlias = Normal | Uniform | Mixed | TruncatedNormal | Constant | Independent
