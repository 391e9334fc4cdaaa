"""Laws of the layers of a network, whose scales depend on fan-in and fan-out.

Names and variances are those of Keras, whose normal laws are truncated. A network also accepts `Normal`, `Uniform` and
`TruncatedNormal`, with one scale for each layer, and `Layers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, cast, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, BatchShape, validate
from pyrometer.laws import NORMAL, UNIFORM, WHY_SCALE, Family, truncated_normal
from pyrometer.results import Described

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Scaled",
    "TorchLinear",
]


# Where the normal laws of Keras are truncated, in units of their scale before that.
_BOUND = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Described, Generic[BatchShape]):
    """Variance ``gain^2 _variance / fan``, the fan being the fan-in or the mean of fan-in and fan-out."""

    gain: Array
    _variance: ClassVar[float]
    _average: ClassVar[bool] = False
    _uniform: ClassVar[bool] = False

    def __init__(self, gain: npt.ArrayLike) -> None:
        object.__setattr__(self, "gain", validate.positive("gain", gain, WHY_SCALE))

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", self.gain.shape)

    @property
    def family(self) -> Family:
        """Family of the parameters."""
        return UNIFORM if self._uniform else NORMAL

    def width(self) -> Array:
        """Return the scale of a layer with fan 1: a standard deviation, or the length of an interval."""
        with np.errstate(over="ignore"):  # `layers` raises for an overflow
            width: Array = self.gain * np.sqrt(self._variance * self.family.precision)
        return width

    def fan(self, fan_in: Array, fan_out: Array) -> Array:
        """Return the fan of layers."""
        return 0.5 * (fan_in + fan_out) if self._average else fan_in


@dataclass(frozen=True, eq=False, repr=False)
class ScaledNormal(Scaled[BatchShape]):
    """The same for normal parameters, or with `truncated` for normal parameters truncated at two scales."""

    truncated: bool = False

    def __init__(self, gain: npt.ArrayLike, truncated: bool) -> None:
        super().__init__(gain)
        object.__setattr__(self, "truncated", validate.flag("truncated", truncated))

    @property
    def family(self) -> Family:
        """Family of the parameters."""
        return truncated_normal(_BOUND) if self.truncated else NORMAL


class LecunNormal(ScaledNormal[BatchShape]):
    r"""Normal layers of variance :math:`g^2/n_{l-1}`: the scaling :math:`\sigma_l = \sigma/\sqrt{n_{l-1}}` of (5.32).

    Biases, if any, have the scale of their layer; `Layers` gives them a law of their own.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0, which is :math:`\sigma` of (5.32). An array is a batch of laws.
    truncated : bool
        Whether the law is that of Keras and of Flax (not in the paper): of the same variance, but normal of standard
        deviation :math:`\tau = \sigma_l/0.87962566` truncated at :math:`\pm2\tau`. Its entropy is 0.0314384 lower for
        each parameter.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.LecunNormal([1.0, 10.0, 100.0]).batch_shape
    (3,)
    >>> network = pm.Network([[1.0]], hidden=(), outputs=1)
    >>> round(pm.entropy(network, pm.LecunNormal(truncated=True)), 10)
    1.3875001199
    """

    _variance = 1.0

    @overload
    def __init__(self: LecunNormal[tuple[()]], gain: float = 1.0, truncated: bool = False) -> None: ...
    @overload
    def __init__(self: LecunNormal[tuple[int, ...]], gain: npt.ArrayLike, truncated: bool = False) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0, truncated: bool = False) -> None:
        super().__init__(gain, truncated)


class HeNormal(ScaledNormal[BatchShape]):
    r"""Normal layers of variance :math:`2g^2/n_{l-1}`, which preserves the energy of units of ReLU networks.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.
    truncated : bool
        As in `LecunNormal`: ``pm.Layers(pm.HeNormal(truncated=True))`` is "he_normal" of Keras, with its zero biases.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 64], hidden=(256, 256), outputs=10, activation="relu")
    >>> round(pm.mean_energy(network, pm.HeNormal()).value, 12)        # 2 n_L for inputs of mean square 1
    20.0
    """

    _variance = 2.0

    @overload
    def __init__(self: HeNormal[tuple[()]], gain: float = 1.0, truncated: bool = False) -> None: ...
    @overload
    def __init__(self: HeNormal[tuple[int, ...]], gain: npt.ArrayLike, truncated: bool = False) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0, truncated: bool = False) -> None:
        super().__init__(gain, truncated)


class GlorotNormal(ScaledNormal[BatchShape]):
    r"""Normal layers of variance :math:`2g^2/(n_{l-1} + n_l)`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.
    truncated : bool
        As in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 16], hidden=(), outputs=16)
    >>> round(pm.mean_energy(network, pm.GlorotNormal()).value, 12)
    16.0
    """

    _variance = 1.0
    _average = True

    @overload
    def __init__(self: GlorotNormal[tuple[()]], gain: float = 1.0, truncated: bool = False) -> None: ...
    @overload
    def __init__(self: GlorotNormal[tuple[int, ...]], gain: npt.ArrayLike, truncated: bool = False) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0, truncated: bool = False) -> None:
        super().__init__(gain, truncated)


class LecunUniform(Scaled[BatchShape]):
    r"""Uniform layers of variance :math:`g^2/n_{l-1}`: :math:`U[-\sqrt3, \sqrt3]\,g/\sqrt{n_{l-1}}`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 12], hidden=(), outputs=1)      # intervals of length 1
    >>> abs(pm.entropy(network, pm.LecunUniform())) < 1e-12
    True
    """

    _variance = 1.0
    _uniform = True

    @overload
    def __init__(self: LecunUniform[tuple[()]], gain: float = 1.0) -> None: ...
    @overload
    def __init__(self: LecunUniform[tuple[int, ...]], gain: npt.ArrayLike) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0) -> None:
        super().__init__(gain)


class HeUniform(Scaled[BatchShape]):
    r"""Uniform layers of variance :math:`2g^2/n_{l-1}`: :math:`U[-\sqrt6, \sqrt6]\,g/\sqrt{n_{l-1}}`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 24], hidden=(), outputs=1)      # intervals of length 1
    >>> abs(pm.entropy(network, pm.HeUniform())) < 1e-12
    True
    """

    _variance = 2.0
    _uniform = True

    @overload
    def __init__(self: HeUniform[tuple[()]], gain: float = 1.0) -> None: ...
    @overload
    def __init__(self: HeUniform[tuple[int, ...]], gain: npt.ArrayLike) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0) -> None:
        super().__init__(gain)


class GlorotUniform(Scaled[BatchShape]):
    r"""Uniform layers of variance :math:`2g^2/(n_{l-1} + n_l)`: :math:`U[-\sqrt6, \sqrt6]\,g/\sqrt{n_{l-1} + n_l}`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 12], hidden=(), outputs=12)     # intervals of length 1
    >>> abs(pm.entropy(network, pm.GlorotUniform())) < 1e-12
    True
    """

    _variance = 1.0
    _average = True
    _uniform = True

    @overload
    def __init__(self: GlorotUniform[tuple[()]], gain: float = 1.0) -> None: ...
    @overload
    def __init__(self: GlorotUniform[tuple[int, ...]], gain: npt.ArrayLike) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0) -> None:
        super().__init__(gain)


class TorchLinear(Scaled[tuple[()]]):
    r"""PyTorch's default for linear layers: weights and biases in :math:`U[-1, 1]/\sqrt{n_{l-1}}`.

    The variance is :math:`1/(3n_{l-1})`; the entropy is negative for a fan-in above 4.

    Attributes
    ----------
    gain : ndarray, shape ()
        Always 1.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 4], hidden=(), outputs=3, bias=True)
    >>> pm.entropy(network, pm.TorchLinear())
    0.0
    """

    _variance = 1.0 / 3.0
    _uniform = True

    def __init__(self) -> None:
        super().__init__(1.0)

    def __repr__(self) -> str:
        return "TorchLinear()"
